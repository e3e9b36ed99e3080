/* SPDX-License-Identifier: Apache-2.0 */
/* Any words, a line each, as a hook's arguments; what is accepted comes back by arguments of ours.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cdi/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* '::' inside a path can be read, but not written. */
static bool can_be_written(const struct tree_edits *t)
{
	for (size_t i = 0; i < t->links_n; i++)
		if (str_ends(t->links[i].target, ":") || str_starts(t->links[i].at, ":"))
			return false;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(freep) char *text = mem_alloc(size + 1);
	CLEANUP(arena_fini) struct arena a = {0};
	struct cdi_texts words = {0};
	struct cdi_texts args = {0};
	struct tree_edits t = {0};
	struct tree_edits again = {0};
	struct err e = {0};
	char *save = NULL;

	memcpy(text, data, size);
	cdi_add_text(&a, &words, "nvidia-cdi-hook");
	for (char *w = strtok_r(text, "\n", &save); w; w = strtok_r(NULL, "\n", &save))
		cdi_add_text(&a, &words, w);
	if (tree_from_args(words.v, &a, &t, &e) < 0) {
		if ((e.code != ERR_ABSENT && e.code != ERR_CONFIG) || !e.msg[0])
			err_bug("wrong error %d '%s'", (int)e.code, e.msg);
		return 0;
	}
	if (tree_is_empty(&t) || !can_be_written(&t))
		return 0;
	cdi_add_text(&a, &args, "nvidia-cdi-hook");
	tree_to_args(&t, &a, &args);
	if (tree_from_args(args.v, &a, &again, &e) < 0)
		err_bug("refused its own arguments: %s", e.msg);
	if (t.links_n != again.links_n || t.folders.n != again.folders.n ||
	    t.modes_n != again.modes_n || !str_eq(t.compat_driver, again.compat_driver) ||
	    !str_eq(t.compat_cuda, again.compat_cuda) ||
	    !str_eq(t.compat_root, again.compat_root) || t.params != again.params ||
	    t.profile != again.profile)
		err_bug("came back as something else");
	for (size_t i = 0; i < t.links_n; i++)
		if (!str_eq(t.links[i].target, again.links[i].target) ||
		    !str_eq(t.links[i].at, again.links[i].at))
			err_bug("a link came back as another");
	return 0;
}
