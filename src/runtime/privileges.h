/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "runtime/seccomp.h"
#include "runtime/spec.h"

/* Who a container's process is in the end. */
struct identity {
	uint32_t uid;
	uint32_t gid;
	const uint32_t *groups;
	size_t groups_n;
	bool keep_groups; /* those of the caller stay, and groups is not looked at */
	const struct spec_process *process; /* capabilities, no_new_privileges */
	const struct seccomp_filter *filter;
};

/*
 * Give up what the process does not keep, in the order of R5: bounding set,
 * ids, no_new_privs, filter, capabilities. After it only exec may follow.
 */
int privileges_drop(const struct identity *who, struct err *e) MUST_USE;

/* Become root of the user namespace we are in, as far as it is mapped. */
int privileges_root(bool uid, bool gid, bool keep_groups, struct err *e) MUST_USE;
