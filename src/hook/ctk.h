/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"

/*
 * nvidia-ctk: its commands and options as rows. How this works: ctk_main walks the rows by the
 * words of the command line, fills the command's options (variable, then command line) and runs it.
 * Options are read as NVIDIA's program does: one dash or two, `--x=y` or `--x y`, lists
 * repeated or with commas.
 */

enum ctk_type {
	CTK_BOOL, /* bool: --x, --x=true, --x=false */
	CTK_STR,  /* const char *: the last one */
	CTK_LIST, /* const char *const *: all, split at commas; NULL: none */
	CTK_ALL,  /* const char *const *: all, as they are */
};

struct ctk_option {
	const char *names; /* with spaces between: "output o" */
	enum ctk_type type;
	size_t offset;	   /* in the command's options */
	const char *env;   /* variables with spaces between, or NULL */
	const char *value; /* what help calls the value, or NULL */
	const char *help;
};

struct ctk_call {
	struct arena arena;
	const void *options;
	char **args; /* what is left, NULL-terminated */
	bool quiet;
	bool debug;
	const char *config; /* --config, or NULL */
};

struct ctk_command {
	const char *name;
	const char *summary;
	const struct ctk_option *options; /* ends with a row without names; or NULL */
	size_t options_size;
	/* 0 or -code with *e; a positive number is the exit status. */
	int (*run)(struct ctk_call *c, struct err *e);
	const struct ctk_command *sub; /* ends with a row without a name */
};

extern const struct ctk_command ctk_cdi[];     /* ctk_cdi.c */
extern const struct ctk_command ctk_config[];  /* ctk_config.c */
extern const struct ctk_command ctk_runtime[]; /* ctk_runtime.c */
extern const struct ctk_command ctk_system[];  /* ctk_system.c */

/*
 * The options at *argv (after the command's name) into target; *argv is left at the first word that
 * is none, or behind "--". ERR_USAGE.
 */
int ctk_options_read(const struct ctk_option *rows, char ***argv, void *target, struct arena *a,
		     struct err *e) MUST_USE;

/* A result: to this file, or to stdout when it is NULL, "" or "-". */
int ctk_output(const char *path, const char *text, size_t len, struct err *e) MUST_USE;
