/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: a layer's id is the digest of its definition, a canonical
 * text that contains the id of the layer below. So the ids of all layers are
 * known before anything is built, a finished layer with the right id is never
 * built again, and adding a package changes the ids from that layer upwards
 * only. Dates are not part of a definition: `dlenv image rm` and a new build
 * fetch newer packages. A mirror is when the user names one, since the image
 * goes on fetching from it; the host's own is not.
 */
#include "engine/build.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/build_parts.h"

/* Raised when a layer of the same definition would be made in another way. */
enum { RECIPE_VERSION = 1, STATUS_MAX = 64 << 20, SPARE_BYTES = 64 << 20 };

void build_report(const struct build *b, const char *phase, const char *note, uint64_t done,
		  uint64_t total, enum progress_unit unit)
{
	progress_report(b->progress, &(struct progress_event){
					     .step = "image",
					     .phase = phase,
					     .note = note,
					     .done = total && done > total ? total : done,
					     .total = total,
					     .unit = unit,
				     });
}

int build_check_space(const char *path, uint64_t bytes, struct err *e)
{
	CLEANUP(freep) char *need = str_size(bytes);
	CLEANUP(freep) char *have = NULL;
	struct statvfs st;
	uint64_t free_bytes;

	if (statvfs(path, &st) < 0)
		return err_sys(e, "cannot ask for the free space of '%s'", path);
	free_bytes = (uint64_t)st.f_bavail * st.f_frsize;
	have = str_size(free_bytes);
	if (free_bytes >= bytes + SPARE_BYTES)
		return 0;
	(void)err_set(e, ERR_NOSPC, "'%s' has %s free, but %s are needed", path, have, need);
	return err_hint(e, "free some space, or set DLENV_DATA to a folder on a larger disk");
}

/* u only holds the text. */
static const char *debian_arch(struct utsname *u)
{
	static const struct {
		const char *machine;
		const char *debian;
	} rows[] = {
		{"x86_64", "amd64"},	{"aarch64", "arm64"}, {"ppc64le", "ppc64el"},
		{"riscv64", "riscv64"}, {"s390x", "s390x"},
	};

	if (uname(u) < 0)
		return "unknown";

	for (size_t i = 0; i < COUNT(rows); i++)
		if (str_eq(u->machine, rows[i].machine))
			return rows[i].debian;
	return u->machine;
}

/*
 * What is built: below the layers of the definition lies one that is nothing
 * but mmdebstrap's minimal system, so that all others get apt's progress, its
 * cache and its errors.
 */
static const struct build_layer *layer_at(const struct build *b, size_t i)
{
	static const char *const none[] = {NULL};
	static const struct build_layer system_layer = {.title = "system", .packages = none};

	return i ? &b->layers[i - 1] : &system_layer;
}

static size_t layers_count(const struct build *b)
{
	return b->layers_n + 1;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The text that a layer's id is the digest of. */
static char *definition(const struct build *b, size_t i, const char *parent)
{
	CLEANUP(strs_fini) struct strs packages = {0};
	struct utsname machine = {0};
	struct buf t = {0};

	for (const char *const *p = layer_at(b, i)->packages; p && *p; p++)
		if (!strs_has(&packages, *p))
			strs_add(&packages, *p);
	if (packages.n)
		qsort(packages.v, packages.n, sizeof(*packages.v), by_text);
	buf_fmt(&t, "dlenv layer, recipe %d\n", RECIPE_VERSION);
	buf_fmt(&t, "suite %s\narch %s\n", b->suite, debian_arch(&machine));
	/* The lowest layer names where later packages come from. */
	if (!parent && b->mirror)
		buf_fmt(&t, "mirror %s\n", b->mirror);
	buf_fmt(&t, "components main%s\n", b->nonfree ? " contrib non-free" : "");
	/* Owners on disk and overlay's attributes differ between the kinds of mapping. */
	if (b->map->uids)
		buf_fmt(&t, "mapping rootless %u\n", b->map->uid[0].outside);
	else
		buf_str(&t, "mapping rootful\n");
	buf_fmt(&t, "parent %s\n", parent ? parent : "-");
	for (size_t k = 0; k < packages.n; k++)
		buf_fmt(&t, "package %s\n", packages.v[k]);
	return t.data;
}

/* The ids of all layers, bottom first. */
static void layer_ids(const struct build *b, struct strs *ret)
{
	for (size_t i = 0; i < layers_count(b); i++) {
		CLEANUP(freep) char *text = definition(b, i, i ? ret->v[i - 1] : NULL);
		char id[DIGEST_LEN];

		digest_bytes(text, strlen(text), id);
		strs_add(ret, id);
	}
}

/* How many of these layers are there, from below. */
static size_t count_ready(const struct build *b, const struct strs *ids)
{
	char parent_index[DIGEST_LEN] = "";
	size_t n = 0;

	for (; n < ids->n; n++) {
		CLEANUP(layer_fini) struct layer l = {0};
		struct err e = {0};

		if (layer_load(b->store, ids->v[n], &l, &e) < 0 ||
		    !str_eq(l.parent_index, parent_index))
			break;
		(void)memcpy(parent_index, l.index, DIGEST_LEN);
	}
	return n;
}

size_t build_ready_layers(const struct build *b)
{
	CLEANUP(strs_fini) struct strs ids = {0};
	size_t n;

	layer_ids(b, &ids);
	n = count_ready(b, &ids);
	return n ? n - 1 : 0;
}

bool build_is_current(const struct build *b, const struct image *img)
{
	CLEANUP(strs_fini) struct strs ids = {0};

	layer_ids(b, &ids);
	if (ids.n != img->layers.n)
		return false;
	for (size_t i = 0; i < ids.n; i++)
		if (!str_eq(ids.v[i], img->layers.v[i]))
			return false;
	return true;
}

static int make_folders(void *arg, struct err *e)
{
	const struct build_step *st = arg;

	(void)umask(022);
	if (mkdir(st->files, 0755) < 0 || mkdir(st->work, 0755) < 0)
		return err_sys(e, "cannot create '%s'", st->files);
	return 0;
}

static int sweep_inside(void *arg, struct err *e)
{
	return store_sweep(arg, e);
}

static void waiting(void *arg)
{
	build_report(arg, N_("wait"), N_("another dlenv builds the same layer"), 0, 0,
		     PROGRESS_NONE);
}

/* A layer whose build folder is there. */
static int make_layer(struct build_step *st, size_t i, const char *parent, struct err *e)
{
	CLEANUP(freep) char *text = definition(st->b, i, parent);
	struct layer meta = {
		.title = (char *)st->def->title,
		.parent = (char *)parent,
		.definition = text,
	};

	(void)memcpy(meta.parent_index, st->parent_index, DIGEST_LEN);
	if (mkdir(st->aside, 0700) < 0)
		return err_sys(e, "cannot create '%s'", st->aside);
	if (userns_call(st->b->map, make_folders, st, e) < 0)
		return -(int)e->code;
	if ((i ? build_packages(st, e) : build_base(st, e)) < 0)
		return -(int)e->code;
	build_report(st->b, N_("check"), st->def->title, 0, 0, PROGRESS_NONE);
	if (userns_call(st->b->map, build_settle, st, e) < 0)
		return -(int)e->code;
	meta.created = (int64_t)time(NULL);
	build_report(st->b, N_("save"), st->def->title, 0, 0, PROGRESS_NONE);
	return layer_finish(st->out, &meta, e);
}

static void step_fini(struct build_step *st)
{
	freep(&st->files);
	freep(&st->work);
	freep(&st->aside);
}

/* Build layer i unless it is there. st lacks what belongs to the build folder. */
static int build_one(struct build_step *st, size_t i, const struct strs *ids, struct sources *src,
		     struct err *e)
{
	const struct build *b = st->b;
	const struct layer_wait wait = {.fn = waiting, .arg = (void *)b};

	if (layer_usable(b->store, ids->v[i], st->parent_index))
		return 0;
	if (b->offline) {
		(void)err_set(e, ERR_NET, "the layer '%s' must be built, which needs the network",
			      st->def->title);
		return err_hint(e, "run it again without --offline");
	}
	if (layer_begin(b->store, ids->v[i], st->parent_index, &wait, st->out, e) < 0)
		return -(int)e->code;
	if (st->out->done)
		return 0;
	st->files = str_fmt("%s/fs", st->out->path);
	st->work = str_fmt("%s/work", st->out->path);
	st->aside = str_fmt("%s/build", st->out->path);
	if (!src->uri && sources_choose(b, src, e) < 0)
		return -(int)e->code;
	if (make_layer(st, i, i ? ids->v[i - 1] : NULL, e) < 0)
		return err_wrap(e, "layer '%s'", st->def->title);
	return 0;
}

/* Unfinished layers, also the one that has just failed: its files may fill the disk. */
static int sweep(const struct build *b, struct err *e)
{
	return userns_call(b->map, sweep_inside, (void *)b->store, e);
}

static int build_layer(const struct build *b, size_t i, const struct strs *ids,
		       const struct strs *lowers, struct sources *src,
		       char parent_index[DIGEST_LEN], struct err *e)
{
	CLEANUP(layer_end) struct layer_build out = {0};
	CLEANUP(step_fini)
	struct build_step st = {
		.b = b, .src = src, .out = &out, .def = layer_at(b, i), .lowers = lowers};
	CLEANUP(layer_fini) struct layer l = {0};

	(void)memcpy(st.parent_index, parent_index, DIGEST_LEN);
	if (build_one(&st, i, ids, src, e) < 0) {
		struct err ignored = {0};

		layer_end(&out);
		if (sweep(b, &ignored) < 0)
			dbg("build: %s", ignored.msg);
		return -(int)e->code;
	}
	if (layer_load(b->store, ids->v[i], &l, e) < 0)
		return -(int)e->code;
	(void)memcpy(parent_index, l.index, DIGEST_LEN);
	return 0;
}

/* How many packages an image has: the topmost layer with dpkg's database knows. */
static uint64_t count_packages(const struct build *b, const struct strs *ids)
{
	static const char installed[] = "\nStatus: install ok installed\n";

	for (size_t i = ids->n; i > 0; i--) {
		CLEANUP(freep) char *root = layer_path(b->store, ids->v[i - 1]);
		CLEANUP(freep) char *text = NULL;
		CLEANUP(root_close) struct root r = {.fd = -1};
		struct err ignored = {0};
		uint64_t n = 0;

		if (root_open(&r, root, &ignored) < 0 ||
		    root_read(&r, "/var/lib/dpkg/status", STATUS_MAX, &text, &ignored) < 0)
			continue;
		for (const char *p = text; (p = strstr(p, installed)); p += strlen(installed) - 1)
			n++;
		return n;
	}
	return 0;
}

static int describe(const struct build *b, const struct strs *ids, struct image *ret, struct err *e)
{
	CLEANUP(image_fini) struct image img = {.name = str_dup(b->name)};

	for (size_t i = 0; i < ids->n; i++) {
		CLEANUP(layer_fini) struct layer l = {0};

		if (layer_load(b->store, ids->v[i], &l, e) < 0)
			return -(int)e->code;
		strs_add(&img.layers, ids->v[i]);
		img.bytes += l.bytes;
		img.created = l.created;
	}
	img.packages = count_packages(b, ids);
	if (image_save(b->store, &img, e) < 0)
		return -(int)e->code;
	*ret = img;
	img = (struct image){0};
	return 0;
}

int build_image(const struct build *b, struct image *ret, struct err *e)
{
	CLEANUP(strs_fini) struct strs ids = {0};
	CLEANUP(strs_fini) struct strs lowers = {0};
	CLEANUP(sources_fini) struct sources src = {0};
	CLEANUP(freep) char *cache = str_fmt("%s/apt", b->paths->cache);
	char parent_index[DIGEST_LEN] = "";
	bool work;

	if (dir_make(AT_FDCWD, cache, 0755, e) < 0)
		return -(int)e->code;
	layer_ids(b, &ids);
	work = count_ready(b, &ids) < ids.n;
	if (work && sweep(b, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < ids.n; i++) {
		CLEANUP(freep) char *path = layer_path(b->store, ids.v[i]);

		if (build_layer(b, i, &ids, &lowers, &src, parent_index, e) < 0)
			return -(int)e->code;
		strs_add(&lowers, path);
	}
	/* What a new layer took the place of. */
	if (work && sweep(b, e) < 0)
		return -(int)e->code;
	return describe(b, &ids, ret, e);
}
