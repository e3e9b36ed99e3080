/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include "base/mem.h"
#include "test.h"

TEST(sizes_are_powers_of_1024)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {{"0", 0},
		    {"7", 7},
		    {"1K", 1024},
		    {"8G", 8ULL << 30},
		    {"8GiB", 8ULL << 30},
		    {"64MB", 64 << 20},
		    {"3t", 3ULL << 40},
		    {"12B", 12}};
	static const char *const bad[] = {
		"", "G", "1X", "-1", "1 G", "1GG", "99999999999999999999", "99999999999T", "1.5G"};
	struct err e;

	for (size_t i = 0; i < COUNT(good); i++) {
		uint64_t got = 1;

		assert_int_equal(parse_size(good[i].text, &got, &e), 0);
		assert_int_equal(got, good[i].bytes);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		uint64_t got = 77;

		assert_int_equal(parse_size(bad[i], &got, &e), -ERR_PARSE);
		assert_int_equal(got, 77);
	}
}

TEST(numbers_have_no_sign_space_or_rest)
{
	static const char *const bad[] = {"",	"-1", "+1",	    " 1",
					  "1 ", "1a", "4294967296", "18446744073709551616"};
	struct err e;
	uint64_t got = 5;

	assert_int_equal(parse_uint("4294967295", UINT32_MAX, "id", &got, &e), 0);
	assert_int_equal(got, 4294967295U);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(parse_uint(bad[i], UINT32_MAX, "id", &got, &e), -ERR_PARSE);
	assert_int_equal(got, 4294967295U);
}

TEST(decimals_have_at_most_one_point)
{
	static const char *const bad[] = {"",	".",   "1.2.3",		  "-1", "1e3", "1,5",
					  "1 ", "nan", "1234567890123456"};
	struct err e;
	double got = 7;

	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(parse_decimal(bad[i], "x", &got, &e), -ERR_PARSE);
	assert_true(got == 7);
	assert_int_equal(parse_decimal("1.5", "x", &got, &e), 0);
	assert_true(got == 1.5);
	assert_int_equal(parse_decimal("16", "x", &got, &e), 0);
	assert_true(got == 16);
	assert_int_equal(parse_decimal(".25", "x", &got, &e), 0);
	assert_true(got == 0.25);
}

TEST(chinese_letters_take_two_cells)
{
	assert_int_equal(str_width("dlenv"), 5);
	assert_int_equal(str_width("映像檔"), 6);
	assert_int_equal(str_width("é"), 1);
	assert_int_equal(str_width(""), 0);
}

TEST(distance_counts_edits)
{
	assert_int_equal(str_distance("preset", "preset"), 0);
	assert_int_equal(str_distance("prest", "preset"), 1);
	assert_int_equal(str_distance("", "abc"), 3);
	assert_int_equal(str_distance("kitten", "sitting"), 3);
}

TEST(a_bounded_buffer_says_that_it_is_full)
{
	struct buf b = {.max = 4};

	buf_str(&b, "abc");
	assert_false(b.full);
	buf_str(&b, "de");
	assert_true(b.full);
	assert_string_equal(b.data, "abcd");
	buf_fini(&b);
}

TEST(lists_stay_terminated_while_they_grow)
{
	struct strs l = {0};

	for (int i = 0; i < 100; i++) {
		strs_fmt(&l, "%d", i);
		assert_null(l.v[l.n]);
	}
	assert_true(strs_has(&l, "99"));
	assert_false(strs_has(&l, "100"));
	strs_fini(&l);
}

TEST(sizes_are_short_for_people)
{
	CLEANUP(freep) char *a = str_size(3113851290ULL);
	CLEANUP(freep) char *b = str_size(512);

	assert_string_equal(a, "2.9 GiB");
	assert_string_equal(b, "512 B");
}

TEST(a_word_of_a_list_is_a_whole_one)
{
	assert_true(str_list_has("apt dnf4 dnf5", ' ', "dnf4"));
	assert_true(str_list_has("a,b", ',', "b"));
	assert_false(str_list_has("apt dnf45", ' ', "dnf4"));
	assert_false(str_list_has("xdnf4", ' ', "dnf4"));
	assert_false(str_list_has("", ',', "a"));
}

RUN(IT(sizes_are_powers_of_1024), IT(numbers_have_no_sign_space_or_rest),
    IT(decimals_have_at_most_one_point), IT(chinese_letters_take_two_cells),
    IT(distance_counts_edits), IT(a_bounded_buffer_says_that_it_is_full),
    IT(lists_stay_terminated_while_they_grow), IT(sizes_are_short_for_people),
    IT(a_word_of_a_list_is_a_whole_one))
