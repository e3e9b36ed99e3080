/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Edits added to edits. What is there already is found by a table of hashes, because a device may
 * stand for thousands of nodes (IMEX channels), and a file from outside may be made to be slow.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cdi/spec.h"

/* FNV-1a; a text's end counts, so that "a" "bc" is not "ab" "c". */
static void hash_text(uint64_t *h, const char *s)
{
	for (s = s ? s : "\1"; *s; s++)
		*h = (*h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
	*h = (*h ^ 0) * UINT64_C(0x100000001b3);
}

static void hash_texts(uint64_t *h, const struct cdi_texts *t)
{
	for (size_t i = 0; i < t->n; i++)
		hash_text(h, t->v[i]);
}

static bool texts_equal(const struct cdi_texts *a, const struct cdi_texts *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!str_eq(a->v[i], b->v[i]))
			return false;
	return true;
}

static struct cdi_texts texts_copy(struct arena *a, const struct cdi_texts *t)
{
	struct cdi_texts copy = {0};

	for (size_t i = 0; i < t->n; i++)
		cdi_add_text(a, &copy, t->v[i]);
	return copy;
}

/* A kind of list in edits: its items one by one. */
struct kind {
	size_t (*count)(const struct cdi_edits *e);
	void (*hash)(const struct cdi_edits *e, size_t i, uint64_t *h);
	bool (*equal)(const struct cdi_edits *a, size_t i, const struct cdi_edits *b, size_t j);
	void (*copy)(struct arena *a, struct cdi_edits *dst, const struct cdi_edits *src, size_t i);
};

static size_t env_count(const struct cdi_edits *e)
{
	return e->env.n;
}

static void env_hash(const struct cdi_edits *e, size_t i, uint64_t *h)
{
	hash_text(h, e->env.v[i]);
}

static bool env_equal(const struct cdi_edits *a, size_t i, const struct cdi_edits *b, size_t j)
{
	return str_eq(a->env.v[i], b->env.v[j]);
}

static void env_copy(struct arena *a, struct cdi_edits *dst, const struct cdi_edits *src, size_t i)
{
	cdi_add_text(a, &dst->env, src->env.v[i]);
}

static size_t node_count(const struct cdi_edits *e)
{
	return e->nodes_n;
}

static void node_hash(const struct cdi_edits *e, size_t i, uint64_t *h)
{
	hash_text(h, e->nodes[i].path);
	hash_text(h, e->nodes[i].host_path);
}

static bool node_equal(const struct cdi_edits *a, size_t i, const struct cdi_edits *b, size_t j)
{
	const struct cdi_node *x = &a->nodes[i];
	const struct cdi_node *y = &b->nodes[j];

	return str_eq(x->path, y->path) && str_eq(x->host_path, y->host_path) &&
	       str_eq(x->type, y->type) && x->major == y->major && x->minor == y->minor &&
	       x->mode == y->mode && str_eq(x->permissions, y->permissions) && x->uid == y->uid &&
	       x->gid == y->gid;
}

static void node_copy(struct arena *a, struct cdi_edits *dst, const struct cdi_edits *src, size_t i)
{
	struct cdi_node *n = cdi_add_node(a, dst);

	*n = src->nodes[i];
	n->path = arena_str(a, n->path);
	n->host_path = arena_str(a, n->host_path);
	n->type = arena_str(a, n->type);
	n->permissions = arena_str(a, n->permissions);
}

static size_t mount_count(const struct cdi_edits *e)
{
	return e->mounts_n;
}

static void mount_hash(const struct cdi_edits *e, size_t i, uint64_t *h)
{
	hash_text(h, e->mounts[i].container_path);
	hash_text(h, e->mounts[i].host_path);
	hash_texts(h, &e->mounts[i].options);
}

static bool mount_equal(const struct cdi_edits *a, size_t i, const struct cdi_edits *b, size_t j)
{
	const struct cdi_mount *x = &a->mounts[i];
	const struct cdi_mount *y = &b->mounts[j];

	return str_eq(x->container_path, y->container_path) && str_eq(x->host_path, y->host_path) &&
	       str_eq(x->type, y->type) && texts_equal(&x->options, &y->options);
}

static void mount_copy(struct arena *a, struct cdi_edits *dst, const struct cdi_edits *src,
		       size_t i)
{
	const struct cdi_mount *m = &src->mounts[i];

	*cdi_add_mount(a, dst) = (struct cdi_mount){
		.host_path = arena_str(a, m->host_path),
		.container_path = arena_str(a, m->container_path),
		.type = arena_str(a, m->type),
		.options = texts_copy(a, &m->options),
	};
}

static size_t hook_count(const struct cdi_edits *e)
{
	return e->hooks_n;
}

static void hook_hash(const struct cdi_edits *e, size_t i, uint64_t *h)
{
	hash_text(h, e->hooks[i].stage);
	hash_text(h, e->hooks[i].path);
	hash_texts(h, &e->hooks[i].args);
	hash_texts(h, &e->hooks[i].env);
}

static bool hook_equal(const struct cdi_edits *a, size_t i, const struct cdi_edits *b, size_t j)
{
	const struct cdi_hook *x = &a->hooks[i];
	const struct cdi_hook *y = &b->hooks[j];

	return str_eq(x->stage, y->stage) && str_eq(x->path, y->path) &&
	       texts_equal(&x->args, &y->args) && texts_equal(&x->env, &y->env) &&
	       x->timeout == y->timeout;
}

static void hook_copy(struct arena *a, struct cdi_edits *dst, const struct cdi_edits *src, size_t i)
{
	const struct cdi_hook *k = &src->hooks[i];

	*cdi_add_hook(a, dst) = (struct cdi_hook){
		.stage = arena_str(a, k->stage),
		.path = arena_str(a, k->path),
		.args = texts_copy(a, &k->args),
		.env = texts_copy(a, &k->env),
		.timeout = k->timeout,
	};
}

static size_t net_count(const struct cdi_edits *e)
{
	return e->nets_n;
}

static void net_hash(const struct cdi_edits *e, size_t i, uint64_t *h)
{
	hash_text(h, e->nets[i].host_name);
	hash_text(h, e->nets[i].name);
}

static bool net_equal(const struct cdi_edits *a, size_t i, const struct cdi_edits *b, size_t j)
{
	return str_eq(a->nets[i].host_name, b->nets[j].host_name) &&
	       str_eq(a->nets[i].name, b->nets[j].name);
}

static void net_copy(struct arena *a, struct cdi_edits *dst, const struct cdi_edits *src, size_t i)
{
	*cdi_add_net(a, dst) = (struct cdi_net){
		.host_name = arena_str(a, src->nets[i].host_name),
		.name = arena_str(a, src->nets[i].name),
	};
}

static const struct kind kinds[] = {
	{env_count, env_hash, env_equal, env_copy},
	{node_count, node_hash, node_equal, node_copy},
	{mount_count, mount_hash, mount_equal, mount_copy},
	{hook_count, hook_hash, hook_equal, hook_copy},
	{net_count, net_hash, net_equal, net_copy},
};

/* Open addressing: places hold a number of an item in dst plus one, at most half of them. */
struct seen {
	size_t *places;
	size_t mask;
};

/* Whether dst has src's item i; otherwise its place is taken by number. */
static bool seen_take(struct seen *t, const struct kind *k, const struct cdi_edits *dst,
		      const struct cdi_edits *src, size_t i, size_t number)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	size_t at;

	k->hash(src, i, &h);
	for (at = (size_t)(h ^ h >> 32) & t->mask; t->places[at]; at = (at + 1) & t->mask)
		if (k->equal(dst, t->places[at] - 1, src, i))
			return true;
	t->places[at] = number + 1;
	return false;
}

/* One by one: what costs least for the one node of one more device. */
static void merge_few(struct arena *a, const struct kind *k, struct cdi_edits *dst,
		      const struct cdi_edits *src)
{
	for (size_t i = 0; i < k->count(src); i++) {
		size_t at = 0;

		while (at < k->count(dst) && !k->equal(dst, at, src, i))
			at++;
		if (at == k->count(dst))
			k->copy(a, dst, src, i);
	}
}

static void merge(struct arena *a, const struct kind *k, struct cdi_edits *dst,
		  const struct cdi_edits *src)
{
	enum { FEW = 4 };
	CLEANUP(freep) size_t *places = NULL;
	struct seen t = {0};
	size_t room = 4;

	if (k->count(src) <= FEW) {
		merge_few(a, k, dst, src);
		return;
	}
	while (room < 2 * (k->count(dst) + k->count(src)))
		room *= 2;
	places = mem_alloc(room * sizeof(*places));
	t = (struct seen){.places = places, .mask = room - 1};
	for (size_t i = 0; i < k->count(dst); i++)
		(void)seen_take(&t, k, dst, dst, i, i);
	for (size_t i = 0; i < k->count(src); i++)
		if (!seen_take(&t, k, dst, src, i, k->count(dst)))
			k->copy(a, dst, src, i);
}

static struct cdi_rdt *rdt_copy(struct arena *a, const struct cdi_rdt *src)
{
	struct cdi_rdt *r = arena_alloc(a, sizeof(*r));

	*r = *src;
	r->clos_id = arena_str(a, src->clos_id);
	r->l3_schema = arena_str(a, src->l3_schema);
	r->mem_bw_schema = arena_str(a, src->mem_bw_schema);
	r->schemata = texts_copy(a, &src->schemata);
	return r;
}

void cdi_edits_add(struct arena *a, struct cdi_edits *dst, const struct cdi_edits *src)
{
	if (dst == src)
		return;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		merge(a, &kinds[i], dst, src);
	/* One for a container: the last one asked for holds. */
	if (src->rdt)
		dst->rdt = rdt_copy(a, src->rdt);
	for (size_t i = 0; i < src->gids_n; i++)
		cdi_add_gid(a, dst, src->gids[i]);
}
