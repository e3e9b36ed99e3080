/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: the layer is what the runtime itself leaves in the upper folder of a container
 * that has the image, the driver's mounts and its tree, and is stopped before its first program
 * (engine_ops.prepare). So the image's links are followed by the same code as at any start, and
 * what is prepared is what would have been made. Nothing here may fail a start.
 */
#include "engine/gpu_layer.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "cdi/tree.h"
#include "engine/build.h"
#include "engine/gpu_parts.h"
#include "oci/layer.h"

enum { CONFIG_MAX = 16 << 20, REFUSED_S = 600, IDLE_S = 30 * 24 * 60 * 60 };

static const char title[] = "gpu";

/* --- what belongs into a layer --- */

/* /dev is a file system of each container's own. */
static bool is_node(const char *path)
{
	return str_starts(below(path), "dev/");
}

/* The GPUs that will be in /dev; NULL: that is not known before. */
static const uint64_t *gpus_of(struct container *c)
{
	uint64_t *mask = arena_alloc(&c->arena, sizeof(*mask));

	for (const struct mount *m = c->mounts; m; m = m->next)
		if (is_node(m->at))
			return NULL;
	for (const struct node *n = c->nodes; n; n = n->next)
		if (n->type == 'c' && str_starts(n->path, "/dev/"))
			*mask |= tree_gpu_bit(n->path + strlen("/dev/"), n->minor);
	return mask;
}

static struct tree_edits *part_of(struct container *c, bool lasting)
{
	const struct tree_edits *t = c->tree;
	struct tree_edits *part = arena_alloc(&c->arena, sizeof(*part));
	const uint64_t *gpus = gpus_of(c);

	if (lasting)
		*part = (struct tree_edits){.folders = t->folders,
					    .compat_driver = t->compat_driver,
					    .compat_cuda = t->compat_cuda,
					    .compat_root = t->compat_root,
					    .profile = t->profile && gpus,
					    .gpus = gpus};
	else
		*part = (struct tree_edits){.params = t->params,
					    .profile = t->profile && !gpus,
					    .modes = t->modes,
					    .modes_n = t->modes_n};
	part->links = arena_alloc(&c->arena, (t->links_n + 1) * sizeof(*part->links));
	for (size_t i = 0; i < t->links_n; i++)
		if (is_node(t->links[i].at) != lasting)
			part->links[part->links_n++] = t->links[i];
	return part;
}

/* --- its name --- */

/* libcuda.so.550.163.01: another content would have another name. */
static bool has_version(const char *so)
{
	const char *digit = so + strlen(".so.");

	return str_starts(so, ".so.") && isdigit((unsigned char)digit[0]) &&
	       isdigit((unsigned char)digit[1]) && isdigit((unsigned char)digit[2]);
}

static void put(struct buf *b, const char *key, const char *value)
{
	if (!value)
		return;
	buf_str(b, key);
	buf_str(b, value);
	buf_str(b, "\n");
}

static void put_number(struct buf *b, uint64_t value)
{
	buf_str(b, "n");
	buf_hex(b, value);
	buf_str(b, "\n");
}

static void put_identity(struct buf *b, const struct stat *st)
{
	put_number(b, st->st_dev);
	put_number(b, st->st_ino);
	put_number(b, (uint64_t)st->st_size);
	put_number(b, (uint64_t)st->st_mtim.tv_sec);
	put_number(b, (uint64_t)st->st_mtim.tv_nsec);
}

/* Of another library the loader's cache has what was read in it. */
static void put_mount(struct buf *b, const struct mount *m)
{
	const char *name = strrchr(m->at, '/');
	const char *so = name ? strstr(name, ".so") : NULL;
	struct stat st;

	put(b, "m", m->at);
	if ((so && has_version(so)) || !m->source || stat(m->source, &st) < 0)
		return;
	put_number(b, st.st_mode & S_IFMT);
	if (so && S_ISREG(st.st_mode))
		put_identity(b, &st);
}

static void layer_name(const struct gpu_layer *l, const struct container *c,
		       const struct tree_edits *t, char ret_id[DIGEST_LEN])
{
	CLEANUP(buf_fini) struct buf b = {0};
	struct stat self = {0};

	/* Another program may make another tree. Its device is none: it may be a mount of its own.
	 */
	(void)stat("/proc/self/exe", &self);
	self.st_dev = 0;
	buf_str(&b, "gpu layer\n");
	put_identity(&b, &self);
	put(&b, "i", l->below->id);
	put(&b, "x", l->below->index);
	put_number(&b, l->engine->map.uids);
	for (const struct mount *m = c->mounts; m; m = m->next)
		if (m->kind == MOUNT_EXACT)
			put_mount(&b, m);
	for (size_t i = 0; i < t->links_n; i++) {
		put(&b, "l", t->links[i].at);
		put(&b, "t", t->links[i].target);
	}
	for (size_t i = 0; i < t->folders.n; i++)
		put(&b, "f", t->folders.v[i]);
	put(&b, "d", t->compat_driver);
	put(&b, "c", t->compat_cuda);
	put(&b, "r", t->compat_root);
	if (t->profile)
		put_number(&b, *t->gpus);
	digest_bytes(b.data, b.len, ret_id);
}

/* --- making it --- */

struct making {
	const char *folder;
};

static int begin(void *arg, struct err *e)
{
	const struct making *m = arg;
	CLEANUP(fd_closep) int dir = -1;

	(void)umask(0022);
	if (dir_open(AT_FDCWD, m->folder, &dir, e) < 0 || dir_make(dir, "fs", 0755, e) < 0)
		return -(int)e->code;
	return dir_make(dir, "work", 0755, e);
}

static int end(void *arg, struct err *e)
{
	const struct making *m = arg;
	CLEANUP(fd_closep) int dir = -1;

	if (dir_open(AT_FDCWD, m->folder, &dir, e) < 0 || tree_remove(dir, "work", e) < 0)
		return -(int)e->code;
	return layer_index(m->folder, e);
}

static int sweep(void *arg, struct err *e)
{
	return store_sweep(arg, e);
}

/* A container of nothing but the image and what c gets of the driver. */
static int prepare(const struct gpu_layer *l, const struct container *c,
		   const struct tree_edits *tree, const struct strs *lowers, const char *folder,
		   struct err *e)
{
	static const char *const args[] = {"/", NULL};
	CLEANUP(freep) char *id = str_fmt("gpu-layer-%d", (int)getpid());
	CLEANUP(freep) char *upper = str_fmt("%s/fs", folder);
	CLEANUP(freep) char *work = str_fmt("%s/work", folder);
	CLEANUP(container_fini) struct container p;

	container_init(&p);
	p.bare = true;
	p.id = id;
	p.lowers = (const char *const *)lowers->v;
	p.upper = upper;
	p.work = work;
	p.args = args;
	p.cwd = "/";
	p.net = NET_HOST;
	p.tree = tree;
	for (const struct mount *m = c->mounts; m; m = m->next)
		if (m->kind == MOUNT_EXACT)
			container_mount(&p, m->type, m->source, m->at, m->options);
	return l->engine->ops->prepare(l->engine, &p, e);
}

static int make(const struct gpu_layer *l, const struct container *c, const struct tree_edits *tree,
		const struct strs *lowers, struct layer_build *build, struct err *e)
{
	const struct idmap *map = &l->engine->map;
	struct making m = {build->path};
	CLEANUP(layer_fini)
	struct layer meta = {
		.parent = str_dup(l->below->id),
		.title = str_dup(title),
		.created = time(NULL),
	};

	memcpy(meta.parent_index, l->below->index, sizeof(meta.parent_index));
	if (userns_call(map, begin, &m, e) < 0 || prepare(l, c, tree, lowers, build->path, e) < 0 ||
	    userns_call(map, end, &m, e) < 0)
		return -(int)e->code;
	return layer_finish(build, &meta, e);
}

/* --- when it cannot be made --- */

/* Each try costs more than it could save, so it is left alone for a while. */
static bool is_refused(const char *path, const char *id)
{
	CLEANUP(freep) char *text = NULL;
	struct stat st;
	struct err e;

	return stat(path, &st) == 0 && st.st_mtime + REFUSED_S > time(NULL) &&
	       file_read(AT_FDCWD, path, DIGEST_LEN, &text, NULL, &e) == 0 && str_eq(text, id);
}

static void refuse(const struct gpu_layer *l, const char *path, const char *id)
{
	struct err e;

	if (file_write(AT_FDCWD, path, id, strlen(id), 0600, 0, &e) < 0)
		dbg("gpu: %s", e.msg);
	if (userns_call(&l->engine->map, sweep, (void *)l->store, &e) < 0)
		dbg("gpu: %s", e.msg);
}

/* --- when it is of no use any more --- */

/* Is a layer one of a container's that has not been stopped? */
static bool is_in_use(const struct engine *en, const char *id)
{
	CLEANUP(freep) char *folder = engine_run_dir(en, "");
	CLEANUP(strs_fini) struct strs names = {0};
	struct err e;

	if (dir_list(AT_FDCWD, folder, &names, &e) < 0)
		return e.code != ERR_ABSENT;
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP(freep) char *path = str_fmt("%s/%s/config.json", folder, names.v[i]);
		CLEANUP(freep) char *text = NULL;

		if (file_read(AT_FDCWD, path, CONFIG_MAX, &text, NULL, &e) == 0 && strstr(text, id))
			return true;
	}
	return false;
}

/* Those of older drivers. */
static void discard_idle(const struct gpu_layer *l)
{
	CLEANUP(strs_fini) struct strs idle = {0};
	CLEANUP(strs_fini) struct strs gone = {0};
	struct err e;

	if (store_idle(l->store, title, IDLE_S, &idle, &e) < 0) {
		dbg("gpu: %s", e.msg);
		return;
	}
	for (size_t i = 0; i < idle.n; i++)
		if (!is_in_use(l->engine, idle.v[i]))
			strs_add(&gone, idle.v[i]);
	if (gone.n && build_discard(l->store, &l->engine->map, &gone, &e) < 0)
		dbg("gpu: %s", e.msg);
}

/* Its name has all that its meta.json would tell, so that is not read. */
static bool is_there(const struct store *s, const char *id)
{
	CLEANUP(freep) char *meta = str_fmt("layers/%s/meta.json", id);
	CLEANUP(freep) char *files = str_fmt("layers/%s/fs", id);
	struct stat st;

	return fstatat(s->fd, meta, &st, 0) == 0 && st.st_size && file_exists(s->fd, files);
}

/* With the lock; one that lost its files counts as missing, which is said while it is held. */
static int lock(const struct gpu_layer *l, const char *id, struct layer_build *ret, struct err *e)
{
	if (layer_begin(l->store, id, l->below->index, NULL, ret, e) < 0)
		return -(int)e->code;
	if (!ret->done || is_there(l->store, id))
		return 0;
	if (layer_mark_damaged(l->store, id, e) < 0)
		return -(int)e->code;
	layer_end(ret);
	return layer_begin(l->store, id, l->below->index, NULL, ret, e);
}

static int get(const struct gpu_layer *l, const struct container *c, const struct tree_edits *tree,
	       const struct strs *lowers, const char *id, struct err *e)
{
	CLEANUP(layer_end) struct layer_build build = {.lock = -1};
	CLEANUP(freep) char *refused = str_fmt("%s/gpu-layer-refused", l->engine->paths->cache);

	if (is_there(l->store, id))
		return 0;
	if (is_refused(refused, id))
		return err_set(e, ERR_FAIL, "it could not be made a while ago");
	if (lock(l, id, &build, e) < 0)
		return -(int)e->code;
	if (build.done)
		return 0;
	if (make(l, c, tree, lowers, &build, e) < 0) {
		layer_end(&build);
		refuse(l, refused, id);
		return -(int)e->code;
	}
	discard_idle(l);
	return 0;
}

void gpu_layer_add(const struct gpu_layer *l, struct container *c, struct strs *lowers)
{
	const struct tree_edits *lasting;
	CLEANUP(freep) char *path = NULL;
	char id[DIGEST_LEN];
	struct err e = {0};

	if (!c->tree || !env_allows("gpulayer") || !env_allows("overlay"))
		return;
	lasting = part_of(c, true);
	if (tree_is_empty(lasting))
		return;
	layer_name(l, c, lasting, id);
	if (get(l, c, lasting, lowers, id, &e) < 0) {
		dbg("gpu: no layer: %s", e.msg);
		return;
	}
	layer_used(l->store, id);
	path = layer_path(l->store, id);
	strs_add(lowers, path);
	if (gpu_layer_is_covered(l->store, id, lasting, c)) {
		dbg("gpu: the layer is not seen as it is");
		return;
	}
	c->tree = part_of(c, false);
	if (tree_is_empty(c->tree))
		c->tree = NULL;
}
