/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"

/* linux.seccomp (config-linux.md "Seccomp") as a filter for the kernel. */

struct sock_filter;

struct seccomp_filter {
	struct sock_filter *insns; /* NULL: none */
	uint16_t n;
	unsigned int flags; /* SECCOMP_FILTER_FLAG_ */
};

/*
 * The filter of a section (its JSON text, or NULL): from the folder cache (or
 * NULL) when it has been compiled before, else through libseccomp. ERR_CONFIG
 * for an action, operator or architecture that does not exist.
 */
int seccomp_get(const char *section, const char *cache, struct seccomp_filter *ret, struct err *e)
	MUST_USE;
void seccomp_filter_fini(struct seccomp_filter *f);

/* Put it into force for this process and what it executes. */
int seccomp_put(const struct seccomp_filter *f, struct err *e) MUST_USE;

/* The name of a section's file in the cache: its text, this machine, this libseccomp. */
void seccomp_key(const char *section, char ret[DIGEST_LEN]);
