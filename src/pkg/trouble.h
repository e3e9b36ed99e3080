/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* What went wrong with a package manager, by the lines that it printed. Begins as {0}. */
struct pkg_trouble {
	size_t rank; /* 0: nothing was matched yet */
	char line[256];
	char last[256]; /* the last line at all */
};

void pkg_trouble_line(struct pkg_trouble *t, const char *line);
/* The code of the line that explains most, ERR_OK: none. */
enum err_code pkg_trouble_code(const struct pkg_trouble *t);
/* It is about the key that signed a repository. */
bool pkg_trouble_is_key(const struct pkg_trouble *t);
/*
 * The error that the user can act on, with a hint. by_status: what the program's exit status
 * means; it counts where the lines know no more.
 */
int pkg_trouble_report(const struct pkg_trouble *t, const char *program, int status,
		       enum err_code by_status, struct err *e);
