/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "net/net.h"

/* What the files net*.c share; nobody else but their test includes it. */

enum net_program { NET_CURL, NET_APT, NET_PROGRAMS };

/* How a program that fetches has ended. */
struct net_end {
	enum net_program program;
	int status;	  /* its exit status, 128 + signal */
	int http;	  /* what the server answered, or 0 */
	const char *said; /* its last line, or "" */
};

/* The error that belongs to a failure; *ret_again: another attempt may go better. */
int net_judge(const struct net_get *g, const struct net_end *end, bool *ret_again, struct err *e);
