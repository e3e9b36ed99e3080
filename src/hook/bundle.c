/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: the whole text is checked and indexed once (base/json_edit.h), and only the
 * few places of interest are read. The rest may hold what no reader of ours knows: numbers of
 * 64 bits without sign, fields of the future.
 */
#include "hook/bundle.h"

#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/json_edit.h"
#include "base/mem.h"
#include "base/str.h"

static const struct doc_row mount_rows[] = {
	{"destination", DOC_AS_STR, offsetof(struct bundle_mount, destination)},
	{"source", DOC_AS_STR, offsetof(struct bundle_mount, source)},
	{0},
};

/* Where a place is, and how its value is decoded; the row's key is its last name. */
static const struct place {
	const char *path[4];
	struct doc_row rows[2];
} places[] = {
	{{"process", "env"}, {{"env", DOC_AS_STRS, offsetof(struct bundle, env)}}},
	{{"process", "capabilities", "bounding"},
	 {{"bounding", DOC_AS_STRS, offsetof(struct bundle, bounding)}}},
	{{"annotations"}, {{"annotations", DOC_AS_PAIRS, offsetof(struct bundle, annotations)}}},
	{{"mounts"},
	 {{"mounts", DOC_AS_LIST, offsetof(struct bundle, mounts), .rows = mount_rows,
	   .item_size = sizeof(struct bundle_mount)}}},
	{{"root", "path"}, {{"path", DOC_AS_STR, offsetof(struct bundle, root)}}},
};

/* A value is decoded as the only member of an object, which is what rows are for. */
static int place_read(const struct place *p, const char *value, size_t len, struct bundle *ret,
		      struct err *e)
{
	CLEANUP(freep) char *text = str_fmt("{\"%s\":%.*s}", p->rows[0].key, (int)len, value);
	CLEANUP(doc_fini) struct doc d = {0};

	if (doc_json(text, strlen(text), "config.json", &d, e) < 0)
		return -(int)e->code;
	return doc_decode(&d, d.top, p->rows, DOC_OPEN, ret, &ret->arena, e);
}

int bundle_parse(char *text, size_t len, const char *name, struct bundle *ret, struct err *e)
{
	CLEANUP(json_edit_close) struct json_edit j = {0};

	ret->text = text;
	ret->len = len;
	if (json_edit_open(&j, text, len, BUNDLE_MAX, name, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < COUNT(places); i++) {
		const char *value;
		size_t value_len;

		if (json_edit_find(&j, places[i].path, &value, &value_len) &&
		    place_read(&places[i], value, value_len, ret, e) < 0)
			return -(int)e->code;
	}
	return 0;
}

int bundle_read(int dir, const char *name, struct bundle *ret, struct err *e)
{
	char *text = NULL;
	size_t len = 0;
	struct stat st;

	if (file_read(dir, name, BUNDLE_MAX, &text, &len, e) < 0)
		return err_wrap(e, "cannot read the bundle");
	ret->mode = fstatat(dir, name, &st, 0) == 0 ? st.st_mode & 0777 : 0644;
	return bundle_parse(text, len, name, ret, e);
}

void bundle_fini(struct bundle *b)
{
	arena_fini(&b->arena);
	freep(&b->text);
}

bool bundle_is_privileged(const struct bundle *b)
{
	for (const char **c = b->bounding; c && *c; c++)
		if (str_eq(*c, "CAP_SYS_ADMIN"))
			return true;
	return false;
}

const char *bundle_env(const struct bundle *b, const char *name)
{
	size_t n = strlen(name);
	const char *value = NULL;

	for (const char **v = b->env; v && *v; v++)
		if (strncmp(*v, name, n) == 0 && (*v)[n] == '=')
			value = *v + n + 1;
	return value;
}
