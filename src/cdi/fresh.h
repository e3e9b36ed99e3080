/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/fs.h"
#include "cdi/generate.h"

/*
 * Specifications go stale: the driver is updated, MIG is changed, a card moves. What we write says
 * what it was made from (nvidia_fingerprint) in a comment on its first line, or for JSON, which has
 * none, in a file PATH.made beside it, which no CDI reader looks at.
 */

enum fresh { FRESH, STALE, FRESH_UNKNOWN /* not made by dlenv */, FRESH_ABSENT };

/* Compare. Reads the file's first line and the fingerprint, nothing else. */
enum fresh cdi_fresh(const struct root *machine, const char *path);

/*
 * The first file that a specification needs and the machine lacks, or NULL. Those of other programs
 * are not said to be stale otherwise.
 */
const char *cdi_missing(const struct root *machine, const struct cdi_spec *s);

/* Write a specification atomically with its fingerprint; mode 0644, folder made when missing. */
int cdi_fresh_write(const struct root *machine, const char *path, enum cdi_format f,
		    const struct cdi_spec *s, struct err *e) MUST_USE;
