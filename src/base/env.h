/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"

/*
 * False when DLENV_NO names the kernel feature (comma-separated, for tests):
 * openat2, newmount, clone3, closerange, pidfd, overlay, userns, cgroup ...
 */
bool env_allows(const char *feature);

/*
 * The path of the running program. A program that runs from a sealed copy (rt_seal) is told
 * its own by DLENV_PROGRAM. The text is the caller's.
 */
char *env_program(void) MUST_USE;

/*
 * The path of a program that belongs to dlenv: beside the one that runs, in src/FOLDER of the
 * build, or where it is installed. NULL when there is none. The text is the caller's.
 */
char *env_libexec(const char *name, const char *folder) MUST_USE;

/* Where dlenv keeps things. All texts are owned; paths_fini frees them. */
struct paths {
	char *data;   /* images, layers, environments: survives reboots */
	char *cache;  /* may be deleted at any time */
	char *run;    /* process records: worth nothing after a reboot */
	char *config; /* the user's settings */
};

/*
 * For root: /var/lib, /var/cache, /run and /etc (each with /dlenv). For others
 * the XDG base directories; run is data/run. DLENV_DATA, DLENV_CACHE, DLENV_RUN,
 * DLENV_CONFIG override each. The folders are made (0700; /etc/dlenv 0755). ERR_PRIV when one
 * belongs to somebody else.
 */
int paths_init(struct paths *p, struct err *e) MUST_USE;
void paths_fini(struct paths *p);

/* An account, from /etc/passwd or, where it is not there, getent. */
struct user {
	uid_t uid;
	gid_t gid;
	char *name;
	char *home;
	char *shell;
};

int user_init(struct user *u, struct err *e) MUST_USE; /* the caller's */
/* ERR_ABSENT: there is nobody of that name. */
int user_find(const char *name, struct user *u, struct err *e) MUST_USE;
int user_of(uid_t uid, struct user *u, struct err *e) MUST_USE;
/* The account of that name in the text of a passwd(5), which is cut up. False: it has none. */
bool user_in(char *passwd, const char *name, struct user *u);
void user_fini(struct user *u);
