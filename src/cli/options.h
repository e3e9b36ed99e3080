/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/command.h"

/* Command lines, by the rows of command.h. Names are never abbreviated. */

/* The options that every command takes; the target is struct cli_globals. */
extern const struct option_row global_options[];

/*
 * Read argv (argv[0] is dlenv itself) by a table of commands into c->g, cmd,
 * parent, opt, args and rest. ERR_USAGE with the nearest name as the hint.
 * c->cmd stays NULL when no command was named. Also chooses the language.
 */
int cli_parse(struct cli *c, const struct command *table, char **argv, struct err *e) MUST_USE;

/* The row of that name, or NULL. */
const struct command *command_find(const struct command *table, const char *name);

/* "dlenv image build [OPTIONS] [NAME]"; the caller frees it. */
char *command_usage(const struct command *parent, const struct command *cmd) MUST_USE;
