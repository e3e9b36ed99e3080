/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cdi/apply.h"
#include "cdi/readers.h"
#include "cdi/registry.h"
#include "cli/cmds.h"
#include "cli/output.h"
#include "cli/site.h"

enum { SPEC_MAX = 4 << 20, CONFIG_MAX = 16 << 20 };

struct list_options {
	const char **dirs;
};

const struct option_row cdi_list_options[] = {
	{OPTION(struct list_options, dirs, "spec-dir", 0, OPT_STRS), .arg = "DIR",
	 .help = N_("read specifications from this folder; several are allowed, later ones win")},
	{0},
};

static int read_registry(struct cli *c, const char *const *dirs, struct cdi_registry *ret,
			 struct err *e)
{
	const struct root *machine = NULL;

	if (cli_machine(c, &machine, e) < 0)
		return -(int)e->code;
	return cdi_registry_read(machine, dirs ? dirs : cdi_default_dirs, ret, e);
}

static json_t *strings(const struct strs *l)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->n; i++)
		(void)json_array_append_new(list, json_string(l->v[i]));
	return list;
}

int cmd_cdi_list(struct cli *c, struct err *e)
{
	const struct list_options *o = c->opt;
	CLEANUP(cdi_registry_fini) struct cdi_registry g = {0};
	CLEANUP(strs_fini) struct strs names = {0};
	CLEANUP(strs_fini) struct strs conflicts = {0};

	if (read_registry(c, (const char *const *)o->dirs, &g, e) < 0)
		return -(int)e->code;
	cdi_registry_names(&g, &names, &conflicts);
	for (size_t i = 0; i < g.files_n; i++)
		if (g.files[i].err.code)
			cli_warn(c, "%s", g.files[i].err.msg);
	for (size_t i = 0; i < conflicts.n; i++)
		cli_warn(c, "%s", conflicts.v[i]);
	for (size_t i = 0; i < names.n; i++)
		cli_print(c, "%s", names.v[i]);
	cli_answer(c, json_pack("{s:o}", "devices", strings(&names)));
	return 0;
}

/* A run of `validate`. */
struct validation {
	struct cli *c;
	json_t *files; /* of the answer */
	size_t wrong;
};

/* Releases of engines that refuse a version: "podman before 5.1, docker before 27". */
static void say_readers(struct cli *c, const char *version)
{
	CLEANUP(buf_fini) struct buf list = {0};

	for (const char *const *engine = cdi_reader_engines; *engine; engine++) {
		const char *since = cdi_reader_since(*engine, version);

		if (!since) {
			cli_print(c, _("  it is not known here which engines read CDI %s"),
				  version);
			return;
		}
		buf_fmt(&list, "%s%s < %s", list.len ? ", " : "", *engine, since);
	}
	cli_print(c, _("  not read by: %s"), list.data);
}

/* Messages may quote the half of a letter, and file names any bytes: JSON holds neither. */
static json_t *text_json(const char *text)
{
	CLEANUP(freep) char *ascii = NULL;
	json_t *j = json_string(text);

	if (j)
		return j;
	ascii = str_dup(text);
	for (char *p = ascii; *p; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	return json_string(ascii);
}

/* Added to the specification late, and to no version of it. */
static bool uses_none(const struct cdi_edits *e)
{
	for (size_t i = 0; i < e->nodes_n; i++)
		if (str_eq(e->nodes[i].permissions, "none"))
			return true;
	return false;
}

static json_t *problems_json(const struct cdi_problems *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->n; i++)
		(void)json_array_append_new(list,
					    json_pack("{s:s, s:s}", "message", p->items[i].msg,
						      "hint", p->items[i].hint));
	return list;
}

static void say_valid(struct validation *v, const char *path, const struct cdi_spec *s)
{
	const char *why = NULL;
	const char *needed = cdi_version_needed(s, &why);
	bool none = uses_none(&s->edits);

	cli_print(v->c, _("%s: CDI %s, kind %s, devices: %zu"), path, s->version, s->kind,
		  s->devices_n);
	if (!str_eq(needed, cdi_version_known(s->version)))
		cli_print(v->c, _("  version %s would do, which older engines read"), needed);
	else if (why)
		cli_print(v->c, _("  version %s is needed for %s"), needed, tr(why));
	say_readers(v->c, cdi_version_known(s->version));
	for (size_t i = 0; i < s->devices_n; i++)
		none = none || uses_none(&s->devices[i].edits);
	if (none)
		cli_print(v->c, _("  only engines of 2026 and later read 'permissions: none'"));
	(void)json_array_append_new(v->files,
				    json_pack("{s:s, s:b, s:s, s:s, s:s?, s:s, s:I, s:[]}", "path",
					      path, "ok", 1, "version", s->version, "needed",
					      needed, "because", why, "kind", s->kind, "devices",
					      (json_int_t)s->devices_n, "problems"));
}

static void say_wrong(struct validation *v, const char *path, const struct cdi_problems *p)
{
	for (size_t i = 0; i < p->n; i++) {
		cli_print(v->c, "%s", p->items[i].msg);
		if (p->items[i].hint[0])
			cli_print(v->c, "  %s %s", _("fix:"), p->items[i].hint);
	}
	(void)json_array_append_new(v->files, json_pack("{s:o, s:b, s:o}", "path", text_json(path),
							"ok", 0, "problems", problems_json(p)));
	v->wrong += p->n;
}

static void say_error(struct validation *v, const char *path, struct err *e)
{
	say_wrong(v, path, &(struct cdi_problems){.items = e, .n = 1});
}

static void validate_text(struct validation *v, const char *path, const char *text, size_t len)
{
	CLEANUP(cdi_problems_fini) struct cdi_problems p = {0};
	CLEANUP(cdi_spec_fini) struct cdi_spec s = {0};

	if (cdi_spec_problems(text, len, path, &s, &p))
		say_wrong(v, path, &p);
	else
		say_valid(v, path, &s);
}

/* Folders as the engines read them: files that are wrong, and devices that two of them have. */
static int validate_folders(struct validation *v, const struct root *r, const char *const *dirs,
			    struct err *e)
{
	CLEANUP(cdi_registry_fini) struct cdi_registry g = {0};
	CLEANUP(strs_fini) struct strs names = {0};
	CLEANUP(strs_fini) struct strs conflicts = {0};

	if (cdi_registry_read(r, dirs, &g, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < g.files_n; i++) {
		struct cdi_file *f = &g.files[i];
		CLEANUP(freep) char *text = NULL;
		struct err ignored;

		if (!f->err.code)
			say_valid(v, f->path, &f->spec);
		else if (f->err.code == ERR_CONFIG &&
			 root_read(r, f->path, SPEC_MAX, &text, &ignored) == 0)
			validate_text(v, f->path, text, strlen(text));
		else
			say_error(v, f->path, &f->err);
	}
	cdi_registry_names(&g, &names, &conflicts);
	for (size_t i = 0; i < conflicts.n; i++)
		cli_warn(v->c, "%s", conflicts.v[i]);
	v->wrong += conflicts.n;
	if (!g.files_n)
		cli_note(v->c, _("there are no specifications in %s"), dirs[0]);
	return 0;
}

static int validate_path(struct validation *v, const char *path, struct err *e)
{
	CLEANUP(freep) char *text = NULL;
	char real[PATH_MAX];
	struct err why = {0};
	struct stat st;
	size_t len = 0;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode) && realpath(path, real)) {
		const char *const dirs[] = {real, NULL};
		CLEANUP(root_close) struct root r = {.fd = -1};

		if (root_open(&r, "/", e) < 0)
			return -(int)e->code;
		return validate_folders(v, &r, dirs, e);
	}
	if (file_read(AT_FDCWD, path, SPEC_MAX, &text, &len, &why) < 0)
		say_error(v, path, &why);
	else
		validate_text(v, path, text, len);
	return 0;
}

static int validate_all(struct validation *v, struct err *e)
{
	const struct root *machine = NULL;

	if (!v->c->args_n) {
		if (cli_machine(v->c, &machine, e) < 0)
			return -(int)e->code;
		return validate_folders(v, machine, cdi_default_dirs, e);
	}
	for (size_t i = 0; i < v->c->args_n; i++)
		if (validate_path(v, v->c->args[i], e) < 0)
			return -(int)e->code;
	return 0;
}

int cmd_cdi_validate(struct cli *c, struct err *e)
{
	struct validation v = {.c = c, .files = json_array()};

	if (validate_all(&v, e) < 0) {
		json_decref(v.files);
		return -(int)e->code;
	}
	cli_answer(c, json_pack("{s:o}", "files", v.files));
	if (!v.wrong)
		return 0;
	return err_set(e, ERR_PROBLEMS, "%zu problems were found", v.wrong);
}

struct apply_options {
	const char **devices;
	const char **dirs;
	bool in_place;
};

const struct option_row cdi_apply_options[] = {
	{OPTION(struct apply_options, devices, "device", 0, OPT_STRS), .arg = "NAME",
	 .help = N_("put this device in, such as nvidia.com/gpu=0; several are allowed")},
	{OPTION(struct apply_options, dirs, "spec-dir", 0, OPT_STRS), .arg = "DIR",
	 .help = N_("read specifications from this folder; several are allowed, later ones win")},
	{OPTION(struct apply_options, in_place, "in-place", 'i', OPT_FLAG),
	 .help = N_("change the file instead of printing the result")},
	{0},
};

/* The configuration's text: from a file, or from the standard input. */
static int read_config(struct cli *c, struct buf *ret, struct err *e)
{
	const char *path = cli_arg(c);
	CLEANUP(freep) char *text = NULL;
	size_t len = 0;

	if (path && !str_eq(path, "-")) {
		if (file_read(AT_FDCWD, path, CONFIG_MAX, &text, &len, e) < 0)
			return -(int)e->code;
		buf_add(ret, text, len);
		return 0;
	}
	ret->max = CONFIG_MAX;
	if (read_all(STDIN_FILENO, ret) < 0)
		return err_sys(e, "cannot read the standard input");
	if (ret->full)
		return err_set(e, ERR_PARSE, "'%s' is larger than %d bytes", "-", CONFIG_MAX);
	return 0;
}

static int write_config(struct cli *c, const char *text, struct err *e)
{
	const struct apply_options *o = c->opt;
	char real[PATH_MAX];
	struct stat st;

	if (!o->in_place || c->g.dry_run) {
		if (!c->g.json)
			(void)fputs(text, stdout);
		cli_answer(c, json_pack("{s:s}", "config", text));
		return 0;
	}
	/* A link stays one. */
	if (!realpath(cli_arg(c), real) || stat(real, &st) < 0)
		return err_sys(e, "cannot open '%s'", cli_arg(c));
	return file_write(AT_FDCWD, real, text, strlen(text), st.st_mode & 07777, FILE_SYNC, e);
}

int cmd_cdi_apply(struct cli *c, struct err *e)
{
	const struct apply_options *o = c->opt;
	CLEANUP(cdi_registry_fini) struct cdi_registry g = {0};
	CLEANUP(buf_fini) struct buf config = {0};
	CLEANUP(freep) char *text = NULL;
	struct cdi_edits edits = {0};

	if (!o->devices)
		return err_set(e, ERR_USAGE, "name a device with --device");
	if (o->in_place && (!cli_arg(c) || str_eq(cli_arg(c), "-")))
		return err_set(e, ERR_USAGE, "--in-place needs a file");
	if (read_registry(c, (const char *const *)o->dirs, &g, e) < 0 ||
	    cdi_registry_edits(&g, (const char *const *)o->devices, &c->arena, &edits, e) < 0 ||
	    read_config(c, &config, e) < 0)
		return -(int)e->code;
	if (cdi_apply(config.data ? config.data : "", config.len, &edits, 0, &text, e) < 0)
		return -(int)e->code;
	return write_config(c, text, e);
}
