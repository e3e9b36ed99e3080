/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "env/env.h"

/* JupyterLab of an environment: on loopback, with a token of 256 bits in a 0600 file. */

/* Make the token unless there is one, write the server's configuration. */
int jupyter_prepare(struct env *v, const struct env_def *d, struct err *e) MUST_USE;

/*
 * The port for this start: the recorded one when it is free, else 8888 or the
 * next free one, which is recorded. A port that the definition fixes and
 * somebody else has is ERR_BUSY. *ret_moved when it is not the recorded one.
 */
int jupyter_choose_port(struct env *v, const struct env_def *d, bool *ret_moved, struct err *e)
	MUST_USE;

/* http://127.0.0.1:8888/lab?token=... The text is the caller's. ERR_ABSENT without a token. */
int jupyter_link(const struct env *v, char **ret, struct err *e) MUST_USE;
/* A new token; takes effect at the service's next start. */
int jupyter_rotate(struct env *v, struct err *e) MUST_USE;
