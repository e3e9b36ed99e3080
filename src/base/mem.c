/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

enum { BLOCK_MIN = 4096 };

struct arena_block {
	struct arena_block *prev;
	size_t used;
	size_t size;
	alignas(max_align_t) char data[];
};

void *mem_alloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);

	if (!p)
		err_bug("out of memory: %zu bytes", size);
	return p;
}

void *mem_resize(void *p, size_t size)
{
	p = realloc(p, size ? size : 1);
	if (!p)
		err_bug("out of memory: %zu bytes", size);
	return p;
}

void *mem_dup(const void *p, size_t size)
{
	return memcpy(mem_alloc(size), p, size);
}

void freep(void *pp)
{
	void **p = pp;

	free(*p);
	*p = NULL;
}

void *arena_alloc(struct arena *a, size_t size)
{
	size_t need = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	struct arena_block *b = a->last;
	void *p;

	if (!b || b->size - b->used < need) {
		size_t room = need > BLOCK_MIN ? need : BLOCK_MIN;

		b = mem_alloc(sizeof(*b) + room);
		b->size = room;
		b->prev = a->last;
		a->last = b;
	}
	p = b->data + b->used;
	b->used += need;
	return p;
}

char *arena_strn(struct arena *a, const char *s, size_t n)
{
	char *copy = arena_alloc(a, n + 1);

	memcpy(copy, s, n);
	return copy;
}

char *arena_str(struct arena *a, const char *s)
{
	return s ? arena_strn(a, s, strlen(s)) : NULL;
}

char *arena_fmt(struct arena *a, const char *fmt, ...)
{
	char small[512];
	va_list args;
	va_list again;
	char *text;
	int n;

	va_start(args, fmt);
	va_copy(again, args);
	n = vsnprintf(small, sizeof(small), fmt, args);
	va_end(args);
	if (n < 0)
		err_bug("cannot format a text");
	text = arena_alloc(a, (size_t)n + 1);
	if ((size_t)n < sizeof(small))
		memcpy(text, small, (size_t)n);
	else
		(void)vsnprintf(text, (size_t)n + 1, fmt, again);
	va_end(again);
	return text;
}

void *arena_grow(struct arena *a, void *items, size_t n, size_t size)
{
	void *room;

	if (n & (n - 1))
		return items;
	room = arena_alloc(a, (n ? 2 * n : 1) * size);
	if (n && items)
		memcpy(room, items, n * size);
	return room;
}

void arena_fini(struct arena *a)
{
	while (a->last) {
		struct arena_block *b = a->last;

		a->last = b->prev;
		free(b);
	}
}
