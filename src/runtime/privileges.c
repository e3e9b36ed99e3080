/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fs.h"
#include "runtime/caps.h"

/* With a single id the kernel forbids setgroups for good: the caller's groups stay. */
static bool setgroups_denied(void)
{
	char text[8] = "";
	CLEANUP(fd_closep) int fd = open("/proc/self/setgroups", O_RDONLY | O_CLOEXEC);

	return fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 && strncmp(text, "deny", 4) == 0;
}

/* The system calls, not glibc's functions, which would tell other threads. */
static int set_ids(const struct identity *who, struct err *e)
{
	if (!who->keep_groups && syscall(SYS_setgroups, who->groups_n, who->groups) < 0 &&
	    !(errno == EPERM && (!who->groups_n || setgroups_denied())))
		return err_sys(e, "cannot set the groups");
	if (syscall(SYS_setresgid, who->gid, who->gid, who->gid) < 0)
		return errno == EINVAL
			       ? err_set(e, ERR_CONFIG,
					 "the group %u is not mapped in the container", who->gid)
			       : err_sys(e, "cannot become the group %u", who->gid);
	if (syscall(SYS_setresuid, who->uid, who->uid, who->uid) < 0)
		return errno == EINVAL
			       ? err_set(e, ERR_CONFIG,
					 "the user %u is not mapped in the container", who->uid)
			       : err_sys(e, "cannot become the user %u", who->uid);
	return 0;
}

int privileges_drop(const struct identity *who, struct err *e)
{
	const struct spec_process *p = who->process;
	struct caps had = {0};
	struct caps final;

	if (caps_get(&had, e) < 0)
		return -(int)e->code;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return err_sys(e, "cannot keep the capabilities");
	if (caps_bound(p->caps[CAPS_BOUNDING], e) < 0 || set_ids(who, e) < 0)
		return -(int)e->code;
	if (p->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(e, "cannot set no_new_privs");
	/* Without no_new_privs the filter needs CAP_SYS_ADMIN, so it comes before capset. */
	if (caps_raise(e) < 0 || seccomp_put(who->filter, e) < 0)
		return -(int)e->code;
	/* Nobody gets what this process does not have, and exec decides about root anew. */
	final = (struct caps){
		.permitted = p->caps[CAPS_PERMITTED] & had.permitted,
		.effective = p->caps[CAPS_EFFECTIVE] & p->caps[CAPS_PERMITTED] & had.permitted,
		.inheritable = p->caps[CAPS_INHERITABLE] & had.permitted,
	};
	if (caps_set(&final, e) < 0)
		return -(int)e->code;
	return caps_ambient(p->caps[CAPS_AMBIENT] & final.permitted & final.inheritable, e);
}

int privileges_root(bool uid, bool gid, bool keep_groups, struct err *e)
{
	if (!keep_groups && syscall(SYS_setgroups, 0, NULL) < 0 && errno != EPERM)
		return err_sys(e, "cannot give up the caller's groups");
	if (gid && syscall(SYS_setresgid, 0, 0, 0) < 0)
		return err_sys(e, "cannot become root of the user namespace");
	if (uid && syscall(SYS_setresuid, 0, 0, 0) < 0)
		return err_sys(e, "cannot become root of the user namespace");
	return 0;
}
