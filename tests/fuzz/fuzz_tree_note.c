/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the note of a CUDA compatibility library. */
#include <string.h>

#include "cdi/tree_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(arena_fini) struct arena a = {0};
	struct compat_note note = {0};
	struct err e = {0};
	size_t sum = 0;

	if (compat_note_parse((const char *)data, size, &a, &note, &e) < 0) {
		if ((e.code != ERR_PARSE && e.code != ERR_CONFIG) || !e.msg[0])
			err_bug("wrong error %d '%s'", (int)e.code, e.msg);
		return 0;
	}
	for (const char **d = note.drivers; d && *d; d++)
		sum += strlen(*d);
	if (note.cuda)
		sum += strlen(note.cuda);
	return sum > size ? -1 : 0;
}
