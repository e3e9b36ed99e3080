/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: two processes. This one reads the configuration, makes the
 * cgroup, looks up the filter and clones the other one with all namespaces at
 * once; then it writes the id mapping and calls on_created while the other one
 * mounts (child.c). The error pipe's end without an error means that exec
 * succeeded: the container runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/proc.h"
#include "runtime/idmap_write.h"
#include "runtime/process_id.h"
#include "runtime/pty.h"
#include "runtime/rt.h"
#include "runtime/spec_more.h"
#include "runtime/sysctl.h"

const struct ns_row rt_namespaces[] = {
	{"user", "user", CLONE_NEWUSER},  {"cgroup", "cgroup", CLONE_NEWCGROUP},
	{"ipc", "ipc", CLONE_NEWIPC},	  {"uts", "uts", CLONE_NEWUTS},
	{"network", "net", CLONE_NEWNET}, {"pid", "pid", CLONE_NEWPID},
	{"mount", "mnt", CLONE_NEWNS},	  {NULL, NULL, 0},
};

void rt_warn(void *arg, const char *text)
{
	const struct rt *rt = arg;

	dbg("warning: %s", text);
	if (rt->o->on_warning)
		rt->o->on_warning(rt->o->on_warning_arg, text);
}

static void rt_init(struct rt *rt, const struct rt_opts *o)
{
	*rt = (struct rt){
		.o = o,
		.bundle = o->bundle,
		.cgroup = {.fd = -1},
		.spawn = {.pidfd = -1, .cgroup = -1, .fn = rt_child, .arg = rt},
		.errors = {-1, -1},
		.go = {-1, -1},
		.console = {-1, -1},
		.pid = -1,
		.upper = -1,
		.work = -1,
		.place = -1,
		.place_parent = -1,
		.null = -1,
		.root = -1,
		.slave = -1,
	};
}

static void rt_fini(struct rt *rt)
{
	for (size_t i = 0; i < rt->spawn.joins; i++)
		fd_closep(&rt->spawn.join[i]);
	for (int i = 0; i < 2; i++) {
		fd_closep(&rt->errors[i]);
		fd_closep(&rt->go[i]);
		fd_closep(&rt->console[i]);
	}
	cgroup_fini(&rt->cgroup);
	seccomp_filter_fini(&rt->filter);
	spec_fini(&rt->spec);
}

static int parent_config(struct rt *rt, struct err *e)
{
	if (process_check_name(rt->o->id, e) < 0 || own_program(&rt->own, e) < 0)
		return -(int)e->code;
	if (rt->o->config)
		return spec_of_json(rt->o->config, rt->o->seccomp, rt->o->more, &rt->spec, e);
	return spec_read(rt->o->bundle, &rt->spec, e);
}

static int join_open(struct rt *rt, const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "cannot open the namespace '%s'", path);
	rt->spawn.join[rt->spawn.joins++] = fd;
	return 0;
}

/* The user namespace is the first row, so it is entered first. */
static int parent_namespaces(struct rt *rt, struct err *e)
{
	const struct idmap *m = &rt->spec.map;

	for (const struct ns_row *row = rt_namespaces; row->type; row++) {
		const struct spec_ns *ns = spec_namespace(&rt->spec, row->type);
		bool user = row->flag == CLONE_NEWUSER;
		CLEANUP(freep) char *path = NULL;

		if (!ns)
			continue;
		rt->userns |= user;
		if (user && rt->o->userns_pid)
			path = str_fmt("/proc/%d/ns/user", rt->o->userns_pid);
		else if (ns->path && *ns->path)
			path = str_dup(ns->path);
		if (path) {
			if (join_open(rt, path, e) < 0)
				return -(int)e->code;
			continue;
		}
		rt->new_userns |= user;
		rt->spawn.flags |= row->flag;
	}
	if (rt->new_userns && (!m->uids || !m->gids))
		return err_set(e, ERR_CONFIG, "a new user namespace needs id mappings");
	rt->maps_self = rt->new_userns && idmap_is_single(m);
	for (size_t i = 0; i < rt->spec.linux_.sysctl.n; i++)
		if (sysctl_check(rt->spec.linux_.sysctl.items[i].key,
				 rt->spec.linux_.sysctl.items[i].value, rt->spawn.flags, e) < 0)
			return -(int)e->code;
	return 0;
}

static int parent_cgroup(struct rt *rt, struct err *e)
{
	if (cgroup_make(&rt->spec, rt_warn, rt, &rt->cgroup, e) < 0)
		return -(int)e->code;
	rt->spawn.cgroup = rt->cgroup.fd;
	return 0;
}

static int parent_seccomp(struct rt *rt, struct err *e)
{
	if (seccomp_get(rt->spec.linux_.seccomp, rt->o->seccomp_cache, &rt->filter, e) < 0)
		return err_wrap(e, "linux.seccomp");
	return 0;
}

static int parent_pipes(struct rt *rt, struct err *e)
{
	if (pipe2(rt->errors, O_CLOEXEC) < 0 || pipe2(rt->go, O_CLOEXEC) < 0)
		return err_sys(e, "cannot make a pipe");
	if (!rt->spec.process.terminal)
		return 0;
	if (rt->o->flags & RT_DETACH)
		return err_set(e, ERR_CONFIG, "process.terminal needs somebody who waits");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, rt->console) < 0)
		return err_sys(e, "cannot make a socket");
	return 0;
}

static int parent_clone(struct rt *rt, struct err *e)
{
	/* The child decides by these; whether the kernel took the cgroup shows only later. */
	rt->wait_ready = (rt->new_userns && !rt->maps_self) || rt->cgroup.dirs.n;
	rt->wait_go = rt->o->on_created;
	rt->new_cgroupns = rt->spawn.flags & CLONE_NEWCGROUP;
	if (rt->cgroup.dirs.n)
		rt->spawn.flags &= ~(unsigned long)CLONE_NEWCGROUP;
	if (spawn_child(&rt->spawn, &rt->pid, &rt->in_cgroup, e) < 0)
		return e->sys == EPERM || e->sys == ENOSPC ? userns_explain(rt->new_userns, e)
							   : -(int)e->code;
	fd_closep(&rt->errors[PIPE_WRITE]);
	fd_closep(&rt->go[PIPE_READ]);
	fd_closep(&rt->console[PIPE_WRITE]);
	return 0;
}

static int release(struct rt *rt, struct err *e)
{
	/* EPIPE: the child has failed, and says so through the other pipe. */
	if (write(rt->go[PIPE_WRITE], "", 1) < 0 && errno != EPIPE)
		return err_sys(e, "cannot release the container's process");
	return 0;
}

static int parent_ready(struct rt *rt, struct err *e)
{
	if (rt->new_userns && !rt->maps_self && idmap_write(&rt->spec.map, rt->pid, e) < 0)
		return -(int)e->code;
	if (rt->cgroup.dirs.n && !rt->in_cgroup && cgroup_join(&rt->cgroup, rt->pid, e) < 0)
		return -(int)e->code;
	return rt->wait_ready ? release(rt, e) : 0;
}

static int parent_created(struct rt *rt, struct err *e)
{
	if (!rt->o->on_created)
		return 0;
	if (rt->o->on_created(rt->o->on_created_arg, rt->pid, e) < 0)
		return -(int)e->code;
	return release(rt, e);
}

/* Warnings, until an error or the end, which is exec. */
static int parent_result(struct rt *rt, struct err *e)
{
	for (;;) {
		struct err got = {.code = ERR_COUNT};

		if (err_receive(rt->errors[PIPE_READ], &got) < 0 && got.code != ERR_OK) {
			*e = got;
			break;
		}
		if (got.code == ERR_COUNT)
			return 0;
		rt_warn(rt, got.msg);
	}
	/* A failed system call is the runtime's trouble, not "not found" or "no right". */
	if (e->code == ERR_SYS || e->code == ERR_ABSENT || e->code == ERR_FAIL)
		e->code = ERR_RUNTIME;
	return -(int)e->code;
}

static const struct stage stages[] = {
	{"config", NULL, parent_config}, {"namespaces", NULL, parent_namespaces},
	{"cgroup", NULL, parent_cgroup}, {"seccomp", NULL, parent_seccomp},
	{"pipes", NULL, parent_pipes},	 {"clone", NULL, parent_clone},
	{"ready", NULL, parent_ready},	 {"created", NULL, parent_created},
	{"result", NULL, parent_result},
};

/* The child has more to say about a failure than the parent whose write it broke. */
static void failed(struct rt *rt, const char *stage, struct err *e)
{
	dbg("stage %s: %s", stage, e->msg);
	if (rt->pid > 0) {
		(void)kill(rt->pid, SIGKILL);
		(void)proc_wait(rt->pid);
		(void)!parent_result(rt, e);
	}
	cgroup_remove(&rt->cgroup);
}

static int start(struct rt *rt, struct err *e)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct sigaction before;
	int code = 0;

	/* A child that dies early must not take us with it. */
	(void)sigaction(SIGPIPE, &ignore, &before);
	for (size_t i = 0; i < COUNT(stages) && !code; i++) {
		code = stages[i].run(rt, e);
		if (code < 0)
			failed(rt, stages[i].name, e);
	}
	(void)sigaction(SIGPIPE, &before, NULL);
	return code;
}

int rt_start(const struct rt_opts *o, struct rt_process_id *ret, struct err *e)
{
	CLEANUP(rt_fini) struct rt rt;

	rt_init(&rt, o);
	if (start(&rt, e) < 0)
		return -(int)e->code;
	if (process_id(rt.pid, ret, e) < 0) {
		/* It has ended already: nobody can ask about it any more. */
		*ret = (struct rt_process_id){.pid = rt.pid};
	}
	return 0;
}

/* Until the child has ended; forwarded signals are blocked and taken here. */
int rt_wait_forwarding(pid_t pid, const sigset_t *set)
{
	int status;

	for (;;) {
		siginfo_t info;
		int s;

		if (waitpid(pid, &status, WNOHANG) == pid)
			return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		s = sigwaitinfo(set, &info);
		/* What the terminal sent, it sent to the container as well. */
		if (s > 0 && s != SIGCHLD && info.si_code != SI_KERNEL)
			(void)kill(pid, s);
	}
}

static int run_and_wait(struct rt *rt, int *ret_status, struct err *e)
{
	static const int forwarded[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGCHLD};
	bool forward = rt->o->flags & RT_FORWARD && !rt->spec.process.terminal;
	sigset_t set;
	sigset_t old;

	(void)sigemptyset(&set);
	for (size_t i = 0; forward && i < COUNT(forwarded); i++)
		(void)sigaddset(&set, forwarded[i]);
	(void)sigprocmask(SIG_BLOCK, &set, &old);
	if (start(rt, e) < 0) {
		(void)sigprocmask(SIG_SETMASK, &old, NULL);
		return -(int)e->code;
	}
	if (rt->console[PIPE_READ] >= 0) {
		CLEANUP(fd_closep) int master = -1;

		if (pty_receive(rt->console[PIPE_READ], &master, e) < 0 ||
		    pty_proxy(master, STDIN_FILENO, STDOUT_FILENO, rt->pid, ret_status, e) < 0) {
			(void)kill(rt->pid, SIGKILL);
			(void)proc_wait(rt->pid);
		}
	} else {
		*ret_status = forward ? rt_wait_forwarding(rt->pid, &set) : proc_wait(rt->pid);
	}
	cgroup_remove(&rt->cgroup);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	return e->code ? -(int)e->code : 0;
}

int rt_run(const struct rt_opts *o, int *ret_status, struct err *e)
{
	CLEANUP(rt_fini) struct rt rt;
	struct err own = {0};
	int status = 0;

	rt_init(&rt, o);
	if (run_and_wait(&rt, &status, &own) < 0) {
		*e = own;
		return -(int)e->code;
	}
	*ret_status = status;
	return 0;
}
