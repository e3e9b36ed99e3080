/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/spec.h"

struct json_t;

/*
 * What a driver brings (a hundred mounts and nodes), in structs: whoever starts a container in this
 * process need not make text of it on the way. It comes behind what config.json has.
 */
struct spec_more {
	const struct spec_mount *mounts;
	size_t mounts_n;
	const struct spec_device *devices;
	size_t devices_n;
	const struct tree_edits *tree;
};

/*
 * spec_parse of what jansson has, and more, which stays the caller's. The section linux.seccomp is
 * not looked for in it; NULL: none.
 */
int spec_of_json(const struct json_t *config, const char *seccomp, const struct spec_more *more,
		 struct spec *ret, struct err *e) MUST_USE;
