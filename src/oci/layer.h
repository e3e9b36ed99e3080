/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/progress.h"
#include "oci/store.h"

/*
 * Making and removing layers. A layer is built in data/tmp/ID.PID.N/fs under a
 * lock of its id and appears in data/layers by one rename, so there are
 * finished layers and rubbish, nothing in between.
 */

struct layer_build {
	const struct store *store;
	char id[DIGEST_LEN];
	char *folder; /* below the store: "tmp/ID.PID.N" */
	char *path;   /* the same, absolute */
	int lock;
	bool done; /* the layer is finished: there is no folder and nothing to build */
};

/* Who waits is told so: called once with arg. */
struct layer_wait {
	void (*fn)(void *arg);
	void *arg;
};

/*
 * Take the lock of a layer and, unless layer_usable() says that it is done,
 * make its empty build folder (without fs). When another process builds the
 * same layer, wait (or NULL) is told and the call waits. layer_end releases
 * everything.
 */
int layer_begin(const struct store *s, const char *id, const char *parent_index,
		const struct layer_wait *wait, struct layer_build *ret, struct err *e) MUST_USE;

/*
 * Everything is in fs/ and the index is written: record meta, flush the file
 * system once and rename into place. meta->index, bytes and files are taken
 * from the index.
 */
int layer_finish(struct layer_build *l, struct layer *meta, struct err *e) MUST_USE;

/* Release the lock. What is left in the build folder is for store_sweep. */
void layer_end(struct layer_build *l);

/* A finished layer of that id is there. */
bool layer_ready(const struct store *s, const char *id);

/*
 * It is there, it can be read, and it was made on a parent with this index
 * ("" or NULL for one without). A parent that was built again may have newer
 * packages: what was made on the old one does not fit it.
 */
bool layer_usable(const struct store *s, const char *id, const char *parent_index);

/* Let a damaged layer count as missing. */
int layer_mark_damaged(const struct store *s, const char *id, struct err *e) MUST_USE;

/*
 * Write folder/index from folder/fs. In the user namespace of the store's
 * owner: ids are recorded as seen from inside.
 */
int layer_index(const char *folder, struct err *e) MUST_USE;

/*
 * Remove build folders whose builder has gone. In the user namespace of the
 * store's owner, since files of subordinate ids are removed.
 */
int store_sweep(const struct store *s, struct err *e) MUST_USE;

/*
 * The ids of layers that no image needs and that are not in keep (or NULL). A layer without a
 * definition (the user's account, a driver's place) stays while one below it is needed.
 */
int store_unused(const struct store *s, const struct strs *keep, struct strs *ret, struct err *e)
	MUST_USE;

/* Note that it is used, to the day. */
void layer_used(const struct store *s, const char *id);
/* The ids of layers of a title that have not been used for so many seconds. */
int store_idle(const struct store *s, const char *title, int64_t seconds, struct strs *ret,
	       struct err *e) MUST_USE;

/* Remove a layer, finished or damaged. In the user namespace of the store's owner. */
int layer_remove(const struct store *s, const char *id, struct err *e) MUST_USE;

/* Only for layer_finish: write folder/meta.json. folder is relative to the store. */
int layer_save(const struct store *s, const char *folder, const struct layer *l, struct err *e)
	MUST_USE;
