/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/cmds.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/text.h"

struct help_options {
	bool dump;
};

const struct option_row help_options[] = {
	{OPTION(struct help_options, dump, "dump", 0, OPT_FLAG), .flags = OPT_HIDDEN,
	 .help = N_("print all rows, for the test of the manual pages")},
	{0},
};

enum { NAME_CELLS = 12, OPTION_CELLS = 22 };

/* "  left      right" */
static void print_pair(const char *left, size_t cells, const char *right)
{
	CLEANUP(buf_fini) struct buf line = {0};

	buf_fmt(&line, "  %s", left);
	text_pad(&line, str_width(left), cells);
	buf_fmt(&line, " %s", right);
	(void)printf("%s\n", line.data);
}

static void print_option(const struct option_row *r)
{
	CLEANUP(freep) char *left = NULL;

	if (r->flags & OPT_HIDDEN)
		return;
	if (r->short_name)
		left = str_fmt("-%c, --%s%s%s", r->short_name, r->name, r->arg ? " " : "",
			       r->arg ? r->arg : "");
	else
		left = str_fmt("    --%s%s%s", r->name, r->arg ? " " : "", r->arg ? r->arg : "");
	print_pair(left, OPTION_CELLS, tr(r->help));
}

static bool shows_options(const struct option_row *r)
{
	for (; r && r->name; r++)
		if (!(r->flags & OPT_HIDDEN))
			return true;
	return false;
}

/* cmd NULL: the overview, which leaves nothing out. */
static void print_global_options(const struct command *cmd)
{
	(void)printf("\n%s\n", cmd ? _("Options of every command:") : _("Options:"));
	for (const struct option_row *r = global_options; r->name; r++)
		if (!cmd || (cmd->flags & CMD_DRY_RUN) || !str_eq(r->name, "dry-run"))
			print_option(r);
}

static void print_commands(const struct command *table)
{
	const char *group = NULL;

	for (const struct command *cmd = table; cmd->name; cmd++) {
		if (cmd->flags & CMD_HIDDEN)
			continue;
		if (cmd->group && !str_eq(group, cmd->group))
			(void)printf("\n%s:\n", tr(cmd->group));
		group = cmd->group;
		print_pair(cmd->name, NAME_CELLS, tr(cmd->summary));
	}
}

static void print_overview(void)
{
	(void)printf("%s\n", _("dlenv makes deep-learning environments and runs them."));
	(void)printf("\n%s\n",
		     _("Usage: dlenv [OPTIONS] COMMAND [OPTIONS] [NAME] [-- COMMAND...]"));
	print_commands(commands);
	print_global_options(NULL);
	(void)printf("\n%s\n", _("`dlenv help COMMAND` explains one; `man dlenv` has it all."));
}

static void print_command(const struct command *parent, const struct command *cmd)
{
	CLEANUP(freep) char *usage = command_usage(parent, cmd);

	(void)printf("dlenv %s%s%s: %s\n", parent ? parent->name : "", parent ? " " : "", cmd->name,
		     tr(cmd->summary));
	(void)printf("\n%s %s\n", _("Usage:"), usage);
	if (cmd->sub) {
		(void)printf("\n%s\n", _("Commands:"));
		print_commands(cmd->sub);
	}
	if (shows_options(cmd->options))
		(void)printf("\n%s\n", _("Options:"));
	for (const struct option_row *r = cmd->options; r && r->name; r++)
		print_option(r);
	print_global_options(cmd);
}

/* COMMAND, option, letter, argument, "hidden" or "": one row a line, tabs between. */
static void dump_row(const char *command, const struct option_row *r, bool hidden)
{
	char letter[2] = {r ? r->short_name : 0, 0};

	(void)printf("%s\t%s\t%s\t%s\t%s\n", command, r ? r->name : "", letter,
		     r && r->arg ? r->arg : "",
		     hidden || (r && (r->flags & OPT_HIDDEN)) ? "hidden" : "");
}

static void dump(const char *prefix, const struct command *table)
{
	for (const struct command *cmd = table; cmd->name; cmd++) {
		CLEANUP(freep) char *name = str_fmt("%s%s", prefix, cmd->name);
		CLEANUP(freep) char *below = str_fmt("%s ", name);
		bool hidden = cmd->flags & CMD_HIDDEN;

		dump_row(name, NULL, hidden);
		for (const struct option_row *r = cmd->options; r && r->name; r++)
			dump_row(name, r, hidden);
		if (cmd->sub)
			dump(below, cmd->sub);
	}
}

static void dump_all(void)
{
	dump_row("", NULL, false);
	for (const struct option_row *r = global_options; r->name; r++)
		dump_row("", r, false);
	dump("", commands);
}

/* The command that the words name, and the group that it is in. */
static int find(const char **words, const struct command **ret_parent,
		const struct command **ret_cmd, struct err *e)
{
	const struct command *parent = NULL;
	const struct command *cmd = NULL;
	const struct command *table = commands;

	for (; *words; words++) {
		parent = cmd;
		cmd = command_find(table, *words);
		if (!cmd) {
			(void)err_set(e, ERR_USAGE, "unknown command '%s'", *words);
			return err_hint(e, "`dlenv help` lists the commands");
		}
		table = cmd->sub;
	}
	*ret_parent = parent;
	*ret_cmd = cmd;
	return 0;
}

/* With --json: the text would be no JSON, so the answer names the rows. */
static void answer_json(struct cli *c)
{
	json_t *list = json_array();

	for (const struct command *cmd = commands; cmd->name; cmd++)
		if (!(cmd->flags & CMD_HIDDEN))
			(void)json_array_append_new(list, json_pack("{s:s, s:s}", "name", cmd->name,
								    "summary", tr(cmd->summary)));
	cli_answer(c, list);
}

int cmd_help(struct cli *c, struct err *e)
{
	/* `dlenv help WORDS`; otherwise --help of a command, or no command at all. */
	bool asked = c->cmd && c->cmd->run == cmd_help && !c->g.help;
	const struct help_options *o = asked ? c->opt : NULL;
	const struct command *parent = c->parent;
	const struct command *cmd = c->cmd;

	if (asked && find(c->args, &parent, &cmd, e) < 0)
		return -(int)e->code;
	if (asked && o->dump)
		dump_all();
	else if (c->g.json)
		answer_json(c);
	else if (cmd)
		print_command(parent, cmd);
	else
		print_overview();
	/* Without a command: say what there is, but to a script it was a mistake. */
	return c->cmd || c->g.help ? 0 : err_status(ERR_USAGE);
}
