/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "cli/command.h"
#include "cli/options.h"
#include "test.h"

/* Command lines against a table that has one of everything. */

struct all_options {
	bool force;
	const char *file;
	const char **env;
	uint64_t port;
	uint64_t shm;
	int network;
	bool root;
};

static const char *const networks[] = {"auto", "host", "none", NULL};

static const struct option_row all_rows[] = {
	{OPTION(struct all_options, force, "force", 'f', OPT_FLAG), .help = "h"},
	{OPTION(struct all_options, file, "file", 'o', OPT_STR), .arg = "FILE", .help = "h"},
	{OPTION(struct all_options, env, "env", 'e', OPT_STRS), .arg = "NAME=VALUE", .help = "h"},
	{OPTION(struct all_options, port, "port", 0, OPT_UINT), .arg = "PORT", .max = 65535,
	 .help = "h"},
	{OPTION(struct all_options, shm, "shm", 0, OPT_SIZE), .arg = "SIZE", .help = "h"},
	{OPTION(struct all_options, network, "network", 0, OPT_ENUM), .arg = "MODE",
	 .names = networks, .help = "h"},
	{OPTION(struct all_options, root, "root", 0, OPT_FLAG), .help = "h"},
	{0},
};

static const struct command image_commands[] = {
	{.name = "build", .summary = "s", .flags = CMD_DRY_RUN, .max_args = 1},
	{.name = "ls", .summary = "s"},
	{0},
};

static const struct command table[] = {
	{.name = "up", .summary = "s", .options = all_rows, .flags = CMD_DRY_RUN, .max_args = 1},
	{.name = "status", .summary = "s", .max_args = 1},
	{.name = "exec",
	 .summary = "s",
	 .options = all_rows,
	 .flags = CMD_REST,
	 .max_args = 1,
	 .args = "[NAME] -- COMMAND..."},
	{.name = "run",
	 .summary = "s",
	 .options = all_rows,
	 .flags = CMD_REST,
	 .min_args = 1,
	 .max_args = 1},
	{.name = "image", .summary = "s", .sub = image_commands},
	{.name = "ssh-proxy", .summary = "s", .flags = CMD_HIDDEN, .min_args = 1, .max_args = 1},
	{0},
};

/* The words of line, split at spaces; parsed. */
struct parsed {
	struct cli c;
	struct err e;
	int status;
	char line[256];
	char *argv[32];
};

static void parse(struct parsed *p, const char *line)
{
	int n = 0;
	char *save = NULL;

	memset(p, 0, sizeof(*p));
	(void)strncpy(p->line, line, sizeof(p->line) - 1);
	for (char *w = strtok_r(p->line, " ", &save); w; w = strtok_r(NULL, " ", &save))
		p->argv[n++] = w;
	p->status = cli_parse(&p->c, table, p->argv, &p->e);
}

static void parsed_fini(struct parsed *p)
{
	arena_fini(&p->c.arena);
}

/* Texts of a list, joined by spaces, compared. */
static void assert_words(const char **list, size_t n, const char *want)
{
	char got[256] = "";

	assert_null(list[n]);
	for (size_t i = 0; i < n; i++) {
		(void)strncat(got, i ? " " : "", sizeof(got) - strlen(got) - 1);
		(void)strncat(got, list[i], sizeof(got) - strlen(got) - 1);
	}
	assert_string_equal(got, want);
}

TEST(arguments_end_where_the_command_to_run_begins)
{
	static const struct {
		const char *line;
		const char *command;
		const char *args;
		const char *rest;
	} cases[] = {
		{"dlenv up", "up", "", ""},
		{"dlenv up nlp", "up", "nlp", ""},
		{"dlenv up nlp --force", "up", "nlp", ""},
		{"dlenv --json up -- nlp", "up", "nlp", ""},
		{"dlenv up -- -x", "up", "-x", ""},
		{"dlenv up -", "up", "-", ""},
		{"dlenv exec -- ls -l", "exec", "", "ls -l"},
		{"dlenv exec nlp -- ls -l", "exec", "nlp", "ls -l"},
		{"dlenv exec nlp -e A=1 -- ls --json", "exec", "nlp", "ls --json"},
		{"dlenv exec nlp ls --force", "exec", "nlp", "ls --force"},
		{"dlenv exec -- ls -- -l", "exec", "", "ls -- -l"},
		{"dlenv exec", "exec", "", ""},
		{"dlenv run --force torch python3 -c x", "run", "torch", "python3 -c x"},
		{"dlenv run torch git log -- file", "run", "torch", "git log -- file"},
		{"dlenv image build nlp", "build", "nlp", ""},
		{"dlenv image --json build", "build", "", ""},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		CLEANUP(parsed_fini) struct parsed p;

		parse(&p, cases[i].line);
		if (p.status < 0)
			fail_msg("%s: %s", cases[i].line, p.e.msg);
		assert_string_equal(p.c.cmd->name, cases[i].command);
		assert_words(p.c.args, p.c.args_n, cases[i].args);
		assert_words(p.c.rest, p.c.rest_n, cases[i].rest);
	}
}

TEST(options_fill_the_struct_by_their_rows)
{
	CLEANUP(parsed_fini) struct parsed p;
	const struct all_options *o;

	parse(&p, "dlenv -q up -fo out --env A=1 --port=80 -eB=2 --shm 2G --network none");
	assert_int_equal(p.status, 0);
	o = p.c.opt;
	assert_true(p.c.g.quiet);
	assert_true(o->force);
	assert_string_equal(o->file, "out");
	assert_words(o->env, 2, "A=1 B=2");
	assert_int_equal(o->port, 80);
	assert_int_equal(o->shm, 2LL << 30);
	assert_int_equal(o->network, 2);
}

TEST(options_that_were_not_given_are_zero)
{
	CLEANUP(parsed_fini) struct parsed p;
	const struct all_options *o;

	parse(&p, "dlenv up");
	o = p.c.opt;
	assert_false(o->force);
	assert_null(o->file);
	assert_null(o->env);
	assert_int_equal(o->port, 0);
	assert_int_equal(o->network, 0);
}

TEST(an_argument_may_look_like_an_option)
{
	CLEANUP(parsed_fini) struct parsed p;

	parse(&p, "dlenv up --file --force");
	assert_int_equal(p.status, 0);
	assert_string_equal(((const struct all_options *)p.c.opt)->file, "--force");
	assert_false(((const struct all_options *)p.c.opt)->force);
}

TEST(global_options_stand_anywhere)
{
	static const char *const lines[] = {"dlenv --json status", "dlenv status --json",
					    "dlenv status nlp --json", "dlenv image --json ls"};

	for (size_t i = 0; i < COUNT(lines); i++) {
		CLEANUP(parsed_fini) struct parsed p;

		parse(&p, lines[i]);
		assert_int_equal(p.status, 0);
		assert_true(p.c.g.json);
	}
}

TEST(a_wrong_line_says_what_and_what_instead)
{
	static const struct {
		const char *line;
		const char *msg;
		const char *hint; /* "": none */
	} cases[] = {
		{"dlenv stauts", "unknown command 'stauts'", "did you mean 'status'?"},
		{"dlenv stat", "unknown command 'stat'", "did you mean 'status'?"},
		{"dlenv frobnicate", "unknown command 'frobnicate'",
		 "`dlenv help` lists the commands"},
		{"dlenv ssh-prox", "unknown command 'ssh-prox'", "`dlenv help` lists the commands"},
		{"dlenv image biuld", "unknown command 'image biuld'", "did you mean 'build'?"},
		{"dlenv image", "'image' needs one of its commands",
		 "`dlenv help image` lists its commands"},
		{"dlenv up --forc", "unknown option '--forc'", "did you mean '--force'?"},
		{"dlenv up --jason", "unknown option '--jason'", "did you mean '--json'?"},
		{"dlenv up --bogusly=1", "unknown option '--bogusly'",
		 "`dlenv help up` lists the options"},
		{"dlenv image build -x", "unknown option '-x' in '-x'",
		 "`dlenv help image build` lists the options"},
		{"dlenv --force up", "unknown option '--force'",
		 "options of a command stand after it; `dlenv help` lists the commands"},
		{"dlenv up --file", "--file needs an argument", ""},
		{"dlenv up -o", "--file needs an argument", ""},
		{"dlenv up --force=yes", "--force takes no argument", ""},
		{"dlenv up --port 65536", "port '65536' is not a whole number from 0 to 65535", ""},
		{"dlenv up --shm 2X", "'2X' is not a size",
		 "write a number with K, M, G or T, such as 8G"},
		{"dlenv up --network bridge", "'bridge' is no value of --network",
		 "it is one of: auto, host, none"},
		{"dlenv up a b", "unexpected argument 'b'", "usage: dlenv up [OPTIONS]"},
		{"dlenv run", "'run' needs an argument", "usage: dlenv run [OPTIONS]"},
		{"dlenv status -n", "'status' does not take --dry-run", ""},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		CLEANUP(parsed_fini) struct parsed p;

		parse(&p, cases[i].line);
		if (p.status != -ERR_USAGE || p.e.code != ERR_USAGE)
			fail_msg("%s: status %d", cases[i].line, p.status);
		assert_string_equal(p.e.msg, cases[i].msg);
		assert_string_equal(p.e.hint, cases[i].hint);
	}
}

TEST(names_are_never_abbreviated)
{
	static const char *const lines[] = {"dlenv st", "dlenv up --for", "dlenv --js status",
					    "dlenv imag ls"};

	for (size_t i = 0; i < COUNT(lines); i++) {
		CLEANUP(parsed_fini) struct parsed p;

		parse(&p, lines[i]);
		assert_int_equal(p.status, -ERR_USAGE);
	}
}

TEST(help_needs_no_valid_arguments)
{
	static const char *const lines[] = {"dlenv run --help", "dlenv image -h",
					    "dlenv exec -h -- ls", "dlenv --help"};

	for (size_t i = 0; i < COUNT(lines); i++) {
		CLEANUP(parsed_fini) struct parsed p;

		parse(&p, lines[i]);
		assert_int_equal(p.status, 0);
		assert_true(p.c.g.help);
	}
}

TEST(an_option_of_the_command_wins_after_the_command)
{
	CLEANUP(parsed_fini) struct parsed p;

	parse(&p, "dlenv --root /m exec --root -- ls");
	assert_int_equal(p.status, 0);
	assert_string_equal(p.c.g.root, "/m");
	assert_true(((const struct all_options *)p.c.opt)->root);
	assert_words(p.c.rest, p.c.rest_n, "ls");
}

TEST(no_command_is_no_error_of_the_parser)
{
	CLEANUP(parsed_fini) struct parsed p;

	parse(&p, "dlenv --quiet");
	assert_int_equal(p.status, 0);
	assert_null(p.c.cmd);
}

TEST(every_command_has_a_summary_and_every_option_help)
{
	for (const struct command *cmd = commands; cmd->name; cmd++) {
		assert_non_null(cmd->summary);
		assert_true(cmd->flags & CMD_HIDDEN || cmd->group);
		assert_true(!cmd->run == !!cmd->sub);
		for (const struct option_row *r = cmd->options; r && r->name; r++) {
			assert_non_null(r->help);
			assert_true((r->type == OPT_FLAG) == !r->arg);
			assert_true((r->type == OPT_ENUM) == !!r->names);
			for (const struct option_row *g = global_options; g->name; g++) {
				/* --root without DIR: as root; the machine's stands before. */
				if (!str_eq(g->name, "root") || r->type != OPT_FLAG)
					assert_string_not_equal(g->name, r->name);
				/* -n is a number of lines where there is no --dry-run. */
				if (!str_eq(g->name, "dry-run") || cmd->flags & CMD_DRY_RUN)
					assert_true(!r->short_name ||
						    g->short_name != r->short_name);
			}
		}
	}
}

RUN(IT(arguments_end_where_the_command_to_run_begins), IT(options_fill_the_struct_by_their_rows),
    IT(options_that_were_not_given_are_zero), IT(an_argument_may_look_like_an_option),
    IT(global_options_stand_anywhere), IT(a_wrong_line_says_what_and_what_instead),
    IT(names_are_never_abbreviated), IT(help_needs_no_valid_arguments),
    IT(an_option_of_the_command_wins_after_the_command), IT(no_command_is_no_error_of_the_parser),
    IT(every_command_has_a_summary_and_every_option_help))
