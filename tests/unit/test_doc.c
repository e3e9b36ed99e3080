/* SPDX-License-Identifier: Apache-2.0 */
#include "base/doc.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "test.h"

static int yaml(const char *text, struct doc *d, struct err *e)
{
	return doc_yaml(text, strlen(text), "f.yaml", d, e);
}

static int json(const char *text, struct doc *d, struct err *e)
{
	return doc_json(text, strlen(text), "f.json", d, e);
}

TEST(plain_scalars_are_typed_and_keep_their_text)
{
	static const struct {
		const char *text;
		enum doc_kind kind;
	} rows[] = {
		{"3.10", DOC_NUMBER},  {"12.10", DOC_NUMBER},  {"no", DOC_STRING},
		{"on", DOC_STRING},    {"yes", DOC_STRING},    {"true", DOC_BOOL},
		{"False", DOC_BOOL},   {"tRue", DOC_STRING},   {"~", DOC_NULL},
		{"null", DOC_NULL},    {"0o17", DOC_NUMBER},   {"0x1F", DOC_NUMBER},
		{"0xZ", DOC_STRING},   {"0x", DOC_STRING},     {"1:30", DOC_STRING},
		{"-1", DOC_NUMBER},    {"+.5e-3", DOC_NUMBER}, {"1e5", DOC_NUMBER},
		{"1e", DOC_STRING},    {".", DOC_STRING},      {".inf", DOC_NUMBER},
		{"1_000", DOC_STRING}, {"8G", DOC_STRING},     {"\"8\"", DOC_STRING},
		{"'no'", DOC_STRING},  {"3.13.1", DOC_STRING},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(freep) char *text = str_fmt("k: %s\n", rows[i].text);
		CLEANUP(doc_fini) struct doc d = {0};
		const struct doc_node *n;
		struct err e = {0};
		bool quoted = rows[i].text[0] == '"' || rows[i].text[0] == '\'';

		assert_int_equal(yaml(text, &d, &e), 0);
		n = doc_get(d.top, "k");
		assert_non_null(n);
		assert_int_equal(n->kind, rows[i].kind);
		if (!quoted)
			assert_string_equal(n->text, rows[i].text);
	}
}

TEST(positions_of_keys_and_values_count_from_one)
{
	CLEANUP(doc_fini) struct doc d = {0};
	struct err e = {0};
	const struct doc_node *n;

	assert_int_equal(yaml("a: 1\nrun:\n  shm:   8G\n  list:\n    - x\n", &d, &e), 0);
	n = doc_get(doc_get(d.top, "run"), "shm");
	assert_int_equal(n->key_line, 3);
	assert_int_equal(n->key_col, 3);
	assert_int_equal(n->line, 3);
	assert_int_equal(n->col, 10);
	n = doc_get(doc_get(d.top, "run"), "list");
	assert_int_equal(n->n, 1);
	assert_int_equal(n->first->line, 5);
	assert_int_equal(n->first->col, 7);
}

TEST(an_empty_text_is_an_empty_map)
{
	static const char *const texts[] = {"", "\n\n", "# only a comment\n", "---\n",
					    "\xef\xbb\xbf"};

	for (size_t i = 0; i < COUNT(texts); i++) {
		CLEANUP(doc_fini) struct doc d = {0};
		struct err e = {0};

		assert_int_equal(yaml(texts[i], &d, &e), 0);
		assert_int_equal(d.top->kind, DOC_MAP);
		assert_int_equal(d.top->n, 0);
	}
}

TEST(yaml_that_could_mislead_is_refused)
{
	static const struct {
		const char *text;
		const char *msg; /* how the message begins */
	} rows[] = {
		{"a: 1\nb: 2\na: 3\n", "f.yaml:3:1: key 'a' is already on line 1"},
		{"a: &x 1\n", "f.yaml:1:4: anchors"},
		{"a: &x [1]\n", "f.yaml:1:4: anchors"},
		{"a: &x {b: 1}\n", "f.yaml:1:4: anchors"},
		{"a: *x\n", "f.yaml:1:4: anchors"},
		{"a: !!str 1\n", "f.yaml:1:4: tags"},
		{"a: !x [1]\n", "f.yaml:1:4: tags"},
		{"a: ! {b: 1}\n", "f.yaml:1:4: tags"},
		{"a: 1\n---\nb: 2\n", "f.yaml:2:1: more than one document"},
		{"a: \"x\\0y\"\n", "f.yaml:1:4: a NUL byte"},
		{"? [1, 2]\n: 3\n", "f.yaml:1:3: a key must be a single word"},
		{"a: [1, 2\n", "f.yaml:2:1: "},
		{"a: 1\n b: 2\n", "f.yaml:2:"},
		{"a:\n\tb: 1\n", "f.yaml:2:1: "},
		{"a: 1\nb: \xff\xfe\n", "f.yaml:2:4: "},
		{"%TAG ! tag:x,2000:\n---\na: !x 1\n", "f.yaml:3:4: tags"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct doc d = {.name = "untouched"};
		struct err e = {0};

		assert_int_equal(yaml(rows[i].text, &d, &e), -ERR_PARSE);
		if (!str_starts(e.msg, rows[i].msg))
			fail_msg("'%s' instead of '%s...'", e.msg, rows[i].msg);
		assert_string_equal(d.name, "untouched");
	}
}

TEST(a_tab_is_named_in_the_hint)
{
	struct doc d = {0};
	struct err e = {0};

	assert_int_equal(yaml("a:\n\tb: 1\n", &d, &e), -ERR_PARSE);
	assert_non_null(strstr(e.hint, "tab"));
}

TEST(a_text_ends_at_its_length)
{
	static const char text[] = "a: 1\nb\n ";
	CLEANUP(freep) char *copy = mem_dup(text, strlen(text)); /* without its '\0' */
	struct doc d = {0};
	struct err e = {0};

	assert_int_equal(doc_yaml(copy, strlen(text), "f.yaml", &d, &e), -ERR_PARSE);
	assert_int_equal(doc_json(copy, strlen(text), "f.json", &d, &e), -ERR_PARSE);
}

/* n opening brackets, then as many closing ones. */
static char *nested(size_t n)
{
	char *text = mem_alloc(2 * n + 1);

	memset(text, '[', n);
	memset(text + n, ']', n);
	return text;
}

TEST(sixty_four_levels_are_enough)
{
	CLEANUP(freep) char *good = nested(64);
	CLEANUP(freep) char *bad = nested(65);
	CLEANUP(freep) char *vast = nested(1000000);
	struct doc d = {0};
	struct err e = {0};

	assert_int_equal(yaml(good, &d, &e), 0);
	doc_fini(&d);
	assert_int_equal(json(good, &d, &e), 0);
	doc_fini(&d);
	assert_int_equal(yaml(bad, &d, &e), -ERR_PARSE);
	assert_int_equal(json(bad, &d, &e), -ERR_PARSE);
	assert_int_equal(yaml(vast, &d, &e), -ERR_PARSE);
	assert_int_equal(json(vast, &d, &e), -ERR_PARSE);
}

TEST(texts_of_more_than_4_mib_are_refused)
{
	size_t len = (4 << 20) + 1;
	CLEANUP(freep) char *text = mem_alloc(len + 1);
	struct doc d = {0};
	struct err e = {0};

	memset(text, ' ', len);
	assert_int_equal(doc_yaml(text, len, "f", &d, &e), -ERR_PARSE);
	assert_int_equal(doc_json(text, len, "f", &d, &e), -ERR_PARSE);
}

TEST(json_becomes_the_same_tree)
{
	CLEANUP(doc_fini) struct doc d = {0};
	struct err e = {0};
	const struct doc_node *n;

	assert_int_equal(json("{\"b\": [1, -2.5, true, null, \"x\"], \"a\": {}}", &d, &e), 0);
	assert_string_equal(d.top->first->key, "b");
	n = d.top->first->first;
	assert_int_equal(n->kind, DOC_NUMBER);
	assert_string_equal(n->text, "1");
	n = n->next;
	assert_string_equal(n->text, "-2.5");
	n = n->next;
	assert_int_equal(n->kind, DOC_BOOL);
	assert_string_equal(n->text, "true");
	n = n->next;
	assert_int_equal(n->kind, DOC_NULL);
	assert_string_equal(n->text, "");
	n = n->next;
	assert_string_equal(n->text, "x");
	assert_null(n->next);
	assert_int_equal(doc_get(d.top, "a")->kind, DOC_MAP);
	assert_null(doc_get(d.top, "c"));
}

TEST(json_that_could_mislead_is_refused)
{
	static const char *const texts[] = {"",
					    "{",
					    "{\"a\": 1, \"a\": 2}",
					    "{\"a\": \"x\\u0000y\"}",
					    "{} {}",
					    "{'a': 1}",
					    "{\"a\": \"\xff\"}",
					    "{\"a\": 01}",
					    "{\"a\"}",
					    "[1,]",
					    "{\"a\": 99999999999999999999}"};

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct doc d = {0};
		struct err e = {0};

		assert_int_equal(json(texts[i], &d, &e), -ERR_PARSE);
		assert_true(str_starts(e.msg, "f.json:"));
	}
	{
		struct doc d = {0};
		struct err e = {0};

		/* Not hidden by the '\0': the whole length counts. */
		assert_int_equal(doc_json("{}\0{}", 5, "f.json", &d, &e), -ERR_PARSE);
	}
}

struct item {
	const char *at;
	bool ro;
};

struct target {
	const char *name;
	bool enable;
	int64_t offset;
	uint64_t port;
	uint64_t shm;
	const char **list;
	struct {
		const char *deep;
	} sub;
	struct doc_list items;
	struct doc_pairs env;
	const struct doc_node *node;
	int colour;
};

static const struct doc_row item_rows[] = {
	{"at", DOC_AS_STR, offsetof(struct item, at), DOC_REQUIRED},
	{"ro", DOC_AS_BOOL, offsetof(struct item, ro)},
	{0},
};

static const struct doc_row sub_rows[] = {
	{"deep", DOC_AS_STR, 0},
	{0},
};

static const char *const colours[] = {"red", "green", NULL};

static const struct doc_row rows[] = {
	{"name", DOC_AS_STR, offsetof(struct target, name)},
	{"enable", DOC_AS_BOOL, offsetof(struct target, enable)},
	{"offset", DOC_AS_INT, offsetof(struct target, offset)},
	{"port", DOC_AS_UINT, offsetof(struct target, port)},
	{"shm", DOC_AS_SIZE, offsetof(struct target, shm)},
	{"list", DOC_AS_STRS, offsetof(struct target, list)},
	{"sub", DOC_AS_MAP, offsetof(struct target, sub), 0, sub_rows},
	{"items", DOC_AS_LIST, offsetof(struct target, items), 0, item_rows, sizeof(struct item)},
	{"env", DOC_AS_PAIRS, offsetof(struct target, env)},
	{"node", DOC_AS_NODE, offsetof(struct target, node)},
	{"colour", DOC_AS_ENUM, offsetof(struct target, colour), .names = colours},
	{"later", DOC_AS_STR, 0, DOC_IGNORED},
	{0},
};

static int decode(const char *text, unsigned int flags, struct target *t, struct arena *a,
		  struct err *e)
{
	CLEANUP(doc_fini) struct doc d = {0};

	assert_int_equal(yaml(text, &d, e), 0);
	return doc_decode(&d, d.top, rows, flags, t, a, e);
}

TEST(rows_fill_a_struct_that_outlives_the_document)
{
	CLEANUP(arena_fini) struct arena a = {0};
	struct target t = {.enable = false, .colour = -1};
	struct err e = {0};
	const struct item *items;

	assert_int_equal(decode("name: 3.10\nenable: true\noffset: -7\nport: 8888\nshm: 2G\n"
				"list: [a, no, 1.0]\nsub: {deep: ~}\n"
				"items: [{at: /x, ro: true}, {at: /y}]\n"
				"env: {A: 1, B: yes, C: \"\"}\ncolour: green\nlater: [x]\n",
				0, &t, &a, &e),
			 0);
	assert_string_equal(t.name, "3.10");
	assert_true(t.enable);
	assert_int_equal(t.offset, -7);
	assert_int_equal(t.port, 8888);
	assert_int_equal(t.shm, 2ULL << 30);
	assert_string_equal(t.list[1], "no");
	assert_string_equal(t.list[2], "1.0");
	assert_null(t.list[3]);
	assert_string_equal(t.sub.deep, "~");
	assert_int_equal(t.items.n, 2);
	items = t.items.items;
	assert_string_equal(items[1].at, "/y");
	assert_true(items[0].ro);
	assert_int_equal(t.env.n, 3);
	assert_string_equal(t.env.items[1].value, "yes");
	assert_string_equal(t.env.items[2].value, "");
	assert_int_equal(t.colour, 1);
}

TEST(absent_and_empty_keys_leave_fields_alone)
{
	static const char *const one[] = {"x", NULL};
	CLEANUP(arena_fini) struct arena a = {0};
	struct target t = {.name = "n", .port = 7, .list = (const char **)one, .colour = 1};
	struct err e = {0};

	assert_int_equal(
		decode("name:\nport: null\nlist: ~\nitems:\nsub:\nenv:\ncolour:\n", 0, &t, &a, &e),
		0);
	assert_string_equal(t.name, "n");
	assert_int_equal(t.port, 7);
	assert_ptr_equal(t.list, one);
	assert_int_equal(t.colour, 1);
}

TEST(one_value_counts_as_a_list_of_one)
{
	CLEANUP(arena_fini) struct arena a = {0};
	struct target t = {0};
	struct err e = {0};

	assert_int_equal(decode("list: git\n", 0, &t, &a, &e), 0);
	assert_string_equal(t.list[0], "git");
	assert_null(t.list[1]);
}

TEST(wrong_values_are_named_with_their_place)
{
	static const struct {
		const char *text;
		const char *msg;
		const char *hint;
	} bad[] = {
		{"port: 1\nprot: 2\n", "f.yaml:2:1: unknown key 'prot'", "did you mean 'port'?"},
		{"sub:\n  dep: 1\n", "f.yaml:2:3: unknown key 'dep'", "did you mean 'deep'?"},
		{"sub: {zzzzzz: 1}\n", "f.yaml:1:7: unknown key 'zzzzzz'",
		 "the keys known here are: deep"},
		{"enable: yes\n", "f.yaml:1:9: 'enable' must be true or false", ""},
		{"enable: \"true\"\n", "f.yaml:1:9: 'enable' must be true or false", ""},
		{"offset: 1.5\n", "f.yaml:1:9: 'offset' must be a whole number", ""},
		{"offset: 99999999999999999999\n", "f.yaml:1:9: 'offset' must be a whole number",
		 ""},
		{"port: -1\n", "f.yaml:1:7: 'port' must be a whole number, 0 or more", ""},
		{"port: '1'\n", "f.yaml:1:7: 'port' must be a whole number, 0 or more", ""},
		{"port: [1]\n", "f.yaml:1:7: 'port' must be a whole number, 0 or more", ""},
		{"shm: much\n", "f.yaml:1:6: 'shm' must be a size such as 8G", ""},
		{"name: [a]\n", "f.yaml:1:7: 'name' must be a single value", ""},
		{"list: {a: 1}\n",
		 "f.yaml:1:7: 'list' must be a list of single values, such as [one, two]", ""},
		{"list: [a, [b]]\n",
		 "f.yaml:1:11: 'list' must be a list of single values, such as [one, two]", ""},
		{"sub: 1\n", "f.yaml:1:6: 'sub' must be a map of keys and values", ""},
		{"items: {at: 1}\n", "f.yaml:1:8: 'items' must be a list of maps", ""},
		{"items: [x]\n", "f.yaml:1:9: 'items' must be a list of maps", ""},
		{"items:\n  - {ro: true}\n", "f.yaml:2:5: 'at' is missing", ""},
		{"items: [{at: }]\n", "f.yaml:1:14: 'at' is missing", ""},
		{"env: [A]\n", "f.yaml:1:6: 'env' must be a map of names and single values", ""},
		{"env: {A: [1]}\n", "f.yaml:1:10: 'env' must be a map of names and single values",
		 ""},
		{"colour: gren\n", "f.yaml:1:9: 'colour' cannot be 'gren'",
		 "write one of: red, green"},
		{"colour: purple\n", "f.yaml:1:9: 'colour' cannot be 'purple'",
		 "write one of: red, green"},
		{"[1]\n", "f.yaml:1:1: a map of keys and values is expected here", ""},
	};

	for (size_t i = 0; i < COUNT(bad); i++) {
		CLEANUP(arena_fini) struct arena a = {0};
		struct target t = {0};
		struct err e = {0};

		assert_int_equal(decode(bad[i].text, 0, &t, &a, &e), -ERR_CONFIG);
		assert_string_equal(e.msg, bad[i].msg);
		assert_string_equal(e.hint, bad[i].hint);
	}
}

TEST(an_open_document_may_hold_unknown_keys)
{
	CLEANUP(arena_fini) struct arena a = {0};
	struct target t = {0};
	struct err e = {0};

	assert_int_equal(decode("x: 1\nname: n\nsub: {y: 2}\n", DOC_OPEN, &t, &a, &e), 0);
	assert_string_equal(t.name, "n");
}

TEST(errors_without_a_line_name_the_document)
{
	CLEANUP(doc_fini) struct doc d = {0};
	CLEANUP(arena_fini) struct arena a = {0};
	struct target t = {0};
	struct err e = {0};

	assert_int_equal(json("{\"prot\": 1}", &d, &e), 0);
	assert_int_equal(doc_decode(&d, d.top, rows, 0, &t, &a, &e), -ERR_CONFIG);
	assert_string_equal(e.msg, "f.json: unknown key 'prot'");
}

TEST(written_json_is_sorted_and_ends_with_a_newline)
{
	CLEANUP(json_unrefp) json_t *j = json_pack("{s:i, s:s}", "b", 1, "a", "x");
	char folder[] = "/tmp/test_doc.XXXXXX";
	CLEANUP(freep) char *text = json_text(j);
	CLEANUP(freep) char *back = NULL;
	CLEANUP(fd_closep) int dir = -1;
	struct err e = {0};

	assert_string_equal(text, "{\n  \"a\": \"x\",\n  \"b\": 1\n}\n");
	assert_non_null(mkdtemp(folder));
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(json_write_file(dir, "x.json", j, 0600, 0, &e), 0);
	assert_int_equal(file_read(dir, "x.json", 1000, &back, NULL, &e), 0);
	assert_string_equal(back, text);
	assert_int_equal(tree_remove(AT_FDCWD, folder, &e), 0);
}

TEST(the_nearest_word_is_near)
{
	static const char *const words[] = {"preset", "packages", "at", "jupyter"};

	assert_string_equal(word_nearest("prset", words, COUNT(words)), "preset");
	assert_string_equal(word_nearest("jupiter", words, COUNT(words)), "jupyter");
	assert_string_equal(word_nearest("package", words, COUNT(words)), "packages");
	assert_null(word_nearest("xy", words, COUNT(words)));
	assert_null(word_nearest("services", words, COUNT(words)));
	assert_null(word_nearest("", words, 0));
}

RUN(IT(plain_scalars_are_typed_and_keep_their_text),
    IT(positions_of_keys_and_values_count_from_one), IT(an_empty_text_is_an_empty_map),
    IT(yaml_that_could_mislead_is_refused), IT(a_tab_is_named_in_the_hint),
    IT(a_text_ends_at_its_length), IT(sixty_four_levels_are_enough),
    IT(texts_of_more_than_4_mib_are_refused), IT(json_becomes_the_same_tree),
    IT(json_that_could_mislead_is_refused), IT(rows_fill_a_struct_that_outlives_the_document),
    IT(absent_and_empty_keys_leave_fields_alone), IT(one_value_counts_as_a_list_of_one),
    IT(wrong_values_are_named_with_their_place), IT(an_open_document_may_hold_unknown_keys),
    IT(errors_without_a_line_name_the_document), IT(written_json_is_sorted_and_ends_with_a_newline),
    IT(the_nearest_word_is_near))
