/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any JSON text: read it, and check that the tree keeps its promises; and that our own reader of
 * plain texts says what jansson says, which reads what has "\u".
 */
#include "base/doc.h"
#include "base/str.h"
#include "fuzz_tree.h"

static bool same(const struct doc_node *a, const struct doc_node *b)
{
	if (a->kind != b->kind || a->n != b->n || !str_eq(a->key, b->key) ||
	    !str_eq(a->text, b->text))
		return false;
	for (a = a->first, b = b->first; a && b; a = a->next, b = b->next)
		if (!same(a, b))
			return false;
	return !a && !b;
}

static void compare(const uint8_t *data, size_t size, const struct doc_node *plain)
{
	CLEANUP(doc_fini) struct doc d = {0};
	CLEANUP(buf_fini) struct buf text = {0};
	struct err e = {0};

	buf_str(&text, "[\"\\u0041\",");
	buf_add(&text, data, size);
	buf_str(&text, "]");
	if (doc_json(text.data, text.len, "f.json", &d, &e) == 0 &&
	    !same(plain, d.top->first->next))
		err_bug("jansson reads it in another way");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(doc_fini) struct doc d = {0};
	struct err e = {0};

	if (doc_json((const char *)data, size, "f.json", &d, &e) == 0) {
		tree_check(&d, false);
		compare(data, size, d.top);
	} else if (e.code != ERR_PARSE || !e.msg[0]) {
		err_bug("wrong error %d '%s'", (int)e.code, e.msg);
	}
	return 0;
}
