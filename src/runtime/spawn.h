/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

enum { JOIN_MAX = 8 };

/* A child in new or joined namespaces. */
struct spawn {
	unsigned long flags; /* CLONE_NEW*: what is made */
	int join[JOIN_MAX];  /* namespaces entered first, in order: descriptors of /proc/PID/ns/X */
	size_t joins;
	int pidfd; /* or: enter these namespaces of a process (setns(2)); -1: none */
	int pidfd_flags;
	const int *keep;      /* with a join: the only descriptors from 3 on that the child gets, */
	size_t keeps;	      /* sorted; those below 3 are passed over. NULL: all */
	int cgroup;	      /* the child begins in this cgroup 2 folder; -1: the caller's */
	int (*fn)(void *arg); /* runs in the child; its result is the exit status */
	void *arg;
};

/*
 * Start fn in a copy of this process. The child is ours to wait for even when
 * its namespaces had to be entered by a helper in between. *ret_in_cgroup tells
 * whether the kernel put it into the cgroup.
 */
int spawn_child(const struct spawn *s, pid_t *ret_pid, bool *ret_in_cgroup, struct err *e) MUST_USE;
