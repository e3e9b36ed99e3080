/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/env.h"
#include "engine/container.h"
#include "runtime/runtime.h"

/*
 * One interface to whatever runs containers. dlenv's own engine has no daemon:
 * a container is a folder below run/containers/ that records its first process.
 */

struct engine {
	const struct engine_ops *ops;
	const struct paths *paths;
	const struct user *user;
	struct idmap map;    /* no rows: rootful */
	char *seccomp_cache; /* folder */
	/* What was degraded and why, for the user; or NULL. */
	void (*warn)(void *arg, const char *text);
	void *warn_arg;
};

struct running {
	struct rt_process_id init; /* the container's PID 1 */
	struct rt_process_id net;  /* pasta or slirp4netns, pid 0 without */
	enum net_mode net_mode;
	char *bundle; /* folder with its config.json */
};

struct command_in {
	const char *const *args;
	const char *const *env;
	const char *cwd;
	uint32_t uid;
	uint32_t gid;
	const uint32_t *groups;
	size_t groups_n;
	bool tty;
};

struct engine_ops {
	const char *name;
	const char *summary;
	/* Start in the background; the container runs until its first process ends. */
	int (*start)(struct engine *en, struct container *c, struct running *ret, struct err *e);
	/* Start, wait, remove. *ret_status: the command's. */
	int (*run)(struct engine *en, struct container *c, int *ret_status, struct err *e);
	/*
	 * Make what a start would make in c->upper before the first program, and stop. ERR_RUNTIME
	 * as well when something of it is left out that a start would only warn about.
	 */
	int (*prepare)(struct engine *en, struct container *c, struct err *e);
	/* ERR_ABSENT when no container of that name runs. */
	int (*find)(struct engine *en, const char *id, struct running *ret, struct err *e);
	int (*exec)(struct engine *en, const char *id, const struct running *r,
		    const struct command_in *cmd, int *ret_status, struct err *e);
	/* SIGTERM, then SIGKILL after timeout_ms; removes what is left. Not running is no error. */
	int (*stop)(struct engine *en, const char *id, int timeout_ms, struct err *e);
};

/*
 * dlenv's own engine for this user. ERR_PRIV with the cure when the machine
 * does not let this user run containers.
 */
int engine_open(struct engine *en, const struct paths *p, const struct user *u, struct err *e)
	MUST_USE;
void engine_close(struct engine *en);
void running_fini(struct running *r);

/* The folder run/containers/ID. The text is the caller's. */
char *engine_run_dir(const struct engine *en, const char *id) MUST_USE;
