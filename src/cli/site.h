/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/command.h"
#include "env/env.h"

/* What the commands on environments share. */

/*
 * The machine that is read: the tree below --root or DLENV_ROOT, else "/". Opened once; its path is
 * absolute and without links. It belongs to c.
 */
int cli_machine(struct cli *c, const struct root **ret, struct err *e) MUST_USE;

/* The tables, with those of /etc/dlenv/facts and of the user's own folder. */
struct facts;
int cli_facts(struct cli *c, struct facts *ret, struct err *e) MUST_USE;

/* site_open with this run's progress and warnings. */
int cli_site(struct cli *c, struct site *s, struct err *e) MUST_USE;

/*
 * The definition for the folder that dlenv was called in; settings are
 * KEY=VALUE texts of the command line, or NULL.
 */
int cli_definition(struct cli *c, const char *const *settings, struct env_def *ret, struct err *e)
	MUST_USE;

/*
 * The environment that the command is about: its first argument, else the one
 * of the folder. flags: enum env_open_flags.
 */
int cli_env(struct cli *c, struct site *s, unsigned int flags, struct env *ret, struct err *e)
	MUST_USE;

/* --gpu and --device as settings --KEY=VALUE, which say that they are from options. */
void cli_gpu_settings(const char *gpu, const char *const *devices, struct strs *ret);

/* Start it when it is stopped, as every command that enters does. */
int cli_started(struct env *v, const struct env_def *d, struct err *e) MUST_USE;

/* Our standard input and output are a terminal. */
bool cli_has_terminal(void);
