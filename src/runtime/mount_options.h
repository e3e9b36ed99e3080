/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/* The options of an OCI mount, sorted by who gets them. */
struct mount_options {
	uint64_t set;	   /* MOUNT_ATTR_ that are switched on */
	uint64_t clear;	   /* MOUNT_ATTR_ that are switched off */
	uint64_t deep_set; /* the same for every mount below ("rro") */
	uint64_t deep_clear;
	uint64_t propagation; /* MS_PRIVATE ..., or 0 */
	bool propagation_deep;
	bool bind;
	bool deep;	  /* rbind */
	bool done;	  /* the source has them already, see mnt_source */
	struct strs data; /* for the file system: "size=64k" */
};

/* options is NULL-terminated or NULL. ERR_CONFIG for one that is refused. */
int mount_options_parse(const char *const *options, struct mount_options *ret, struct err *e)
	MUST_USE;
void mount_options_fini(struct mount_options *o);
