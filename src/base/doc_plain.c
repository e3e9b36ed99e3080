/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: a container's config.json and what lies beside it are read at each start, and
 * jansson takes 200 instructions for a byte. Nearly all such texts need little of JSON, so they
 * become the tree right here. Nothing is decided about errors: whatever is not plain is left to
 * jansson from the beginning.
 */
#include "base/doc_plain.h"

#include <string.h>

#include "base/str.h"

enum {
	LEVELS_MAX = 64,
	KEYS_MAX = 64,	 /* each is compared with those before it */
	DIGITS_MAX = 18, /* fit into a number of jansson's */
};

struct plain {
	const char *p;
	const char *end;
	struct arena *a;
};

static bool value(struct plain *s, int depth, struct doc_node **ret);

static void space(struct plain *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r'))
		s->p++;
}

static bool take(struct plain *s, char c)
{
	space(s);
	if (s->p >= s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

/* '\0': an escape that needs more than a look. */
static char unescaped(char c)
{
	static const char from[] = "\"\\/bfnrt";
	static const char to[] = "\"\\/\b\f\n\r\t";
	const char *at = c ? strchr(from, c) : NULL;

	return at ? to[at - from] : '\0';
}

static bool string(struct plain *s, const char **ret)
{
	const char *start;
	size_t escapes = 0;
	char *text;
	char *out;

	if (!take(s, '"'))
		return false;
	start = s->p;
	while (s->p < s->end && *s->p != '"') {
		if (*s->p == '\\') {
			escapes++;
			s->p++;
		}
		if (s->p >= s->end || (unsigned char)*s->p < ' ' || (unsigned char)*s->p > '~')
			return false;
		s->p++;
	}
	if (s->p >= s->end)
		return false;
	text = out = arena_alloc(s->a, (size_t)(s->p - start) + 1);
	if (!escapes)
		memcpy(text, start, (size_t)(s->p - start));
	for (const char *c = start; escapes && c < s->p; c++) {
		*out = *c == '\\' ? unescaped(*++c) : *c;
		if (!*out++)
			return false;
	}
	s->p++;
	*ret = text;
	return true;
}

static bool number(struct plain *s, struct doc_node *n)
{
	const char *start = s->p;
	const char *digits = start + (*start == '-');

	s->p = digits;
	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	if (s->p == digits || s->p - digits > DIGITS_MAX)
		return false;
	if (*digits == '0' && (s->p - digits > 1 || digits > start))
		return false;
	n->kind = DOC_NUMBER;
	n->text = arena_strn(s->a, start, (size_t)(s->p - start));
	return true;
}

static bool word(struct plain *s, const char *text, enum doc_kind kind, struct doc_node *n)
{
	size_t len = strlen(text);

	if ((size_t)(s->end - s->p) < len || memcmp(s->p, text, len) != 0)
		return false;
	s->p += len;
	n->kind = kind;
	n->text = kind == DOC_NULL ? "" : text;
	return true;
}

static bool list(struct plain *s, int depth, struct doc_node *n)
{
	struct doc_node **end = &n->first;

	n->kind = DOC_LIST;
	s->p++;
	if (take(s, ']'))
		return true;
	do {
		if (!value(s, depth + 1, end))
			return false;
		end = &(*end)->next;
		n->n++;
	} while (take(s, ','));
	return take(s, ']');
}

static bool map(struct plain *s, int depth, struct doc_node *n)
{
	struct doc_node **end = &n->first;

	n->kind = DOC_MAP;
	s->p++;
	if (take(s, '}'))
		return true;
	do {
		const char *key = NULL;

		if (n->n == KEYS_MAX || !string(s, &key) || doc_get(n, key) || !take(s, ':') ||
		    !value(s, depth + 1, end))
			return false;
		(*end)->key = key;
		end = &(*end)->next;
		n->n++;
	} while (take(s, ','));
	return take(s, '}');
}

static bool value(struct plain *s, int depth, struct doc_node **ret)
{
	struct doc_node *n;

	space(s);
	if (s->p >= s->end || depth > LEVELS_MAX)
		return false;
	n = arena_alloc(s->a, sizeof(*n));
	*ret = n;
	switch (*s->p) {
	case '{':
		return map(s, depth, n);
	case '[':
		return list(s, depth, n);
	case '"':
		n->kind = DOC_STRING;
		return string(s, &n->text);
	case 't':
		return word(s, "true", DOC_BOOL, n);
	case 'f':
		return word(s, "false", DOC_BOOL, n);
	case 'n':
		return word(s, "null", DOC_NULL, n);
	default:
		return number(s, n);
	}
}

bool doc_plain(const char *text, size_t len, struct arena *a, struct doc_node **ret)
{
	struct plain s = {.p = text, .end = text + len, .a = a};

	space(&s);
	if (s.p >= s.end || (*s.p != '{' && *s.p != '[') || !value(&s, 1, ret))
		return false;
	space(&s);
	return s.p == s.end;
}
