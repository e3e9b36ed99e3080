/* SPDX-License-Identifier: Apache-2.0 */
/* What the driver of a GPU needs in the root, by the annotation dlenv.tree: no hook is run for it.
 */
#include <fcntl.h>

#include "base/fs.h"
#include "cdi/tree.h"
#include "runtime/rt.h"

/* Where the configuration mounts something. */
static const char **destinations(const struct spec *s, struct arena *a)
{
	const struct spec_mount *m = s->mounts.items;
	const char **v = arena_alloc(a, (s->mounts.n + 1) * sizeof(*v));

	for (size_t i = 0; i < s->mounts.n; i++)
		v[i] = m[i].destination;
	return v;
}

int stage_tree(struct rt *rt, struct err *e)
{
	CLEANUP(arena_fini) struct arena a = {0};
	CLEANUP(fd_closep) int params = -1;
	struct tree_edits t = {0};
	struct tree_place p = {
		.root = rt->root,
		/* An overlay is written before it becomes read-only; a folder is the image itself.
		 */
		.read_only = rt->spec.root_readonly && !rt->layers_n,
		.warn = rt_child_warn_text,
		.warn_arg = rt,
	};

	if (rt->spec.tree)
		t = *rt->spec.tree;
	else if (tree_parse(spec_annotation(&rt->spec, "dlenv.tree"), &a, &t, e) < 0)
		return err_wrap(e, "annotation dlenv.tree");
	/* /proc is still the host's. */
	if (t.params)
		params = open("/proc/driver/nvidia/params", O_RDONLY | O_CLOEXEC);
	p.params = params;
	p.mounts = destinations(&rt->spec, &a);
	return tree_make(&p, &t, e);
}
