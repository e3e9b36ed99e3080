/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"

/* Other programs: an argument vector, never a shell; fixed PATH, LC_ALL=C. */

/* A line that a program printed, without its newline. Return nonzero to kill the program. */
typedef int proc_line_fn(void *arg, const char *line);

/* Nonzero: kill the program. It may also send it a signal itself. */
typedef int proc_wake_fn(void *arg, pid_t pid);

struct proc {
	const char *const *argv; /* argv[0] is looked up in the fixed PATH */
	const char *const *env;	 /* further NAME=VALUE, or NULL */
	const char *cwd;	 /* or NULL */
	int stdin_fd;		 /* 0 or less: /dev/null */
	int log_fd;		 /* both outputs are copied here when above 0 */
	int status_fd;		 /* the program's descriptor whose lines go to on_status, or 0 */
	proc_line_fn *on_line;	 /* each line of both outputs, or NULL */
	proc_line_fn *on_status;
	int wake_fd; /* on_wake is called as long as it is readable; 0: none */
	proc_wake_fn *on_wake;
	void *arg;	  /* of on_line, on_status and on_wake */
	int timeout_ms;	  /* 0: none */
	bool own_session; /* signals of the terminal (Ctrl-C) do not reach it */
	int (*in_child)(void *arg, struct err *e); /* before exec, in the child, or NULL */
	void *in_child_arg;
	struct buf *last; /* gets the last lines printed, or NULL; set its max */
};

/*
 * Run to the end. *ret_status is the exit status (128 + signal when killed).
 * ERR_NOCMD when the program does not exist, ERR_BUSY after timeout_ms.
 */
int proc_run(const struct proc *p, int *ret_status, struct err *e) MUST_USE;

/* Run and take stdout (at most 1 MiB). Fails when the exit status is not 0. */
int proc_capture(const char *const *argv, char **ret, struct err *e) MUST_USE;

/* The path of a program in the fixed PATH (the caller's), or NULL. */
char *proc_find(const char *name) MUST_USE;

/* Wait for a child: exit status, 128 + signal, or -1 with errno. */
int proc_wait(pid_t pid);

/*
 * A child that fails before exec hands its struct err to the parent through a
 * close-on-exec pipe. err_receive: 0 when the pipe closed without one (exec
 * succeeded), else the child's error in *e.
 */
void err_send(int fd, const struct err *e);
int err_receive(int fd, struct err *e);
