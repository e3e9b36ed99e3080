/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

void fd_closep(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

int root_open(struct root *r, const char *path, struct err *e)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "cannot open '%s'", path);
	*r = (struct root){.fd = fd, .path = str_dup(path)};
	return 0;
}

void root_close(struct root *r)
{
	if (!r->path)
		return;
	fd_closep(&r->fd);
	freep(&r->path);
}

const char *below(const char *path)
{
	while (*path == '/')
		path++;
	return *path ? path : ".";
}

int read_all(int fd, struct buf *ret)
{
	char chunk[65536];

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0 || ret->full)
			return 0;
		buf_add(ret, chunk, (size_t)n);
	}
}

static int read_bounded(int fd, const char *path, size_t max, char **ret, size_t *ret_len,
			struct err *e)
{
	struct buf b = {.max = max};

	buf_add(&b, "", 0);
	if (read_all(fd, &b) < 0) {
		int code = err_sys(e, "cannot read '%s'", path);

		buf_fini(&b);
		return code;
	}
	if (b.full) {
		buf_fini(&b);
		return err_set(e, ERR_PARSE, "'%s' is larger than %zu bytes", path, max);
	}
	if (ret_len)
		*ret_len = b.len;
	*ret = b.data;
	return 0;
}

int file_read(int dir, const char *path, size_t max, char **ret, size_t *ret_len, struct err *e)
{
	CLEANUP(fd_closep) int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "cannot open '%s'", path);
	return read_bounded(fd, path, max, ret, ret_len, e);
}

int root_read(const struct root *r, const char *path, size_t max, char **ret, struct err *e)
{
	CLEANUP(fd_closep) int fd = -1;

	/* The live machine has links such as /proc/self that only the kernel can follow. */
	if (str_eq(r->path, "/"))
		return file_read(r->fd, below(path), max, ret, NULL, e);
	if (rootfs_open(r->fd, path, O_RDONLY, 0, &fd, e) < 0)
		return -(int)e->code;
	return read_bounded(fd, path, max, ret, NULL, e);
}

bool root_has(const struct root *r, const char *path)
{
	return file_exists(r->fd, below(path));
}

int write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The folder that holds path, open; *ret_name points at the last component. */
static int parent_open(int dir, const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	CLEANUP(freep) char *folder = NULL;

	*ret_name = slash ? slash + 1 : path;
	if (!slash)
		folder = str_dup(".");
	else
		folder = str_fmt("%.*s", slash == path ? 1 : (int)(slash - path), path);
	return openat(dir, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int file_write(int dir, const char *path, const void *data, size_t len, mode_t mode,
	       unsigned int flags, struct err *e)
{
	const char *name = NULL;
	CLEANUP(fd_closep) int folder = parent_open(dir, path, &name);
	CLEANUP(freep) char *tmp = str_fmt(".%s.dlenv-new-%d", name, (int)getpid());
	CLEANUP(fd_closep) int fd = -1;

	if (folder < 0)
		return err_sys(e, "cannot create '%s'", path);
	(void)unlinkat(folder, tmp, 0);
	fd = openat(folder, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return err_sys(e, "cannot create '%s'", path);
	if (fchmod(fd, mode) < 0 || write_all(fd, data, len) < 0 ||
	    (flags & FILE_SYNC && fsync(fd) < 0) || renameat(folder, tmp, folder, name) < 0 ||
	    (flags & FILE_SYNC && fsync(folder) < 0)) {
		int code = err_sys(e, "cannot write '%s'", path);

		(void)unlinkat(folder, tmp, 0);
		return code;
	}
	return 0;
}

int dir_make(int dir, const char *path, mode_t mode, struct err *e)
{
	CLEANUP(freep) char *part = str_dup(path);

	for (char *p = part + 1; *part; p++) {
		char was = *p;

		if (was != '/' && was)
			continue;
		*p = '\0';
		if (mkdirat(dir, part, mode) < 0 && errno != EEXIST)
			return err_sys(e, "cannot create the folder '%s'", part);
		*p = was;
		if (!was)
			break;
	}
	return 0;
}

int dir_open(int dir, const char *path, int *ret_fd, struct err *e)
{
	int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "cannot open the folder '%s'", path);
	*ret_fd = fd;
	return 0;
}

static int remove_below(int dir, const char *name, dev_t dev, int depth, struct err *e);

static int remove_entries(int fd, dev_t dev, int depth, struct err *e)
{
	DIR *d = fdopendir(fd);
	const struct dirent *ent;
	int code = 0;

	if (!d)
		return err_sys(e, "cannot read a folder");
	while (!code && (ent = readdir(d)))
		if (!str_eq(ent->d_name, ".") && !str_eq(ent->d_name, ".."))
			code = remove_below(dirfd(d), ent->d_name, dev, depth + 1, e);
	(void)closedir(d);
	return code;
}

static int remove_below(int dir, const char *name, dev_t dev, int depth, struct err *e)
{
	enum { DEEPEST = 500 };
	struct stat st;
	int fd;

	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return err_sys(e, "cannot remove '%s'", name);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == EACCES && fchmodat(dir, name, 0700, 0) == 0)
		fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		int code = err_sys(e, "cannot remove '%s'", name);

		fd_closep(&fd);
		return code;
	}
	if (st.st_dev != dev || depth > DEEPEST) {
		fd_closep(&fd);
		(void)err_set(e, ERR_BUSY, "cannot remove '%s': something is mounted there", name);
		return err_hint(e, "unmount it first; nothing below it was touched");
	}
	/* Removing entries needs write permission on the folder. */
	(void)fchmod(fd, st.st_mode | 0700);
	if (remove_entries(fd, dev, depth, e) < 0)
		return -(int)e->code;
	if (unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return err_sys(e, "cannot remove '%s'", name);
	return 0;
}

int tree_remove(int dir, const char *name, struct err *e)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT)
			return 0;
		return err_sys(e, "cannot remove '%s'", name);
	}
	return remove_below(dir, name, st.st_dev, 0, e);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int dir_list(int dir, const char *path, struct strs *ret, struct err *e)
{
	int fd = -1;
	DIR *d;
	const struct dirent *ent;

	if (dir_open(dir, path, &fd, e) < 0)
		return -(int)e->code;
	d = fdopendir(fd);
	if (!d)
		return err_sys(e, "cannot read the folder '%s'", path);
	while ((ent = readdir(d)))
		if (!str_eq(ent->d_name, ".") && !str_eq(ent->d_name, ".."))
			strs_add(ret, ent->d_name);
	(void)closedir(d);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_name);
	return 0;
}

bool file_exists(int dir, const char *path)
{
	struct stat st;

	return fstatat(dir, path, &st, 0) == 0;
}
