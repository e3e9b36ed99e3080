/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cdi/tree.h"
#include "cdi/tree_parts.h"

/* Far more than any driver has. */
enum { LINKS_MAX = 4096, FOLDERS_MAX = 256, MODES_MAX = 256, TEXT_MAX = 4095 };

struct tree_link *tree_add_link(struct arena *a, struct tree_edits *t, const char *target,
				const char *at)
{
	t->links = arena_grow(a, t->links, t->links_n, sizeof(*t->links));
	t->links[t->links_n] =
		(struct tree_link){.target = arena_str(a, target), .at = arena_str(a, at)};
	return &t->links[t->links_n++];
}

void tree_add_mode(struct arena *a, struct tree_edits *t, const char *path, uint32_t mode)
{
	t->modes = arena_grow(a, t->modes, t->modes_n, sizeof(*t->modes));
	t->modes[t->modes_n++] = (struct tree_mode){.path = arena_str(a, path), .mode = mode};
}

bool tree_is_empty(const struct tree_edits *t)
{
	return !t->links_n && !t->folders.n && !t->modes_n && !t->compat_driver &&
	       !t->compat_cuda && !t->params && !t->profile;
}

/* A text that becomes a line of a file or a name: nothing in it may end a line. */
static bool is_plain(const char *s)
{
	size_t n = 0;

	for (; s[n]; n++)
		if ((unsigned char)s[n] < ' ' || s[n] == 0x7f || n >= TEXT_MAX)
			return false;
	return n > 0;
}

static bool has_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	return *name && !str_eq(name, ".") && !str_eq(name, "..");
}

static int check_amount(const struct tree_edits *t, struct err *e)
{
	if (t->links_n > LINKS_MAX || t->folders.n > FOLDERS_MAX || t->modes_n > MODES_MAX)
		return err_set(e, ERR_CONFIG, "too much is to be made in the container's root");
	return 0;
}

int tree_check(const struct tree_edits *t, struct err *e)
{
	if (check_amount(t, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < t->links_n; i++)
		if (!is_plain(t->links[i].target) || !is_plain(t->links[i].at) ||
		    !has_name(t->links[i].at))
			return err_set(e, ERR_CONFIG, "'%.100s' to '%.100s' is no link to make",
				       t->links[i].at, t->links[i].target);
	/* The path file of musl separates by colons. */
	for (size_t i = 0; i < t->folders.n; i++)
		if (!is_plain(t->folders.v[i]) || t->folders.v[i][0] != '/' ||
		    strchr(t->folders.v[i], ':'))
			return err_set(e, ERR_CONFIG, "'%.100s' is no folder of libraries",
				       t->folders.v[i]);
	for (size_t i = 0; i < t->modes_n; i++)
		if (!is_plain(t->modes[i].path))
			return err_set(e, ERR_CONFIG, "'%.100s' is no path", t->modes[i].path);
	if (t->compat_root &&
	    (!is_plain(t->compat_root) || t->compat_root[0] != '/' || strchr(t->compat_root, ':')))
		return err_set(e, ERR_CONFIG, "'%.100s' is no folder of libraries", t->compat_root);
	return 0;
}

int tree_check_more(const struct tree_edits *t, const struct tree_edits *checked, struct err *e)
{
	struct tree_edits more = *t;

	if (check_amount(t, e) < 0)
		return -(int)e->code;
	more.links_n -= checked->links_n;
	if (more.links_n)
		more.links += checked->links_n;
	more.folders.n -= checked->folders.n;
	if (more.folders.n)
		more.folders.v += checked->folders.n;
	more.modes_n -= checked->modes_n;
	if (more.modes_n)
		more.modes += checked->modes_n;
	return tree_check(&more, e);
}
