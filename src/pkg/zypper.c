/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "pkg/pkg_parts.h"

char *zypper_info_version(const char *line)
{
	const char *colon = strchr(line, ':');

	if (!str_starts(line, "Version ") || !colon || colon[1] != ' ' || !colon[2])
		return NULL;
	return str_fmt("%.*s", (int)strcspn(colon + 2, " "), colon + 2);
}

char *zypper_edition(const char *line)
{
	static const char mark[] = " edition=\"";
	const char *at = strstr(line, mark);

	if (!str_starts(line, "<solvable ") || !at)
		return NULL;
	at += strlen(mark);
	return at[strcspn(at, "\"")] ? str_fmt("%.*s", (int)strcspn(at, "\""), at) : NULL;
}

/* "1.19.0" is any release of it: 1.19.0-1. */
static bool edition_fits(const char *edition, const char *version)
{
	size_t n = strlen(version);

	return !version[0] || (!strncmp(edition, version, n) && (!edition[n] || edition[n] == '-'));
}

static int zypper_candidate(const char *name, const char *version, char **ret, struct err *e)
{
	const char *const info[] = {"zypper", "--non-interactive", "--no-refresh", "info", name,
				    NULL};
	const char *const search[] = {
		"zypper", "--non-interactive", "--no-refresh",	"--xmlout", "search", "--details",
		"--type", "package",	       "--match-exact", name,	    NULL};
	CLEANUP(strs_fini) struct strs lines = {0};
	int status;

	if (pkg_ask(version ? search : info, &lines, &status, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < lines.n && !*ret; i++) {
		CLEANUP(freep)
		char *found =
			version ? zypper_edition(lines.v[i]) : zypper_info_version(lines.v[i]);

		if (found && edition_fits(found, version ? version : ""))
			*ret = TAKE(found);
	}
	return 0;
}

char *zypper_locked(const char *line)
{
	static const char mark[] = "<name>";
	const char *at = strstr(line, mark);

	if (!at || !str_starts(line, "<lock"))
		return NULL;
	at += strlen(mark);
	return str_fmt("%.*s", (int)strcspn(at, "<"), at);
}

/* Each lock is a line of its own, or the first one stands behind the list's own mark. */
static int zypper_state(enum pkg_action action, struct strs *ret, struct err *e)
{
	static const char *const argv[] = {"zypper", "--non-interactive", "--xmlout", "locks",
					   NULL};
	CLEANUP(strs_fini) struct strs lines = {0};
	int status;

	if (action != PKG_HOLD)
		return 0;
	if (pkg_ask(argv, &lines, &status, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < lines.n; i++) {
		CLEANUP(freep) char *found = zypper_locked(lines.v[i]);

		if (found)
			strs_add(ret, found);
	}
	return 0;
}

static const char *const refresh[] = {"zypper", "--non-interactive", "refresh", NULL};
static const char *const install[] = {"zypper", "--non-interactive", "install", NULL};
static const char *const remove_words[] = {"zypper", "--non-interactive", "remove", NULL};
static const char *const addlock[] = {"zypper", "--non-interactive", "addlock", NULL};
static const char *const removelock[] = {"zypper", "--non-interactive", "removelock", NULL};

/* zypper(8), "EXIT CODES". 106: a repository that was left out, 107: a scriptlet that failed. */
static const struct pkg_status statuses[] = {
	{7, ERR_BUSY, 0},	   {100, ERR_OK, 0}, {101, ERR_OK, 0},
	{102, ERR_OK, PKG_REBOOT}, {103, ERR_OK, 0}, {104, ERR_ABSENT, 0},
	{106, ERR_OK, 0},	   {107, ERR_OK, 0}, {0, ERR_OK, 0},
};
static const struct pkg_place places[] = {{"/etc/zypp/repos.d", ".repo"}, {NULL, NULL}};

const struct pkg_manager pkg_zypper = {
	.name = "zypper",
	.verbs =
		{
			[PKG_REFRESH] = {refresh, NULL},
			[PKG_INSTALL] = {install, NULL},
			[PKG_REMOVE] = {remove_words, NULL},
			[PKG_HOLD] = {addlock, NULL},
			[PKG_UNHOLD] = {removelock, NULL},
		},
	.join = '=',
	.lock_env = "ZYPP_LOCK_TIMEOUT=",
	.locks = rpm_locks,
	.statuses = statuses,
	.removes = rpm_removes,
	.list = rpm_list,
	.candidate = zypper_candidate,
	.state = zypper_state,
	.repair = rpm_repair,
	.places = places,
	.repo_text = repo_zypp,
	.lists = {{"/etc/zypp/repos.d"}, {"/var/cache/zypp/solv"}, NULL},
	.repos_command = "zypper repos",
};
