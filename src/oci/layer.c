/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: whoever holds locks/ID builds that layer; the lock belongs
 * to the builder and to the processes it forks, so it is free only when all of
 * them have gone. Everything in tmp/ whose lock is free is therefore rubbish.
 * What must disappear (a damaged or unused layer) is first renamed into tmp/:
 * after that moment nobody finds half of it, however far the removal comes.
 */
#include "oci/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/mem.h"
#include "oci/index.h"

enum { TRIES = 1000, DEPTH_MAX = 4, DAY_S = 24 * 60 * 60 };

static bool is_id(const char *s, size_t n)
{
	return n == DIGEST_LEN - 1 && strspn(s, "0123456789abcdef") >= n;
}

static int id_check(const char *id, struct err *e)
{
	if (!is_id(id, strlen(id)))
		return err_set(e, ERR_BUG, "'%s' is not the id of a layer", id);
	return 0;
}

bool layer_ready(const struct store *s, const char *id)
{
	CLEANUP(freep) char *meta = str_fmt("layers/%s/meta.json", id);

	return is_id(id, strlen(id)) && file_exists(s->fd, meta);
}

bool layer_usable(const struct store *s, const char *id, const char *parent_index)
{
	CLEANUP(layer_fini) struct layer l = {0};
	struct err e = {0};

	return layer_ready(s, id) && layer_load(s, id, &l, &e) == 0 &&
	       str_eq(l.parent_index, parent_index ? parent_index : "");
}

int layer_mark_damaged(const struct store *s, const char *id, struct err *e)
{
	CLEANUP(freep) char *meta = str_fmt("layers/%s/meta.json", id);
	CLEANUP(freep) char *aside = str_fmt("layers/%s/meta.json.damaged", id);

	if (id_check(id, e) < 0)
		return -(int)e->code;
	if (renameat(s->fd, meta, s->fd, aside) < 0 && errno != ENOENT)
		return err_sys(e, "cannot mark the layer %.12s as damaged", id);
	return 0;
}

/* Give a folder of the store a new name in tmp/: "tmp/ID.PID.N". */
static int move_to_tmp(const struct store *s, const char *from, const char *id, struct err *e)
{
	for (int i = 0; i < TRIES; i++) {
		CLEANUP(freep) char *to = str_fmt("tmp/%s.%d.%d", id, (int)getpid(), i);

		if (renameat2(s->fd, from, s->fd, to, RENAME_NOREPLACE) == 0 || errno == ENOENT)
			return 0;
		if (errno != EEXIST)
			break;
	}
	return err_sys(e, "cannot set '%s' aside", from);
}

static int make_folder(struct layer_build *l, struct err *e)
{
	for (int i = 0; i < TRIES; i++) {
		CLEANUP(freep) char *name = str_fmt("tmp/%s.%d.%d", l->id, (int)getpid(), i);

		if (mkdirat(l->store->fd, name, 0700) == 0) {
			l->folder = TAKE(name);
			l->path = str_fmt("%s/%s", l->store->path, l->folder);
			return 0;
		}
		if (errno != EEXIST)
			break;
	}
	return err_sys(e, "cannot make a build folder in '%s/tmp'", l->store->path);
}

int layer_begin(const struct store *s, const char *id, const char *parent_index,
		const struct layer_wait *wait, struct layer_build *ret, struct err *e)
{
	CLEANUP(freep) char *lock = str_fmt("locks/%s", id);
	struct layer_build l = {.store = s, .lock = -1};

	if (id_check(id, e) < 0 || lock_take(s->fd, lock, 0, wait ? wait->fn : NULL,
					     wait ? wait->arg : NULL, &l.lock, e) < 0)
		return -(int)e->code;
	(void)memcpy(l.id, id, DIGEST_LEN);
	l.done = layer_usable(s, id, parent_index);
	if (!l.done && make_folder(&l, e) < 0) {
		layer_end(&l);
		return -(int)e->code;
	}
	*ret = l;
	return 0;
}

void layer_end(struct layer_build *l)
{
	freep(&l->folder);
	freep(&l->path);
	if (l->store)
		fd_closep(&l->lock);
	l->store = NULL;
}

int layer_index(const char *folder, struct err *e)
{
	CLEANUP(freep) char *fs = str_fmt("%s/fs", folder);
	CLEANUP(freep) char *file = str_fmt("%s/index", folder);
	CLEANUP(fd_closep) int root = -1;
	CLEANUP(index_fini) struct index x = {0};
	CLEANUP(buf_fini) struct buf text = {0};

	if (dir_open(AT_FDCWD, fs, &root, e) < 0 || index_walk(root, &x, e) < 0 ||
	    index_hash(root, &x, NULL, NULL, e) < 0)
		return -(int)e->code;
	index_text(&x, &text);
	return file_write(AT_FDCWD, file, text.data, text.len, 0644, 0, e);
}

/* Digest and sums of a written index. */
static int read_index(const struct layer_build *l, struct layer *meta, struct err *e)
{
	CLEANUP(freep) char *file = str_fmt("%s/index", l->folder);
	CLEANUP(freep) char *text = NULL;
	CLEANUP(index_fini) struct index x = {0};
	size_t len = 0;

	if (file_read(l->store->fd, file, INDEX_TEXT_MAX, &text, &len, e) < 0 ||
	    index_parse(text, len, &x, e) < 0)
		return -(int)e->code;
	digest_bytes(text, len, meta->index);
	meta->files = x.n;
	meta->bytes = index_bytes(&x);
	return 0;
}

int layer_finish(struct layer_build *l, struct layer *meta, struct err *e)
{
	CLEANUP(freep) char *to = str_fmt("layers/%s", l->id);
	CLEANUP(fd_closep) int fd = -1;
	CLEANUP(fd_closep) int layers = -1;

	if (read_index(l, meta, e) < 0 || layer_save(l->store, l->folder, meta, e) < 0 ||
	    dir_open(l->store->fd, l->folder, &fd, e) < 0 ||
	    dir_open(l->store->fd, "layers", &layers, e) < 0)
		return -(int)e->code;
	/* One flush for everything: the build itself ran without any. */
	if (syncfs(fd) < 0)
		return err_sys(e, "cannot write the layer '%s' to the disk", meta->title);
	/* What has that name is damaged or was made on an earlier parent. */
	if (move_to_tmp(l->store, to, l->id, e) < 0)
		return -(int)e->code;
	if (renameat(l->store->fd, l->folder, l->store->fd, to) < 0 || fsync(layers) < 0)
		return err_sys(e, "cannot put the layer '%s' in its place", meta->title);
	return 0;
}

int store_sweep(const struct store *s, struct err *e)
{
	CLEANUP(strs_fini) struct strs names = {0};
	CLEANUP(fd_closep) int tmp = -1;

	if (dir_open(s->fd, "tmp", &tmp, e) < 0 || dir_list(s->fd, "tmp", &names, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < names.n; i++) {
		size_t n = strcspn(names.v[i], ".");
		CLEANUP(freep) char *lock = str_fmt("locks/%.*s", (int)n, names.v[i]);
		CLEANUP(fd_closep) int fd = -1;
		struct err busy = {0};

		if (!is_id(names.v[i], n) || !names.v[i][n])
			continue;
		if (lock_take(s->fd, lock, LOCK_TRY, NULL, NULL, &fd, &busy) < 0)
			continue;
		dbg("store: removing the unfinished '%s'", names.v[i]);
		if (tree_remove(tmp, names.v[i], e) < 0)
			return err_wrap(e, "the unfinished layer in '%s/tmp'", s->path);
	}
	return 0;
}

/* Ids that the images name. An image that cannot be read keeps everything: better too much. */
static int used_layers(const struct store *s, struct strs *ret, struct err *e)
{
	CLEANUP(strs_fini) struct strs images = {0};

	if (image_list(s, &images, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < images.n; i++) {
		CLEANUP(image_fini) struct image img = {0};

		if (image_load(s, images.v[i], &img, e) < 0)
			return -(int)e->code;
		for (size_t k = 0; k < img.layers.n; k++)
			strs_add(ret, img.layers.v[k]);
	}
	return 0;
}

static bool is_in(const struct strs *a, const struct strs *b, const char *id)
{
	return strs_has(a, id) || (b && strs_has(b, id));
}

/* Put on an image by somebody else than a build: it has no definition to find it by. */
static bool belongs_to_used(const struct store *s, const char *id, const struct strs *used,
			    const struct strs *keep)
{
	CLEANUP(freep) char *parent = str_dup(id);
	struct err e = {0};

	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		CLEANUP(layer_fini) struct layer l = {0};

		if (layer_load(s, parent, &l, &e) < 0 || l.definition || !l.parent)
			return false;
		if (is_in(used, keep, l.parent))
			return true;
		free(parent);
		parent = TAKE(l.parent);
	}
	return false;
}

int store_unused(const struct store *s, const struct strs *keep, struct strs *ret, struct err *e)
{
	CLEANUP(strs_fini) struct strs used = {0};
	CLEANUP(strs_fini) struct strs layers = {0};

	if (used_layers(s, &used, e) < 0 || dir_list(s->fd, "layers", &layers, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < layers.n; i++) {
		const char *id = layers.v[i];

		if (is_id(id, strlen(id)) && !is_in(&used, keep, id) &&
		    !belongs_to_used(s, id, &used, keep))
			strs_add(ret, id);
	}
	return 0;
}

void layer_used(const struct store *s, const char *id)
{
	CLEANUP(freep) char *meta = str_fmt("layers/%s/meta.json", id);
	struct stat st;

	if (fstatat(s->fd, meta, &st, 0) == 0 && st.st_mtime + DAY_S < time(NULL))
		(void)utimensat(s->fd, meta, NULL, 0);
}

int store_idle(const struct store *s, const char *title, int64_t seconds, struct strs *ret,
	       struct err *e)
{
	CLEANUP(strs_fini) struct strs layers = {0};
	int64_t now = time(NULL);

	if (dir_list(s->fd, "layers", &layers, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < layers.n; i++) {
		CLEANUP(layer_fini) struct layer l = {0};
		CLEANUP(freep) char *meta = str_fmt("layers/%s/meta.json", layers.v[i]);
		struct err ignored;
		struct stat st;

		if (fstatat(s->fd, meta, &st, 0) == 0 && st.st_mtime + seconds < now &&
		    layer_load(s, layers.v[i], &l, &ignored) == 0 && str_eq(l.title, title))
			strs_add(ret, layers.v[i]);
	}
	return 0;
}

int layer_remove(const struct store *s, const char *id, struct err *e)
{
	CLEANUP(freep) char *from = str_fmt("layers/%s", id);
	CLEANUP(freep) char *lock = str_fmt("locks/%s", id);
	CLEANUP(fd_closep) int fd = -1;

	if (id_check(id, e) < 0 || lock_take(s->fd, lock, 0, NULL, NULL, &fd, e) < 0 ||
	    move_to_tmp(s, from, id, e) < 0)
		return -(int)e->code;
	fd_closep(&fd);
	return store_sweep(s, e);
}
