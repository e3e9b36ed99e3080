/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/attr.h"
#include "init/conf.h"
#include "init/logfile.h"
#include "init/service.h"

/* Slots for services: those of the file, and those removed from it that are still ending. */
enum { INIT_SLOTS = 2 * CONF_SERVICES_MAX };

/* Everything that dlenv-init knows. */
struct init {
	const char *path; /* of the configuration */
	struct conf conf;
	struct err conf_err; /* why conf is empty; code 0: it is not */
	struct service services[INIT_SLOTS];
	size_t n;
	struct logfile log; /* init.log */
	int signal_fd;
	int timer_fd;
	bool is_stopping;
	bool is_changed;       /* the status file does not tell the truth yet */
	uint64_t status_ms;    /* when to try again to write it, or SERVICE_NEVER */
	bool status_is_broken; /* and init.log says so */
};

/* supervise.c: what happens to services. */

/* A line in init.log, with the time in front. */
void init_note(struct init *in, const char *fmt, ...) FORMAT(2, 3);

/* Read the configuration (again) and start, stop, restart what differs. */
void init_load(struct init *in);

/* Collect every child that has ended. */
void init_reap(struct init *in, uint64_t now);

/* Start, kill and probe what is due. ready tells whether poll() reported a service's probe. */
void init_turn(struct init *in, struct service *s, bool is_ready, uint64_t now);

/* Copy what a service has written into its log: at most one chunk. False when there was nothing. */
bool init_copy_output(struct init *in, struct service *s);

/* Tell all services to end. */
void init_stop(struct init *in, uint64_t now);

/* Forget removed services that have ended. */
void init_sweep(struct init *in);

/* Bring the status file up to date. */
void init_publish(struct init *in, uint64_t now);

/* finish.c: end whatever else is in the pid namespace, a second for it to end by itself. */
void init_finish(struct init *in);
