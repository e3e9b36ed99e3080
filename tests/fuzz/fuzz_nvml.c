/* SPDX-License-Identifier: Apache-2.0 */
/* Any answer of the helper that asks NVML. */
#include "base/err.h"
#include "host/nvml_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct nvml *m)
{
	for (size_t i = 0; i < m->gpus_n; i++) {
		const struct nvml_gpu *g = &m->gpus[i];

		if (!g->brand || g->minor < -1 || g->minor > 65535)
			err_bug("GPU %zu keeps no promise", i);
		for (size_t j = 0; j < g->migs_n; j++)
			if (g->migs[j].gi > 65535 || g->migs[j].index < -1)
				err_bug("MIG device %zu keeps no promise", j);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nvml m = {0};
	struct err e = {0};

	if (nvml_parse((const char *)data, size, NVML_STATE, &m, &e) == 0)
		check(&m);
	else if (e.code != ERR_PARSE || !e.msg[0])
		err_bug("wrong error %d '%s'", (int)e.code, e.msg);
	nvml_fini(&m);
	return 0;
}
