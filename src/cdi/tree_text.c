/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/doc.h"
#include "base/json_edit.h"
#include "cdi/tree.h"
#include "cdi/tree_parts.h"

/* What the text has, before it becomes a struct tree_edits. */
struct wire {
	struct doc_list links; /* struct tree_link */
	struct doc_list modes; /* struct wire_mode */
	const char **folders;
	const char *compat_driver;
	const char *compat_cuda;
	const char *compat_root;
	bool params;
	bool profile;
};

struct wire_mode {
	const char *path;
	uint64_t mode;
};

static const struct doc_row link_rows[] = {
	{.key = "target",
	 .type = DOC_AS_STR,
	 .offset = offsetof(struct tree_link, target),
	 .flags = DOC_REQUIRED},
	{.key = "at",
	 .type = DOC_AS_STR,
	 .offset = offsetof(struct tree_link, at),
	 .flags = DOC_REQUIRED},
	{0},
};

static const struct doc_row mode_rows[] = {
	{.key = "path",
	 .type = DOC_AS_STR,
	 .offset = offsetof(struct wire_mode, path),
	 .flags = DOC_REQUIRED},
	{.key = "mode", .type = DOC_AS_UINT, .offset = offsetof(struct wire_mode, mode)},
	{0},
};

static const struct doc_row wire_rows[] = {
	{.key = "links",
	 .type = DOC_AS_LIST,
	 .offset = offsetof(struct wire, links),
	 .rows = link_rows,
	 .item_size = sizeof(struct tree_link)},
	{.key = "modes",
	 .type = DOC_AS_LIST,
	 .offset = offsetof(struct wire, modes),
	 .rows = mode_rows,
	 .item_size = sizeof(struct wire_mode)},
	{.key = "folders", .type = DOC_AS_STRS, .offset = offsetof(struct wire, folders)},
	{.key = "compatDriver", .type = DOC_AS_STR, .offset = offsetof(struct wire, compat_driver)},
	{.key = "compatCuda", .type = DOC_AS_STR, .offset = offsetof(struct wire, compat_cuda)},
	{.key = "compatRoot", .type = DOC_AS_STR, .offset = offsetof(struct wire, compat_root)},
	{.key = "params", .type = DOC_AS_BOOL, .offset = offsetof(struct wire, params)},
	{.key = "profile", .type = DOC_AS_BOOL, .offset = offsetof(struct wire, profile)},
	{0},
};

/* A member; before the first stands the bracket, before others a comma. */
static void put_key(struct buf *b, const char *key)
{
	buf_fmt(b, "%s\"%s\":", b->len > 1 ? "," : "", key);
}

static void put(struct buf *b, const char *key, const char *value)
{
	if (!value)
		return;
	put_key(b, key);
	json_put(b, value);
}

static void put_folders(struct buf *b, const struct tree_edits *t)
{
	put_key(b, "folders");
	for (size_t i = 0; i < t->folders.n; i++) {
		buf_str(b, i ? "," : "[");
		json_put(b, t->folders.v[i]);
	}
	buf_str(b, "]");
}

static void put_links(struct buf *b, const struct tree_edits *t)
{
	put_key(b, "links");
	for (size_t i = 0; i < t->links_n; i++) {
		buf_str(b, i ? ",{\"at\":" : "[{\"at\":");
		json_put(b, t->links[i].at);
		buf_str(b, ",\"target\":");
		json_put(b, t->links[i].target);
		buf_str(b, "}");
	}
	buf_str(b, "]");
}

static void put_modes(struct buf *b, const struct tree_edits *t)
{
	put_key(b, "modes");
	for (size_t i = 0; i < t->modes_n; i++) {
		buf_fmt(b, "%s{\"mode\":%u,\"path\":", i ? "," : "[", t->modes[i].mode);
		json_put(b, t->modes[i].path);
		buf_str(b, "}");
	}
	buf_str(b, "]");
}

char *tree_text(const struct tree_edits *t)
{
	struct buf b = {0};

	buf_str(&b, "{");
	put(&b, "compatCuda", t->compat_cuda);
	put(&b, "compatDriver", t->compat_driver);
	put(&b, "compatRoot", t->compat_root);
	if (t->folders.n)
		put_folders(&b, t);
	if (t->links_n)
		put_links(&b, t);
	if (t->modes_n)
		put_modes(&b, t);
	if (t->params) {
		put_key(&b, "params");
		buf_str(&b, "true");
	}
	if (t->profile) {
		put_key(&b, "profile");
		buf_str(&b, "true");
	}
	buf_str(&b, "}");
	return b.data;
}

int tree_parse(const char *text, struct arena *a, struct tree_edits *ret, struct err *e)
{
	CLEANUP(doc_fini) struct doc d = {0};
	struct tree_edits t = {0};
	struct wire w = {0};
	const struct wire_mode *modes;

	if (doc_json(text, strlen(text), "dlenv.tree", &d, e) < 0 ||
	    doc_decode(&d, d.top, wire_rows, 0, &w, a, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < w.links.n; i++) {
		const struct tree_link *link = &((struct tree_link *)w.links.items)[i];

		(void)tree_add_link(a, &t, link->target, link->at);
	}
	modes = w.modes.items;
	for (size_t i = 0; i < w.modes.n; i++) {
		if (modes[i].mode > 0777)
			return err_set(e, ERR_CONFIG, "the mode of '%s' is more than 0777",
				       modes[i].path);
		tree_add_mode(a, &t, modes[i].path, (uint32_t)modes[i].mode);
	}
	for (const char **f = w.folders; f && *f; f++)
		cdi_add_text(a, &t.folders, *f);
	t.compat_driver = arena_str(a, w.compat_driver);
	t.compat_cuda = arena_str(a, w.compat_cuda);
	t.compat_root = arena_str(a, w.compat_root);
	t.params = w.params;
	t.profile = w.profile;
	if (tree_check(&t, e) < 0)
		return -(int)e->code;
	*ret = t;
	return 0;
}
