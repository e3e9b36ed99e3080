/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "engine/engine.h"

/* Networks of containers: which one works here, and attaching it. */

/*
 * What `wanted` becomes on this machine: NET_AUTO takes pasta, slirp4netns or
 * the host's network, in this order, whichever works for this user. *ret_why
 * (static text) says why a better one was passed over, or NULL. ERR_ABSENT or
 * ERR_PRIV when the wanted one cannot work.
 */
int net_choose(enum net_mode wanted, enum net_mode *ret, const char **ret_why, struct err *e)
	MUST_USE;

/* "pasta", "host" ... */
const char *net_name(enum net_mode mode);

/*
 * Attach a network to the namespaces of pid and forward the loopback TCP ports
 * (zero-terminated; pasta only). The helper goes on in the background until
 * the namespace ends; its process is returned.
 */
int net_attach(enum net_mode mode, pid_t pid, bool own_userns, const uint16_t *ports,
	       const char *run_dir, struct rt_process_id *ret, struct err *e) MUST_USE;

/* Can a server bind this TCP port on 127.0.0.1 now? */
bool port_is_free(uint16_t port);
