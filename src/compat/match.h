/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/version.h"

/* Lists of versions in the tables, and what they hold. */

/* "12.0-12.6,12.8": an end holds what begins with it (12.6.3). */
struct ranges {
	struct version_range {
		struct version low;
		struct version high;
	} * v;
	size_t n;
};

/* "5.0;6.0;12.0+PTX", or "7.5+" for all from there on. */
struct capabilities {
	struct version *v;
	size_t n;
	bool ptx;  /* the last one also as PTX */
	bool open; /* and all later ones */
};

bool ranges_hold(const struct ranges *r, const struct version *v);
/* v equals prefix as far as prefix goes: 12.4 holds 12.4.1. */
bool version_begins(const struct version *v, const struct version *prefix);
/* What is compiled for code runs on cc: the same major, minor not above. */
bool capability_runs(const struct version *code, const struct version *cc);
bool capabilities_hold(const struct capabilities *c, const struct version *cc);
