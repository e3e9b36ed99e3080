/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpm writes its database after a package's files: a killed installation leaves files that nobody
 * owns, which the next one writes again, and a killed upgrade leaves both versions listed. dnf,
 * zypper and the database's own log find their stale locks themselves; only the Berkeley database
 * of old releases wants its region files removed.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkg/pkg_parts.h"

static void forget_regions(struct strs *did)
{
	static const char *const files[] = {"/var/lib/rpm/__db.001", "/var/lib/rpm/__db.002",
					    "/var/lib/rpm/__db.003"};

	for (size_t i = 0; i < COUNT(files); i++)
		if (unlink(files[i]) == 0)
			strs_fmt(did, "rm %s", files[i]);
}

static bool database_is_whole(void)
{
	static const char *const argv[] = {"rpm", "-qa", "--qf", "%{NAME}\n", NULL};
	CLEANUP(strs_fini) struct strs lines = {0};
	struct err ignored = {0};
	int status = 1;

	if (pkg_ask(argv, &lines, &status, &ignored) < 0 || status)
		return false;
	for (size_t i = 0; i < lines.n; i++)
		if (str_starts(lines.v[i], "error:"))
			return false;
	return true;
}

int rpm_repair(const struct pkg_manager *m, const struct pkg_run *run, struct strs *ret_did,
	       struct err *e)
{
	static const char *const rebuild[] = {"rpm", "--rebuilddb", NULL};

	if (database_is_whole())
		return 0;
	forget_regions(ret_did);
	if (database_is_whole())
		return 0;
	return pkg_mend(m, rebuild, run, ret_did, e);
}
