/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/fs.h"
#include "cdi/tree.h"
#include "engine/container.h"
#include "runtime/runtime.h"
#include "runtime/spec_more.h"
#include "test.h"

static json_t *written(struct container *c)
{
	char dir[] = "/tmp/dlenv-test-XXXXXX";
	CLEANUP(freep) char *path = NULL;
	json_t *top;
	struct err e;

	assert_non_null(mkdtemp(dir));
	assert_int_equal(bundle_write(c, dir, &e), 0);
	path = str_fmt("%s/config.json", dir);
	top = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(top);
	assert_int_equal(tree_remove(AT_FDCWD, dir, &e), 0);
	return top;
}

static const char *const lowers[] = {"/l/base", "/l/torch", "/l/user", NULL};
static const char *const args[] = {"/bin/true", NULL};

static void small(struct container *c, const struct idmap *map)
{
	container_init(c);
	c->id = "t";
	c->lowers = lowers;
	c->args = args;
	c->env = args;
	c->cwd = "/";
	c->map = map;
	c->net = NET_HOST;
	c->shm = 1 << 30;
}

static bool has_namespace(const json_t *top, const char *type)
{
	const json_t *list = json_object_get(json_object_get(top, "linux"), "namespaces");
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one) if (str_eq(json_string_value(json_object_get(one, "type")),
						    type)) return true;
	return false;
}

TEST(layers_are_named_top_first_and_a_lost_upper_is_a_tmpfs)
{
	static const struct idmap root = {0};
	CLEANUP(container_fini) struct container c;
	json_t *top;
	const json_t *notes;

	small(&c, &root);
	top = written(&c);
	notes = json_object_get(top, "annotations");
	assert_string_equal(json_string_value(json_object_get(notes, "dlenv.overlay.lower")),
			    "/l/user:/l/torch:/l/base");
	assert_string_equal(json_string_value(json_object_get(notes, "dlenv.overlay.upper")),
			    "tmpfs");
	json_decref(top);
}

TEST(namespaces_follow_the_network_and_the_mapping)
{
	static const struct idmap root = {0};
	static const struct idmap mapped = {
		.uid = {{1000, 1000, 1}}, .gid = {{1000, 1000, 1}}, .uids = 1, .gids = 1};
	CLEANUP(container_fini) struct container c;
	CLEANUP(container_fini) struct container d;
	json_t *top;

	small(&c, &root);
	top = written(&c);
	assert_false(has_namespace(top, "user"));
	assert_false(has_namespace(top, "network"));
	assert_true(has_namespace(top, "pid"));
	json_decref(top);
	small(&d, &mapped);
	d.net = NET_NONE;
	top = written(&d);
	assert_true(has_namespace(top, "user"));
	assert_true(has_namespace(top, "network"));
	json_decref(top);
}

/* R5: nothing is inherited by programs with file capabilities. */
TEST(no_capability_is_inheritable)
{
	static const struct idmap root = {0};
	CLEANUP(container_fini) struct container c;
	const json_t *caps;
	json_t *top;

	small(&c, &root);
	top = written(&c);
	caps = json_object_get(json_object_get(top, "process"), "capabilities");
	assert_null(json_object_get(caps, "inheritable"));
	assert_null(json_object_get(caps, "ambient"));
	assert_true(json_array_size(json_object_get(caps, "bounding")) > 5);
	json_decref(top);
}

static const json_t *last_of(const json_t *top, const char *section, const char *list)
{
	const json_t *all = json_object_get(section ? json_object_get(top, section) : top, list);

	return json_array_get(all, json_array_size(all) - 1);
}

static void assert_json(const json_t *got, const char *want)
{
	char *text = json_dumps(got, JSON_SORT_KEYS | JSON_COMPACT | JSON_ENCODE_ANY);

	assert_string_equal(text, want);
	free(text);
}

TEST(what_a_device_brings_is_written_in_its_own_words)
{
	static const struct idmap root = {0};
	static const char *const vars[] = {"A=1", "B=2", NULL};
	struct node n = {.path = "/dev/gpu0",
			 .host_path = "/m/dev/gpu0",
			 .type = 'c',
			 .major = 195,
			 .mode = 0660,
			 .gid = 44};
	struct tree_edits tree = {.params = true};
	CLEANUP(container_fini) struct container c;
	const json_t *notes;
	json_t *top;

	small(&c, &root);
	c.env = vars;
	container_mount(&c, "bind", "/m/lib.so.1", "/usr/lib/lib.so.1", "ro,nosuid,rbind");
	container_node(&c, &n);
	n.minor = 7; /* of the same path: it takes the place */
	container_node(&c, &n);
	container_group(&c, 44);
	container_group(&c, 44);
	strs_add(&c.more_env, "B=3");
	strs_add(&c.more_env, "BB=4");
	c.tree = &tree;
	c.keep_groups = true;
	top = written(&c);
	notes = json_object_get(top, "annotations");
	assert_json(last_of(top, NULL, "mounts"),
		    "{\"destination\":\"/usr/lib/lib.so.1\",\"options\":[\"ro\",\"nosuid\","
		    "\"rbind\"],\"source\":\"/m/lib.so.1\",\"type\":\"bind\"}");
	assert_json(json_object_get(json_object_get(top, "linux"), "devices"),
		    "[{\"fileMode\":432,\"gid\":44,\"major\":195,\"minor\":7,"
		    "\"path\":\"/dev/gpu0\",\"type\":\"c\",\"uid\":0}]");
	assert_json(json_object_get(json_object_get(top, "process"), "env"),
		    "[\"A=1\",\"B=3\",\"BB=4\"]");
	assert_json(json_object_get(json_object_get(json_object_get(top, "process"), "user"),
				    "additionalGids"),
		    "[44]");
	assert_json(json_object_get(notes, "dlenv.node./dev/gpu0"), "\"/m/dev/gpu0\"");
	assert_json(json_object_get(notes, "dlenv.tree"), "\"{\\\"params\\\":true}\"");
	assert_json(json_object_get(notes, "run.oci.keep_original_groups"), "\"1\"");
	json_decref(top);
}

/* The text that is written, and what a start in this process takes instead of it. */
static void both_ways(struct container *c, struct spec *ret_text, struct spec *ret_made)
{
	struct spec_more more = {0};
	json_t *top = written(c);
	char *text = json_dumps(top, JSON_COMPACT);
	json_t *config = bundle_json(c);
	struct err e;

	json_decref(top);
	bundle_more(c, &more);
	assert_int_equal(spec_parse(text, strlen(text), "t", ret_text, &e), 0);
	assert_int_equal(spec_of_json(config, rt_default_seccomp_json(), &more, ret_made, &e), 0);
	json_decref(config);
	free(text);
}

TEST(a_start_without_the_text_has_what_the_text_says)
{
	static const struct idmap root = {0};
	static const struct node nodes[] = {
		{.path = "/dev/gpu0",
		 .type = 'c',
		 .major = 195,
		 .minor = 7,
		 .mode = 0660,
		 .gid = 4},
		{.path = "/dev/x/y", .host_path = "/m/y", .type = 'b', .major = 8, .uid = 3},
	};
	struct tree_edits tree = {.params = true};
	CLEANUP(container_fini) struct container c;
	CLEANUP(spec_fini) struct spec text = {0};
	CLEANUP(spec_fini) struct spec made = {0};
	const struct spec_mount *mounts[2];
	const struct spec_device *devices[2];

	small(&c, &root);
	c.tree = &tree;
	container_mount(&c, "bind", "/m/lib.so.1", "/usr/lib/lib.so.1", "ro,nosuid,rbind");
	container_bind(&c, "/home", "/home", false);
	container_mount(&c, "bind", "/m/lib.so.2", "/usr/lib/lib.so.2", "ro,nosuid,rbind");
	container_mount(&c, "tmpfs", "tmpfs", "/thing", "size=4k");
	for (size_t i = 0; i < COUNT(nodes); i++)
		container_node(&c, &nodes[i]);
	both_ways(&c, &text, &made);
	assert_int_equal(made.mounts.n, text.mounts.n);
	mounts[0] = text.mounts.items;
	mounts[1] = made.mounts.items;
	for (size_t i = 0; i < text.mounts.n; i++) {
		const char **a = mounts[0][i].options;
		const char **b = mounts[1][i].options;

		assert_string_equal(mounts[1][i].destination, mounts[0][i].destination);
		assert_string_equal(mounts[1][i].type, mounts[0][i].type);
		assert_string_equal(mounts[1][i].source, mounts[0][i].source);
		for (; *a; a++, b++)
			assert_string_equal(*b, *a);
		assert_null(*b);
	}
	assert_int_equal(made.linux_.devices.n, COUNT(nodes));
	assert_int_equal(text.linux_.devices.n, COUNT(nodes));
	devices[0] = text.linux_.devices.items;
	devices[1] = made.linux_.devices.items;
	for (size_t i = 0; i < COUNT(nodes); i++) {
		CLEANUP(freep) char *key = str_fmt("dlenv.node.%s", nodes[i].path);

		assert_string_equal(devices[1][i].path, devices[0][i].path);
		assert_string_equal(devices[1][i].type, devices[0][i].type);
		assert_int_equal(devices[1][i].major, devices[0][i].major);
		assert_int_equal(devices[1][i].minor, devices[0][i].minor);
		assert_int_equal(devices[1][i].mode, devices[0][i].mode);
		assert_int_equal(devices[1][i].uid, devices[0][i].uid);
		assert_int_equal(devices[1][i].gid, devices[0][i].gid);
		assert_true(str_eq(devices[1][i].host_path, spec_annotation(&text, key)));
	}
	assert_ptr_equal(made.tree, &tree);
	assert_string_equal(spec_annotation(&text, "dlenv.tree"), "{\"params\":true}");
	assert_string_equal(made.linux_.seccomp, rt_default_seccomp_json());
	assert_int_equal(made.process.caps[CAPS_BOUNDING], text.process.caps[CAPS_BOUNDING]);
	assert_int_equal(made.linux_.namespaces.n, text.linux_.namespaces.n);
}

RUN(IT(a_start_without_the_text_has_what_the_text_says),
    IT(what_a_device_brings_is_written_in_its_own_words),
    IT(layers_are_named_top_first_and_a_lost_upper_is_a_tmpfs),
    IT(namespaces_follow_the_network_and_the_mapping), IT(no_capability_is_inheritable))
