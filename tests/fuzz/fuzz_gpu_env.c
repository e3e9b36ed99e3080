/* SPDX-License-Identifier: Apache-2.0 */
/* Any environment of a container, a line each: what it asks for, looked for on a machine. */
#include <string.h>

#include "base/str.h"
#include "cdi/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct nv_gpu gpus[] = {
	{.pci = "0000:01:00.0", .uuid = "GPU-0a", .model = "A"},
	{.pci = "0000:02:00.0", .index = 1, .mig = true},
};
static struct nv_mig migs[] = {{.gpu = 1, .uuid = "MIG-0b"}, {.gpu = 1, .index = -1}};
static const struct nvidia machine = {
	.driver = "550.1", .gpus = gpus, .gpus_n = 2, .migs = migs, .migs_n = 2};

static void check(const struct gpu_request *q)
{
	CLEANUP(arena_fini) struct arena a = {0};
	const char *const *ids = NULL;
	struct err e = {0};
	bool open = false;

	if (gpu_request_choose(q, &machine, NULL, &a, &ids, &e) < 0) {
		if ((e.code != ERR_UNSAT && e.code != ERR_USAGE) || !e.hint[0])
			err_bug("wrong error %d '%s'", (int)e.code, e.msg);
		return;
	}
	if (!ids || !ids[0])
		err_bug("no GPU was chosen");
	if (gpu_request_check(q, &machine, NULL, ids, &open, &e) < 0 && e.code != ERR_UNSAT &&
	    e.code != ERR_CONFIG)
		err_bug("wrong error %d '%s'", (int)e.code, e.msg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(gpu_request_fini) struct gpu_request q = {0};
	CLEANUP(freep) char *text = str_fmt("%.*s", (int)size, (const char *)data);
	CLEANUP(strs_fini) struct strs env = {0};
	struct err e = {0};
	char *save = NULL;

	for (char *l = strtok_r(text, "\n", &save); l && env.n < 100;
	     l = strtok_r(NULL, "\n", &save))
		strs_add(&env, l);
	if (gpu_request_from_env((const char *const *)env.v, size & 1, &q, &e) == 0)
		check(&q);
	else if ((e.code != ERR_CONFIG && e.code != ERR_PRIV) || !e.hint[0])
		err_bug("wrong error %d '%s'", (int)e.code, e.msg);
	return 0;
}
