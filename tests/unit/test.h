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
