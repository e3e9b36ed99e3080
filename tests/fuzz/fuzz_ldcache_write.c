/* SPDX-License-Identifier: Apache-2.0 */
/* Any cache that can be read, written again with an entry in front: the same entries come back. */
#include <string.h>

#include "base/str.h"
#include "cdi/ldcache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(ldcache_fini) struct ldcache c = {0};
	CLEANUP(ldcache_fini) struct ldcache again = {0};
	CLEANUP(buf_fini) struct buf text = {.max = 1 << 20};
	struct err e = {0};
	bool first = false;

	if (ldcache_parse(data, size, &c, &e) < 0)
		return 0;
	ldcache_add(&c, "libcuda.so.1", "/usr/lib/libcuda.so.1", LD_X86_64);
	ldcache_write(&c, &text);
	if (text.full)
		return 0;
	if (ldcache_parse(text.data, text.len, &again, &e) < 0)
		err_bug("refused what it wrote: %s", e.msg);
	if (again.n > c.n || again.hwcaps_n != c.hwcaps_n)
		err_bug("%zu entries came back of %zu", again.n, c.n);
	for (size_t i = 0; i < again.n && !first; i++)
		if (str_eq(again.entries[i].name, "libcuda.so.1") &&
		    again.entries[i].flags == LD_X86_64) {
			if (!str_eq(again.entries[i].path, "/usr/lib/libcuda.so.1"))
				err_bug("another entry comes first");
			first = true;
		}
	if (!first)
		err_bug("the entry is lost");
	return 0;
}
