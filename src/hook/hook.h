/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/mem.h"

/*
 * dlenv-toolkit: one static program under the names of NVIDIA's. What it writes for people goes to
 * stderr in English: an engine shows it, or keeps it in a log.
 */

/* Programs; each gets its own name and arguments and returns the exit status. */
int run_cdi_hook(int argc, char **argv);

/* "NAME: text" on stderr. */
void hook_say(const char *fmt, ...) FORMAT(1, 2);
void hook_say_err(const struct err *e);

/*
 * Give up what a hook does not need, before it looks at anything: the environment (which may be
 * the image's: CVE-2025-23266), descriptors, capabilities, and resources without limit.
 */
void hook_confine(void);

/* What an OCI state (JSON on a descriptor, bounded) and the bundle that it names say. */
struct hook_state {
	const char *root;    /* the container's root, to be opened in the folder of the start */
	const char **mounts; /* destinations, NULL-terminated; NULL: config.json is closed to us */
};
int hook_state_read(int fd, struct arena *a, struct hook_state *ret, struct err *e) MUST_USE;
