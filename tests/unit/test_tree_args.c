/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be made in a root, as a hook's arguments and as an annotation's text. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cdi/tree.h"
#include "test.h"

/* "-" is NULL. */
struct args_case {
	const char *args[16];
	int code;
	const char *text; /* what it comes to; for a failure, part of the message */
};

static const struct args_case cases[] = {
	{{"nvidia-cdi-hook", "create-symlinks", "--link", "libcuda.so.1::/usr/lib/libcuda.so"},
	 0,
	 "{\"links\":[{\"at\":\"/usr/lib/libcuda.so\",\"target\":\"libcuda.so.1\"}]}"},
	{{"/usr/bin/nvidia-ctk", "--quiet", "hook", "create-symlinks", "--link=../a::/b/c", "-link",
	  "d::e"},
	 0,
	 "{\"links\":[{\"at\":\"/b/c\",\"target\":\"../a\"},{\"at\":\"e\",\"target\":\"d\"}]}"},
	{{"nvidia-cdi-hook", "--debug=false", "update-ldcache", "--ldconfig-path", "/sbin/ldconfig",
	  "--folder", "/usr/lib64", "-folder=/opt/lib", "--folder", "/usr/lib64"},
	 0,
	 "{\"folders\":[\"/usr/lib64\",\"/opt/lib\"]}"},
	{{"nvidia-cdi-hook", "enable-cuda-compat", "--host-driver-version=550.163.01",
	  "--host-cuda-version", "", "--cuda-compat-container-root=/usr/local/cuda/compat_orin"},
	 0,
	 "{\"compatDriver\":\"550.163.01\",\"compatRoot\":\"/usr/local/cuda/compat_orin\"}"},
	{{"nvidia-cdi-hook", "disable-device-node-modification"}, 0, "{\"params\":true}"},
	{{"nvidia-cdi-hook", "update-application-profile", "--container-spec", "-"},
	 0,
	 "{\"profile\":true}"},
	{{"nvidia-cdi-hook", "chmod", "--path", "/dev/dri", "--mode", "755", "--path",
	  "/dev/nvidia-caps"},
	 0,
	 "{\"modes\":[{\"mode\":493,\"path\":\"/dev/dri\"},{\"mode\":493,\"path\":"
	 "\"/dev/nvidia-caps\"}]}"},
	{{"nvidia-cdi-hook", "apply", "--link", "a::/b", "--folder", "/c", "--params", "--profile",
	  "--chmod", "750::/dev/dri"},
	 0,
	 "{\"folders\":[\"/c\"],\"links\":[{\"at\":\"/b\",\"target\":\"a\"}],\"modes\":[{\"mode\":"
	 "488,\"path\":\"/dev/dri\"}],\"params\":true,\"profile\":true}"},
	{{"nvidia-cdi-hook", "from-the-future", "--x"}, ERR_ABSENT, "from-the-future"},
	{{"nvidia-container-runtime-hook", "prestart"},
	 ERR_ABSENT,
	 "nvidia-container-runtime-hook"},
	{{"nvidia-ctk", "cdi", "generate"}, ERR_ABSENT, ""},
	{{"nvidia-cdi-hook"}, ERR_ABSENT, ""},
	{{NULL}, ERR_ABSENT, ""},
	{{"nvidia-cdi-hook", "create-symlinks", "--link"}, ERR_CONFIG, "needs a value"},
	{{"nvidia-cdi-hook", "create-symlinks", "--link", "a:b"}, ERR_CONFIG, "TARGET::LINK"},
	{{"nvidia-cdi-hook", "create-symlinks", "--link", "a::b::c"}, ERR_CONFIG, "TARGET::LINK"},
	{{"nvidia-cdi-hook", "create-symlinks", "--link", "a::/b/.."}, ERR_CONFIG, "no link"},
	{{"nvidia-cdi-hook", "create-symlinks", "--link", "a::/b/"}, ERR_CONFIG, "no link"},
	{{"nvidia-cdi-hook", "create-symlinks", "--folder", "/a"}, ERR_CONFIG, "no option"},
	{{"nvidia-cdi-hook", "create-symlinks", "word"}, ERR_CONFIG, "no argument"},
	{{"nvidia-cdi-hook", "update-ldcache", "--folder", "/a\n/b"}, ERR_CONFIG, "no folder"},
	{{"nvidia-cdi-hook", "update-ldcache", "--folder", "a"}, ERR_CONFIG, "no folder"},
	{{"nvidia-cdi-hook", "update-ldcache", "--folder", "/a:/b"}, ERR_CONFIG, "no folder"},
	{{"nvidia-cdi-hook", "update-ldcache", "--container-spec", "/x"}, ERR_CONFIG, "'-'"},
	{{"nvidia-cdi-hook", "chmod", "--mode", "4755", "--path", "/x"}, ERR_CONFIG, "mode"},
	{{"nvidia-cdi-hook", "chmod", "--mode", "9", "--path", "/x"}, ERR_CONFIG, "mode"},
};

TEST(arguments_become_what_is_to_be_made)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		CLEANUP(arena_fini) struct arena a = {0};
		CLEANUP(freep) char *text = NULL;
		struct tree_edits t = {0};
		struct err e = {0};
		int code = tree_from_args(cases[i].args, &a, &t, &e);

		assert_int_equal(code, -cases[i].code);
		if (code) {
			assert_non_null(strstr(e.msg, cases[i].text));
			assert_true(tree_is_empty(&t));
			continue;
		}
		text = tree_text(&t);
		assert_string_equal(text, cases[i].text);
	}
}

TEST(text_and_arguments_come_back_as_they_were)
{
	for (size_t i = 0; i < COUNT(cases) && !cases[i].code; i++) {
		CLEANUP(arena_fini) struct arena a = {0};
		CLEANUP(freep) char *again = NULL;
		struct cdi_texts args = {0};
		struct tree_edits parsed = {0};
		struct tree_edits t = {0};
		struct err e = {0};

		assert_int_equal(tree_parse(cases[i].text, &a, &parsed, &e), 0);
		cdi_add_text(&a, &args, "/usr/bin/nvidia-cdi-hook");
		tree_to_args(&parsed, &a, &args);
		assert_int_equal(tree_from_args(args.v, &a, &t, &e), 0);
		again = tree_text(&t);
		assert_string_equal(again, cases[i].text);
	}
}

TEST(nothing_to_do_has_no_arguments)
{
	CLEANUP(arena_fini) struct arena a = {0};
	struct tree_edits t = {0};
	struct cdi_texts args = {0};

	assert_true(tree_is_empty(&t));
	tree_to_args(&t, &a, &args);
	assert_int_equal(args.n, 0);
}

TEST(hooks_of_a_specification_are_gathered)
{
	const char *links[] = {"nvidia-cdi-hook", "create-symlinks", "--link", "a::/b", NULL};
	const char *params[] = {"nvidia-cdi-hook", "disable-device-node-modification", NULL};
	const char *strange[] = {"nvidia-cdi-hook", "from-the-future", NULL};
	const struct cdi_hook hooks[] = {
		{.stage = "createContainer",
		 .path = "/usr/bin/nvidia-cdi-hook",
		 .args = {links, 4}},
		{.stage = "createContainer",
		 .path = "/usr/bin/nvidia-cdi-hook",
		 .args = {params, 2}},
		{.stage = "createContainer", .path = "/new", .args = {strange, 2}},
		{.stage = "poststop", .path = "/late", .args = {params, 2}},
		{.stage = "createContainer", .path = "/bin/other"},
	};
	CLEANUP(strs_fini) struct strs unknown = {0};
	CLEANUP(arena_fini) struct arena a = {0};
	struct tree_edits t = {0};
	struct err e = {0};

	assert_int_equal(tree_from_hooks(hooks, COUNT(hooks), &a, &t, &unknown, &e), 0);
	assert_int_equal(t.links_n, 1);
	assert_true(t.params);
	assert_int_equal(unknown.n, 3);
	assert_string_equal(unknown.v[0], "/new");
	assert_string_equal(unknown.v[1], "/late");
	assert_string_equal(unknown.v[2], "/bin/other");
}

TEST(a_wrong_text_is_refused)
{
	static const char *const texts[] = {
		"",
		"[]",
		"{\"links\":[{\"target\":\"a\"}]}",
		"{\"links\":[{\"target\":\"a\",\"at\":\"/x/..\"}]}",
		"{\"links\":[{\"target\":\"\\u0001\",\"at\":\"/x\"}]}",
		"{\"folders\":[\"relative\"]}",
		"{\"folders\":[\"/a\\nb\"]}",
		"{\"modes\":[{\"path\":\"/x\",\"mode\":2541}]}",
		"{\"compatRoot\":\"x\"}",
		"{\"execute\":\"/bin/sh\"}",
	};

	for (size_t i = 0; i < COUNT(texts); i++) {
		CLEANUP(arena_fini) struct arena a = {0};
		struct tree_edits t = {0};
		struct err e = {0};

		assert_true(tree_parse(texts[i], &a, &t, &e) < 0);
		assert_true(e.msg[0]);
	}
}

RUN(IT(arguments_become_what_is_to_be_made), IT(text_and_arguments_come_back_as_they_were),
    IT(nothing_to_do_has_no_arguments), IT(hooks_of_a_specification_are_gathered),
    IT(a_wrong_text_is_refused))
