/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any TOML text: read it, check that the tree keeps its promises, and change it in places: a text
 * that could be read can be read after each change, and has what was set.
 */
#include <stdlib.h>

#include "base/toml.h"
#include "fuzz_tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CHANGES = 6, KEYS_MAX = 4 };

static uint32_t chance(uint32_t *seed, uint32_t below)
{
	*seed = *seed * 1664525U + 1013904223U;
	return (*seed >> 8) % below;
}

/* A way into the tree that may end where nothing is. The keys belong to the tree. */
static void random_path(uint32_t *seed, const struct doc_node *n, const char **path)
{
	size_t len = 0;

	while (len < KEYS_MAX && n && n->kind == DOC_MAP) {
		uint32_t i = chance(seed, (uint32_t)n->n + 1);

		for (n = n->first; n && i; i--)
			n = n->next;
		path[len++] = n ? n->key : "new";
		if (chance(seed, 3) == 0)
			break;
	}
	path[len] = NULL;
}

static void change(uint32_t *seed, struct buf *text)
{
	CLEANUP(doc_fini) struct doc d = {0};
	CLEANUP(doc_fini) struct doc after = {0};
	const char *path[KEYS_MAX + 1];
	const struct doc_node *n;
	struct err e = {0};
	bool remove = chance(seed, 3) == 0;
	int code;

	if (toml_read(text->data, text->len, "f", &d, &e) < 0)
		err_bug("no TOML any more: %s", e.msg);
	random_path(seed, d.top, path);
	code = remove ? toml_remove(text, path, &e) : toml_set(text, path, "77", &e);
	if (code < 0) {
		if (e.code != ERR_CONFIG && e.code != ERR_PARSE)
			err_bug("wrong error %d '%s'", (int)e.code, e.msg);
		return;
	}
	if (toml_read(text->data, text->len, "f", &after, &e) < 0)
		err_bug("no TOML any more: %s", e.msg);
	n = after.top;
	for (size_t i = 0; path[i] && n; i++)
		n = doc_get(n, path[i]);
	if (remove ? n != NULL : (!n || !str_eq(n->text, "77")))
		err_bug("the change is not there");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf_fini) struct buf text = {0};
	CLEANUP(doc_fini) struct doc d = {0};
	struct err e = {0};
	uint32_t seed = 1;

	buf_add(&text, data, size);
	if (toml_read(text.data, text.len, "f.toml", &d, &e) < 0) {
		if (e.code != ERR_PARSE || !e.msg[0])
			err_bug("wrong error %d '%s'", (int)e.code, e.msg);
		return 0;
	}
	tree_check(&d, true);
	for (size_t i = 0; i < size; i++)
		seed = (seed ^ data[i]) * 16777619U;
	for (int i = 0; i < CHANGES; i++)
		change(&seed, &text);
	return 0;
}
