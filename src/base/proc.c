/* SPDX-License-Identifier: Apache-2.0 */
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"

static const char fixed_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

char *proc_find(const char *name)
{
	const char *p = fixed_path;

	if (strchr(name, '/'))
		return access(name, X_OK) == 0 ? str_dup(name) : NULL;
	while (*p) {
		size_t n = strcspn(p, ":");
		char *path = str_fmt("%.*s/%s", (int)n, p, name);

		if (access(path, X_OK) == 0)
			return path;
		free(path);
		p += n + (p[n] == ':');
	}
	return NULL;
}

int proc_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void err_send(int fd, const struct err *e)
{
	(void)!write_all(fd, e, sizeof(*e));
}

int err_receive(int fd, struct err *e)
{
	struct err got;
	size_t have = 0;

	while (have < sizeof(got)) {
		ssize_t n = read(fd, (char *)&got + have, sizeof(got) - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return 0;
		have += (size_t)n;
	}
	*e = got;
	return -(int)e->code;
}

struct stream {
	int fd;
	proc_line_fn *on_line;
	struct buf line;
};

enum { OUTPUT, STATUS, STREAMS, LINE_MAX_LEN = 16384 };

struct run {
	const struct proc *p;
	struct stream stream[STREAMS];
	int child_status_fd;
	int errors[2];
	pid_t pid;
};

static void run_fini(struct run *r)
{
	for (int i = 0; i < STREAMS; i++) {
		fd_closep(&r->stream[i].fd);
		buf_fini(&r->stream[i].line);
	}
	fd_closep(&r->child_status_fd);
	fd_closep(&r->errors[0]);
	fd_closep(&r->errors[1]);
}

static bool sets(const char *const *env, const char *name)
{
	size_t n = strlen(name);

	for (; env && *env; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			return true;
	return false;
}

/* The child's environment: the caller's proxies and home, our PATH and locale, p->env. */
static char **environment(const struct proc *p)
{
	static const char *const kept[] = {
		"HOME",		 "USER",       "http_proxy",	  "https_proxy",    "ftp_proxy",
		"no_proxy",	 "HTTP_PROXY", "HTTPS_PROXY",	  "NO_PROXY",	    "TMPDIR",
		"SSH_AUTH_SOCK", "DISPLAY",    "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR"};
	struct strs l = {0};

	strs_fmt(&l, "PATH=%s", fixed_path);
	strs_add(&l, "LC_ALL=C");
	for (size_t i = 0; i < COUNT(kept); i++)
		if (getenv(kept[i]) && !sets(p->env, kept[i]))
			strs_fmt(&l, "%s=%s", kept[i], getenv(kept[i]));
	if (p->env)
		strs_add_all(&l, p->env);
	return l.v;
}

static void NORETURN child(const struct run *r, int out, const char *program)
{
	const struct proc *p = r->p;
	struct err e = {0};
	int in = p->stdin_fd > 0 ? p->stdin_fd : open("/dev/null", O_RDONLY | O_CLOEXEC);
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	if (p->own_session)
		(void)setsid();
	if (p->in_child && p->in_child(p->in_child_arg, &e) < 0)
		goto failed;
	/* A program that stays in the background must not hold what our caller left open. */
	(void)close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	/* The status pipe may sit where another descriptor must go: move it up first. */
	if (p->status_fd) {
		int high = fcntl(r->child_status_fd, F_DUPFD_CLOEXEC, 100);

		if (high < 0 || dup2(high, p->status_fd) < 0) {
			(void)err_sys(&e, "cannot prepare the program's descriptors");
			goto failed;
		}
	}
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0) {
		(void)err_sys(&e, "cannot prepare the program's descriptors");
		goto failed;
	}
	if (p->cwd && chdir(p->cwd) < 0) {
		(void)err_sys(&e, "cannot enter '%s'", p->cwd);
		goto failed;
	}
	(void)execve(program, (char *const *)p->argv, environment(p));
	(void)err_sys(&e, "cannot execute '%s'", program);
failed:
	err_send(r->errors[1], &e);
	_exit(127);
}

static int stream_take(struct run *r, struct stream *s, const char *data, size_t n)
{
	const struct proc *p = r->p;

	for (size_t i = 0; i < n; i++) {
		if (data[i] != '\n' && data[i] != '\r') {
			if (s->line.len < LINE_MAX_LEN)
				buf_add(&s->line, data + i, 1);
			continue;
		}
		if (!s->line.len)
			continue;
		if (s->on_line && s->on_line(p->arg, s->line.data))
			return -1;
		s->line.len = 0;
	}
	return 0;
}

/* Keep the end of the output: the newest half of max is always there. */
static void last_keep(struct buf *last, const char *data, size_t n)
{
	size_t max = last->max / 2;

	if (n > max) {
		data += n - max;
		n = max;
	}
	if (last->len + n > last->max) {
		size_t keep = max < last->len ? max : last->len;

		memmove(last->data, last->data + last->len - keep, keep);
		last->len = keep;
	}
	buf_add(last, data, n);
}

/* Read what a stream has; closes it at its end. */
static int stream_read(struct run *r, int i)
{
	struct stream *s = &r->stream[i];
	char data[8192];
	ssize_t n = read(s->fd, data, sizeof(data));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0) {
		fd_closep(&s->fd);
		return s->line.len ? stream_take(r, s, "\n", 1) : 0;
	}
	if (i == OUTPUT && r->p->log_fd > 0)
		(void)!write_all(r->p->log_fd, data, (size_t)n);
	if (i == OUTPUT && r->p->last && r->p->last->max)
		last_keep(r->p->last, data, (size_t)n);
	return stream_take(r, s, data, (size_t)n);
}

/* Until both streams are closed. 1 when time ran out, -1 when a line said stop. */
static int run_watch(struct run *r)
{
	int64_t deadline = mono_ms() + r->p->timeout_ms;

	while (r->stream[OUTPUT].fd >= 0 || r->stream[STATUS].fd >= 0) {
		struct pollfd fds[STREAMS + 1] = {
			{.fd = r->stream[OUTPUT].fd, .events = POLLIN},
			{.fd = r->stream[STATUS].fd, .events = POLLIN},
			{.fd = r->p->wake_fd > 0 ? r->p->wake_fd : -1, .events = POLLIN},
		};
		int left = r->p->timeout_ms ? (int)(deadline - mono_ms()) : -1;

		if (r->p->timeout_ms && left <= 0)
			return 1;
		if (poll(fds, COUNT(fds), left) < 0 && errno != EINTR)
			return -1;
		if (fds[STREAMS].revents && r->p->on_wake(r->p->arg, r->pid))
			return -1;
		for (int i = 0; i < STREAMS; i++)
			if (fds[i].revents && stream_read(r, i) < 0)
				return -1;
	}
	return 0;
}

static int run_start(struct run *r, const char *program, struct err *e)
{
	int out[2];
	int status[2];

	if (pipe2(out, O_CLOEXEC) < 0)
		return err_sys(e, "cannot make a pipe");
	r->stream[OUTPUT].fd = out[0];
	if (pipe2(status, O_CLOEXEC) < 0 || pipe2(r->errors, O_CLOEXEC) < 0) {
		(void)close(out[1]);
		return err_sys(e, "cannot make a pipe");
	}
	r->stream[STATUS].fd = status[0];
	r->child_status_fd = status[1];
	r->pid = fork();
	if (r->pid == 0)
		child(r, out[1], program);
	(void)close(out[1]);
	fd_closep(&r->child_status_fd);
	fd_closep(&r->errors[1]);
	if (r->pid < 0)
		return err_sys(e, "cannot start '%s'", program);
	return 0;
}

/*
 * A killed process goes at once, unless it hangs in the kernel (a broken disk or GPU): then it is
 * left to whoever reaps orphans.
 */
static void proc_end(pid_t pid)
{
	enum { PATIENCE_MS = 2000 };
	struct pollfd p = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};

	(void)kill(pid, SIGKILL);
	if (p.fd < 0 || poll(&p, 1, PATIENCE_MS) > 0)
		(void)proc_wait(pid);
	fd_closep(&p.fd);
}

int proc_run(const struct proc *p, int *ret_status, struct err *e)
{
	CLEANUP(freep) char *program = proc_find(p->argv[0]);
	CLEANUP(run_fini)
	struct run r = {
		.p = p,
		.stream = {{.fd = -1, .on_line = p->on_line}, {.fd = -1, .on_line = p->on_status}},
		.child_status_fd = -1,
		.errors = {-1, -1},
	};
	int stopped;
	int status;

	if (!program)
		return err_set(e, ERR_NOCMD, "the program '%s' is not installed", p->argv[0]);
	if (run_start(&r, program, e) < 0)
		return -(int)e->code;
	stopped = run_watch(&r);
	if (stopped > 0) {
		proc_end(r.pid);
		return err_set(e, ERR_BUSY, "'%s' did not end within %d s", p->argv[0],
			       p->timeout_ms / 1000);
	}
	if (stopped)
		(void)kill(r.pid, SIGKILL);
	status = proc_wait(r.pid);
	if (err_receive(r.errors[0], e) < 0)
		return -(int)e->code;
	*ret_status = status;
	return 0;
}

static int keep_line(void *arg, const char *line)
{
	struct buf *b = arg;

	buf_str(b, line);
	buf_str(b, "\n");
	return b->full;
}

int proc_capture(const char *const *argv, char **ret, struct err *e)
{
	CLEANUP(buf_fini) struct buf text = {.max = 1 << 20};
	struct proc p = {.argv = argv, .on_line = keep_line, .arg = &text};
	int status;

	buf_str(&text, "");
	if (proc_run(&p, &status, e) < 0)
		return -(int)e->code;
	if (status)
		return err_set(e, ERR_FAIL, "'%s' failed with status %d: %.200s", argv[0], status,
			       text.data);
	*ret = TAKE(text.data);
	return 0;
}
