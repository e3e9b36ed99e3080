/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"

/*
 * The configuration of container engines, changed so that they can use the GPU: planned first
 * (nothing is written), shown as a diff, carried out with a backup and a record, and undone by the
 * record. For `dlenv configure` and `nvidia-ctk runtime configure`.
 */

extern const char *const engine_names[]; /* "docker", "podman", ...; NULL-terminated */

enum engine_switch { SWITCH_AUTO, SWITCH_ON, SWITCH_OFF };

struct engine_options {
	const char *engine;	  /* one of engine_names */
	const char *config;	  /* its file, or NULL: where it usually is */
	const char *drop_in;	  /* NULL: as the engine likes it; "": never one */
	const char *runtime_name; /* NULL: "nvidia" */
	const char
		*runtime_path; /* NULL: nvidia-container-runtime, where it is or will be linked */
	const char *toolkit;   /* our program; NULL: no links to it are made */
	const char *state; /* folder of records below the root; NULL: /var/lib/dlenv/configure */
	bool make_default;
	bool hook; /* podman: a hook for NVIDIA_VISIBLE_DEVICES, for versions before 4.1 */
	enum engine_switch cdi;
};

/* A file that changes; texts are NULL where there is no file. */
struct engine_change {
	const char *path;
	const char *before;
	const char *after;
};

struct engine_link {
	char *path;
	char *target;
};

struct engine_file;
struct engine_plan {
	const struct root *root;
	const struct engine_options *options;
	struct engine_file *files;
	size_t files_n;
	struct engine_link *links;
	size_t links_n;
	struct strs notes;   /* for people: what is not needed, what else is to be done */
	const char *service; /* systemd's, or NULL: nothing has to be restarted */
	bool undo;	     /* links are removed, not made */
};

/*
 * A file that somebody named on a command line, as options take it: it counts from the current
 * folder. ERR_USAGE: it has to be absolute, since r is another machine than this one.
 */
int engine_path(const struct root *r, const char *path, struct arena *a, const char **ret,
		struct err *e) MUST_USE;

/*
 * What would be done. ERR_USAGE: no such engine; ERR_PARSE, ERR_CONFIG: a file is wrong, with its
 * position; ERR_PRIV: it cannot be read. engine_plan_fini frees *ret; root and o must outlive it.
 */
int engine_plan(const struct root *r, const struct engine_options *o, struct engine_plan *ret,
		struct err *e) MUST_USE;
/* What --undo would do, from the record. ERR_ABSENT: there is none. */
int engine_plan_undo(const struct root *r, const struct engine_options *o, struct engine_plan *ret,
		     struct err *e) MUST_USE;
void engine_plan_fini(struct engine_plan *p);

size_t engine_changes(const struct engine_plan *p); /* files that change */
struct engine_change engine_change_at(const struct engine_plan *p, size_t i);
bool engine_is_done(const struct engine_plan *p); /* there is nothing to do */

/* A unified diff of all files. The text is the caller's. */
char *engine_diff(const struct engine_plan *p) MUST_USE;

/*
 * Carry a plan out: backups and record first, then each file by rename, then links. ERR_PRIV with a
 * hint where that is root's. Undoing is the same with the plan of engine_plan_undo.
 */
int engine_apply(struct engine_plan *p, struct err *e) MUST_USE;

/* Restart the engine's service. ERR_ABSENT: this machine does not run systemd. */
int engine_restart(const struct engine_plan *p, struct err *e) MUST_USE;
