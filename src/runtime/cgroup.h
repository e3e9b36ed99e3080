/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/str.h"
#include "runtime/spec.h"

/*
 * A container's cgroup: unified (v2) where the whole tree is, else the v1
 * hierarchies that a limit needs; on hybrid hosts the v2 tree is left alone.
 */

enum cgroup_kind { CGROUP_NONE, CGROUP_V1, CGROUP_V2 };

struct cgroup {
	enum cgroup_kind kind;
	struct strs dirs; /* folders of the container's cgroup; v2: one */
	int fd;		  /* v2: that folder, for CLONE_INTO_CGROUP; else -1 */
	bool own;	  /* made by us: to be removed */
};

/* A degradation and its cure, told to whoever listens. */
typedef void cgroup_warn_fn(void *arg, const char *text);

/* Which kind this host has. */
enum cgroup_kind cgroup_kind(void);

/*
 * Make the cgroup that linux.cgroupsPath names and set linux.resources. Where
 * that is not permitted: no cgroup, with a warning when a limit was asked for.
 */
int cgroup_make(const struct spec *s, cgroup_warn_fn *warn, void *arg, struct cgroup *ret,
		struct err *e) MUST_USE;

/* The existing cgroup of a running container, to be joined; empty when there is none. */
void cgroup_find(const struct spec *s, struct cgroup *ret);

/* Put a process into it (without CLONE_INTO_CGROUP). */
int cgroup_join(const struct cgroup *c, pid_t pid, struct err *e) MUST_USE;

/* Remove what cgroup_make made; processes in it must have gone. */
void cgroup_remove(struct cgroup *c);
void cgroup_fini(struct cgroup *c);

/* Kill what is in a container's cgroup and remove it. path as in cgroupsPath. */
int cgroup_sweep(const char *path, struct err *e) MUST_USE;
