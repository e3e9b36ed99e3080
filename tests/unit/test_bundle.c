/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/fs.h"
#include "engine/container.h"
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
	c.tree = "{}";
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
	assert_json(json_object_get(notes, "dlenv.tree"), "\"{}\"");
	assert_json(json_object_get(notes, "run.oci.keep_original_groups"), "\"1\"");
	json_decref(top);
}

RUN(IT(what_a_device_brings_is_written_in_its_own_words),
    IT(layers_are_named_top_first_and_a_lost_upper_is_a_tmpfs),
    IT(namespaces_follow_the_network_and_the_mapping), IT(no_capability_is_inheritable))
