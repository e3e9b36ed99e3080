/* SPDX-License-Identifier: Apache-2.0 */
/* Any JSON text: read it, and check that the tree keeps its promises. */
#include "base/doc.h"
#include "fuzz_tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(doc_fini) struct doc d = {0};
	struct err e = {0};

	if (doc_json((const char *)data, size, "f.json", &d, &e) == 0)
		tree_check(&d, false);
	else if (e.code != ERR_PARSE || !e.msg[0])
		err_bug("wrong error %d '%s'", (int)e.code, e.msg);
	return 0;
}
