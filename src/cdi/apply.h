/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cdi/spec.h"

/*
 * CDI edits put into an OCI config.json (runtime-spec 1.2) as text: only what they add or replace
 * changes; unknown fields, numbers, order and spacing of everything else stay byte for byte.
 */

enum apply_flags {
	APPLY_NO_HOOKS = 1 << 0,    /* leave the edits' hooks out: the caller carries them out */
	APPLY_DROP_NVIDIA = 1 << 1, /* remove prestart hooks of NVIDIA's runtime hook */
};

/*
 * SPEC.md "OCI Edits": env replaces by name; nodes get type, major and minor of the host's node
 * where they are not given, owner from process.user, replace one of the same path, and get a cgroup
 * rule; mounts replace one of the same destination and come behind all others but those that lie
 * below them; additionalGids once each, without 0. ERR_ABSENT when a node does not exist on the
 * host, ERR_PARSE when the text is not a config.json. *ret is the caller's.
 */
int cdi_apply(const char *text, size_t len, const struct cdi_edits *edits, unsigned int flags,
	      char **ret, struct err *e) MUST_USE;
