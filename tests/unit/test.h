/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* cmocka.h needs the four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

/* TEST(a_sentence) { ... }, then RUN(cmocka_unit_test(a_sentence), ...). */
#define TEST(sentence) static void sentence(void **state __attribute__((unused)))
#define RUN(...)                                                                                   \
	int main(void)                                                                             \
	{                                                                                          \
		const struct CMUnitTest tests[] = {__VA_ARGS__};                                   \
		return cmocka_run_group_tests(tests, NULL, NULL);                                  \
	}
#define IT(sentence) cmocka_unit_test(sentence)

/*
 * Leave a test here, with the reason on stderr: without it such a test cannot be told from one that
 * passed. need: the word by which DLENV_TEST_REQUIRE makes that a failure.
 */
#define SKIP_UNLESS(condition, need, why)                                                          \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			const char *must_ = getenv("DLENV_TEST_REQUIRE");                          \
			(void)fprintf(stderr, "skipped: %s\n", why);                               \
			assert_false(must_ &&strstr(must_, need));                                 \
			skip();                                                                    \
		}                                                                                  \
	} while (0)
