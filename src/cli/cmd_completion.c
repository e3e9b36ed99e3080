/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/cmds.h"
#include "cli/options.h"

/*
 * How this works: each script is a fixed frame, and between its parts stand
 * lines made from the rows of commands.c: one per command with its options
 * and what its arguments are. Names of environments are asked from
 * `dlenv ls --quiet` when the key is pressed.
 */

typedef void command_fn(const char *name, const struct command *cmd);

/* Call fn for every command that is shown; name is "up" or "image build". */
static void each_command(const char *prefix, const struct command *table, command_fn *fn)
{
	for (const struct command *cmd = table; cmd->name; cmd++) {
		CLEANUP(freep) char *name = str_fmt("%s%s", prefix, cmd->name);
		CLEANUP(freep) char *below = str_fmt("%s ", name);

		if (cmd->flags & CMD_HIDDEN)
			continue;
		fn(name, cmd);
		if (cmd->sub)
			each_command(below, cmd->sub, fn);
	}
}

/* What the shell runs or lists for an argument; both shells split it at spaces. */
static const char *words_of(enum complete what)
{
	static const char *const words[] = {
		[COMPLETE_NONE] = "",
		[COMPLETE_ENV] = "$(dlenv ls --quiet 2>/dev/null)",
		[COMPLETE_IMAGE] = "$(dlenv image ls --quiet 2>/dev/null)",
		[COMPLETE_COMMAND] = NULL,
		[COMPLETE_SHELL] = "bash zsh fish",
		[COMPLETE_ENGINE] = "docker podman containerd crio",
		[COMPLETE_TARGET] = "driver toolkit docker podman dlenv",
		[COMPLETE_FILE] = "",
	};

	return words[what];
}

static void print_names(const struct command *table)
{
	const char *space = "";

	for (; table->name; table++)
		if (!(table->flags & CMD_HIDDEN)) {
			(void)printf("%s%s", space, table->name);
			space = " ";
		}
}

static void print_option_names(const struct option_row *rows, bool dry_run)
{
	for (const struct option_row *r = rows; r && r->name; r++) {
		if (r->flags & OPT_HIDDEN || (!dry_run && str_eq(r->name, "dry-run")))
			continue;
		if (r->short_name)
			(void)printf("-%c ", r->short_name);
		(void)printf("--%s ", r->name);
	}
}

/* A line of bash's and zsh's case: which options, which words. */
static void case_line(const char *name, const struct command *cmd)
{
	const char *words = words_of(cmd->complete);

	(void)printf("\t'%s') opts='", name);
	print_option_names(cmd->options, false);
	print_option_names(global_options, cmd->flags & CMD_DRY_RUN);
	if (cmd->sub || !words) {
		(void)printf("' offers='");
		print_names(cmd->sub ? cmd->sub : commands);
		(void)printf("'");
	} else {
		(void)printf("' offers=\"%s\"", words);
	}
	(void)printf("%s ;;\n", cmd->complete == COMPLETE_FILE ? " files=1" : "");
}

/*
 * Options with an argument: the word after them is neither a command nor a
 * name. What a letter means depends on the command: the case is over both.
 */
static void value_line(const char *command, const struct option_row *rows)
{
	for (const struct option_row *r = rows; r && r->name; r++) {
		if (r->type == OPT_FLAG || r->flags & OPT_HIDDEN)
			continue;
		(void)printf("\t%s' --%s'", command, r->name);
		if (r->short_name)
			(void)printf("|%s' -%c'", command, r->short_name);
		(void)printf(") values='");
		for (const char *const *v = r->names; v && *v; v++)
			(void)printf("%s%s", v == r->names ? "" : " ", *v);
		(void)printf("' takes=1 ;;\n");
	}
}

static void value_line_of(const char *name, const struct command *cmd)
{
	CLEANUP(freep) char *quoted = str_fmt("'%s'", name);

	value_line(quoted, cmd->options);
}

/* What bash and zsh share: reading the words before the cursor. */
static void print_engine(void)
{
	(void)printf("_dlenv_option() { # COMMAND OPTION: whether it takes an argument, and which\n"
		     "\ttakes='' values=''\n"
		     "\tcase \"$1 $2\" in\n");
	value_line("*", global_options);
	each_command("", commands, value_line_of);
	(void)printf("\tesac\n"
		     "}\n"
		     "_dlenv_command() {\n"
		     "\topts='' offers='' files=''\n"
		     "\tcase $1 in\n"
		     "\t'') opts='");
	print_option_names(global_options, false);
	(void)printf("' offers='");
	print_names(commands);
	(void)printf("' ;;\n");
	each_command("", commands, case_line);
	(void)printf(
		"\tesac\n"
		"}\n"
		"# The words before the cursor: sets command, and takes when an argument is due.\n"
		"_dlenv_read() {\n"
		"\tlocal w\n"
		"\tcommand='' takes='' rest=''\n"
		"\tfor w; do\n"
		"\t\tif [ -n \"$takes\" ]; then takes=; continue; fi\n"
		"\t\tcase $w in\n"
		"\t\t--) rest=1 ;;\n"
		"\t\t--*=*) ;;\n"
		"\t\t-*) _dlenv_option \"$command\" \"$w\" ;;\n"
		"\t\t*)\n"
		"\t\t\t_dlenv_command \"${command:+$command }$w\"\n"
		"\t\t\t[ -n \"$opts\" ] && command=\"${command:+$command }$w\" ;;\n"
		"\t\tesac\n"
		"\tdone\n"
		"}\n");
}

static void print_bash(void)
{
	(void)printf("# bash completion for dlenv\n");
	print_engine();
	(void)printf("_dlenv() {\n"
		     "\tlocal opts offers files values takes command rest\n"
		     "\tlocal cur=${COMP_WORDS[COMP_CWORD]}\n"
		     "\t_dlenv_read \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"\n"
		     "\t[ -n \"$rest\" ] && return\n"
		     "\tif [ -n \"$takes\" ]; then\n"
		     "\t\tmapfile -t COMPREPLY < <(compgen -W \"$values\" -- \"$cur\")\n"
		     "\t\treturn\n"
		     "\tfi\n"
		     "\t_dlenv_command \"$command\"\n"
		     "\tcase $cur in\n"
		     "\t-*) mapfile -t COMPREPLY < <(compgen -W \"$opts\" -- \"$cur\") ;;\n"
		     "\t*)\n"
		     "\t\tif [ -n \"$files\" ]; then\n"
		     "\t\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
		     "\t\telse\n"
		     "\t\t\tmapfile -t COMPREPLY < <(compgen -W \"$offers\" -- \"$cur\")\n"
		     "\t\tfi ;;\n"
		     "\tesac\n"
		     "}\n"
		     "complete -o default -F _dlenv dlenv\n");
}

static void print_zsh(void)
{
	(void)printf("#compdef dlenv\n");
	print_engine();
	(void)printf(
		"_dlenv() {\n"
		"\tlocal opts offers files values takes command rest cur=$PREFIX\n"
		"\tlocal -a before list\n"
		"\tbefore=(\"${(@)words[2,CURRENT-1]}\")\n"
		"\tlocal words\n"
		"\t_dlenv_read \"${before[@]}\"\n"
		"\tif [ -n \"$rest\" ]; then _files; return; fi\n"
		"\tif [ -n \"$takes\" ]; then\n"
		"\t\tlist=(${=values})\n"
		"\t\tif (( $#list )); then compadd -a list; else _files; fi\n"
		"\t\treturn\n"
		"\tfi\n"
		"\t_dlenv_command \"$command\"\n"
		"\tcase $cur in\n"
		"\t-*) list=(${=opts}); compadd -a list ;;\n"
		"\t*)\n"
		"\t\tif [ -n \"$files\" ]; then _files; else list=(${=offers}); compadd -a list; "
		"fi\n"
		"\t\t;;\n"
		"\tesac\n"
		"}\n"
		"if [ \"$funcstack[1]\" = _dlenv ]; then _dlenv \"$@\"; else compdef _dlenv dlenv; "
		"fi\n");
}

/* A text between single quotes as fish reads it. */
static void print_quoted(const char *text)
{
	(void)putchar('\'');
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			(void)putchar('\\');
		(void)putchar(*text);
	}
	(void)putchar('\'');
}

static void fish_options(const char *condition, const struct option_row *rows, bool dry_run)
{
	for (const struct option_row *r = rows; r && r->name; r++) {
		if (r->flags & OPT_HIDDEN || (!dry_run && str_eq(r->name, "dry-run")))
			continue;
		(void)printf("complete -c dlenv -l %s", r->name);
		if (condition)
			(void)printf(" -n '%s'", condition);
		if (r->short_name)
			(void)printf(" -s %c", r->short_name);
		if (r->type != OPT_FLAG)
			(void)printf(" -r");
		if (r->names) {
			(void)printf(" -f -a '");
			for (const char *const *v = r->names; *v; v++)
				(void)printf("%s%s", v == r->names ? "" : " ", *v);
			(void)printf("'");
		}
		(void)printf(" -d ");
		print_quoted(tr(r->help));
		(void)putchar('\n');
	}
}

static void fish_names(const char *condition, const struct command *table)
{
	for (; table->name; table++) {
		if (table->flags & CMD_HIDDEN)
			continue;
		(void)printf("complete -c dlenv -f -n '%s' -a %s -d ", condition, table->name);
		print_quoted(tr(table->summary));
		(void)putchar('\n');
	}
}

static void fish_command(const char *name, const struct command *cmd)
{
	CLEANUP(freep) char *here = str_fmt("__dlenv_at %s", name);
	CLEANUP(freep) char *just = str_fmt("__dlenv_just %s", name);
	const char *words = words_of(cmd->complete);

	if (cmd->flags & CMD_DRY_RUN)
		(void)printf("complete -c dlenv -n '%s' -l dry-run -s n\n", here);
	fish_options(here, cmd->options, true);
	if (cmd->sub)
		fish_names(just, cmd->sub);
	else if (!words)
		fish_names(here, commands);
	else if (words[0] == '$')
		(void)printf("complete -c dlenv -f -n '%s' -a '%s'\n", here, words + 1);
	else if (words[0])
		(void)printf("complete -c dlenv -f -n '%s' -a '%s'\n", here, words);
	else if (cmd->complete != COMPLETE_FILE)
		(void)printf("complete -c dlenv -f -n '%s'\n", here);
}

static void fish_value_line(const char *command, const struct option_row *rows)
{
	for (const struct option_row *r = rows; r && r->name; r++) {
		if (r->type == OPT_FLAG || r->flags & OPT_HIDDEN)
			continue;
		(void)printf("\t\t\tcase '%s *--%s'", command, r->name);
		if (r->short_name)
			(void)printf(" '%s *-%c'", command, r->short_name);
		(void)printf("\n\t\t\t\tset skip 1\n");
	}
}

static void fish_value_line_of(const char *name, const struct command *cmd)
{
	fish_value_line(name, cmd->options);
}

static void print_fish(void)
{
	(void)printf("# fish completion for dlenv\n"
		     "# The words typed so far, options left out; fails behind --.\n"
		     "function __dlenv_typed\n"
		     "\tset -l typed\n"
		     "\tset -l skip 0\n"
		     "\tfor w in (commandline -poc)[2..-1]\n"
		     "\t\tif test $skip = 1\n"
		     "\t\t\tset skip 0\n"
		     "\t\t\tcontinue\n"
		     "\t\tend\n"
		     "\t\tswitch \"$typed $w\"\n"
		     "\t\t\tcase '* --'\n"
		     "\t\t\t\treturn 1\n");
	fish_value_line("*", global_options);
	each_command("", commands, fish_value_line_of);
	(void)printf("\t\t\tcase '* -*'\n"
		     "\t\t\tcase '*'\n"
		     "\t\t\t\tset -a typed $w\n"
		     "\t\tend\n"
		     "\tend\n"
		     "\tfor w in $typed\n"
		     "\t\techo $w\n"
		     "\tend\n"
		     "end\n"
		     "# Whether they are just these, and whether they begin with these.\n"
		     "function __dlenv_just\n"
		     "\tset -l typed (__dlenv_typed); and test \"$typed\" = \"$argv\"\n"
		     "end\n"
		     "function __dlenv_at\n"
		     "\tset -l typed (__dlenv_typed)\n"
		     "\tor return 1\n"
		     "\tset -l n (count $argv)\n"
		     "\ttest (count $typed) -ge $n; and test \"$typed[1..$n]\" = \"$argv\"\n"
		     "end\n");
	fish_names("__dlenv_just", commands);
	fish_options(NULL, global_options, false);
	each_command("", commands, fish_command);
}

int cmd_completion(struct cli *c, struct err *e)
{
	static const struct {
		const char *shell;
		void (*print)(void);
	} shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};

	for (size_t i = 0; i < COUNT(shells); i++)
		if (str_eq(c->args[0], shells[i].shell)) {
			shells[i].print();
			c->answered = true; /* a script is a script, with --json too */
			return 0;
		}
	(void)err_set(e, ERR_USAGE, "there is no completion for '%s'", c->args[0]);
	return err_hint(e, "it is one of: %s", "bash, zsh, fish");
}
