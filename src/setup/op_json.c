/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations as JSON, for plans and the journal. A line of the journal comes from a disk: nothing
 * in it is taken for granted, and what a kind does not have is refused.
 */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "setup/op_parts.h"

enum { LIST_MAX = 1024, WORD_MAX = 64 << 10, MODE_MAX = 07777 };

enum field_type { AS_TEXT, AS_PATH, AS_WORDS, AS_CHOICES, AS_MODE };

static const struct field {
	const char *key;
	enum op_field bit;
	enum field_type type;
	size_t offset;
} fields[] = {
	{"path", FIELD_PATH, AS_PATH, offsetof(struct op, path)},
	{"text", FIELD_TEXT, AS_TEXT, offsetof(struct op, text)},
	{"url", FIELD_URL, AS_TEXT, offsetof(struct op, url)},
	{"name", FIELD_NAME, AS_TEXT, offsetof(struct op, name)},
	{"user", FIELD_USER, AS_TEXT, offsetof(struct op, user)},
	{"words", FIELD_WORDS, AS_WORDS, offsetof(struct op, words)},
	{"undo", FIELD_UNDO, AS_WORDS, offsetof(struct op, undo)},
	{"choices", FIELD_CHOICES, AS_CHOICES, offsetof(struct op, choices)},
	{"mode", FIELD_MODE, AS_MODE, offsetof(struct op, mode)},
};

static const struct {
	const char *name;
	enum op_flags bit;
} flags[] = {
	{"optional", OP_OPTIONAL}, {"now", OP_NOW},   {"armor", OP_ARMOR},
	{"rpm-key", OP_RPM_KEY},   {"keep", OP_KEEP}, {"private", OP_PRIVATE},
	{"marker", OP_MARKER},
};

static const struct field *field_of(const char *key)
{
	for (size_t i = 0; i < COUNT(fields); i++)
		if (str_eq(fields[i].key, key))
			return &fields[i];
	return NULL;
}

static json_t *words_json(const char *const *words)
{
	json_t *list = json_array();

	for (size_t i = 0; words && words[i]; i++)
		(void)json_array_append_new(list, json_string(words[i]));
	return list;
}

static json_t *choices_json(const struct op *o)
{
	json_t *list = json_array();

	for (size_t i = 0; i < o->choices_n; i++)
		(void)json_array_append_new(list, words_json(o->choices[i].packages));
	return list;
}

/* NULL: it is not there. */
static json_t *field_json(const struct op *o, const struct field *f)
{
	const char *at = (const char *)o + f->offset;
	const char *const *words;
	const char *text;
	char mode[16];

	switch (f->type) {
	case AS_WORDS:
		memcpy(&words, at, sizeof(words));
		return words ? words_json(words) : NULL;
	case AS_CHOICES:
		return o->choices_n ? choices_json(o) : NULL;
	case AS_MODE:
		(void)snprintf(mode, sizeof(mode), "%04o", (unsigned int)o->mode);
		return o->mode ? json_string(mode) : NULL;
	default:
		memcpy(&text, at, sizeof(text));
		return text ? json_string(text) : NULL;
	}
}

json_t *op_json(const struct op *o)
{
	const struct op_row *row = op_row_of(o->kind);
	json_t *ret = json_object();
	json_t *list = json_array();

	if (!row)
		err_bug("an operation of a kind that op.c does not have");
	(void)json_object_set_new(ret, "kind", json_string(o->kind->name));
	if (o->step)
		(void)json_object_set_new(ret, "step", json_string(o->step));
	if (o->why)
		(void)json_object_set_new(ret, "why", json_string(o->why));
	for (size_t i = 0; i < COUNT(fields); i++) {
		json_t *value = row->has & fields[i].bit ? field_json(o, &fields[i]) : NULL;

		if (value)
			(void)json_object_set_new(ret, fields[i].key, value);
	}
	for (size_t i = 0; i < COUNT(flags); i++)
		if (o->flags & flags[i].bit)
			(void)json_array_append_new(list, json_string(flags[i].name));
	if (json_array_size(list))
		(void)json_object_set(ret, "flags", list);
	json_decref(list);
	return ret;
}

static int wrong(struct err *e, const char *key)
{
	return err_set(e, ERR_PARSE, "an operation's '%.64s' cannot be read", key);
}

static int read_text(const char *key, const json_t *j, size_t max, struct arena *a,
		     const char **ret, struct err *e)
{
	const char *text = json_string_value(j);

	/* A string of JSON may hold NUL, which ours cannot. */
	if (!text || json_string_length(j) > max || strlen(text) != json_string_length(j))
		return wrong(e, key);
	*ret = arena_str(a, text);
	return 0;
}

static int read_path(const char *key, const json_t *j, struct arena *a, const char **ret,
		     struct err *e)
{
	const char *path = NULL;

	if (read_text(key, j, WORD_MAX, a, &path, e) < 0)
		return -(int)e->code;
	/* A path of a machine's file never climbs. */
	if (*path != '/' || strstr(path, "/../") || str_ends(path, "/..") || str_ends(path, "/"))
		return wrong(e, key);
	*ret = path;
	return 0;
}

static int read_words(const char *key, const json_t *j, struct arena *a, const char *const **ret,
		      struct err *e)
{
	size_t n = json_array_size(j);
	const char **v;

	if (!json_is_array(j) || !n || n > LIST_MAX)
		return wrong(e, key);
	v = arena_alloc(a, (n + 1) * sizeof(*v));
	for (size_t i = 0; i < n; i++)
		if (read_text(key, json_array_get(j, i), WORD_MAX, a, &v[i], e) < 0)
			return -(int)e->code;
	if (!*v[0])
		return wrong(e, key);
	*ret = v;
	return 0;
}

static int read_choices(const char *key, const json_t *j, struct arena *a, struct op *o,
			struct err *e)
{
	size_t n = json_array_size(j);
	struct op_choice *v;

	if (!json_is_array(j) || !n || n > LIST_MAX)
		return wrong(e, key);
	v = arena_alloc(a, n * sizeof(*v));
	for (size_t i = 0; i < n; i++)
		if (read_words(key, json_array_get(j, i), a, &v[i].packages, e) < 0)
			return -(int)e->code;
	o->choices = v;
	o->choices_n = n;
	return 0;
}

static int read_mode(const char *key, const json_t *j, struct op *o, struct err *e)
{
	const char *text = json_string_value(j);
	mode_t mode = 0;

	if (!text || !*text || strlen(text) > 5)
		return wrong(e, key);
	for (; *text; text++) {
		if (*text < '0' || *text > '7')
			return wrong(e, key);
		mode = mode * 8 + (mode_t)(*text - '0');
	}
	if (!mode || mode > MODE_MAX)
		return wrong(e, key);
	o->mode = mode;
	return 0;
}

static int read_flags(const json_t *j, struct op *o, struct err *e)
{
	if (!json_is_array(j))
		return wrong(e, "flags");
	for (size_t i = 0; i < json_array_size(j); i++) {
		const char *name = json_string_value(json_array_get(j, i));
		size_t k = 0;

		while (k < COUNT(flags) && !str_eq(flags[k].name, name))
			k++;
		if (k == COUNT(flags))
			return wrong(e, "flags");
		o->flags |= flags[k].bit;
	}
	return 0;
}

static int read_field(const struct field *f, const json_t *j, struct arena *a, struct op *o,
		      struct err *e)
{
	char *at = (char *)o + f->offset;

	switch (f->type) {
	case AS_WORDS:
		return read_words(f->key, j, a, (const char *const **)(void *)at, e);
	case AS_CHOICES:
		return read_choices(f->key, j, a, o, e);
	case AS_MODE:
		return read_mode(f->key, j, o, e);
	case AS_PATH:
		return read_path(f->key, j, a, (const char **)(void *)at, e);
	default:
		return read_text(f->key, j, OP_FILE_MAX, a, (const char **)(void *)at, e);
	}
}

/* One entry; *ret_seen collects the fields that were there. */
static int read_entry(const struct op_row *row, const char *key, const json_t *j, struct arena *a,
		      struct op *o, unsigned int *ret_seen, struct err *e)
{
	const struct field *f = field_of(key);

	if (str_eq(key, "kind"))
		return 0;
	if (str_eq(key, "step"))
		return read_text(key, j, WORD_MAX, a, &o->step, e);
	if (str_eq(key, "why"))
		return read_text(key, j, WORD_MAX, a, &o->why, e);
	if (str_eq(key, "flags"))
		return read_flags(j, o, e);
	if (!f || !(row->has & f->bit))
		return err_set(e, ERR_PARSE, "an operation '%s' has no '%.64s'", o->kind->name,
			       key);
	*ret_seen |= f->bit;
	return read_field(f, j, a, o, e);
}

int op_from_json(const json_t *j, struct arena *a, struct op *ret, struct err *e)
{
	const char *name = json_string_value(json_object_get(j, "kind"));
	struct op o = {.kind = op_kind_by_name(name)};
	const struct op_row *row = op_row_of(o.kind);
	unsigned int seen = 0;
	void *at;

	if (!row)
		return err_set(e, ERR_PARSE, "'%.64s' is no kind of operation", name ? name : "");
	/* jansson's iterators take an object that may be changed; nothing is. */
	for (at = json_object_iter((json_t *)j); at; at = json_object_iter_next((json_t *)j, at))
		if (read_entry(row, json_object_iter_key(at), json_object_iter_value(at), a, &o,
			       &seen, e) < 0)
			return -(int)e->code;
	for (size_t i = 0; i < COUNT(fields); i++)
		if (row->needs & ~seen & fields[i].bit)
			return err_set(e, ERR_PARSE, "an operation '%s' lacks its '%s'",
				       o.kind->name, fields[i].key);
	*ret = o;
	return 0;
}
