/* SPDX-License-Identifier: Apache-2.0 */
#include "setup/subids.h"

#include "base/mem.h"
#include "base/str.h"
#include "setup/mok.h"
#include "test.h"

TEST(a_free_range_runs_into_no_other_one)
{
	static const struct {
		const char *uids, *gids;
		uint32_t start;
	} rows[] = {
		{"", "", 100000},
		{"a:100000:65536\n", "a:100000:65536\n", 165536},
		/* only in one of both files */
		{"", "a:100000:65536\n", 165536},
		{"a:165536:65536\n", "", 100000},
		/* the end of one lies in it, or its beginning, or all of it */
		{"a:99999:2\n", "", 100001},
		{"a:165535:1\n", "", 165536},
		{"a:120000:10\n", "", 120010},
		{"a:0:4294967295\n", "", 0},
		/* a hole that is too small, then one that is not */
		{"a:100000:10\nb:100020:10\nc:200000:10\n", "", 100030},
		/* no end of line, notes, nonsense */
		{"# ids\na:100000:65536", "garbage\n:\na:b:c\na:1:0\n", 165536},
		{"a:100000:65536 \r\n", "", 165536},
		/* the user's own of the other file, unless it is too small or somebody has it here
		 */
		{"", "u:300000:65536\n", 300000},
		{"", "u:100000:10\n", 100010},
		{"a:300000:1\n", "u:300000:65536\n", 100000},
		{"", "user:300000:65536\n", 100000},
		{"a:100000:600000001\n", "", 0},
		{"a:100000:500000001\n", "a:600100001:65536\n", 500100001},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (subids_free(rows[i].uids, rows[i].gids, "u") != rows[i].start)
			fail_msg("row %zu: %u", i, subids_free(rows[i].uids, rows[i].gids, "u"));
}

TEST(a_line_that_is_added_can_be_taken_away_again)
{
	static const char *const texts[] = {"", "a:1:2\n", "a:1:2", "\n\n",
					    "a:1:2\nu:100000:655\n"};
	static const char line[] = "u:100000:65536";

	for (size_t i = 0; i < COUNT(texts); i++) {
		CLEANUP(freep) char *more = subids_add(texts[i], line);
		CLEANUP(freep) char *back = subids_remove(more, line);
		CLEANUP(freep) char *none = subids_remove(texts[i], line);

		assert_true(str_ends(more, "u:100000:65536\n"));
		assert_non_null(back);
		assert_true(str_starts(back, texts[i]));
		assert_true(strlen(back) <= strlen(texts[i]) + 1);
		assert_null(none);
	}
}

TEST(what_mokutil_says_of_a_key_is_taken_by_its_words)
{
	/* As mokutil 0.6 and 0.7 print it; the exit status is 1 both when it is enrolled and waits.
	 */
	static const struct {
		const char *words;
		enum mok_state state;
	} rows[] = {
		{"/var/lib/dkms/mok.pub is not enrolled\n", MOK_ABSENT},
		{"/var/lib/dkms/mok.pub is already enrolled\n", MOK_ENROLLED},
		{"/var/lib/dkms/mok.pub is already in the enrollment request\n", MOK_PENDING},
		{"/x.der is already in the built-in trusted keyring\n", MOK_ENROLLED},
		{"EFI variables are not supported on this system\n", MOK_UNKNOWN},
		{"Failed to open /x.der\n", MOK_UNKNOWN},
		{"", MOK_UNKNOWN},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (mok_state_of(rows[i].words) != rows[i].state)
			fail_msg("%s", rows[i].words);
}

RUN(IT(a_free_range_runs_into_no_other_one), IT(a_line_that_is_added_can_be_taken_away_again),
    IT(what_mokutil_says_of_a_key_is_taken_by_its_words))
