/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/ctk.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "config.h"
#include "hook/engines.h"
#include "hook/hook.h"

struct globals {
	bool debug;
	bool quiet;
	bool version;
	bool help;
	const char *config;
};

static const struct ctk_option global_options[] = {
	{"debug d", CTK_BOOL, offsetof(struct globals, debug), "NVIDIA_CTK_DEBUG", NULL,
	 "accepted, without effect"},
	{"quiet", CTK_BOOL, offsetof(struct globals, quiet), "NVIDIA_CTK_QUIET", NULL,
	 "print only results and errors"},
	{"config", CTK_STR, offsetof(struct globals, config), "NVIDIA_CTK_CONFIG", "FILE",
	 "the toolkit's config.toml"},
	{"version v", CTK_BOOL, offsetof(struct globals, version), NULL, NULL, "print the version"},
	{"help h", CTK_BOOL, offsetof(struct globals, help), NULL, NULL, "print this"},
	{0},
};

static const struct ctk_option help_options[] = {
	{"help h", CTK_BOOL, 0, NULL, NULL, "print this"},
	{0},
};

static int run_info(struct ctk_call *c, struct err *e)
{
	(void)c;
	(void)e;
	return 0;
}

static const struct ctk_command commands[] = {
	{.name = "cdi", .summary = "make and read CDI specifications", .sub = ctk_cdi},
	{.name = "config", .summary = "print or change config.toml", .sub = ctk_config},
	{.name = "hook", .summary = "what CDI specifications call: as nvidia-cdi-hook"},
	{.name = "info", .summary = "nothing", .run = run_info},
	{.name = "runtime", .summary = "configure container engines", .sub = ctk_runtime},
	{.name = "system", .summary = "make device nodes and their links", .sub = ctk_system},
	{0},
};

int ctk_output(const char *path, const char *text, size_t len, struct err *e)
{
	if (path && *path && !str_eq(path, "-"))
		return file_write(AT_FDCWD, path, text, len, 0644, FILE_SYNC, e);
	if (write_all(STDOUT_FILENO, text, len) < 0)
		return err_sys(e, "cannot write the result");
	return 0;
}

static void print_options(const struct ctk_option *o)
{
	for (; o && o->names; o++) {
		CLEANUP(buf_fini) struct buf names = {0};
		const char *p = o->names;

		while (*p) {
			size_t n = strcspn(p, " ");

			buf_fmt(&names, "%s%s%.*s", names.len ? ", " : "", n == 1 ? "-" : "--",
				(int)n, p);
			p += n + (p[n] == ' ');
		}
		(void)printf("  %s%s%s\n      %s%s%s%s\n", names.data, o->value ? " " : "",
			     o->value ? o->value : "", o->help, o->env ? " [" : "",
			     o->env ? o->env : "", o->env ? "]" : "");
	}
}

static void print_help(const char *path, const struct ctk_command *cmd,
		       const struct ctk_command *sub)
{
	(void)printf("%s: %s\n", path, cmd ? cmd->summary : "the container toolkit's commands");
	if (sub && sub->name)
		(void)printf("\nCommands:\n");
	for (; sub && sub->name; sub++)
		if (*sub->name)
			(void)printf("  %-28s %s\n", sub->name, sub->summary);
	(void)printf("\nOptions:\n");
	print_options(cmd ? cmd->options : global_options);
	if (cmd)
		print_options(help_options);
}

static const struct ctk_command *command_find(const struct ctk_command *rows, const char *name)
{
	for (; rows && rows->name; rows++)
		if (str_eq(rows->name, name))
			return rows;
	return NULL;
}

static bool asks_help(char **argv)
{
	for (; *argv && !str_eq(*argv, "--"); argv++)
		if (str_eq(*argv, "--help") || str_eq(*argv, "-h"))
			return true;
	return false;
}

static int run_command(struct ctk_call *c, const struct ctk_command *cmd, char **argv,
		       struct err *e)
{
	void *options = arena_alloc(&c->arena, cmd->options_size + 1);

	if (ctk_options_read(cmd->options, &argv, options, &c->arena, e) < 0)
		return -(int)e->code;
	c->options = options;
	c->args = argv;
	return cmd->run(c, e);
}

/*
 * Down the rows. A group whose first row has the empty name does that when no command of its own
 * follows (`config`).
 */
static int walk(struct ctk_call *c, char **argv, struct err *e)
{
	CLEANUP(buf_fini) struct buf path = {0};
	const struct ctk_command *rows = commands;
	const struct ctk_command *cmd = NULL;

	buf_str(&path, "nvidia-ctk");
	while (rows && *argv && command_find(rows, *argv) && **argv) {
		cmd = command_find(rows, *argv);
		buf_fmt(&path, " %s", *argv++);
		rows = cmd->sub;
	}
	if (rows && command_find(rows, "") && !(*argv && **argv != '-'))
		cmd = command_find(rows, "");
	if (asks_help(argv) || !cmd || (rows && !*argv && !cmd->run)) {
		bool wrong = !asks_help(argv) && *argv;

		if (!wrong)
			print_help(path.data, cmd, rows);
		return wrong ? err_set(e, ERR_USAGE, "there is no command '%.64s'", *argv) : 0;
	}
	if (!cmd->run)
		return err_set(e, ERR_USAGE, "'%s' has no command '%.64s'", path.data, *argv);
	return run_command(c, cmd, argv, e);
}

static int run(char **argv, struct err *e)
{
	struct globals g = {0};
	struct ctk_call c = {0};
	char **p = argv + 1;
	int code = ctk_options_read(global_options, &p, &g, &c.arena, e);

	if (code == 0 && g.version) {
		(void)printf("NVIDIA Container Toolkit CLI version " DLENV_VERSION " (dlenv)\n");
	} else if (code == 0 && (g.help || !*p)) {
		print_help("nvidia-ctk", NULL, commands);
	} else if (code == 0) {
		c.quiet = g.quiet;
		c.debug = g.debug;
		c.config = g.config;
		code = walk(&c, p, e);
	}
	arena_fini(&c.arena);
	return code;
}

int ctk_main(int argc, char **argv)
{
	struct err e = {0};
	int code;
	char **p = argv + 1;

	/* Existing specifications have `nvidia-ctk hook NAME`. */
	while (*p && **p == '-')
		p++;
	if (*p && str_eq(*p, "hook"))
		return run_cdi_hook(argc, argv);
	code = run(argv, &e);
	if (code >= 0)
		return code;
	hook_say_err(&e);
	return err_status(e.code);
}
