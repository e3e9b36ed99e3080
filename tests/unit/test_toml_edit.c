/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/toml.h"
#include "test.h"

/* One change (value NULL: remove), and what the text has to be after it. */
struct change {
	const char *text;
	const char *path[5];
	const char *value;
	const char *expected;
};

static int apply(struct buf *text, const char *const *path, const char *value, struct err *e)
{
	return value ? toml_set(text, path, value, e) : toml_remove(text, path, e);
}

static void check_changes(const struct change *c, size_t n)
{
	for (; n; c++, n--) {
		CLEANUP(buf_fini) struct buf text = {0};
		struct err e = {0};

		buf_str(&text, c->text);
		if (apply(&text, c->path, c->value, &e) < 0)
			fail_msg("%s: %s", c->text, e.msg);
		assert_string_equal(text.data, c->expected);
	}
}

TEST(what_is_there_is_replaced_in_its_place)
{
	static const struct change rows[] = {
		{"a = 1 # why\nb=2\n", {"a"}, "\"x\"", "a = \"x\" # why\nb=2\n"},
		{"[t]\n  a = [ # c\n 1,\n]\n[u]\n", {"t", "a"}, "[2]", "[t]\n  a = [2]\n[u]\n"},
		{"t.a.b = 1\nt.a.c = 2", {"t", "a", "b"}, "3", "t.a.b = 3\nt.a.c = 2"},
		{"t = {a = 1, b = {c = 2}}", {"t", "b", "c"}, "3", "t = {a = 1, b = {c = 3}}"},
		{"t = {a = 1}", {"t"}, "true", "t = true"},
		{"[p.\"x.y\"]\n'a' = 1\n", {"p", "x.y", "a"}, "2", "[p.\"x.y\"]\n'a' = 2\n"},
		{"a = '''\nx\n'''\r\nb = 1", {"a"}, "1", "a = 1\r\nb = 1"},
	};

	check_changes(rows, COUNT(rows));
}

TEST(a_new_key_goes_behind_the_last_of_its_table)
{
	static const struct change rows[] = {
		{"", {"a"}, "1", "a = 1\n"},
		{"", {"t", "a"}, "1", "[t]\na = 1\n"},
		{"# only this", {"a"}, "1", "# only this\na = 1\n"},
		{"b=2 # c\n\n[t]\n", {"a"}, "1", "b=2 # c\na=1\n\n[t]\n"},
		{"# head\n\n# of t\n[t]\nx = 1\n",
		 {"a"},
		 "1",
		 "# head\n\na = 1\n\n# of t\n[t]\nx = 1\n"},
		{"[t]\nx = 1\n\n[u]\n", {"t", "a"}, "2", "[t]\nx = 1\na = 2\n\n[u]\n"},
		{"[t]\r\n\tx = 1\r\n", {"t", "a"}, "2", "[t]\r\n\tx = 1\r\n\ta = 2\r\n"},
		{"[t]\nx = [\n 1\n] # c\n", {"t", "a"}, "2", "[t]\nx = [\n 1\n] # c\na = 2\n"},
		{"[t]", {"t", "a"}, "2", "[t]\na = 2\n"},
		{"  [t]\n    [t.u]\n", {"t", "a"}, "2", "  [t]\n    a = 2\n    [t.u]\n"},
		{"[t.u]\nx = 1\n", {"t", "a"}, "2", "[t.u]\nx = 1\n\n[t]\na = 2\n"},
		{"[t]\nx = 1\n",
		 {"t", "u", "v w", "a"},
		 "2",
		 "[t]\nx = 1\n\n[t.u.\"v w\"]\na = 2\n"},
		{"x = 1\n\n", {"t", "a"}, "2", "x = 1\n\n[t]\na = 2\n"},
		{"x = 1", {"t", "a"}, "2", "x = 1\n\n[t]\na = 2\n"},
		{"t.a.b = 1\nu = 1\n", {"t", "a", "c"}, "2", "t.a.b = 1\nt.a.c = 2\nu = 1\n"},
		{"t.a.b = 1\n", {"t", "x", "y"}, "2", "t.a.b = 1\nt.x.y = 2\n"},
		{"[q]\nt.a.b = 1\n[r]\n", {"q", "t", "c"}, "2", "[q]\nt.a.b = 1\nt.c = 2\n[r]\n"},
		{"t = {}", {"t", "a"}, "1", "t = { a = 1 }"},
		{"t = { a = 1 } # c", {"t", "b", "c"}, "2", "t = { a = 1, b.c = 2 } # c"},
		{"t = {a.b=1}", {"t", "a", "c"}, "2", "t = {a.b=1, a.c=2}"},
		{"t = {a = {}}", {"t", "a", "c"}, "2", "t = {a = { c = 2 }}"},
		{"", {"a\"b\\\n"}, "1", "\"a\\\"b\\\\\\u000a\" = 1\n"},
		{"", {""}, "1", "\"\" = 1\n"},
		{"[[l]]\nx = 1\n", {"t", "a"}, "1", "[[l]]\nx = 1\n\n[t]\na = 1\n"},
	};

	check_changes(rows, COUNT(rows));
}

TEST(lists_grow_behind_their_last_element)
{
	static const struct change rows[] = {
		{"a = []", {"a"}, "1", "a = [1]"},
		{"a = [ 1 ] # c", {"a"}, "2", "a = [ 1, 2 ] # c"},
		{"a = [\n  1, # c\n]\n", {"a"}, "2", "a = [\n  1, 2, # c\n]\n"},
		{"b = 1\n\n[t]\n", {"a"}, "\"x\"", "b = 1\na = [\"x\"]\n\n[t]\n"},
		{"t = {a = [1]}", {"t", "a"}, "2", "t = {a = [1, 2]}"},
	};
	static const char *const refused[] = {"a = 1", "[a]", "[[a]]", "a.b = 1"};
	const char *const path[] = {"a", NULL};
	CLEANUP(freep) char *value = NULL;
	CLEANUP(buf_fini) struct buf text = {0};
	struct err e = {0};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(buf_fini) struct buf t = {0};

		buf_str(&t, rows[i].text);
		assert_int_equal(toml_append(&t, rows[i].path, rows[i].value, &e), 0);
		assert_string_equal(t.data, rows[i].expected);
	}
	for (size_t i = 0; i < COUNT(refused); i++) {
		CLEANUP(buf_fini) struct buf t = {0};

		buf_str(&t, refused[i]);
		assert_int_equal(toml_append(&t, path, "1", &e), -ERR_CONFIG);
		assert_string_equal(t.data, refused[i]);
		buf_str(&t, "\n");
	}
	buf_str(&text, "a = [ 'x',  2 ] # c\n");
	value = toml_value(&text, path);
	assert_string_equal(value, "[ 'x',  2 ]");
	assert_null(toml_value(&text, (const char *const[]){"a", "b", NULL}));
	assert_null(toml_value(&text, (const char *const[]){NULL}));
}

TEST(what_is_removed_takes_its_lines_along)
{
	static const struct change rows[] = {
		{"a = 1 # c\nb = 2\n", {"a"}, NULL, "b = 2\n"},
		{"# c\na = 1\nb = 2\n", {"a"}, NULL, "# c\nb = 2\n"},
		{"a = 1\n\n[t]\n", {"a"}, NULL, "[t]\n"},
		{"a = [\n 1, # x\n]\nb = 2", {"a"}, NULL, "b = 2"},
		{"[t]\n  a = '''\nx'''\n  b = 1\n", {"t", "a"}, NULL, "[t]\n  b = 1\n"},
		{"[t]\na = 1\n", {"t", "a"}, NULL, "[t]\n"},
		{"x = 1\n\n# t's\n[t]\n# more\na = 1 # c\n# end\n\n# of u\n[u]\n",
		 {"t"},
		 NULL,
		 "x = 1\n\n# of u\n[u]\n"},
		{"x = 1\n\n[t]\na = 1\n", {"t"}, NULL, "x = 1\n"},
		{"[t]\na = 1\n# of u\n[u]\n", {"t"}, NULL, "# of u\n[u]\n"},
		{"[t]\na = 1\n[x]\n[t.u]\nb = 1\n[y]\n", {"t"}, NULL, "[x]\n[y]\n"},
		{"[t.u]\nb = 1\n[t.v]\n", {"t"}, NULL, ""},
		{"t.a.b = 1\nx = 1\nt.c = 2\n", {"t"}, NULL, "x = 1\n"},
		{"t.a.b = 1\nt.c = 2\n", {"t", "a"}, NULL, "t.c = 2\n"},
		{"q.a = 1\n[q.t]\nx = 1\n[r]\n", {"q"}, NULL, "[r]\n"},
		{"t = {a = 1, b = 2, c = 3}", {"t", "a"}, NULL, "t = {b = 2, c = 3}"},
		{"t = {a = 1, b = 2, c = 3}", {"t", "b"}, NULL, "t = {a = 1, c = 3}"},
		{"t = {a = 1, b = 2, c = 3}", {"t", "c"}, NULL, "t = {a = 1, b = 2}"},
		{"t = { a = 1 }", {"t", "a"}, NULL, "t = {}"},
		{"t = {a.b = 1, c = 2, a.d = 3}", {"t", "a"}, NULL, "t = {c = 2}"},
		{"[[l]]\na = 1\n[[l]]\n[k]\n", {"l"}, NULL, "[k]\n"},
		{"a = 1\n", {"b"}, NULL, "a = 1\n"},
		{"a = 1\n", {"a", "b"}, NULL, "a = 1\n"},
	};

	check_changes(rows, COUNT(rows));
}

TEST(what_cannot_be_done_changes_nothing)
{
	static const struct {
		const char *text;
		const char *path[4];
		const char *value;
		int code;
	} rows[] = {
		{"[t]\n", {"t"}, "1", ERR_CONFIG},
		{"t.a = 1\n", {"t"}, "1", ERR_CONFIG},
		{"[[t]]\n", {"t"}, "1", ERR_CONFIG},
		{"[[t]]\n", {"t", "a"}, "1", ERR_CONFIG},
		{"t = 1\n", {"t", "a"}, "1", ERR_CONFIG},
		{"t = [{}]\n", {"t", "a"}, "1", ERR_CONFIG},
		{"a = 1\n", {"a"}, "runc", ERR_PARSE},
		{"a = 1\n", {"a"}, "", ERR_PARSE},
		{"a = 1\n", {"a"}, "1\nb = 2", ERR_PARSE},
		{"a = 1\n", {"a"}, "1 # c", ERR_PARSE},
		{"a = 1\n", {"a"}, " 1", ERR_PARSE},
		{"a = \n", {"a"}, "1", ERR_PARSE},
		{"a = \n", {"a"}, NULL, ERR_PARSE},
		{"a = 1\n", {NULL}, NULL, ERR_CONFIG},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(buf_fini) struct buf text = {0};
		struct err e = {0};

		buf_str(&text, rows[i].text);
		assert_int_equal(apply(&text, rows[i].path, rows[i].value, &e), -rows[i].code);
		assert_int_not_equal(e.msg[0], 0);
		assert_string_equal(text.data, rows[i].text);
	}
}

static json_t *tree_json(const struct doc_node *n)
{
	json_t *j;

	if (n->text)
		return json_string(n->text);
	j = n->kind == DOC_LIST ? json_array() : json_object();
	for (const struct doc_node *c = n->first; c; c = c->next) {
		if (n->kind == DOC_LIST)
			(void)json_array_append_new(j, tree_json(c));
		else
			(void)json_object_set_new(j, c->key, tree_json(c));
	}
	return j;
}

static json_t *text_json(const struct buf *text)
{
	CLEANUP(doc_fini) struct doc d = {0};
	struct err e = {0};

	if (toml_read(text->data, text->len, "t", &d, &e) < 0)
		fail_msg("%s in:\n%s", e.msg, text->data);
	return tree_json(d.top);
}

/* The same change in jansson's tree; false: it cannot be done. */
static bool model_set(json_t *top, const char *const *path, const char *value)
{
	for (; path[1]; path++) {
		json_t *next = json_object_get(top, *path);

		if (!next) {
			next = json_object();
			(void)json_object_set_new(top, *path, next);
		}
		if (!json_is_object(next))
			return false;
		top = next;
	}
	if (json_is_object(json_object_get(top, *path)) ||
	    json_is_array(json_object_get(top, *path)))
		return false; /* may be a table with lines: not always allowed */
	return json_object_set_new(top, *path, json_string(value)) == 0;
}

/* Tables that hold nothing are no difference: only headers make them, which come and go. */
static void drop_empty(json_t *j)
{
	const char *key;
	json_t *value;
	void *tmp;

	json_object_foreach_safe(j, tmp, key, value)
	{
		drop_empty(value);
		if (json_is_object(value) && !json_object_size(value))
			(void)json_object_del(j, key);
	}
}

static void model_remove(json_t *top, const char *const *path)
{
	for (; path[1]; path++)
		top = json_object_get(top, *path);
	(void)json_object_del(top, *path);
}

static uint32_t chance(uint32_t *seed, uint32_t below)
{
	*seed = *seed * 1664525U + 1013904223U;
	return (*seed >> 8) % below;
}

static void random_change(uint32_t *seed, struct buf *text)
{
	static const char *const keys[] = {"a", "b", "c"};
	const char *path[5] = {NULL};
	json_t *model = text_json(text);
	uint32_t n = 1 + chance(seed, 3);
	struct err e = {0};
	json_t *after;

	for (uint32_t i = 0; i < n; i++)
		path[i] = keys[chance(seed, COUNT(keys))];
	if (chance(seed, 3)) {
		if (model_set(model, path, "7"))
			assert_int_equal(toml_set(text, path, "7", &e), 0);
		else if (toml_set(text, path, "7", &e) == 0)
			goto done;
		else {
			json_decref(model);
			model = text_json(text);
		}
	} else {
		model_remove(model, path);
		assert_int_equal(toml_remove(text, path, &e), 0);
	}
	after = text_json(text);
	drop_empty(after);
	drop_empty(model);
	if (!json_equal(model, after))
		fail_msg("%s instead of %s in:\n%s", json_dumps(after, 0), json_dumps(model, 0),
			 text->data);
	json_decref(after);
done:
	json_decref(model);
}

TEST(any_changes_touch_nothing_else)
{
	static const char *const texts[] = {
		"",
		"# top\na.b.c = 1\n\n[c]\na = { b = 1, c.a = 2 }\nb.a = 3\n",
		"[a.b]\nc = 1\n# x\n\n[a]\na.b = 2\n[c.c.c]\nb = [1, { a = 2 }]\n",
		"  [a]\n    b = 1\n\n    [a.c]\n      a = \"\"\"\n[x]\n\"\"\"\n# end",
		"[[b]]\na = 1\n[b.c]\na = 2\n[[b]]\n[a]\n",
	};

	for (uint32_t seed = 1; seed <= 500; seed++) {
		CLEANUP(buf_fini) struct buf text = {0};
		uint32_t s = seed;

		buf_str(&text, texts[seed % COUNT(texts)]);
		for (int i = 0; i < 20; i++)
			random_change(&s, &text);
	}
}

RUN(IT(what_is_there_is_replaced_in_its_place), IT(a_new_key_goes_behind_the_last_of_its_table),
    IT(lists_grow_behind_their_last_element), IT(what_is_removed_takes_its_lines_along),
    IT(what_cannot_be_done_changes_nothing), IT(any_changes_touch_nothing_else))
