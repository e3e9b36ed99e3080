/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "cdi/spec.h"

/* What the files of the prestart hook share. */

/* What is put into a container that exists already, opened on the host before it is entered. */
struct placing {
	const struct cdi_edits *edits;
	int *mounts; /* a detached mount each; -1: none */
	int *nodes;
	int params; /* /proc/driver/nvidia/params; -1: none */
	void (*warn)(void *arg, const char *text);
	void *warn_arg;
};

/* machine is the root of the host's files. placing_close closes all, after a failure too. */
int placing_open(int machine, const struct cdi_edits *edits, struct placing *ret, struct err *e)
	MUST_USE;
void placing_close(struct placing *p);

/*
 * Enter the namespaces of the container's process and put everything into the root at this path
 * of its mount namespace; links and the loader's cache too. The caller cannot go back.
 */
int placing_make(const struct placing *p, pid_t pid, const char *root, struct err *e) MUST_USE;

/* Let the container's cgroup use the devices. machine as above: its /proc is not read. */
int legacy_allow(pid_t pid, const struct cdi_edits *edits, struct err *e) MUST_USE;
