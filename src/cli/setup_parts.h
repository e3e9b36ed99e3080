/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "cli/command.h"
#include "setup/execute.h"
#include "setup/setup.h"
#include "setup/verify.h"

/* What the files of `dlenv setup` share; nobody else includes it. */

struct setup_cli_options {
	bool plan;
	bool resume;
	bool undo;
	bool verify;
	bool rootless;
	bool reboot;
	bool no_network;
	const char *script;
	const char *user;
	const char **trust;
	const char *pin[VARS];
};

/* One run of the command. Empty it is all zero. */
struct setup_job {
	const struct root *machine;
	bool live;
	const char *state; /* NULL: another machine */
	struct setup_options o;
	struct facts facts;
	struct setup setup;
	struct executor x;
	struct plan plan;
};

/* setup_wish.c: what was asked for, by arguments, options and who calls. ERR_USAGE. */
int setup_wish(struct cli *c, struct setup_job *j, struct err *e) MUST_USE;
/*
 * What --resume was given besides: it counts more than what the unfinished run asked for, and keys
 * that are trusted are added to those of that run.
 */
void setup_wish_more(struct cli *c, const struct setup_options *given, struct setup_options *o);
/* ERR_PRIV with this command under sudo. */
int setup_needs_root(struct err *e);

/* setup_say.c: the choice, the plan, the ladder; as text, and for --json. */
void setup_say_plan(struct cli *c, struct setup_job *j);
json_t *setup_plan_json(struct setup_job *j) MUST_USE;
void setup_say_notes(struct cli *c, const struct strs *notes);
json_t *setup_notes_json(const struct strs *notes) MUST_USE;
void setup_say_ladder(struct cli *c, const struct ladder *l);
json_t *setup_ladder_json(const struct ladder *l) MUST_USE;
/* ERR_PROBLEMS with the first rung that fails; 0: none does. */
int setup_ladder_result(const struct ladder *l, struct err *e);
