/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/doc.h"
#include "base/err.h"

/* "RLIMIT_NOFILE" is RLIMIT_NOFILE; -1: there is none of that name. */
int rlimit_number(const char *name);

/*
 * Set process.rlimits (struct spec_rlimit). What the caller may not raise is
 * lowered to what it may have, and warn is told once for each: never a failure.
 */
int rlimits_set(const struct doc_list *limits, void (*warn)(void *arg, const char *text), void *arg,
		struct err *e) MUST_USE;
