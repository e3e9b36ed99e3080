/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

/* Versions that are numbers with dots: drivers, CUDA, compute capabilities, engines. */

enum { VERSION_PARTS = 6 };

struct version {
	size_t n; /* 0: unknown */
	uint32_t part[VERSION_PARTS];
};

/* "550.163.01", and nothing else: ERR_PARSE otherwise. what names the value in the message. */
int version_parse(const char *s, const char *what, struct version *ret, struct err *e) MUST_USE;

/* The first number with dots in a text ("podman version 4.3.1"); n is 0 when there is none. */
struct version version_in(const char *s);

/* Part by part as numbers, a missing part counts as 0: below, equal to or above 0. */
int version_compare(const struct version *a, const struct version *b);
