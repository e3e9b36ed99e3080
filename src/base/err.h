/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/attr.h"

/*
 * Errors are values: a library fills a struct err and returns the negative
 * code; main prints it once. Formats are message identifiers: they are
 * translated here, so callers write plain English.
 */

enum err_code {
	ERR_OK = 0,
#define CODE(name, status, meaning) ERR_##name,
#include "base/codes.def"
#undef CODE
	ERR_COUNT,
};

struct err {
	enum err_code code;
	int sys; /* errno behind the failure, or 0 */
	char msg[512];
	char hint[256];
};

/* Each of these returns -code of *e after the call. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...) FORMAT(3, 4);
int err_sys(struct err *e, const char *fmt, ...) FORMAT(2, 3);
int err_wrap(struct err *e, const char *fmt, ...) FORMAT(2, 3);
int err_hint(struct err *e, const char *fmt, ...) FORMAT(2, 3);

/* The exit status that belongs to a code, and its meaning in English. */
int err_status(enum err_code code);
const char *err_meaning(enum err_code code);

/* Out of memory or a broken invariant: say so and abort. */
void err_bug(const char *fmt, ...) FORMAT(1, 2) NORETURN;
