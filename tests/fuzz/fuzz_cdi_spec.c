/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as a CDI specification, YAML or JSON. What is taken must obey the rules, be written in
 * both forms, and be read back as the same.
 */
#include <string.h>

#include "base/str.h"
#include "cdi/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void reread(const struct cdi_spec *s, enum cdi_format f)
{
	CLEANUP(cdi_spec_fini) struct cdi_spec back = {0};
	CLEANUP(freep) char *text = cdi_spec_text(s, f, NULL);
	CLEANUP(freep) char *again = NULL;
	struct err e = {0};

	if (cdi_spec_parse(text, strlen(text), "f", &back, &e) < 0)
		err_bug("what was written is refused: %s\n%s", e.msg, text);
	again = cdi_spec_text(&back, f, NULL);
	if (!str_eq(text, again))
		err_bug("not the same:\n%s\n%s", text, again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(cdi_problems_fini) struct cdi_problems p = {0};
	CLEANUP(cdi_spec_fini) struct cdi_spec all = {0};
	CLEANUP(cdi_spec_fini) struct cdi_spec s = {0};
	struct err e = {0};
	size_t n = cdi_spec_problems((const char *)data, size, "f", &all, &p);

	if (cdi_spec_parse((const char *)data, size, "f", &s, &e) < 0) {
		if (!n || !e.msg[0] || (e.code != ERR_CONFIG && e.code != ERR_PARSE))
			err_bug("wrong error %d '%s'", (int)e.code, e.msg);
		return 0;
	}
	if (n || cdi_spec_check(&s, &e) < 0)
		err_bug("taken, but: %s", n ? p.items[0].msg : e.msg);
	/* A text may be longer quoted than the 4 MiB that are read. */
	if (size < 65536) {
		reread(&s, CDI_YAML);
		reread(&s, CDI_JSON);
	}
	return 0;
}
