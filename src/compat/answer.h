/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "base/str.h"
#include "compat/solve.h"

/* An answer as people read it, and as JSON. */

enum answer_flags {
	ANSWER_REASONS = 1 << 0, /* with rules and facts: else the choices alone */
};

/* Lines, translated. What is in the way is always explained. */
void answer_text(const struct solve_answer *a, unsigned int flags, struct buf *ret);

/* {"fits", "parts", "driver_min", "notes", "conflict", "ways"}: the caller's. */
json_t *answer_json(const struct solve_answer *a) MUST_USE;

/* What excludes what, in one line: "NVIDIA ...: Blackwell ...; --cuda 12.4". The caller's. */
char *answer_conflict(const struct solve_answer *a) MUST_USE;
