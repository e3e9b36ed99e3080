/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/fs.h"
#include "base/str.h"
#include "cdi/spec.h"

/*
 * The CDI specifications of a machine: folders in rising priority (SPEC.md "CDI JSON
 * Specification", default /etc/cdi and /var/run/cdi), in each the files *.json and *.yaml.
 */

struct cdi_file {
	char *path;
	size_t priority; /* position of its folder */
	struct cdi_spec spec;
	struct err err; /* code 0: it can be used */
};

struct cdi_registry {
	struct cdi_file *files; /* by priority, then name */
	size_t files_n;
};

extern const char *const cdi_default_dirs[]; /* NULL-terminated */

/*
 * Read all. A folder that does not exist has nothing; a file that cannot be read or is wrong
 * stays in the list with its error. ERR_* only when a folder cannot be listed.
 */
int cdi_registry_read(const struct root *r, const char *const *dirs, struct cdi_registry *ret,
		      struct err *e) MUST_USE;
void cdi_registry_fini(struct cdi_registry *g);

/* Every device that can be used, "vendor/class=name", sorted; conflicts are named in *conflicts. */
void cdi_registry_names(const struct cdi_registry *g, struct strs *ret, struct strs *conflicts);

/* Parts of a qualified name; ERR_PARSE with the rule that it breaks. Texts are in a. */
struct cdi_name {
	const char *vendor;
	const char *class_;
	const char *device;
};
int cdi_name_parse(struct arena *a, const char *text, struct cdi_name *ret, struct err *e) MUST_USE;
bool cdi_name_is_qualified(const char *text);

/*
 * What these devices ask for: a specification's own edits once and first, then each device's.
 * ERR_ABSENT names the devices that no file has, and why where a file could not be used
 * (wrong, from the future, in conflict with another).
 */
int cdi_registry_edits(const struct cdi_registry *g, const char *const *names, struct arena *a,
		       struct cdi_edits *ret, struct err *e) MUST_USE;
