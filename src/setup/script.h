/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/str.h"

struct executor;

/* --script: the plan as shell that people can read. Inside setup/ only. */
struct script {
	struct buf text;
	struct executor *x;
};

/* A word as shell takes it, quoted only where it must be. */
void script_word(struct script *s, const char *word);
/* A command from an argument vector, then a newline. */
void script_line(struct script *s, const char *const *argv);
