/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: this process has the container's namespaces and will be its
 * PID 1. It runs the stages below in order; the last one executes the command.
 * The first failure goes up the error pipe. Warnings go the same way with code
 * 0. doc/design/runtime.md has the table in words.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/proc.h"
#include "runtime/idmap_write.h"
#include "runtime/mnt.h"
#include "runtime/privileges.h"
#include "runtime/pty.h"
#include "runtime/rlimits.h"
#include "runtime/rt.h"

void rt_child_warn(const struct rt *rt, const char *fmt, ...)
{
	struct err e = {.code = ERR_OK};
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(e.msg, sizeof(e.msg), fmt, args);
	va_end(args);
	err_send(rt->errors[PIPE_WRITE], &e);
}

void rt_child_warn_text(void *arg, const char *text)
{
	rt_child_warn(arg, "%s", text);
}

/* The parent has done what it had to; when it has gone, so are we. */
static void wait_byte(const struct rt *rt)
{
	char byte;
	ssize_t n;

	while ((n = read(rt->go[PIPE_READ], &byte, 1)) < 0 && errno == EINTR)
		;
	if (n != 1)
		_exit(1);
}

static int stage_ready(struct rt *rt, struct err *e)
{
	const struct idmap *m = &rt->spec.map;

	if (rt->maps_self && idmap_write_self(m, e) < 0)
		return -(int)e->code;
	if (rt->wait_ready)
		wait_byte(rt);
	if (rt->userns &&
	    privileges_root(idmap_has(m->uid, m->uids, 0), idmap_has(m->gid, m->gids, 0),
			    spec_keeps_groups(&rt->spec), e) < 0)
		return -(int)e->code;
	/* Changing ids has hidden us, and pasta must find our namespaces. */
	if (rt->wait_go)
		(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (rt->new_cgroupns && rt->cgroup.dirs.n && unshare(CLONE_NEWCGROUP) < 0)
		return err_sys(e, "cannot make the cgroup namespace");
	return 0;
}

/*
 * R1: from here on no other process of the same user looks into this one. Until
 * then nobody can but the host: its pid namespace is new and empty.
 */
static int stage_hide(struct rt *rt UNUSED, struct err *e)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_sys(e, "cannot protect the process");
	return 0;
}

static int stage_names(struct rt *rt, struct err *e)
{
	const char *host = rt->spec.hostname;
	const char *domain = rt->spec.domainname;

	if (host && sethostname(host, strlen(host)) < 0)
		return err_sys(e, "cannot set the host name '%s'", host);
	if (domain && setdomainname(domain, strlen(domain)) < 0)
		return err_sys(e, "cannot set the domain name '%s'", domain);
	return 0;
}

/* A stdio descriptor that does not move when 0, 1 and 2 are overwritten. */
static int stdio_high(const struct rt *rt, int i, struct err *e)
{
	int from = rt->slave >= 0 ? rt->slave : rt->o->stdio[i];
	char null[FD_NAME_MAX];
	int fd;

	if (from < 0 && rt->o->flags & RT_DETACH)
		fd = open(mnt_fd_name(rt->null, null), O_RDWR | O_CLOEXEC);
	else
		fd = fcntl(from < 0 ? i : from, F_DUPFD_CLOEXEC, 3 + rt->o->preserve_fds);
	/* The caller may have closed its own: so are the container's. */
	if (fd < 0 && !(errno == EBADF && from < 0))
		return err_sys(e, "cannot prepare the standard streams");
	return fd < 0 ? INT_MAX : fd;
}

static int stage_stdio(struct rt *rt, struct err *e)
{
	int high[3];

	if (rt->slave >= 0 && pty_control(rt->slave, e) < 0)
		return -(int)e->code;
	if (rt->slave < 0 && rt->o->flags & RT_DETACH)
		(void)setsid();
	for (int i = 0; i < 3; i++) {
		high[i] = stdio_high(rt, i, e);
		if (high[i] < 0)
			return high[i];
	}
	for (int i = 0; i < 3; i++)
		if (high[i] != INT_MAX && dup2(high[i], i) < 0)
			return err_sys(e, "cannot prepare the standard streams");
	return 0;
}

/* While /proc is still the host's. */
static int stage_oom(struct rt *rt, struct err *e)
{
	const char *value = rt->spec.process.oom_score_adj;
	CLEANUP(fd_closep) int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, value, strlen(value)) > 0)
		return 0;
	if (errno != EACCES && errno != EPERM)
		return err_sys(e, "cannot set oomScoreAdj to '%s'", value);
	rt_child_warn(rt, _("oomScoreAdj '%s' is not in force: this process may not lower it"),
		      value);
	return 0;
}

/* The end of the error pipe without an error is success. */
static int stage_prepared(struct rt *rt UNUSED, struct err *e UNUSED)
{
	_exit(0);
}

static int stage_go(struct rt *rt, struct err *e UNUSED)
{
	wait_byte(rt);
	return 0;
}

static int stage_process(struct rt *rt, struct err *e)
{
	const struct spec_process *p = &rt->spec.process;
	struct identity who = {
		.uid = (uint32_t)p->uid,
		.gid = (uint32_t)p->gid,
		.groups = p->groups,
		.groups_n = p->groups_n,
		.keep_groups = spec_keeps_groups(&rt->spec),
		.process = p,
		.filter = &rt->filter,
	};

	/* Late: a low limit of open files must not be in our own way. */
	if (rlimits_set(&p->rlimits, rt_child_warn_text, rt, e) < 0)
		return -(int)e->code;
	command_signals();
	(void)umask((mode_t)(p->umask < 0 ? 022 : p->umask));
	if (command_close(rt->o->preserve_fds, &rt->errors[PIPE_WRITE], e) < 0 ||
	    privileges_drop(&who, e) < 0)
		return -(int)e->code;
	/* As the user: an unreadable folder is refused here, not in the program. */
	if (command_cwd(p->cwd, e) < 0)
		return -(int)e->code;
	/* A container that is waited for does not outlive who waits. */
	if (!(rt->o->flags & RT_DETACH))
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	return 0;
}

static int stage_exec(struct rt *rt, struct err *e)
{
	const struct spec_process *p = &rt->spec.process;

	return command_exec((const char *const *)p->args, (const char *const *)p->env, &rt->own, e);
}

static bool has_terminal(const struct rt *rt)
{
	return rt->console[PIPE_WRITE] >= 0;
}

static bool has_oom(const struct rt *rt)
{
	return rt->spec.process.oom_score_adj;
}

static bool has_sysctl(const struct rt *rt)
{
	return rt->spec.linux_.sysctl.n > 0;
}

static bool has_tree(const struct rt *rt)
{
	return rt->spec.tree || spec_annotation(&rt->spec, "dlenv.tree");
}

static bool prepares(const struct rt *rt)
{
	return rt->o->flags & RT_PREPARE;
}

static bool is_started(const struct rt *rt)
{
	return !prepares(rt);
}

static bool is_readonly(const struct rt *rt)
{
	return rt->spec.root_readonly;
}

static bool waits(const struct rt *rt)
{
	return rt->wait_go;
}

static const struct stage stages[] = {
	{"sources", NULL, stage_sources},
	{"oom", has_oom, stage_oom},
	{"ready", NULL, stage_ready},
	{"root", NULL, stage_root},
	{"mounts", NULL, stage_mounts},
	{"devices", is_started, stage_devices},
	{"console", has_terminal, stage_console},
	{"tree", has_tree, stage_tree},
	{"prepared", prepares, stage_prepared},
	{"sysctl", has_sysctl, stage_sysctl},
	{"masks", NULL, stage_masks},
	{"readonly", is_readonly, stage_readonly},
	{"stdio", NULL, stage_stdio},
	{"pivot", NULL, stage_pivot},
	{"names", NULL, stage_names},
	{"go", waits, stage_go},
	{"hide", NULL, stage_hide},
	{"process", NULL, stage_process},
	{"exec", NULL, stage_exec},
};

int rt_child(void *arg)
{
	struct rt *rt = arg;
	struct err e = {0};

	(void)close(rt->errors[PIPE_READ]);
	(void)close(rt->go[PIPE_WRITE]);
	/* Modes are as they are written here; the container's umask is set at the end. */
	(void)umask(0);
	for (size_t i = 0; i < COUNT(stages); i++) {
		if (stages[i].when && !stages[i].when(rt))
			continue;
		if (stages[i].run(rt, &e) < 0) {
			dbg("stage %s: %s", stages[i].name, e.msg);
			err_send(rt->errors[PIPE_WRITE], &e);
			break;
		}
	}
	return 1;
}
