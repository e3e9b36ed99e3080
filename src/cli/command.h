/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/env.h"
#include "base/err.h"
#include "base/fs.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/str.h"

/*
 * How this works: main() calls cli_main(). It finds the command's row in
 * commands[] (commands.c), fills its option struct by the option rows, and
 * calls run. What run returns decides the exit status; an error is printed by
 * cli_main, once. Help, completion and the manual pages' test read the same rows.
 */

struct cli;

/* What an option's argument becomes in the command's option struct, at offset. */
enum option_type {
	OPT_FLAG, /* bool: true when given */
	OPT_STR,  /* const char *: the last one given */
	OPT_STRS, /* const char **: every one given, NULL-terminated; NULL when none */
	OPT_UINT, /* uint64_t, at most max (0: any) */
	OPT_SIZE, /* uint64_t bytes: "8G" */
	OPT_ENUM, /* int: index in names */
};

enum option_flags {
	OPT_HIDDEN = 1 << 0, /* not shown by help and completion */
};

/* One option. A table of them ends with a row without name. */
struct option_row {
	const char *name; /* long, without dashes */
	char short_name;  /* or 0 */
	enum option_type type;
	size_t offset;
	const char *arg;	  /* what help calls the argument: "DIR"; NULL for OPT_FLAG */
	const char *help;	  /* N_() marked */
	const char *const *names; /* OPT_ENUM: NULL-terminated */
	uint64_t max;		  /* OPT_UINT */
	unsigned int flags;
};

/* Row beginnings: OPTION(struct up_options, wait, "wait", 'w', OPT_FLAG), .help = N_("...") */
#define OPTION(container, member, long_name, letter, kind)                                         \
	.name = (long_name), .short_name = (letter), .type = (kind),                               \
	.offset = offsetof(container, member)

enum command_flags {
	CMD_DRY_RUN = 1 << 0,  /* takes -n/--dry-run: see cli.dry_run */
	CMD_REST = 1 << 1,     /* what follows max_args arguments or "--" is rest, unparsed */
	CMD_HIDDEN = 1 << 2,   /* for other programs: not listed by help and completion */
	CMD_NO_STATE = 1 << 3, /* runs without user and paths: they stay empty */
	CMD_ENTERS = 1 << 4,   /* enters containers: runs sealed (rt_seal) */
};

/* What completion offers for the arguments. */
enum complete {
	COMPLETE_NONE,
	COMPLETE_ENV,	  /* environments: `dlenv ls --quiet` */
	COMPLETE_IMAGE,	  /* images: `dlenv image ls --quiet` */
	COMPLETE_COMMAND, /* dlenv's commands */
	COMPLETE_SHELL,	  /* bash, zsh, fish */
	COMPLETE_ENGINE,  /* docker, podman ... */
	COMPLETE_TARGET,  /* of setup */
	COMPLETE_FILE,
};

/* One command. A table of them ends with a row without name. */
struct command {
	const char *name;
	const char *summary;		  /* N_() marked, one line, no full stop */
	const char *args;		  /* the usage after the options: "[NAME] -- CMD..." */
	const char *group;		  /* N_() marked heading in help; NULL in nested tables */
	const struct option_row *options; /* or NULL */
	unsigned int flags;
	unsigned int min_args;
	unsigned int max_args;
	enum complete complete;
	/*
	 * 0, -code with *e filled, or a positive number: the exit status of
	 * what was run (exec, run, shell).
	 */
	int (*run)(struct cli *c, struct err *e);
	const struct command *sub; /* a group such as `image`: its commands; then no run */
};

extern const struct command commands[];

enum progress_mode { PROGRESS_AUTO, PROGRESS_TTY, PROGRESS_PLAIN, PROGRESS_JSON, PROGRESS_OFF };
enum color_mode { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

/* Options that every command takes. */
struct cli_globals {
	bool json;
	bool quiet;
	bool yes;
	bool dry_run;
	bool help;
	bool version;
	const char *lang;
	const char *root; /* --root */
	int color;	  /* enum color_mode */
	int progress;	  /* enum progress_mode */
};

struct renderer;

/* One run of dlenv. Texts belong to argv or to the arena. */
struct cli {
	struct cli_globals g;
	const struct command *parent; /* the group of a nested command, or NULL */
	const struct command *cmd;
	const void *opt;   /* the command's option struct, zero where nothing was given */
	const char **args; /* arguments, NULL-terminated */
	size_t args_n;
	const char **rest; /* CMD_REST: the command to run, NULL-terminated, without "--" */
	size_t rest_n;
	struct user user;
	struct paths paths;
	struct root machine;		 /* what cli_machine opened; no path: not yet */
	const struct progress *progress; /* give it to what takes long; never NULL */
	struct renderer *renderer;	 /* cli/progress.h draws */
	struct strs warnings;		 /* for --json */
	bool answered;			 /* the JSON answer is out */
	struct arena arena;
};

/* The first argument, or NULL: the environment's name where it may be left out. */
static inline const char *cli_arg(const struct cli *c)
{
	return c->args_n ? c->args[0] : NULL;
}

/* The whole program: returns the exit status. argv's texts must outlive the call. */
int cli_main(int argc, char **argv);
