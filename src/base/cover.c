/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/env.h"
#include "base/fs.h"

enum { ATTRIBUTES = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC };

/* A tmpfs that nobody else has a name for; *ret_context changes it later. -1 with errno. */
static int tmpfs_make(int *ret_context)
{
	int context = -1;
	int fd = -1;

	errno = ENOSYS;
	if (env_allows("newmount"))
		context = fsopen("tmpfs", FSOPEN_CLOEXEC);
	if (context < 0)
		return -1;
	if (fsconfig(context, FSCONFIG_SET_STRING, "source", "dlenv", 0) == 0 &&
	    fsconfig(context, FSCONFIG_SET_STRING, "mode", "0755", 0) == 0 &&
	    fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		fd = fsmount(context, FSMOUNT_CLOEXEC, ATTRIBUTES);
	if (fd < 0)
		fd_closep(&context);
	*ret_context = context;
	return fd;
}

static int file_make(int dir, const void *data, size_t len, mode_t mode)
{
	int fd = openat(dir, "file", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	if (fd < 0)
		return -1;
	if (fchmod(fd, mode) < 0 || write_all(fd, data, len) < 0) {
		(void)close(fd);
		return -1;
	}
	(void)close(fd);
	return 0;
}

/* A detached mount of the file. */
static int file_mount(int root, int tmpfs)
{
	unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
	char name[32];
	int fd = -1;

	errno = EINVAL;
	if (env_allows("nowhere"))
		fd = open_tree(tmpfs, "file", flags);
	if (fd >= 0 || errno != EINVAL)
		return fd;
	if (move_mount(tmpfs, "", root, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return -1;
	fd = open_tree(tmpfs, "file", flags);
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", tmpfs);
	if (umount2(name, MNT_DETACH) < 0)
		fd_closep(&fd);
	return fd;
}

int cover_file(int root, int target, const void *data, size_t len, mode_t mode, struct err *e)
{
	CLEANUP(fd_closep) int context = -1;
	CLEANUP(fd_closep) int tmpfs = tmpfs_make(&context);
	CLEANUP(fd_closep) int file = -1;

	if (tmpfs < 0)
		return err_sys(e, "cannot make a private file system");
	if (file_make(tmpfs, data, len, mode) < 0 ||
	    fsconfig(context, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0 ||
	    fsconfig(context, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
		return err_sys(e, "cannot make a file to mount");
	file = file_mount(root, tmpfs);
	if (file < 0)
		return err_sys(e, "cannot make a file to mount");
	if (move_mount(file, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_sys(e, "cannot mount a file");
	return 0;
}
