/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/spec.h"

/*
 * linux.resources.devices in order, then the devices that every container has
 * (null, zero, full, random, urandom, tty, console, ptmx, pts): config-linux.md
 * "Allowed Device list" and "Default Devices".
 */
int cgroup_devices_v1(const struct spec_resources *r, const char *dir, struct err *e) MUST_USE;
/* As an eBPF program on the cgroup folder. */
int cgroup_devices_v2(const struct spec_resources *r, int cgroup, struct err *e) MUST_USE;

/* A rule in numbers: -1 is any. */
struct device_rule {
	bool allow;
	char type; /* 'a', 'c' or 'b' */
	int64_t major;
	int64_t minor;
	unsigned int access; /* BPF_DEVCG_ACC_ bits */
};

/* All rules, the defaults last, in ret (in a). */
int device_rules(const struct spec_resources *r, struct arena *a, struct doc_list *ret,
		 struct err *e) MUST_USE;
