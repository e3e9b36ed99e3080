/* SPDX-License-Identifier: Apache-2.0 */
/* Any requirement of an image: met, not met, or a text that is wrong, the same with any facts. */
#include "base/str.h"
#include "cdi/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct gpu_facts unknown = {0};
	static const struct gpu_facts full = {"550.163.01", "12.4", "8.0", "tesla"};
	CLEANUP(freep) char *text = str_fmt("%.*s", (int)size, (const char *)data);
	struct err a = {0};
	struct err b = {0};
	int open = gpu_require(text, &unknown, &a);
	int known = gpu_require(text, &full, &b);

	if (open != 0 && open != -ERR_CONFIG)
		err_bug("what is not known does not forbid: %d '%s'", open, a.msg);
	if ((open == -ERR_CONFIG) != (known == -ERR_CONFIG))
		err_bug("a text is wrong by itself: %d '%s', %d '%s'", open, a.msg, known, b.msg);
	return 0;
}
