/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/doc.h"
#include "base/i18n.h"
#include "base/str.h"

struct decoder {
	const struct doc *doc;
	struct arena *arena;
	unsigned int flags;
	struct err *e;
};

static int decode_map(struct decoder *c, const struct doc_node *map, const struct doc_row *rows,
		      void *target);

/* What a value of a type looks like, as a whole sentence to be translated. */
static const char *const must_be[] = {
	[DOC_AS_STR] = N_("'%s' must be a single value"),
	[DOC_AS_BOOL] = N_("'%s' must be true or false"),
	[DOC_AS_INT] = N_("'%s' must be a whole number"),
	[DOC_AS_UINT] = N_("'%s' must be a whole number, 0 or more"),
	[DOC_AS_SIZE] = N_("'%s' must be a size such as 8G"),
	[DOC_AS_STRS] = N_("'%s' must be a list of single values, such as [one, two]"),
	[DOC_AS_MAP] = N_("'%s' must be a map of keys and values"),
	[DOC_AS_LIST] = N_("'%s' must be a list of maps"),
	[DOC_AS_PAIRS] = N_("'%s' must be a map of names and single values"),
	[DOC_AS_NODE] = "",
	[DOC_AS_ENUM] = N_("'%s' must be a single value"),
};

static int wrong_kind(struct decoder *c, const struct doc_row *row, const struct doc_node *n)
{
	return doc_err(c->doc, n, c->e, must_be[row->type], row->key);
}

static bool is_scalar(const struct doc_node *n)
{
	return n->kind != DOC_LIST && n->kind != DOC_MAP;
}

/* "a, b, c" for hints, as far as they fit. */
static void join(struct buf *b, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_fmt(b, "%s%s", i ? ", " : "", words[i]);
}

static int unknown_key(struct decoder *c, const struct doc_row *rows, const struct doc_node *n)
{
	enum { KEYS_MAX = 64 };
	const char *known[KEYS_MAX];
	CLEANUP(buf_fini) struct buf list = {.max = 200};
	const char *near;
	size_t count = 0;

	for (const struct doc_row *r = rows; r->key && count < KEYS_MAX; r++)
		known[count++] = r->key;
	(void)doc_err_key(c->doc, n, c->e, "unknown key '%s'", n->key);
	near = word_nearest(n->key, known, count);
	if (near)
		return err_hint(c->e, "did you mean '%s'?", near);
	buf_str(&list, "");
	join(&list, known, count);
	return err_hint(c->e, "the keys known here are: %s", list.data);
}

static int decode_int(struct decoder *c, const struct doc_row *row, const struct doc_node *n,
		      int64_t *ret)
{
	char *end;
	long long value;

	errno = 0;
	value = strtoll(n->text, &end, 10);
	if (n->kind != DOC_NUMBER || *end || end == n->text || errno)
		return wrong_kind(c, row, n);
	*ret = value;
	return 0;
}

static int decode_number(struct decoder *c, const struct doc_row *row, const struct doc_node *n,
			 uint64_t *ret)
{
	bool is_size = row->type == DOC_AS_SIZE;
	struct err ignored;
	int result;

	if (n->kind != DOC_NUMBER && !(is_size && n->kind == DOC_STRING))
		return wrong_kind(c, row, n);
	result = is_size ? parse_size(n->text, ret, &ignored)
			 : parse_uint(n->text, UINT64_MAX, row->key, ret, &ignored);
	return result < 0 ? wrong_kind(c, row, n) : 0;
}

static int decode_bool(struct decoder *c, const struct doc_row *row, const struct doc_node *n,
		       bool *ret)
{
	if (n->kind != DOC_BOOL)
		return wrong_kind(c, row, n);
	*ret = n->text[0] == 't' || n->text[0] == 'T';
	return 0;
}

static int decode_enum(struct decoder *c, const struct doc_row *row, const struct doc_node *n,
		       int *ret)
{
	CLEANUP(buf_fini) struct buf list = {.max = 200};
	size_t count = 0;

	for (; row->names[count]; count++) {
		if (str_eq(row->names[count], n->text)) {
			*ret = (int)count;
			return 0;
		}
	}
	(void)doc_err(c->doc, n, c->e, "'%s' cannot be '%s'", row->key, n->text);
	buf_str(&list, "");
	join(&list, row->names, count);
	return err_hint(c->e, "write one of: %s", list.data);
}

static int decode_strs(struct decoder *c, const struct doc_row *row, const struct doc_node *n,
		       const char ***ret)
{
	const struct doc_node *item = n->kind == DOC_LIST ? n->first : n;
	size_t count = n->kind == DOC_LIST ? n->n : 1;
	const char **v;

	if (n->kind == DOC_MAP)
		return wrong_kind(c, row, n);
	v = arena_alloc(c->arena, (count + 1) * sizeof(*v));
	for (size_t i = 0; i < count; i++, item = item->next) {
		if (!is_scalar(item))
			return wrong_kind(c, row, item);
		v[i] = arena_str(c->arena, item->text);
	}
	*ret = v;
	return 0;
}

static int decode_pairs(struct decoder *c, const struct doc_row *row, const struct doc_node *n,
			struct doc_pairs *ret)
{
	struct doc_pair *items;
	size_t i = 0;

	if (n->kind != DOC_MAP)
		return wrong_kind(c, row, n);
	items = arena_alloc(c->arena, (n->n + 1) * sizeof(*items));
	for (const struct doc_node *p = n->first; p; p = p->next) {
		if (!is_scalar(p))
			return wrong_kind(c, row, p);
		items[i++] = (struct doc_pair){.key = arena_str(c->arena, p->key),
					       .value = arena_str(c->arena, p->text)};
	}
	*ret = (struct doc_pairs){.items = items, .n = n->n};
	return 0;
}

static int decode_list(struct decoder *c, const struct doc_row *row, const struct doc_node *n,
		       struct doc_list *ret)
{
	char *items;
	size_t i = 0;

	if (n->kind != DOC_LIST)
		return wrong_kind(c, row, n);
	items = arena_alloc(c->arena, n->n * row->item_size + 1);
	for (const struct doc_node *item = n->first; item; item = item->next) {
		if (item->kind != DOC_MAP)
			return wrong_kind(c, row, item);
		if (decode_map(c, item, row->rows, items + i++ * row->item_size) < 0)
			return -(int)c->e->code;
	}
	*ret = (struct doc_list){.items = items, .n = n->n};
	return 0;
}

/* A scalar into *field, which has the row's type. */
static int decode_scalar(struct decoder *c, const struct doc_row *row, const struct doc_node *n,
			 void *field)
{
	if (!is_scalar(n))
		return wrong_kind(c, row, n);
	switch (row->type) {
	case DOC_AS_BOOL:
		return decode_bool(c, row, n, field);
	case DOC_AS_INT:
		return decode_int(c, row, n, field);
	case DOC_AS_UINT:
	case DOC_AS_SIZE:
		return decode_number(c, row, n, field);
	case DOC_AS_ENUM:
		return decode_enum(c, row, n, field);
	default:
		*(const char **)field = arena_str(c->arena, n->text);
		return 0;
	}
}

static int decode_value(struct decoder *c, const struct doc_row *row, const struct doc_node *n,
			void *target)
{
	void *field = (char *)target + row->offset;

	switch (row->type) {
	case DOC_AS_STRS:
		return decode_strs(c, row, n, field);
	case DOC_AS_PAIRS:
		return decode_pairs(c, row, n, field);
	case DOC_AS_LIST:
		return decode_list(c, row, n, field);
	case DOC_AS_MAP:
		if (n->kind != DOC_MAP)
			return wrong_kind(c, row, n);
		return decode_map(c, n, row->rows, field);
	case DOC_AS_NODE:
		*(const struct doc_node **)field = n;
		return 0;
	default:
		return decode_scalar(c, row, n, field);
	}
}

/* "key:" with nothing behind it means the same as no such line. */
static bool is_absent(const struct doc_row *row, const struct doc_node *n)
{
	if (!n)
		return true;
	return n->kind == DOC_NULL &&
	       (!n->text[0] || (row->type != DOC_AS_STR && row->type != DOC_AS_NODE));
}

static int decode_map(struct decoder *c, const struct doc_node *map, const struct doc_row *rows,
		      void *target)
{
	if (!(c->flags & DOC_OPEN)) {
		for (const struct doc_node *n = map->first; n; n = n->next) {
			const struct doc_row *r = rows;

			while (r->key && !str_eq(r->key, n->key))
				r++;
			if (!r->key)
				return unknown_key(c, rows, n);
		}
	}
	for (const struct doc_row *r = rows; r->key; r++) {
		const struct doc_node *n = doc_get(map, r->key);

		if (r->flags & DOC_IGNORED)
			continue;
		if (is_absent(r, n)) {
			if (r->flags & DOC_REQUIRED)
				return doc_err(c->doc, n ? n : map, c->e, "'%s' is missing",
					       r->key);
			continue;
		}
		if (decode_value(c, r, n, target) < 0)
			return -(int)c->e->code;
	}
	return 0;
}

int doc_decode(const struct doc *d, const struct doc_node *map, const struct doc_row *rows,
	       unsigned int flags, void *target, struct arena *a, struct err *e)
{
	struct decoder c = {.doc = d, .arena = a, .flags = flags, .e = e};

	if (map->kind != DOC_MAP)
		return doc_err(d, map, e, "a map of keys and values is expected here");
	return decode_map(&c, map, rows, target);
}
