/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/err.h"

/* Capabilities (capabilities(7)) by their OCI names, through system calls. */

/* "CAP_CHOWN" is 0 ...; -1: there is no such capability. */
int cap_number(const char *name);

/* Bit sets, bit n is capability n. */
struct caps {
	uint64_t effective;
	uint64_t permitted;
	uint64_t inheritable;
};

int caps_get(struct caps *ret, struct err *e) MUST_USE;
int caps_set(const struct caps *c, struct err *e) MUST_USE;

/* Make every permitted capability effective again, after setresuid(2). */
int caps_raise(struct err *e) MUST_USE;

/* Drop from the bounding set what is not in keep. */
int caps_bound(uint64_t keep, struct err *e) MUST_USE;

/* The ambient set; each must be permitted and inheritable. */
int caps_ambient(uint64_t set, struct err *e) MUST_USE;
