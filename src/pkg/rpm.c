/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "pkg/pkg_parts.h"

/* Where distributions have rpm's database. */
const char *const rpm_locks[] = {"/usr/lib/sysimage/rpm/.rpm.lock", "/var/lib/rpm/.rpm.lock", NULL};

int rpm_list(struct strs *ret, struct err *e)
{
	static const char *const argv[] = {"rpm", "-qa", "--qf", "%{NAME}=%{VERSION}-%{RELEASE}\n",
					   NULL};
	CLEANUP(strs_fini) struct strs lines = {0};
	int status;

	if (pkg_ask(argv, &lines, &status, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < lines.n; i++)
		if (strchr(lines.v[i], '=') && !str_starts(lines.v[i], "gpg-pubkey="))
			strs_add(ret, lines.v[i]);
	if (status)
		return err_set(e, ERR_FAIL, "rpm's database cannot be read: %.200s",
			       lines.n ? lines.v[0] : "");
	return 0;
}

char *rpm_needer(const char *line)
{
	static const char mark[] = " is needed by (installed) ";
	const char *at = strstr(line, mark);
	const char *end;

	if (!at)
		return NULL;
	at += strlen(mark);
	/* "name-version-release.arch", with an epoch before the version at times. */
	end = at + strcspn(at, " \t");
	for (int dashes = 0; end > at && dashes < 2;)
		dashes += *--end == '-';
	return end > at ? str_fmt("%.*s", (int)(end - at), at) : NULL;
}

static bool is_named(const char *const *packages, const char *name)
{
	for (; *packages; packages++)
		if (strcspn(*packages, "=") == strlen(name) && str_starts(*packages, name))
			return true;
	return false;
}

/* What needs them needs something in its turn: asked until nobody new turns up. */
int rpm_removes(const char *const *packages, struct strs *ret, struct err *e)
{
	size_t before;

	do {
		CLEANUP(strs_fini) struct strs argv = {0};
		CLEANUP(strs_fini) struct strs lines = {0};
		int status;

		before = ret->n;
		strs_add_all(&argv,
			     (const char *const[]){"rpm", "-e", "--test", "--allmatches", NULL});
		for (const char *const *p = packages; *p; p++)
			strs_fmt(&argv, "%.*s", (int)strcspn(*p, "="), *p);
		for (size_t i = 0; i < ret->n; i++)
			strs_add(&argv, ret->v[i]);
		if (pkg_ask((const char *const *)argv.v, &lines, &status, e) < 0)
			return -(int)e->code;
		for (size_t i = 0; status && i < lines.n; i++) {
			CLEANUP(freep) char *name = rpm_needer(lines.v[i]);

			if (name && !is_named(packages, name) && !strs_has(ret, name))
				strs_add(ret, name);
		}
	} while (ret->n > before);
	return 0;
}
