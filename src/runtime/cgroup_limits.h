/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/cgroup.h"

/* Inside the runtime: linux.resources as writes into control files. */

/* The controllers that a limit may need, NULL-terminated. */
extern const char *const cgroup_v1_controllers[];

bool cgroup_needs(const struct spec_resources *r, const char *controller);
bool cgroup_any_limit(const struct spec_resources *r);

/* ERR_ABSENT or ERR_PRIV when a controller is not there or not ours. */
int cgroup_limits_set(const struct spec_resources *r, const struct cgroup *c, struct err *e)
	MUST_USE;
