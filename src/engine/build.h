/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/env.h"
#include "base/progress.h"
#include "oci/store.h"
#include "runtime/idmap.h"

/*
 * Build an image from signed Debian packages: the lowest layer with
 * mmdebstrap, every further one with apt-get in a container over the layers
 * below. Finished layers are found again; an interrupted build leaves only a
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
	const struct build_layer *layers; /* bottom first; layers[0] is mmdebstrap's */
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

/* What is already there for this definition: number of layers that need no work. */
size_t build_ready_layers(const struct build *b);
