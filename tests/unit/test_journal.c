/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "setup/journal.h"
#include "test.h"

#define RUN_LINE "{\"run\":1,\"version\":\"0\",\"time\":\"t\",\"options\":{\"targets\":[]}}\n"
#define OP "\"op\":{\"kind\":\"write-file\",\"step\":\"s\",\"path\":\"/a\",\"text\":\"x\"}"
#define BEGIN "{\"begin\":1," OP ",\"before\":{\"made\":[]}}\n"

struct folder {
	char path[32];
	int fd;
};

static void folder_make(struct folder *f)
{
	memcpy(f->path, "/tmp/dlenv-journal-XXXXXX", sizeof("/tmp/dlenv-journal-XXXXXX"));
	assert_non_null(mkdtemp(f->path));
	f->fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(f->fd >= 0);
}

static void folder_remove(struct folder *f)
{
	struct err e = {0};

	fd_closep(&f->fd);
	assert_int_equal(tree_remove(AT_FDCWD, f->path, &e), 0);
}

static void put(const struct folder *f, const char *text)
{
	struct err e = {0};

	assert_int_equal(file_write(f->fd, "journal", text, strlen(text), 0600, 0, &e), 0);
}

static char *get(const struct folder *f)
{
	char *text = NULL;
	struct err e = {0};

	assert_int_equal(file_read(f->fd, "journal", 1 << 20, &text, NULL, &e), 0);
	return text;
}

TEST(what_is_added_is_read_again)
{
	CLEANUP(journal_close) struct journal j = {.fd = -1};
	CLEANUP(journal_close) struct journal again = {.fd = -1};
	struct folder f;
	struct err e = {0};

	folder_make(&f);
	assert_int_equal(journal_open(&j, f.fd, true, &e), 0);
	assert_int_equal(journal_add(&j, json_pack("{s:i, s:{}}", "run", 1, "options"), &e), 0);
	assert_int_equal(journal_add(&j,
				     json_pack("{s:i, s:{s:s, s:s, s:s, s:s}}", "begin", 1, "op",
					       "kind", "write-file", "step", "s", "path", "/a",
					       "text", "two\nlines"),
				     &e),
			 0);
	assert_int_equal(journal_add(&j, json_pack("{s:i}", "end", 1), &e), 0);
	assert_int_equal(journal_add(&j, json_pack("{s:s}", "paused", "reboot"), &e), 0);

	assert_int_equal(journal_open(&again, f.fd, false, &e), 0);
	assert_int_equal(again.n, 1);
	assert_string_equal(again.v[0].op.text, "two\nlines");
	assert_true(again.v[0].ended && !again.v[0].open && again.unfinished);
	assert_string_equal(again.paused, "reboot");
	assert_int_equal(journal_add(&j, json_pack("{s:i}", "finished", 1), &e), 0);
	assert_false(j.unfinished);
	assert_null(j.paused);
	folder_remove(&f);
}

TEST(a_torn_end_is_cut_off_so_that_the_next_line_stands_alone)
{
	static const char *const ends[] = {"{\"end\":1", "{\"end\":1}", "{\"end\":1\n", "\n\n{",
					   "x"};

	for (size_t i = 0; i < COUNT(ends); i++) {
		CLEANUP(journal_close) struct journal j = {.fd = -1};
		CLEANUP(freep) char *text = str_fmt("%s%s%s", RUN_LINE, BEGIN, ends[i]);
		CLEANUP(freep) char *now = NULL;
		struct folder f;
		struct err e = {0};

		folder_make(&f);
		put(&f, text);
		if (journal_open(&j, f.fd, true, &e) < 0)
			fail_msg("%s: %s", ends[i], e.msg);
		assert_int_equal(j.n, 1);
		assert_true(j.v[0].open);
		assert_int_equal(journal_add(&j, json_pack("{s:i}", "undone", 1), &e), 0);
		now = get(&f);
		assert_true(str_ends(now, "}\n{\"undone\":1}\n") ||
			    str_ends(now, "\n\n{\"undone\":1}\n"));
		folder_remove(&f);
	}
}

TEST(a_journal_that_is_only_read_is_left_as_it_is)
{
	CLEANUP(journal_close) struct journal j = {.fd = -1};
	CLEANUP(freep) char *now = NULL;
	struct folder f;
	struct err e = {0};

	folder_make(&f);
	put(&f, RUN_LINE "{\"torn");
	assert_int_equal(journal_open(&j, f.fd, false, &e), 0);
	now = get(&f);
	assert_string_equal(now, RUN_LINE "{\"torn");
	folder_remove(&f);
}

TEST(a_line_that_cannot_be_read_is_named)
{
	static const struct {
		const char *text, *msg;
	} rows[] = {
		{"x\n" RUN_LINE, "journal:1: "},
		{RUN_LINE "[]\n" RUN_LINE, "journal:2: it is no object"},
		{RUN_LINE BEGIN BEGIN RUN_LINE, "journal:3: the number of an operation"},
		{RUN_LINE "{\"end\":1}\n" RUN_LINE, "journal:2: it speaks of an operation"},
		{RUN_LINE "{\"undone\":7}\n" RUN_LINE, "journal:2: it speaks of an operation"},
		{RUN_LINE "{\"begin\":0," OP "}\n" RUN_LINE, "journal:2: the number"},
		{RUN_LINE "{\"begin\":9999999," OP "}\n" RUN_LINE, "journal:2: the number"},
		{RUN_LINE "{\"begin\":1,\"op\":{\"kind\":\"fly\"}}\n" RUN_LINE, "journal:2: "},
		{RUN_LINE "{\"begin\":1}\n" RUN_LINE, "journal:2: "},
		{RUN_LINE "{\"paused\":\"lunch\"}\n" RUN_LINE, "journal:2: a run is paused"},
		{"{\"run\":1}\n" RUN_LINE, "journal:1: a run has no number"},
		{"{\"run\":1,\"run\":2}\n" RUN_LINE, "journal:1: "},
		{RUN_LINE "{\"new\":1}\n" RUN_LINE, "journal:2: it is a kind of line"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(journal_close) struct journal j = {.fd = -1};
		struct err e = {0};

		if (journal_read(&j, rows[i].text, strlen(rows[i].text), &e) != -ERR_PARSE)
			fail_msg("row %zu is taken", i);
		if (!str_starts(e.msg, rows[i].msg))
			fail_msg("row %zu: %s", i, e.msg);
		assert_true(e.hint[0]);
	}
}

TEST(of_a_failed_operation_it_is_known_whether_its_outcome_is)
{
	static const char install[] =
		RUN_LINE "{\"begin\":1,\"op\":{\"kind\":\"install\",\"step\":\"s\",\"choices\":"
			 "[[\"a\"]]}}\n";
	static const struct {
		const char *line;
		bool open, after;
	} rows[] = {
		{"", true, false},
		{"{\"failed\":1,\"error\":\"no\"}\n", true, false},
		{"{\"failed\":1,\"error\":\"no\",\"after\":null}\n", false, false},
		{"{\"failed\":1,\"error\":\"no\",\"after\":{\"added\":[]}}\n", false, true},
		{"{\"end\":1,\"after\":{\"added\":[]}}\n", false, true},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(journal_close) struct journal j = {.fd = -1};
		CLEANUP(freep) char *text = str_fmt("%s%s", install, rows[i].line);
		struct err e = {0};

		if (journal_read(&j, text, strlen(text), &e) < 0)
			fail_msg("%s", e.msg);
		assert_int_equal(j.v[0].open, rows[i].open);
		assert_int_equal(j.v[0].after != NULL, rows[i].after);
	}
}

RUN(IT(what_is_added_is_read_again), IT(a_torn_end_is_cut_off_so_that_the_next_line_stands_alone),
    IT(a_journal_that_is_only_read_is_left_as_it_is), IT(a_line_that_cannot_be_read_is_named),
    IT(of_a_failed_operation_it_is_known_whether_its_outcome_is))
