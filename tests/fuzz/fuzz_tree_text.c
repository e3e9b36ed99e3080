/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as the annotation dlenv.tree: what is accepted can be written and comes back as it was.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cdi/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(freep) char *text = mem_alloc(size + 1);
	CLEANUP(arena_fini) struct arena a = {0};
	CLEANUP(freep) char *first = NULL;
	CLEANUP(freep) char *second = NULL;
	struct tree_edits t = {0};
	struct tree_edits again = {0};
	struct err e = {0};

	memcpy(text, data, size);
	if (tree_parse(text, &a, &t, &e) < 0) {
		if ((e.code != ERR_PARSE && e.code != ERR_CONFIG) || !e.msg[0])
			err_bug("wrong error %d '%s'", (int)e.code, e.msg);
		return 0;
	}
	for (size_t i = 0; i < t.folders.n; i++)
		if (t.folders.v[i][0] != '/' || strpbrk(t.folders.v[i], "\n:"))
			err_bug("a folder that would be two");
	first = tree_text(&t);
	if (tree_parse(first, &a, &again, &e) < 0)
		err_bug("refused what it wrote: %s", e.msg);
	second = tree_text(&again);
	if (!str_eq(first, second))
		err_bug("'%s' came back as '%s'", first, second);
	return 0;
}
