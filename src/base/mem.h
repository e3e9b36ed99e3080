/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/attr.h"

/* Allocation never returns NULL: bound sizes from outside before using them. */

void *mem_alloc(size_t size) MUST_USE; /* zeroed */
void *mem_resize(void *p, size_t size) MUST_USE;
void *mem_dup(const void *p, size_t size) MUST_USE;

#define NEW(type) ((type *)mem_alloc(sizeof(type)))

/* For CLEANUP(freep): frees what the variable points to. */
void freep(void *pp);

/*
 * An arena owns everything that was allocated from it: a document holds one,
 * and its parts live and die together.
 */
struct arena_block;
struct arena {
	struct arena_block *last;
};

void *arena_alloc(struct arena *a, size_t size) MUST_USE; /* zeroed, aligned for any type */
char *arena_str(struct arena *a, const char *s) MUST_USE; /* NULL stays NULL */
char *arena_strn(struct arena *a, const char *s, size_t n) MUST_USE;
char *arena_fmt(struct arena *a, const char *fmt, ...) FORMAT(2, 3) MUST_USE;
/*
 * Room for one item of size bytes more behind the n that an array of the arena has: where it lies
 * now. Arrays that grow by this alone have a power of two of places. NULL is one without items.
 */
void *arena_grow(struct arena *a, void *items, size_t n, size_t size) MUST_USE;
void arena_fini(struct arena *a);
