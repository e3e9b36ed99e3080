/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sysctl.h"

#include <sched.h>
#include <stdbool.h>
#include <string.h>

#include "base/str.h"

static const struct {
	const char *key; /* a prefix when it ends with a dot */
	unsigned long needs;
} rows[] = {
	{"net.", CLONE_NEWNET},
	{"fs.mqueue.", CLONE_NEWIPC},
	{"kernel.msgmax", CLONE_NEWIPC},
	{"kernel.msgmnb", CLONE_NEWIPC},
	{"kernel.msgmni", CLONE_NEWIPC},
	{"kernel.sem", CLONE_NEWIPC},
	{"kernel.shmall", CLONE_NEWIPC},
	{"kernel.shmmax", CLONE_NEWIPC},
	{"kernel.shmmni", CLONE_NEWIPC},
	{"kernel.shm_rmid_forced", CLONE_NEWIPC},
	{"kernel.domainname", CLONE_NEWUTS},
	{"kernel.hostname", CLONE_NEWUTS},
};

static bool is_plain(const char *key)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-./@:";

	return !key[strspn(key, letters)] && !strstr(key, "..") && !strstr(key, "//") &&
	       !str_starts(key, "/") && !str_starts(key, ".");
}

int sysctl_check(const char *key, const char *value, unsigned long flags, struct err *e)
{
	if (!is_plain(key) || strpbrk(value, "\n\r"))
		return err_set(e, ERR_CONFIG, "the sysctl '%s' is malformed", key);
	for (size_t i = 0; i < COUNT(rows); i++) {
		bool prefix = str_ends(rows[i].key, ".");

		if (prefix ? !str_starts(key, rows[i].key) : !str_eq(key, rows[i].key))
			continue;
		if (flags & rows[i].needs)
			return 0;
		return err_set(e, ERR_CONFIG,
			       "the sysctl '%s' would change the host's: its namespace is shared",
			       key);
	}
	return err_set(e, ERR_CONFIG, "the sysctl '%s' does not belong to a namespace", key);
}

char *sysctl_path(const char *key)
{
	char *path = str_fmt("sys/%s", key);

	/* sysctl(8): dots separate, and a slash stands for a dot within a name (eth0/100). */
	for (char *p = path + strlen("sys/"); *p; p++)
		*p = (char)(*p == '.' ? '/' : *p == '/' ? '.' : *p);
	return path;
}
