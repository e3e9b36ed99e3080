/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "engine/engine.h"
#include "oci/store.h"

/*
 * What a driver needs in an image's root, made once: mount points, links, the loader's cache. It is
 * a layer, named by everything that it was made from, so a start that finds it has nothing left to
 * make but mounts and nodes.
 */
struct gpu_layer {
	struct engine *engine;
	const struct store *store;
	const struct layer *below; /* the topmost of lowers */
};

/*
 * Put it on lowers; c has its mounts, tree and upper. What is prepared is taken out of c->tree,
 * unless c shows something else in its place. It is made when it is not there; when that fails
 * lowers and c stay as they are, and the start makes all of it, as it does without an overlay.
 */
void gpu_layer_add(const struct gpu_layer *l, struct container *c, struct strs *lowers);
