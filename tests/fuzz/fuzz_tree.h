/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <string.h>

#include "base/doc.h"
#include "base/str.h"

/* What every tree promises, whatever it was read from; and decoding it with rows of each type. */

static inline size_t tree_walk(const struct doc_node *n, const struct doc_node *parent,
			       bool positions, int depth)
{
	size_t sum = 1;
	size_t children = 0;

	if (depth > 64)
		err_bug("too deep");
	if (positions && (n->line < 1 || n->col < 1))
		err_bug("no position");
	if ((n->kind == DOC_LIST || n->kind == DOC_MAP) != !n->text)
		err_bug("a text where there must be none, or none");
	if (parent && (parent->kind == DOC_MAP) != !!n->key)
		err_bug("a key where there must be none, or none");
	for (const struct doc_node *c = n->first; c; c = c->next) {
		children++;
		sum += n->text ? 0 : tree_walk(c, n, positions, depth + 1);
	}
	if (children != n->n)
		err_bug("%zu children instead of %zu", children, n->n);
	return sum;
}

struct fuzz_target {
	const char *str;
	bool boolean;
	int64_t integer;
	uint64_t uint;
	uint64_t size;
	const char **strs;
	struct doc_list list;
	struct doc_pairs pairs;
	const struct doc_node *node;
	int choice;
};

static inline void tree_check(const struct doc *d, bool positions)
{
	static const char *const names[] = {"a", "b", NULL};
	static const struct doc_row inner[] = {
		{"at", DOC_AS_STR, offsetof(struct fuzz_target, str), DOC_REQUIRED},
		{"n", DOC_AS_INT, offsetof(struct fuzz_target, integer)},
		{0},
	};
	static const struct doc_row rows[] = {
		{"str", DOC_AS_STR, offsetof(struct fuzz_target, str)},
		{"boolean", DOC_AS_BOOL, offsetof(struct fuzz_target, boolean)},
		{"integer", DOC_AS_INT, offsetof(struct fuzz_target, integer)},
		{"uint", DOC_AS_UINT, offsetof(struct fuzz_target, uint)},
		{"size", DOC_AS_SIZE, offsetof(struct fuzz_target, size)},
		{"strs", DOC_AS_STRS, offsetof(struct fuzz_target, strs)},
		{"map", DOC_AS_MAP, 0, 0, inner},
		{"list", DOC_AS_LIST, offsetof(struct fuzz_target, list), 0, inner,
		 sizeof(struct fuzz_target)},
		{"pairs", DOC_AS_PAIRS, offsetof(struct fuzz_target, pairs)},
		{"node", DOC_AS_NODE, offsetof(struct fuzz_target, node)},
		{"choice", DOC_AS_ENUM, offsetof(struct fuzz_target, choice), .names = names},
		{0},
	};
	static const unsigned int flags[] = {0, DOC_OPEN};

	(void)tree_walk(d->top, NULL, positions, 1);
	for (size_t i = 0; i < COUNT(flags); i++) {
		CLEANUP(arena_fini) struct arena a = {0};
		struct fuzz_target t = {0};
		struct err e = {0};

		if (doc_decode(d, d->top, rows, flags[i], &t, &a, &e) < 0 &&
		    (e.code != ERR_CONFIG || !e.msg[0]))
			err_bug("wrong error %d '%s'", (int)e.code, e.msg);
		for (size_t j = 0; j < t.list.n; j++)
			if (!((struct fuzz_target *)t.list.items)[j].str)
				err_bug("a required key is missing");
	}
}
