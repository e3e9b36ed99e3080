/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/attr.h"

/* The texts of /etc/subuid and /etc/subgid: NAME:START:COUNT. Inside setup/ only. */

enum { SUBIDS_N = 65536 };

/*
 * The first id of a range for text that nobody has there nor in the other file's; 0: there is none.
 * The one that name has in the other file comes first: then both are the same.
 */
uint32_t subids_free(const char *text, const char *other, const char *name);
/* The text with one line more, and without one line. The latter is NULL when it has no such. */
char *subids_add(const char *text, const char *line) MUST_USE;
char *subids_remove(const char *text, const char *line) MUST_USE;
