/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts are made in the order of the list. One that is added comes behind all that were there, but
 * before those that lie below it, which it would hide otherwise; the others keep their order.
 */
#include <stdlib.h>
#include <string.h>

#include "cdi/apply_parts.h"

/* Mounts that are in the configuration by now: where they lie. */
struct places {
	const char **v;
	size_t n;
};

/* A mount that is to be added. */
struct added {
	const struct cdi_mount *m;
	const char *at;
	size_t depth;
	size_t number;
};

/* A path as it is meant: no "//", "." and "..", no slash at its end; "" is the root. */
static const char *cleaned(struct arena *a, const char *path)
{
	char *out = arena_alloc(a, strlen(path) + 2);
	size_t len = 0;

	while (*path) {
		size_t n;

		path += strspn(path, "/");
		n = strcspn(path, "/");
		if (n == 2 && path[0] == '.' && path[1] == '.') {
			while (len && out[--len] != '/')
				;
			out[len] = '\0';
		} else if (n && !(n == 1 && path[0] == '.')) {
			out[len++] = '/';
			memcpy(out + len, path, n);
			len += n;
			out[len] = '\0';
		}
		path += n;
	}
	return out;
}

static bool is_below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return strncmp(path, folder, n) == 0 && path[n] == '/';
}

static size_t depth_of(const char *path)
{
	size_t n = 0;

	for (; *path; path++)
		n += *path == '/';
	return n;
}

static int by_depth(const void *a, const void *b)
{
	const struct added *x = a;
	const struct added *y = b;

	if (x->depth != y->depth)
		return x->depth < y->depth ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

/* Take those away that lie at the same place. */
static int remove_equal(struct apply *a, struct places *p, const char *at, struct err *e)
{
	for (size_t i = p->n; i--;) {
		if (!str_eq(p->v[i], at))
			continue;
		if (json_edit_remove(&a->j, PATH("mounts", AT(i)), e) < 0)
			return -(int)e->code;
		memmove(p->v + i, p->v + i + 1, (--p->n - i) * sizeof(*p->v));
	}
	return 0;
}

/* Before the first that lies below, but behind all that it lies below itself. */
static size_t position(const struct places *p, const char *at)
{
	size_t pos = p->n;

	for (size_t i = p->n; i--;)
		if (is_below(p->v[i], at))
			pos = i;
	for (size_t i = pos; i < p->n; i++)
		if (is_below(at, p->v[i]))
			pos = i + 1;
	return pos;
}

static int add_mount(struct apply *a, struct places *p, const struct added *m, struct err *e)
{
	CLEANUP(buf_fini) struct buf b = {0};
	size_t pos;
	int code;

	if (remove_equal(a, p, m->at, e) < 0)
		return -(int)e->code;
	pos = position(p, m->at);
	buf_str(&b, "{");
	apply_put_text(&b, "destination", m->m->container_path);
	apply_put_text(&b, "type", m->m->type);
	apply_put_text(&b, "source", m->m->host_path);
	apply_put_texts(&b, "options", &m->m->options);
	buf_str(&b, "}");
	if (pos == p->n)
		code = json_edit_append(&a->j, PATH("mounts"), b.data, e);
	else
		code = json_edit_insert(&a->j, PATH("mounts", AT(pos)), b.data, e);
	if (code < 0)
		return code;
	memmove(p->v + pos + 1, p->v + pos, (p->n++ - pos) * sizeof(*p->v));
	p->v[pos] = m->at;
	return 0;
}

int apply_mounts(struct apply *a, const struct cdi_edits *edits, struct err *e)
{
	CLEANUP(freep) struct added *added = mem_alloc((edits->mounts_n + 1) * sizeof(*added));
	CLEANUP(freep) const char **at = NULL;
	struct places p = {0};
	size_t n;

	if (!edits->mounts_n)
		return 0;
	if (apply_count(a, PATH("mounts"), "mounts", &n, e) < 0)
		return -(int)e->code;
	at = mem_alloc((n + edits->mounts_n + 1) * sizeof(*at));
	p.v = at;
	for (; p.n < n; p.n++) {
		const char *path = apply_string(a, PATH("mounts", AT(p.n), "destination"));

		p.v[p.n] = cleaned(&a->arena, path ? path : "");
	}
	for (size_t i = 0; i < edits->mounts_n; i++) {
		const char *clean = cleaned(&a->arena, edits->mounts[i].container_path);

		added[i] = (struct added){&edits->mounts[i], clean, depth_of(clean), i};
	}
	qsort(added, edits->mounts_n, sizeof(*added), by_depth);
	for (size_t i = 0; i < edits->mounts_n; i++)
		if (add_mount(a, &p, &added[i], e) < 0)
			return -(int)e->code;
	return 0;
}
