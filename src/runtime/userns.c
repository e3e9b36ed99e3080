/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/env.h"
#include "base/fs.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/idmap.h"
#include "runtime/idmap_write.h"
#include "runtime/privileges.h"
#include "runtime/spawn.h"

/* A kernel setting that forbids user namespaces, and how it is changed. */
static const struct {
	const char *file;
	const char *forbids; /* its value that does */
	const char *message;
	const char *hint;
} settings[] = {
	{"/proc/sys/user/max_user_namespaces", "0",
	 N_("user namespaces are switched off on this machine (user.max_user_namespaces = 0)"),
	 N_("sudo sysctl -w user.max_user_namespaces=15000")},
	{"/proc/sys/kernel/unprivileged_userns_clone", "0",
	 N_("only root may make user namespaces here (kernel.unprivileged_userns_clone = 0)"),
	 N_("sudo sysctl -w kernel.unprivileged_userns_clone=1")},
	{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1",
	 N_("AppArmor gives no rights in user namespaces to programs without a profile"),
	 N_("sudo dlenv setup dlenv")},
};

static bool setting_is(const char *file, const char *value)
{
	CLEANUP(freep) char *text = NULL;
	struct err ignored;

	if (file_read(AT_FDCWD, file, 64, &text, NULL, &ignored) < 0)
		return false;
	text[strcspn(text, "\n")] = '\0';
	return str_eq(text, value);
}

/* In a chroot the kernel refuses: "/" is then not the top of its mount. */
static bool in_chroot(void)
{
	struct stat here;
	struct stat init;

	return stat("/", &here) == 0 && stat("/proc/1/root/.", &init) == 0 &&
	       (here.st_dev != init.st_dev || here.st_ino != init.st_ino);
}

int userns_explain(bool userns, struct err *e)
{
	if (!userns) {
		(void)err_hint(e, "run as root, or use a user namespace");
		return -(int)e->code;
	}
	for (size_t i = 0; i < COUNT(settings); i++)
		if (setting_is(settings[i].file, settings[i].forbids)) {
			(void)err_set(e, ERR_PRIV, "%s", tr(settings[i].message));
			return err_hint(e, "%s", tr(settings[i].hint));
		}
	if (in_chroot()) {
		(void)err_set(e, ERR_PRIV, "the kernel gives no user namespaces in a chroot");
		return err_hint(e, "use a container or a machine of its own instead of the chroot");
	}
	(void)err_set(e, ERR_PRIV, "user namespaces are forbidden for this process");
	return err_hint(e, "a seccomp filter of an outer container may be the reason: give it "
			   "nested user namespaces, or run dlenv outside of it");
}

/* Having one is not enough: under AppArmor's rule it gives no rights. */
static int try_rights(void *arg UNUSED)
{
	return unshare(CLONE_NEWNS) == 0 ? 0 : 1;
}

int userns_check(struct err *e)
{
	struct spawn s = {.flags = CLONE_NEWUSER, .pidfd = -1, .cgroup = -1, .fn = try_rights};
	pid_t pid = -1;
	bool ignored;

	if (env_allows("userns") && spawn_child(&s, &pid, &ignored, e) == 0 && proc_wait(pid) == 0)
		return 0;
	return userns_explain(true, e);
}

struct call {
	const struct idmap *m;
	int (*fn)(void *arg, struct err *e);
	void *arg;
	bool single; /* asked outside: inside, nobody has an id yet */
	int errors[2];
	int go[2];
};

static int prepare(const struct call *c, struct err *e)
{
	const struct idmap *m = c->m;
	char byte;

	if (m->uids && c->single) {
		if (idmap_write_self(m, e) < 0)
			return -(int)e->code;
	} else if (m->uids && read(c->go[0], &byte, 1) != 1) {
		_exit(1);
	}
	if (m->uids && privileges_root(idmap_has(m->uid, m->uids, 0), idmap_has(m->gid, m->gids, 0),
				       false, e) < 0)
		return -(int)e->code;
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return err_sys(e, "cannot make the mounts private");
	return 0;
}

static int call_child(void *arg)
{
	const struct call *c = arg;
	struct err e = {0};

	(void)close(c->go[1]);
	(void)close(c->errors[0]);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (prepare(c, &e) < 0 || c->fn(c->arg, &e) < 0) {
		err_send(c->errors[1], &e);
		return 1;
	}
	return 0;
}

static int call_run(struct call *c, struct err *e)
{
	struct spawn s = {
		.flags = CLONE_NEWNS | (c->m->uids ? CLONE_NEWUSER : 0),
		.pidfd = -1,
		.cgroup = -1,
		.fn = call_child,
		.arg = c,
	};
	bool ignored;
	pid_t pid;
	int code = 0;
	int status;

	if (spawn_child(&s, &pid, &ignored, e) < 0)
		return userns_explain(c->m->uids > 0, e);
	fd_closep(&c->errors[1]);
	fd_closep(&c->go[0]);
	if (c->m->uids && !c->single) {
		code = idmap_write(c->m, pid, e);
		if (!code)
			(void)!write(c->go[1], "", 1);
	}
	fd_closep(&c->go[1]);
	if (!code)
		code = err_receive(c->errors[0], e);
	else
		(void)kill(pid, SIGKILL);
	status = proc_wait(pid);
	if (!code && status)
		return err_set(e, ERR_FAIL, "a helper process ended with status %d", status);
	return code;
}

int userns_call(const struct idmap *m, int (*fn)(void *arg, struct err *e), void *arg,
		struct err *e)
{
	struct call c = {.m = m,
			 .fn = fn,
			 .arg = arg,
			 .single = idmap_is_single(m),
			 .errors = {-1, -1},
			 .go = {-1, -1}};
	int code;

	if (pipe2(c.errors, O_CLOEXEC) < 0)
		return err_sys(e, "cannot make a pipe");
	if (pipe2(c.go, O_CLOEXEC) < 0)
		code = err_sys(e, "cannot make a pipe");
	else
		code = call_run(&c, e);
	for (int i = 0; i < 2; i++) {
		fd_closep(&c.errors[i]);
		fd_closep(&c.go[i]);
	}
	return code;
}
