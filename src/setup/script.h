/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/mem.h"
#include "base/str.h"
#include "pkg/pkg.h"

struct executor;

/*
 * --script: the plan as shell that people can read. A kind's script() adds lines; functions of
 * script_functions.c may be used in them (add a row there for a new one): those whose names occur
 * are put at the script's beginning. Inside setup/ only.
 */
struct script {
	struct buf text;
	struct executor *x;
};

/* A command from an argument vector, then a newline. */
void script_line(struct script *s, const char *const *argv);
/* The same as another user; NULL: as root. */
void script_line_as(struct script *s, const char *user, const char *const *argv);
/* A text of whole lines as the command's standard input: the end of a line that has begun. */
void script_text(struct script *s, const char *text);
/* The package manager's own command; nothing where it has none. */
void script_command(struct script *s, enum pkg_action action, const char *const *packages);
