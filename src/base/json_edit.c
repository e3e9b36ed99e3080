/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_edit.h"

#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "base/json_layout.h"
#include "base/json_scan.h"
#include "base/mem.h"

/* Positions are 32 bits, and every text stays far below that. */
enum { TEXT_MAX = 1 << 30 };

int json_edit_open(struct json_edit *j, const char *text, size_t len, size_t max, const char *name,
		   struct err *e)
{
	CLEANUP(json_edit_close) struct json_edit new = {0};

	if (max > TEXT_MAX)
		max = TEXT_MAX;
	if (len > max)
		return err_set(e, ERR_PARSE, "%s: larger than %zu bytes", name, max);
	buf_add(&new.text, text, len);
	if (new.text.len == strspn(new.text.data, " \t\r\n")) {
		new.text.len = 0;
		buf_str(&new.text, "{}\n");
	}
	if (json_scan(&new.items, new.text.data, new.text.len, 0, name, &new.top, e) < 0)
		return -(int)e->code;
	*j = new;
	new = (struct json_edit){0};
	return 0;
}

void json_edit_close(struct json_edit *j)
{
	buf_fini(&j->text);
	free(j->items.v);
	*j = (struct json_edit){0};
}

/* A list's index as it is written in a path. */
static bool parse_index(const char *key, uint32_t *ret)
{
	struct err ignored;
	uint64_t n;

	if (parse_uint(key, UINT32_MAX, "index", &n, &ignored) < 0)
		return false;
	*ret = (uint32_t)n;
	return true;
}

static uint32_t element(const struct json_edit *j, const struct json_item *list, const char *key)
{
	uint32_t i = list->first;
	uint32_t n;

	if (!parse_index(key, &n))
		return 0;
	while (i && n--)
		i = j->items.v[i].next;
	return i;
}

static uint32_t member(const struct json_edit *j, const struct json_item *object, size_t at,
		       const char *key)
{
	uint32_t hash = json_key_hash(key);
	uint32_t i = object->first;

	for (; i; i = j->items.v[i].next) {
		const struct json_item *m = &j->items.v[i];

		if (m->hash == hash && json_key_is(j->text.data + at + m->key, m->key_len, key))
			break;
	}
	return i;
}

static char kind_of(const struct json_edit *j, const struct json_way *w)
{
	return j->text.data[w->at[w->n - 1]];
}

/* Go as far along a path as there is something; returns the keys that are left. */
static const char *const *follow(const struct json_edit *j, const char *const *path,
				 struct json_way *w)
{
	*w = (struct json_way){.n = 1};
	w->item[0] = j->top;
	w->at[0] = j->items.v[j->top].start;
	for (; *path && w->n <= JSON_LEVELS; path++) {
		const struct json_item *self = &j->items.v[w->item[w->n - 1]];
		size_t at = w->at[w->n - 1];
		uint32_t next = 0;

		if (kind_of(j, w) == '{')
			next = member(j, self, at, *path);
		else if (kind_of(j, w) == '[')
			next = element(j, self, *path);
		if (!next)
			break;
		w->item[w->n] = next;
		w->at[w->n++] = at + j->items.v[next].start;
	}
	return path;
}

bool json_edit_find(const struct json_edit *j, const char *const *path, const char **ret,
		    size_t *ret_len)
{
	struct json_way w;

	if (*follow(j, path, &w))
		return false;
	*ret = j->text.data + w.at[w.n - 1];
	*ret_len = j->items.v[w.item[w.n - 1]].len;
	return true;
}

size_t json_edit_count(const struct json_edit *j, const char *const *path)
{
	struct json_way w;

	return *follow(j, path, &w) ? 0 : j->items.v[w.item[w.n - 1]].n;
}

char *json_edit_string(const struct json_edit *j, const char *const *path)
{
	CLEANUP(buf_fini) struct buf plain = {0};
	const char *raw;
	size_t len;

	if (!json_edit_find(j, path, &raw, &len) || *raw != '"')
		return NULL;
	json_unescape(raw + 1, len - 2, &plain);
	return strlen(plain.data) == plain.len ? TAKE(plain.data) : NULL;
}

/* Replace n bytes of the text at a place. */
static void splice(struct json_edit *j, size_t at, size_t n, const struct buf *with)
{
	struct buf *t = &j->text;
	size_t behind = t->len - at - n;

	if (t->len + with->len + 1 > t->cap) {
		t->cap = (t->len + with->len + 1) * 2;
		t->data = mem_resize(t->data, t->cap);
	}
	memmove(t->data + at + with->len, t->data + at + n, behind + 1);
	if (with->len)
		memcpy(t->data + at, with->data, with->len);
	t->len += with->len - n;
}

/*
 * The first values items of a way have grown by a number of bytes (modulo 2^32, so that it may be
 * "negative"): what stands behind the way in each of them moves.
 */
static void grow(struct json_edit *j, const struct json_way *w, size_t values, uint32_t by)
{
	struct json_item *v = j->items.v;

	for (size_t k = 0; k < values; k++) {
		v[w->item[k]].len += by;
		if (k + 1 >= w->n)
			continue;
		for (uint32_t i = v[w->item[k + 1]].next; i; i = v[i].next) {
			v[i].start += by;
			v[i].key += v[i].key_len ? by : 0;
		}
	}
}

static int too_large(const struct json_edit *j, size_t more, struct err *e)
{
	if (j->text.len + more < TEXT_MAX)
		return 0;
	return err_set(e, ERR_PARSE, "the JSON text would become larger than 1 GiB");
}

/*
 * A value as it will stand in the text, and its items, which take their place in the table.
 * level: how many objects and lists it will stand in.
 */
static int prepare(struct json_edit *j, const struct json_layout *l, size_t level,
		   const char *value, struct buf *text, uint32_t *ret, struct err *e)
{
	uint32_t before = j->items.n;
	const char *at;

	if (strlen(value) >= TEXT_MAX)
		return err_set(e, ERR_PARSE, "the JSON text would become larger than 1 GiB");
	if (json_scan(&j->items, value, strlen(value), level, "value", ret, e) < 0)
		return -(int)e->code;
	at = value + j->items.v[*ret].start;
	json_layout_value(l, at, &j->items, *ret, text);
	if (!l->lines) {
		j->items.v[*ret].start = 0;
		return too_large(j, text->len, e);
	}
	j->items.n = before;
	if (too_large(j, text->len, e) < 0)
		return -(int)e->code;
	return json_scan(&j->items, text->data, text->len, level, "value", ret, e);
}

static int replace(struct json_edit *j, const struct json_way *w, const char *value, struct err *e)
{
	struct json_way parent = *w;
	struct json_layout l = {.newline = "\n"};
	CLEANUP(buf_fini) struct buf text = {0};
	struct json_item *old;
	uint32_t new = 0;

	parent.n--;
	if (parent.n)
		json_layout_at(j, &parent, &l);
	if (prepare(j, &l, w->n - 1, value, &text, &new, e) < 0)
		return -(int)e->code;
	old = &j->items.v[w->item[w->n - 1]];
	splice(j, w->at[w->n - 1], old->len, &text);
	grow(j, w, w->n - 1, (uint32_t)text.len - old->len);
	old->len = j->items.v[new].len;
	old->first = j->items.v[new].first;
	old->n = j->items.v[new].n;
	return 0;
}

static void link_last(struct json_items *l, uint32_t self, uint32_t new)
{
	uint32_t last = l->v[self].first;

	while (last && l->v[last].next)
		last = l->v[last].next;
	if (last)
		l->v[last].next = new;
	else
		l->v[self].first = new;
	l->v[self].n++;
}

/* What stands before the value: the comma or the new line, and the key. */
static void lead_in(const struct json_layout *l, bool others, const char *key, struct buf *ret,
		    size_t *ret_key)
{
	CLEANUP(freep) char *quoted = key ? json_quote(key) : NULL;

	buf_str(ret, others ? "," : "");
	if (l->lines) {
		buf_str(ret, l->newline);
		buf_str(ret, l->indent);
	} else if (others) {
		buf_str(ret, l->comma);
	}
	*ret_key = ret->len;
	if (quoted) {
		buf_str(ret, quoted);
		buf_str(ret, l->colon);
	}
}

/* The end of what the last member of an object or list takes, from its beginning. */
static size_t end_of_members(const struct json_edit *j, const struct json_item *self)
{
	size_t end = 1;

	for (uint32_t i = self->first; i; i = j->items.v[i].next)
		end = j->items.v[i].start + j->items.v[i].len;
	return end;
}

/* A new last member of the object, or element of the list (key: NULL), where the way ends. */
static int insert(struct json_edit *j, const struct json_way *w, const char *key, const char *value,
		  struct err *e)
{
	uint32_t self = w->item[w->n - 1];
	bool others = j->items.v[self].n > 0;
	CLEANUP(buf_fini) struct buf lead = {0};
	CLEANUP(buf_fini) struct buf text = {0};
	struct json_layout l;
	struct json_item *item;
	size_t key_at;
	size_t end;
	size_t space;
	uint32_t new = 0;

	json_layout_at(j, w, &l);
	if (prepare(j, &l, w->n, value, &text, &new, e) < 0)
		return -(int)e->code;
	lead_in(&l, others, key, &lead, &key_at);
	end = end_of_members(j, &j->items.v[self]);
	item = &j->items.v[new];
	item->start = (uint32_t)(end + lead.len);
	if (key) {
		item->key = (uint32_t)(end + key_at);
		item->key_len = (uint32_t)(lead.len - key_at - strlen(l.colon));
		item->hash = json_key_hash(key);
	}
	buf_add(&lead, text.data, text.len);
	/* Nothing but space stands in an empty one. */
	space = others ? 0 : j->items.v[self].len - 2;
	if (!others && l.lines)
		buf_fmt(&lead, "%s%s", l.newline, l.outer);
	splice(j, w->at[w->n - 1] + end, space, &lead);
	grow(j, w, w->n, (uint32_t)(lead.len - space));
	link_last(&j->items, self, new);
	return 0;
}

/* A path for messages: "hooks.prestart". */
static char *spell(const char *const *path)
{
	struct buf b = {.max = 200};

	buf_str(&b, *path ? *path : "");
	for (path++; path[-1] && *path; path++)
		buf_fmt(&b, ".%s", *path);
	return b.data;
}

static bool is_null(const struct json_edit *j, const struct json_way *w)
{
	return kind_of(j, w) == 'n';
}

/* The value with the objects around it that its path still lacks. */
static char *wrap(const char *const *keys, const char *value, const char *colon)
{
	struct buf b = {0};
	size_t n = 0;

	buf_str(&b, "");
	for (; keys[n]; n++) {
		CLEANUP(freep) char *quoted = json_quote(keys[n]);

		buf_fmt(&b, "{%s%s", quoted, colon);
	}
	buf_str(&b, value);
	while (n--)
		buf_str(&b, "}");
	return b.data;
}

int json_edit_set(struct json_edit *j, const char *const *path, const char *value, struct err *e)
{
	CLEANUP(freep) char *whole = NULL;
	struct json_layout l;
	struct json_way w;
	const char *const *left = follow(j, path, &w);
	bool is_object = kind_of(j, &w) == '{';

	if (!*left)
		return replace(j, &w, value, e);
	if (!is_object && !is_null(j, &w)) {
		CLEANUP(freep) char *spelled = spell(path);

		if (kind_of(j, &w) == '[')
			return err_set(e, ERR_CONFIG,
				       "cannot set '%s': the list has no element '%s'", spelled,
				       *left);
		return err_set(e, ERR_CONFIG, "cannot set '%s': there is no object for '%s'",
			       spelled, *left);
	}
	json_layout_at(j, &w, &l);
	whole = wrap(is_object ? left + 1 : left, value, l.colon);
	return is_object ? insert(j, &w, *left, whole, e) : replace(j, &w, whole, e);
}

int json_edit_append(struct json_edit *j, const char *const *path, const char *value, struct err *e)
{
	CLEANUP(freep) char *list = NULL;
	struct json_way w;

	if (!*follow(j, path, &w) && !is_null(j, &w)) {
		CLEANUP(freep) char *spelled = spell(path);

		if (kind_of(j, &w) == '[')
			return insert(j, &w, NULL, value, e);
		return err_set(e, ERR_CONFIG, "cannot add to '%s': it is not a list", spelled);
	}
	list = str_fmt("[%s]", value);
	return json_edit_set(j, path, list, e);
}

/* The place in the table that points to an item: its neighbour's, or its parent's. */
static uint32_t *link_to(struct json_items *l, uint32_t self, uint32_t item)
{
	uint32_t *link = &l->v[self].first;

	while (*link != item)
		link = &l->v[*link].next;
	return link;
}

int json_edit_insert(struct json_edit *j, const char *const *path, const char *value, struct err *e)
{
	CLEANUP(buf_fini) struct buf text = {0};
	CLEANUP(freep) char *spelled = spell(path);
	struct json_layout l;
	struct json_way list;
	struct json_way w;
	struct json_item *v;
	uint32_t item;
	uint32_t new = 0;

	if (*follow(j, path, &w) || w.n < 2)
		return err_set(e, ERR_CONFIG, "cannot add before '%s': it is not there", spelled);
	list = w;
	list.n--;
	if (kind_of(j, &list) != '[')
		return err_set(e, ERR_CONFIG, "cannot add to '%s': it is not a list", spelled);
	json_layout_at(j, &list, &l);
	if (prepare(j, &l, list.n, value, &text, &new, e) < 0)
		return -(int)e->code;
	buf_str(&text, ",");
	buf_str(&text, l.lines ? l.newline : l.comma);
	buf_str(&text, l.lines ? l.indent : "");
	item = w.item[w.n - 1];
	splice(j, w.at[w.n - 1], 0, &text);
	grow(j, &w, list.n, (uint32_t)text.len);
	v = j->items.v;
	v[new].start = v[item].start;
	v[item].start += (uint32_t)text.len;
	v[new].next = item;
	*link_to(&j->items, w.item[list.n - 1], item) = new;
	v[w.item[list.n - 1]].n++;
	return 0;
}

/* Take an item out of the list of its parent's; returns the one before it, or 0. */
static uint32_t unlink_item(struct json_items *l, uint32_t self, uint32_t item)
{
	uint32_t *link = &l->v[self].first;
	uint32_t before = 0;

	while (*link != item) {
		before = *link;
		link = &l->v[before].next;
	}
	*link = l->v[item].next;
	l->v[self].n--;
	return before;
}

static size_t head_of(const struct json_item *i)
{
	return i->key_len ? i->key : i->start;
}

int json_edit_remove(struct json_edit *j, const char *const *path, struct err *e)
{
	struct json_way w;
	const struct buf nothing = {0};
	struct json_item *v = j->items.v;
	uint32_t item;
	uint32_t self;
	uint32_t before;
	size_t from;
	size_t to;

	if (*follow(j, path, &w))
		return 0;
	if (w.n < 2)
		return err_set(e, ERR_CONFIG, "cannot remove the whole of a JSON text");
	item = w.item[w.n - 1];
	self = w.item[w.n - 2];
	before = unlink_item(&j->items, self, item);
	from = before ? v[before].start + v[before].len : v[item].next ? head_of(&v[item]) : 1;
	if (before)
		to = v[item].start + v[item].len;
	else
		to = v[item].next ? head_of(&v[v[item].next]) : v[self].len - 1;
	splice(j, w.at[w.n - 2] + from, to - from, &nothing);
	grow(j, &w, w.n - 1, (uint32_t)(from - to));
	return 0;
}

char *json_quote(const char *s)
{
	static const char from[] = "\"\\\b\f\n\r\t";
	static const char to[] = "\"\\bfnrt";
	struct buf b = {0};

	buf_str(&b, "\"");
	for (; *s; s++) {
		const char *known;
		size_t n = 0;

		while ((unsigned char)s[n] >= 0x20 && s[n] != '"' && s[n] != '\\')
			n++;
		buf_add(&b, s, n);
		s += n;
		if (!*s)
			break;
		known = strchr(from, *s);
		if (known)
			buf_fmt(&b, "\\%c", to[known - from]);
		else
			buf_fmt(&b, "\\u%04x", *s);
	}
	buf_str(&b, "\"");
	return b.data;
}
