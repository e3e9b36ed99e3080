/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "setup/execute.h"
#include "setup/journal.h"

/* What the files of the executor share. Inside setup/ only. */

/* The journal that x has open, or that of x->state, read into own. ERR_ABSENT: there is none. */
int executor_journal(struct executor *x, struct journal *own, struct journal **ret, struct err *e)
	MUST_USE;

/* Heal what a killed package manager left, and find out what operations had done by then. */
int executor_settle(struct executor *x, struct err *e) MUST_USE;
int executor_repair(struct executor *x, struct err *e) MUST_USE;
/* Ask what came of an operation, for a line of the journal. */
int executor_after(struct executor *x, const struct op *o, const json_t *before, json_t *line,
		   struct err *e) MUST_USE;
int executor_after_failure(struct executor *x, const struct op *o, const json_t *before,
			   json_t *line, struct err *e) MUST_USE;
/* Work on an entry's operation: what is at work, its files, its number. */
void executor_at(struct executor *x, const struct op *o, unsigned int number);

/* A program for an operation. */
struct executor_program {
	const char *const *argv;
	const char *user; /* NULL: root */
	int stdin_fd;	  /* 0: nothing */
	bool secret;	  /* what it prints is not kept */
	/* A question: what it printed, for free(), and its status, none of which is a failure. */
	char **ret_text;
	int *ret_status;
	int timeout_ms;	  /* 0: none */
	struct buf *said; /* gets the end of what it prints; with a max of its own; or NULL */
};
int executor_run_with(struct executor *x, const struct executor_program *program, struct err *e)
	MUST_USE;
/* 0: it ran, whatever its status; *ret is for free(). */
int executor_question(struct executor *x, const char *const *argv, const char *user, char **ret,
		      int *ret_status) MUST_USE;
/* A proc_wake_fn; arg: the executor. */
int executor_wake(void *arg, pid_t pid);

/* DLENV_FAULT: "kill" and "killed" do not return, "fail" is an error. */
enum fault_point { FAULT_BEGUN, FAULT_APPLIED };
int executor_fault(struct executor *x, enum fault_point at, struct err *e) MUST_USE;
/* The error of a run that somebody has stopped. */
int executor_stopped_err(const struct executor *x, struct err *e);

/* What was asked for, in the journal. */
json_t *options_json(const struct setup_options *o) MUST_USE;
int options_from_json(const json_t *j, struct arena *a, struct setup_options *ret, struct err *e)
	MUST_USE;

/* The one-time password is of no use any more. */
void mok_forget(struct executor *x);

/* resume.c: the unit that goes on after a reboot. false: there is no systemd here. */
bool resume_unit_write(struct executor *x);
void resume_unit_remove(struct executor *x);
