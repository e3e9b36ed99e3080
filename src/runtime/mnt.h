/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "runtime/mount_options.h"

/*
 * Mounts by descriptor (R2): a target is opened once inside the container's
 * root and everything is mounted onto that descriptor. The new mount API where
 * the kernel has it (5.2, attributes 5.12), else mount(2) on /proc/self/fd/N.
 */

/* A place in the container's root. */
struct mnt_at {
	int root;	  /* O_PATH of the container's root */
	const char *path; /* as the configuration has it */
	int fd;		  /* what is there now, O_PATH */
};

/* Is the new mount API there, and not switched off by DLENV_NO? */
bool mnt_is_new(void);

/* Mount a new file system of this type. at->fd keeps showing what lies below it. */
int mnt_fs(const struct mnt_at *at, const char *type, const char *source,
	   const struct mount_options *o, struct err *e) MUST_USE;

/*
 * What mnt_bind attaches: a copy of the mount at a path of the host (of an open
 * file when path is "" and dir is its descriptor). The caller closes it.
 */
int mnt_source(int dir, const char *path, bool deep, int *ret_fd, struct err *e) MUST_USE;

/*
 * The same with the attributes that mnt_bind would set, where the kernel does both at once (6.15);
 * o->done says that it did.
 */
int mnt_source_with(const char *path, struct mount_options *o, int *ret_fd, struct err *e) MUST_USE;

/*
 * Attach a source. Attributes in o->set hold for the whole tree when o->deep
 * is set: a read-only tree must not have a writable mount below.
 */
int mnt_bind(const struct mnt_at *at, int source, const struct mount_options *o, struct err *e)
	MUST_USE;

/* Make the mount at a path in the root read-only. */
int mnt_make_readonly(int root, const char *path, struct err *e) MUST_USE;

/* A descriptor's name that the kernel follows even when its path cannot be walked. */
enum { FD_NAME_MAX = 32 };
const char *mnt_fd_name(int fd, char ret[FD_NAME_MAX]);
