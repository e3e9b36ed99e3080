/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML through libyaml's events. Whatever lets one text mean something that is
 * not on the page (anchors, aliases, tags, merging duplicates) is refused.
 */
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/doc.h"
#include "base/i18n.h"
#include "base/str.h"

enum { LEVELS_MAX = 64, TEXT_MAX = 4 << 20 };

/* A list or map whose end has not been read yet. */
struct level {
	struct doc_node *node;
	struct doc_node **end;
	const char *key; /* a map's key that waits for its value */
	yaml_mark_t key_mark;
};

struct reader {
	struct doc doc;
	struct level levels[LEVELS_MAX];
	size_t depth;
	struct err *e;
};

static int wrong(struct reader *r, yaml_mark_t at, const char *what)
{
	return err_set(r->e, ERR_PARSE, "%s:%zu:%zu: %s", r->doc.name, at.line + 1, at.column + 1,
		       tr(what));
}

static bool is_one_of(const char *s, const char *const *words)
{
	for (; *words; words++)
		if (str_eq(s, *words))
			return true;
	return false;
}

static bool is_number(const char *s)
{
	static const char *const special[] = {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN", NULL};
	static const char digits[] = "0123456789";
	size_t whole;
	size_t part = 0;

	if (str_starts(s, "0x"))
		return s[2] && !s[2 + strspn(s + 2, "0123456789abcdefABCDEF")];
	if (str_starts(s, "0o"))
		return s[2] && !s[2 + strspn(s + 2, "01234567")];
	s += *s == '-' || *s == '+';
	if (is_one_of(s, special))
		return true;
	whole = strspn(s, digits);
	s += whole;
	if (*s == '.') {
		part = strspn(s + 1, digits);
		s += 1 + part;
	}
	if (!whole && !part)
		return false;
	if (*s == 'e' || *s == 'E') {
		s += 1 + (s[1] == '-' || s[1] == '+');
		return *s && !s[strspn(s, digits)];
	}
	return !*s;
}

/* The core schema of YAML 1.2 (section 10.3.2): "no", "on" and 1:30 are text. */
static enum doc_kind kind_of_plain(const char *s)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const bools[] = {"true",  "True",  "TRUE", "false",
					    "False", "FALSE", NULL};

	/* Most are paths: not to be compared with all of those. */
	if (*s && !strchr("~nNtTfF.+-0123456789", *s))
		return DOC_STRING;
	if (is_one_of(s, nulls))
		return DOC_NULL;
	if (is_one_of(s, bools))
		return DOC_BOOL;
	return is_number(s) ? DOC_NUMBER : DOC_STRING;
}

struct doc_node *doc_scalar(struct arena *a, const char *text)
{
	struct doc_node *n = arena_alloc(a, sizeof(*n));

	n->text = arena_str(a, text);
	n->kind = kind_of_plain(n->text);
	return n;
}

/* Hang a node below the innermost open list or map. */
static int attach(struct reader *r, struct doc_node *n, const yaml_event_t *ev)
{
	struct level *l;

	n->line = (int)ev->start_mark.line + 1;
	n->col = (int)ev->start_mark.column + 1;
	if (!r->depth) {
		r->doc.top = n;
		return 0;
	}
	l = &r->levels[r->depth - 1];
	if (l->node->kind == DOC_MAP) {
		if (!l->key)
			return wrong(r, ev->start_mark, N_("a key must be a single word"));
		n->key = l->key;
		n->key_line = (int)l->key_mark.line + 1;
		n->key_col = (int)l->key_mark.column + 1;
		l->key = NULL;
	}
	*l->end = n;
	l->end = &n->next;
	l->node->n++;
	return 0;
}

static int on_scalar(struct reader *r, const yaml_event_t *ev)
{
	const char *value = (const char *)ev->data.scalar.value;
	size_t len = ev->data.scalar.length;
	struct level *l = r->depth ? &r->levels[r->depth - 1] : NULL;
	bool plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	struct doc_node *n;

	if (memchr(value, '\0', len))
		return wrong(r, ev->start_mark, N_("a NUL byte is not allowed"));
	if (l && l->node->kind == DOC_MAP && !l->key) {
		l->key = arena_strn(&r->doc.arena, value, len);
		l->key_mark = ev->start_mark;
		return 0;
	}
	n = arena_alloc(&r->doc.arena, sizeof(*n));
	n->text = arena_strn(&r->doc.arena, value, len);
	n->kind = plain ? kind_of_plain(n->text) : DOC_STRING;
	return attach(r, n, ev);
}

static int on_start(struct reader *r, const yaml_event_t *ev, enum doc_kind kind)
{
	struct doc_node *n = arena_alloc(&r->doc.arena, sizeof(*n));

	n->kind = kind;
	if (r->depth == LEVELS_MAX)
		return wrong(r, ev->start_mark, N_("more than 64 levels"));
	if (attach(r, n, ev) < 0)
		return -(int)r->e->code;
	r->levels[r->depth++] = (struct level){.node = n, .end = &n->first};
	return 0;
}

static int by_key(const void *a, const void *b)
{
	const struct doc_node *x = *(const struct doc_node *const *)a;
	const struct doc_node *y = *(const struct doc_node *const *)b;
	int order = strcmp(x->key, y->key);

	if (order)
		return order;
	return x->key_line != y->key_line ? x->key_line - y->key_line : x->key_col - y->key_col;
}

/* Sorted, so that a hostile file with 100,000 keys takes no time to speak of. */
static int refuse_duplicates(struct reader *r, const struct doc_node *map)
{
	CLEANUP(freep) const struct doc_node **all = mem_alloc((map->n + 1) * sizeof(*all));
	size_t n = 0;

	for (const struct doc_node *c = map->first; c; c = c->next)
		all[n++] = c;
	qsort(all, n, sizeof(*all), by_key);
	for (size_t i = 1; i < n; i++)
		if (str_eq(all[i - 1]->key, all[i]->key))
			return err_set(r->e, ERR_PARSE, "%s:%d:%d: key '%s' is already on line %d",
				       r->doc.name, all[i]->key_line, all[i]->key_col, all[i]->key,
				       all[i - 1]->key_line);
	return 0;
}

static int on_end(struct reader *r)
{
	const struct doc_node *n = r->levels[--r->depth].node;

	return n->kind == DOC_MAP ? refuse_duplicates(r, n) : 0;
}

/* Anchors and tags stand on any node. */
static int refuse_extras(struct reader *r, const yaml_event_t *ev)
{
	const yaml_char_t *anchor = NULL;
	const yaml_char_t *tag = NULL;

	if (ev->type == YAML_SCALAR_EVENT) {
		anchor = ev->data.scalar.anchor;
		tag = ev->data.scalar.tag;
	} else if (ev->type == YAML_SEQUENCE_START_EVENT) {
		anchor = ev->data.sequence_start.anchor;
		tag = ev->data.sequence_start.tag;
	} else if (ev->type == YAML_MAPPING_START_EVENT) {
		anchor = ev->data.mapping_start.anchor;
		tag = ev->data.mapping_start.tag;
	}
	if (anchor || ev->type == YAML_ALIAS_EVENT)
		return wrong(r, ev->start_mark, N_("anchors and aliases are not supported"));
	if (tag)
		return wrong(r, ev->start_mark, N_("tags are not supported"));
	return 0;
}

static int on_event(struct reader *r, const yaml_event_t *ev)
{
	if (refuse_extras(r, ev) < 0)
		return -(int)r->e->code;
	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (r->doc.top)
			return wrong(r, ev->start_mark, N_("more than one document"));
		return 0;
	case YAML_SCALAR_EVENT:
		return on_scalar(r, ev);
	case YAML_SEQUENCE_START_EVENT:
		return on_start(r, ev, DOC_LIST);
	case YAML_MAPPING_START_EVENT:
		return on_start(r, ev, DOC_MAP);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return on_end(r);
	default:
		return 0;
	}
}

/* A byte that is not UTF-8: libyaml gives its offset only. */
static yaml_mark_t mark_of_offset(const char *text, size_t offset)
{
	yaml_mark_t m = {0};

	for (size_t i = 0; i < offset; i++) {
		m.column++;
		if (text[i] == '\n')
			m = (yaml_mark_t){.line = m.line + 1};
	}
	return m;
}

/* Is a line (from 0) indented with a tab? The text ends at len, not at a '\0'. */
static bool has_tab(const char *text, size_t len, size_t line)
{
	size_t i = 0;

	for (; i < len && line; i++)
		line -= text[i] == '\n';
	while (i < len && text[i] == ' ')
		i++;
	return i < len && text[i] == '\t';
}

static int syntax_error(struct reader *r, const yaml_parser_t *p, const char *text, size_t len)
{
	yaml_mark_t at = p->problem_mark;

	if (p->error == YAML_READER_ERROR)
		at = mark_of_offset(text, p->problem_offset < len ? p->problem_offset : len);
	(void)wrong(r, at, p->problem ? p->problem : N_("this is not YAML"));
	/* libyaml says "cannot start any token"; what people did is a tab for indentation. */
	if (has_tab(text, len, at.line))
		return err_hint(r->e, "indent with spaces: YAML allows no tabs there");
	return err_hint(r->e, "mind the indentation, a space after each ':', and quotes around "
			      "special characters");
}

static int read_events(struct reader *r, yaml_parser_t *p, const char *text, size_t len)
{
	bool done = false;

	while (!done) {
		yaml_event_t ev;
		int result;

		if (!yaml_parser_parse(p, &ev))
			return syntax_error(r, p, text, len);
		result = on_event(r, &ev);
		done = ev.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&ev);
		if (result < 0)
			return result;
	}
	return 0;
}

int doc_yaml(const char *text, size_t len, const char *name, struct doc *ret, struct err *e)
{
	CLEANUP(doc_fini) struct doc owner = {0};
	CLEANUP(freep) struct reader *r = NEW(struct reader);
	yaml_parser_t parser;
	int result;

	if (len > TEXT_MAX)
		return err_set(e, ERR_PARSE, "%s: larger than 4 MiB", name);
	r->e = e;
	r->doc.name = arena_str(&r->doc.arena, name);
	if (!yaml_parser_initialize(&parser))
		err_bug("out of memory");
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	result = read_events(r, &parser, text, len);
	yaml_parser_delete(&parser);
	owner = r->doc;
	if (result < 0)
		return result;
	if (!owner.top || owner.top->kind == DOC_NULL) {
		owner.top = arena_alloc(&owner.arena, sizeof(*owner.top));
		*owner.top = (struct doc_node){.kind = DOC_MAP, .line = 1, .col = 1};
	}
	*ret = owner;
	owner = (struct doc){0};
	return 0;
}
