/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/env.h"
#include "base/progress.h"
#include "oci/store.h"
#include "runtime/idmap.h"

/*
 * Build an image from signed Debian packages: a minimal system with
 * mmdebstrap, then each layer of the definition with apt-get in a container
 * over those below. Finished layers are found again; an interrupted build leaves only a
 * folder below data/tmp that the next one sweeps, and apt's partial downloads.
 */

struct build_layer {
	const char *title;	     /* "base", "torch", "packages" */
	const char *const *packages; /* NULL-terminated, "NAME" or "NAME=VERSION" */
};

struct build {
	const struct paths *paths;
	const struct store *store;
	const struct user *user;
	const struct idmap *map;	  /* no rows: root */
	const char *name;		  /* the image's name */
	const char *suite;		  /* "trixie" */
	bool nonfree;			  /* contrib and non-free too (CUDA builds) */
	const struct build_layer *layers; /* bottom first, above the minimal system */
	size_t layers_n;
	const char *mirror; /* or NULL: the host's own apt source, else mmdebstrap's default */
	int log_fd;	    /* the full log */
	const struct progress *progress;
	bool offline; /* use what is there; ERR_NET when something must be fetched */
};

/*
 * ERR_ABSENT: a package does not exist (all unknown ones are named). ERR_NET:
 * a download failed; what arrived is kept. ERR_NOSPC. ERR_VERIFY: a signature.
 * ERR_BUSY never: a build of the same layer by another process is waited for.
 */
int build_image(const struct build *b, struct image *ret, struct err *e) MUST_USE;

/* Is this image made of just the layers that the definition needs? Nothing is read from disk. */
bool build_is_current(const struct build *b, const struct image *img);

/* What is already there: how many of b->layers, from below, need no work. */
size_t build_ready_layers(const struct build *b);

/* image_verify in the user namespace of the store's owner. */
int build_verify(const struct store *s, const struct idmap *m, const struct image *img,
		 unsigned int flags, const struct progress *pr, struct err *e) MUST_USE;

/*
 * Remove these layers, finished or damaged. The caller knows that nothing runs
 * on them: files of a running container would disappear under it.
 */
int build_discard(const struct store *s, const struct idmap *m, const struct strs *ids,
		  struct err *e) MUST_USE;

/*
 * Remove unfinished builds and the layers that neither an image nor keep (ids
 * that environments use; or NULL) needs.
 */
int build_collect(const struct store *s, const struct idmap *m, const struct strs *keep,
		  struct err *e) MUST_USE;

/*
 * image_remove and build_collect. A layer that stays, since something else
 * needs it too, is checked, and when it is damaged counts as missing: the next
 * build_image() makes it anew, and everything above it.
 */
int build_remove(const struct store *s, const struct idmap *m, const char *name,
		 const struct strs *keep, struct err *e) MUST_USE;
