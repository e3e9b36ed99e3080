/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How lists grow: an array has room for the next power of two, so it is moved only when its
 * length is one. Whoever fills an array of edits must keep to that, which is what cdi_add_* do.
 */
#include "cdi/spec.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

void cdi_spec_fini(struct cdi_spec *s)
{
	arena_fini(&s->arena);
	*s = (struct cdi_spec){0};
}

struct cdi_node *cdi_add_node(struct arena *a, struct cdi_edits *e)
{
	struct cdi_node *n;

	e->nodes = arena_grow(a, e->nodes, e->nodes_n, sizeof(*e->nodes));
	n = &e->nodes[e->nodes_n++];
	*n = (struct cdi_node){.major = -1, .minor = -1, .mode = -1, .uid = -1, .gid = -1};
	return n;
}

struct cdi_mount *cdi_add_mount(struct arena *a, struct cdi_edits *e)
{
	e->mounts = arena_grow(a, e->mounts, e->mounts_n, sizeof(*e->mounts));
	e->mounts[e->mounts_n] = (struct cdi_mount){0};
	return &e->mounts[e->mounts_n++];
}

struct cdi_hook *cdi_add_hook(struct arena *a, struct cdi_edits *e)
{
	e->hooks = arena_grow(a, e->hooks, e->hooks_n, sizeof(*e->hooks));
	e->hooks[e->hooks_n] = (struct cdi_hook){0};
	return &e->hooks[e->hooks_n++];
}

struct cdi_net *cdi_add_net(struct arena *a, struct cdi_edits *e)
{
	e->nets = arena_grow(a, e->nets, e->nets_n, sizeof(*e->nets));
	e->nets[e->nets_n] = (struct cdi_net){0};
	return &e->nets[e->nets_n++];
}

struct cdi_device *cdi_add_device(struct cdi_spec *s, const char *name)
{
	struct cdi_device *d;

	s->devices = arena_grow(&s->arena, s->devices, s->devices_n, sizeof(*s->devices));
	d = &s->devices[s->devices_n++];
	*d = (struct cdi_device){.name = arena_str(&s->arena, name)};
	return d;
}

void cdi_add_text(struct arena *a, struct cdi_texts *t, const char *text)
{
	/* With the NULL behind them, n texts take n + 1 places. */
	t->v = arena_grow(a, t->v, t->v ? t->n + 1 : 1, sizeof(*t->v));
	t->v[t->n++] = arena_str(a, text);
	t->v[t->n] = NULL;
}

void cdi_add_gid(struct arena *a, struct cdi_edits *e, uint32_t gid)
{
	size_t at = e->gids_n;

	while (at && e->gids[at - 1] > gid)
		at--;
	if (at && e->gids[at - 1] == gid)
		return;
	e->gids = arena_grow(a, e->gids, e->gids_n, sizeof(*e->gids));
	memmove(e->gids + at + 1, e->gids + at, (e->gids_n - at) * sizeof(*e->gids));
	e->gids[at] = gid;
	e->gids_n++;
}

bool cdi_edits_empty(const struct cdi_edits *e)
{
	return !e->env.n && !e->nodes_n && !e->mounts_n && !e->hooks_n && !e->nets_n && !e->rdt &&
	       !e->gids_n;
}
