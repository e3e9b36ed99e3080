/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "setup/execute.h"

/* What operations on packages share (op_install.c, op_packages.c, op_refresh.c). */

/* How a package manager is run: its lines go to the log and are shown as progress. */
struct pkg_run package_run(struct executor *x);
/* pkg_do, and the installed packages read anew. */
int package_do(struct executor *x, enum pkg_action action, const char *const *packages,
	       struct err *e) MUST_USE;
/* The name of "name" or "name=version". The text is the caller's. */
char *package_name(const char *package) MUST_USE;

/* Read the lists; and are they so old that packages may be gone from the servers? */
int refresh_lists(struct executor *x, struct err *e) MUST_USE;
bool lists_are_old(const struct executor *x);

/*
 * before, after and undo of whatever adds, upgrades and removes packages: a snapshot of what is
 * installed, what has changed since, and that taken back.
 */
int packages_before(const struct op *o, struct executor *x, json_t **ret, struct err *e) MUST_USE;
int packages_after(const struct op *o, struct executor *x, const json_t *before, json_t **ret,
		   struct err *e) MUST_USE;
int packages_undo(const struct op *o, struct executor *x, const json_t *before, const json_t *after,
		  struct err *e) MUST_USE;
