/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "env/env.h"

/*
 * SSH without a port: `ProxyCommand dlenv ssh-proxy NAME` starts sshd -i inside
 * as the user. Keys and host key belong to the environment; the client knows
 * the host key beforehand.
 */

/* Make missing keys, write sshd_config and authorized_keys. */
int ssh_prepare(struct env *v, const struct env_def *d, struct err *e) MUST_USE;

/* Rewrite the client configuration that dlenv owns from all environments there are. */
int ssh_client_write(struct site *s, struct err *e) MUST_USE;

/* Where the user's ssh config is, and the line it needs. The texts are the caller's. */
char *ssh_user_config(const struct site *s) MUST_USE;
char *ssh_include_line(const struct site *s) MUST_USE;
/* Does the user's ssh config hold the line before any Host or Match? */
bool ssh_include_is_set(const struct site *s);
/* Add the line at the top, or take it out again. All other lines stay as they are. */
int ssh_include_set(const struct site *s, bool present, struct err *e) MUST_USE;

/* ssh_proxy: enter and become sshd -i. Returns sshd's status. */
int ssh_proxy(struct env *v, const struct env_def *d, int *ret_status, struct err *e) MUST_USE;

/* Log in once, as `ssh dlenv.NAME true` would, and once for a terminal. */
int ssh_self_test(struct env *v, struct err *e) MUST_USE;
