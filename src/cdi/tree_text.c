/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/doc.h"
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

static void put(json_t *top, const char *key, const char *value)
{
	if (value)
		(void)json_object_set_new(top, key, json_string(value));
}

static json_t *folders_of(const struct tree_edits *t)
{
	json_t *list = json_array();

	for (size_t i = 0; i < t->folders.n; i++)
		(void)json_array_append_new(list, json_string(t->folders.v[i]));
	return list;
}

static json_t *links_of(const struct tree_edits *t)
{
	json_t *list = json_array();

	for (size_t i = 0; i < t->links_n; i++)
		(void)json_array_append_new(list, json_pack("{s:s, s:s}", "at", t->links[i].at,
							    "target", t->links[i].target));
	return list;
}

static json_t *modes_of(const struct tree_edits *t)
{
	json_t *list = json_array();

	for (size_t i = 0; i < t->modes_n; i++)
		(void)json_array_append_new(list, json_pack("{s:I, s:s}", "mode",
							    (json_int_t)t->modes[i].mode, "path",
							    t->modes[i].path));
	return list;
}

char *tree_text(const struct tree_edits *t)
{
	json_t *top = json_object();
	char *text;

	put(top, "compatCuda", t->compat_cuda);
	put(top, "compatDriver", t->compat_driver);
	put(top, "compatRoot", t->compat_root);
	if (t->folders.n)
		(void)json_object_set_new(top, "folders", folders_of(t));
	if (t->links_n)
		(void)json_object_set_new(top, "links", links_of(t));
	if (t->modes_n)
		(void)json_object_set_new(top, "modes", modes_of(t));
	if (t->params)
		(void)json_object_set_new(top, "params", json_true());
	if (t->profile)
		(void)json_object_set_new(top, "profile", json_true());
	text = json_dumps(top, JSON_SORT_KEYS | JSON_COMPACT);
	json_decref(top);
	return text;
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
