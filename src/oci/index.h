/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/mem.h"

/*
 * What a layer consists of. An index is text, a line for each file, sorted by
 * path (bytes), paths relative to the layer's root, which is ".":
 *
 *   TYPE MODE UID GID SIZE MTIME DIGEST PATH
 *
 * TYPE is one of d f l c b p s; MODE is octal, UID and GID are those inside the
 * user namespace; SIZE is 0 for folders and the device number for c and b;
 * MTIME is SECONDS.NANOSECONDS and 0.0 for folders; DIGEST is the SHA-256 of a
 * file's bytes or a link's target, else "-". '%' and newlines in a path are
 * written as %25 and %0A.
 */
struct index_entry {
	const char *path;
	uint32_t mode; /* with the file type */
	uint32_t uid;
	uint32_t gid;
	uint64_t size;
	int64_t mtime;
	uint32_t mtime_ns;
	uint64_t ino;
	uint64_t links;
	char digest[DIGEST_LEN]; /* "" until hashed */
};

struct index {
	struct arena arena;
	struct index_entry *v;
	size_t n;
	size_t cap;
};

void index_fini(struct index *x);

/* A new entry, empty, at the end; valid until the next call. */
struct index_entry *index_add(struct index *x);

/* Every file below root (a descriptor), sorted; nothing is hashed. */
int index_walk(int root, struct index *ret, struct err *e) MUST_USE;

/*
 * Fill in the digests, on all processors at once. on_bytes (or NULL) is called
 * in this thread now and then with the bytes read so far.
 */
int index_hash(int root, struct index *x, void (*on_bytes)(void *arg, uint64_t done), void *arg,
	       struct err *e) MUST_USE;

enum { INDEX_TEXT_MAX = 1 << 29 };

/* The text of an index, at most INDEX_TEXT_MAX bytes; the caller frees it. */
struct buf;
void index_text(const struct index *x, struct buf *ret);

/* The reverse of index_text. ERR_VERIFY when it is not the text of an index. */
int index_parse(const char *text, size_t len, struct index *ret, struct err *e) MUST_USE;

/* Bytes of all files; one with several names counts for each. */
uint64_t index_bytes(const struct index *x);
