/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/progress.h"
#include "engine/engine.h"
#include "engine/gpu.h"
#include "env/define.h"
#include "host/summary.h"
#include "oci/store.h"

/*
 * An environment on disk: data/envs/NAME. env.json records what it was made
 * from; upper/ holds what was changed inside, home/ the user's files, ssh/ and
 * jupyter/ its credentials, run/ what dlenv-init reads and writes.
 */

/* What all operations need; opened once for each command. */
struct site {
	const struct root *machine; /* what is read of the host */
	const struct paths *paths;
	const struct user *user;
	const struct progress *progress;
	struct store store;
	struct engine engine;
	struct host_summary host;
};

int site_open(struct site *s, const struct root *machine, const struct paths *p,
	      const struct user *u, const struct progress *pr, struct err *e) MUST_USE;
void site_close(struct site *s);

struct env_record {
	char *project; /* folder that is mounted, absolute */
	char *preset;
	char *accelerator;     /* "cpu" or "cuda" */
	struct strs layers;    /* image layers, bottom first, without the user's */
	uint16_t jupyter_port; /* 0: none yet */
	int64_t created;       /* Unix time */
	char *network;	       /* what was chosen at the last start, or NULL */
	char *gpu;	       /* what was asked for at the last start, or NULL */
	char *driver;	       /* version of the GPUs' driver then, or NULL */
	struct gpu_card *gpus; /* what it has got */
	size_t gpus_n;
	struct strs variables;	/* that came with them, NAME=VALUE */
	struct strs gpu_places; /* where the driver's files were mounted */
	struct strs settings;	/* --set and options of the `up` that made it: they hold for every
				   start */
};

struct env {
	struct site *site;
	char *name;
	char *id;	  /* the container's: env-NAME */
	char *dir;	  /* data/envs/NAME */
	int lock;	  /* -1 when not held */
	bool exists;	  /* env.json was there */
	bool keep_groups; /* at this start: the caller's groups open a device */
	struct env_record rec;
};

enum env_open_flags {
	ENV_LOCK = 1 << 0,	 /* wait for other dlenv processes at work on it */
	ENV_MUST_EXIST = 1 << 1, /* ERR_ABSENT, with the names there are */
	ENV_DAMAGED = 1 << 2,	 /* one whose record cannot be read will do: to remove it */
};

int env_open(struct env *v, struct site *s, const char *name, unsigned int flags, struct err *e)
	MUST_USE;
void env_close(struct env *v);
int env_record_save(struct env *v, struct err *e) MUST_USE;
/* Names of all environments, sorted. */
int env_list(struct site *s, struct strs *ret, struct err *e) MUST_USE;

/* The image layers that environments are made from. ERR_* when a record cannot be read: then
 * nothing may be removed. */
int env_layers_used(struct site *s, struct strs *ret, struct err *e) MUST_USE;

/* A path below the environment's folder. The text is the caller's. */
char *env_path(const struct env *v, const char *name) MUST_USE;

/* The running container. ERR_ABSENT when stopped. running_fini it. */
int env_running(struct env *v, struct running *ret, struct err *e) MUST_USE;

enum up_result {
	UP_CREATED = 1 << 0, /* the environment is new */
	UP_STARTED = 1 << 1, /* it was not running */
	UP_STALE =
		1
		<< 2, /* it runs or has changes of its own on an older image: rebuild applies it */
};

/* Build what is missing, create, start. *ret_what: enum up_result. */
int env_up(struct env *v, const struct env_def *d, unsigned int *ret_what, struct err *e) MUST_USE;

/* The definition that an existing environment was made from, read anew. env_def_fini it. */
int env_definition(const struct env *v, struct env_def *ret, struct err *e) MUST_USE;
/* Start a stopped one from its record and definition. A running one is left alone. */
int env_start(struct env *v, const struct env_def *d, struct err *e) MUST_USE;
int env_stop(struct env *v, int timeout_ms, struct err *e) MUST_USE;
/* Forget what was changed inside, keep home/ and credentials. Must be stopped. */
int env_reset(struct env *v, struct err *e) MUST_USE;
/* Everything of it. Must be stopped. Refuses when something is still mounted below it. */
int env_remove(struct env *v, struct err *e) MUST_USE;

/* Does this machine get the CUDA builds? */
bool env_wants_cuda(const struct site *s, const struct env_def *d);

/* The image that this definition needs on this machine, built when it is missing. */
int env_image(struct site *s, const struct env_def *d, bool offline, struct image *ret,
	      bool *ret_cuda, struct err *e) MUST_USE;

/* *ret: env_image would have nothing to do. */
int env_image_ready(struct site *s, const struct env_def *d, bool *ret, struct err *e) MUST_USE;

/*
 * Enter: a command as the user. cwd NULL takes the caller's folder when it is
 * visible inside, else ~/workspace. root: as root. *ret_status: the command's.
 */
struct enter {
	const char *const *args;
	const char *gpu; /* of the environment's GPUs only these; NULL: all of them */
	const char *cwd;
	bool tty;
	bool root;
};
int env_enter(struct env *v, const struct env_def *d, const struct enter *n, int *ret_status,
	      struct err *e) MUST_USE;

/* A throw-away container of a preset's image. */
int env_run_once(struct site *s, const struct env_def *d, const struct enter *n, int *ret_status,
		 struct err *e) MUST_USE;

/* One line of dlenv-init's status file. */
struct service_status {
	char name[64];
	char state[16];
	char health[16];
	uint64_t pid;
	uint64_t restarts;
};
/* At most max rows; *ret_n are there. ERR_ABSENT before init has written any. */
int env_services(const struct env *v, struct service_status *rows, size_t max, size_t *ret_n,
		 struct err *e) MUST_USE;
/* Wait until every service is healthy, or failed (ERR_FAIL names it), or ERR_BUSY after timeout_ms.
 */
int env_wait_healthy(const struct env *v, int timeout_ms, struct err *e) MUST_USE;
