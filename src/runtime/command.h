/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "base/err.h"

/* The program file of this process, to be recognised where a container points at it. */
struct own_program {
	dev_t dev;
	ino_t ino;
};

int own_program(struct own_program *ret, struct err *e) MUST_USE;

/*
 * Execute a command of the container we are in: args[0] is looked up in the
 * PATH of env. Returns only on failure: ERR_NOCMD or ERR_NOEXEC, the latter
 * also when the name leads to this program (CVE-2019-5736).
 */
int command_exec(const char *const *args, const char *const *env, const struct own_program *own,
		 struct err *e) MUST_USE;

/* chdir, and refuse a folder that does not lie inside the root (CVE-2024-21626). */
int command_cwd(const char *cwd, struct err *e) MUST_USE;

/*
 * Close what is not 0, 1, 2, one of the preserved descriptors or *keep, which is
 * closed by exec and may be moved (R4).
 */
int command_close(int preserve, int *keep, struct err *e) MUST_USE;

/* Default dispositions, nothing blocked. */
void command_signals(void);
