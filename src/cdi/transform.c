/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/transform.h"

#include <string.h>

#include "base/str.h"

struct move {
	struct arena *a;
	const char *from; /* without a slash at its end: "" is the root */
	const char *to;
	enum cdi_relative relative;
};

static const char *moved(const struct move *m, const char *path)
{
	size_t n = strlen(m->from);
	const char *rest;

	if (!path || path[0] != '/' || !str_starts(path, m->from) || (path[n] && path[n] != '/'))
		return path;
	rest = path + n;
	if (!*rest || str_eq(rest, "/"))
		return m->to[0] ? m->to : "/";
	return arena_fmt(m->a, "%s%s", m->to, rest);
}

/* "TARGET::LINK", or a path. */
static const char *moved_argument(const struct move *m, const char *arg)
{
	const char *colons = strstr(arg, "::");
	const char *target;

	if (!colons)
		return moved(m, arg);
	target = arena_strn(m->a, arg, (size_t)(colons - arg));
	return arena_fmt(m->a, "%s::%s", moved(m, target), moved(m, colons + 2));
}

/* Where a hook's program is taken from, and what its arguments speak of. */
static void move_hook(const struct move *m, struct cdi_hook *h)
{
	bool runs_inside = str_eq(h->stage, "startContainer");
	bool speaks_of_inside = runs_inside || str_eq(h->stage, "createContainer");

	if (runs_inside == (m->relative == CDI_CONTAINER))
		h->path = moved(m, h->path);
	if (speaks_of_inside != (m->relative == CDI_CONTAINER))
		return;
	for (size_t i = 0; i < h->args.n; i++)
		h->args.v[i] = moved_argument(m, h->args.v[i]);
}

static void move_node(const struct move *m, struct cdi_node *n)
{
	if (m->relative == CDI_HOST) {
		const char *host = n->host_path ? n->host_path : n->path;
		const char *to = moved(m, host);

		n->host_path = str_eq(to, n->path) ? NULL : to;
		return;
	}
	/* The node of the host stays the same one. */
	if (!n->host_path && moved(m, n->path) != n->path)
		n->host_path = n->path;
	n->path = moved(m, n->path);
	if (str_eq(n->path, n->host_path))
		n->host_path = NULL;
}

static void move_edits(const struct move *m, struct cdi_edits *e)
{
	for (size_t i = 0; i < e->nodes_n; i++)
		move_node(m, &e->nodes[i]);
	for (size_t i = 0; i < e->mounts_n; i++) {
		if (m->relative == CDI_HOST)
			e->mounts[i].host_path = moved(m, e->mounts[i].host_path);
		else
			e->mounts[i].container_path = moved(m, e->mounts[i].container_path);
	}
	for (size_t i = 0; i < e->hooks_n; i++)
		move_hook(m, &e->hooks[i]);
}

/* Without the slashes at its end. */
static char *root_of(struct arena *a, const char *path)
{
	size_t n = strlen(path);

	while (n && path[n - 1] == '/')
		n--;
	return arena_strn(a, path, n);
}

void cdi_transform_root(struct cdi_spec *s, const char *from, const char *to,
			enum cdi_relative relative)
{
	const struct move m = {.a = &s->arena,
			       .from = root_of(&s->arena, from),
			       .to = root_of(&s->arena, to),
			       .relative = relative};

	for (size_t i = 0; i < s->devices_n; i++)
		move_edits(&m, &s->devices[i].edits);
	move_edits(&m, &s->edits);
}
