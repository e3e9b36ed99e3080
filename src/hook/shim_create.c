/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: what is asked for is read from config.json; the mode turns it into edits, which
 * are put into the text of config.json without touching the rest (cdi/apply.h), and the file is
 * replaced whole. In the modes that use CDI, NVIDIA's own prestart hook (which an engine may have
 * added for the same GPUs) is taken out. Capabilities and requirements count in every mode.
 */
#include <fcntl.h>
#include <string.h>

#include "base/json_edit.h"
#include "base/str.h"
#include "cdi/apply.h"
#include "cdi/fresh.h"
#include "cdi/registry.h"
#include "hook/bundle.h"
#include "hook/describe.h"
#include "hook/shim.h"

#define JIT_KIND "runtime.nvidia.com/gpu="

/* One container that is being created. */
struct create {
	const struct toolkit_config *c;
	struct bundle *b;
	struct wish *w;
	struct machine *m;
	struct strs *notes;
	const char *hook;
	struct arena *a;
};

static struct describe described(const struct create *k, enum cdi_mode mode)
{
	return (struct describe){
		.m = k->m, .c = k->c, .w = k->w, .mode = mode, .hook = k->hook, .notes = k->notes};
}

/* Devices of the kind that means "described now" are GPUs by their ids. */
static int take_jit_names(struct create *k, struct err *e)
{
	size_t n = 0;

	for (const char **name = k->w->names; name && *name; name++, n++) {
		if (!str_starts(*name, JIT_KIND)) {
			(void)err_set(e, ERR_CONFIG, "'%.128s' cannot be described now", *name);
			return err_hint(e, "set nvidia-container-runtime.mode to cdi or auto for "
					   "devices of specifications");
		}
		*name += strlen(JIT_KIND);
	}
	if (n) {
		k->w->q.ids = (const char *const *)k->w->names;
		k->w->none = n == 1 && str_eq(k->w->names[0], "none");
	}
	return 0;
}

static int jit_edits(struct create *k, enum cdi_mode mode, struct cdi_edits *ret, struct err *e)
{
	struct describe d = described(k, mode);

	if (take_jit_names(k, e) < 0)
		return -(int)e->code;
	return describe(&d, k->a, ret, e);
}

static int make_jit(struct create *k, struct cdi_edits *ret, struct err *e)
{
	return jit_edits(k, CDI_MODE_AUTO, ret, e);
}

static int make_csv(struct create *k, struct cdi_edits *ret, struct err *e)
{
	return jit_edits(k, CDI_MODE_CSV, ret, e);
}

/* The names of the devices in the machine's specifications. */
static const char *const *cdi_names(const struct create *k)
{
	static const char *const all[] = {"all", NULL};
	const char *const *ids = k->w->none || !k->w->q.ids ? all : k->w->q.ids;
	const char **names;
	size_t n = 0;

	if (k->w->names)
		return (const char *const *)k->w->names;
	while (ids[n])
		n++;
	names = arena_alloc(k->a, (n + 1) * sizeof(*names));
	for (size_t i = 0; i < n; i++)
		names[i] = arena_fmt(k->a, "%s=%s", k->c->runtime.cdi_default_kind, ids[i]);
	return names;
}

/* Is a file of this kind one that we made of a machine that has changed since? */
static bool is_stale(const struct create *k, const struct cdi_registry *g, const char *kind)
{
	for (size_t i = 0; i < g->files_n; i++) {
		const struct cdi_file *f = &g->files[i];
		CLEANUP(freep)
		char *path = str_fmt("%s%s", str_eq(k->m->root.path, "/") ? "" : k->m->root.path,
				     f->path);

		if (str_eq(f->spec.kind, kind) && cdi_fresh(&k->m->root, path) == STALE)
			return true;
	}
	return false;
}

/* The ids behind "KIND=ID", as the generator takes them; NULL: another kind is among them. */
static const char *const *ids_of(struct create *k, const char *const *names, const char *kind)
{
	size_t skip = strlen(kind) + 1;
	const char **ids;
	size_t n = 0;

	while (names[n])
		n++;
	ids = arena_alloc(k->a, (n + 1) * sizeof(*ids));
	for (size_t i = 0; i < n; i++) {
		if (!str_starts(names[i], kind) || names[i][skip - 1] != '=')
			return NULL;
		ids[i] = names[i] + skip;
		/* The names type-index: gpu0, mig0:1. */
		if (str_starts(ids[i], "gpu") || str_starts(ids[i], "mig"))
			ids[i] += strlen("gpu");
	}
	return ids;
}

/*
 * What a specification says that is not true any more would be wrong or fail: what it would say now
 * is described instead. False: it is to be read after all.
 */
static bool make_stale(struct create *k, const struct cdi_registry *g, struct cdi_edits *ret)
{
	const char *kind = k->c->runtime.cdi_default_kind;
	const char *const *names = cdi_names(k);
	const char *const *before = k->w->q.ids;
	struct describe d = described(k, CDI_MODE_AUTO);
	struct cdi_edits edits = {0};
	struct err why = {0};

	if (!is_stale(k, g, kind))
		return false;
	k->w->q.ids = ids_of(k, names, kind);
	if (k->w->q.ids && describe(&d, k->a, &edits, &why) == 0) {
		*ret = edits;
		return true;
	}
	k->w->q.ids = before;
	strs_fmt(k->notes,
		 "the specification of %s is of an earlier driver or of other GPUs%s%s: "
		 "`dlenv cdi refresh` writes it anew",
		 kind, why.msg[0] ? ", and they cannot be described: " : "", why.msg);
	return false;
}

static int make_cdi(struct create *k, struct cdi_edits *ret, struct err *e)
{
	struct describe d = described(k, CDI_MODE_AUTO);
	struct cdi_registry g = {0};
	int code = describe_requirements(&d, e);

	if (code == 0)
		code = cdi_registry_read(&k->m->root,
					 (const char *const *)k->c->runtime.cdi_spec_dirs, &g, e);
	if (code == 0 && make_stale(k, &g, ret)) {
		cdi_registry_fini(&g);
		return 0;
	}
	if (code == 0)
		code = cdi_registry_edits(&g, cdi_names(k), k->a, ret, e);
	if (code == 0 && k->w->none)
		edits_drop_nodes(ret);
	/* A specification knows nothing of capabilities: what is there is for all of them. */
	if (code == 0 && k->w->caps_given)
		edits_keep_caps(ret, k->w->q.caps);
	cdi_registry_fini(&g);
	return code;
}

static const struct {
	int (*make)(struct create *k, struct cdi_edits *ret, struct err *e);
} modes[] = {
	[TOOLKIT_CDI] = {make_cdi},
	[TOOLKIT_JIT_CDI] = {make_jit},
	[TOOLKIT_CSV] = {make_csv},
};

static enum toolkit_mode mode_resolve(enum toolkit_mode mode, const struct wish *w)
{
	if (mode != TOOLKIT_AUTO)
		return mode;
	return w->names && !str_starts(w->names[0], JIT_KIND) ? TOOLKIT_CDI : TOOLKIT_JIT_CDI;
}

static bool is_nvidia_hook(const struct json_edit *j, size_t i)
{
	CLEANUP(freep) char *index = str_fmt("%zu", i);
	const char *const path[] = {"hooks", "prestart", index, "path", NULL};
	CLEANUP(freep) char *program = json_edit_string(j, path);
	const char *slash = program ? strrchr(program, '/') : NULL;
	const char *name = slash ? slash + 1 : program;

	return str_eq(name, "nvidia-container-runtime-hook") ||
	       str_eq(name, "nvidia-container-toolkit");
}

/* A hook has a list of variables of its own, or it would be given the container's. */
static char *hook_text(void)
{
	CLEANUP(freep) char *path = shim_beside("nvidia-container-runtime-hook");
	CLEANUP(freep) char *quoted = json_quote(path);
	CLEANUP(freep) char *machine = json_quote(machine_path() ? machine_path() : "/");
	CLEANUP(freep) char *config = toolkit_config_path();
	CLEANUP(freep) char *config_quoted = json_quote(config);

	return str_fmt("{\"path\":%s,\"args\":[\"nvidia-container-runtime-hook\",\"-config\",%s,"
		       "\"-machine\",%s,\"prestart\"],\"env\":[\"NVIDIA_CTK_DEBUG=false\"]}",
		       quoted, config_quoted, machine);
}

/* legacy: the hook does the work when the container's namespaces are there. */
static int add_hook(const struct bundle *b, const char *name, char **ret, struct err *e)
{
	static const char *const list[] = {"hooks", "prestart", NULL};
	CLEANUP(json_edit_close) struct json_edit j = {0};
	CLEANUP(freep) char *hook = hook_text();
	size_t n;

	if (json_edit_open(&j, b->text, b->len, BUNDLE_MAX, name, e) < 0)
		return -(int)e->code;
	n = json_edit_count(&j, list);
	for (size_t i = 0; i < n; i++)
		if (is_nvidia_hook(&j, i)) {
			*ret = str_dup(b->text);
			return 0;
		}
	if (json_edit_append(&j, list, hook, e) < 0)
		return -(int)e->code;
	*ret = str_dup(j.text.data);
	return 0;
}

/* What the hook would find wrong is said here, where the engine listens: crun drops hooks' words.
 */
static int check_hook(struct create *k, struct err *e)
{
	struct describe d = described(k, CDI_MODE_AUTO);
	struct cdi_edits unused = {0};

	if (k->w->names) {
		(void)err_set(e, ERR_CONFIG, "the mode legacy cannot give CDI devices");
		return err_hint(e, "set nvidia-container-runtime.mode to auto or cdi");
	}
	return describe(&d, k->a, &unused, e);
}

static int apply(struct create *k, enum toolkit_mode mode, char **ret, struct err *e)
{
	struct cdi_edits edits = {0};

	if (modes[mode].make(k, &edits, e) < 0)
		return -(int)e->code;
	return cdi_apply(k->b->text, k->b->len, &edits, APPLY_DROP_NVIDIA, ret, e);
}

static int create_edited(struct create *k, const char *name, enum toolkit_mode mode, char **ret,
			 struct err *e)
{
	if (machine_open(machine_path(), k->c->cli.root, k->m, e) < 0)
		return -(int)e->code;
	if (mode != TOOLKIT_LEGACY)
		return apply(k, mode, ret, e);
	return check_hook(k, e) < 0 ? -(int)e->code : add_hook(k->b, name, ret, e);
}

int shim_create(const struct shim_args *args, const struct toolkit_config *c,
		enum toolkit_mode mode, struct strs *notes, struct err *e)
{
	const char *name = args->config ? args->config : "config.json";
	CLEANUP(arena_fini) struct arena a = {0};
	CLEANUP(bundle_fini) struct bundle b = {0};
	CLEANUP(wish_fini) struct wish w = {0};
	CLEANUP(machine_close) struct machine m = {.root.fd = -1, .driver.fd = -1};
	CLEANUP(fd_closep) int dir = -1;
	CLEANUP(freep) char *hook = shim_beside("nvidia-cdi-hook");
	CLEANUP(freep) char *text = NULL;
	struct create k = {
		.c = c, .b = &b, .w = &w, .m = &m, .notes = notes, .hook = hook, .a = &a};

	if (dir_open(AT_FDCWD, args->bundle ? args->bundle : ".", &dir, e) < 0)
		return err_wrap(e, "cannot open the bundle");
	if (bundle_read(dir, name, &b, e) < 0 || wish_read(&b, c, mode == TOOLKIT_CDI, &w, e) < 0)
		return -(int)e->code;
	if (!w.q.any)
		return 0;
	if (create_edited(&k, name, mode_resolve(mode, &w), &text, e) < 0)
		return -(int)e->code;
	return file_write(dir, name, text, strlen(text), b.mode, 0, e);
}
