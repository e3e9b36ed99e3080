/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "cdi/tree.h"
#include "engine/gpu_parts.h"

/* CDI edits, as a container of our own engine gets them. */

static const struct root machine = {.fd = -1, .path = (char *)"/"};

static const struct gpu_want want = {.machine = &machine};

struct made {
	struct arena a;
	struct cdi_edits edits;
	struct container c;
};

static void made_init(struct made *m)
{
	*m = (struct made){0};
	container_init(&m->c);
	m->c.uid = 7;
	m->c.gid = 8;
}

static void made_fini(struct made *m)
{
	container_fini(&m->c);
	arena_fini(&m->a);
}

TEST(what_is_not_said_of_a_node_is_taken_from_the_machine)
{
	CLEANUP(made_fini) struct made m;
	struct cdi_node *n;
	struct err e = {0};

	made_init(&m);
	n = cdi_add_node(&m.a, &m.edits);
	n->path = "/dev/thing";
	n->host_path = "/dev/null";
	n = cdi_add_node(&m.a, &m.edits);
	n->path = "/dev/null";
	n->major = 195;
	n->minor = 254;
	n->mode = 0640;
	n->gid = 44;
	assert_int_equal(gpu_put(&want, &m.edits, 0, &m.c, &e), 0);
	assert_string_equal(m.c.nodes->path, "/dev/thing");
	assert_string_equal(m.c.nodes->host_path, "/dev/null");
	assert_int_equal(m.c.nodes->type, 'c');
	assert_int_equal(m.c.nodes->major, 1);
	assert_int_equal(m.c.nodes->minor, 3);
	assert_int_equal(m.c.nodes->mode, 0666);
	assert_int_equal(m.c.nodes->uid, 7);
	assert_int_equal(m.c.nodes->gid, 8);
	assert_int_equal(m.c.nodes->next->major, 195);
	assert_int_equal(m.c.nodes->next->minor, 254);
	assert_int_equal(m.c.nodes->next->mode, 0640);
	assert_int_equal(m.c.nodes->next->gid, 44);
	assert_null(m.c.nodes->next->next);
}

TEST(a_node_that_was_just_found_is_not_looked_at_again)
{
	struct gpu_want rootless = want;
	struct err e = {0};

	for (int numbered = 0; numbered < 2; numbered++) {
		CLEANUP(made_fini) struct made m;
		struct cdi_node *n;

		made_init(&m);
		n = cdi_add_node(&m.a, &m.edits);
		n->path = "/dev/dlenv-not-there";
		n->type = "c";
		n->minor = 254;
		n->mode = 0640;
		n->major = numbered ? 195 : -1;
		assert_int_equal(gpu_put(&want, &m.edits, 1, &m.c, &e), numbered ? 0 : -ERR_ABSENT);
		/* Others' nodes are looked at; so are all where the caller may not open them. */
		assert_int_equal(gpu_put(&want, &m.edits, 0, &m.c, &e), -ERR_ABSENT);
		rootless.userns = true;
		assert_int_equal(gpu_put(&rootless, &m.edits, 1, &m.c, &e), -ERR_ABSENT);
	}
}

TEST(mounts_variables_and_groups_keep_their_words)
{
	CLEANUP(made_fini) struct made m;
	struct gpu_want rootless = want;
	struct cdi_mount *mount;
	struct err e = {0};

	made_init(&m);
	mount = cdi_add_mount(&m.a, &m.edits);
	mount->host_path = "/h/lib.so";
	mount->container_path = "/c/lib.so";
	cdi_add_text(&m.a, &mount->options, "ro");
	cdi_add_text(&m.a, &mount->options, "rbind");
	mount = cdi_add_mount(&m.a, &m.edits);
	mount->host_path = "tmpfs";
	mount->container_path = "/c/tmp";
	mount->type = "tmpfs";
	cdi_add_text(&m.a, &m.edits.env, "A=1");
	cdi_add_text(&m.a, &m.edits.env, "AB=2");
	cdi_add_text(&m.a, &m.edits.env, "A=3");
	cdi_add_gid(&m.a, &m.edits, 44);
	assert_int_equal(gpu_put(&want, &m.edits, 0, &m.c, &e), 0);
	assert_string_equal(m.c.mounts->type, "bind");
	assert_string_equal(m.c.mounts->options, "ro,rbind");
	assert_string_equal(m.c.mounts->next->type, "tmpfs");
	assert_int_equal(m.c.more_env.n, 2);
	assert_string_equal(m.c.more_env.v[0], "A=3");
	assert_string_equal(m.c.more_env.v[1], "AB=2");
	assert_int_equal(m.c.groups_n, 1);
	assert_int_equal(m.c.groups[0], 44);
	assert_null(m.c.tree);
	/* A number of the host's means nothing in a user namespace. */
	rootless.userns = true;
	m.c.groups_n = 0;
	assert_int_equal(gpu_put(&rootless, &m.edits, 0, &m.c, &e), 0);
	assert_int_equal(m.c.groups_n, 0);
	assert_false(m.c.keep_groups);
}

static void hook(struct made *m, const char *path, const char *const *args)
{
	struct cdi_hook *h = cdi_add_hook(&m->a, &m->edits);

	h->stage = "createContainer";
	h->path = path;
	for (; *args; args++)
		cdi_add_text(&m->a, &h->args, *args);
}

TEST(a_known_hook_is_left_to_the_runtime_and_another_refused)
{
	static const char *const links[] = {"nvidia-cdi-hook", "create-symlinks", "--link",
					    "libcuda.so.1::/usr/lib/libcuda.so", NULL};
	static const char *const vendor[] = {"thing", "--all", NULL};
	CLEANUP(made_fini) struct made m;
	struct err e = {0};

	made_init(&m);
	hook(&m, "/usr/bin/nvidia-cdi-hook", links);
	assert_int_equal(gpu_put(&want, &m.edits, 0, &m.c, &e), 0);
	assert_int_equal(m.c.tree->links_n, 1);
	assert_string_equal(m.c.tree->links[0].at, "/usr/lib/libcuda.so");
	hook(&m, "/opt/thing", vendor);
	assert_int_equal(gpu_put(&want, &m.edits, 0, &m.c, &e), -ERR_CONFIG);
	assert_non_null(strstr(e.msg, "/opt/thing"));
	assert_true(e.hint[0]);
}

TEST(what_the_runtime_cannot_do_is_refused)
{
	static const struct {
		const char *path;
		const char *host;
		int code;
	} rows[] = {
		{"/etc/passwd", NULL, ERR_CONFIG},
		{"/device", "/dev/null", ERR_CONFIG},
		{"/dev/../etc/x", "/etc/hostname", ERR_CONFIG}, /* not a device */
		{"/dev/thing", "/nonexistent", ERR_ABSENT},
		{"/dev/thing", "/etc", ERR_CONFIG},
	};
	CLEANUP(made_fini) struct made m;
	struct cdi_net net = {.host_name = "eth0", .name = "eth0"};
	struct err e = {0};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(made_fini) struct made one;
		struct cdi_node *n;

		made_init(&one);
		n = cdi_add_node(&one.a, &one.edits);
		n->path = rows[i].path;
		n->host_path = rows[i].host;
		if (gpu_put(&want, &one.edits, 0, &one.c, &e) != -rows[i].code)
			fail_msg("%s: %d %s", rows[i].path, (int)e.code, e.msg);
		assert_null(one.c.nodes);
	}
	made_init(&m);
	m.edits.nets = &net;
	m.edits.nets_n = 1;
	assert_int_equal(gpu_put(&want, &m.edits, 0, &m.c, &e), -ERR_CONFIG);
	assert_non_null(strstr(e.msg, "netDevices"));
}

RUN(IT(what_is_not_said_of_a_node_is_taken_from_the_machine),
    IT(a_node_that_was_just_found_is_not_looked_at_again),
    IT(mounts_variables_and_groups_keep_their_words),
    IT(a_known_hook_is_left_to_the_runtime_and_another_refused),
    IT(what_the_runtime_cannot_do_is_refused))
