/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>

#include "cli/cmds.h"
#include "cli/output.h"
#include "cli/site.h"
#include "engine/build.h"

struct build_options {
	const char *preset;
	const char **set;
	bool offline;
};

const struct option_row build_options[] = {
	{OPTION(struct build_options, preset, "preset", 'p', OPT_STR), .arg = "NAME",
	 .help = N_("packages to begin with: base or torch")},
	{OPTION(struct build_options, set, "set", 's', OPT_STRS), .arg = "KEY=VALUE",
	 .help = N_("set a key of dlenv.yaml for this image")},
	{OPTION(struct build_options, offline, "offline", 0, OPT_FLAG),
	 .help = N_("use what was fetched before")},
	{0},
};

/* What a build would be made of, one layer a line, and nothing is touched. */
static int say_plan(struct cli *c, const struct site *s, const struct env_def *d, struct err *e)
{
	const struct build_layer *layers = NULL;
	bool cuda = env_wants_cuda(s, d);
	json_t *list = json_array();
	size_t n = 0;

	if (env_def_layers(d, cuda, &c->arena, &layers, &n, e) < 0) {
		json_decref(list);
		return -(int)e->code;
	}
	for (size_t i = 0; i < n; i++) {
		CLEANUP(buf_fini) struct buf line = {0};
		json_t *packages = json_array();

		for (const char *const *p = layers[i].packages; *p; p++) {
			buf_fmt(&line, " %s", *p);
			(void)json_array_append_new(packages, json_string(*p));
		}
		cli_print(c, "%s:%s", layers[i].title, line.data ? line.data : "");
		(void)json_array_append_new(list, json_pack("{s:s, s:o}", "layer", layers[i].title,
							    "packages", packages));
	}
	cli_answer(c, json_pack("{s:b, s:o}", "cuda", cuda ? 1 : 0, "layers", list));
	return 0;
}

int cmd_image_build(struct cli *c, struct err *e)
{
	const struct build_options *o = c->opt;
	CLEANUP(strs_fini) struct strs flags = {0};
	CLEANUP(env_def_fini) struct env_def d = {0};
	CLEANUP(site_close) struct site s = {.store = {.fd = -1}};
	CLEANUP(image_fini) struct image img = {0};
	CLEANUP(freep) char *size = NULL;
	bool cuda;

	if (o->preset)
		strs_fmt(&flags, "preset=%s", o->preset);
	if (o->set)
		strs_add_all(&flags, (const char *const *)o->set);
	if (cli_definition(c, (const char *const *)flags.v, &d, e) < 0 || cli_site(c, &s, e) < 0)
		return -(int)e->code;
	if (c->g.dry_run)
		return say_plan(c, &s, &d, e);
	if (env_image(&s, &d, o->offline, &img, &cuda, e) < 0)
		return -(int)e->code;
	size = str_size(img.bytes);
	cli_print(c, _("%s: %zu layers, %llu packages, %s"), img.name, img.layers.n,
		  (unsigned long long)img.packages, size);
	return 0;
}

struct image_row {
	char *name;
	uint64_t layers;
	uint64_t packages;
	uint64_t bytes;
	int64_t created;
};

static const struct column image_columns[] = {
	{"name", N_("NAME"), COL_STR, offsetof(struct image_row, name), 0},
	{"layers", N_("LAYERS"), COL_UINT, offsetof(struct image_row, layers), 0},
	{"packages", N_("PACKAGES"), COL_UINT, offsetof(struct image_row, packages), 0},
	{"bytes", N_("SIZE"), COL_SIZE, offsetof(struct image_row, bytes), 0},
	{"created", N_("CREATED"), COL_TIME, offsetof(struct image_row, created), 0},
	{0},
};

int cmd_image_ls(struct cli *c, struct err *e)
{
	CLEANUP(site_close) struct site s = {.store = {.fd = -1}};
	CLEANUP(strs_fini) struct strs names = {0};
	CLEANUP(freep) struct image_row *rows = NULL;
	size_t n = 0;

	if (cli_site(c, &s, e) < 0 || image_list(&s.store, &names, e) < 0)
		return -(int)e->code;
	rows = mem_alloc((names.n + 1) * sizeof(*rows));
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP(image_fini) struct image img = {0};

		if (image_load(&s.store, names.v[i], &img, e) < 0) {
			cli_warn(c, "%s", e->msg);
			continue;
		}
		rows[n++] = (struct image_row){.name = str_dup(img.name),
					       .layers = img.layers.n,
					       .packages = img.packages,
					       .bytes = img.bytes,
					       .created = img.created};
	}
	cli_table(c, image_columns, rows, n, sizeof(*rows));
	for (size_t i = 0; i < n; i++)
		freep(&rows[i].name);
	return 0;
}

int cmd_image_verify(struct cli *c, struct err *e)
{
	CLEANUP(site_close) struct site s = {.store = {.fd = -1}};
	CLEANUP(image_fini) struct image img = {0};

	if (cli_site(c, &s, e) < 0 || image_load(&s.store, cli_arg(c), &img, e) < 0 ||
	    build_verify(&s.store, &s.engine.map, &img, VERIFY_CONTENT | VERIFY_MARK, c->progress,
			 e) < 0)
		return -(int)e->code;
	cli_note(c, _("'%s' is what was built: every file has its digest"), img.name);
	return 0;
}

int cmd_image_rm(struct cli *c, struct err *e)
{
	CLEANUP(site_close) struct site s = {.store = {.fd = -1}};
	CLEANUP(strs_fini) struct strs used = {0};

	if (cli_site(c, &s, e) < 0 || env_layers_used(&s, &used, e) < 0 ||
	    build_remove(&s.store, &s.engine.map, cli_arg(c), &used, e) < 0)
		return -(int)e->code;
	cli_note(c, _("the image '%s' is removed"), cli_arg(c));
	return 0;
}
