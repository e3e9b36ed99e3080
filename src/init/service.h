/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "init/conf.h"
#include "init/logfile.h"
#include "init/probe.h"

/*
 * One service and what it is going through. The functions here only decide:
 * times come in as arguments, processes are made and killed by the caller.
 *
 *            due                  healthy
 *   BACKOFF ─────► STARTING ─────────────► RUNNING
 *      ▲              └──────── ends ────────┤
 *      ├──────────── again later ────────────┤
 *      │                                     ├──► STOPPED   ended as it may
 *      │  was changed                        └──► FAILED    too often, or may not end
 *   STOPPING ────► STOPPED
 */
enum service_state {
	SERVICE_BACKOFF, /* is started when it is due */
	SERVICE_STARTING,
	SERVICE_RUNNING,
	SERVICE_STOPPING, /* was told to end; killed when it is due */
	SERVICE_STOPPED,
	SERVICE_FAILED,
};

enum {
	BACKOFF_FIRST_MS = 200,
	BACKOFF_MAX_MS = 30000,
	HEALTHY_MS = 60000, /* healthy for so long: earlier failures are forgotten */
	FAILURES_MAX = 10,  /* so many in a row: it gives up */
};

#define SERVICE_NEVER UINT64_MAX

struct service {
	char name[CONF_NAME_MAX + 1];
	const struct conf_service *def; /* NULL: removed; forgotten when it has ended */
	enum service_state state;
	bool again; /* start again when stopped */
	pid_t pid;  /* also its process group; 0 when it does not run */
	int exit;   /* status, 128 + signal, or -1 when it has never ended */
	unsigned int starts;
	unsigned int failures; /* in a row */
	uint64_t due_ms;       /* SERVICE_NEVER: nothing is */
	uint64_t healthy_ms;   /* since when, or SERVICE_NEVER */
	int64_t since;	       /* of this state, seconds since 1970 */
	int out[2];	       /* the pipe of its output: kept open for its whole life */
	struct logfile log;
	struct probe probe;
};

/* Waiting for its first start, which is due now. */
void service_init(struct service *s, const struct conf_service *def, uint64_t now);
void service_fini(struct service *s);

/* It was started. */
void service_started(struct service *s, pid_t pid, uint64_t now);

/*
 * Its process has ended, or could not be made (pid 0 was started). True when
 * the rest of its process group must go as well: it is in the way of another
 * start, or was to be stopped. A service that ended well may leave a child.
 */
bool service_ended(struct service *s, int exit, uint64_t now);

/* Stop it, and start it again if so. True when its process group must be told now. */
bool service_stop(struct service *s, bool again, uint64_t now);

/* Try again now if it waits for its turn or has given up. */
void service_retry(struct service *s, uint64_t now);

/* Its probe has found a change. */
void service_health(struct service *s, uint64_t now);

/* When to look at it again. */
uint64_t service_due(const struct service *s);
