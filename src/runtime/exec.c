/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: a helper enters the namespaces of the container's PID 1
 * through its pidfd and makes the process that becomes the command (spawn.c).
 * That process reads nothing of the container before exec: limits, filter and
 * capabilities come from the bundle, looked up outside. It cannot be traced
 * until exec (R1, CVE-2016-9962) and has no descriptor of a host folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/proc.h"
#include "runtime/privileges.h"
#include "runtime/process_id.h"
#include "runtime/pty.h"
#include "runtime/rlimits.h"
#include "runtime/rt.h"

struct entry {
	const struct rt_exec *x;
	struct spec spec;
	struct seccomp_filter filter;
	struct cgroup cgroup;
	struct spawn spawn;
	struct own_program own;
	int pidfd;
	int errors[2];
	int go[2];
	int console[2];
	int keep[6]; /* what the child needs of all that is open */
	pid_t pid;
};

static void entry_fini(struct entry *n)
{
	for (size_t i = 0; i < n->spawn.joins; i++)
		fd_closep(&n->spawn.join[i]);
	for (int i = 0; i < 2; i++) {
		fd_closep(&n->errors[i]);
		fd_closep(&n->go[i]);
		fd_closep(&n->console[i]);
	}
	fd_closep(&n->pidfd);
	cgroup_fini(&n->cgroup);
	seccomp_filter_fini(&n->filter);
	spec_fini(&n->spec);
}

static int child_stdio(const struct entry *n, struct err *e)
{
	int high[3];

	for (int i = 0; i < 3; i++) {
		int from = n->x->stdio[i] < 0 ? i : n->x->stdio[i];

		high[i] = fcntl(from, F_DUPFD_CLOEXEC, 3);
		if (high[i] < 0 && errno != EBADF)
			return err_sys(e, "cannot prepare the standard streams");
	}
	for (int i = 0; i < 3; i++)
		if (high[i] >= 0 && dup2(high[i], i) < 0)
			return err_sys(e, "cannot prepare the standard streams");
	return 0;
}

static int child_terminal(const struct entry *n, struct err *e)
{
	CLEANUP(fd_closep) int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int slave = -1;

	if (root < 0)
		return err_sys(e, "cannot open the container's root");
	if (pty_make(root, n->x->uid, n->console[PIPE_WRITE], &slave, e) < 0 ||
	    pty_control(slave, e) < 0)
		return -(int)e->code;
	for (int i = 0; i < 3; i++)
		if (dup2(slave, i) < 0)
			return err_sys(e, "cannot prepare the standard streams");
	return 0;
}

static int child_prepare(struct entry *n, struct err *e)
{
	struct identity who = {
		.uid = n->x->uid,
		.gid = n->x->gid,
		.groups = n->x->groups,
		.groups_n = n->x->groups_n,
		.keep_groups = spec_keeps_groups(&n->spec),
		.process = &n->spec.process,
		.filter = &n->filter,
	};
	char byte;

	if ((n->x->tty ? child_terminal(n, e) : child_stdio(n, e)) < 0)
		return -(int)e->code;
	/* The limits of its cgroup hold before the command begins. */
	if (n->cgroup.dirs.n && read(n->go[PIPE_READ], &byte, 1) != 1)
		_exit(1);
	if (rlimits_set(&n->spec.process.rlimits, NULL, NULL, e) < 0)
		return -(int)e->code;
	command_signals();
	(void)umask(022);
	if (command_close(0, &n->errors[PIPE_WRITE], e) < 0 || privileges_drop(&who, e) < 0)
		return -(int)e->code;
	return command_cwd(n->x->cwd ? n->x->cwd : "/", e);
}

static int child(void *arg)
{
	struct entry *n = arg;
	struct err e = {0};

	(void)close(n->errors[PIPE_READ]);
	(void)close(n->go[PIPE_WRITE]);
	if (child_prepare(n, &e) == 0)
		(void)!command_exec(n->x->args, n->x->env, &n->own, &e);
	err_send(n->errors[PIPE_WRITE], &e);
	return 1;
}

/* Before Linux 5.8 a pidfd does not name namespaces: each is opened by itself. */
static int join_by_files(struct entry *n, struct err *e)
{
	for (const struct ns_row *row = rt_namespaces; row->type; row++) {
		CLEANUP(freep) char *path = NULL;
		int fd;

		if (!spec_namespace(&n->spec, row->type))
			continue;
		path = str_fmt("/proc/%d/ns/%s", (int)n->x->target.pid, row->file);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return err_sys(e, "cannot open the namespace '%s'", path);
		n->spawn.join[n->spawn.joins++] = fd;
	}
	/* Had it ended meanwhile, they could be another process's. */
	if (!rt_alive(&n->x->target))
		return err_set(e, ERR_ABSENT, "the container has ended");
	return 0;
}

static int open_target(struct entry *n, struct err *e)
{
	if (process_open(&n->x->target, &n->pidfd, e) < 0)
		return e->sys == ENOSYS ? join_by_files(n, e) : -(int)e->code;
	n->spawn.pidfd = n->pidfd;
	for (const struct ns_row *row = rt_namespaces; row->type; row++)
		if (spec_namespace(&n->spec, row->type))
			n->spawn.pidfd_flags |= (int)row->flag;
	return 0;
}

static int prepare(struct entry *n, struct err *e)
{
	if (own_program(&n->own, e) < 0 || spec_read(n->x->bundle, &n->spec, e) < 0 ||
	    seccomp_get(n->spec.linux_.seccomp, n->x->seccomp_cache, &n->filter, e) < 0 ||
	    open_target(n, e) < 0)
		return -(int)e->code;
	cgroup_find(&n->spec, &n->cgroup);
	if (pipe2(n->errors, O_CLOEXEC) < 0 || pipe2(n->go, O_CLOEXEC) < 0)
		return err_sys(e, "cannot make a pipe");
	if (n->x->tty && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, n->console) < 0)
		return err_sys(e, "cannot make a socket");
	return 0;
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void keep_needed(struct entry *n)
{
	const int needed[] = {n->errors[PIPE_WRITE], n->go[PIPE_READ], n->console[PIPE_WRITE],
			      n->x->stdio[0],	     n->x->stdio[1],   n->x->stdio[2]};

	_Static_assert(sizeof(needed) == sizeof(n->keep), "one place for each");
	memcpy(n->keep, needed, sizeof(needed));
	qsort(n->keep, COUNT(n->keep), sizeof(n->keep[0]), by_number);
	n->spawn.keep = n->keep;
	n->spawn.keeps = COUNT(n->keep);
}

static int spawn_entry(struct entry *n, struct err *e)
{
	bool ignored;
	int code = spawn_child(&n->spawn, &n->pid, &ignored, e);

	if (code < 0 && e->sys == EINVAL && n->spawn.pidfd >= 0) {
		n->spawn.pidfd = -1;
		code = join_by_files(n, e);
		if (!code)
			code = spawn_child(&n->spawn, &n->pid, &ignored, e);
	}
	return code;
}

static int start(struct entry *n, struct err *e)
{
	struct err why;
	int code;

	/* Nothing of this process may be looked into from inside, from the first moment. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_sys(e, "cannot protect the process");
	keep_needed(n);
	code = spawn_entry(n, e);
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (code < 0)
		return code;
	fd_closep(&n->errors[PIPE_WRITE]);
	fd_closep(&n->go[PIPE_READ]);
	fd_closep(&n->console[PIPE_WRITE]);
	/* Joining is what a container without a cgroup of its own does without. */
	if (n->cgroup.dirs.n) {
		if (cgroup_join(&n->cgroup, n->pid, &why) < 0)
			dbg("exec: %s", why.msg);
		(void)!write(n->go[PIPE_WRITE], "", 1);
	}
	code = err_receive(n->errors[PIPE_READ], e);
	if (code < 0) {
		(void)proc_wait(n->pid);
		/* ERR_ABSENT is for a container that has gone. */
		if (e->code == ERR_SYS || e->code == ERR_FAIL || e->code == ERR_ABSENT)
			e->code = ERR_RUNTIME;
	}
	return code < 0 ? -(int)e->code : 0;
}

static int wait_terminal(struct entry *n, int *ret_status, struct err *e)
{
	int in = n->x->stdio[0] < 0 ? STDIN_FILENO : n->x->stdio[0];
	int out = n->x->stdio[1] < 0 ? STDOUT_FILENO : n->x->stdio[1];
	CLEANUP(fd_closep) int master = -1;

	if (pty_receive(n->console[PIPE_READ], &master, e) == 0 &&
	    pty_proxy(master, in, out, n->pid, ret_status, e) == 0)
		return 0;
	(void)kill(n->pid, SIGKILL);
	(void)proc_wait(n->pid);
	return -(int)e->code;
}

int rt_exec(const struct rt_exec *x, int *ret_status, struct err *e)
{
	static const int forwarded[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD};
	CLEANUP(entry_fini)
	struct entry n = {
		.x = x,
		.cgroup = {.fd = -1},
		.spawn = {.pidfd = -1, .cgroup = -1, .fn = child, .arg = &n},
		.pidfd = -1,
		.errors = {-1, -1},
		.go = {-1, -1},
		.console = {-1, -1},
		.pid = -1,
	};
	sigset_t set;
	sigset_t old;
	int code;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < COUNT(forwarded); i++)
		(void)sigaddset(&set, forwarded[i]);
	(void)sigprocmask(SIG_BLOCK, &set, &old);
	code = prepare(&n, e);
	if (!code)
		code = start(&n, e);
	if (!code && x->tty)
		code = wait_terminal(&n, ret_status, e);
	else if (!code)
		*ret_status = rt_wait_forwarding(n.pid, &set);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	return code;
}
