/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a loader's cache: every text that is promised can be read. */
#include <string.h>

#include "cdi/ldcache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(ldcache_fini) struct ldcache c = {0};
	struct err e = {0};
	size_t sum = 0;

	if (ldcache_parse(data, size, &c, &e) < 0) {
		if (e.code != ERR_PARSE || !e.msg[0])
			err_bug("wrong error %d '%s'", (int)e.code, e.msg);
		return 0;
	}
	for (size_t i = 0; i < c.n; i++)
		sum += strlen(c.entries[i].name) + strlen(c.entries[i].path);
	for (size_t i = 0; i < c.hwcaps_n; i++)
		sum += strlen(c.hwcaps[i]);
	if (c.generator)
		sum += strlen(c.generator);
	return sum > 0 && c.n > size ? -1 : 0;
}
