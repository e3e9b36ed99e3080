/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

/* Of config.json, what is asked for; the rest is not read: its filter is most of it. */
struct config {
	const char *root;
	struct doc_list mounts; /* struct destination */
};

static const struct doc_row mount_rows[] = {
	{.key = "destination", .type = DOC_AS_STR, .offset = offsetof(struct destination, path)},
	{0},
};

static const struct doc_row root_rows[] = {
	{.key = "path", .type = DOC_AS_STR, .offset = offsetof(struct config, root)},
	{0},
};

static const struct doc_row config_rows[] = {
	{.key = "root", .type = DOC_AS_MAP, .rows = root_rows},
	{.key = "mounts",
	 .type = DOC_AS_LIST,
	 .offset = offsetof(struct config, mounts),
	 .rows = mount_rows,
	 .item_size = sizeof(struct destination)},
	{0},
};

/* The named members of a JSON object, as an object. The caller's. */
static char *members(const char *text, size_t len, const char *const *names, size_t n)
{
	CLEANUP(buf_fini) struct buf part = {0};

	buf_str(&part, "{");
	for (size_t i = 0; i < n; i++) {
		const char *const path[] = {names[i], NULL};
		size_t at = 0;
		size_t size = 0;

		if (!json_span(text, len, path, &at, &size))
			continue;
		buf_fmt(&part, "%s\"%s\":", part.len > 1 ? "," : "", names[i]);
		buf_add(&part, text + at, size);
	}
	buf_str(&part, "}");
	return TAKE(part.data);
}

static int config_read(const char *bundle, struct arena *a, struct config *ret, struct err *e)
{
	static const char *const wanted[] = {"root", "mounts"};
	CLEANUP(freep) char *name = str_fmt("%s/config.json", bundle);
	CLEANUP(doc_fini) struct doc d = {0};
	CLEANUP(freep) char *text = NULL;
	CLEANUP(freep) char *part = NULL;
	size_t len = 0;

	if (file_read(AT_FDCWD, name, STATE_MAX, &text, &len, e) < 0)
		return -(int)e->code;
	part = members(text, len, wanted, COUNT(wanted));
	if (doc_json(part, strlen(part), name, &d, e) < 0)
		return -(int)e->code;
	return doc_decode(&d, d.top, config_rows, DOC_OPEN, ret, a, e);
}

/* Is this folder one that something is mounted on, and not the host's root? */
static bool in_container_root(void)
{
	struct statx top = {0};
	struct statx here = {0};
	struct statx above = {0};

	if (statx(AT_FDCWD, "/", 0, STATX_BASIC_STATS, &top) < 0 ||
	    statx(AT_FDCWD, ".", 0, STATX_BASIC_STATS, &here) < 0 ||
	    statx(AT_FDCWD, "..", 0, STATX_BASIC_STATS, &above) < 0)
		return false;
	if (here.stx_ino == top.stx_ino && here.stx_dev_major == top.stx_dev_major &&
	    here.stx_dev_minor == top.stx_dev_minor)
		return false;
	/* Kernels before 5.8 have no such attribute; there the file system has to be another. */
	return here.stx_attributes & STATX_ATTR_MOUNT_ROOT ||
	       here.stx_dev_major != above.stx_dev_major ||
	       here.stx_dev_minor != above.stx_dev_minor;
}

/*
 * In a user namespace of the container's own the bundle may be closed to the hook: Docker's and
 * podman's folders are for the host's root. crun says the root in the state, and runc starts
 * these hooks in it, as the createContainer hooks of runc do since 1.0.
 */
static int without_config(const struct state *s, struct hook_state *ret, struct err *e)
{
	ret->mounts = NULL;
	ret->root = s->root ? s->root : ".";
	return e->code == ERR_PRIV && (s->root || in_container_root()) ? 0 : -(int)e->code;
}

int hook_state_read(int fd, struct arena *a, struct hook_state *ret, struct err *e)
{
	CLEANUP(buf_fini) struct buf text = {.max = STATE_MAX};
	CLEANUP(doc_fini) struct doc d = {0};
	const struct destination *m;
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
	if (config_read(s.bundle, a, &c, e) < 0)
		return without_config(&s, ret, e);
	if (s.root)
		c.root = s.root;
	if (!c.root)
		return err_set(e, ERR_CONFIG, "'%s/config.json' has no root.path", s.bundle);
	m = c.mounts.items;
	ret->mounts = arena_alloc(a, (c.mounts.n + 1) * sizeof(*ret->mounts));
	for (size_t i = 0, n = 0; i < c.mounts.n; i++)
		if (m[i].path)
			ret->mounts[n++] = m[i].path;
	ret->root = c.root[0] == '/' ? c.root : arena_fmt(a, "%s/%s", s.bundle, c.root);
	return 0;
}
