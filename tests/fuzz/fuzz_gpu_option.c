/* SPDX-License-Identifier: Apache-2.0 */
/* Any text after --gpu: a request that keeps its promises, or a usage error. */
#include "base/str.h"
#include "cdi/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(gpu_request_fini) struct gpu_request q = {0};
	CLEANUP(freep) char *text = str_fmt("%.*s", (int)size, (const char *)data);
	struct err e = {0};

	if (gpu_request_parse(text, &q, &e) < 0) {
		if (e.code != ERR_USAGE || !e.msg[0] || !e.hint[0])
			err_bug("wrong error %d '%s'", (int)e.code, e.msg);
	} else if (!q.ids || !q.ids[0] || (q.free && !str_eq(q.ids[0], "all"))) {
		err_bug("a request without GPUs");
	}
	return 0;
}
