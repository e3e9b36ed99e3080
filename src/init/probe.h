/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "init/conf.h"

/*
 * Is a service healthy? A connection to its address is opened and closed again;
 * one that takes longer than a second counts as refused. A service that was
 * just started is asked often, a healthy one each 30 s.
 */
enum {
	PROBE_LIMIT_MS = 1000,	  /* for one connection */
	PROBE_FIRST_MS = 100,	  /* after the start, then twice as long each time up to ... */
	PROBE_STARTING_MS = 1000, /* ... this, for the first minute */
	PROBE_BAD_MS = 10000,	  /* when it is still not healthy after that */
	PROBE_OK_MS = 30000,	  /* when it is healthy */
};

enum health { HEALTH_UNKNOWN, HEALTH_OK, HEALTH_BAD };

struct probe {
	int fd;		   /* a connection that is being opened, or -1 */
	uint64_t due_ms;   /* when the next one starts, or when this one has taken too long */
	uint64_t since_ms; /* when the service was started or was last healthy */
	uint64_t wait_ms;  /* between the last two */
	enum health health;
};

#define PROBE_EMPTY ((struct probe){.fd = -1, .due_ms = UINT64_MAX})

/* The service was started now. Without an address it is healthy at once, and never probed. */
void probe_start(struct probe *p, const struct conf_service *def, uint64_t now);

/* The service has ended. */
void probe_stop(struct probe *p);

/*
 * Do what is due: open a connection, or judge the one that poll() says is ready
 * (is_ready). True when the health has changed.
 */
bool probe_turn(struct probe *p, const struct conf_service *def, bool is_ready, uint64_t now);
