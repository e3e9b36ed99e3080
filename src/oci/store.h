/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/env.h"
#include "base/progress.h"
#include "base/str.h"

/*
 * The content store: unpacked layers and the images made of them. A layer's id
 * is the digest of what it is made from (its definition and its parent's id),
 * so the same definition is found again; its index says what it consists of.
 */

struct store {
	int fd; /* the data folder */
	char *path;
};

struct layer {
	char id[DIGEST_LEN];
	char index[DIGEST_LEN];	       /* digest of the index file */
	char *parent;		       /* id, or NULL */
	char parent_index[DIGEST_LEN]; /* the parent's index when this was made, or "" */
	char *title;		       /* "base", "torch", "packages" */
	char *definition;	       /* the text that id is the digest of, or NULL */
	uint64_t bytes;
	uint64_t files;
	int64_t created; /* Unix time */
};

struct image {
	char *name;	    /* "torch", "default" ... */
	struct strs layers; /* ids, bottom first */
	uint64_t bytes;
	uint64_t packages; /* Debian packages in all layers */
	int64_t created;
};

int store_open(struct store *s, const struct paths *p, struct err *e) MUST_USE;
void store_close(struct store *s);

/* ERR_ABSENT when there is no such finished layer or image. */
int layer_load(const struct store *s, const char *id, struct layer *ret, struct err *e) MUST_USE;
void layer_fini(struct layer *l);
int image_load(const struct store *s, const char *name, struct image *ret, struct err *e) MUST_USE;
int image_save(const struct store *s, const struct image *img, struct err *e) MUST_USE;
int image_remove(const struct store *s, const char *name, struct err *e) MUST_USE;
int image_list(const struct store *s, struct strs *ret, struct err *e) MUST_USE;
void image_fini(struct image *img);

enum verify_flags {
	VERIFY_CONTENT = 1 << 0, /* read every byte; else sizes, modes and times only */
	VERIFY_MARK = 1 << 1,	 /* a damaged layer counts as missing from now on */
};

/*
 * Compare an image's layers with their indexes. ERR_VERIFY names the layer and
 * the first file that differs, and says how to build it again. Runs in the
 * user namespace of the store's owner when that is needed to read the files:
 * the caller sees to that (userns_call).
 */
int image_verify(const struct store *s, const struct image *img, unsigned int flags,
		 const struct progress *pr, struct err *e) MUST_USE;

/* The folder of a layer's files. The text is the caller's. */
char *layer_path(const struct store *s, const char *id) MUST_USE;
