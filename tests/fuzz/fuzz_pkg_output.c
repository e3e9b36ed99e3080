/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a package manager or gpg prints: versions and names keep their bounds, fingerprints are
 * fingerprints. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pkg/pkg_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *(*const readers[])(const char *line) = {
	apt_simulated,	     rpm_needer,     dnf_locked,    dnf_enabled_stream,
	zypper_info_version, zypper_edition, zypper_locked,
};

static void read_line(struct pkg_trouble *t, const char *line)
{
	pkg_trouble_line(t, line);
	for (size_t i = 0; i < COUNT(readers); i++) {
		CLEANUP(freep) char *got = readers[i](line);

		if (got && strlen(got) > strlen(line))
			err_bug("longer than its line");
	}
}

static void check_keys(const struct strs *lines)
{
	CLEANUP(strs_fini) struct strs keys = {0};

	key_colons(lines, &keys);
	for (size_t i = 0; i < keys.n; i++) {
		size_t n = strspn(keys.v[i], "0123456789ABCDEF");

		if ((n != 40 && n != 64) || keys.v[i][n])
			err_bug("'%s' is no fingerprint", keys.v[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf_fini) struct buf text = {0};
	CLEANUP(strs_fini) struct strs lines = {0};
	CLEANUP(strs_fini) struct strs packages = {0};
	CLEANUP(freep) char *newest = NULL;
	CLEANUP(freep) char *exact = NULL;
	struct pkg_trouble trouble = {0};
	struct err e = {0};

	buf_str(&text, "");
	buf_add(&text, data, size);
	for (const char *p = text.data; *p; p += strcspn(p, "\n"), p += *p == '\n')
		strs_fmt(&lines, "%.*s", (int)strcspn(p, "\n"), p);
	for (size_t i = 0; i < lines.n; i++)
		read_line(&trouble, lines.v[i]);
	if (pkg_trouble_report(&trouble, "apt-get", 1, ERR_FAIL, &e) >= 0 || !e.msg[0])
		err_bug("a failure without a word");
	newest = apt_policy_version(&lines, NULL);
	exact = apt_policy_version(&lines, "1.0");
	if (exact && strcmp(exact, "1.0") != 0)
		err_bug("another version than the one asked for");
	check_keys(&lines);
	dpkg_status_list(text.data, &packages);
	pkg_sort(&packages);
	for (size_t i = 0; i < packages.n; i++)
		if (!pkg_in_list(&packages, packages.v[i]))
			err_bug("'%s' is not found", packages.v[i]);
	return 0;
}
