/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/env.h"
#include "host/host.h"
#include "host/nvidia_parts.h"

/* What the files of host/host share. */

enum {
	HOST_SMALL = 4096,	  /* a file of a few lines */
	HOST_LIST = 1 << 20,	  /* /proc/locks, os lists, repositories */
	HOST_DATABASE = 64 << 20, /* a package manager's; modules.dep */
	HOST_FILES_MAX = 256,	  /* of one folder */
};

/* A probe: fills in its part of h from what lies below r. */
struct host_look {
	const struct root *r;
	const struct user *who; /* or NULL */
	const char *recorded;	/* text of /.recorded, or NULL: this is the machine itself */
	bool here;		/* r is "/" */
	struct host *h;
};

void host_probe_place(const struct host_look *k);
void host_probe_image(const struct host_look *k);
void host_probe_module(const struct host_look *k);
void host_probe_firmware(const struct host_look *k);
void host_probe_manager(const struct host_look *k);
void host_probe_sources(const struct host_look *k);
void host_probe_packages(const struct host_look *k);
void host_probe_security(const struct host_look *k);
void host_probe_cgroup(const struct host_look *k);
void host_probe_caller(const struct host_look *k);
void host_probe_space(const struct host_look *k);

/* What a terminal would take for more than a letter becomes '?': such texts are shown. */
char *host_clean(char *text);
/* The first line of a small file, cleaned, in the arena of h; NULL: not there or empty. */
const char *host_line(const struct host_look *k, const char *path);
/* A small file's number; -1: not there, or none. */
int64_t host_number(const struct host_look *k, const char *path);
/* The text behind "KEY " in a line of /.recorded, cleaned, in the arena of h; NULL: it has no such
 * line. */
const char *host_recorded(const struct host_look *k, const char *key);
/* A whole file for free(), or NULL. */
char *host_text(const struct host_look *k, const char *path, size_t max) MUST_USE;

/* Somebody holds the lock file, by /proc/locks or by the process that a .pid file names. */
bool host_lock_is_held(const struct root *r, const char *path, const char *locks);
