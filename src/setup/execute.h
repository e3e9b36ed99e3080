/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <signal.h>
#include <time.h>

#include "base/progress.h"
#include "compat/facts.h"
#include "pkg/key.h"
#include "pkg/pkg.h"
#include "setup/plan.h"

/*
 * The one place that changes a machine. How this works: the journal (journal.h) gets a line, synced
 * to the disk, before and after each operation; an operation is skipped when it is done already;
 * so running again after a crash or a reboot goes on where it has to, and undo reads the lines
 * backwards.
 */

/* What operations work with. */
struct executor {
	struct arena arena;
	const struct root *root;
	bool live;
	const struct pkg_manager *pkg; /* or NULL */
	struct strs packages;	       /* installed; read anew after each change */
	bool packages_known;
	struct facts *facts; /* keys */
	const char *const *trust;
	const char *user;  /* the intended user, or NULL */
	const char *state; /* folder of the journal; NULL on a recorded machine */
	int state_fd;
	int log_fd; /* everything that programs print */
	const struct progress *progress;
	struct strs notes;	 /* what is left, for people */
	bool systemd;		 /* it runs here as PID 1 */
	bool reboot;		 /* reboot by itself */
	struct journal *journal; /* NULL: it only looks */
	int lock_fd;
	int signal_fd;	     /* SIGINT, SIGTERM and SIGHUP: the work is to be stopped */
	sigset_t signals;    /* the mask that the process had before */
	int stops;	     /* how often that was asked for; more than once: programs too */
	int64_t stopped_at;  /* the last time, s by the monotonic clock */
	unsigned int number; /* of the operation at work: its files are in state/kept/NUMBER */
	const char *step;    /* of the operation at work, and which of how many it is */
	size_t at, of;
	unsigned int works; /* operations of this run that had work: for DLENV_FAULT */
};

struct setup;
struct setup_options;
/* To look only (plans): no state, no lock. */
void executor_look(struct executor *x, const struct setup *s);
/* To change: takes the lock (ERR_BUSY names who holds it), opens journal and log. ERR_PRIV. */
int executor_open(struct executor *x, const struct setup *s, const char *state,
		  const struct progress *progress, struct err *e) MUST_USE;
void executor_close(struct executor *x);

void executor_note(struct executor *x, const char *fmt, ...) FORMAT(2, 3);
/* Run a program with its output in the log and on_line: 0, or ERR_FAIL with its last words. */
int executor_run(struct executor *x, const char *const *argv, const char *user, struct err *e)
	MUST_USE;
/* Somebody wants the work to stop (Ctrl-C): for what waits by itself. */
bool executor_is_stopped(struct executor *x);
/* Tell people what is being worked on. */
void executor_say(struct executor *x, const char *note);
/* Run one that only tells something: its stdout, or an error. */
int executor_ask(struct executor *x, const char *const *argv, char **ret, struct err *e) MUST_USE;
/* Read the installed packages anew. */
int executor_packages(struct executor *x, struct err *e) MUST_USE;
/*
 * What is accepted for a key of keys.tsv: its row and --trust-key. In the arena. ERR_VERIFY: the
 * row comes from a user's table that somebody other than root may write. ERR_BUG: there is no such
 * key.
 */
int executor_pin(struct executor *x, const char *key, struct key_pin *ret, struct err *e) MUST_USE;

/*
 * Carry a plan out. ERR_REBOOT and ERR_HUMAN: so far everything is done, and `dlenv setup
 * --resume` goes on after that; with systemd a unit does so by itself. Else the first failure; what
 * was done stays done, and stands in the journal.
 */
int execute(struct executor *x, const struct plan *p, const struct setup_options *o, struct err *e)
	MUST_USE;

/* Take back what the journal says, newest first; targets 0: everything. ERR_ABSENT: nothing. */
int execute_undo(struct executor *x, unsigned int targets, struct err *e) MUST_USE;
/* Lines for people of what undo would do; changes nothing. */
int undo_text(struct executor *x, unsigned int targets, struct buf *ret, struct err *e) MUST_USE;
/* What an unfinished run asked for, to go on with it. ERR_ABSENT: there is none. In the arena. */
int execute_unfinished(struct executor *x, struct setup_options *ret, struct err *e) MUST_USE;
