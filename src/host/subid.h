/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/env.h"
#include "base/fs.h"

/* A range of subordinate ids (subuid(5), subgid(5)). */
struct subid {
	uint32_t start;
	uint32_t count;
};

/*
 * The user's largest range in /etc/subuid or /etc/subgid (file), by name or
 * number. ERR_PRIV with the command that grants one when there is none or when
 * it holds fewer than 65536 ids.
 */
int subid_find(const struct root *r, const char *file, const struct user *u, struct subid *ret,
	       struct err *e) MUST_USE;
