/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "pkg/pkg.h"
#include "pkg/trouble.h"

/* What a package manager's row consists of. Inside pkg/ only. */

enum {
	PKG_ACTIONS = PKG_MODULE_ENABLE + 1,
	PKG_SOURCE_MAX = 1 << 20, /* a file of sources */
};

struct pkg_verb {
	const char *const *words; /* what people type; NULL: there is no such thing */
	const char *const *quiet; /* what dlenv adds behind the program's name, or NULL */
};

/* Exit statuses that tell more than success or failure. */
struct pkg_status {
	int status;
	enum err_code code;   /* ERR_OK: it is none */
	unsigned int outcome; /* enum pkg_outcome */
};

/* Where a manager's repositories are written down. */
struct pkg_place {
	const char *path; /* a folder, or a file */
	const char *ending;
};

struct pkg_manager {
	const char *name;
	const char *const *env;
	struct pkg_verb verbs[PKG_ACTIONS];
	char join;		  /* between a package's name and its version */
	const char *lock_option;  /* followed by seconds, e.g. "-oDPkg::Lock::Timeout=" */
	const char *lock_env;	  /* the same in the environment */
	const char *const *locks; /* files that hold fcntl locks while it works */
	const struct pkg_status *statuses;
	bool quiet_failures; /* an error may leave the exit status 0 */

	/* More words for this run (dnf: no keys from the network), or NULL. */
	void (*extra)(enum pkg_action action, struct strs *ret);
	/* What else would go, or come, when these are removed. */
	int (*removes)(const char *const *packages, struct strs *ret, struct err *e);
	int (*list)(struct strs *ret, struct err *e);
	/* version: NULL, or the one that is wanted. *ret stays NULL: there is none. */
	int (*candidate)(const char *name, const char *version, char **ret, struct err *e);
	int (*state)(enum pkg_action action, struct strs *ret, struct err *e);
	int (*repair)(const struct pkg_manager *m, const struct pkg_run *run, struct strs *ret_did,
		      struct err *e);

	const struct pkg_place *places; /* the first is where dlenv writes */
	struct pkg_lists lists;
	const char *repos_command;
	void (*repo_text)(const struct pkg_repo *repo, struct buf *ret);
};

extern const struct pkg_manager pkg_apt, pkg_dnf4, pkg_dnf5, pkg_zypper;

/*
 * Run a program of the manager that only tells something: its lines, and the exit status. Messages
 * on stderr are among them.
 */
int pkg_ask(const char *const *argv, struct strs *ret, int *ret_status, struct err *e) MUST_USE;
/* Run one that changes something, under the manager's rules: environment, log, errors. */
int pkg_carry(const struct pkg_manager *m, const char *const *argv, const struct pkg_run *run,
	      struct err *e) MUST_USE;
/* pkg_carry of a step of a repair, which is added to did. */
int pkg_mend(const struct pkg_manager *m, const char *const *argv, const struct pkg_run *run,
	     struct strs *did, struct err *e) MUST_USE;
void pkg_sort(struct strs *list); /* for pkg_in_list */

/* lock.c: wait until nobody holds any of the manager's locks. ERR_BUSY names who does. */
int pkg_lock_wait(const struct pkg_manager *m, const struct pkg_run *run, int64_t until_ms,
		  struct err *e) MUST_USE;
bool pkg_lock_is_held(const struct pkg_manager *m);

/* rpm.c: what dnf and zypper have in common. */
int rpm_list(struct strs *ret, struct err *e) MUST_USE;
int rpm_removes(const char *const *packages, struct strs *ret, struct err *e) MUST_USE;
int rpm_repair(const struct pkg_manager *m, const struct pkg_run *run, struct strs *ret_did,
	       struct err *e) MUST_USE;
extern const char *const rpm_locks[];

/* dnf_state.c */
int dnf4_state(enum pkg_action action, struct strs *ret, struct err *e) MUST_USE;
int dnf5_state(enum pkg_action action, struct strs *ret, struct err *e) MUST_USE;
char *dnf_locked(const char *line);
char *dnf_enabled_stream(const char *line);

/* apt_repair.c */
int apt_repair(const struct pkg_manager *m, const struct pkg_run *run, struct strs *ret_did,
	       struct err *e) MUST_USE;

/* Texts of programs and files, for the tests as well. */
/* "  Candidate: 5:28.5.2-1" of apt-cache policy; version: one of its table. NULL: none. */
char *apt_policy_version(const struct strs *lines, const char *version);
/* Paragraphs of dpkg's status as "name=version". */
void dpkg_status_list(const char *text, struct strs *ret);
/* "  Purg docker-ce [5:28]": the name, NULL: another line. The text is the caller's. */
char *apt_simulated(const char *line);
/* "\tlibc6 is needed by (installed) x-1.2-3.x86_64": what needs it, or NULL. */
char *rpm_needer(const char *line);
/* zypper.c: the version in a line of `info`, of `--xmlout search`; the package of `locks`. */
char *zypper_info_version(const char *line);
char *zypper_edition(const char *line);
char *zypper_locked(const char *line);
/* gpg's --with-colons: primary keys' fingerprints. */
void key_colons(const struct strs *lines, struct strs *ret);

/* Does an enabled entry of the text name the address? path: its ending tells the format. */
bool repo_text_names(const char *path, const char *text, const char *address);
/* Sections of .repo texts that are enabled and whose packages' key lies in the network. */
void repo_text_remote_keys(const char *text, struct strs *ret);
void repo_deb822(const struct pkg_repo *repo, struct buf *ret);
void repo_dnf(const struct pkg_repo *repo, struct buf *ret);
void repo_zypp(const struct pkg_repo *repo, struct buf *ret);
