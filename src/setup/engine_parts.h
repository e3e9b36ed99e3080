/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "setup/engine_config.h"
#include "setup/engine_file.h"

/* The parts of engine_config. */

/* An engine: how its configuration is changed. */
struct engine_row {
	const char *name;
	const char *config;  /* its file, below the root */
	const char *drop_in; /* a file of ours beside it, or NULL */
	enum engine_format format;
	const char *service;
	int (*plan)(struct engine_plan *p, const struct engine_row *row, struct err *e);
};
/* NULL: there is none, ERR_USAGE. */
const struct engine_row *engine_row_of(const char *name, struct err *e);

/* Open a file as the plan's next. *ret stays valid up to the next call. */
int engine_plan_file(struct engine_plan *p, const char *path, enum engine_format format,
		     struct engine_file **ret, struct err *e) MUST_USE;

int containerd_plan(struct engine_plan *p, const struct engine_row *row, struct err *e) MUST_USE;
int crio_plan(struct engine_plan *p, const struct engine_row *row, struct err *e) MUST_USE;

/* Copy a runtime's table (all but the keys in skip) to another name. */
int engine_copy_runtime(struct engine_file *to, const char *const *to_path,
			const struct engine_file *from, const char *const *from_path,
			const char *const *skip, struct err *e) MUST_USE;

static inline const char *engine_runtime_name(const struct engine_plan *p)
{
	return p->options->runtime_name ? p->options->runtime_name : "nvidia";
}

/* Links: which of NVIDIA's names the engine would not find, to our program. */
void engine_links_plan(struct engine_plan *p);
/* Where the shim is, or will be. The text is the caller's. */
char *engine_runtime_path(const struct engine_plan *p) MUST_USE;
int engine_links_make(const struct engine_plan *p, struct err *e) MUST_USE;
/* Remove those of the plan that still point where we let them point. */
int engine_links_remove(const struct engine_plan *p, struct err *e) MUST_USE;
void engine_link_add(struct engine_plan *p, const char *path, const char *target);

/* The record of what was done. */
int engine_record_write(const struct engine_plan *p, struct err *e) MUST_USE;
int engine_record_remove(const struct engine_plan *p, struct err *e) MUST_USE;
