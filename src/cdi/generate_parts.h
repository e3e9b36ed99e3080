/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cdi/driver.h"
#include "cdi/generate.h"
#include "cdi/tree.h"

/* What the files that make a specification share. */

/* A device that is being made. */
struct making_device {
	const char *name;
	struct cdi_edits edits;
	struct tree_edits tree; /* what its hooks do */
	struct doc_pairs annotations;
};

struct maker {
	const struct cdi_generate *g;
	const struct root *dev;
	const char *driver_prefix; /* of paths on the machine; "" for "/" */
	const char *dev_prefix;
	unsigned int caps;
	struct arena *a; /* the specification's */
	struct strs *notes;
	struct driver driver;
	struct cdi_edits common;
	struct tree_edits tree;
	struct making_device *devices;
	size_t devices_n;
	size_t devices_room;
	bool without_all; /* what is asked for is no GPU */
};

/* A way to make devices; notes and errors as cdi_generate. */
typedef int mode_fn(struct maker *m, struct err *e);

mode_fn make_nvml;
mode_fn make_management;
mode_fn make_wsl;
mode_fn make_csv;
mode_fn make_vfio;
mode_fn make_imex;
mode_fn make_gds;
mode_fn make_mofed;
mode_fn make_gdrcopy;
mode_fn make_nvswitch;

/* A new, empty device. It moves when another one is added. */
struct making_device *make_device(struct maker *m, const char *name);

/*
 * A character device of the dev root with what stat tells: its numbers, mode and group. False,
 * and nothing is added, when there is none.
 */
bool make_node(struct maker *m, struct cdi_edits *edits, const char *path);

/* A path below the driver root; ro, or a socket's folder as it is. */
void make_mount(struct maker *m, struct cdi_edits *edits, const char *path, const char *at,
		bool socket);

/*
 * The same for a path that is looked for by its name: where its links lead to inside the driver
 * root is mounted there. False, and nothing is added, when there is no such file or folder.
 */
bool make_found(struct maker *m, struct cdi_edits *edits, const char *path, bool socket);

/* The driver's files that the capabilities want, with their links. ERR_ABSENT: no driver. */
int make_driver(struct maker *m, unsigned int flags, struct err *e) MUST_USE;

/* Names in a folder of the dev root, sorted; none when it is not there. */
void make_list(struct maker *m, const char *folder, struct strs *ret);

/* NAME=VALUE for all devices. */
void make_env(struct maker *m, const char *text);

/* Whether the user wants the hook of that name (--disable-hook, --enable-hook). */
bool make_wants_hook(const struct maker *m, const char *name);

/* generate_hooks.c: the hooks that do what a tree says; "all" of them, or NVIDIA's own. */
void make_hooks(struct maker *m, struct cdi_edits *edits, const struct tree_edits *tree);
/* Add what src does to dst. */
void make_tree_add(struct maker *m, struct tree_edits *dst, const struct tree_edits *src);

/* Sort nodes and mounts: what lies deeper comes later. */
void make_sort(struct cdi_edits *edits);
