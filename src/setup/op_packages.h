/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "setup/execute.h"

/* What operations on packages share (op_install.c, op_packages.c ...). Inside setup/ only. */

/* How a package manager is run: its lines go to the log and are shown. */
struct pkg_run package_run(struct executor *x);
/* pkg_do, and the installed packages read anew, whatever came of it. ERR_UNSAT: no manager. */
int package_do(struct executor *x, enum pkg_action action, const char *const *packages,
	       struct err *e) MUST_USE;
/* The name of "name" or "name=version". The text is the caller's. */
char *package_name(const char *package) MUST_USE;

/* Read the lists (op_refresh.c); and are they so old that servers may have other packages now? */
int refresh_lists(struct executor *x, struct err *e) MUST_USE;
bool lists_are_old(const struct executor *x);

/*
 * before, after and undo of whatever adds, upgrades and removes packages (op_snapshot.c): what is
 * installed, what has changed since, and that taken back. What was upgraded stays, and is noted.
 */
int packages_before(const struct op *o, struct executor *x, json_t **ret, struct err *e) MUST_USE;
int packages_after(const struct op *o, struct executor *x, const json_t *before, json_t **ret,
		   struct err *e) MUST_USE;
int packages_undo(const struct op *o, struct executor *x, const json_t *before, const json_t *after,
		  struct err *e) MUST_USE;

/* Two lists of "name=version", sorted by name: {"added": [], "removed": [], "upgraded": []}. */
json_t *packages_changes(const struct strs *was, const struct strs *now) MUST_USE;

/* Texts of programs and files, for the tests as well. */
/* Of `rpmkeys -Kv`: every signature is good, and made with an accepted key. */
bool rpm_signed_by(const char *text, const struct key_pin *pin);
/* The enabled stream of dnf's file of a module, "name:stream"; NULL: none. The caller's. */
char *stream_enabled(const char *text) MUST_USE;
