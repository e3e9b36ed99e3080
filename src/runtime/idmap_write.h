/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "runtime/idmap.h"

/* Inside the runtime: putting a mapping into force. */

/*
 * Rows for: keep is itself, every other id k below count is start + k. At most
 * 3; returns how many.
 */
size_t idmap_around(uint32_t keep, uint32_t start, uint32_t count, struct idmap_row *rows);

bool idmap_has(const struct idmap_row *rows, size_t n, uint32_t inside);

/* Only the caller's own ids: a process may write that for itself, without helpers. */
bool idmap_is_single(const struct idmap *m);
int idmap_write_self(const struct idmap *m, struct err *e) MUST_USE;

/* Write the mapping of a child's user namespace: as root directly, else by newuidmap. */
int idmap_write(const struct idmap *m, pid_t pid, struct err *e) MUST_USE;

/* Why a namespace could not be made, and the cure; e holds the kernel's answer. */
int userns_explain(bool userns, struct err *e);
