/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/doc.h"
#include "base/fs.h"
#include "base/json_span.h"
#include "base/str.h"
#include "hook/hook.h"

enum { STATE_MAX = 4 << 20 };

struct state {
	const char *bundle;
	const char *root; /* crun says it here */
};

static const struct doc_row state_rows[] = {
	{.key = "bundle", .type = DOC_AS_STR, .offset = offsetof(struct state, bundle)},
	{.key = "root", .type = DOC_AS_STR, .offset = offsetof(struct state, root)},
	{0},
};

struct destination {
	const char *path;
};

static const struct doc_row mount_rows[] = {
	{.key = "destination", .type = DOC_AS_STR, .offset = offsetof(struct destination, path)},
	{0},
};

static const struct doc_row mounts_rows[] = {
	{.key = "mounts",
	 .type = DOC_AS_LIST,
	 .rows = mount_rows,
	 .item_size = sizeof(struct destination)},
	{0},
};

/* The file without what is not asked for: the filter in a config.json is most of it. */
struct config {
	const char *name;
	char *text;
	size_t len;
};

static bool config_has(const struct config *c, const char *const *path, const char **ret,
		       size_t *ret_len)
{
	size_t at = 0;

	if (!json_span(c->text, c->len, path, &at, ret_len))
		return false;
	*ret = c->text + at;
	return true;
}

static int config_root(const struct config *c, struct arena *a, const char **ret, struct err *e)
{
	static const char *const path[] = {"root", "path", NULL};
	CLEANUP(freep) char *whole = NULL;
	CLEANUP(doc_fini) struct doc d = {0};
	const struct doc_node *value;
	const char *text = NULL;
	size_t n = 0;

	if (!config_has(c, path, &text, &n))
		return err_set(e, ERR_CONFIG, "'%s' has no root.path", c->name);
	/* A document is an object or a list. */
	whole = str_fmt("[%.*s]", (int)n, text);
	if (doc_json(whole, strlen(whole), c->name, &d, e) < 0)
		return -(int)e->code;
	value = d.top->first;
	if (!value || value->kind != DOC_STRING || !*value->text)
		return err_set(e, ERR_CONFIG, "'%s' has no root.path", c->name);
	*ret = arena_str(a, value->text);
	return 0;
}

static int config_mounts(const struct config *c, struct arena *a, const char ***ret, struct err *e)
{
	static const char *const path[] = {"mounts", NULL};
	CLEANUP(freep) char *whole = NULL;
	CLEANUP(doc_fini) struct doc d = {0};
	struct doc_list list = {0};
	const struct destination *m;
	const char *text = NULL;
	const char **v;
	size_t n = 0;
	size_t at = 0;

	if (config_has(c, path, &text, &n)) {
		whole = str_fmt("{\"mounts\":%.*s}", (int)n, text);
		if (doc_json(whole, strlen(whole), c->name, &d, e) < 0 ||
		    doc_decode(&d, d.top, mounts_rows, DOC_OPEN, &list, a, e) < 0)
			return -(int)e->code;
	}
	m = list.items;
	v = arena_alloc(a, (list.n + 1) * sizeof(*v));
	for (size_t i = 0; i < list.n; i++)
		if (m[i].path)
			v[at++] = m[i].path;
	*ret = v;
	return 0;
}

int hook_state_read(int fd, struct arena *a, struct hook_state *ret, struct err *e)
{
	CLEANUP(buf_fini) struct buf text = {.max = STATE_MAX};
	CLEANUP(doc_fini) struct doc d = {0};
	CLEANUP(freep) char *name = NULL;
	CLEANUP(freep) char *content = NULL;
	struct config c = {0};
	struct state s = {0};

	if (read_all(fd, &text) < 0)
		return err_sys(e, "cannot read the container's state");
	if (text.full)
		return err_set(e, ERR_PARSE, "the container's state is larger than %d bytes",
			       STATE_MAX);
	if (doc_json(text.data ? text.data : "", text.len, "state", &d, e) < 0 ||
	    doc_decode(&d, d.top, state_rows, DOC_OPEN, &s, a, e) < 0)
		return -(int)e->code;
	if (!s.bundle || s.bundle[0] != '/')
		return err_set(e, ERR_CONFIG, "the container's state names no bundle");
	name = str_fmt("%s/config.json", s.bundle);
	if (file_read(AT_FDCWD, name, STATE_MAX, &content, &c.len, e) < 0)
		return -(int)e->code;
	c.name = name;
	c.text = content;
	if ((!s.root && config_root(&c, a, &s.root, e) < 0) ||
	    config_mounts(&c, a, &ret->mounts, e) < 0)
		return -(int)e->code;
	ret->root = s.root[0] == '/' ? s.root : arena_fmt(a, "%s/%s", s.bundle, s.root);
	return 0;
}
