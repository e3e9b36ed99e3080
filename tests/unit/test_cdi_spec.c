/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/spec.h"

#include "base/str.h"
#include "test.h"

TEST(lists_grow_and_stay_terminated)
{
	CLEANUP(cdi_spec_fini) struct cdi_spec s = {0};

	for (int i = 0; i < 100; i++) {
		CLEANUP(freep) char *text = str_fmt("N%d=v", i);
		struct cdi_device *d = cdi_add_device(&s, text);
		struct cdi_node *n = cdi_add_node(&s.arena, &s.edits);

		n->path = arena_str(&s.arena, text);
		cdi_add_text(&s.arena, &s.edits.env, text);
		assert_null(s.edits.env.v[i + 1]);
		assert_string_equal(d->name, text);
		assert_int_equal(n->major, -1);
	}
	for (int i = 0; i < 100; i++) {
		CLEANUP(freep) char *text = str_fmt("N%d=v", i);

		assert_string_equal(s.edits.env.v[i], text);
		assert_string_equal(s.edits.nodes[i].path, text);
		assert_string_equal(s.devices[i].name, text);
	}
}

TEST(groups_are_sorted_and_once_each)
{
	static const uint32_t in[] = {44, 109, 44, 1, 109, 7};
	static const uint32_t out[] = {1, 7, 44, 109};
	CLEANUP(cdi_spec_fini) struct cdi_spec s = {0};

	for (size_t i = 0; i < 6; i++)
		cdi_add_gid(&s.arena, &s.edits, in[i]);
	assert_int_equal(s.edits.gids_n, 4);
	assert_memory_equal(s.edits.gids, out, sizeof(out));
}

static void fill(struct arena *a, struct cdi_edits *e)
{
	struct cdi_node *n = cdi_add_node(a, e);
	struct cdi_mount *m = cdi_add_mount(a, e);
	struct cdi_hook *h = cdi_add_hook(a, e);
	struct cdi_net *w = cdi_add_net(a, e);

	n->path = "/dev/x";
	m->host_path = m->container_path = "/lib/x";
	cdi_add_text(a, &m->options, "ro");
	h->stage = "createContainer";
	h->path = "/bin/hook";
	cdi_add_text(a, &h->args, "hook");
	w->host_name = w->name = "eth0";
	cdi_add_text(a, &e->env, "A=1");
	cdi_add_gid(a, e, 44);
	e->rdt = arena_alloc(a, sizeof(*e->rdt));
	e->rdt->clos_id = "c";
}

TEST(the_same_edits_are_added_once)
{
	CLEANUP(arena_fini) struct arena a = {0};
	CLEANUP(arena_fini) struct arena other = {0};
	struct cdi_edits src = {0};
	struct cdi_edits dst = {0};

	assert_true(cdi_edits_empty(&dst));
	fill(&other, &src);
	fill(&other, &src);
	cdi_edits_add(&a, &dst, &src);
	cdi_edits_add(&a, &dst, &src);
	arena_fini(&other); /* copies, not references */
	assert_false(cdi_edits_empty(&dst));
	assert_int_equal(dst.env.n, 1);
	assert_int_equal(dst.nodes_n, 1);
	assert_int_equal(dst.mounts_n, 1);
	assert_int_equal(dst.hooks_n, 1);
	assert_int_equal(dst.nets_n, 1);
	assert_int_equal(dst.gids_n, 1);
	assert_string_equal(dst.mounts[0].options.v[0], "ro");
	assert_string_equal(dst.hooks[0].args.v[0], "hook");
	assert_string_equal(dst.rdt->clos_id, "c");
}

TEST(edits_that_differ_in_one_field_are_all_kept)
{
	CLEANUP(arena_fini) struct arena a = {0};
	struct cdi_edits src = {0};
	struct cdi_edits dst = {0};

	for (int i = 0; i < 4; i++) {
		fill(&a, &src);
		src.nodes[i].minor = i;
		src.hooks[i].timeout = i;
		cdi_add_text(&a, &src.mounts[i].options, i & 1 ? "nosuid" : "nodev");
		src.mounts[i].type = i & 2 ? "bind" : NULL;
	}
	cdi_edits_add(&a, &dst, &src);
	assert_int_equal(dst.nodes_n, 4);
	assert_int_equal(dst.hooks_n, 4);
	assert_int_equal(dst.mounts_n, 4);
	assert_int_equal(dst.nets_n, 1);
}

TEST(thousands_of_edits_are_each_added_once)
{
	CLEANUP(arena_fini) struct arena a = {0};
	struct cdi_edits src = {0};
	struct cdi_edits dst = {0};

	for (int i = 0; i < 50000; i++) {
		struct cdi_hook *h = cdi_add_hook(&a, &src);

		/* The same but for the last argument. */
		h->stage = "createContainer";
		h->path = "/bin/hook";
		cdi_add_text(&a, &h->args, "hook");
		cdi_add_text(&a, &h->args, arena_fmt(&a, "%d", i / 2));
	}
	cdi_edits_add(&a, &dst, &src);
	cdi_edits_add(&a, &dst, &src);
	assert_int_equal(dst.hooks_n, 25000);
	assert_string_equal(dst.hooks[24999].args.v[1], "24999");
}

static void use_type(struct cdi_spec *s)
{
	cdi_add_mount(&s->arena, &s->edits)->type = "bind";
}

static void use_host_path(struct cdi_spec *s)
{
	cdi_add_node(&s->arena, &s->devices[0].edits)->host_path = "/dev/y";
}

static void use_digit(struct cdi_spec *s)
{
	cdi_add_device(s, "0")->edits.env.n = 0;
}

static void use_dot(struct cdi_spec *s)
{
	s->kind = "v.com/a.b";
}

static void use_annotation(struct cdi_spec *s)
{
	static struct doc_pair pair = {"a", "b"};

	s->devices[0].annotations = (struct doc_pairs){&pair, 1};
}

static void use_gids(struct cdi_spec *s)
{
	cdi_add_gid(&s->arena, &s->edits, 1);
}

static void use_rdt(struct cdi_spec *s)
{
	s->edits.rdt = arena_alloc(&s->arena, sizeof(*s->edits.rdt));
}

static void use_schemata(struct cdi_spec *s)
{
	use_rdt(s);
	cdi_add_text(&s->arena, &s->edits.rdt->schemata, "L3:0=f");
}

static void use_nets(struct cdi_spec *s)
{
	cdi_add_net(&s->arena, &s->devices[0].edits)->name = "eth0";
}

static void use_nothing(struct cdi_spec *s)
{
	(void)s;
}

TEST(the_lowest_version_follows_from_what_is_used)
{
	static const struct {
		void (*use)(struct cdi_spec *s);
		const char *version;
	} rows[] = {
		{use_nothing, "0.3.0"}, {use_type, "0.4.0"}, {use_host_path, "0.5.0"},
		{use_digit, "0.5.0"},	{use_dot, "0.6.0"},  {use_annotation, "0.6.0"},
		{use_gids, "0.7.0"},	{use_rdt, "0.7.0"},  {use_schemata, "1.1.0"},
		{use_nets, "1.1.0"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(cdi_spec_fini) struct cdi_spec s = {.kind = "v.com/a"};
		const char *why = "";

		cdi_add_device(&s, "gpu0")->edits.env.n = 0;
		rows[i].use(&s);
		assert_string_equal(cdi_version_needed(&s, &why), rows[i].version);
		assert_int_equal(!why, i == 0);
	}
}

TEST(released_versions_are_known)
{
	assert_string_equal(cdi_version_known("0.3.0"), "0.3.0");
	assert_string_equal(cdi_version_known("v1.1.0"), "1.1.0");
	assert_null(cdi_version_known("0.2.0"));
	assert_null(cdi_version_known("0.9.0"));
	assert_null(cdi_version_known("1.1"));
	assert_null(cdi_version_known(NULL));
}

RUN(IT(lists_grow_and_stay_terminated), IT(groups_are_sorted_and_once_each),
    IT(the_same_edits_are_added_once), IT(edits_that_differ_in_one_field_are_all_kept),
    IT(thousands_of_edits_are_each_added_once), IT(the_lowest_version_follows_from_what_is_used),
    IT(released_versions_are_known))
