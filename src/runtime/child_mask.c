/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/env.h"
#include "base/fs.h"
#include "runtime/mnt.h"
#include "runtime/rt.h"
#include "runtime/sysctl.h"

/* R3: below /proc there must be the kernel's files and nothing that an image brought. */
static int check_proc(const struct rt *rt, const char *path, int fd, struct err *e)
{
	struct statfs st;

	if (!rt->has_proc || !str_starts(below(path), "proc/"))
		return 0;
	if (fstatfs(fd, &st) < 0 || st.f_type != PROC_SUPER_MAGIC)
		return err_set(e, ERR_RUNTIME, "'%s' is not a file of the proc file system", path);
	return 0;
}

/* 1: the path does not exist, so there is nothing to hide. */
static int open_target(const struct rt *rt, const char *path, int *ret, struct err *e)
{
	if (rootfs_open(rt->root, path, O_PATH, 0, ret, e) < 0)
		return e->sys == ENOENT || e->sys == ENOTDIR ? 1 : -(int)e->code;
	return check_proc(rt, path, *ret, e);
}

static int mask_one(const struct rt *rt, const char *path, struct err *e)
{
	struct mount_options ro = {.set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
					  MOUNT_ATTR_NOEXEC};
	struct mnt_at at = {.root = rt->root, .path = path, .fd = -1};
	CLEANUP(fd_closep) int target = -1;
	CLEANUP(fd_closep) int source = -1;
	struct mount_options none = {0};
	struct stat st;
	int code = open_target(rt, path, &target, e);

	if (code)
		return code < 0 ? code : 0;
	at.fd = target;
	if (fstat(target, &st) < 0)
		return err_sys(e, "cannot mask '%s'", path);
	if (S_ISDIR(st.st_mode))
		return mnt_fs(&at, "tmpfs", "tmpfs", &ro, e);
	if (mnt_source(rt->null, "", false, &source, e) < 0)
		return -(int)e->code;
	return mnt_bind(&at, source, &none, e);
}

static int readonly_one(const struct rt *rt, const char *path, struct err *e)
{
	struct mount_options ro = {.set = MOUNT_ATTR_RDONLY, .deep = true};
	struct mnt_at at = {.root = rt->root, .path = path, .fd = -1};
	CLEANUP(fd_closep) int target = -1;
	CLEANUP(fd_closep) int source = -1;
	int code = open_target(rt, path, &target, e);

	if (code)
		return code < 0 ? code : 0;
	at.fd = target;
	if (mnt_source(target, "", true, &source, e) < 0)
		return -(int)e->code;
	return mnt_bind(&at, source, &ro, e);
}

int stage_masks(struct rt *rt, struct err *e)
{
	for (const char **p = rt->spec.linux_.readonly; p && *p; p++)
		if (readonly_one(rt, *p, e) < 0)
			return err_wrap(e, "linux.readonlyPaths '%s'", *p);
	for (const char **p = rt->spec.linux_.masked; p && *p; p++)
		if (mask_one(rt, *p, e) < 0)
			return err_wrap(e, "linux.maskedPaths '%s'", *p);
	return 0;
}

int stage_readonly(struct rt *rt, struct err *e)
{
	return mnt_make_readonly(rt->root, "/", e);
}

/* A procfs that nobody else has a name for. */
static int private_proc(int *ret, struct err *e)
{
	CLEANUP(fd_closep) int context = fsopen("proc", FSOPEN_CLOEXEC);
	int fd;

	if (context < 0 || fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_sys(e, "cannot open a private proc file system");
	fd = fsmount(context, FSMOUNT_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(e, "cannot open a private proc file system");
	*ret = fd;
	return 0;
}

/* No link, no mount and no ".." on the way; without openat2 the names are walked one by one. */
static int open_below(int proc, const char *path)
{
	struct open_how how = {
		.flags = O_WRONLY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS |
			   RESOLVE_NO_MAGICLINKS,
	};
	CLEANUP(freep) char *part = str_dup(path);
	char *save = NULL;
	char *name = strtok_r(part, "/", &save);
	int dir = fcntl(proc, F_DUPFD_CLOEXEC, 0);
	int fd = -1;

	errno = ENOSYS;
	if (env_allows("openat2"))
		fd = (int)syscall(SYS_openat2, proc, path, &how, sizeof(how));
	while (fd < 0 && errno == ENOSYS && dir >= 0 && name) {
		char *next = strtok_r(NULL, "/", &save);
		int below_fd =
			openat(dir, name,
			       (next ? O_PATH | O_DIRECTORY : O_WRONLY) | O_NOFOLLOW | O_CLOEXEC);

		(void)close(dir);
		dir = below_fd;
		if (!next && dir >= 0)
			return dir;
		name = next;
		if (dir >= 0)
			errno = ENOSYS;
	}
	fd_closep(&dir);
	return fd;
}

int stage_sysctl(struct rt *rt, struct err *e)
{
	CLEANUP(fd_closep) int proc = -1;

	if (mnt_is_new()) {
		if (private_proc(&proc, e) < 0)
			return -(int)e->code;
	} else if (rootfs_open(rt->root, "/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, &proc, e) <
		   0) {
		return -(int)e->code;
	}
	for (size_t i = 0; i < rt->spec.linux_.sysctl.n; i++) {
		const struct doc_pair *s = &rt->spec.linux_.sysctl.items[i];
		CLEANUP(freep) char *path = sysctl_path(s->key);
		CLEANUP(fd_closep) int fd = open_below(proc, path);
		struct statfs st;

		if (fd < 0 || fstatfs(fd, &st) < 0 || st.f_type != PROC_SUPER_MAGIC ||
		    write(fd, s->value, strlen(s->value)) < 0)
			return err_sys(e, "cannot set the sysctl '%s' to '%s'", s->key, s->value);
	}
	return 0;
}
