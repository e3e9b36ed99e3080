/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/version.h"

TEST(versions_are_compared_part_by_part)
{
	static const struct {
		const char *a;
		const char *b;
		int order;
	} rows[] = {
		{"550.163.01", "550.163.1", 0},
		{"550.54", "550.163.01", -1},
		{"12.4", "12", 1},
		{"12.0", "12", 0},
		{"9.2", "12.1", -1},
		{"8.10", "8.9", 1},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct version a;
		struct version b;
		struct err e = {0};
		int order;

		assert_int_equal(version_parse(rows[i].a, "a", &a, &e), 0);
		assert_int_equal(version_parse(rows[i].b, "b", &b, &e), 0);
		order = version_compare(&a, &b);
		assert_int_equal((order > 0) - (order < 0), rows[i].order);
	}
}

TEST(what_is_not_a_version_is_refused)
{
	static const char *const rows[] = {"",	   "x",	   "1.",	  ".1",
					   "1..2", "1.2x", "99999999999", "1.2.3.4.5.6.7"};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct version v = {.n = 77};
		struct err e = {0};

		assert_int_equal(version_parse(rows[i], "version", &v, &e), -ERR_PARSE);
		assert_int_equal(v.n, 77);
	}
}

TEST(a_version_is_found_in_a_text)
{
	struct version v = version_in("podman version 4.3.1\n");

	assert_int_equal(v.n, 3);
	assert_int_equal(v.part[0], 4);
	assert_int_equal(v.part[2], 1);
	assert_int_equal(version_in("none").n, 0);
}

RUN(IT(versions_are_compared_part_by_part), IT(what_is_not_a_version_is_refused),
    IT(a_version_is_found_in_a_text))
