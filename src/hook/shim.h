/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/fs.h"
#include "cdi/toolkit_config.h"
#include "hook/shim_args.h"

/* What the files of the shim share. */

/*
 * Edit the bundle's configuration for the GPUs that its container asks for; nothing when it asks
 * for none. Lines for people about what was left out are added to notes.
 */
int shim_create(const struct shim_args *args, const struct toolkit_config *c,
		enum toolkit_mode mode, struct strs *notes, struct err *e) MUST_USE;

/* A program beside the running one: its absolute path. The caller's. */
char *shim_beside(const char *name) MUST_USE;
