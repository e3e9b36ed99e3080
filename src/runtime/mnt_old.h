/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/mnt.h"

/* mnt.h with mount(2), for kernels before 5.2 and 5.12 and for tests. */

int mnt_old_fs(const struct mnt_at *at, const char *type, const char *source,
	       const struct mount_options *o, struct err *e) MUST_USE;
int mnt_old_bind(const struct mnt_at *at, int source, const struct mount_options *o, struct err *e)
	MUST_USE;

/* The attributes and propagation of o for what was just mounted at a place. */
int mnt_old_attributes(const struct mnt_at *at, const struct mount_options *o, struct err *e)
	MUST_USE;

/* Change the attributes of the mount whose root fd is; path is for messages. */
int mnt_old_remount(int fd, const char *path, const struct mount_options *o, struct err *e)
	MUST_USE;
