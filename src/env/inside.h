/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "env/env.h"

/* What a process inside finds: variables, mounts, limits. Used by start, enter and sshd. */

/* The environment variables, NAME=VALUE. v may be NULL: a throw-away container. */
void inside_variables(const struct site *s, const struct env *v, const struct env_def *d,
		      struct strs *ret);

/* Set NAME=VALUE, over another of that name. */
void inside_set(struct strs *vars, const char *variable);

/* What a program must know of the caller's terminal. */
void inside_terminal(struct strs *vars);

/* Mounts, limits, shm, account of a container for this definition. v may be NULL. */
int inside_fill(struct site *s, const struct env *v, const struct env_def *d, struct container *c,
		struct err *e) MUST_USE;

/* The caller's folder when it is visible inside, else the workspace. The text is the caller's. */
char *inside_cwd(const struct site *s, const struct env_def *d) MUST_USE;

/* ~/workspace. The text is the caller's. */
char *inside_workspace(const struct site *s) MUST_USE;
