/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/fs.h"
#include "cdi/generate.h"
#include "cdi/toolkit_config.h"
#include "hook/wish.h"
#include "host/nvidia.h"

/* From a container's wish to edits of its configuration, with the machine described as it is now.
 */

struct machine {
	struct root root;   /* DLENV_ROOT or "/" */
	struct root driver; /* where the driver's files are */
	struct nvidia host;
};

/*
 * path NULL: "/"; driver_root NULL: the same. Both are folders of this system. machine_close frees
 * *ret, after a failure too.
 */
int machine_open(const char *path, const char *driver_root, struct machine *ret, struct err *e)
	MUST_USE;
void machine_close(struct machine *m);

/* Where the program is told to read the machine: DLENV_ROOT; NULL for "/". Not when the program
 * runs with more rights than who called it. */
const char *machine_path(void);

/* The machine's devices: below the driver's root where that has any (a driver container). */
const struct root *machine_dev(const struct machine *m);

struct describe {
	struct machine *m;
	const struct toolkit_config *c;
	const struct wish *w;
	enum cdi_mode mode;
	const char *hook; /* the program that the edits' hooks run */
	struct strs *notes;
};

/*
 * The edits for w->q. Requirements are checked on the GPUs that are chosen: ERR_UNSAT. What was
 * left out is added to notes. The edits are in a.
 */
int describe(const struct describe *d, struct arena *a, struct cdi_edits *ret, struct err *e)
	MUST_USE;

/* Requirements alone, on all GPUs: for devices that come from specifications. */
int describe_requirements(const struct describe *d, struct err *e) MUST_USE;

/* Leave out the mounts of the driver's libraries that none of these capabilities wants. */
void edits_keep_caps(struct cdi_edits *e, unsigned int caps);

/* No GPU: take the nodes and their groups out. */
void edits_drop_nodes(struct cdi_edits *e);
