/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "engine/build_parts.h"

enum { LINE_MAX_LEN = 16384 };

bool job_die_with(pid_t parent)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	return getppid() == parent;
}

struct pipe_end {
	int fd;
	proc_line_fn *on_line;
	struct buf line;
};

static void pipe_end_fini(struct pipe_end *p)
{
	fd_closep(&p->fd);
	buf_fini(&p->line);
}

static void NORETURN child(const struct job *j, pid_t parent, int out, int status, int errors)
{
	struct err e = {0};
	int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int high = fcntl(status, F_DUPFD_CLOEXEC, 100);

	errors = fcntl(errors, F_DUPFD_CLOEXEC, 100);
	if (!job_die_with(parent))
		_exit(1);
	/* The log's descriptor may be the one that is replaced now. */
	log_to(-1);
	/* Whatever descriptor 3 is (a lock, perhaps) stays open under another number. */
	(void)fcntl(JOB_STATUS_FD, F_DUPFD_CLOEXEC, 100);
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 ||
	    dup2(high, JOB_STATUS_FD) < 0)
		(void)err_sys(&e, "cannot prepare the program's descriptors");
	else
		(void)j->fn(j->arg, &e);
	if (e.code)
		err_send(errors, &e);
	_exit(e.code ? 1 : 0);
}

static void take(struct job *j, struct pipe_end *p, const char *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (data[i] != '\n' && data[i] != '\r') {
			if (p->line.len < LINE_MAX_LEN)
				buf_add(&p->line, data + i, 1);
			continue;
		}
		if (!p->line.len)
			continue;
		if (p->on_line)
			(void)p->on_line(j->line_arg, p->line.data);
		if (p->on_line != j->on_status)
			trouble_line(&j->trouble, p->line.data);
		p->line.len = 0;
	}
}

static void drain(struct job *j, struct pipe_end *p, bool logged)
{
	char data[16384];
	ssize_t n = read(p->fd, data, sizeof(data));

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0) {
		fd_closep(&p->fd);
		take(j, p, "\n", 1);
		return;
	}
	if (logged && j->b->log_fd > 0)
		(void)!write_all(j->b->log_fd, data, (size_t)n);
	take(j, p, data, (size_t)n);
}

static int start(struct job *j, struct pipe_end *out, struct pipe_end *status, int *ret_errors,
		 pid_t *ret_pid, struct err *e)
{
	int pipes[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
	pid_t parent = getpid();
	pid_t pid = -1;

	if (pipe2(pipes[0], O_CLOEXEC) == 0 && pipe2(pipes[1], O_CLOEXEC) == 0 &&
	    pipe2(pipes[2], O_CLOEXEC) == 0)
		pid = fork();
	if (pid == 0)
		child(j, parent, pipes[0][1], pipes[1][1], pipes[2][1]);
	if (pid < 0)
		(void)err_sys(e, "cannot start a process for the build");
	for (int i = 0; i < 3; i++)
		fd_closep(&pipes[i][1]);
	out->fd = pipes[0][0];
	status->fd = pipes[1][0];
	*ret_errors = pipes[2][0];
	*ret_pid = pid;
	return pid < 0 ? -(int)e->code : 0;
}

int job_run(struct job *j, struct err *e)
{
	CLEANUP(pipe_end_fini) struct pipe_end out = {.fd = -1, .on_line = j->on_line};
	CLEANUP(pipe_end_fini) struct pipe_end status = {.fd = -1, .on_line = j->on_status};
	CLEANUP(fd_closep) int errors = -1;
	pid_t pid = -1;
	int code;

	if (start(j, &out, &status, &errors, &pid, e) < 0)
		return -(int)e->code;
	while (out.fd >= 0 || status.fd >= 0) {
		struct pollfd fds[] = {{.fd = out.fd, .events = POLLIN},
				       {.fd = status.fd, .events = POLLIN}};

		if (poll(fds, COUNT(fds), -1) < 0 && errno != EINTR)
			break;
		if (fds[0].revents)
			drain(j, &out, true);
		if (fds[1].revents)
			drain(j, &status, false);
	}
	code = proc_wait(pid);
	if (err_receive(errors, e) < 0)
		return e->code == ERR_FAIL ? trouble_report(&j->trouble, e) : -(int)e->code;
	if (code > 128) {
		(void)err_set(e, ERR_FAIL, "the build was killed by signal %d", code - 128);
		return err_hint(
			e, "memory may be short (see `dmesg`); run the command again to go on");
	}
	if (code)
		return err_set(e, ERR_FAIL, "the build ended with status %d", code);
	return 0;
}
