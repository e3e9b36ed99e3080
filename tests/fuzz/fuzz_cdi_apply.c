/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any config.json and any specification, with a NUL byte between them. What comes out has to be a
 * configuration again, to which the same can be applied once more.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json_edit.h"
#include "base/str.h"
#include "cdi/apply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *apply(const char *text, size_t len, const struct cdi_edits *edits)
{
	struct err e = {0};
	char *out = NULL;

	if (cdi_apply(text, len, edits, APPLY_DROP_NVIDIA, &out, &e) < 0 && !e.msg[0])
		err_bug("an error without a message");
	return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = memchr(data, 0, size);
	CLEANUP(json_edit_close) struct json_edit j = {0};
	CLEANUP(cdi_spec_fini) struct cdi_spec s = {0};
	CLEANUP(freep) char *out = NULL;
	CLEANUP(freep) char *again = NULL;
	size_t len = nul ? (size_t)(nul - data) : size;
	struct err e = {0};

	if (!nul || cdi_spec_parse((const char *)nul + 1, size - len - 1, "f", &s, &e) < 0)
		return 0;
	out = apply((const char *)data, len, &s.edits);
	if (!out)
		return 0;
	if (json_edit_open(&j, out, strlen(out), 64 << 20, "out", &e) < 0)
		err_bug("no JSON: %s\n%s", e.msg, out);
	again = apply(out, strlen(out), &s.edits);
	if (!again)
		err_bug("cannot be applied again:\n%s", out);
	return 0;
}
