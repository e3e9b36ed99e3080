/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What apt, dpkg and mmdebstrap say went wrong while an image is built: pkg/trouble.h knows their
 * words; which packages are unknown, and what to do about it in a definition, is here.
 */
#include <string.h>

#include "base/i18n.h"
#include "base/mem.h"
#include "engine/build_parts.h"

/* What stands in line between two texts, or behind the first when after is "". */
static char *between(const char *line, const char *before, const char *after)
{
	const char *at = strstr(line, before);
	const char *end;

	if (!at)
		return NULL;
	at += strlen(before);
	end = *after ? strstr(at, after) : at + strlen(at);
	return end && end > at ? str_fmt("%.*s", (int)(end - at), at) : NULL;
}

static void add_unknown(struct trouble *t, const char *name)
{
	if (name && !strs_has(&t->unknown, name))
		strs_add(&t->unknown, name);
}

static void unknown_line(struct trouble *t, const char *line)
{
	static const struct {
		const char *before;
		const char *after;
	} forms[] = {
		{"E: Unable to locate package ", ""},
		{"E: Package '", "' has no installation candidate"},
	};
	CLEANUP(freep) char *version = between(line, "E: Version '", "' for '");
	CLEANUP(freep) char *of = between(line, "' for '", "' was not found");

	for (size_t i = 0; i < COUNT(forms); i++) {
		CLEANUP(freep) char *name = between(line, forms[i].before, forms[i].after);

		add_unknown(t, name);
	}
	if (version && of) {
		CLEANUP(freep) char *both = str_fmt("%s=%s", of, version);

		add_unknown(t, both);
	}
}

void trouble_line(struct trouble *t, const char *line)
{
	unknown_line(t, line);
	pkg_trouble_line(&t->seen, line);
}

void trouble_fini(struct trouble *t)
{
	strs_fini(&t->unknown);
}

int trouble_report(const struct trouble *t, struct err *e)
{
	enum err_code code = pkg_trouble_code(&t->seen);

	if (t->unknown.n && (code == ERR_OK || code == ERR_FAIL || code == ERR_ABSENT)) {
		CLEANUP(buf_fini) struct buf names = {.max = 300};

		for (size_t i = 0; i < t->unknown.n; i++)
			buf_fmt(&names, "%s%s", i ? ", " : "", t->unknown.v[i]);
		return err_set(e, ERR_ABSENT, "there is no such package: %s", names.data);
	}
	if (code == ERR_OK)
		return -(int)e->code;
	(void)pkg_trouble_report(&t->seen, "apt-get", 0, ERR_FAIL, e);
	if (pkg_trouble_is_key(&t->seen))
		return err_hint(e, "install the package debian-archive-keyring, or correct "
				   "`image.mirror` in dlenv.yaml");
	if (code == ERR_UNSAT)
		return err_hint(e, "the full log says which; remove one of them from "
				   "`packages.apt` in dlenv.yaml");
	return -(int)e->code;
}
