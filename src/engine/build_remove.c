/* SPDX-License-Identifier: Apache-2.0 */
/* Checking and removing what was built: oci/ does it, in the user namespace that owns the files. */
#include "base/log.h"
#include "engine/build.h"
#include "oci/layer.h"

struct verify {
	const struct store *store;
	const struct image *image;
	unsigned int flags;
	const struct progress *progress;
};

static int verify(void *arg, struct err *e)
{
	const struct verify *v = arg;

	return image_verify(v->store, v->image, v->flags, v->progress, e);
}

int build_verify(const struct store *s, const struct idmap *m, const struct image *img,
		 unsigned int flags, const struct progress *pr, struct err *e)
{
	struct verify v = {.store = s, .image = img, .flags = flags, .progress = pr};

	return userns_call(m, verify, &v, e);
}

struct discard {
	const struct store *store;
	const struct strs *ids;
};

static int discard(void *arg, struct err *e)
{
	const struct discard *d = arg;

	for (size_t i = 0; i < d->ids->n; i++)
		if (layer_remove(d->store, d->ids->v[i], e) < 0)
			return -(int)e->code;
	return store_sweep(d->store, e);
}

int build_discard(const struct store *s, const struct idmap *m, const struct strs *ids,
		  struct err *e)
{
	struct discard d = {.store = s, .ids = ids};

	return userns_call(m, discard, &d, e);
}

int build_collect(const struct store *s, const struct idmap *m, const struct strs *keep,
		  struct err *e)
{
	CLEANUP(strs_fini) struct strs unused = {0};

	if (store_unused(s, keep, &unused, e) < 0)
		return -(int)e->code;
	return build_discard(s, m, &unused, e);
}

/* Does an image other than this one need one of these layers, or does keep have one? */
static int is_shared(const struct store *s, const struct image *img, const struct strs *keep,
		     bool *ret, struct err *e)
{
	CLEANUP(strs_fini) struct strs names = {0};
	bool shared = false;

	for (size_t i = 0; keep && i < keep->n; i++)
		shared = shared || strs_has(&img->layers, keep->v[i]);
	if (image_list(s, &names, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < names.n && !shared; i++) {
		CLEANUP(image_fini) struct image other = {0};

		if (str_eq(names.v[i], img->name))
			continue;
		if (image_load(s, names.v[i], &other, e) < 0)
			return -(int)e->code;
		for (size_t k = 0; k < other.layers.n; k++)
			shared = shared || strs_has(&img->layers, other.layers.v[k]);
	}
	*ret = shared;
	return 0;
}

int build_remove(const struct store *s, const struct idmap *m, const char *name,
		 const struct strs *keep, struct err *e)
{
	CLEANUP(image_fini) struct image img = {0};
	struct err damage = {0};
	bool shared = false;

	if (image_load(s, name, &img, e) < 0 || is_shared(s, &img, keep, &shared, e) < 0)
		return -(int)e->code;
	/* Layers that stay must be whole: removing an image is the cure for a damaged one. */
	if (shared && build_verify(s, m, &img, VERIFY_CONTENT | VERIFY_MARK, NULL, &damage) < 0)
		dbg("build: %s", damage.msg);
	if (image_remove(s, name, e) < 0)
		return -(int)e->code;
	return build_collect(s, m, keep, e);
}
