/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: each layer (defaults, files, variables, flags) becomes nodes,
 * one for each key, and define_key() puts a node into the definition. Layers are
 * read lowest first, so the last one that names a key wins, and its slot
 * remembers who that was.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/str.h"
#include "env/define_keys.h"

enum { FILE_MAX = 1 << 20 };

const struct def_key *def_key_find(const char *path)
{
	for (const struct def_key *k = def_keys; k->path; k++)
		if (str_eq(k->path, path))
			return k;
	return NULL;
}

struct slot *def_slot(struct loader *l, const char *path)
{
	const struct def_key *k = def_key_find(path);

	if (!k)
		err_bug("no key '%s'", path);
	return &l->slots[k - def_keys];
}

static bool is_nothing(const struct def_key *k, const struct doc_node *n)
{
	if (n->kind != DOC_NULL)
		return false;
	return !n->text[0] || k->type != DOC_AS_STR;
}

static int not_yet(struct loader *l, const struct def_key *k, const struct doc_node *n)
{
	(void)def_unsat(l, n, "'%s' is not supported yet", k->path);
	return err_hint(l->e, "%s", tr(k->help));
}

/* Put one key's value into the definition. */
static int define_key(struct loader *l, const struct def_key *k, const struct doc_node *n)
{
	const struct doc_row rows[] = {
		{.key = k->path, .type = k->type, .offset = k->offset, .names = k->names},
		{0},
	};
	struct doc_node own = *n;
	struct doc_node map = {.kind = DOC_MAP, .first = &own, .n = 1};
	struct doc_node list = {.kind = DOC_LIST, .first = &own, .n = 1};
	bool one = k->type == DOC_AS_STRS && n->kind != DOC_LIST;
	struct slot *slot = &l->slots[k - def_keys];

	if (is_nothing(k, n))
		return 0;
	if (k->flags & KEY_LATER)
		return not_yet(l, k, n);
	if ((k->flags & KEY_PROJECT) && !l->project) {
		(void)doc_err_key(l->doc, n, l->e, "'%s' does not belong here", k->path);
		return err_hint(l->e, "write it into the project's dlenv.yaml");
	}
	own.key = k->path;
	own.next = NULL;
	if (k->type != DOC_AS_NODE && !k->word &&
	    doc_decode(l->doc, &map, rows, 0, l->def, &l->def->arena, l->e) < 0)
		return -(int)l->e->code;
	if (k->take && k->take(l, k, &own) < 0)
		return -(int)l->e->code;
	slot->value = def_render(&l->def->arena, one ? &list : n);
	slot->origin = def_origin(l, n);
	return 0;
}

/* Everything below a map of a file whose keys begin with prefix ("" or "run."). */
static int define_map(struct loader *l, const char *prefix, const struct doc_node *map);

static int unknown_key(struct loader *l, const char *prefix, const struct doc_node *n)
{
	size_t skip = strlen(prefix);
	CLEANUP(buf_fini) struct buf list = {.max = 200};
	const char *known[64];
	const char *near;
	size_t count = 0;

	buf_str(&list, "");
	for (const struct def_key *k = def_keys; k->path; k++) {
		if (!str_starts(k->path, prefix) || strchr(k->path + skip, '.'))
			continue;
		buf_fmt(&list, "%s%s", count ? ", " : "", k->path + skip);
		known[count++] = k->path + skip;
	}
	(void)doc_err_key(l->doc, n, l->e, "unknown key '%s'", n->key);
	near = word_nearest(n->key, known, count);
	if (near)
		return err_hint(l->e, "did you mean '%s'?", near);
	return err_hint(l->e, "the keys known here are: %s", list.data);
}

static int define_entry(struct loader *l, const char *prefix, const struct doc_node *n)
{
	CLEANUP(freep) char *path = str_fmt("%s%s", prefix, n->key);
	CLEANUP(freep) char *below = str_fmt("%s.", path);
	const struct def_key *k = strchr(n->key, '.') ? NULL : def_key_find(path);

	if (!k)
		return unknown_key(l, prefix, n);
	if (k->type != DOC_AS_MAP)
		return define_key(l, k, n);
	if (n->kind == DOC_NULL)
		return 0;
	if (n->kind != DOC_MAP)
		return doc_err(l->doc, n, l->e, "'%s' must be a map of keys and values", path);
	return define_map(l, below, n);
}

static int define_map(struct loader *l, const char *prefix, const struct doc_node *map)
{
	for (const struct doc_node *n = map->first; n; n = n->next)
		if (define_entry(l, prefix, n) < 0)
			return -(int)l->e->code;
	return 0;
}

/* Read a file of definitions. name is what messages call it. */
static int define_file(struct loader *l, const char *path, const char *name, const char *base)
{
	CLEANUP(doc_fini) struct doc d = {0};
	CLEANUP(freep) char *text = NULL;
	struct stat st;
	size_t len;
	int code;

	/* Opening a FIFO would wait for a writer for ever. */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		(void)err_set(l->e, ERR_CONFIG, "'%s' is not a regular file", path);
		return err_hint(l->e, "a definition is a text file; `dlenv init` writes one");
	}
	if (file_read(AT_FDCWD, path, FILE_MAX, &text, &len, l->e) < 0 ||
	    doc_yaml(text, len, name, &d, l->e) < 0)
		return -(int)l->e->code;
	dbg("definition: %s", path);
	if (d.top->kind != DOC_MAP)
		return doc_err(&d, d.top, l->e, "a map of keys and values is expected here");
	l->doc = &d;
	l->base = base;
	l->positions = true;
	code = define_map(l, "", d.top);
	l->doc = NULL; /* it ends here */
	return code;
}

/* A list in one word: "git,ripgrep". */
static struct doc_node *split(struct arena *a, const char *text)
{
	struct doc_node *list = arena_alloc(a, sizeof(*list));
	struct doc_node **end = &list->first;

	list->kind = DOC_LIST;
	for (const char *p = text; *p; p += strspn(p, ",")) {
		size_t n = strcspn(p, ",");
		CLEANUP(freep) char *word = str_fmt("%.*s", (int)n, p);

		p += n;
		if (!n)
			continue;
		*end = doc_scalar(a, word);
		end = &(*end)->next;
		list->n++;
	}
	return list;
}

/*
 * A key's value from one text (a default, a variable, a flag): brackets and double
 * quotes are YAML, anything else is the value itself. name is what messages call the source.
 */
static int define_text(struct loader *l, const struct def_key *k, const char *pair,
		       const char *text, const char *name)
{
	CLEANUP(doc_fini) struct doc d = {0};
	struct doc_node *n;
	int code;

	if (text[0] && strchr("[{\"", text[0])) {
		if (doc_yaml(text, strlen(text), name, &d, l->e) < 0)
			return -(int)l->e->code;
		n = d.top;
	} else {
		d.name = arena_str(&d.arena, name);
		n = k->type == DOC_AS_STRS ? split(&d.arena, text) : doc_scalar(&d.arena, text);
	}
	if (pair) {
		struct doc_node *map = arena_alloc(&d.arena, sizeof(*map));

		n->key = arena_str(&d.arena, pair);
		*map = (struct doc_node){.kind = DOC_MAP, .first = n, .n = 1};
		n = map;
	}
	l->doc = &d;
	l->base = l->src->cwd;
	l->positions = false;
	code = define_key(l, k, n);
	l->doc = NULL;
	return code;
}

static int define_defaults(struct loader *l)
{
	for (const struct def_key *k = def_keys; k->path; k++)
		if (k->fallback && define_text(l, k, NULL, k->fallback, "default") < 0)
			return err_wrap(l->e, "default of '%s'", k->path);
	return 0;
}

/* The value of a variable in src->env, or NULL. An empty one counts as not set. */
static const char *variable(const struct def_sources *s, const char *name)
{
	size_t n = strlen(name);

	for (const char *const *v = s->env; v && *v; v++)
		if (strncmp(*v, name, n) == 0 && (*v)[n] == '=' && (*v)[n + 1])
			return *v + n + 1;
	return NULL;
}

static int define_variables(struct loader *l)
{
	for (const struct def_key *k = def_keys; k->path; k++) {
		const char *value = k->env ? variable(l->src, k->env) : NULL;

		if (value && define_text(l, k, NULL, value, k->env) < 0)
			return -(int)l->e->code;
	}
	return 0;
}

/* The row of "run.shm", or of "run.env" for "run.env.NAME" (*ret_pair: NAME). */
static const struct def_key *key_of_flag(const char *path, const char **ret_pair)
{
	const struct def_key *k = def_key_find(path);

	*ret_pair = NULL;
	for (const struct def_key *p = def_keys; !k && p->path; p++) {
		size_t n = strlen(p->path);

		if ((p->flags & KEY_PAIRS) && str_starts(path, p->path) && path[n] == '.') {
			*ret_pair = path + n + 1;
			return p;
		}
	}
	return k && k->type != DOC_AS_MAP ? k : NULL;
}

static int unknown_flag(struct loader *l, const char *path)
{
	const char *known[128];
	const char *near;
	size_t n = 0;

	for (const struct def_key *k = def_keys; k->path && n < COUNT(known); k++)
		if (k->type != DOC_AS_MAP && !(k->flags & KEY_LATER))
			known[n++] = k->path;
	(void)err_set(l->e, ERR_CONFIG, "--set: unknown key '%s'", path);
	near = word_nearest(path, known, n);
	if (near)
		return err_hint(l->e, "did you mean '%s'?", near);
	return err_hint(l->e, "`dlenv config` lists all keys");
}

/* "KEY=VALUE", or "--KEY=VALUE" from an option of the key's own. */
static int define_flag(struct loader *l, const char *flag)
{
	bool own = str_starts(flag, "--");
	const char *text = own ? flag + strlen("--") : flag;
	size_t n = strcspn(text, "=");
	CLEANUP(freep) char *path = str_fmt("%.*s", (int)n, text);
	/* --device is given once for each. */
	CLEANUP(freep) char *option = str_fmt("--%s", str_eq(path, "devices") ? "device" : path);
	const char *pair;
	const struct def_key *k = key_of_flag(path, &pair);

	if (text[n] != '=') {
		(void)err_set(l->e, ERR_CONFIG, "--set: '%s' has no value", flag);
		return err_hint(l->e, "write KEY=VALUE, such as run.shm=8G");
	}
	if (!k)
		return unknown_flag(l, path);
	return define_text(l, k, pair, text + n + 1, own ? option : "--set");
}

static int define_flags(struct loader *l)
{
	for (const char *const *f = l->src->flags; f && *f; f++)
		if (define_flag(l, *f) < 0)
			return -(int)l->e->code;
	return 0;
}

static int define_config(struct loader *l, const char *folder)
{
	CLEANUP(freep) char *path = str_fmt("%s/config.yaml", folder);

	/* Not there, or not for us to see (another user's /root): no settings. */
	if (access(path, F_OK) < 0)
		return 0;
	return define_file(l, path, path, NULL);
}

static int define_all(struct loader *l)
{
	const struct def_sources *s = l->src;
	struct env_def *d = l->def;

	if (define_defaults(l) < 0 || def_locate(l) < 0)
		return -(int)l->e->code;
	if (s->system && define_config(l, s->system) < 0)
		return -(int)l->e->code;
	if (s->user && !str_eq(s->user, s->system) && define_config(l, s->user) < 0)
		return -(int)l->e->code;
	l->project = true;
	if (d->file &&
	    define_file(l, d->file, str_eq(d->folder, s->cwd) ? strrchr(d->file, '/') + 1 : d->file,
			d->folder) < 0)
		return -(int)l->e->code;
	if (define_variables(l) < 0)
		return -(int)l->e->code;
	return define_flags(l);
}

/* The folder's name as an environment's: "My Project" becomes "my-project". */
static const char *name_of_folder(struct arena *a, const char *folder)
{
	enum { NAME_MAX_LEN = 63 };
	const char *base = strrchr(folder, '/') ? strrchr(folder, '/') + 1 : folder;
	char *name = arena_strn(a, base, strnlen(base, NAME_MAX_LEN));
	size_t n = 0;

	for (const char *p = name; *p; p++) {
		char c = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
		bool alnum = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

		if (alnum || (n && (c == '_' || c == '.' || c == '-')))
			name[n++] = c;
		else if (n && name[n - 1] != '-')
			name[n++] = '-';
	}
	while (n && name[n - 1] == '-')
		n--;
	name[n] = '\0';
	return n ? name : "default";
}

/* What depends on several keys. */
static void complete(struct loader *l)
{
	struct env_def *d = l->def;
	struct slot *name = def_slot(l, "name");
	struct slot *jupyter = def_slot(l, "jupyter.enable");

	if (!name->origin) {
		d->name = d->file ? name_of_folder(&d->arena, d->folder) : "default";
		*name = (struct slot){d->name, d->file ? "folder" : "default"};
	}
	if (!jupyter->origin) {
		d->jupyter.enable = preset_has_package(d->preset, false, "jupyterlab");
		for (const char *const *p = d->apt; *p; p++)
			d->jupyter.enable |= str_eq(*p, "jupyterlab");
		*jupyter = (struct slot){d->jupyter.enable ? "true" : "false", "default"};
	}
	caches_to_mounts(l);
}

int env_def_load(const struct def_sources *s, struct env_def *ret, struct err *e)
{
	struct loader l = {.src = s, .def = ret, .e = e};
	size_t n = 0;

	*ret = (struct env_def){0};
	while (def_keys[n].path)
		n++;
	l.slots = arena_alloc(&ret->arena, n * sizeof(*l.slots));
	if (define_all(&l) < 0)
		return -(int)e->code;
	complete(&l);
	def_list_values(&l);
	return 0;
}
