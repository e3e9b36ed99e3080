/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mnt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/env.h"
#include "base/fs.h"
#include "runtime/mnt_old.h"

bool mnt_is_new(void)
{
	return env_allows("newmount");
}

const char *mnt_fd_name(int fd, char ret[FD_NAME_MAX])
{
	(void)snprintf(ret, FD_NAME_MAX, "/proc/self/fd/%d", fd);
	return ret;
}

/* What the file system says about its refusal, from its context's message queue. */
static int fs_failed(int context, const char *type, struct err *e)
{
	int sys = errno;
	char text[256];
	ssize_t n = read(context, text, sizeof(text) - 1);
	int code;

	errno = sys;
	code = err_sys(e, "cannot mount a file system of type '%s'", type);
	if (n > 2) {
		text[n] = '\0';
		text[strcspn(text, "\n")] = '\0';
		/* "e tmpfs: Bad value": the letter is the level. */
		code = err_wrap(e, "%s", text + 2);
	}
	return code;
}

static int fs_option(int context, const char *option)
{
	const char *equals = strchr(option, '=');
	char key[64];

	if (!equals)
		return fsconfig(context, FSCONFIG_SET_FLAG, option, NULL, 0);
	if (equals - option >= (ptrdiff_t)sizeof(key)) {
		errno = EINVAL;
		return -1;
	}
	(void)snprintf(key, sizeof(key), "%.*s", (int)(equals - option), option);
	return fsconfig(context, FSCONFIG_SET_STRING, key, equals + 1, 0);
}

/* ENOSYS: there is no new mount API. */
static int fs_new(const char *type, const char *source, const struct mount_options *o, int *ret_fd,
		  struct err *e)
{
	CLEANUP(fd_closep) int context = fsopen(type, FSOPEN_CLOEXEC);
	int fd;

	if (context < 0)
		return err_sys(e, "cannot mount a file system of type '%s'", type);
	if (source && fsconfig(context, FSCONFIG_SET_STRING, "source", source, 0) < 0)
		return fs_failed(context, type, e);
	for (size_t i = 0; i < o->data.n; i++)
		if (fs_option(context, o->data.v[i]) < 0)
			return fs_failed(context, type, e);
	if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return fs_failed(context, type, e);
	fd = fsmount(context, FSMOUNT_CLOEXEC, (unsigned int)(o->set | o->deep_set));
	if (fd < 0)
		return fs_failed(context, type, e);
	*ret_fd = fd;
	return 0;
}

static int attach(const struct mnt_at *at, int fd, struct err *e)
{
	if (move_mount(fd, "", at->fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_sys(e, "cannot mount on '%s'", at->path);
	return 0;
}

int mnt_fs(const struct mnt_at *at, const char *type, const char *source,
	   const struct mount_options *o, struct err *e)
{
	CLEANUP(fd_closep) int fd = -1;

	if (!mnt_is_new())
		return mnt_old_fs(at, type, source, o, e);
	if (fs_new(type, source, o, &fd, e) < 0) {
		if (e->sys == ENOSYS)
			return mnt_old_fs(at, type, source, o, e);
		return -(int)e->code;
	}
	return attach(at, fd, e);
}

int mnt_source(int dir, const char *path, bool deep, int *ret_fd, struct err *e)
{
	unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (*path ? 0 : AT_EMPTY_PATH) |
			     (deep ? AT_RECURSIVE : 0);
	int fd = -1;

	errno = ENOSYS;
	if (mnt_is_new())
		fd = open_tree(dir, path, flags);
	if (fd < 0 && errno == ENOSYS)
		fd = *path ? openat(dir, path, O_PATH | O_CLOEXEC) : fcntl(dir, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(e, "cannot open '%s'", path);
	*ret_fd = fd;
	return 0;
}

static struct mount_attr attributes(const struct mount_options *o)
{
	struct mount_attr attr = {
		.attr_set = o->set | (o->deep ? o->deep_set : 0),
		.attr_clr = o->clear,
		.propagation = o->propagation,
	};

	/* An atime setting replaces the one before it. */
	if (attr.attr_set & MOUNT_ATTR__ATIME)
		attr.attr_clr |= MOUNT_ATTR__ATIME;
	return attr;
}

int mnt_source_with(const char *path, struct mount_options *o, int *ret_fd, struct err *e)
{
	/* open_tree_attr has this number everywhere. */
	enum { OPEN_TREE_ATTR = 467 };
	struct mount_attr attr = attributes(o);
	unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (o->deep ? AT_RECURSIVE : 0);
	long fd = -1;

	if (!o->deep_set && !o->deep_clear && mnt_is_new() && env_allows("treeattr"))
		fd = syscall(OPEN_TREE_ATTR, AT_FDCWD, path, flags, &attr, sizeof(attr));
	/* Whatever it was: the longer way has the better message. */
	if (fd < 0)
		return mnt_source(AT_FDCWD, path, o->deep, ret_fd, e);
	o->done = true;
	*ret_fd = (int)fd;
	return 0;
}

/* ENOSYS: before Linux 5.12. */
static int set_attributes(int fd, const struct mount_options *o)
{
	struct mount_attr attr = attributes(o);
	struct mount_attr deep = {.attr_set = o->deep_set, .attr_clr = o->deep_clear};
	unsigned int recursive = o->deep ? AT_RECURSIVE : 0;

	if (o->done)
		return 0;
	if (deep.attr_set & MOUNT_ATTR__ATIME)
		deep.attr_clr |= MOUNT_ATTR__ATIME;
	if ((attr.attr_set || attr.attr_clr || attr.propagation) &&
	    mount_setattr(fd, "", AT_EMPTY_PATH | recursive, &attr, sizeof(attr)) < 0)
		return -1;
	if ((deep.attr_set || deep.attr_clr) &&
	    mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &deep, sizeof(deep)) < 0)
		return -1;
	return 0;
}

int mnt_bind(const struct mnt_at *at, int source, const struct mount_options *o, struct err *e)
{
	int sys;

	if (!mnt_is_new())
		return mnt_old_bind(at, source, o, e);
	sys = set_attributes(source, o) < 0 ? errno : 0;
	/* Before 5.2 the source is a plain descriptor and mount_setattr is missing as well. */
	if (sys == ENOSYS && move_mount(source, "", at->fd, "",
					MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return errno == ENOSYS ? mnt_old_bind(at, source, o, e)
				       : err_sys(e, "cannot mount on '%s'", at->path);
	if (sys == ENOSYS)
		return mnt_old_attributes(at, o, e);
	if (sys) {
		errno = sys;
		return err_sys(e, "cannot set the mount options of '%s'", at->path);
	}
	return attach(at, source, e);
}

int mnt_make_readonly(int root, const char *path, struct err *e)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
	struct mount_options o = {.set = MOUNT_ATTR_RDONLY};
	CLEANUP(fd_closep) int fd = -1;

	if (rootfs_open(root, path, O_PATH, 0, &fd, e) < 0)
		return -(int)e->code;
	if (mnt_is_new() && mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) == 0)
		return 0;
	return mnt_old_remount(fd, path, &o, e);
}
