/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"

/* What we write is JSON: built with jansson, sorted, so that it diffs well. */

/* For CLEANUP(json_unrefp): gives up a json_t variable and leaves NULL behind. */
void json_unrefp(json_t **j);

/* Indented by two, keys sorted, with a newline at the end. The text is the caller's. */
char *json_text(const json_t *j) MUST_USE;

/* json_text into a file through file_write (flags: enum file_flags). */
int json_write_file(int dir, const char *path, const json_t *j, mode_t mode, unsigned int flags,
		    struct err *e) MUST_USE;
