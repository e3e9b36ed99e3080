/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"

/*
 * Fetch a file. HTTP and TLS are left to a program that the machine has: curl, else apt's own
 * helper (rows in net.c, tried in this order), so that nothing has to be installed first.
 */

struct net_get {
	const char *url;  /* https:// only, also after redirections */
	const char *path; /* the file to write, mode 0600; what was there is replaced */
	size_t max;	  /* larger ones are refused */
	int timeout_ms;	  /* of the whole; 0: two minutes */
	int log_fd;	  /* what the program prints; 0: nowhere */
};

/*
 * Three attempts where trying again may help. On failure there is no file. ERR_NET with the
 * server's status or the cause (no such host, refused, reset, timed out); ERR_VERIFY: the
 * certificate (a wrong clock is named); ERR_NOSPC; ERR_NOCMD: neither program is there.
 */
int net_fetch(const struct net_get *g, struct err *e) MUST_USE;

/* One of the programs is there. */
bool net_is_possible(void);
