/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

/*
 * May a container have this sysctl? Only keys that belong to one of its own
 * namespaces (flags: CLONE_NEW* of those), and values without line breaks
 * (CVE-2022-0811). ERR_CONFIG.
 */
int sysctl_check(const char *key, const char *value, unsigned long flags, struct err *e) MUST_USE;

/* "net.ipv4.ip_forward" as "sys/net/ipv4/ip_forward", to be freed. */
char *sysctl_path(const char *key) MUST_USE;
