/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "engine/gpu.h"
#include "host/nvidia.h"
#include "host/nvml.h"
#include "oci/store.h"

/*
 * What the files of gpu.h and gpu_layer.h share: gpu.c (choosing), gpu_edits.c (putting edits into
 * a container), gpu_layer.c (what is made of them once), gpu_layer_seen.c (where it is not enough).
 */

/* The machine as it was found out for one request. */
struct found {
	struct nvidia host;
	struct nvml nvml;
	bool asked; /* nvml is filled in */
	struct root driver;
	struct arena arena;
	const char *const *ids; /* what gpu_request_choose gave */
};

void gpu_warn(const struct gpu_want *w, const char *fmt, ...) FORMAT(2, 3);

/*
 * Put edits into a container. Their paths on the host are the machine's own; the first seen nodes
 * have just been found there.
 */
int gpu_put(const struct gpu_want *w, const struct cdi_edits *edits, size_t seen,
	    struct container *c, struct err *e) MUST_USE;

/* Does something lie over what a layer has of a tree: a mount of c's, or its upper folder? */
bool gpu_layer_is_covered(const struct store *s, const char *id, const struct tree_edits *t,
			  const struct container *c);
