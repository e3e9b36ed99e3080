/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

/*
 * An operation: the smallest thing that setup does to a machine, as data. Steps only append them
 * to a plan (setup/plan.h). What one means, how it is shown, carried out, undone and written as
 * shell is its kind's row in op.c.
 */

enum op_flags {
	OP_OPTIONAL = 1 << 0, /* a failure is told, and setup goes on */
	OP_NOW = 1 << 1,      /* enable-unit: start it too */
	OP_ARMOR = 1 << 2,    /* add-key: keep it as text */
	OP_RPM_KEY = 1 << 3,  /* add-key: into rpm's database, beside the file */
	OP_KEEP = 1 << 4,     /* undo leaves it, and says so */
	OP_PRIVATE = 1 << 5,  /* the text is not shown */
	OP_MARKER = 1 << 6,   /* run: the file that it makes is empty */
};

/* Packages to install together. Of several the first is taken whose packages all exist. */
struct op_choice {
	const char *const *packages; /* "name" or "name=version", NULL-terminated */
};

/* Which fields a kind has, op.c's row says; the others are NULL or 0. Texts: the plan's arena. */
struct op {
	const struct op_kind *kind;
	const char *step; /* id of the step that wants it */
	const char *why;  /* one translated sentence, or NULL */
	const char *path; /* a file; run: what it makes, so that it is done when it is there */
	const char *text; /* contents */
	const char *url;
	const char *name;	  /* of a key, unit, group, module, engine */
	const char *user;	  /* run: as whom; group and ids: whose; NULL: root */
	const char *const *words; /* packages, or an argument vector */
	const char *const *undo;  /* run: the argument vector that takes it back, or NULL */
	const struct op_choice *choices;
	size_t choices_n;
	mode_t mode;
	unsigned int flags; /* enum op_flags */
};

struct executor;
struct script;

/* How the machine is, as one operation of a plan sees it. */
enum op_state {
	OP_UNKNOWN = -1, /* that cannot be known here (a recorded machine) */
	OP_TODO,
	OP_DONE, /* the machine is as it should be */
	OP_LEFT, /* it is left to people */
};

static inline bool op_is_open(int state)
{
	return state != OP_DONE && state != OP_LEFT;
}

struct op_kind {
	const char *name; /* in plans, journals and JSON: "write-file" */
	bool late;	  /* undone after all that is not */
	/* An op_state. Looks only. Decides alone whether there is work: resuming is no more. */
	int (*done)(const struct op *o, struct executor *x);
	/* Can nothing here do it, as systemd does not run? Then done is not asked. NULL: never. */
	bool (*left)(const struct op *o, const struct executor *x);
	/* What undo will need, before anything is changed: kept in the journal. NULL: nothing. */
	int (*before)(const struct op *o, struct executor *x, json_t **ret, struct err *e);
	int (*apply)(const struct op *o, struct executor *x, struct err *e);
	/*
	 * What came of it (packages that were added), kept likewise. NULL: nothing. The next run
	 * asks this first for what a crash left begun and not ended, so that nothing that happens
	 * later is taken for its work.
	 */
	int (*after)(const struct op *o, struct executor *x, const json_t *before, json_t **ret,
		     struct err *e);
	/*
	 * Take back. after is NULL when the operation was begun and not ended. What is left, and
	 * why, goes to executor_note. NULL: there is nothing to take back.
	 */
	int (*undo)(const struct op *o, struct executor *x, const json_t *before,
		    const json_t *after, struct err *e);
	/* One line for people, translated, e.g. "install docker-ce, containerd.io". */
	void (*show)(const struct op *o, const struct executor *x, struct buf *ret);
	/* The same as shell, for --script: lines that may use the functions of script.c. */
	void (*script)(const struct op *o, struct script *s);
};

extern const struct op_kind op_write_file; /* path, text, mode */
extern const struct op_kind op_move_aside; /* path: a file that gets in the way */
extern const struct op_kind op_add_key;	   /* name (of keys.tsv), url, path */
extern const struct op_kind op_refresh;	   /* - : the repositories' lists */
extern const struct op_kind op_install;	   /* choices */
extern const struct op_kind
	op_install_file; /* url, name (of the key that signed it), words (the package) */
extern const struct op_kind op_remove;	      /* words: those of them that are installed */
extern const struct op_kind op_hold;	      /* words */
extern const struct op_kind op_mark;	      /* words: as the user's wish */
extern const struct op_kind op_module_stream; /* name: "nvidia-driver:open-dkms" */
extern const struct op_kind op_run;	      /* words, undo, path, user */
extern const struct op_kind op_wait_module;   /* name: until akmods or dkms has built it */
extern const struct op_kind op_initramfs;     /* - */
extern const struct op_kind op_load_module;   /* name */
extern const struct op_kind op_enrol_key;     /* path: a certificate (DER) */
extern const struct op_kind op_enable_unit;   /* name, user (a user's unit), OP_NOW */
extern const struct op_kind op_restart_unit;  /* name, user */
extern const struct op_kind op_add_to_group;  /* user, name */
extern const struct op_kind op_grant_subids;  /* user */
extern const struct op_kind op_configure;     /* name: an engine of engine_names; user: rootless */
extern const struct op_kind op_describe_gpus; /* - : CDI specification, and what keeps it true */
extern const struct op_kind op_reboot;	      /* why */

/* NULL: there is no such kind. */
const struct op_kind *op_kind_by_name(const char *name);
