/* SPDX-License-Identifier: Apache-2.0 */
/* containerd and CRI-O. */
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "base/json_edit.h"
#include "base/mem.h"
#include "setup/engine_parts.h"

#define PATH(...) ((const char *const[]){__VA_ARGS__, NULL})

/* The node that a path leads to, in a tree. */
static const struct doc_node *node_at(const struct doc *d, const char *const *path)
{
	const struct doc_node *n = d->top;

	for (; *path && n; path++)
		n = doc_get(n, *path);
	return n;
}

static bool has_key(const char *const *keys, const char *key)
{
	for (; *keys; keys++)
		if (str_eq(*keys, key))
			return true;
	return false;
}

static int set_quoted(struct engine_file *f, const char *const *path, const char *text,
		      struct err *e)
{
	CLEANUP(freep) char *quoted = json_quote(text);

	return engine_file_set(f, path, quoted, e);
}

/* A path and one key more; out has room for ENGINE_KEYS. False: it is too long. */
static bool extend(const char *const *path, const char *key, const char **out)
{
	size_t n = 0;

	for (; path[n]; n++)
		out[n] = path[n];
	if (n >= ENGINE_KEYS)
		return false;
	out[n] = key;
	out[n + 1] = NULL;
	return true;
}

int engine_copy_runtime(struct engine_file *to, const char *const *to_path,
			const struct engine_file *from, const char *const *from_path,
			const char *const *skip, struct err *e)
{
	CLEANUP(doc_fini) struct doc d = {0};
	const struct doc_node *table;

	if (engine_file_read(from, &d, e) < 0)
		return -(int)e->code;
	table = node_at(&d, from_path);
	for (const struct doc_node *n = table ? table->first : NULL; n; n = n->next) {
		const char *source[ENGINE_KEYS + 1];
		const char *target[ENGINE_KEYS + 1];
		CLEANUP(freep) char *value = NULL;

		if (has_key(skip, n->key) || !extend(from_path, n->key, source) ||
		    !extend(to_path, n->key, target))
			continue;
		value = engine_file_value(from, source);
		if (value && engine_file_set(to, target, value, e) < 0)
			return -(int)e->code;
		if (!value && n->kind == DOC_MAP &&
		    engine_copy_runtime(to, target, from, source, skip, e) < 0)
			return -(int)e->code;
	}
	return 0;
}

/* containerd: what the version of a file calls the plugin. */
static const char *const plugins[] = {NULL, "cri", "io.containerd.grpc.v1.cri",
				      "io.containerd.cri.v1.runtime"};
enum { NEWEST = 3, FOR_NEW_FILES = 2 };

struct containerd {
	struct engine_plan *plan;
	const char *main; /* path of the main file */
	const char *drop_in;
	struct doc doc; /* of the main file */
	uint64_t version;
	const char *plugin;
	const char *name;
};

/* The main file is the plan's first. Its address changes when another is opened. */
static struct engine_file *main_file(const struct containerd *c)
{
	return &c->plan->files[0];
}

static struct engine_file *last_file(const struct containerd *c)
{
	return &c->plan->files[c->plan->files_n - 1];
}

static int read_version(struct containerd *c, struct err *e)
{
	const struct doc_node *n = doc_get(c->doc.top, "version");

	/* Without one the first version is meant; a file with nothing in it may have any. */
	c->version = c->doc.top->n ? 1 : FOR_NEW_FILES;
	if (n && (n->kind != DOC_NUMBER ||
		  parse_uint(n->text, NEWEST, "version", &c->version, e) < 0 || !c->version)) {
		(void)doc_err(&c->doc, n, e,
			      "containerd's configuration of version %s is not known",
			      n->text ? n->text : "?");
		return err_hint(e, "dlenv knows the versions 1 to 3");
	}
	c->plugin = plugins[c->version];
	return 0;
}

/* Does a pattern of imports take the drop-in? It counts from the main file's folder. */
static bool imports_it(const struct containerd *c, const char *pattern)
{
	const char *slash = strrchr(c->main, '/');
	CLEANUP(freep)
	char *full = *pattern == '/' ? str_dup(pattern)
				     : str_fmt("%.*s/%s", (int)(slash - c->main), c->main, pattern);

	return fnmatch(full, c->drop_in, FNM_PATHNAME) == 0;
}

static int add_import(const struct containerd *c, struct err *e)
{
	const struct doc_node *list = doc_get(c->doc.top, "imports");
	const char *slash = strrchr(c->drop_in, '/');
	CLEANUP(freep) char *all = str_fmt("%.*s/*.toml", (int)(slash - c->drop_in), c->drop_in);
	CLEANUP(freep) char *quoted = json_quote(str_ends(c->drop_in, ".toml") ? all : c->drop_in);

	for (const struct doc_node *n = list ? list->first : NULL; n; n = n->next)
		if (n->text && imports_it(c, n->text))
			return 0;
	return engine_file_append(main_file(c), PATH("imports"), quoted, e);
}

/*
 * Before containerd 2 a file that names any runtime has no others, not even the one that is built
 * in, and a plugin's section in a drop-in replaces that of the main file as a whole.
 */
static int keep_runc(const struct containerd *c, struct err *e)
{
	const char *const runtimes[] = {"plugins", c->plugin, "containerd", "runtimes", NULL};
	const char *const runc[] = {"plugins", c->plugin,      "containerd", "runtimes",
				    "runc",    "runtime_type", NULL};

	if (c->version > 2 || node_at(&c->doc, runtimes))
		return 0;
	return engine_file_set(last_file(c), runc, "\"io.containerd.runc.v2\"", e);
}

/* The runtime that containers have now, which ours takes its options from, if it is a runc. */
static const char *source_runtime(const struct containerd *c)
{
	const char *const path[] = {"plugins", c->plugin, "containerd", "default_runtime_name",
				    NULL};
	const struct doc_node *n = node_at(&c->doc, path);
	const char *name = n && n->text && *n->text && !str_eq(n->text, c->name) ? n->text : "runc";
	const char *const type[] = {"plugins", c->plugin,      "containerd", "runtimes",
				    name,      "runtime_type", NULL};

	n = node_at(&c->doc, type);
	return n && n->text && !str_starts(n->text, "io.containerd.runc.") ? "runc" : name;
}

static int add_runtime(const struct containerd *c, struct err *e)
{
	static const char *const skip[] = {"BinaryName", NULL};
	const char *const ours[] = {"plugins", c->plugin, "containerd", "runtimes", c->name, NULL};
	const char *const source[] = {"plugins",  c->plugin,	     "containerd",
				      "runtimes", source_runtime(c), NULL};
	const char *const type[] = {"plugins", c->plugin,      "containerd", "runtimes",
				    c->name,   "runtime_type", NULL};
	const char *const binary[] = {"plugins", c->plugin, "containerd", "runtimes",
				      c->name,	 "options", "BinaryName", NULL};
	CLEANUP(freep) char *path = engine_runtime_path(c->plan);
	struct engine_file *f = last_file(c);

	if (keep_runc(c, e) < 0)
		return -(int)e->code;
	if (!engine_file_has(f, ours) &&
	    engine_copy_runtime(f, ours, main_file(c), source, skip, e) < 0)
		return -(int)e->code;
	if (!engine_file_has(f, type) &&
	    engine_file_set(f, type, "\"io.containerd.runc.v2\"", e) < 0)
		return -(int)e->code;
	return set_quoted(f, binary, path, e);
}

static int add_switches(const struct containerd *c, struct err *e)
{
	const char *const first[] = {"plugins", c->plugin, "containerd", "default_runtime_name",
				     NULL};
	const char *const cdi[] = {"plugins", c->plugin, "enable_cdi", NULL};
	enum engine_switch asked = c->plan->options->cdi;

	if (c->plan->options->make_default && set_quoted(last_file(c), first, c->name, e) < 0)
		return -(int)e->code;
	/* containerd 2, which alone reads version 3, has it on. */
	if (asked == SWITCH_ON || (asked == SWITCH_AUTO && c->version < 3))
		return engine_file_set(last_file(c), cdi, "true", e);
	return 0;
}

/* The drop-in: of the main file's version, since a later one is not read. */
static int open_drop_in(struct containerd *c, struct err *e)
{
	CLEANUP(freep) char *version = str_fmt("%llu", (unsigned long long)c->version);
	struct engine_file *f = NULL;

	if (add_import(c, e) < 0 || engine_plan_file(c->plan, c->drop_in, FORMAT_TOML, &f, e) < 0)
		return -(int)e->code;
	if (c->version < 3)
		strs_add(&c->plan->notes,
			 _("containerd before 2.0 takes a plugin's section from one file only: "
			   "without --drop-in the main file is changed"));
	return engine_file_set(f, PATH("version"), version, e);
}

static void note_disabled(const struct containerd *c)
{
	const struct doc_node *list = doc_get(c->doc.top, "disabled_plugins");

	for (const struct doc_node *n = list ? list->first : NULL; n; n = n->next)
		if (str_eq(n->text, "cri") || str_eq(n->text, c->plugin))
			strs_fmt(&c->plan->notes,
				 _("'%s' switches the CRI plugin off (disabled_plugins): what is "
				   "set here holds once it is on"),
				 c->main);
}

int containerd_plan(struct engine_plan *p, const struct engine_row *row, struct err *e)
{
	const struct engine_options *o = p->options;
	struct containerd c = {.plan = p,
			       .main = o->config ? o->config : row->config,
			       .drop_in = o->drop_in,
			       .name = engine_runtime_name(p)};
	struct engine_file *f = NULL;
	int code = 0;

	if (engine_plan_file(p, c.main, FORMAT_TOML, &f, e) < 0 ||
	    engine_file_read(f, &c.doc, e) < 0)
		return -(int)e->code;
	if (read_version(&c, e) < 0) {
		code = -(int)e->code;
	} else {
		if (!c.drop_in)
			c.drop_in = c.version < 3 ? "" : row->drop_in;
		note_disabled(&c);
		if (!c.doc.top->n)
			code = engine_file_set(f, PATH("version"), "2", e);
		if (!code && *c.drop_in)
			code = open_drop_in(&c, e);
		if (!code && (add_runtime(&c, e) < 0 || add_switches(&c, e) < 0))
			code = -(int)e->code;
	}
	doc_fini(&c.doc);
	return code;
}

/* CRI-O: the main file and its folder of drop-ins, in the order in which they are read. */
static void crio_files(const struct engine_plan *p, const struct engine_row *row, const char *ours,
		       struct strs *ret)
{
	static const char folder[] = "/etc/crio/crio.conf.d";
	CLEANUP(strs_fini) struct strs names = {0};
	CLEANUP(fd_closep) int fd = -1;
	struct err ignored;

	strs_add(ret, p->options->config ? p->options->config : row->config);
	if (rootfs_open(p->root->fd, folder, O_RDONLY | O_DIRECTORY, 0, &fd, &ignored) < 0 ||
	    dir_list(fd, ".", &names, &ignored) < 0)
		return;
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP(freep) char *path = str_fmt("%s/%s", folder, names.v[i]);

		if (*names.v[i] != '.' && !str_eq(path, ours))
			strs_add(ret, path);
	}
}

/* The default runtime's name, as the last file that says so has it. The caller's; or NULL. */
static int crio_default(const struct engine_plan *p, const struct strs *files, char **ret,
			struct err *e)
{
	for (size_t i = 0; i < files->n; i++) {
		CLEANUP(engine_file_fini) struct engine_file f = {0};
		CLEANUP(doc_fini) struct doc d = {0};
		const struct doc_node *n;

		if (engine_file_open(p->root, files->v[i], FORMAT_TOML, &f, e) < 0 ||
		    engine_file_read(&f, &d, e) < 0)
			return -(int)e->code;
		n = node_at(&d, PATH("crio", "runtime", "default_runtime"));
		if (n && n->text && *n->text && !str_eq(n->text, engine_runtime_name(p))) {
			freep(ret);
			*ret = str_dup(n->text);
		}
	}
	return 0;
}

/* What the default runtime has (its monitor, annotations that are allowed) ours needs too. */
static int crio_copy(struct engine_file *to, const struct engine_plan *p, const struct strs *files,
		     const char *source, struct err *e)
{
	static const char *const skip[] = {"runtime_path", "runtime_root", "runtime_type", NULL};
	const char *const ours[] = {"crio", "runtime", "runtimes", engine_runtime_name(p), NULL};
	const char *const theirs[] = {"crio", "runtime", "runtimes", source, NULL};

	for (size_t i = 0; i < files->n; i++) {
		CLEANUP(engine_file_fini) struct engine_file f = {0};

		if (engine_file_open(p->root, files->v[i], FORMAT_TOML, &f, e) < 0 ||
		    engine_copy_runtime(to, ours, &f, theirs, skip, e) < 0)
			return -(int)e->code;
	}
	return 0;
}

int crio_plan(struct engine_plan *p, const struct engine_row *row, struct err *e)
{
	const char *name = engine_runtime_name(p);
	const char *main = p->options->config ? p->options->config : row->config;
	const char *drop_in = p->options->drop_in ? p->options->drop_in : row->drop_in;
	const char *ours = *drop_in ? drop_in : main;
	CLEANUP(freep) char *path = engine_runtime_path(p);
	CLEANUP(freep) char *source = NULL;
	CLEANUP(strs_fini) struct strs files = {0};
	struct engine_file *f = NULL;

	crio_files(p, row, ours, &files);
	if (crio_default(p, &files, &source, e) < 0 ||
	    engine_plan_file(p, ours, FORMAT_TOML, &f, e) < 0)
		return -(int)e->code;
	if (!engine_file_has(f, PATH("crio", "runtime", "runtimes", name)) &&
	    (crio_copy(f, p, &files, source ? source : "crun", e) < 0 ||
	     (!source && crio_copy(f, p, &files, "runc", e) < 0)))
		return -(int)e->code;
	if (set_quoted(f, PATH("crio", "runtime", "runtimes", name, "runtime_path"), path, e) < 0 ||
	    set_quoted(f, PATH("crio", "runtime", "runtimes", name, "runtime_type"), "oci", e) < 0)
		return -(int)e->code;
	if (p->options->make_default)
		return set_quoted(f, PATH("crio", "runtime", "default_runtime"), name, e);
	return 0;
}
