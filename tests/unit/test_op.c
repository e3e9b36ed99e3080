/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdio.h>

#include "base/json.h"
#include "setup/op_parts.h"
#include "test.h"

static const char *const words[] = {"--now", "it's", "", "größer", NULL};
static const struct op_choice choices[] = {{(const char *const[]){"a=1.2-3", "b", NULL}},
					   {(const char *const[]){"c", NULL}}};

/* Every field that the kind has. */
static struct op whole(const struct op_row *row)
{
	struct op o = {.kind = row->kind, .step = "driver", .why = "because \"it\" is needed"};

	o.flags = OP_OPTIONAL | OP_NOW | OP_ARMOR | OP_RPM_KEY | OP_KEEP | OP_PRIVATE;
	o.path = row->has & FIELD_PATH ? "/etc/x y" : NULL;
	o.text = row->has & FIELD_TEXT ? "one\ntwo" : NULL;
	o.url = row->has & FIELD_URL ? "https://host/x" : NULL;
	o.name = row->has & FIELD_NAME ? "name" : NULL;
	o.user = row->has & FIELD_USER ? "dev" : NULL;
	o.words = row->has & FIELD_WORDS ? words : NULL;
	o.undo = row->has & FIELD_UNDO ? words : NULL;
	o.choices = row->has & FIELD_CHOICES ? choices : NULL;
	o.choices_n = row->has & FIELD_CHOICES ? COUNT(choices) : 0;
	o.mode = row->has & FIELD_MODE ? 0640 : 0;
	return o;
}

static void round_trip(const struct op *o)
{
	CLEANUP(json_unrefp) json_t *j = op_json(o);
	CLEANUP(json_unrefp) json_t *again = NULL;
	struct arena a = {0};
	struct op back;
	struct err e = {0};

	if (op_from_json(j, &a, &back, &e) < 0)
		fail_msg("%s: %s", o->kind->name, e.msg);
	assert_ptr_equal(back.kind, o->kind);
	assert_int_equal(back.flags, o->flags);
	again = op_json(&back);
	assert_true(json_equal(j, again));
	arena_fini(&a);
}

TEST(every_kind_comes_back_from_json)
{
	const struct op_row *row;

	for (size_t i = 0; (row = op_row_at(i)); i++) {
		struct op o = whole(row);

		assert_ptr_equal(op_kind_by_name(row->kind->name), row->kind);
		assert_non_null(row->kind->done);
		assert_non_null(row->kind->apply);
		assert_non_null(row->kind->show);
		assert_non_null(row->kind->script);
		round_trip(&o);
	}
	assert_null(op_kind_by_name("format-disk"));
	assert_null(op_kind_by_name(NULL));
}

TEST(lists_keep_their_order_and_empty_words)
{
	const struct op o = {.kind = &op_run, .words = words};
	CLEANUP(json_unrefp) json_t *j = op_json(&o);
	CLEANUP(freep) char *text = json_dumps(j, JSON_SORT_KEYS | JSON_COMPACT);
	struct arena a = {0};
	struct op back;
	struct err e = {0};

	assert_string_equal(text,
			    "{\"kind\":\"run\",\"words\":[\"--now\",\"it's\",\"\",\"größer\"]}");
	assert_int_equal(op_from_json(j, &a, &back, &e), 0);
	for (size_t i = 0; words[i]; i++)
		assert_string_equal(back.words[i], words[i]);
	assert_null(back.words[4]);
	arena_fini(&a);
}

TEST(what_is_no_operation_is_refused)
{
	static const struct {
		const char *json;
		const char *says;
	} rows[] = {
		{"[]", "is no kind"},
		{"{}", "is no kind"},
		{"{\"kind\":7}", "is no kind"},
		{"{\"kind\":\"wipe\"}", "'wipe' is no kind"},
		{"{\"kind\":\"write-file\",\"path\":\"/x\"}", "lacks its 'text'"},
		{"{\"kind\":\"write-file\",\"text\":\"\"}", "lacks its 'path'"},
		{"{\"kind\":\"refresh\",\"path\":\"/x\"}", "has no 'path'"},
		{"{\"kind\":\"refresh\",\"else\":1}", "has no 'else'"},
		{"{\"kind\":\"move-aside\",\"path\":\"x\"}", "'path' cannot be read"},
		{"{\"kind\":\"move-aside\",\"path\":\"/\"}", "'path' cannot be read"},
		{"{\"kind\":\"move-aside\",\"path\":\"/a/../b\"}", "'path' cannot be read"},
		{"{\"kind\":\"move-aside\",\"path\":\"/a/..\"}", "'path' cannot be read"},
		{"{\"kind\":\"move-aside\",\"path\":\"/a\\u0000b\"}", "'path' cannot be read"},
		{"{\"kind\":\"remove\",\"words\":[]}", "'words' cannot be read"},
		{"{\"kind\":\"remove\",\"words\":[\"\"]}", "'words' cannot be read"},
		{"{\"kind\":\"remove\",\"words\":[\"a\",3]}", "'words' cannot be read"},
		{"{\"kind\":\"remove\",\"words\":\"a\"}", "'words' cannot be read"},
		{"{\"kind\":\"install\",\"choices\":[\"a\"]}", "'choices' cannot be read"},
		{"{\"kind\":\"install\",\"choices\":[[]]}", "'choices' cannot be read"},
		{"{\"kind\":\"install\",\"choices\":[]}", "'choices' cannot be read"},
		{"{\"kind\":\"refresh\",\"flags\":[\"force\"]}", "'flags' cannot be read"},
		{"{\"kind\":\"refresh\",\"flags\":3}", "'flags' cannot be read"},
		{"{\"kind\":\"refresh\",\"step\":3}", "'step' cannot be read"},
		{"{\"kind\":\"write-file\",\"path\":\"/x\",\"text\":\"\",\"mode\":\"0o9\"}",
		 "'mode' cannot be read"},
		{"{\"kind\":\"write-file\",\"path\":\"/x\",\"text\":\"\",\"mode\":\"77777\"}",
		 "'mode' cannot be read"},
		{"{\"kind\":\"write-file\",\"path\":\"/x\",\"text\":\"\",\"mode\":420}",
		 "'mode' cannot be read"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(json_unrefp)
		json_t *j = json_loads(rows[i].json, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
		struct arena a = {0};
		struct op back;
		struct err e = {0};

		assert_non_null(j);
		assert_int_equal(op_from_json(j, &a, &back, &e), -ERR_PARSE);
		if (!strstr(e.msg, rows[i].says))
			fail_msg("%s: '%s' does not say \"%s\"", rows[i].json, e.msg, rows[i].says);
		arena_fini(&a);
	}
}

RUN(IT(every_kind_comes_back_from_json), IT(lists_keep_their_order_and_empty_words),
    IT(what_is_no_operation_is_refused))
