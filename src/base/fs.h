/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"

/* Files: *at() calls, close-on-exec, read with a bound, written whole or not at all. */

/* For CLEANUP(fd_closep): closes a descriptor variable and leaves -1 behind. */
void fd_closep(int *fd);

/* A machine's file tree: "/" or a recorded host. Paths below it may begin with '/'. */
struct root {
	int fd;
	char *path;
};

int root_open(struct root *r, const char *path, struct err *e) MUST_USE;
void root_close(struct root *r);

/* path without its leading slashes, "." when nothing is left. */
const char *below(const char *path);

/*
 * The whole of a file of at most max bytes, terminated with '\0'; the caller
 * frees it. ret_len may be NULL. ERR_ABSENT when there is no such file,
 * ERR_PARSE when it is larger.
 */
int file_read(int dir, const char *path, size_t max, char **ret, size_t *ret_len, struct err *e)
	MUST_USE;

/* file_read of a path below a root, following links inside it only. */
int root_read(const struct root *r, const char *path, size_t max, char **ret, struct err *e)
	MUST_USE;
bool root_has(const struct root *r, const char *path);

enum file_flags {
	FILE_SYNC = 1 << 0, /* survive a power cut: fsync the file and its folder */
};

/* Replace a file by rename: readers see the old text or the new one. */
int file_write(int dir, const char *path, const void *data, size_t len, mode_t mode,
	       unsigned int flags, struct err *e) MUST_USE;

/* All bytes, through short writes and EINTR: 0, or -1 with errno. */
int write_all(int fd, const void *data, size_t len) MUST_USE;
/* All bytes up to the end of the file into a buffer bounded by max. -1 with errno. */
struct buf;
int read_all(int fd, struct buf *ret);

/* mkdir -p; existing folders are left as they are. */
int dir_make(int dir, const char *path, mode_t mode, struct err *e) MUST_USE;
/* Open a folder for *at() calls. ERR_ABSENT when it is missing. */
int dir_open(int dir, const char *path, int *ret_fd, struct err *e) MUST_USE;

/*
 * Remove a file or a whole tree. Never follows a link and never crosses into
 * another file system, so that a forgotten mount is refused, not emptied.
 * No error when there is nothing.
 */
int tree_remove(int dir, const char *name, struct err *e) MUST_USE;

/* The names in a folder without "." and "..", sorted. */
struct strs;
int dir_list(int dir, const char *path, struct strs *ret, struct err *e) MUST_USE;

bool file_exists(int dir, const char *path);

/*
 * Open a path inside a container's root: links are followed inside the root
 * only, and never through /proc magic links (openat2 RESOLVE_IN_ROOT; a
 * component walk where the kernel has no openat2). Returns the descriptor in
 * *ret_fd. The only way to open a path that an image controls.
 */
int rootfs_open(int rootfd, const char *path, int flags, mode_t mode, int *ret_fd, struct err *e)
	MUST_USE;
/* The same for what may well be missing: the descriptor, or -1 with errno. */
int rootfs_try(int rootfd, const char *path, int flags, mode_t mode) MUST_USE;

/*
 * rootfs_open with O_PATH of a place that is made where it is missing: folders
 * 0755 and, unless dir, an empty file at its end. Links stay inside the root.
 */
int rootfs_place(int rootfd, const char *path, bool dir, int *ret_fd, struct err *e) MUST_USE;

/*
 * The same for files, quicker for many of one folder in a row: the folder stays open in *near,
 * which begins as {.fd = -1}. To be closed (rootfs_near_close) before anything but a file of that
 * folder is mounted over or moved.
 */
struct rootfs_near {
	int fd;
	char *folder;
};
int rootfs_place_near(int rootfd, const char *path, struct rootfs_near *near, int *ret_fd,
		      struct err *e) MUST_USE;
void rootfs_near_close(struct rootfs_near *near);
