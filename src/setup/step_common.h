/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "setup/setup.h"

/* What several steps need. Inside setup/ only. */

/* One of the targets is wanted. */
bool step_wants(const struct setup *s, unsigned int targets);
/* On WSL and where the driver is there, the GPU may be on no bus. */
bool step_has_gpu(const struct setup *s);
/* Who will use it, if that is not root; NULL: nobody is known. */
const char *step_user(const struct setup *s);
/* That person's home, in the setup's arena; NULL: not known. */
const char *step_home(struct setup *s);
/* "amd64", as apt calls it. */
const char *step_apt_arch(const struct setup *s);
/*
 * The distribution as its packages go: on WSL the one that runs there. NULL: not known.
 */
const struct distro_fact *step_distro(const struct setup *s);
/* "Ubuntu 24.04", for people. In the arena. */
const char *step_distro_name(struct setup *s);
/* The package manager is one of these: "apt dnf4 dnf5". */
bool step_manager_is(const struct setup *s, const char *names);
/* The file is there, and has this text. */
bool step_has_text(const struct setup *s, const char *path, const char *text);
/* Those of the packages that are installed, or all where that is not known. NULL: none. */
const char *const *step_installed(const struct setup *s, struct plan *p,
				  const char *const *packages);
/* Like setup_has, true also where what is installed is not known. */
bool step_may_have(const struct setup *s, const char *package);

/* A vendor's repository. */
struct step_repository {
	struct pkg_repo repo; /* its key and arch are filled in */
	const char *address;  /* what an entry of it names: "download.docker.com/linux" */
	const char *key;      /* id in keys.tsv */
	const char *key_os;   /* stands for OS in the key's address, or NULL */
	const char *key_path;
	unsigned int key_flags; /* enum op_flags */
	const char *why;
};

/*
 * Append its key and its file, and read the lists anew. Where somebody has added that repository
 * already, theirs is used, which a note says. ERR_BUG: keys.tsv lacks the key.
 */
int step_add_repository(struct setup *s, struct plan *p, const struct step_repository *r,
			struct err *e) MUST_USE;

/* Let the package manager read its lists. */
void step_refresh(struct plan *p);
/* Subordinate ids, unless an earlier step gives them. */
void step_grant_ids(struct plan *p, const char *user);
/* step_toolkit.c: a release of it writes groups of nodes (CDI 0.7.0). */
bool step_writes_groups(const struct version *toolkit);
/* step_toolkit.c: a toolkit that is there writes what an older engine reads, too. */
void step_leave_groups_out(const struct setup *s, struct plan *p);
/* Keep user's programs running after the last logout. */
void step_linger(struct plan *p, const char *user, const char *why);
