/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_layout.h"

#include <string.h>

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* Copy what fits: longer white space than this is nobody's layout. */
static void keep(char *to, size_t size, const char *from, size_t n)
{
	if (n >= size)
		n = size - 1;
	memcpy(to, from, n);
	to[n] = '\0';
}

/* Where a member begins within its object or list. */
static size_t head_of(const struct json_item *i)
{
	return i->key_len ? i->key : i->start;
}

/* The white space in front of a place in the text. */
static size_t space_before(const char *text, size_t at)
{
	size_t n = 0;

	while (n < at && is_space(text[at - n - 1]))
		n++;
	return n;
}

/* The indentation of what begins at a place; false: it does not begin its line. */
static bool indent_of(const char *text, size_t at, const char **ret, size_t *ret_n)
{
	size_t n = space_before(text, at);
	const char *newline = n ? memrchr(text + at - n, '\n', n) : NULL;

	if (!newline)
		return false;
	*ret = newline + 1;
	*ret_n = (size_t)(text + at - *ret);
	return true;
}

static const struct json_item *last_of(const struct json_edit *j, const struct json_item *i)
{
	const struct json_item *last = NULL;

	for (uint32_t k = i->first; k; k = j->items.v[k].next)
		last = &j->items.v[k];
	return last;
}

/* What stands around the colon of the member nearest to the place. */
static void find_colon(const struct json_edit *j, const struct json_way *w, struct json_layout *ret)
{
	for (size_t k = w->n; k-- > 0;) {
		const struct json_item *i = &j->items.v[w->item[k]];
		const struct json_item *last;
		const char *from;
		size_t n;

		if (j->text.data[w->at[k]] != '{' || !i->n)
			continue;
		last = last_of(j, i);
		from = j->text.data + w->at[k] + last->key + last->key_len;
		n = last->start - last->key - last->key_len;
		if (n < sizeof(ret->colon) && !memchr(from, '\n', n)) {
			keep(ret->colon, sizeof(ret->colon), from, n);
			return;
		}
	}
	keep(ret->colon, sizeof(ret->colon), ": ", 2);
}

/* The step from a line to the lines within it, as the top's members or the next best have it. */
static void find_unit(const struct json_edit *j, const struct json_way *w, struct json_layout *ret)
{
	size_t outer_n = 0;

	keep(ret->unit, sizeof(ret->unit), "  ", 2);
	for (size_t k = 0; k < w->n; k++) {
		const struct json_item *i = &j->items.v[w->item[k]];
		const char *indent;
		size_t n;

		if (!i->n || !indent_of(j->text.data, w->at[k] + head_of(&j->items.v[i->first]),
					&indent, &n))
			continue;
		if (n > outer_n) {
			keep(ret->unit, sizeof(ret->unit), indent + outer_n, n - outer_n);
			return;
		}
		outer_n = n;
	}
}

/* An object or a list with members: as its last one stands. */
static void like_last(const struct json_edit *j, size_t at, const struct json_item *self,
		      struct json_layout *ret)
{
	const struct json_item *last = last_of(j, self);
	size_t head = at + head_of(last);
	size_t n = space_before(j->text.data, head);
	const char *indent;
	size_t indent_n;

	if (indent_of(j->text.data, head, &indent, &indent_n)) {
		ret->lines = true;
		keep(ret->indent, sizeof(ret->indent), indent, indent_n);
	} else if (self->n > 1) {
		keep(ret->comma, sizeof(ret->comma), j->text.data + head - n, n);
	} else {
		/* The space in front of an only member is the bracket's. */
		bool spaced = strchr(ret->colon, ' ') != NULL;

		keep(ret->comma, sizeof(ret->comma), " ", spaced ? 1 : 0);
	}
}

/* An empty one: as it stands itself, one step further in. */
static void like_parent(const struct json_edit *j, const struct json_way *w,
			struct json_layout *ret)
{
	const struct json_item *self = &j->items.v[w->item[w->n - 1]];
	size_t at = w->at[w->n - 1];
	size_t head = self->key_len ? w->at[w->n - 2] + self->key : at;
	const char *indent = "";
	size_t n = 0;

	ret->lines = w->n == 1 || indent_of(j->text.data, head, &indent, &n) ||
		     memchr(j->text.data + at, '\n', self->len);
	keep(ret->outer, sizeof(ret->outer), indent, n);
	keep(ret->indent, sizeof(ret->indent), indent, n);
	n = strlen(ret->indent);
	keep(ret->indent + n, sizeof(ret->indent) - n, ret->unit, strlen(ret->unit));
}

void json_layout_at(const struct json_edit *j, const struct json_way *w, struct json_layout *ret)
{
	const struct json_item *self = &j->items.v[w->item[w->n - 1]];
	const char *newline = memchr(j->text.data, '\n', j->text.len);

	*ret = (struct json_layout){.newline = "\n"};
	if (newline && newline > j->text.data && newline[-1] == '\r')
		ret->newline = "\r\n";
	find_colon(j, w, ret);
	find_unit(j, w, ret);
	if (self->n)
		like_last(j, w->at[w->n - 1], self, ret);
	else
		like_parent(j, w, ret);
}

static void value_at(const struct json_layout *l, const char *text, const struct json_items *items,
		     uint32_t value, size_t level, struct buf *ret);

static void new_line(const struct json_layout *l, size_t level, struct buf *ret)
{
	buf_str(ret, l->newline);
	buf_str(ret, l->indent);
	for (; level; level--)
		buf_str(ret, l->unit);
}

static void value_at(const struct json_layout *l, const char *text, const struct json_items *items,
		     uint32_t value, size_t level, struct buf *ret)
{
	const struct json_item *self = &items->v[value];
	uint32_t next;

	if (!self->n) {
		buf_add(ret, text, self->len);
		return;
	}
	buf_add(ret, text, 1);
	for (uint32_t i = self->first; i; i = next) {
		const struct json_item *item = &items->v[i];

		next = item->next;
		new_line(l, level + 1, ret);
		if (item->key_len) {
			buf_add(ret, text + item->key, item->key_len);
			buf_str(ret, l->colon);
		}
		value_at(l, text + item->start, items, i, level + 1, ret);
		if (next)
			buf_str(ret, ",");
	}
	new_line(l, level, ret);
	buf_add(ret, text + self->len - 1, 1);
}

void json_layout_value(const struct json_layout *l, const char *text,
		       const struct json_items *items, uint32_t value, struct buf *ret)
{
	if (l->lines)
		value_at(l, text, items, value, 0, ret);
	else
		buf_add(ret, text, items->v[value].len);
}
