/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

/*
 * Mount an overlay with fuse-overlayfs on the folder name's base in parent.
 * Its process is started in the caller's namespaces and ends with them.
 * ERR_PRIV with the cure when it or /dev/fuse cannot be used.
 */
int fuse_overlay_mount(const char *options, int place, int parent, const char *name, struct err *e)
	MUST_USE;
