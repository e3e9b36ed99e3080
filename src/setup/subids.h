/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/attr.h"

/* The texts of /etc/subuid and /etc/subgid: NAME:START:COUNT. Inside setup/ only. */

enum { SUBIDS_N = 65536 };

/* The first id of a range that nobody has in either text; 0: there is none. */
uint32_t subids_free(const char *uids, const char *gids);
/* The text with one line more, and without one line. The latter is NULL when it has no such. */
char *subids_add(const char *text, const char *line) MUST_USE;
char *subids_remove(const char *text, const char *line) MUST_USE;
