/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "env/env.h"

/*
 * Write run/init.conf, which tells dlenv-init what to run: JupyterLab and the
 * definition's own services. The format is in doc/architecture.md.
 */
int services_write(const struct env *v, const struct env_def *d, struct err *e) MUST_USE;

/* Where dlenv-init is: beside this program, in its build tree, or installed. The text is the
 * caller's. */
int services_init_program(char **ret, struct err *e) MUST_USE;
