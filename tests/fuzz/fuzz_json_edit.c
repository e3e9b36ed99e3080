/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any JSON text: change it in places that its own bytes choose, and check after each change that it
 * still is JSON and that the table of places says what a fresh look at the text says.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json_edit.h"
#include "base/json_scan.h"
#include "base/mem.h"

enum { CHANGES = 12, PATH_MAX_KEYS = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t chance(uint32_t *seed, uint32_t below)
{
	*seed = *seed * 1664525U + 1013904223U;
	return (*seed >> 8) % below;
}

static void same_items(const struct json_items *a, uint32_t i, const struct json_items *b,
		       uint32_t k)
{
	const struct json_item *x = &a->v[i];
	const struct json_item *y = &b->v[k];

	if (x->start != y->start || x->len != y->len || x->key != y->key ||
	    x->key_len != y->key_len || x->hash != y->hash || x->n != y->n)
		err_bug("the table of places is wrong");
	for (i = x->first, k = y->first; i && k; i = a->v[i].next, k = b->v[k].next)
		same_items(a, i, b, k);
	if (i || k)
		err_bug("the table of places has too few or too many");
}

static void check(const struct json_edit *j)
{
	struct json_items fresh = {0};
	struct err e = {0};
	uint32_t top;

	if (json_scan(&fresh, j->text.data, j->text.len, 0, "f", &top, &e) < 0)
		err_bug("no JSON any more: %s", e.msg);
	same_items(&j->items, j->top, &fresh, top);
	free(fresh.v);
}

/* jansson refuses \u0000 in keys and numbers that no double holds; all else it has to take too. */
static void check_first(const struct json_edit *j)
{
	json_error_t why;
	json_t *got = json_loadb(j->text.data, j->text.len,
				 JSON_REJECT_DUPLICATES | JSON_DECODE_ANY |
					 JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL,
				 &why);

	if (!got && json_error_code(&why) != json_error_null_byte_in_key &&
	    json_error_code(&why) != json_error_numeric_overflow)
		err_bug("jansson refuses what is taken here: %s", why.text);
	json_decref(got);
}

/* A way into the document; its keys are the caller's. */
static size_t random_path(uint32_t *seed, const struct json_edit *j, char **path)
{
	const char *at = j->text.data + j->items.v[j->top].start;
	uint32_t self = j->top;
	size_t n = 0;

	while (n < PATH_MAX_KEYS && (*at == '{' || *at == '[')) {
		const struct json_item *i = &j->items.v[self];
		uint32_t index = chance(seed, i->n + 1);
		uint32_t next = i->first;
		struct buf key = {0};

		for (uint32_t k = index; next && k; k--)
			next = j->items.v[next].next;
		if (!next) {
			path[n++] = str_fmt("%u", index);
			break;
		}
		self = next;
		i = &j->items.v[next];
		if (i->key_len)
			json_unescape(at + i->key + 1, i->key_len - 2, &key);
		else
			buf_fmt(&key, "%u", index);
		path[n++] = key.data;
		at += i->start;
		if (chance(seed, 3) == 0)
			break;
	}
	path[n] = NULL;
	return n;
}

static void change(uint32_t *seed, struct json_edit *j)
{
	static const char *const values[] = {"1", "{\"x\":[1,{\"y\":2}],\"\":null}", "[]", "\"\""};
	char *path[PATH_MAX_KEYS + 1];
	size_t n = random_path(seed, j, path);
	const char *const *keys = (const char *const *)path;
	const char *value = values[chance(seed, COUNT(values))];
	struct err e = {0};
	int code;

	switch (chance(seed, 4)) {
	case 0:
		code = json_edit_set(j, keys, value, &e);
		break;
	case 1:
		code = json_edit_append(j, keys, value, &e);
		break;
	case 2:
		code = json_edit_insert(j, keys, value, &e);
		break;
	default:
		code = json_edit_remove(j, keys, &e);
		break;
	}
	if (code < 0 && (e.code != ERR_CONFIG && e.code != ERR_PARSE))
		err_bug("wrong error %d '%s'", (int)e.code, e.msg);
	free(json_edit_string(j, keys));
	while (n)
		free(path[--n]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(json_edit_close) struct json_edit j = {0};
	struct err e = {0};
	uint32_t seed = 1;

	if (json_edit_open(&j, (const char *)data, size, 1 << 20, "f", &e) < 0) {
		if (e.code != ERR_PARSE || !e.msg[0])
			err_bug("wrong error %d '%s'", (int)e.code, e.msg);
		return 0;
	}
	check_first(&j);
	for (size_t i = 0; i < size; i++)
		seed = (seed ^ data[i]) * 16777619U;
	for (int i = 0; i < CHANGES; i++) {
		change(&seed, &j);
		check(&j);
	}
	return 0;
}
