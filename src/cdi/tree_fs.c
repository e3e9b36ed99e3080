/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: a path of the container is opened once, and everything is
 * done on that descriptor. What is read must be a regular file of a real file
 * system; what is written must lie on the root's own mount. The rest is covered
 * by a mount, which nobody outside the container sees.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/cover.h"
#include "base/fs.h"
#include "cdi/tree_parts.h"

void tree_split(const char *path, char **ret_folder, char **ret_name)
{
	const char *slash = strrchr(path, '/');
	const char *end = slash ? slash : path;

	while (end > path && end[-1] == '/')
		end--;
	*ret_folder = end > path ? str_fmt("%.*s", (int)(end - path), path) : str_dup("/");
	*ret_name = str_dup(slash ? slash + 1 : path);
}

/* Kernels before 5.8 do not tell the mount: then the device has to do. */
static bool same_mount(int a, int b)
{
	struct statx x = {0};
	struct statx y = {0};

	if (statx(a, "", AT_EMPTY_PATH, STATX_MNT_ID, &x) < 0 ||
	    statx(b, "", AT_EMPTY_PATH, STATX_MNT_ID, &y) < 0)
		return false;
	if (x.stx_mask & y.stx_mask & STATX_MNT_ID && x.stx_mnt_id != y.stx_mnt_id)
		return false;
	return x.stx_dev_major == y.stx_dev_major && x.stx_dev_minor == y.stx_dev_minor;
}

bool tree_is_own(const struct tree_place *p, const char *path, int fd)
{
	CLEANUP(fd_closep) int dev = -1;
	struct err ignored;

	if (same_mount(p->root, fd))
		return true;
	/* /dev is opened without following a link. */
	return str_starts(below(path), "dev/") &&
	       rootfs_open(p->root, "/dev", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, &dev, &ignored) ==
		       0 &&
	       same_mount(dev, fd);
}

/* Its parent is looked at first: in somebody's mount not even a folder is made. */
static int folder_make(const struct tree_place *p, const char *path, struct err *e)
{
	CLEANUP(freep) char *folder = NULL;
	CLEANUP(freep) char *name = NULL;
	CLEANUP(fd_closep) int above = -1;

	tree_split(path, &folder, &name);
	if (str_eq(folder, path) || !*name) {
		errno = ENOENT;
		return err_sys(e, "cannot open '%s' in the container's root", path);
	}
	if (tree_folder(p, folder, &above, e) < 0)
		return -(int)e->code;
	if (mkdirat(above, name, 0755) < 0 && errno != EEXIST)
		return err_sys(e, "cannot create the folder '%s'", path);
	return 0;
}

int tree_folder(const struct tree_place *p, const char *path, int *ret_fd, struct err *e)
{
	CLEANUP(fd_closep) int fd = rootfs_try(p->root, path, O_PATH | O_DIRECTORY, 0);

	if (fd < 0 && errno == ENOENT && folder_make(p, path, e) < 0)
		return -(int)e->code;
	if (fd < 0 && rootfs_open(p->root, path, O_PATH | O_DIRECTORY, 0, &fd, e) < 0)
		return -(int)e->code;
	if (!tree_is_own(p, path, fd))
		return err_set(e, ERR_PRIV, "'%s' is a mount of its own", path);
	*ret_fd = TAKE(fd);
	return 0;
}

/* Files whose reading is an action of the kernel, or shows this process. */
static bool is_kernels(int fd)
{
	static const unsigned long own[] = {
		PROC_SUPER_MAGIC,   SYSFS_MAGIC,	DEBUGFS_MAGIC,	     TRACEFS_MAGIC,
		SECURITYFS_MAGIC,   CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, BPF_FS_MAGIC,
		DEVPTS_SUPER_MAGIC, EFIVARFS_MAGIC,	PSTOREFS_MAGIC,	     SELINUX_MAGIC,
	};
	struct statfs st;

	if (fstatfs(fd, &st) < 0)
		return true;
	for (size_t i = 0; i < COUNT(own); i++)
		if ((unsigned long)st.f_type == own[i])
			return true;
	return false;
}

int tree_reopen(int descriptors, int fd, const char *path, int *ret_fd, struct err *e)
{
	char name[16];
	struct stat st;
	int real;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, ERR_PARSE, "'%s' of the image is not a regular file", path);
	/* The very file that was looked at: no name is looked up again. */
	(void)snprintf(name, sizeof(name), "%d", fd);
	real = openat(descriptors, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (real < 0)
		return err_sys(e, "cannot open '%s' in the container's root", path);
	*ret_fd = real;
	return 0;
}

int tree_descriptors(void)
{
	return open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int tree_open(const struct tree_place *p, const char *path, int *ret_fd, struct err *e)
{
	CLEANUP(fd_closep) int descriptors = tree_descriptors();
	CLEANUP(fd_closep) int fd = -1;

	if (rootfs_open(p->root, path, O_PATH, 0, &fd, e) < 0)
		return -(int)e->code;
	if (is_kernels(fd))
		return err_set(e, ERR_PARSE, "'%s' of the image is not a regular file", path);
	return tree_reopen(descriptors, fd, path, ret_fd, e);
}

int tree_read(const struct tree_place *p, const char *path, size_t max, char **ret, size_t *ret_len,
	      struct err *e)
{
	CLEANUP(fd_closep) int fd = -1;
	CLEANUP(freep) char *data = NULL;
	size_t len = 0;
	struct stat st;

	if (tree_open(p, path, &fd, e) < 0)
		return -(int)e->code;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "cannot read '%s'", path);
	if (st.st_size > (off_t)max)
		return err_set(e, ERR_PARSE, "'%s' is larger than %zu bytes", path, max);
	data = mem_alloc((size_t)st.st_size + 1);
	while (len < (size_t)st.st_size) {
		ssize_t n = pread(fd, data + len, (size_t)st.st_size - len, (off_t)len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "cannot read '%s'", path);
		if (n == 0)
			break;
		len += (size_t)n;
	}
	data[len] = '\0';
	*ret = TAKE(data);
	*ret_len = len;
	return 0;
}

bool tree_has(const struct tree_place *p, const char *path)
{
	CLEANUP(fd_closep) int fd = rootfs_try(p->root, path, O_PATH, 0);

	return fd >= 0;
}

/* Only a regular file can be covered by one; a link is followed inside the root. */
static int put_over(const struct tree_place *p, const char *path, const void *data, size_t len,
		    mode_t mode, struct err *e)
{
	CLEANUP(fd_closep) int fd = -1;
	struct stat st;

	if (rootfs_open(p->root, path, O_PATH, 0, &fd, e) < 0)
		return -(int)e->code;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || is_kernels(fd))
		return err_set(e, ERR_PARSE, "'%s' of the image is not a regular file", path);
	return cover_file(p->root, fd, data, len, mode, e);
}

/* A new file with these bytes, and no other; -1 with errno. */
static int file_make(int folder, const char *name, const void *data, size_t len, mode_t mode)
{
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	int sys = 0;

	if (fd < 0)
		return -1;
	if (fchmod(fd, mode) < 0 || write_all(fd, data, len) < 0)
		sys = errno;
	(void)close(fd);
	if (!sys)
		return 0;
	(void)unlinkat(folder, name, 0);
	errno = sys;
	return -1;
}

/* -1 with errno. The name beside it is fixed, so that a broken start leaves one file at most. */
static int put_in(int folder, const char *name, const void *data, size_t len, mode_t mode)
{
	CLEANUP(freep) char *tmp = NULL;
	int sys;

	/* Nothing of the image runs yet: a file that is not there need not appear at once. */
	if (file_make(folder, name, data, len, mode) == 0)
		return 0;
	if (errno != EEXIST)
		return -1;
	tmp = str_fmt(".%s.dlenv-new", name);
	if (file_make(folder, tmp, data, len, mode) < 0 &&
	    (errno != EEXIST || unlinkat(folder, tmp, 0) < 0 ||
	     file_make(folder, tmp, data, len, mode) < 0))
		return -1;
	if (renameat(folder, tmp, folder, name) == 0)
		return 0;
	sys = errno;
	(void)unlinkat(folder, tmp, 0);
	errno = sys;
	return -1;
}

int tree_put(const struct tree_place *p, const char *path, const void *data, size_t len,
	     mode_t mode, struct err *e)
{
	CLEANUP(freep) char *folder = NULL;
	CLEANUP(freep) char *name = NULL;
	CLEANUP(fd_closep) int dir = -1;

	if (p->read_only)
		return put_over(p, path, data, len, mode, e);
	tree_split(path, &folder, &name);
	if (tree_folder(p, folder, &dir, e) < 0) {
		if (e->code == ERR_PRIV || e->sys == EROFS)
			return put_over(p, path, data, len, mode, e);
		return -(int)e->code;
	}
	if (put_in(dir, name, data, len, mode) == 0)
		return 0;
	(void)err_sys(e, "cannot write '%s'", path);
	/* EBUSY: something is mounted on the file itself. */
	if (e->sys == EROFS || e->sys == EACCES || e->sys == EPERM || e->sys == EBUSY)
		return put_over(p, path, data, len, mode, e);
	return -(int)e->code;
}
