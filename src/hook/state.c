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

/* root.path, without reading the rest: the filter in a config.json is most of it. */
static int config_root(const char *bundle, struct arena *a, const char **ret, struct err *e)
{
	static const char *const path[] = {"root", "path", NULL};
	CLEANUP(freep) char *name = str_fmt("%s/config.json", bundle);
	CLEANUP(freep) char *text = NULL;
	CLEANUP(doc_fini) struct doc d = {0};
	size_t len = 0;
	size_t at = 0;
	size_t n = 0;

	if (file_read(AT_FDCWD, name, STATE_MAX, &text, &len, e) < 0)
		return -(int)e->code;
	if (!json_span(text, len, path, &at, &n))
		return err_set(e, ERR_CONFIG, "'%s' has no root.path", name);
	if (doc_json(text + at, n, name, &d, e) < 0)
		return -(int)e->code;
	if (d.top->kind != DOC_STRING || !*d.top->text)
		return err_set(e, ERR_CONFIG, "'%s' has no root.path", name);
	*ret = arena_str(a, d.top->text);
	return 0;
}

int hook_state_root(int fd, char **ret, struct err *e)
{
	CLEANUP(buf_fini) struct buf text = {.max = STATE_MAX};
	CLEANUP(arena_fini) struct arena a = {0};
	CLEANUP(doc_fini) struct doc d = {0};
	struct state s = {0};
	const char *root;

	if (read_all(fd, &text) < 0)
		return err_sys(e, "cannot read the container's state");
	if (text.full)
		return err_set(e, ERR_PARSE, "the container's state is larger than %d bytes",
			       STATE_MAX);
	if (doc_json(text.data ? text.data : "", text.len, "state", &d, e) < 0 ||
	    doc_decode(&d, d.top, state_rows, DOC_OPEN, &s, &a, e) < 0)
		return -(int)e->code;
	root = s.root;
	if (!root && (!s.bundle || s.bundle[0] != '/'))
		return err_set(e, ERR_CONFIG, "the container's state names no bundle");
	if (!root && config_root(s.bundle, &a, &root, e) < 0)
		return -(int)e->code;
	if (root[0] != '/' && !s.bundle)
		return err_set(e, ERR_CONFIG, "the container's state names no bundle");
	*ret = root[0] == '/' ? str_dup(root) : str_fmt("%s/%s", s.bundle, root);
	return 0;
}
