/* SPDX-License-Identifier: Apache-2.0 */
#include "init/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fs.h"
#include "init/conf.h"

enum { FILE_NAME_MAX = CONF_NAME_MAX + sizeof(".log.1") };

static int open_folder(const char *path)
{
	struct err e;

	if (dir_make(AT_FDCWD, path, 0755, &e) < 0)
		return -1;
	return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/*
 * The log itself, ready to append, or -1. A second name (hard link) is as good
 * as a symbolic one for somebody who wants another file to be overwritten.
 */
static int open_log(int folder, const char *file)
{
	for (int try = 0; try < 2; try++) {
		CLEANUP(fd_closep)
		int fd = openat(folder, file,
				O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
				0644);
		struct stat st;

		if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1)
			return TAKE(fd);
		if (fd < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EROFS))
			return -1;
		if (unlinkat(folder, file, 0) < 0)
			return -1;
	}
	return -1;
}

/* Open the log, with room for len more bytes. */
static void make_ready(struct logfile *l, const struct logplace *place, size_t len)
{
	CLEANUP(fd_closep) int folder = -1;
	char file[FILE_NAME_MAX];
	char old[FILE_NAME_MAX];
	struct stat st;

	/* Somebody may have removed or emptied the file since. */
	if (l->fd >= 0 && fstat(l->fd, &st) == 0 && st.st_nlink > 0 &&
	    (uint64_t)st.st_size + len <= place->max)
		return;
	logfile_close(l);
	folder = open_folder(place->dir);
	if (folder < 0)
		return;
	(void)snprintf(file, sizeof(file), "%s.log", place->name);
	(void)snprintf(old, sizeof(old), "%s.log.1", place->name);
	l->fd = open_log(folder, file);
	if (l->fd < 0 || fstat(l->fd, &st) < 0 || (uint64_t)st.st_size + len <= place->max)
		return;
	/* Where the older one cannot be replaced, the bound matters more than the text. */
	if (renameat(folder, file, folder, old) < 0) {
		if (ftruncate(l->fd, 0) < 0)
			logfile_close(l);
		return;
	}
	logfile_close(l);
	l->fd = open_log(folder, file);
}

static void append(struct logfile *l, const void *data, size_t len)
{
	ssize_t n = l->fd < 0 ? -1 : write(l->fd, data, len);
	size_t lost = n < 0 ? len : len - (size_t)n;

	l->lost += lost;
	l->unsaid += lost;
}

void logfile_write(struct logfile *l, const struct logplace *place, const void *data, size_t len)
{
	char note[80];

	make_ready(l, place, len + sizeof(note));
	if (l->unsaid && l->fd >= 0) {
		int n = snprintf(note, sizeof(note), "\n[dlenv-init: %llu bytes were lost here]\n",
				 (unsigned long long)l->unsaid);

		/* A note that does not fit now is written later, whole. */
		if (write(l->fd, note, (size_t)n) == n)
			l->unsaid = 0;
	}
	append(l, data, len);
}

void logfile_close(struct logfile *l)
{
	fd_closep(&l->fd);
}
