/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: clone3 makes all namespaces at once. When others have to be
 * joined first, a helper does that: it shares our memory and stops us until it
 * has ended (vfork), so it costs no copy, and it makes the real child with
 * CLONE_PARENT, so that the child is ours. The helper's credentials
 * and namespaces end with it; ours never change.
 */
#include "runtime/spawn.h"

#include <errno.h>
#include <limits.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/env.h"

struct job {
	const struct spawn *s;
	unsigned long extra; /* CLONE_PARENT in the helper */
	pid_t pid;
	bool in_cgroup;
	int sys; /* errno of the failure */
	bool entered;
};

static pid_t clone_new(const struct job *j, bool into_cgroup)
{
	struct clone_args args = {
		.flags = j->s->flags | j->extra,
		.exit_signal = j->extra & CLONE_PARENT ? 0 : SIGCHLD,
	};

	if (into_cgroup) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)j->s->cgroup;
	}
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/* Before 5.3, or where a seccomp filter hides clone3. The child's stack is a copy of ours. */
static pid_t clone_old(const struct job *j)
{
	return (pid_t)syscall(SYS_clone, j->s->flags | j->extra | SIGCHLD, NULL, NULL, NULL, NULL);
}

/* 0 in the child. */
static pid_t clone_any(struct job *j)
{
	pid_t pid = -1;

	errno = ENOSYS;
	if (env_allows("clone3")) {
		if (j->s->cgroup >= 0) {
			pid = clone_new(j, true);
			j->in_cgroup = pid >= 0;
		}
		/* Any failure with the cgroup is decided by the attempt without it. */
		if (pid < 0)
			pid = clone_new(j, false);
	}
	if (pid < 0 && errno == ENOSYS)
		pid = clone_old(j);
	return pid;
}

static void start(struct job *j)
{
	j->pid = clone_any(j);
	if (j->pid == 0)
		_exit(j->s->fn(j->s->arg));
	if (j->pid < 0)
		j->sys = errno;
}

static void close_between(int first, int last)
{
	enum { HIGHEST = 65536 }; /* without close_range (5.9) */

	if (last < first)
		return;
	if (env_allows("closerange") && syscall(SYS_close_range, first, last, 0) == 0)
		return;
	for (int fd = first; fd <= last && fd < HIGHEST; fd++)
		(void)close(fd);
}

/*
 * What the caller had open must be gone before the child is seen inside: a
 * process there with CAP_SYS_PTRACE could take it out of /proc/PID/fd.
 */
static void close_others(const struct spawn *s)
{
	int first = STDERR_FILENO + 1;

	for (size_t i = 0; s->keep && i < s->keeps; i++) {
		if (s->keep[i] < first)
			continue;
		close_between(first, s->keep[i] - 1);
		first = s->keep[i] + 1;
	}
	if (s->keep)
		close_between(first, INT_MAX);
}

static void helper(struct job *j)
{
	for (size_t i = 0; i < j->s->joins; i++)
		if (setns(j->s->join[i], 0) < 0)
			goto failed;
	if (j->s->pidfd >= 0 && setns(j->s->pidfd, j->s->pidfd_flags) < 0)
		goto failed;
	j->entered = true;
	close_others(j->s);
	start(j);
	return;
failed:
	j->sys = errno;
}

static void start_by_helper(struct job *j)
{
	/* Not fork: the copy is made once, for the child. The helper only makes system calls. */
	pid_t pid = vfork();

	if (pid == 0) {
		/* NOLINTNEXTLINE(clang-analyzer-unix.Vfork): it writes only what j is for */
		helper(j);
		_exit(0);
	}
	if (pid < 0)
		j->sys = errno;
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int spawn_child(const struct spawn *s, pid_t *ret_pid, bool *ret_in_cgroup, struct err *e)
{
	bool joins = s->joins || s->pidfd >= 0;
	struct job j = {.s = s, .pid = -1, .extra = joins ? CLONE_PARENT : 0, .entered = !joins};

	if (joins)
		start_by_helper(&j);
	else
		start(&j);
	if (j.sys) {
		errno = j.sys;
		return j.entered ? err_sys(e, "cannot make the namespaces")
				 : err_sys(e, "cannot enter the namespaces");
	}
	*ret_pid = j.pid;
	*ret_in_cgroup = j.in_cgroup;
	return 0;
}
