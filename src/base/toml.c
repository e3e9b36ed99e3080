/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: toml_scan knows the words, this file the tables. Which table may be written to
 * again depends on how it came to be (enum toml_made); the rules are those of "Keys" and "Table" in
 * the specification.
 */
#include "base/toml.h"

#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "base/mem.h"
#include "base/toml_scan.h"
#include "base/toml_tree.h"

enum { LEVELS_MAX = 64, TEXT_MAX = 4 << 20 };

struct reader {
	struct toml_scan s;
	struct arena *arena;
	struct toml_node *top;
	struct toml_node *table; /* whose lines are read */
	/* All entries of all tables by their key, so that many keys are no quadratic work. */
	struct toml_node **buckets;
	size_t buckets_n;
	size_t entries_n;
};

/* The parts of a dotted key. */
struct parts {
	const char *key[LEVELS_MAX];
	int line[LEVELS_MAX];
	int col[LEVELS_MAX];
	const char *at[LEVELS_MAX];
	size_t n;
};

static size_t hash_of(const struct toml_node *table, const char *key)
{
	size_t h = (size_t)(uintptr_t)table * 0x9e3779b97f4a7c15ULL;

	for (; *key; key++)
		h = (h ^ (unsigned char)*key) * 0x100000001b3ULL;
	return h ^ h >> 29;
}

static struct toml_node *find(const struct reader *r, const struct toml_node *table,
			      const char *key)
{
	struct toml_node *n;

	if (!r->buckets_n)
		return NULL;
	n = r->buckets[hash_of(table, key) % r->buckets_n];
	while (n && (n->parent != table || !str_eq(n->n.key, key)))
		n = n->bucket;
	return n;
}

static void more_buckets(struct reader *r)
{
	size_t n = r->buckets_n ? r->buckets_n * 4 : 64;
	struct toml_node **v = mem_alloc(n * sizeof(struct toml_node *));

	for (size_t i = 0; i < r->buckets_n; i++) {
		while (r->buckets[i]) {
			struct toml_node *node = r->buckets[i];
			struct toml_node **to = &v[hash_of(node->parent, node->n.key) % n];

			r->buckets[i] = node->bucket;
			node->bucket = *to;
			*to = node;
		}
	}
	free(r->buckets);
	r->buckets = v;
	r->buckets_n = n;
}

static void append(struct toml_node *parent, struct toml_node *n)
{
	if (parent->last)
		parent->last->n.next = &n->n;
	else
		parent->n.first = &n->n;
	parent->last = n;
	parent->n.n++;
	n->parent = parent;
}

static struct toml_node *new_node(struct reader *r, enum doc_kind kind, enum toml_made made)
{
	struct toml_node *n = arena_alloc(r->arena, sizeof(*n));

	n->n.kind = kind;
	n->made = made;
	return n;
}

/* Hang n into a table under the i-th part of a key. */
static void add_entry(struct reader *r, struct toml_node *table, const struct parts *k, size_t i,
		      struct toml_node *n)
{
	struct toml_node **to;

	if (r->entries_n >= r->buckets_n)
		more_buckets(r);
	n->n.key = k->key[i];
	n->n.key_line = k->line[i];
	n->n.key_col = k->col[i];
	if (!n->n.line) {
		n->n.line = k->line[i];
		n->n.col = k->col[i];
	}
	append(table, n);
	to = &r->buckets[hash_of(table, n->n.key) % r->buckets_n];
	n->bucket = *to;
	*to = n;
	r->entries_n++;
}

static int wrong_part(struct reader *r, const struct parts *k, size_t i, const char *what)
{
	r->s.p = k->at[i];
	return toml_wrong(&r->s, what);
}

/* a."b".c */
static int read_key(struct reader *r, struct parts *ret)
{
	ret->n = 0;
	for (;;) {
		CLEANUP(buf_fini) struct buf key = {0};

		toml_space(&r->s);
		if (ret->n == LEVELS_MAX)
			return toml_wrong(&r->s, N_("more than 64 levels"));
		ret->at[ret->n] = r->s.p;
		toml_position(&r->s, &ret->line[ret->n], &ret->col[ret->n]);
		if (toml_key(&r->s, &key) < 0)
			return -(int)r->s.e->code;
		ret->key[ret->n++] = arena_str(r->arena, key.data);
		toml_space(&r->s);
		if (!toml_at(&r->s, '.'))
			return 0;
		r->s.p++;
	}
}

static size_t offset(const struct reader *r)
{
	return (size_t)(r->s.p - r->s.text);
}

static int read_value(struct reader *r, size_t level, struct toml_node **ret);

/*
 * key = value, into a table whose lines or braces these are. Dotted keys go through tables that
 * dotted keys made, and through no other.
 */
static int read_entry(struct reader *r, struct toml_node *table, size_t level)
{
	struct toml_node *self = table;
	struct toml_node *value = NULL;
	struct parts k;
	size_t key_end;

	if (read_key(r, &k) < 0)
		return -(int)r->s.e->code;
	for (size_t i = 0; i + 1 < k.n; i++) {
		struct toml_node *next = find(r, table, k.key[i]);

		if (!next) {
			next = new_node(r, DOC_MAP, TOML_DOTTED);
			add_entry(r, table, &k, i, next);
		} else if (next->made != TOML_DOTTED && next->made != TOML_PARENT) {
			return wrong_part(r, &k, i, N_("this key has a value already"));
		}
		next->made = TOML_DOTTED;
		table = next;
	}
	if (find(r, table, k.key[k.n - 1]))
		return wrong_part(r, &k, k.n - 1, N_("this key is there twice"));
	key_end = offset(r);
	while (key_end && strchr(" \t", r->s.text[key_end - 1]))
		key_end--;
	if (!toml_at(&r->s, '='))
		return toml_wrong(&r->s, N_("'=' is expected behind a key"));
	r->s.p++;
	toml_space(&r->s);
	if (read_value(r, level + k.n, &value) < 0)
		return -(int)r->s.e->code;
	add_entry(r, table, &k, k.n - 1, value);
	value->is_entry = true;
	value->key = (size_t)(k.at[0] - r->s.text);
	value->key_end = key_end;
	value->value_end = offset(r);
	value->in = self;
	self->last_entry = value;
	return 0;
}

static int read_inline(struct reader *r, size_t level, struct toml_node *table)
{
	r->s.p++;
	toml_space(&r->s);
	if (toml_at(&r->s, '}')) {
		r->s.p++;
		return 0;
	}
	for (;;) {
		if (read_entry(r, table, level) < 0)
			return -(int)r->s.e->code;
		toml_space(&r->s);
		if (toml_at(&r->s, '}'))
			break;
		if (!toml_at(&r->s, ','))
			return toml_wrong(&r->s, N_("',' or '}' is expected here"));
		r->s.p++;
	}
	r->s.p++;
	return 0;
}

static int read_list(struct reader *r, size_t level, struct toml_node *list)
{
	r->s.p++;
	for (;;) {
		struct toml_node *item = NULL;

		if (toml_blank(&r->s) < 0)
			return -(int)r->s.e->code;
		if (toml_at(&r->s, ']'))
			break;
		if (read_value(r, level, &item) < 0)
			return -(int)r->s.e->code;
		append(list, item);
		if (toml_blank(&r->s) < 0)
			return -(int)r->s.e->code;
		if (toml_at(&r->s, ']'))
			break;
		if (!toml_at(&r->s, ','))
			return toml_wrong(&r->s, N_("',' or ']' is expected here"));
		r->s.p++;
	}
	r->s.p++;
	return 0;
}

static int read_text(struct reader *r, struct toml_node *n)
{
	CLEANUP(buf_fini) struct buf text = {0};
	int code;

	buf_add(&text, "", 0);
	if (toml_at(&r->s, '"') || toml_at(&r->s, '\''))
		code = toml_string(&r->s, &text);
	else
		code = toml_scalar(&r->s, &n->n.kind, &text);
	n->n.text = arena_str(r->arena, text.data);
	return code;
}

/* level: how many tables and lists the value stands in. */
static int read_value(struct reader *r, size_t level, struct toml_node **ret)
{
	struct toml_node *n = new_node(r, DOC_STRING, TOML_VALUE);
	int code;

	if (level >= LEVELS_MAX)
		return toml_wrong(&r->s, N_("more than 64 levels"));
	toml_position(&r->s, &n->n.line, &n->n.col);
	n->value = offset(r);
	if (toml_at(&r->s, '{')) {
		n->n.kind = DOC_MAP;
		n->made = TOML_INLINE;
		code = read_inline(r, level, n);
	} else if (toml_at(&r->s, '[')) {
		n->n.kind = DOC_LIST;
		code = read_list(r, level + 1, n);
	} else {
		code = read_text(r, n);
	}
	n->value_end = offset(r);
	*ret = n;
	return code;
}

/* Through the tables that a header names before the last, making those that are missing. */
static int enter_parents(struct reader *r, const struct parts *k, struct toml_node **ret)
{
	struct toml_node *t = r->top;

	for (size_t i = 0; i + 1 < k->n; i++) {
		struct toml_node *next = find(r, t, k->key[i]);

		if (!next) {
			next = new_node(r, DOC_MAP, TOML_PARENT);
			add_entry(r, t, k, i, next);
		}
		if (next->made == TOML_TABLES)
			next = next->last;
		else if (next->made == TOML_VALUE || next->made == TOML_INLINE)
			return wrong_part(r, k, i, N_("this key has a value already"));
		t = next;
	}
	*ret = t;
	return 0;
}

static int enter_table(struct reader *r, struct toml_node *parent, const struct parts *k,
		       struct toml_node **ret)
{
	struct toml_node *t = find(r, parent, k->key[k->n - 1]);

	if (!t) {
		t = new_node(r, DOC_MAP, TOML_TABLE);
		add_entry(r, parent, k, k->n - 1, t);
	} else if (t->made != TOML_PARENT) {
		return wrong_part(r, k, k->n - 1, N_("this table is there twice"));
	}
	t->made = TOML_TABLE;
	*ret = t;
	return 0;
}

static int enter_element(struct reader *r, struct toml_node *parent, const struct parts *k,
			 struct toml_node **ret)
{
	struct toml_node *list = find(r, parent, k->key[k->n - 1]);
	struct toml_node *t;

	if (!list) {
		list = new_node(r, DOC_LIST, TOML_TABLES);
		add_entry(r, parent, k, k->n - 1, list);
	} else if (list->made != TOML_TABLES) {
		return wrong_part(r, k, k->n - 1, N_("this is no list of tables"));
	}
	t = new_node(r, DOC_MAP, TOML_TABLE);
	t->n.line = k->line[k->n - 1];
	t->n.col = k->col[k->n - 1];
	append(list, t);
	*ret = t;
	return 0;
}

/* How many levels the lines of a table are in. */
static size_t level_of(const struct toml_node *t)
{
	size_t n = 0;

	for (; t; t = t->parent)
		n++;
	return n;
}

/* [a.b] and [[a.b]] */
static int read_header(struct reader *r)
{
	struct toml_node *parent = NULL;
	size_t from = offset(r);
	bool element = r->s.end - r->s.p > 1 && r->s.p[1] == '[';
	const char *brackets = element ? "]]" : "]";
	size_t n = strlen(brackets);
	struct parts k;

	r->s.p += n;
	if (read_key(r, &k) < 0)
		return -(int)r->s.e->code;
	if ((size_t)(r->s.end - r->s.p) < n || memcmp(r->s.p, brackets, n) != 0)
		return toml_wrong(&r->s, N_("']' is expected behind the name of a table"));
	if (enter_parents(r, &k, &parent) < 0)
		return -(int)r->s.e->code;
	if ((element ? enter_element(r, parent, &k, &r->table)
		     : enter_table(r, parent, &k, &r->table)) < 0)
		return -(int)r->s.e->code;
	if (level_of(r->table) >= LEVELS_MAX)
		return toml_wrong(&r->s, N_("more than 64 levels"));
	r->s.p += n;
	r->table->header = from;
	r->table->header_end = offset(r);
	return 0;
}

static int read_lines(struct reader *r)
{
	for (;;) {
		int code;

		if (toml_blank(&r->s) < 0)
			return -(int)r->s.e->code;
		if (r->s.p >= r->s.end)
			return 0;
		if (toml_at(&r->s, '['))
			code = read_header(r);
		else
			code = read_entry(r, r->table, level_of(r->table) - 1);
		if (code < 0 || toml_line_end(&r->s) < 0)
			return -(int)r->s.e->code;
	}
}

int toml_tree(const char *text, size_t len, const char *name, struct doc *ret, struct err *e)
{
	CLEANUP(doc_fini) struct doc d = {0};
	struct reader r = {.s = toml_scan_of(text, len, name, e), .arena = &d.arena};
	int code;

	if (len > TEXT_MAX)
		return err_set(e, ERR_PARSE, "%s: larger than 4 MiB", name);
	d.name = arena_str(&d.arena, name);
	r.top = r.table = new_node(&r, DOC_MAP, TOML_TABLE);
	r.top->n.line = r.top->n.col = 1;
	d.top = &r.top->n;
	code = read_lines(&r);
	free(r.buckets);
	if (code < 0)
		return code;
	*ret = d;
	d = (struct doc){0};
	return 0;
}

int toml_read(const char *text, size_t len, const char *name, struct doc *ret, struct err *e)
{
	return toml_tree(text, len, name, ret, e);
}

struct toml_node *toml_get(const struct toml_node *table, const char *key)
{
	return (struct toml_node *)doc_get(&table->n, key);
}
