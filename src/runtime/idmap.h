/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"
#include "base/err.h"

/* A user namespace's id mapping (user_namespaces(7)). */

enum { IDMAP_MAX = 16 };

struct idmap_row {
	uint32_t inside;
	uint32_t outside;
	uint32_t count;
};

struct idmap {
	struct idmap_row uid[IDMAP_MAX];
	struct idmap_row gid[IDMAP_MAX];
	size_t uids; /* 0: no user namespace */
	size_t gids;
};

/*
 * The caller's mapping: inside id U is the caller, every other inside id k is
 * subid_start + k (see doc/architecture.md). No rows for root. ERR_PRIV (with
 * the cure) without subordinate ids or without newuidmap.
 */
int idmap_keep(struct idmap *m, const struct user *u, struct err *e) MUST_USE;

/* Only the caller is mapped, to inside_uid and inside_gid. Needs no helpers. */
void idmap_single(struct idmap *m, const struct user *u, uint32_t inside_uid, uint32_t inside_gid);

/*
 * Can this process make user namespaces? ERR_PRIV says what forbids it
 * (sysctl, AppArmor, chroot, seccomp) and the cure.
 */
int userns_check(struct err *e) MUST_USE;

/*
 * Run fn in a child that is root (inside id 0) in a new user namespace with
 * this mapping and in a private mount namespace; its struct err comes back.
 * With an empty mapping (root) the child only has the private mount namespace.
 */
int userns_call(const struct idmap *m, int (*fn)(void *arg, struct err *e), void *arg,
		struct err *e) MUST_USE;

/* Does the user namespace of that process have just this mapping (so that it can be joined)? */
bool idmap_matches(const struct idmap *m, pid_t pid);
