/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/doc.h"
#include "setup/plan.h"

/*
 * What was done to this machine: STATE/journal, one JSON object a line, each synced before setup
 * goes on. A torn last line (power cut) is dropped. Inside setup/ only.
 *
 *   {"run": N, "version": "0.1.0", "time": "2026-11-25T10:00:00Z", "options": {...}}
 *   {"begin": N, "op": {...}, "before": {...}}   op: as op_json
 *   {"end": N, "after": {...}}
 *   {"failed": N, "error": "...", "after": {...}}
 *   {"paused": "reboot"|"human"}                 the run goes on later
 *   {"finished": N}                              of a run
 *   {"undone": N}                                an operation was taken back
 */

struct journal_entry {
	unsigned int n;
	struct op op;
	json_t *before; /* or NULL */
	json_t *after;	/* or NULL */
	bool ended;	/* false: it was begun, and the machine stopped or it failed */
	bool open;	/* it was begun, and what it did by then is not known yet */
	bool undone;
};

struct journal {
	struct arena arena;
	int fd; /* to append; -1: read only */
	struct journal_entry *v;
	size_t n;
	unsigned int last;  /* number of the last operation */
	unsigned int run;   /* of the last run; 0: there was none */
	json_t *options;    /* of the last run */
	bool unfinished;    /* the last run has neither finished nor been undone */
	const char *paused; /* "reboot", "human", or NULL */
};

/*
 * ERR_PARSE with FILE:LINE for a line (not the last) that cannot be read. write: to add lines too,
 * so the file is made where it is missing, and a torn end is cut off. It begins as {.fd = -1}.
 */
int journal_open(struct journal *j, int state_fd, bool write, struct err *e) MUST_USE;
/* A journal's text alone. */
int journal_read(struct journal *j, const char *text, size_t len, struct err *e) MUST_USE;
/* Takes line; it is on the disk, and in j, when this returns 0. */
int journal_add(struct journal *j, json_t *line, struct err *e) MUST_USE;
void journal_close(struct journal *j);
