/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON through jansson. It keeps no positions of values and no spelling of
 * numbers: lines are 0, and numbers are written anew.
 */
#include <jansson.h>
#include <string.h>

#include "base/doc.h"
#include "base/str.h"

enum { LEVELS_MAX = 64, TEXT_MAX = 4 << 20 };

static struct doc_node *convert(struct arena *a, const json_t *j, int depth);

static bool convert_list(struct arena *a, const json_t *j, int depth, struct doc_node *list)
{
	struct doc_node **end = &list->first;
	const json_t *item;
	size_t i;

	json_array_foreach(j, i, item)
	{
		*end = convert(a, item, depth + 1);
		if (!*end)
			return false;
		end = &(*end)->next;
		list->n++;
	}
	return true;
}

static bool convert_map(struct arena *a, json_t *j, int depth, struct doc_node *map)
{
	struct doc_node **end = &map->first;
	const char *key;
	json_t *item;

	json_object_foreach(j, key, item)
	{
		*end = convert(a, item, depth + 1);
		if (!*end)
			return false;
		(*end)->key = arena_str(a, key);
		end = &(*end)->next;
		map->n++;
	}
	return true;
}

/* NULL: too many levels. */
static struct doc_node *convert(struct arena *a, const json_t *j, int depth)
{
	struct doc_node *n = arena_alloc(a, sizeof(*n));

	if (depth > LEVELS_MAX)
		return NULL;
	switch (json_typeof(j)) {
	case JSON_OBJECT:
		n->kind = DOC_MAP;
		return convert_map(a, (json_t *)j, depth, n) ? n : NULL;
	case JSON_ARRAY:
		n->kind = DOC_LIST;
		return convert_list(a, j, depth, n) ? n : NULL;
	case JSON_STRING:
		n->kind = DOC_STRING;
		n->text = arena_str(a, json_string_value(j));
		break;
	case JSON_INTEGER:
		n->kind = DOC_NUMBER;
		n->text = arena_fmt(a, "%lld", (long long)json_integer_value(j));
		break;
	case JSON_REAL:
		n->kind = DOC_NUMBER;
		n->text = arena_fmt(a, "%.17g", json_real_value(j));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		n->kind = DOC_BOOL;
		n->text = json_is_true(j) ? "true" : "false";
		break;
	case JSON_NULL:
		n->kind = DOC_NULL;
		n->text = "";
		break;
	}
	return n;
}

int doc_of_json(const json_t *j, const char *name, struct doc *ret, struct err *e)
{
	struct doc d = {0};

	d.name = arena_str(&d.arena, name);
	d.top = convert(&d.arena, j, 1);
	if (!d.top) {
		doc_fini(&d);
		return err_set(e, ERR_PARSE, "%s: more than 64 levels", name);
	}
	*ret = d;
	return 0;
}

int doc_json(const char *text, size_t len, const char *name, struct doc *ret, struct err *e)
{
	json_error_t why;
	json_t *j;
	int code;

	if (len > TEXT_MAX)
		return err_set(e, ERR_PARSE, "%s: larger than 4 MiB", name);
	j = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	if (!j)
		return err_set(e, ERR_PARSE, "%s:%d:%d: %s", name, why.line > 0 ? why.line : 1,
			       why.column > 0 ? why.column : 1, why.text);
	code = doc_of_json(j, name, ret, e);
	json_decref(j);
	return code;
}
