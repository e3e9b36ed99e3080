/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/store.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/doc.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/lock.h"
#include "base/mem.h"
#include "oci/layer.h"

enum { DOCUMENT_MAX = 1 << 20, FORMAT_VERSION = 1 };

static const char *const folders[] = {"layers", "images", "tmp", "locks"};

int store_open(struct store *s, const struct paths *p, struct err *e)
{
	CLEANUP(fd_closep) int fd = -1;

	if (dir_open(AT_FDCWD, p->data, &fd, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < COUNT(folders); i++)
		if (dir_make(fd, folders[i], 0700, e) < 0)
			return err_wrap(e, "the image store in '%s'", p->data);
	*s = (struct store){.fd = TAKE(fd), .path = str_dup(p->data)};
	return 0;
}

void store_close(struct store *s)
{
	if (!s->path)
		return;
	fd_closep(&s->fd);
	freep(&s->path);
}

char *layer_path(const struct store *s, const char *id)
{
	return str_fmt("%s/layers/%s/fs", s->path, id);
}

/* Ids and names become parts of paths: whatever could leave the folder is refused. */
static int check_name(const char *what, const char *name, struct err *e)
{
	size_t n =
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-");

	if (!n || n > 128 || name[n] || name[0] == '.' || name[0] == '-')
		return err_set(e, ERR_CONFIG, "'%s' is not a name for %s", name, what);
	return 0;
}

static int damaged(const struct store *s, struct err *e)
{
	e->code = ERR_VERIFY;
	return err_wrap(e, "the image store in '%s' is damaged", s->path);
}

/* Read and parse a document of the store; text that is not JSON means a damaged store. */
static int document_read(const struct store *s, const char *path, struct doc *ret, struct err *e)
{
	CLEANUP(freep) char *text = NULL;
	size_t len = 0;

	if (file_read(s->fd, path, DOCUMENT_MAX, &text, &len, e) < 0)
		return -(int)e->code;
	return doc_json(text, len, path, ret, e) < 0 ? damaged(s, e) : 0;
}

struct layer_document {
	uint64_t format;
	const char *index;
	const char *parent;
	const char *parent_index;
	const char *title;
	const char *definition;
	uint64_t bytes;
	uint64_t files;
	uint64_t created;
};

#define LAYER(key_, type_, flags_)                                                                 \
	{                                                                                          \
		.key = #key_, .type = type_, .offset = offsetof(struct layer_document, key_),      \
		.flags = flags_                                                                    \
	}
static const struct doc_row layer_rows[] = {
	LAYER(format, DOC_AS_UINT, DOC_REQUIRED),
	LAYER(index, DOC_AS_STR, DOC_REQUIRED),
	LAYER(parent, DOC_AS_STR, 0),
	LAYER(parent_index, DOC_AS_STR, 0),
	LAYER(title, DOC_AS_STR, DOC_REQUIRED),
	LAYER(definition, DOC_AS_STR, 0),
	LAYER(bytes, DOC_AS_UINT, DOC_REQUIRED),
	LAYER(files, DOC_AS_UINT, DOC_REQUIRED),
	LAYER(created, DOC_AS_UINT, DOC_REQUIRED),
	{0},
};
#undef LAYER

int layer_load(const struct store *s, const char *id, struct layer *ret, struct err *e)
{
	CLEANUP(doc_fini) struct doc d = {0};
	struct layer_document t = {0};
	CLEANUP(freep) char *path = str_fmt("layers/%s/meta.json", id);

	if (check_name("a layer", id, e) < 0)
		return -(int)e->code;
	if (document_read(s, path, &d, e) < 0) {
		if (e->code == ERR_ABSENT)
			return err_set(e, ERR_ABSENT, "the layer %.12s is not in the image store",
				       id);
		return -(int)e->code;
	}
	if (doc_decode(&d, d.top, layer_rows, DOC_OPEN, &t, &d.arena, e) < 0)
		return damaged(s, e);
	if (t.format != FORMAT_VERSION || strlen(t.index) != DIGEST_LEN - 1 ||
	    (t.parent_index && strlen(t.parent_index) != DIGEST_LEN - 1))
		return err_set(e, ERR_VERIFY,
			       "the layer %.12s was made by another version of dlenv", id);
	*ret = (struct layer){
		.parent = str_dup(t.parent),
		.title = str_dup(t.title),
		.definition = str_dup(t.definition),
		.bytes = t.bytes,
		.files = t.files,
		.created = (int64_t)t.created,
	};
	(void)memcpy(ret->index, t.index, DIGEST_LEN);
	if (t.parent_index)
		(void)memcpy(ret->parent_index, t.parent_index, DIGEST_LEN);
	(void)memcpy(ret->id, id, strnlen(id, DIGEST_LEN - 1) + 1);
	return 0;
}

void layer_fini(struct layer *l)
{
	freep(&l->parent);
	freep(&l->title);
	freep(&l->definition);
}

int layer_save(const struct store *s, const char *folder, const struct layer *l, struct err *e)
{
	CLEANUP(freep) char *path = str_fmt("%s/meta.json", folder);
	CLEANUP(json_unrefp)
	json_t *top =
		json_pack("{s:i, s:s, s:s*, s:s*, s:s, s:s*, s:I, s:I, s:I}", "format",
			  FORMAT_VERSION, "index", l->index, "parent", l->parent, "parent_index",
			  l->parent_index[0] ? l->parent_index : NULL, "title", l->title,
			  "definition", l->definition, "bytes", (json_int_t)l->bytes, "files",
			  (json_int_t)l->files, "created", (json_int_t)l->created);

	return json_write_file(s->fd, path, top, 0644, 0, e);
}

struct image_document {
	const char **layers;
	uint64_t bytes;
	uint64_t packages;
	uint64_t created;
};

#define IMAGE(key_, type_)                                                                         \
	{                                                                                          \
		.key = #key_, .type = type_, .offset = offsetof(struct image_document, key_),      \
		.flags = DOC_REQUIRED                                                              \
	}
static const struct doc_row image_rows[] = {
	IMAGE(layers, DOC_AS_STRS),
	IMAGE(bytes, DOC_AS_UINT),
	IMAGE(packages, DOC_AS_UINT),
	IMAGE(created, DOC_AS_UINT),
	{0},
};
#undef IMAGE

int image_load(const struct store *s, const char *name, struct image *ret, struct err *e)
{
	CLEANUP(doc_fini) struct doc d = {0};
	struct image_document t = {0};
	CLEANUP(freep) char *path = str_fmt("images/%s.json", name);

	if (check_name("an image", name, e) < 0)
		return -(int)e->code;
	if (document_read(s, path, &d, e) < 0) {
		if (e->code != ERR_ABSENT)
			return -(int)e->code;
		(void)err_set(e, ERR_ABSENT, "there is no image '%s'", name);
		return err_hint(e, "see `dlenv image ls`");
	}
	if (doc_decode(&d, d.top, image_rows, DOC_OPEN, &t, &d.arena, e) < 0)
		return damaged(s, e);
	for (const char **id = t.layers; *id; id++)
		if (check_name("a layer", *id, e) < 0)
			return damaged(s, e);
	*ret = (struct image){
		.name = str_dup(name),
		.bytes = t.bytes,
		.packages = t.packages,
		.created = (int64_t)t.created,
	};
	strs_add_all(&ret->layers, t.layers);
	return 0;
}

int image_save(const struct store *s, const struct image *img, struct err *e)
{
	CLEANUP(freep) char *path = str_fmt("images/%s.json", img->name);
	json_t *layers = json_array();
	CLEANUP(fd_closep) int lock = -1;
	CLEANUP(json_unrefp) json_t *top = NULL;

	if (check_name("an image", img->name, e) < 0) {
		json_decref(layers);
		return -(int)e->code;
	}
	for (size_t i = 0; i < img->layers.n; i++)
		(void)json_array_append_new(layers, json_string(img->layers.v[i]));
	top = json_pack("{s:s, s:o, s:I, s:I, s:I}", "name", img->name, "layers", layers, "bytes",
			(json_int_t)img->bytes, "packages", (json_int_t)img->packages, "created",
			(json_int_t)img->created);
	/* Two builds of one image may end at once, and file_write's new file has a fixed name. */
	if (lock_take(s->fd, "locks/images", 0, NULL, NULL, &lock, e) < 0)
		return -(int)e->code;
	return json_write_file(s->fd, path, top, 0644, FILE_SYNC, e);
}

int image_remove(const struct store *s, const char *name, struct err *e)
{
	CLEANUP(freep) char *path = str_fmt("images/%s.json", name);

	if (check_name("an image", name, e) < 0)
		return -(int)e->code;
	if (unlinkat(s->fd, path, 0) == 0)
		return 0;
	if (errno == ENOENT)
		return err_set(e, ERR_ABSENT, "there is no image '%s'", name);
	return err_sys(e, "cannot remove the image '%s'", name);
}

int image_list(const struct store *s, struct strs *ret, struct err *e)
{
	static const char suffix[] = ".json";
	CLEANUP(strs_fini) struct strs files = {0};

	if (dir_list(s->fd, "images", &files, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < files.n; i++)
		if (str_ends(files.v[i], suffix) && files.v[i][0] != '.')
			strs_fmt(ret, "%.*s", (int)(strlen(files.v[i]) - strlen(suffix)),
				 files.v[i]);
	return 0;
}

void image_fini(struct image *img)
{
	freep(&img->name);
	strs_fini(&img->layers);
}
