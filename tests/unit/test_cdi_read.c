/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/str.h"
#include "cdi/registry.h"
#include "cdi/spec.h"
#include "test.h"

static char *golden(const char *version, const char *ending)
{
	const char *tests = getenv("DLENV_TESTS");
	CLEANUP(freep)
	char *path = str_fmt("%s/cdi/%s.%s", tests ? tests : "tests", version, ending);
	char *text = NULL;
	struct err e = {0};

	if (file_read(AT_FDCWD, path, 1 << 20, &text, NULL, &e) < 0)
		fail_msg("%s", e.msg);
	return text;
}

/* Read a text and write it in a form. */
static char *rewrite(const char *text, enum cdi_format f)
{
	CLEANUP(cdi_spec_fini) struct cdi_spec s = {0};
	struct err e = {0};

	if (cdi_spec_parse(text, strlen(text), "s", &s, &e) < 0)
		fail_msg("%s", e.msg);
	return cdi_spec_text(&s, f, NULL);
}

TEST(every_version_is_read_and_written_in_both_forms)
{
	static const char *const versions[] = {"0.3.0", "0.4.0", "0.5.0", "0.6.0",
					       "0.7.0", "0.8.0", "1.0.0", "1.1.0"};

	for (size_t i = 0; i < COUNT(versions); i++) {
		CLEANUP(freep) char *yaml = golden(versions[i], "yaml");
		CLEANUP(freep) char *json = golden(versions[i], "json");
		CLEANUP(freep) char *yaml_yaml = rewrite(yaml, CDI_YAML);
		CLEANUP(freep) char *yaml_json = rewrite(yaml, CDI_JSON);
		CLEANUP(freep) char *json_yaml = rewrite(json, CDI_YAML);
		CLEANUP(freep) char *json_json = rewrite(json, CDI_JSON);

		assert_string_equal(yaml_yaml, yaml);
		assert_string_equal(json_yaml, yaml);
		assert_string_equal(yaml_json, json);
		assert_string_equal(json_json, json);
	}
}

TEST(documents_declare_the_version_they_need)
{
	static const char *const exact[] = {"0.3.0", "0.4.0", "0.5.0", "0.6.0", "0.7.0", "1.1.0"};

	for (size_t i = 0; i < COUNT(exact); i++) {
		CLEANUP(freep) char *text = golden(exact[i], "yaml");
		CLEANUP(cdi_spec_fini) struct cdi_spec s = {0};
		const char *why = NULL;
		struct err e = {0};

		assert_int_equal(cdi_spec_parse(text, strlen(text), "s", &s, &e), 0);
		assert_string_equal(cdi_version_needed(&s, &why), exact[i]);
	}
}

TEST(odd_texts_survive_both_forms)
{
	static const char *const texts[] = {
		"A=\x01\x1f\x7f",
		"A=\xc2\x85\xe2\x80\xa8\xe2\x80\xa9\xef\xbb\xbf",
		"A=\n\r\t",
		"yes=no",
		"A==",
		"=A=",
		"Null=",
		"0x1F=1",
		"A=鏡像 😀",
		"-=-",
		"- A=1",
		"--a:=",
		"a=b: c",
		"a=b #c",
		"'=\"",
		"<<=*a",
		"A=\\u0041",
		"---=1",
		"a,b",
		"[a]",
		"{a}",
	};
	static const enum cdi_format forms[] = {CDI_YAML, CDI_JSON};

	for (size_t f = 0; f < COUNT(forms); f++) {
		CLEANUP(cdi_spec_fini) struct cdi_spec s = {.version = "0.3.0", .kind = "v.com/c"};
		CLEANUP(cdi_spec_fini) struct cdi_spec back = {0};
		CLEANUP(freep) char *text = NULL;
		struct cdi_device *d = cdi_add_device(&s, "d");
		struct cdi_mount *m;
		struct err e = {0};

		cdi_add_text(&s.arena, &d->edits.env, "A=1");
		for (size_t i = 0; i < COUNT(texts); i++)
			cdi_add_text(&s.arena, &cdi_add_hook(&s.arena, &s.edits)->args, texts[i]);
		for (size_t i = 0; i < COUNT(texts); i++) {
			s.edits.hooks[i].stage = "createContainer";
			s.edits.hooks[i].path = "/bin/h";
		}
		m = cdi_add_mount(&s.arena, &s.edits);
		m->host_path = m->container_path = "/m";
		for (size_t i = 0; i < COUNT(texts); i++)
			cdi_add_text(&s.arena, &m->options, texts[i]);
		text = cdi_spec_text(&s, forms[f], "a head");
		if (cdi_spec_parse(text, strlen(text), "s", &back, &e) < 0)
			fail_msg("%s\n%s", e.msg, text);
		assert_int_equal(back.edits.hooks_n, COUNT(texts));
		for (size_t i = 0; i < COUNT(texts); i++)
			assert_string_equal(back.edits.hooks[i].args.v[0], texts[i]);
		assert_int_equal(back.edits.mounts[0].options.n, COUNT(texts));
		for (size_t i = 0; i < COUNT(texts); i++)
			assert_string_equal(back.edits.mounts[0].options.v[i], texts[i]);
	}
}

TEST(the_head_is_a_comment_in_the_first_line)
{
	CLEANUP(freep) char *yaml = golden("0.4.0", "yaml");
	CLEANUP(cdi_spec_fini) struct cdi_spec s = {0};
	CLEANUP(freep) char *text = NULL;
	CLEANUP(freep) char *again = NULL;
	struct err e = {0};

	assert_int_equal(cdi_spec_parse(yaml, strlen(yaml), "s", &s, &e), 0);
	text = cdi_spec_text(&s, CDI_YAML, "made by a test");
	assert_true(str_starts(text, "# made by a test\n---\n"));
	again = rewrite(text, CDI_YAML);
	assert_string_equal(again, yaml);
}

TEST(numbers_are_read_as_go_reads_them)
{
	static const char text[] = "cdiVersion: v0.3.0\nkind: v.com/c\ndevices:\n- name: a\n"
				   "  containerEdits:\n    deviceNodes:\n"
				   "    - {path: /dev/a, fileMode: 0660, major: 0x1F, minor: 0o17,"
				   " uid: 10, gid: null, type: ~}\n";
	CLEANUP(cdi_spec_fini) struct cdi_spec s = {0};
	const struct cdi_node *n;
	struct err e = {0};

	if (cdi_spec_parse(text, strlen(text), "s", &s, &e) < 0)
		fail_msg("%s", e.msg);
	n = &s.devices[0].edits.nodes[0];
	assert_int_equal(n->mode, 0660);
	assert_int_equal(n->major, 31);
	assert_int_equal(n->minor, 15);
	assert_int_equal(n->uid, 10);
	assert_int_equal(n->gid, -1);
	assert_null(n->type);
}

#define TOP "cdiVersion: \"1.1.0\"\nkind: v.com/c\n"
#define DEVICE "devices: [{name: d, containerEdits: {env: [A=1]}}]\n"
#define EDITS(text) TOP DEVICE "containerEdits:\n  " text "\n"

static const struct {
	const char *text;
	const char *place;
	const char *what;
} broken[] = {
	{"", "s:", "'cdiVersion' is missing"},
	{"[]", "s:1:1", "a map of keys and values"},
	{"kind: v.com/c\n" DEVICE, "s:1:1", "'cdiVersion' is missing"},
	{"cdiVersion: 1.2.0\nnew: 1\n", "s:1:13", "1.2.0 is newer than 1.1.0"},
	{"cdiVersion: 0.2.0\n" DEVICE, "s:1:13", "0.2.0 is older than 0.3.0"},
	{"cdiVersion: 0.7.1\n" DEVICE, "s:1:13", "'0.7.1' is not a version"},
	{"cdiVersion: latest\n" DEVICE, "s:1:13", "'latest' is not a version"},
	{"cdiVersion: 0.3.0\nkind: v/c\ndevices:\n- name: '0'\n  containerEdits: {env: "
	 "[A=]}",
	 "s:1:13", "0.3.0 is too low: a device name that begins with a digit"},
	{"cdiVersion: 0.6.0\nkind: v.com/c\n" DEVICE "containerEdits: {additionalGids: [1]}",
	 "s:1:13", "0.6.0 is too low: additionalGids came with 0.7.0"},
	{TOP DEVICE "extra: 1\n", "s:4:1", "unknown key 'extra'"},
	{TOP DEVICE "kind: a/b\n", "s:4:1", "already on line 2"},
	{"cdiVersion: 1.1.0\nkind: v.com\n" DEVICE, "s:2:7", "'v.com' has no class"},
	{"cdiVersion: 1.1.0\nkind: 1v/c\n" DEVICE, "s:2:7", "vendor '1v' must begin"},
	{"cdiVersion: 1.1.0\nkind: v-/c\n" DEVICE, "s:2:7", "vendor 'v-' must end"},
	{"cdiVersion: 1.1.0\nkind: v/c/d\n" DEVICE, "s:2:7", "class 'c/d' may have only"},
	{"cdiVersion: 1.1.0\nkind: v/\n" DEVICE, "s:2:7", "class '' must begin"},
	{TOP, "s:1:1", "not a single device"},
	{TOP "devices: []\n", "s:3:10", "not a single device"},
	{TOP "devices: {}\n", "s:3:10", "'devices' must be a list"},
	{TOP "devices: [{name: d}]\n", "s:3:11", "'d' changes nothing"},
	{TOP "devices: [{containerEdits: {env: [A=1]}}]\n", "s:3:11", "'name' is missing"},
	{TOP "devices: [{name: -d, containerEdits: {env: [A=1]}}]\n", "s:3:18",
	 "device '-d' must begin"},
	{TOP "devices: [{name: d/e, containerEdits: {env: [A=1]}}]\n", "s:3:18",
	 "device 'd/e' may have only"},
	{TOP "devices:\n- {name: d, containerEdits: {env: [A=1]}}\n"
	     "- {name: d, containerEdits: {env: [A=1]}}\n",
	 "s:4:1", "two devices 'd'"},
	{TOP DEVICE "annotations: {-x: a}\n", "s:4:15", "'-x' cannot be the name"},
	{TOP DEVICE "annotations: {a_b/x: a}\n", "s:4:15", "'a_b/x' cannot be"},
	{TOP DEVICE "annotations: {a/b/x: a}\n", "s:4:15", "'a/b/x' cannot be"},
	{EDITS("env: [A=1, B]"), "s:5:14", "'B' is not a variable"},
	{EDITS("env: [=1]"), "s:5:9", "'=1' is not a variable"},
	{EDITS("env: A=1"), "s:5:8", "'env' must be a list"},
	{EDITS("env: [[A=1]]"), "s:5:9", "'env' must be a list of single"},
	{EDITS("deviceNodes: [{type: c}]"), "s:5:17", "'path' is missing"},
	{EDITS("deviceNodes: [{path: dev/x}]"), "s:5:24", "not an absolute path"},
	{EDITS("deviceNodes: [{path: /d, hostPath: x}]"), "s:5:38", "not an absolute path"},
	{EDITS("deviceNodes: [{path: /d, type: d}]"), "s:5:34", "of the type 'd'"},
	{EDITS("deviceNodes: [{path: /d, permissions: rx}]"), "s:5:41", "'rx' are not"},
	{EDITS("deviceNodes: [{path: /d, major: -1}]"), "s:5:35", "'major' must be"},
	{EDITS("deviceNodes: [{path: /d, major: '1'}]"), "s:5:35", "'major' must be"},
	{EDITS("deviceNodes: [{path: /d, uid: 4294967296}]"), "s:5:33", "'uid' must be"},
	{EDITS("deviceNodes: [{path: /d, fileMode: 0888}]"), "s:5:38", "'fileMode' must"},
	{EDITS("deviceNodes: [/dev/x]"), "s:5:17", "a map of keys and values"},
	{EDITS("mounts: [{hostPath: /a}]"), "s:5:12", "'containerPath' is missing"},
	{EDITS("mounts: [{containerPath: /a}]"), "s:5:12", "'hostPath' is missing"},
	{EDITS("mounts: [{hostPath: /a, containerPath: a}]"), "s:5:42", "not an absolute"},
	{EDITS("mounts: [{hostPath: /a, containerPath: /a, options: ro}]"), "s:5:55",
	 "'options' must be a list"},
	{EDITS("hooks: [{path: /h}]"), "s:5:11", "'hookName' is missing"},
	{EDITS("hooks: [{hookName: start, path: /h}]"), "s:5:22", "no hook stage 'start'"},
	{EDITS("hooks: [{hookName: prestart}]"), "s:5:11", "'path' is missing"},
	{EDITS("hooks: [{hookName: prestart, path: h}]"), "s:5:38", "not an absolute path"},
	{EDITS("hooks: [{hookName: prestart, path: /h, env: [B]}]"), "s:5:48",
	 "'B' is not a variable"},
	{EDITS("hooks: [{hookName: prestart, path: /h, timeout: -1}]"), "s:5:51",
	 "'timeout' must be"},
	{EDITS("netDevices: [{name: a}]"), "s:5:16", "'hostInterfaceName' is missing"},
	{EDITS("netDevices: [{hostInterfaceName: a, name: a}, {hostInterfaceName: a, name: "
	       "b}]"),
	 "s:5:15", "'a' is taken twice"},
	{EDITS("netDevices: [{hostInterfaceName: a, name: a}, {hostInterfaceName: b, name: "
	       "a}]"),
	 "s:5:15", "would be named 'a'"},
	{EDITS("intelRdt: {closID: a/b}"), "s:5:22", "'a/b' cannot be a closID"},
	{EDITS("intelRdt: {enableCMT: true}"), "s:5:25", "was taken out"},
	{EDITS("additionalGids: [-1]"), "s:5:20", "'additionalGids' must be"},
	{EDITS("env: &a [A=1]"), "s:5:8", "anchors and aliases"},
};

TEST(each_broken_rule_is_named_with_its_place)
{
	for (size_t i = 0; i < COUNT(broken); i++) {
		CLEANUP(cdi_spec_fini) struct cdi_spec s = {0};
		struct err e = {0};

		if (cdi_spec_parse(broken[i].text, strlen(broken[i].text), "s", &s, &e) == 0)
			fail_msg("row %zu was taken: %s", i, broken[i].text);
		if (!str_starts(e.msg, broken[i].place) || !strstr(e.msg, broken[i].what))
			fail_msg("row %zu: '%s' is not '%s ... %s'", i, e.msg, broken[i].place,
				 broken[i].what);
	}
}

/* A document that repeats a text many times. */
static char *repeated(const char *head, const char *text, size_t times, const char *tail)
{
	struct buf b = {0};

	buf_str(&b, head);
	for (size_t i = 0; i < times; i++)
		buf_str(&b, text);
	buf_str(&b, tail);
	return b.data;
}

static void check_hostile(char *text, size_t len, const char *what)
{
	CLEANUP(freep) char *owned = text;
	CLEANUP(cdi_problems_fini) struct cdi_problems p = {0};
	CLEANUP(cdi_spec_fini) struct cdi_spec s = {0};

	assert_true(cdi_spec_problems(owned, len ? len : strlen(owned), "s", &s, &p) > 0);
	assert_true(p.n <= 100);
	if (!strstr(p.items[0].msg, what))
		fail_msg("'%s' is not '%s'", p.items[0].msg, what);
}

TEST(hostile_documents_are_refused_in_bounded_time_and_space)
{
	static const char json[] = "{\"cdiVersion\": \"0.3.0\", \"kind\": \"v/c\", \"devices\": [";

	check_hostile(repeated(TOP "devices: ", "[", 100, ""), 0, "more than 64 levels");
	check_hostile(repeated(json, "[", 100, ""), 0, "s:");
	check_hostile(repeated(json, "{\"a\":", 5000, ""), 0, "s:");
	check_hostile(repeated(TOP "annotations: {a: &x [a]}\n", "", 0, ""), 0, "anchors");
	check_hostile(repeated(EDITS("env:") "  ", "- A\n  ", 100000, "\n"), 0, "not a variable");
	check_hostile(repeated(TOP "devices:\n", "- {}\n", 100000, ""), 0, "'name' is missing");
	check_hostile(repeated(TOP "devices:\n", "- {name: a, x: 1}\n", 50000, ""), 0,
		      "unknown key 'x'");
	check_hostile(repeated(TOP DEVICE, "# filler filler filler filler filler\n", 200000, ""), 0,
		      "larger than 4 MiB");
	check_hostile(repeated(TOP DEVICE "annotations:\n  a: ", "xxxxxxxxxxxxxxxx", 20000, "\n"),
		      0, "larger than 256 KiB");
	check_hostile(repeated(TOP DEVICE "annotations: {a: \"\xff\"}", "", 0, ""), 0, "s:4:");
	check_hostile(repeated("\xff\xfe", "", 0, ""), 2, "s:");
	check_hostile(repeated(TOP DEVICE, "", 0, ""), sizeof(TOP DEVICE), "s:");
}

TEST(mistakes_in_json_have_a_place_too)
{
	static const char text[] = "{\n  \"cdiVersion\": \"0.5.0\",\n  \"kind\": \"v.com/c\",\n"
				   "  \"devices\": [{\"name\": \"a\", \"contanerEdits\": {}}]\n}\n";
	CLEANUP(cdi_spec_fini) struct cdi_spec s = {0};
	struct err e = {0};

	assert_int_equal(cdi_spec_parse(text, strlen(text), "s", &s, &e), -ERR_CONFIG);
	assert_true(str_starts(e.msg, "s:4:29: unknown key 'contanerEdits'"));
	assert_non_null(strstr(e.hint, "containerEdits"));
}

TEST(all_problems_of_a_document_are_listed)
{
	static const char text[] =
		TOP "devices:\n- {name: a, x: 1, y: 2, containerEdits: {env: [A=1]}}\n"
		    "- {name: b/, containerEdits: {env: [C], mounts: [{}]}}\n";
	CLEANUP(cdi_problems_fini) struct cdi_problems p = {0};
	CLEANUP(cdi_spec_fini) struct cdi_spec s = {0};

	assert_int_equal(cdi_spec_problems(text, strlen(text), "s", &s, &p), 6);
	assert_non_null(strstr(p.items[0].msg, "unknown key 'x'"));
	assert_non_null(strstr(p.items[1].msg, "unknown key 'y'"));
}

TEST(a_specification_that_was_made_is_checked_by_its_place_in_words)
{
	CLEANUP(cdi_spec_fini) struct cdi_spec s = {.version = "0.5.0", .kind = "v.com/c"};
	struct cdi_device *d = cdi_add_device(&s, "d");
	struct err e = {0};

	cdi_add_text(&s.arena, &d->edits.env, "A=1");
	assert_int_equal(cdi_spec_check(&s, &e), 0);
	cdi_add_text(&s.arena, &d->edits.env, "B");
	assert_int_equal(cdi_spec_check(&s, &e), -ERR_CONFIG);
	assert_true(str_starts(e.msg, "devices[0].containerEdits.env[1]: 'B' is not"));
	d->edits.env.n = 1;
	*cdi_add_mount(&s.arena, &s.edits) = (struct cdi_mount){"/l\xc3\xa4", "/l\xff", NULL, {0}};
	assert_int_equal(cdi_spec_check(&s, &e), -ERR_CONFIG);
	assert_true(
		str_starts(e.msg, "containerEdits.mounts[0].containerPath: '/l\xff' is not UTF-8"));
}

TEST(names_of_devices_are_taken_apart)
{
	static const char *const wrong[] = {
		"",	   "gpu",   "v/c",   "v/c=",	    "/c=d",   "v/=d", "=d", "/dev/nvidia0",
		"v/c=d/e", "1/c=d", "v/c=-", "v.com/c=a b", "v/c=d=e"};
	CLEANUP(arena_fini) struct arena a = {0};
	struct cdi_name n = {0};
	struct err e = {0};

	assert_int_equal(cdi_name_parse(&a, "nvidia.com/gpu=0:1", &n, &e), 0);
	assert_string_equal(n.vendor, "nvidia.com");
	assert_string_equal(n.class_, "gpu");
	assert_string_equal(n.device, "0:1");
	for (size_t i = 0; i < COUNT(wrong); i++) {
		if (cdi_name_is_qualified(wrong[i]))
			fail_msg("'%s' was taken", wrong[i]);
		assert_int_equal(cdi_name_parse(&a, wrong[i], &n, &e), -ERR_PARSE);
	}
}

RUN(IT(every_version_is_read_and_written_in_both_forms),
    IT(documents_declare_the_version_they_need), IT(odd_texts_survive_both_forms),
    IT(the_head_is_a_comment_in_the_first_line), IT(numbers_are_read_as_go_reads_them),
    IT(each_broken_rule_is_named_with_its_place),
    IT(hostile_documents_are_refused_in_bounded_time_and_space),
    IT(mistakes_in_json_have_a_place_too), IT(all_problems_of_a_document_are_listed),
    IT(a_specification_that_was_made_is_checked_by_its_place_in_words),
    IT(names_of_devices_are_taken_apart))
