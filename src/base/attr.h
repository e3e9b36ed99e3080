/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#define FORMAT(fmt, args) __attribute__((format(printf, fmt, args)))
#define FORMAT_ARG(n) __attribute__((format_arg(n)))
#define MUST_USE __attribute__((warn_unused_result))
#define NORETURN __attribute__((noreturn))
#define UNUSED __attribute__((unused))

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A handle is declared empty and runs its destructor when its block ends. */
#define CLEANUP(destructor) __attribute__((cleanup(destructor)))

/* Hand a handle on: its value, and the variable becomes empty (-1 or NULL). */
#define TAKE(handle)                                                                               \
	({                                                                                         \
		__typeof__(handle) taken_ = (handle);                                              \
		(handle) = _Generic((handle), int : -1, default : NULL);                           \
		taken_;                                                                            \
	})
