/* SPDX-License-Identifier: Apache-2.0 */
/* A user's table of facts, any of them: the first letter says which. What is read is solved with.
 */
#include "base/str.h"
#include "compat/gpus.h"
#include "compat/solve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void solve_with(struct facts *f)
{
	CLEANUP(answer_fini) struct solve_answer a = {0};
	struct gpu_fact gpu;
	struct solve_request r = {.gpus = &gpu, .gpus_n = 1};
	struct err e = {0};

	gpu_by_id(f, 0x2fff, 0, 0, &gpu);
	if (solve(f, &r, 0, &a, &e) < 0 && (e.code != ERR_CONFIG || !e.msg[0]))
		err_bug("wrong error %d '%s'", (int)e.code, e.msg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"gpus",	"cuda",	   "cudnn",  "frameworks",
					    "images",	"distros", "routes", "branches",
					    "toolkits", "engines", "brands", "keys"};
	static const char *const folders[] = {NULL};
	CLEANUP(facts_fini) struct facts f = {0};
	struct err e = {0};

	if (!size)
		return 0;
	if (facts_load(&f, folders, &e) < 0)
		err_bug("the built-in tables: %s", e.msg);
	if (facts_add(&f, names[data[0] % COUNT(names)], (const char *)data + 1, size - 1, "f.tsv",
		      &e) == 0)
		solve_with(&f);
	else if (e.code != ERR_PARSE || !str_starts(e.msg, "f.tsv:"))
		err_bug("wrong error %d '%s'", (int)e.code, e.msg);
	return 0;
}
