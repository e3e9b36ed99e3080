/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an operation in a line of the journal: what is taken means the same when written. */
#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "setup/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct op *o)
{
	CLEANUP(json_unrefp) json_t *j = op_json(o);
	CLEANUP(json_unrefp) json_t *again = NULL;
	CLEANUP(arena_fini) struct arena a = {0};
	struct op back = {0};
	struct err e = {0};

	if (op_from_json(j, &a, &back, &e) < 0)
		err_bug("'%s' of what was just taken", e.msg);
	again = op_json(&back);
	if (!json_equal(j, again))
		err_bug("an operation changes when it is read again");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(json_unrefp)
	json_t *j = json_loadb((const char *)data, size, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
	CLEANUP(arena_fini) struct arena a = {0};
	struct op o = {0};
	struct err e = {0};

	if (!j)
		return 0;
	if (op_from_json(j, &a, &o, &e) < 0) {
		if (e.code != ERR_PARSE || !e.msg[0])
			err_bug("wrong error %d '%s'", (int)e.code, e.msg);
		return 0;
	}
	if (o.path && (*o.path != '/' || strstr(o.path, "/../")))
		err_bug("the path '%s' leaves its place", o.path);
	check_again(&o);
	return 0;
}
