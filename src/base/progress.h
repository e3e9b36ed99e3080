/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * How a long piece of work tells how far it is. Libraries report; cli/ draws.
 */

enum progress_unit { PROGRESS_NONE, PROGRESS_BYTES, PROGRESS_ITEMS };

struct progress_event {
	const char *step;  /* stable id and column heading: "image", "ssh" ... */
	const char *phase; /* "download", "unpack", "configure" ...; N_() marked */
	const char *note;  /* what is worked on: a package's name; or NULL */
	uint64_t done;
	uint64_t total; /* 0: unknown */
	enum progress_unit unit;
	bool finished; /* the step ended; note is its result line */
};

struct progress {
	void (*report)(void *arg, const struct progress_event *ev);
	void *arg;
};

/* report may be called on a struct progress that is all zero: nothing happens. */
static inline void progress_report(const struct progress *p, const struct progress_event *ev)
{
	if (p && p->report)
		p->report(p->arg, ev);
}
