/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/attr.h"
#include "base/err.h"

enum lock_flags {
	LOCK_SHARED = 1 << 0,
	LOCK_TRY = 1 << 1, /* ERR_BUSY instead of waiting */
};

/*
 * Take the advisory lock on a file (made when missing) for as long as the
 * descriptor is open. When another process holds it, on_wait (or NULL) is
 * called once and the call waits.
 */
int lock_take(int dir, const char *path, unsigned int flags, void (*on_wait)(void *arg), void *arg,
	      int *ret_fd, struct err *e) MUST_USE;
