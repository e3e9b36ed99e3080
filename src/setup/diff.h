/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/str.h"

/* A unified diff with three lines around each change. before or after may be NULL: no such file. */
void diff_unified(const char *path, const char *before, const char *after, struct buf *ret);
