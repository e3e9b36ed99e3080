/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/store.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/mem.h"
#include "oci/index.h"
#include "oci/layer.h"

/* What the two sides of an entry are called when they differ. */
static const char *difference(const struct index_entry *a, const struct index_entry *b)
{
	if ((a->mode & S_IFMT) != (b->mode & S_IFMT))
		return N_("is of another type");
	if (a->mode != b->mode)
		return N_("has other permissions");
	if (a->uid != b->uid || a->gid != b->gid)
		return N_("has another owner");
	if (a->size != b->size)
		return N_("has another size");
	if (a->mtime != b->mtime || a->mtime_ns != b->mtime_ns)
		return N_("was changed");
	if (b->digest[0] && !str_eq(a->digest, b->digest))
		return N_("has other content");
	return NULL;
}

/* Both are sorted by path. */
static const char *compare(const struct index *want, const struct index *have,
			   const char **ret_path)
{
	size_t i = 0;
	size_t k = 0;

	while (i < want->n || k < have->n) {
		int order = i == want->n   ? 1
			    : k == have->n ? -1
					   : strcmp(want->v[i].path, have->v[k].path);
		const char *what = NULL;

		*ret_path = order > 0 ? have->v[k].path : want->v[i].path;
		if (order < 0)
			return N_("is missing");
		if (order > 0)
			return N_("does not belong there");
		what = difference(&want->v[i++], &have->v[k++]);
		if (what)
			return what;
	}
	return NULL;
}

struct watch {
	const struct progress *progress;
	const char *title;
	uint64_t before; /* bytes of the layers below */
	uint64_t total;
};

static void on_bytes(void *arg, uint64_t done)
{
	const struct watch *w = arg;

	progress_report(w->progress, &(struct progress_event){
					     .step = "image",
					     .phase = N_("check"),
					     .note = w->title,
					     .done = w->before + done,
					     .total = w->total,
					     .unit = PROGRESS_BYTES,
				     });
}

/* The index is as its digest in meta.json says. */
static int index_load(const struct store *s, const struct layer *l, struct index *ret,
		      struct err *e)
{
	CLEANUP(freep) char *file = str_fmt("layers/%s/index", l->id);
	CLEANUP(freep) char *text = NULL;
	size_t len = 0;
	char digest[DIGEST_LEN];

	if (file_read(s->fd, file, INDEX_TEXT_MAX, &text, &len, e) < 0) {
		if (e->code == ERR_ABSENT || e->code == ERR_PARSE)
			e->code = ERR_VERIFY;
		return -(int)e->code;
	}
	digest_bytes(text, len, digest);
	if (!str_eq(digest, l->index))
		return err_set(e, ERR_VERIFY, "its index does not have the recorded digest");
	return index_parse(text, len, ret, e);
}

static int layer_check(const struct store *s, const struct layer *l, unsigned int flags,
		       const struct watch *w, struct err *e)
{
	CLEANUP(index_fini) struct index want = {0};
	CLEANUP(index_fini) struct index have = {0};
	CLEANUP(freep) char *folder = str_fmt("layers/%s/fs", l->id);
	CLEANUP(fd_closep) int root = -1;
	const char *path = NULL;
	const char *what;

	if (index_load(s, l, &want, e) < 0)
		return -(int)e->code;
	if (dir_open(s->fd, folder, &root, e) < 0) {
		if (e->code == ERR_ABSENT)
			e->code = ERR_VERIFY;
		return -(int)e->code;
	}
	if (index_walk(root, &have, e) < 0)
		return -(int)e->code;
	/* Cheap things first: a file that is missing is found before gigabytes are read. */
	what = compare(&want, &have, &path);
	if (!what && flags & VERIFY_CONTENT) {
		if (index_hash(root, &have, on_bytes, (void *)w, e) < 0)
			return -(int)e->code;
		what = compare(&want, &have, &path);
	}
	if (what)
		return err_set(e, ERR_VERIFY, "'/%s' %s", path, tr(what));
	return 0;
}

static int mark(const struct store *s, const char *id)
{
	struct err e = {0};

	return layer_mark_damaged(s, id, &e);
}

int image_verify(const struct store *s, const struct image *img, unsigned int flags,
		 const struct progress *pr, struct err *e)
{
	struct watch w = {.progress = pr, .total = img->bytes};

	for (size_t i = 0; i < img->layers.n; i++) {
		CLEANUP(layer_fini) struct layer l = {0};

		if (layer_load(s, img->layers.v[i], &l, e) < 0) {
			if (e->code == ERR_ABSENT)
				e->code = ERR_VERIFY;
			(void)err_wrap(e, "the image '%s' is damaged", img->name);
			goto damaged;
		}
		w.title = l.title;
		if (layer_check(s, &l, flags, &w, e) < 0) {
			if (e->code != ERR_VERIFY)
				return err_wrap(e, "cannot check the image '%s'", img->name);
			if (flags & VERIFY_MARK && mark(s, l.id) < 0)
				dbg("store: the layer %s cannot be marked as damaged", l.id);
			(void)err_wrap(e, "layer '%s' (%.12s) of the image '%s' is damaged",
				       l.title, l.id, img->name);
			goto damaged;
		}
		w.before += l.bytes;
	}
	return 0;
damaged:
	return err_hint(e,
			"remove it with `dlenv image rm %s`; the next `dlenv up` builds it again",
			img->name);
}
