/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: each call reads the text into a tree with offsets (toml_tree.h), finds what the
 * path means, and splices lines. Files that are edited are small; only what must change does.
 */
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "base/mem.h"
#include "base/toml.h"
#include "base/toml_scan.h"
#include "base/toml_tree.h"

/* How far a path goes: the last node that is there and the keys that are left. */
struct place {
	struct toml_node *node;
	const char *const *left;
};

static struct place follow(const struct doc *d, const char *const *path)
{
	struct place p = {(struct toml_node *)d->top, path};

	while (*p.left && p.node->n.kind == DOC_MAP) {
		struct toml_node *next = toml_get(p.node, *p.left);

		if (!next)
			break;
		p.node = next;
		p.left++;
	}
	return p;
}

static void splice(struct buf *text, size_t at, size_t n, const char *with)
{
	struct buf new = {0};

	buf_add(&new, text->data, at);
	buf_str(&new, with);
	buf_add(&new, text->data + at + n, text->len - at - n);
	new.max = text->max;
	buf_fini(text);
	*text = new;
}

static const char *newline_of(const struct buf *text)
{
	const char *first = memchr(text->data, '\n', text->len);

	return first && first > text->data && first[-1] == '\r' ? "\r\n" : "\n";
}

/* Where the line of a place begins, and where the next one does. */
static size_t line_start(const struct buf *text, size_t at)
{
	while (at && text->data[at - 1] != '\n')
		at--;
	return at;
}

static size_t line_end(const struct buf *text, size_t at)
{
	const char *end = memchr(text->data + at, '\n', text->len - at);

	return end ? (size_t)(end + 1 - text->data) : text->len;
}

/* The first letter of a line that is no space; '\0': the line has nothing else. */
static char first_letter(const struct buf *text, size_t line)
{
	size_t n = strspn(text->data + line, " \t\r");

	return text->data[line + n] == '\n' ? '\0' : text->data[line + n];
}

/* The comments right above a line belong to it. */
static size_t with_comments(const struct buf *text, size_t line)
{
	while (line) {
		size_t above = line_start(text, line - 1);

		if (first_letter(text, above) != '#')
			break;
		line = above;
	}
	return line;
}

static void add_key(struct buf *b, const char *key)
{
	size_t n = 0;

	while (key[n] && toml_is_bare(key[n]))
		n++;
	if (n && !key[n]) {
		buf_str(b, key);
		return;
	}
	buf_str(b, "\"");
	for (; *key; key++) {
		if (*key == '"' || *key == '\\')
			buf_fmt(b, "\\%c", *key);
		else if (((unsigned char)*key < 0x20 && *key != '\t') || *key == 0x7f)
			buf_fmt(b, "\\u%04x", *key);
		else
			buf_add(b, key, 1);
	}
	buf_str(b, "\"");
}

static void add_keys(struct buf *b, const char *const *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_str(b, i ? "." : "");
		add_key(b, keys[i]);
	}
}

static size_t count(const char *const *keys)
{
	size_t n = 0;

	while (keys[n])
		n++;
	return n;
}

static int cannot_set(const char *const *path, const char *why, struct err *e)
{
	CLEANUP(buf_fini) struct buf spelled = {.max = 200};

	add_keys(&spelled, path, count(path));
	return err_set(e, ERR_CONFIG, why, spelled.data);
}

/* " = ", or how the entry in front writes it. */
static const char *equals_like(const struct buf *text, const struct toml_node *entry)
{
	return entry && text->data[entry->key_end] == '=' ? "=" : " = ";
}

/* A line of its own behind a place that ends some line; the text may lack its last newline. */
static void add_line(struct buf *text, size_t behind, const char *indent, const char *line)
{
	const char *newline = newline_of(text);
	bool open = behind && text->data[behind - 1] != '\n';
	CLEANUP(freep)
	char *whole = str_fmt("%s%s%s%s", open ? newline : "", indent, line, newline);

	splice(text, behind, 0, whole);
}

static char *indent_at(const struct buf *text, size_t at)
{
	size_t line = line_start(text, at);

	return str_fmt("%.*s", (int)strspn(text->data + line, " \t"), text->data + line);
}

/* Where the next header behind a place begins; the text's end when there is none. */
static size_t next_header(const struct toml_node *n, size_t behind, size_t best)
{
	if (n->header_end && n->header >= behind && n->header < best)
		best = n->header;
	for (const struct toml_node *c = toml_first(n); c; c = toml_next(c))
		if (!c->is_entry)
			best = next_header(c, behind, best);
	return best;
}

/* Behind the last line of a table's own. */
static size_t end_of_lines(const struct buf *text, const struct doc *d, const struct toml_node *t)
{
	size_t header;

	if (t->last_entry)
		return line_end(text, t->last_entry->value_end);
	if (t->header_end)
		return line_end(text, t->header_end);
	/* The top without any: in front of the first header and its comments. */
	header = next_header((struct toml_node *)d->top, 0, text->len);
	return header < text->len ? with_comments(text, line_start(text, header)) : text->len;
}

/* A new key of a table that has lines of its own. */
static void set_in_lines(struct buf *text, const struct doc *d, const struct toml_node *t,
			 const char *key, const char *value)
{
	CLEANUP(buf_fini) struct buf line = {0};
	CLEANUP(freep) char *indent = NULL;
	size_t at = end_of_lines(text, d, t);

	add_key(&line, key);
	buf_fmt(&line, "%s%s", equals_like(text, t->last_entry), value);
	if (t->last_entry) {
		indent = indent_at(text, t->last_entry->key);
	} else if (t->header_end) {
		CLEANUP(freep) char *outer = indent_at(text, t->header);

		indent = str_fmt("%s%s", outer, *outer ? "  " : "");
	} else {
		indent = str_dup("");
		if (at < text->len && first_letter(text, at))
			buf_str(&line, newline_of(text)); /* parts it from the first table */
	}
	add_line(text, at, indent, line.data);
}

/* The last entry at or below a node in the text's order, or NULL. */
static const struct toml_node *last_entry_of(const struct toml_node *n)
{
	const struct toml_node *best = n->is_entry ? n : NULL;

	if (n->is_entry)
		return best;
	for (const struct toml_node *c = toml_first(n); c; c = toml_next(c)) {
		const struct toml_node *last = last_entry_of(c);

		if (last && (!best || last->key > best->key))
			best = last;
	}
	return best;
}

/* The keys that lead from a table, in whose lines or braces they stand, to a node below it. */
static void add_prefix(struct buf *b, const struct toml_node *from, const struct toml_node *n)
{
	if (n == from)
		return;
	add_prefix(b, from, n->parent);
	add_key(b, n->n.key);
	buf_str(b, ".");
}

static void set_in_braces(struct buf *text, const struct toml_node *t, const char *entry)
{
	CLEANUP(freep) char *with = NULL;

	if (t->last_entry) {
		with = str_fmt(", %s", entry);
		splice(text, t->last_entry->value_end, 0, with);
	} else {
		with = str_fmt("{ %s }", entry);
		splice(text, t->value, t->value_end - t->value, with);
	}
}

/* A new key of a table that dotted keys made, or that stands in braces. */
static void set_dotted(struct buf *text, const struct toml_node *t, const char *const *keys,
		       const char *value)
{
	const struct toml_node *last = last_entry_of(t);
	const struct toml_node *in = t->made == TOML_INLINE ? t : last->in;
	CLEANUP(buf_fini) struct buf entry = {0};
	CLEANUP(freep) char *indent = NULL;

	add_prefix(&entry, in, t);
	add_keys(&entry, keys, count(keys));
	buf_fmt(&entry, "%s%s", equals_like(text, t->made == TOML_INLINE ? t->last_entry : last),
		value);
	if (in->made == TOML_INLINE) {
		set_in_braces(text, in, entry.data);
		return;
	}
	indent = indent_at(text, last->key);
	add_line(text, line_end(text, last->value_end), indent, entry.data);
}

/* [all.but.the.last] at the end of the text. */
static void set_in_new_table(struct buf *text, const char *const *path, const char *value)
{
	const char *newline = newline_of(text);
	CLEANUP(buf_fini) struct buf new = {0};
	size_t n = count(path);

	if (text->len && text->data[text->len - 1] != '\n')
		buf_str(&new, newline);
	if (text->len && first_letter(text, line_start(text, text->len - 1)))
		buf_str(&new, newline);
	buf_str(&new, "[");
	add_keys(&new, path, n - 1);
	buf_fmt(&new, "]%s", newline);
	add_key(&new, path[n - 1]);
	buf_fmt(&new, " = %s%s", value, newline);
	splice(text, text->len, 0, new.data);
}

/* Exactly one TOML value, and nothing that would make the line something else. */
static int check_value(const char *value, struct err *e)
{
	CLEANUP(freep) char *line = str_fmt("x=%s", value);
	CLEANUP(doc_fini) struct doc d = {0};
	const struct toml_node *x;
	struct err why = {0};

	if (toml_tree(line, strlen(line), "value", &d, &why) < 0)
		return err_set(e, ERR_PARSE, "'%.200s' is not a TOML value", value);
	x = toml_get((struct toml_node *)d.top, "x");
	if (d.top->n != 1 || !x || x->value != 2 || x->value_end != strlen(line))
		return err_set(e, ERR_PARSE, "'%.200s' is not a TOML value", value);
	return 0;
}

/* The entry's table in braces, when that is where a dotted table's entries stand. */
static bool is_dotted(const struct toml_node *n)
{
	const struct toml_node *last = n->made == TOML_DOTTED ? last_entry_of(n) : NULL;

	/* All that is left of it may be tables with headers. */
	for (const struct toml_node *p = n; last && p; p = p->parent)
		if (p->parent == last->in)
			return true;
	return false;
}

static int set_new(struct buf *text, const struct doc *d, const struct place *p,
		   const char *const *path, const char *value, struct err *e)
{
	if (p->node->n.kind != DOC_MAP)
		return cannot_set(path, N_("cannot set '%s': what it stands in is no table"), e);
	if (p->node->made == TOML_INLINE || is_dotted(p->node))
		set_dotted(text, p->node, p->left, value);
	else if (p->node->made == TOML_TABLE && !p->left[1])
		set_in_lines(text, d, p->node, *p->left, value);
	else
		set_in_new_table(text, path, value);
	return 0;
}

static int set(struct buf *text, const struct doc *d, const char *const *path, const char *value,
	       struct err *e)
{
	struct place p = follow(d, path);
	const struct toml_node *n = p.node;

	if (*p.left)
		return set_new(text, d, &p, path, value, e);
	if (!n->is_entry)
		return cannot_set(path, N_("cannot set '%s': it is a table"), e);
	splice(text, n->value, n->value_end - n->value, value);
	return 0;
}

typedef int change_fn(struct buf *text, const struct doc *d, const char *const *path,
		      const char *value, struct err *e);

static int append(struct buf *text, const struct doc *d, const char *const *path, const char *value,
		  struct err *e)
{
	struct place p = follow(d, path);
	const struct toml_node *n = p.node;
	CLEANUP(freep) char *with = str_fmt("%s%s", !*p.left && n->last ? ", " : "", value);
	CLEANUP(freep) char *list = str_fmt("[%s]", value);

	if (*p.left)
		return set_new(text, d, &p, path, list, e);
	if (!n->is_entry || n->n.kind != DOC_LIST)
		return cannot_set(path, N_("cannot add to '%s': it is not a list"), e);
	if (n->last)
		splice(text, n->last->value_end, 0, with);
	else
		splice(text, n->value, n->value_end - n->value, list);
	return 0;
}

/* Carry a change out on a copy, which has to be TOML afterwards. */
static int change(struct buf *text, change_fn *fn, const char *const *path, const char *value,
		  struct err *e)
{
	CLEANUP(buf_fini) struct buf new = {0};
	CLEANUP(doc_fini) struct doc d = {0};
	CLEANUP(doc_fini) struct doc check = {0};

	buf_add(text, "", 0);
	buf_add(&new, text->data, text->len);
	if (toml_tree(new.data, new.len, "text", &d, e) < 0 || check_value(value, e) < 0 ||
	    fn(&new, &d, path, value, e) < 0 || toml_tree(new.data, new.len, "text", &check, e) < 0)
		return -(int)e->code;
	splice(text, 0, text->len, new.data);
	return 0;
}

int toml_set(struct buf *text, const char *const *path, const char *value, struct err *e)
{
	return change(text, set, path, value, e);
}

int toml_append(struct buf *text, const char *const *path, const char *value, struct err *e)
{
	return change(text, append, path, value, e);
}

char *toml_value(const struct buf *text, const char *const *path)
{
	CLEANUP(doc_fini) struct doc d = {0};
	struct err ignored = {0};
	struct place p;

	if (!text->len || toml_tree(text->data, text->len, "text", &d, &ignored) < 0)
		return NULL;
	p = follow(&d, path);
	if (*p.left || !p.node->is_entry)
		return NULL;
	return str_fmt("%.*s", (int)(p.node->value_end - p.node->value),
		       text->data + p.node->value);
}

/* The entries in front of and behind one in the same braces. */
static void neighbours(const struct toml_node *n, const struct toml_node *entry,
		       const struct toml_node **before, const struct toml_node **behind)
{
	if (n->is_entry && n->in == entry->in) {
		if (n->key < entry->key && (!*before || n->key > (*before)->key))
			*before = n;
		if (n->key > entry->key && (!*behind || n->key < (*behind)->key))
			*behind = n;
		return;
	}
	for (const struct toml_node *c = toml_first(n); c; c = toml_next(c))
		neighbours(c, entry, before, behind);
}

static void remove_from_braces(struct buf *text, const struct toml_node *entry)
{
	const struct toml_node *before = NULL;
	const struct toml_node *behind = NULL;

	for (const struct toml_node *c = toml_first(entry->in); c; c = toml_next(c))
		neighbours(c, entry, &before, &behind);
	if (before)
		splice(text, before->value_end, entry->value_end - before->value_end, "");
	else if (behind)
		splice(text, entry->key, behind->key - entry->key, "");
	else
		splice(text, entry->in->value, entry->in->value_end - entry->in->value, "{}");
}

/* Comments right below a place, unless a header follows: then they are that header's. */
static size_t comments_below(const struct buf *text, size_t line)
{
	size_t at = line;

	while (at < text->len && first_letter(text, at) == '#')
		at = line_end(text, at);
	return at < text->len && first_letter(text, at) == '[' ? line : at;
}

static void remove_lines(struct buf *text, size_t from, size_t to)
{
	bool blank_above = from && !first_letter(text, line_start(text, from - 1));

	if (to == text->len && blank_above)
		from = line_start(text, from - 1);
	else if (to < text->len && (blank_above || !from) && !first_letter(text, to))
		to = line_end(text, to);
	splice(text, from, to - from, "");
}

static void remove_table(struct buf *text, const struct doc *d, const struct toml_node *t)
{
	size_t from = with_comments(text, line_start(text, t->header));
	size_t to = comments_below(text, end_of_lines(text, d, t));

	remove_lines(text, from, to);
}

static void remove_line(struct buf *text, const struct toml_node *entry)
{
	size_t from = line_start(text, entry->key);
	size_t to = line_end(text, entry->value_end);

	/* The empty line that parts the top's first key from a table. */
	if (!from && to < text->len && !first_letter(text, to))
		to = line_end(text, to);
	splice(text, from, to - from, "");
}

static size_t place_of(const struct toml_node *n)
{
	return n->is_entry ? n->key : n->header;
}

static bool is_above(const struct toml_node *n, const struct toml_node *below_it)
{
	for (below_it = below_it->parent; below_it && below_it != n;)
		below_it = below_it->parent;
	return below_it;
}

/*
 * What stands last in the text of all that makes up root: a table with a header, or an entry in the
 * lines or braces of a table further up. What stands in the lines of a table goes with them.
 */
static const struct toml_node *last_piece(const struct toml_node *n, const struct toml_node *root)
{
	const struct toml_node *best = NULL;

	if (n->is_entry)
		return is_above(n->in, root) ? n : NULL;
	if (n->header_end)
		best = n;
	for (const struct toml_node *c = toml_first(n); c; c = toml_next(c)) {
		const struct toml_node *last = last_piece(c, root);

		if (last && (!best || place_of(last) > place_of(best)))
			best = last;
	}
	return best;
}

/* One piece of what path means; *ret_more: there may be others. */
static int remove_piece(struct buf *text, const char *const *path, bool *ret_more, struct err *e)
{
	CLEANUP(doc_fini) struct doc d = {0};
	const struct toml_node *piece;
	struct place p;

	if (toml_tree(text->data, text->len, "text", &d, e) < 0)
		return -(int)e->code;
	p = follow(&d, path);
	piece = *p.left ? NULL : last_piece(p.node, p.node);
	*ret_more = piece != NULL;
	if (!piece)
		return 0;
	if (!piece->is_entry)
		remove_table(text, &d, piece);
	else if (piece->in->made == TOML_INLINE)
		remove_from_braces(text, piece);
	else
		remove_line(text, piece);
	return 0;
}

int toml_remove(struct buf *text, const char *const *path, struct err *e)
{
	CLEANUP(buf_fini) struct buf new = {0};
	bool more = true;

	if (!*path)
		return err_set(e, ERR_CONFIG, "cannot remove the whole of a TOML text");
	buf_add(text, "", 0);
	buf_add(&new, text->data, text->len);
	while (more)
		if (remove_piece(&new, path, &more, e) < 0)
			return -(int)e->code;
	splice(text, 0, text->len, new.data);
	return 0;
}
