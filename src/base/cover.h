/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * Mount a file of a private tmpfs with these bytes over the file that target (O_PATH) shows:
 * read-only, nosuid, nodev, noexec. In the caller's mount namespace; nothing is written to what
 * lies below. root (O_PATH of the container's root) is where the tmpfs lies for a moment on kernels
 * that cannot copy a mount which is nowhere (before 6.15). e->sys is ENOSYS before Linux 5.2.
 */
int cover_file(int root, int target, const void *data, size_t len, mode_t mode, struct err *e)
	MUST_USE;
