/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "runtime/cgroup.h"
#include "runtime/command.h"
#include "runtime/mount_options.h"
#include "runtime/runtime.h"
#include "runtime/seccomp.h"
#include "runtime/spawn.h"
#include "runtime/spec.h"

/* Inside the runtime: one container on its way, seen by the stages of both processes. */

enum { PIPE_READ, PIPE_WRITE };

struct rt {
	const struct rt_opts *o;
	const char *bundle;
	struct spec spec;
	struct seccomp_filter filter;
	struct cgroup cgroup;
	struct spawn spawn;
	bool userns;	   /* the container's user namespace is not ours */
	bool new_userns;   /* and is made for it */
	bool maps_self;	   /* its process writes the mapping itself */
	bool new_cgroupns; /* made when the process is in its cgroup, which is then its root */
	bool wait_ready;   /* the parent writes the mapping or moves the process into its cgroup */
	bool wait_go;	   /* the parent has something to do before exec */
	bool in_cgroup;	   /* by CLONE_INTO_CGROUP */
	int errors[2];	   /* child to parent: struct err; closed by exec */
	int go[2];	   /* parent to child: one byte for each thing to wait for */
	int console[2];	   /* child to parent: the terminal's master; -1: no terminal */
	pid_t pid;
	struct own_program own;

	/* The child's. All descriptors are O_PATH or detached mounts, close-on-exec. */
	int *sources;		       /* by index of spec.mounts; -1 where a mount has none */
	struct mount_options *options; /* by index of spec.mounts */
	int *layers;		       /* overlay, top first */
	size_t layers_n;
	int upper;
	int work;
	int place; /* the bundle: where the root is mounted before pivot_root */
	int place_parent;
	int null;      /* the host's null device */
	int root;      /* the container's root */
	int slave;     /* the terminal */
	bool has_proc; /* /proc is a procfs that was mounted here */
};

/* A type of namespace; the table ends with a row without type, and is in the order of entering. */
struct ns_row {
	const char *type; /* as config.json has it */
	const char *file; /* below /proc/PID/ns */
	unsigned long flag;
};
extern const struct ns_row rt_namespaces[];

/* Wait for a child; signals in set, which are blocked, are passed on to it. Its exit status. */
int rt_wait_forwarding(pid_t pid, const sigset_t *set);

/* The row of a stage: functions of the child run in order until one fails. */
struct stage {
	const char *name; /* for the log */
	bool (*when)(const struct rt *rt);
	int (*run)(struct rt *rt, struct err *e);
};

/* From the child: the parent's on_warning is told. */
void rt_child_warn(const struct rt *rt, const char *fmt, ...) FORMAT(2, 3);
void rt_child_warn_text(void *arg, const char *text); /* arg is a struct rt */
/* From the parent. */
void rt_warn(void *arg, const char *text);

/* What the child does; returns only on failure, with the exit status. arg is a struct rt. */
int rt_child(void *arg);

/* Stages, by file. */
int stage_sources(struct rt *rt, struct err *e); /* child_root.c */
int stage_root(struct rt *rt, struct err *e);
int stage_pivot(struct rt *rt, struct err *e);
int stage_mounts(struct rt *rt, struct err *e);	  /* child_mounts.c */
int stage_devices(struct rt *rt, struct err *e);  /* child_dev.c */
int stage_console(struct rt *rt, struct err *e);  /* child_dev.c */
int stage_tree(struct rt *rt, struct err *e);	  /* child_tree.c */
int stage_sysctl(struct rt *rt, struct err *e);	  /* child_mask.c */
int stage_masks(struct rt *rt, struct err *e);	  /* child_mask.c */
int stage_readonly(struct rt *rt, struct err *e); /* child_mask.c */
