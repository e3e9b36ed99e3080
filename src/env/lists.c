/* SPDX-License-Identifier: Apache-2.0 */
/* The two lists of maps in a definition: mounts and services. */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "base/str.h"
#include "env/define_keys.h"

enum { ITEMS_MAX = 200 };

static const char *const modes[] = {"rw", "ro", NULL};
static const char *const restarts[] = {"always", "on-failure", "no", NULL};

/* A mount as it is written. */
struct raw_mount {
	const char *host;
	const char *volume;
	const char *cache;
	const char *at;
	int mode;
};

static const struct doc_row mount_rows[] = {
	{"host", DOC_AS_STR, offsetof(struct raw_mount, host)},
	{"volume", DOC_AS_STR, offsetof(struct raw_mount, volume)},
	{"cache", DOC_AS_STR, offsetof(struct raw_mount, cache)},
	{"at", DOC_AS_STR, offsetof(struct raw_mount, at)},
	{"mode", DOC_AS_ENUM, offsetof(struct raw_mount, mode), .names = modes},
	{0},
};

static const struct doc_row service_rows[] = {
	{"name", DOC_AS_STR, offsetof(struct def_service, name), DOC_REQUIRED},
	{"run", DOC_AS_STRS, offsetof(struct def_service, run), DOC_REQUIRED},
	{"cwd", DOC_AS_STR, offsetof(struct def_service, cwd)},
	{"env", DOC_AS_PAIRS, offsetof(struct def_service, env)},
	{"restart", DOC_AS_ENUM, offsetof(struct def_service, restart), .names = restarts},
	{"health", DOC_AS_STR, offsetof(struct def_service, health)},
	{0},
};

/* Caches whose place is known: below the home folder. */
static const struct {
	const char *name;
	const char *at;
} caches[] = {
	{"hf", ".cache/huggingface"}, {"torch", ".cache/torch"},   {"pip", ".cache/pip"},
	{"uv", ".cache/uv"},	      {"ccache", ".cache/ccache"}, {"triton", ".triton/cache"},
	{"nv", ".nv/ComputeCache"},
};

static const char *cache_place(const char *name)
{
	for (size_t i = 0; i < COUNT(caches); i++)
		if (str_eq(caches[i].name, name))
			return caches[i].at;
	return NULL;
}

static int unknown_cache(struct loader *l, const struct doc_node *n, const char *name)
{
	CLEANUP(buf_fini) struct buf list = {0};

	for (size_t i = 0; i < COUNT(caches); i++)
		buf_fmt(&list, "%s%s", i ? ", " : "", caches[i].name);
	(void)doc_err(l->doc, n, l->e, "the place of the cache '%s' is not known", name);
	return err_hint(l->e,
			"known are %s; for another one write {cache: NAME, at: PATH} in mounts",
			list.data);
}

int check_caches(struct loader *l, const struct def_key *k UNUSED, const struct doc_node *n)
{
	const struct doc_node *i = n->kind == DOC_LIST ? n->first : n;

	for (; i; i = i->next)
		if (!cache_place(i->text))
			return unknown_cache(l, i, i->text);
	return 0;
}

/* Is path the folder itself or something below it? */
static bool is_within(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return str_starts(path, folder) && (path[n] == '/' || !path[n]);
}

/* "//a/./b/" becomes "/a/b"; NULL when it goes up with "..". */
static const char *tidy(struct arena *a, const char *path)
{
	char *out = arena_alloc(a, strlen(path) + 2);
	size_t len = 0;

	for (const char *p = path; *p;) {
		size_t n;

		p += strspn(p, "/");
		n = strcspn(p, "/");
		if (n == 2 && p[0] == '.' && p[1] == '.')
			return NULL;
		if (n && !(n == 1 && p[0] == '.')) {
			out[len++] = '/';
			memcpy(out + len, p, n);
			len += n;
		}
		p += n;
	}
	if (!len)
		out[0] = '/';
	return out;
}

/* A path inside; relative ones begin at base, or are refused when it is NULL. */
static int inside_path(struct loader *l, const struct doc_node *n, const char *path,
		       const char *base, const char **ret)
{
	struct arena *a = &l->def->arena;
	const char *full = path;

	if (path[0] == '~' && (path[1] == '/' || !path[1]))
		full = arena_fmt(a, "%s%s", l->src->home, path + 1);
	else if (path[0] != '/' && path[0] != '~' && base)
		full = arena_fmt(a, "%s/%s", base, path);
	if (full[0] != '/') {
		(void)doc_err(l->doc, n, l->e, "'%s' must be an absolute path", path);
		return err_hint(l->e, "begin it with / or ~/");
	}
	full = strlen(full) < PATH_MAX ? tidy(a, full) : NULL;
	if (!full) {
		(void)doc_err(l->doc, n, l->e, "'%s' cannot be a path here", path);
		return err_hint(l->e, "write it without '..'");
	}
	*ret = full;
	return 0;
}

static int mount_point(struct loader *l, const struct doc_node *n, const char *path,
		       const char **ret)
{
	/* The runtime's own; covering them would break what keeps the container in. */
	static const char *const taken[] = {"/proc", "/sys", "/dev", "/run/dlenv"};
	bool bad;

	if (inside_path(l, n, path, NULL, ret) < 0)
		return -(int)l->e->code;
	bad = str_eq(*ret, "/");
	for (size_t i = 0; i < COUNT(taken); i++)
		bad |= is_within(*ret, taken[i]) || is_within(taken[i], *ret);
	if (!bad)
		return 0;
	(void)doc_err(l->doc, n, l->e, "nothing can be mounted at '%s'", *ret);
	return err_hint(l->e, "choose a folder such as /data or ~/data");
}

static int host_folder(struct loader *l, const struct doc_node *n, const char *text,
		       const char **ret)
{
	const char *path = host_path(l, n, text);
	char real[PATH_MAX];

	if (!path)
		return -(int)l->e->code;
	if (!realpath(path, real)) {
		(void)doc_err(l->doc, n, l->e, "the folder '%s' cannot be mounted: %s", path,
			      strerror(errno));
		return err_hint(l->e, "create it, or take the mount out");
	}
	*ret = arena_str(&l->def->arena, real);
	return 0;
}

/* The volume's or cache's name is a folder's name below dlenv's own. */
static int store_name(struct loader *l, const struct doc_node *n, const char *name,
		      const char **ret)
{
	struct err why;

	if (env_name_check(name, &why) < 0) {
		(void)doc_err(l->doc, n, l->e, "'%s' cannot be a name", name);
		return err_hint(l->e, "use small letters, digits, '-', '_' and '.'");
	}
	*ret = name;
	return 0;
}

static int mount_source(struct loader *l, const struct doc_node *item, const struct raw_mount *raw,
			struct def_mount *m)
{
	int given = !!raw->host + !!raw->volume + !!raw->cache;

	if (given != 1) {
		(void)doc_err(l->doc, item, l->e,
			      "a mount needs exactly one of 'host', 'volume' and 'cache'");
		return err_hint(l->e, "write it such as {host: ~/data, at: /data}");
	}
	if (raw->host) {
		m->kind = DEF_HOST;
		return host_folder(l, doc_get(item, "host"), raw->host, &m->source);
	}
	if (raw->volume) {
		m->kind = DEF_VOLUME;
		return store_name(l, doc_get(item, "volume"), raw->volume, &m->source);
	}
	m->kind = DEF_CACHE;
	return store_name(l, doc_get(item, "cache"), raw->cache, &m->source);
}

static int take_mount(struct loader *l, const struct doc_node *item, struct def_mount *m)
{
	struct raw_mount raw = {0};
	const struct doc_node *at = doc_get(item, "at");
	const char *place;

	if (doc_decode(l->doc, item, mount_rows, 0, &raw, &l->def->arena, l->e) < 0 ||
	    mount_source(l, item, &raw, m) < 0)
		return -(int)l->e->code;
	m->read_only = raw.mode == 1;
	if (raw.at)
		return mount_point(l, at, raw.at, &m->at);
	if (m->kind != DEF_CACHE) {
		(void)doc_err(l->doc, item, l->e, "'at' is missing");
		return err_hint(l->e, "say where it shall be: at: /data");
	}
	place = cache_place(m->source);
	if (!place)
		return unknown_cache(l, item, m->source);
	m->at = arena_fmt(&l->def->arena, "%s/%s", l->src->home, place);
	return 0;
}

/* A list of maps of at most ITEMS_MAX. */
static int expect_list(struct loader *l, const struct def_key *k, const struct doc_node *n)
{
	if (n->kind != DOC_LIST) {
		(void)doc_err(l->doc, n, l->e, "'%s' must be a list of maps", k->path);
		return err_hint(l->e, "begin each entry with '- '");
	}
	if (n->n > ITEMS_MAX)
		return doc_err(l->doc, n, l->e, "more than 200 entries in '%s'", k->path);
	return 0;
}

int take_mounts(struct loader *l, const struct def_key *k, const struct doc_node *n)
{
	struct env_def *d = l->def;
	struct def_mount *all;
	size_t count = 0;

	if (expect_list(l, k, n) < 0)
		return -(int)l->e->code;
	all = arena_alloc(&d->arena, (n->n + 1) * sizeof(*all));
	for (const struct doc_node *i = n->first; i; i = i->next, count++) {
		if (take_mount(l, i, &all[count]) < 0)
			return -(int)l->e->code;
		for (size_t j = 0; j < count; j++)
			if (str_eq(all[j].at, all[count].at)) {
				(void)doc_err(l->doc, i, l->e,
					      "something is mounted at '%s' already", all[j].at);
				return err_hint(l->e, "give each mount a place of its own");
			}
	}
	d->mounts = all;
	d->mounts_n = n->n;
	return 0;
}

void caches_to_mounts(struct loader *l)
{
	struct env_def *d = l->def;
	struct arena *a = &d->arena;
	struct def_mount *all;
	size_t n = 0;

	while (d->caches[n])
		n++;
	all = arena_alloc(a, (d->mounts_n + n + 1) * sizeof(*all));
	for (n = 0; n < d->mounts_n; n++)
		all[n] = d->mounts[n];
	for (const char *const *c = d->caches; *c; c++) {
		const char *at = arena_fmt(a, "%s/%s", l->src->home, cache_place(*c));
		bool there = false;

		for (size_t i = 0; i < n; i++)
			there |= str_eq(all[i].at, at);
		if (!there)
			all[n++] = (struct def_mount){DEF_CACHE, *c, at, false};
	}
	d->mounts = all;
	d->mounts_n = n;
}

/* "tcp ADDRESS PORT" or "unix PATH", as dlenv-init reads it. */
static bool is_health(const char *s)
{
	const char *port = strrchr(s, ' ');
	CLEANUP(freep) char *address = NULL;
	unsigned char ip[sizeof(struct in6_addr)];
	struct err ignored;
	uint64_t number;

	for (const char *p = s; *p; p++)
		if ((unsigned char)*p < ' ')
			return false;
	if (str_starts(s, "unix /"))
		return true;
	if (!str_starts(s, "tcp ") || port <= s + 4)
		return false;
	address = str_fmt("%.*s", (int)(port - s - 4), s + 4);
	return (inet_pton(AF_INET, address, ip) == 1 || inet_pton(AF_INET6, address, ip) == 1) &&
	       parse_uint(port + 1, 65535, "port", &number, &ignored) == 0 && number;
}

static int check_command(struct loader *l, const struct doc_node *run, const struct def_service *s)
{
	if (!s->run[0] || !s->run[0][0]) {
		(void)doc_err(l->doc, run, l->e, "'run' is empty");
		return err_hint(l->e, "write the program and its arguments as a list");
	}
	/* No shell reads it, so this can only be a mistake. */
	if (run->kind != DOC_LIST && strchr(run->text, ' ')) {
		(void)doc_err(l->doc, run, l->e, "'run' must be a list");
		return err_hint(l->e, "write the program and its arguments as a list: "
				      "[tensorboard, --logdir, runs]");
	}
	return 0;
}

static int check_service_env(struct loader *l, const struct doc_node *env)
{
	for (const struct doc_node *v = env ? env->first : NULL; v; v = v->next) {
		if (is_variable_name(v->key))
			continue;
		(void)doc_err_key(l->doc, v, l->e, "'%s' cannot be a variable's name", v->key);
		return err_hint(l->e, "use letters, digits and '_'");
	}
	return 0;
}

static int take_service(struct loader *l, const struct doc_node *item, struct def_service *s)
{
	const struct doc_node *name = doc_get(item, "name");
	const struct doc_node *health = doc_get(item, "health");

	if (doc_decode(l->doc, item, service_rows, 0, s, &l->def->arena, l->e) < 0 ||
	    store_name(l, name, s->name, &s->name) < 0 ||
	    check_command(l, doc_get(item, "run"), s) < 0 ||
	    check_service_env(l, doc_get(item, "env")) < 0)
		return -(int)l->e->code;
	if (str_eq(s->name, "jupyter")) {
		(void)doc_err(l->doc, name, l->e, "'jupyter' is dlenv's own service");
		return err_hint(l->e, "give it another name, or use the key jupyter");
	}
	if (s->health && !is_health(s->health)) {
		(void)doc_err(l->doc, health, l->e, "'health' cannot be '%s'", s->health);
		return err_hint(l->e, "write tcp ADDRESS PORT, such as tcp 127.0.0.1 6006, or "
				      "unix PATH");
	}
	if (s->cwd)
		return inside_path(l, doc_get(item, "cwd"), s->cwd, l->def->folder, &s->cwd);
	return 0;
}

int take_services(struct loader *l, const struct def_key *k, const struct doc_node *n)
{
	struct env_def *d = l->def;
	struct def_service *all;
	size_t count = 0;

	if (expect_list(l, k, n) < 0)
		return -(int)l->e->code;
	all = arena_alloc(&d->arena, (n->n + 1) * sizeof(*all));
	for (const struct doc_node *i = n->first; i; i = i->next, count++) {
		if (take_service(l, i, &all[count]) < 0)
			return -(int)l->e->code;
		for (size_t j = 0; j < count; j++)
			if (str_eq(all[j].name, all[count].name)) {
				(void)doc_err(l->doc, i, l->e, "there are two services '%s'",
					      all[j].name);
				return err_hint(l->e, "give each service a name of its own");
			}
	}
	d->services = all;
	d->services_n = n->n;
	return 0;
}
