/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/json_edit.h"
#include "base/json_scan.h"
#include "base/mem.h"
#include "test.h"

enum { MAX = 1 << 20 };

#define PATH(...) ((const char *const[]){__VA_ARGS__, NULL})

static void open_text(struct json_edit *j, const char *text)
{
	struct err e = {0};

	if (json_edit_open(j, text, strlen(text), MAX, "t.json", &e) < 0)
		fail_msg("%s", e.msg);
}

/* One change and what the text has to be after it. */
struct change {
	const char *text;
	char what; /* s(et), a(ppend), i(nsert), r(emove) */
	const char *path[4];
	const char *value;
	const char *expected;
};

static int apply(struct json_edit *j, char what, const char *const *path, const char *value,
		 struct err *e)
{
	if (what == 's')
		return json_edit_set(j, path, value, e);
	if (what == 'a')
		return json_edit_append(j, path, value, e);
	if (what == 'i')
		return json_edit_insert(j, path, value, e);
	return json_edit_remove(j, path, e);
}

static void check_changes(const struct change *c, size_t n)
{
	for (; n; c++, n--) {
		CLEANUP(json_edit_close) struct json_edit j = {0};
		struct err e = {0};

		open_text(&j, c->text);
		if (apply(&j, c->what, c->path, c->value, &e) < 0)
			fail_msg("%s: %s", c->text, e.msg);
		assert_string_equal(j.text.data, c->expected);
		assert_int_equal(j.text.len, strlen(c->expected));
	}
}

TEST(a_new_member_takes_its_neighbours_layout)
{
	static const struct change rows[] = {
		{"", 's', {"a"}, "1", "{\n  \"a\": 1\n}\n"},
		{" \n", 's', {"a"}, "1", "{\n  \"a\": 1\n}\n"},
		{"{}", 's', {"a"}, "{\"b\":[]}", "{\n  \"a\": {\n    \"b\": []\n  }\n}"},
		{"{\n}\n", 's', {"a"}, "1", "{\n  \"a\": 1\n}\n"},
		{"{\"b\":1}", 's', {"a"}, "2", "{\"b\":1,\"a\":2}"},
		{"{\"b\": 1}", 's', {"a"}, "2", "{\"b\": 1, \"a\": 2}"},
		{"{ \"b\": 1 }", 's', {"a"}, "2", "{ \"b\": 1, \"a\": 2 }"},
		{"{\"b\" : 1,  \"c\" : 2}", 's', {"a"}, "3", "{\"b\" : 1,  \"c\" : 2,  \"a\" : 3}"},
		{"{\n\t\"b\": 1\n}\n",
		 's',
		 {"a"},
		 "{\"x\":{}}",
		 "{\n\t\"b\": 1,\n\t\"a\": {\n\t\t\"x\": {}\n\t}\n}\n"},
		{"{\r\n    \"b\": 1\r\n}",
		 's',
		 {"a"},
		 "[1,2]",
		 "{\r\n    \"b\": 1,\r\n    \"a\": [\r\n        1,\r\n        2\r\n    ]\r\n}"},
		{"{\n  \"b\": {}\n}", 's', {"b", "c"}, "1", "{\n  \"b\": {\n    \"c\": 1\n  }\n}"},
		{"{\n  \"b\": {\"d\": 1}\n}",
		 's',
		 {"b", "c"},
		 "{\"x\":1}",
		 "{\n  \"b\": {\"d\": 1, \"c\": {\"x\":1}}\n}"},
		{"{\n  \"b\": 1\n\n  , \"d\": 1\n}",
		 's',
		 {"c"},
		 "1",
		 "{\n  \"b\": 1\n\n  , \"d\": 1, \"c\": 1\n}"},
		{"{\n  \"b\": 1,\n\n    \"d\": 1}",
		 's',
		 {"c"},
		 "1",
		 "{\n  \"b\": 1,\n\n    \"d\": 1,\n    \"c\": 1}"},
		{"{\"b\":1}", 's', {"x", "y", "z"}, "1", "{\"b\":1,\"x\":{\"y\":{\"z\":1}}}"},
		{"{\n \"b\": {\"c\":{}}}",
		 's',
		 {"b", "c", "d"},
		 "1",
		 "{\n \"b\": {\"c\":{\"d\":1}}}"},
	};

	check_changes(rows, COUNT(rows));
}

TEST(what_is_there_is_replaced_in_its_place)
{
	static const struct change rows[] = {
		{"{\"a\": 12345678901234567890, \"b\": \"<\\u003c\"}",
		 's',
		 {"b"},
		 "1.50",
		 "{\"a\": 12345678901234567890, \"b\": 1.50}"},
		{"{\n  \"a\": true, \"z\": 1\n}",
		 's',
		 {"a"},
		 "false",
		 "{\n  \"a\": false, \"z\": 1\n}"},
		{"{\n  \"a\": true,\n  \"z\": 1\n}",
		 's',
		 {"a"},
		 "{ \"x\" :1}",
		 "{\n  \"a\": {\n    \"x\": 1\n  },\n  \"z\": 1\n}"},
		{"{\"a\":null}", 's', {"a", "b"}, "1", "{\"a\":{\"b\":1}}"},
		{"{\"a\":[1,{\"b\":2},3]}", 's', {"a", "1", "b"}, "9", "{\"a\":[1,{\"b\":9},3]}"},
		{"[1, 2]", 's', {"1"}, "[]", "[1, []]"},
		{" 7 ", 's', {NULL}, "8", " 8 "},
		{"{\"a\\u0062\":1}", 's', {"ab"}, "2", "{\"a\\u0062\":2}"},
		{"{\"a\\n\":1}", 's', {"a\\n"}, "2", "{\"a\\n\":1,\"a\\\\n\":2}"},
	};

	check_changes(rows, COUNT(rows));
}

TEST(elements_are_appended_to_lists)
{
	static const struct change rows[] = {
		{"{\"a\":[]}", 'a', {"a"}, "1", "{\"a\":[1]}"},
		{"{\"a\":[1]}", 'a', {"a"}, "{\"x\":2}", "{\"a\":[1,{\"x\":2}]}"},
		{"{\"a\": [1]}", 'a', {"a"}, "2", "{\"a\": [1, 2]}"},
		{"{\"a\": [1,2]}", 'a', {"a"}, "3", "{\"a\": [1,2,3]}"},
		{"{\n\t\"a\": []\n}",
		 'a',
		 {"a"},
		 "{\"x\":2}",
		 "{\n\t\"a\": [\n\t\t{\n\t\t\t\"x\": 2\n\t\t}\n\t]\n}"},
		{"{\"a\":null,\"b\":1}", 'a', {"a"}, "2", "{\"a\":[2],\"b\":1}"},
		{"{\"b\":1}", 'a', {"h", "c"}, "2", "{\"b\":1,\"h\":{\"c\":[2]}}"},
		{"[\n1\n]", 'a', {NULL}, "2", "[\n1,\n2\n]"},
	};

	check_changes(rows, COUNT(rows));
}

TEST(elements_are_inserted_before_others)
{
	static const struct change rows[] = {
		{"{\"a\":[1,2]}", 'i', {"a", "0"}, "3", "{\"a\":[3,1,2]}"},
		{"{\"a\":[1,2]}", 'i', {"a", "1"}, "[3]", "{\"a\":[1,[3],2]}"},
		{"[ 1, 2 ]", 'i', {"0"}, "{}", "[ {}, 1, 2 ]"},
		{"[\n  1\n]", 'i', {"0"}, "{\"b\": 2}", "[\n  {\n    \"b\": 2\n  },\n  1\n]"},
	};

	check_changes(rows, COUNT(rows));
}

TEST(after_an_insertion_the_rest_is_found)
{
	CLEANUP(json_edit_close) struct json_edit j = {0};
	struct err e = {0};

	open_text(&j, "{\"a\": [{\"b\": 1}, {\"c\": 2}], \"d\": 3}");
	assert_int_equal(json_edit_insert(&j, PATH("a", "1"), "{\"x\": 9}", &e), 0);
	assert_int_equal(json_edit_insert(&j, PATH("a", "0"), "0", &e), 0);
	assert_int_equal(json_edit_count(&j, PATH("a")), 4);
	assert_int_equal(json_edit_set(&j, PATH("a", "3", "c"), "4", &e), 0);
	assert_int_equal(json_edit_set(&j, PATH("a", "2", "x"), "5", &e), 0);
	assert_int_equal(json_edit_set(&j, PATH("d"), "6", &e), 0);
	assert_string_equal(j.text.data,
			    "{\"a\": [0, {\"b\": 1}, {\"x\": 5}, {\"c\": 4}], \"d\": 6}");
	assert_int_equal(json_edit_insert(&j, PATH("a", "4"), "1", &e), -ERR_CONFIG);
	assert_int_equal(json_edit_insert(&j, PATH("d"), "1", &e), -ERR_CONFIG);
}

TEST(what_is_removed_takes_the_right_comma_along)
{
	static const struct change rows[] = {
		{"{\"a\":1,\"b\":2,\"c\":3}", 'r', {"a"}, NULL, "{\"b\":2,\"c\":3}"},
		{"{\"a\":1,\"b\":2,\"c\":3}", 'r', {"b"}, NULL, "{\"a\":1,\"c\":3}"},
		{"{\"a\":1,\"b\":2,\"c\":3}", 'r', {"c"}, NULL, "{\"a\":1,\"b\":2}"},
		{"{\n  \"a\": 1,\n  \"b\": 2\n}", 'r', {"a"}, NULL, "{\n  \"b\": 2\n}"},
		{"{\n  \"a\": 1,\n  \"b\": 2\n}", 'r', {"b"}, NULL, "{\n  \"a\": 1\n}"},
		{"{\n  \"a\": 1\n}", 'r', {"a"}, NULL, "{}"},
		{"{\"x\": [ 1 , 2 ]}", 'r', {"x", "1"}, NULL, "{\"x\": [ 1 ]}"},
		{"{\"x\": [ 1 , 2 ]}", 'r', {"x", "0"}, NULL, "{\"x\": [ 2 ]}"},
		{"{\"x\":[1]}", 'r', {"x", "1"}, NULL, "{\"x\":[1]}"},
		{"{\"x\":1}", 'r', {"x", "y"}, NULL, "{\"x\":1}"},
	};

	check_changes(rows, COUNT(rows));
}

TEST(what_cannot_be_done_changes_nothing)
{
	static const struct {
		const char *text;
		char what;
		const char *path[4];
		const char *value;
		int code;
	} rows[] = {
		{"{\"a\":1}", 's', {"a", "b"}, "1", ERR_CONFIG},
		{"{\"a\":[1]}", 's', {"a", "1"}, "1", ERR_CONFIG},
		{"{\"a\":[1]}", 's', {"a", "x"}, "1", ERR_CONFIG},
		{"{\"a\":[1]}", 's', {"a", "-1"}, "1", ERR_CONFIG},
		{"{\"a\":{}}", 'a', {"a"}, "1", ERR_CONFIG},
		{"{\"a\":\"x\"}", 'a', {"a", "b"}, "1", ERR_CONFIG},
		{"{\"a\":1}", 's', {"a"}, "1,\"b\":2", ERR_PARSE},
		{"{\"a\":1}", 's', {"b"}, "", ERR_PARSE},
		{"{\"a\":1}", 's', {"b"}, "{\"x\":1,\"x\":2}", ERR_PARSE},
		{"{\"a\":1}", 'r', {NULL}, NULL, ERR_CONFIG},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(json_edit_close) struct json_edit j = {0};
		struct err e = {0};

		open_text(&j, rows[i].text);
		assert_int_equal(apply(&j, rows[i].what, rows[i].path, rows[i].value, &e),
				 -rows[i].code);
		assert_int_not_equal(e.msg[0], 0);
		assert_string_equal(j.text.data, rows[i].text);
	}
}

TEST(no_level_is_added_below_the_64th)
{
	CLEANUP(buf_fini) struct buf text = {0};
	CLEANUP(json_edit_close) struct json_edit j = {0};
	const char *path[JSON_LEVELS];
	struct err e = {0};

	for (size_t i = 0; i < JSON_LEVELS; i++)
		buf_str(&text, "[");
	for (size_t i = 0; i < JSON_LEVELS; i++)
		buf_str(&text, "]");
	for (size_t i = 0; i + 1 < JSON_LEVELS; i++)
		path[i] = "0";
	path[JSON_LEVELS - 1] = NULL;
	open_text(&j, text.data);
	assert_int_equal(json_edit_append(&j, path, "[]", &e), -ERR_PARSE);
	assert_int_equal(json_edit_append(&j, path, "1", &e), 0);
	assert_int_equal(json_edit_count(&j, path), 1);
	assert_int_equal(json_edit_open(&j, "[[", 2, 1, "t", &e), -ERR_PARSE);
}

TEST(wrong_texts_are_refused_with_their_position)
{
	static const struct {
		const char *text;
		const char *at;
	} rows[] = {
		{"{\"a\": 1,}", "t:1:9: "},
		{"{\"a\": 1}\n{}", "t:2:1: "},
		{"{\n// x\n\"a\": 1}", "t:2:1: JSON has no comments"},
		{"{\"a\": 1 # x\n}", "t:1:9: JSON has no comments"},
		{"{}\n# x\n", "t:2:1: JSON has no comments"},
		{"{\"\xe4\xbd\xa0\": x}", "t:1:7: "},
		{"{\"a\": 1, \"\\u0061\": 2}", "t:1:10: this key is there twice"},
		{"\xef\xbb\xbf{}", "t:1:1: JSON does not begin with a byte order mark"},
		{"{\"a\"}", "t:1:5: "},
		{"{a: 1}", "t:1:2: "},
		{"[1 2]", "t:1:4: "},
		{"[1", "t:1:3: "},
		{"{\"a\":", "t:1:6: "},
		{"\"abc", "t:1:1: "},
		{"\"a\nb\"", "t:1:3: "},
		{"\"\\x\"", "t:1:2: "},
		{"\"\\", "t:1:2: "},
		{"\"\\u12g4\"", "t:1:2: "},
		{"\"\\ud800\"", "t:1:2: "},
		{"\"\\ud800\\u0041\"", "t:1:2: "},
		{"\"\\udc00\"", "t:1:2: "},
		{"\"\xc0\x80\"", "t:1:2: a byte that is not UTF-8"},
		{"\"\xed\xa0\x80\"", "t:1:2: a byte that is not UTF-8"},
		{"\"\xf4\x90\x80\x80\"", "t:1:2: a byte that is not UTF-8"},
		{"\"\xe2\x82\"", "t:1:2: a byte that is not UTF-8"},
		{"01", "t:1:1: not a JSON number"},
		{"-", "t:1:1: not a JSON number"},
		{"1.", "t:1:1: not a JSON number"},
		{"1e+", "t:1:1: not a JSON number"},
		{"+1", "t:1:1: "},
		{".5", "t:1:1: "},
		{"NaN", "t:1:1: "},
		{"truex", "t:1:5: "},
		{"nul", "t:1:1: "},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(json_edit_close) struct json_edit j = {0};
		struct err e = {0};

		assert_int_equal(
			json_edit_open(&j, rows[i].text, strlen(rows[i].text), MAX, "t", &e),
			-ERR_PARSE);
		if (strncmp(e.msg, rows[i].at, strlen(rows[i].at)) != 0)
			fail_msg("%s: '%s' instead of '%s'", rows[i].text, e.msg, rows[i].at);
	}
}

TEST(a_key_that_is_there_twice_is_found_among_many)
{
	CLEANUP(buf_fini) struct buf text = {0};
	CLEANUP(json_edit_close) struct json_edit j = {0};
	struct err e = {0};

	buf_str(&text, "{");
	for (int i = 0; i < 5000; i++)
		buf_fmt(&text, "\"k%d\":%d,", i, i);
	buf_str(&text, "\"\\u006b77\":1}");
	assert_int_equal(json_edit_open(&j, text.data, text.len, MAX, "t", &e), -ERR_PARSE);
	text.data[text.len - 5] = '8'; /* k7 became k78, which is there too; then a new one */
	assert_int_equal(json_edit_open(&j, text.data, text.len, MAX, "t", &e), -ERR_PARSE);
	text.data[text.len - 6] = 'x';
	assert_int_equal(json_edit_open(&j, text.data, text.len, MAX, "t", &e), 0);
	assert_int_equal(json_edit_count(&j, (const char *const[]){NULL}), 5001);
}

TEST(values_are_found_and_strings_unescaped)
{
	CLEANUP(json_edit_close) struct json_edit j = {0};
	const char *at;
	size_t len;
	char *text;

	open_text(&j, "{\"a\": [10, {\"b\": "
		      "\"x\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u4f60\\ud83d\\ude00\"}],"
		      " \"n\": \"\\u0000\"}");
	assert_true(json_edit_find(&j, PATH("a", "0"), &at, &len));
	assert_int_equal(len, 2);
	assert_memory_equal(at, "10", 2);
	assert_false(json_edit_find(&j, PATH("a", "2"), &at, &len));
	assert_false(json_edit_find(&j, PATH("a", "0", "0"), &at, &len));
	assert_int_equal(json_edit_count(&j, PATH("a")), 2);
	assert_int_equal(json_edit_count(&j, PATH("x")), 0);
	assert_null(json_edit_string(&j, PATH("a")));
	assert_null(json_edit_string(&j, PATH("n")));
	text = json_edit_string(&j, PATH("a", "1", "b"));
	assert_string_equal(text, "x\"\\/\b\f\n\r\t\xc3\xa9\xe4\xbd\xa0\xf0\x9f\x98\x80");
	free(text);
}

TEST(quoting_escapes_what_must_be)
{
	char *text = json_quote("<a> \"\\/\b\f\n\r\t\x01\x7f\xe4\xbd\xa0");

	assert_string_equal(text, "\"<a> \\\"\\\\/\\b\\f\\n\\r\\t\\u0001\x7f\xe4\xbd\xa0\"");
	free(text);
}

/* A small generator, the same on every machine. */
static uint32_t chance(uint32_t *seed, uint32_t below)
{
	*seed = *seed * 1664525U + 1013904223U;
	return (*seed >> 8) % below;
}

static json_t *random_value(uint32_t *seed, int depth)
{
	static const char *const texts[] = {"", "x", "\"\\", "<&>", "\xe4\xbd\xa0", "a/b\n"};
	uint32_t kind = chance(seed, depth > 3 ? 4 : 7);
	json_t *j;

	switch (kind) {
	case 0:
		return json_integer((json_int_t)chance(seed, 100000) - 50000);
	case 1:
		return json_string(texts[chance(seed, COUNT(texts))]);
	case 2:
		return json_boolean(chance(seed, 2));
	case 3:
		return json_real(chance(seed, 1000) / 8.0);
	case 4:
		j = json_array();
		for (uint32_t n = chance(seed, 5); n; n--)
			(void)json_array_append_new(j, random_value(seed, depth + 1));
		return j;
	default:
		j = json_object();
		for (uint32_t n = chance(seed, 5); n; n--) {
			char key[2] = {(char)('a' + chance(seed, 6)), '\0'};

			(void)json_object_set_new(j, key, random_value(seed, depth + 1));
		}
		return j;
	}
}

/* A path into the model that may end where nothing is. */
static size_t random_path(uint32_t *seed, json_t *top, char keys[8][12], const char **path)
{
	size_t n = 0;

	while (n < 5 && top) {
		if (json_is_array(top)) {
			size_t i = chance(seed, (uint32_t)json_array_size(top) + 1);

			(void)snprintf(keys[n], sizeof(keys[n]), "%zu", i);
			top = json_array_get(top, i);
		} else if (json_is_object(top)) {
			(void)snprintf(keys[n], sizeof(keys[n]), "%c", 'a' + (int)chance(seed, 6));
			top = json_object_get(top, keys[n]);
		} else {
			break;
		}
		path[n] = keys[n];
		n++;
		if (chance(seed, 3) == 0)
			break;
	}
	path[n] = NULL;
	return n;
}

/* The same change in jansson's tree; false: it cannot be done. */
static bool model_set(json_t *top, const char *const *path, json_t *value)
{
	json_t *next;

	if (json_is_array(top)) {
		size_t i = (size_t)atoi(*path);

		if (i >= json_array_size(top)) {
			json_decref(value);
			return false;
		}
		if (!path[1])
			return json_array_set_new(top, i, value) == 0;
		return model_set(json_array_get(top, i), path + 1, value);
	}
	if (!json_is_object(top)) {
		json_decref(value);
		return false;
	}
	if (!path[1])
		return json_object_set_new(top, *path, value) == 0;
	next = json_object_get(top, *path);
	if (!next || json_is_null(next)) {
		next = json_object();
		(void)json_object_set_new(top, *path, next);
	}
	return model_set(next, path + 1, value);
}

static json_t *model_find(json_t *top, const char *const *path, size_t n)
{
	for (; n; n--, path++)
		top = json_is_array(top) ? json_array_get(top, (size_t)atoi(*path))
					 : json_object_get(top, *path);
	return top;
}

static void model_remove(json_t *top, const char *const *path, size_t n)
{
	json_t *parent = model_find(top, path, n - 1);

	if (json_is_array(parent))
		(void)json_array_remove(parent, (size_t)atoi(path[n - 1]));
	else if (json_is_object(parent))
		(void)json_object_del(parent, path[n - 1]);
}

static bool model_append(json_t *top, const char *const *path, size_t n, json_t *value)
{
	json_t *list = model_find(top, path, n);

	if (!list)
		return model_set(top, path, json_pack("[o]", value));
	if (json_is_array(list))
		return json_array_append_new(list, value) == 0;
	json_decref(value);
	return false;
}

/* The table of places says the same as one made afresh from the text. */
static void check_items(const struct json_edit *j, uint32_t a, const struct json_items *fresh,
			uint32_t b)
{
	const struct json_item *x = &j->items.v[a];
	const struct json_item *y = &fresh->v[b];

	assert_int_equal(x->start, y->start);
	assert_int_equal(x->len, y->len);
	assert_int_equal(x->key, y->key);
	assert_int_equal(x->key_len, y->key_len);
	assert_int_equal(x->hash, y->hash);
	assert_int_equal(x->n, y->n);
	a = x->first;
	b = y->first;
	for (; a && b; a = j->items.v[a].next, b = fresh->v[b].next)
		check_items(j, a, fresh, b);
	assert_true(!a && !b);
}

static void check_text(const struct json_edit *j, json_t *model)
{
	struct json_items fresh = {0};
	struct err e = {0};
	json_error_t why;
	json_t *got = json_loadb(j->text.data, j->text.len, JSON_REJECT_DUPLICATES, &why);
	uint32_t top;

	assert_non_null(got);
	assert_true(json_equal(got, model));
	json_decref(got);
	assert_int_equal(json_scan(&fresh, j->text.data, j->text.len, 0, "t", &top, &e), 0);
	check_items(j, j->top, &fresh, top);
	free(fresh.v);
}

/* All of the old text but one stretch is in the new one, or the other way round. */
static void check_untouched(const char *old, const char *new, size_t replaced)
{
	size_t n = strlen(old);
	size_t m = strlen(new);
	size_t least = n < m ? n : m;
	size_t head = 0;
	size_t tail = 0;

	while (head < least && old[head] == new[head])
		head++;
	while (tail < least - head && old[n - tail - 1] == new[m - tail - 1])
		tail++;
	assert_true(head + tail + replaced >= least);
}

static void random_change(uint32_t *seed, struct json_edit *j, json_t *model)
{
	char keys[8][12];
	const char *path[9];
	size_t n = random_path(seed, model, keys, path);
	json_t *value = random_value(seed, 2);
	char *text = json_dumps(value, JSON_ENCODE_ANY);
	CLEANUP(freep) char *before = str_dup(j->text.data);
	uint32_t what = n ? chance(seed, 3) : 1;
	struct err e = {0};
	const char *at = NULL;
	size_t len = 0;
	int code;

	if (what != 0 || !json_edit_find(j, path, &at, &len))
		len = 0;
	if (what == 2) {
		json_decref(value);
		model_remove(model, path, n);
		assert_int_equal(json_edit_remove(j, path, &e), 0);
	} else {
		bool can =
			what ? model_append(model, path, n, value) : model_set(model, path, value);

		code = what ? json_edit_append(j, path, text, &e)
			    : json_edit_set(j, path, text, &e);
		assert_int_equal(code, can ? 0 : -ERR_CONFIG);
	}
	free(text);
	check_untouched(before, j->text.data, len);
	check_text(j, model);
}

TEST(any_changes_mean_what_they_mean_to_jansson)
{
	static const size_t layouts[] = {JSON_COMPACT, 0, JSON_INDENT(2), JSON_INDENT(7)};

	for (uint32_t seed = 1; seed <= 400; seed++) {
		CLEANUP(json_edit_close) struct json_edit j = {0};
		uint32_t s = seed;
		json_t *model = json_object();
		char *text;

		(void)json_object_set_new(model, "a", random_value(&s, 0));
		(void)json_object_set_new(model, "b", random_value(&s, 0));
		text = json_dumps(model, layouts[seed % COUNT(layouts)]);
		open_text(&j, text);
		for (int i = 0; i < 25; i++)
			random_change(&s, &j, model);
		free(text);
		json_decref(model);
	}
}

RUN(IT(a_new_member_takes_its_neighbours_layout), IT(what_is_there_is_replaced_in_its_place),
    IT(elements_are_appended_to_lists), IT(elements_are_inserted_before_others),
    IT(after_an_insertion_the_rest_is_found), IT(what_is_removed_takes_the_right_comma_along),
    IT(what_cannot_be_done_changes_nothing), IT(no_level_is_added_below_the_64th),
    IT(wrong_texts_are_refused_with_their_position),
    IT(a_key_that_is_there_twice_is_found_among_many), IT(values_are_found_and_strings_unescaped),
    IT(quoting_escapes_what_must_be), IT(any_changes_mean_what_they_mean_to_jansson))
