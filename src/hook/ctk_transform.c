/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/ctk_transform.h"

#include <string.h>

#include "base/str.h"

struct change {
	struct arena *a;
	const char *from; /* without slashes at its end */
	size_t from_n;
	const char *to;
	bool container;
};

/* Only whole names: "/run/a" is not at the beginning of "/run/ab". */
static const char *moved(const struct change *c, const char *path)
{
	const char *rest = path ? path + c->from_n : NULL;

	if (!path || path[0] != '/' || strncmp(path, c->from, c->from_n) != 0 ||
	    (*rest && *rest != '/'))
		return path;
	if (!*rest && !*c->to)
		return "/";
	return arena_fmt(c->a, "%s%s", c->to, rest);
}

/* "/path", "TARGET::LINK", "--option=/path". */
static const char *moved_argument(const struct change *c, const char *text)
{
	const char *colons = strstr(text, "::");
	const char *equals = str_starts(text, "--") ? strchr(text, '=') : NULL;

	if (equals)
		return arena_fmt(c->a, "%.*s%s", (int)(equals + 1 - text), text,
				 moved_argument(c, equals + 1));
	if (colons)
		return arena_fmt(c->a, "%s::%s",
				 moved(c, arena_strn(c->a, text, (size_t)(colons - text))),
				 moved(c, colons + 2));
	return moved(c, text);
}

static void change_hook(const struct change *c, struct cdi_hook *h)
{
	bool start = str_eq(h->stage, "startContainer");
	bool inside = start || str_eq(h->stage, "createContainer");

	/* The program of createContainer is the host's, what it is told is about the container. */
	if (start == c->container)
		h->path = moved(c, h->path);
	for (size_t i = 1; inside == c->container && i < h->args.n; i++)
		h->args.v[i] = moved_argument(c, h->args.v[i]);
}

static void change_edits(const struct change *c, struct cdi_edits *e)
{
	for (size_t i = 0; i < e->nodes_n; i++) {
		struct cdi_node *n = &e->nodes[i];

		if (c->container)
			n->path = moved(c, n->path);
		else
			n->host_path = moved(c, n->host_path ? n->host_path : n->path);
	}
	for (size_t i = 0; i < e->mounts_n; i++) {
		struct cdi_mount *m = &e->mounts[i];

		if (c->container)
			m->container_path = moved(c, m->container_path);
		else
			m->host_path = moved(c, m->host_path);
	}
	for (size_t i = 0; i < e->hooks_n; i++)
		change_hook(c, &e->hooks[i]);
}

static const char *without_slash(struct arena *a, const char *path)
{
	size_t n = strlen(path);

	while (n && path[n - 1] == '/')
		n--;
	return arena_strn(a, path, n);
}

void ctk_transform_root(struct cdi_spec *s, const char *from, const char *to, bool container)
{
	struct change c = {.a = &s->arena,
			   .from = without_slash(&s->arena, from),
			   .to = without_slash(&s->arena, to),
			   .container = container};

	c.from_n = strlen(c.from);
	change_edits(&c, &s->edits);
	for (size_t i = 0; i < s->devices_n; i++)
		change_edits(&c, &s->devices[i].edits);
}
