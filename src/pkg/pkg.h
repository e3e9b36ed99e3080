/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"

/*
 * Package managers behind one table of functions (pkg.c): apt, dnf4, dnf5, zypper. What changes
 * something is an argument vector, so that a plan and a script can show it; pkg_do carries one out.
 * A package is "name" or "name=version", in every manager's rows.
 */

struct pkg_manager;

/* "apt", "dnf4", "dnf5", "zypper", as host->manager has it; NULL: no such row. */
const struct pkg_manager *pkg_manager(const char *name);
const char *pkg_name(const struct pkg_manager *m);
/* What people type to see which repositories are enabled. */
const char *pkg_repos_command(const struct pkg_manager *m);

/* Where the repositories' lists lie, and what they are made of. Files and folders, NULL at the end.
 */
struct pkg_lists {
	const char *sources[6]; /* with the keys that they are checked with */
	const char *folders[2];
	const char *end; /* of a list's name; NULL: any */
};
const struct pkg_lists *pkg_lists(const struct pkg_manager *m);

enum pkg_action {
	PKG_REFRESH, /* read the repositories' lists; every error counts */
	PKG_INSTALL,
	PKG_REMOVE, /* with configuration files; never what only depended on it */
	PKG_HOLD,   /* keep the version: apt-mark hold, versionlock, addlock */
	PKG_UNHOLD,
	PKG_MARK,	   /* as asked for by the user, so that autoremove leaves it */
	PKG_MODULE_RESET,  /* dnf: module streams; elsewhere NULL */
	PKG_MODULE_ENABLE, /* dnf: "nvidia-driver:open-dkms" */
};

/*
 * The command as people would type it, without what only concerns dlenv (options for locks,
 * retries, configuration files): for plans and scripts. In the arena. NULL: this manager has no
 * such thing.
 */
const char *const *pkg_command(const struct pkg_manager *m, enum pkg_action action,
			       const char *const *packages, struct arena *a) MUST_USE;

struct pkg_run {
	int log_fd;	       /* everything the manager prints */
	proc_line_fn *on_line; /* or NULL */
	int wake_fd;	       /* as in struct proc; 0: none */
	proc_wake_fn *on_wake;
	void *arg;
	int lock_ms; /* how long to wait for another manager's lock; 0: ten minutes */
};

enum pkg_outcome { PKG_REBOOT = 1 << 0 }; /* the manager says that a reboot is needed */

/*
 * Carry out. By the manager's exit statuses and messages: ERR_BUSY (the lock; with who holds it),
 * ERR_NET, ERR_VERIFY (signature, digest), ERR_NOSPC, ERR_ABSENT (no such package), ERR_UNSAT (not
 * together; or another package would have to go), else ERR_FAIL with the manager's own last words.
 * packages are NULL for PKG_REFRESH. ret_outcome (enum pkg_outcome) may be NULL.
 */
int pkg_do(const struct pkg_manager *m, enum pkg_action action, const char *const *packages,
	   const struct pkg_run *run, unsigned int *ret_outcome, struct err *e) MUST_USE;

/*
 * Questions to this machine's databases; nothing is changed and no network is used.
 */
/* Installed packages, "name=version", sorted. */
int pkg_list(const struct pkg_manager *m, struct strs *ret, struct err *e) MUST_USE;
/* The same from dpkg's status below a root, for recorded machines. ERR_ABSENT: not dpkg's. */
int pkg_list_recorded(const struct root *r, struct strs *ret, struct err *e) MUST_USE;
/* The version in such a list, or NULL. */
const char *pkg_in_list(const struct strs *list, const char *name);
/*
 * The version that would be installed of "name" (the newest), or of "name=version", or ERR_ABSENT:
 * the lists have none. The text is the caller's.
 */
int pkg_candidate(const struct pkg_manager *m, const char *name, char **ret, struct err *e)
	MUST_USE;

/*
 * What stands already of PKG_HOLD (held packages), PKG_MARK (the user's wish) or PKG_MODULE_ENABLE
 * ("nvidia-driver:open-dkms"). Empty where the manager has no such thing.
 */
int pkg_state(const struct pkg_manager *m, enum pkg_action action, struct strs *ret, struct err *e)
	MUST_USE;

/*
 * Heal what a killed run left behind: unpacked but unconfigured packages, dpkg's "reinstall
 * required", rpm's stale locks and half transactions. ret_did: what was done, for the log; empty:
 * all was well.
 */
int pkg_repair(const struct pkg_manager *m, const struct pkg_run *run, struct strs *ret_did,
	       struct err *e) MUST_USE;

/*
 * A repository as a file: deb822 .sources, or .repo. Written by us, never by config-manager.
 */
struct pkg_repo {
	const char *id;			/* "docker-ce-stable": file name and section */
	const char *name;		/* for people */
	const char *url;		/* apt: URIs; rpm: baseurl */
	const char *suite, *components; /* apt; components NULL: a flat repository */
	const char *arch;		/* apt: "amd64"; NULL: all */
	const char *key;		/* apt: Signed-By, a path; rpm: gpgkey, a URL or file:// */
	bool check_packages;		/* rpm: gpgcheck */
	bool check_metadata;		/* rpm: repo_gpgcheck */
	const char *exclude;		/* rpm: packages that are not taken from here, or NULL */
	int priority;			/* 0: the manager's own */
};

/* "/etc/apt/sources.list.d/docker.sources", "/etc/yum.repos.d/...", "/etc/zypp/repos.d/...". */
char *pkg_repo_path(const struct pkg_manager *m, const struct pkg_repo *repo) MUST_USE;
char *pkg_repo_text(const struct pkg_manager *m, const struct pkg_repo *repo) MUST_USE;

/*
 * The files below a root that name an address in an enabled entry of apt's, dnf's or zypper's
 * sources, e.g. "nvidia.github.io": somebody has added that repository already. Paths.
 */
int pkg_repo_find(const struct pkg_manager *m, const struct root *r, const char *address,
		  struct strs *ret, struct err *e) MUST_USE;

/*
 * The same file with something switched on, everything else as it was (comments, order):
 * apt_components adds components to the entries of the distribution itself (one-line and deb822);
 * repo_enable sets enabled=1 in a section of a .repo file. NULL: nothing has to change.
 */
char *pkg_apt_components(const char *path, const char *text, const char *const *components)
	MUST_USE;
char *pkg_repo_enable(const char *text, const char *section) MUST_USE;
