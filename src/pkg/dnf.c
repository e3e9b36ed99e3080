/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dnf 4 (Fedora up to 40, the RHEL kin up to 10) and dnf 5. They differ in marks and options, and
 * agree in what matters: a package whose key is in rpm's database is checked with it; for another
 * one the repository's gpgkey is fetched, and -y imports it whatever it is. So keys that lie in the
 * network are not named to dnf; those that dlenv trusts are in rpm's database.
 */
#include <fcntl.h>
#include <string.h>

#include "pkg/pkg_parts.h"

static const struct pkg_place places[] = {{"/etc/yum.repos.d", ".repo"},
					  {"/etc/dnf/repos.d", ".repo"},
					  {"/etc/distro.repos.d", ".repo"},
					  {"/usr/share/dnf5/repos.d", ".repo"},
					  {NULL, NULL}};

static void forget_keys_of(const struct pkg_place *place, struct strs *ret)
{
	CLEANUP(strs_fini) struct strs names = {0};
	struct err ignored = {0};

	if (dir_list(AT_FDCWD, place->path, &names, &ignored) < 0)
		return;
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP(freep) char *path = str_fmt("%s/%s", place->path, names.v[i]);
		CLEANUP(freep) char *text = NULL;
		CLEANUP(strs_fini) struct strs ids = {0};

		if (!str_ends(names.v[i], place->ending) ||
		    file_read(AT_FDCWD, path, PKG_SOURCE_MAX, &text, NULL, &ignored) < 0)
			continue;
		repo_text_remote_keys(text, &ids);
		for (size_t k = 0; k < ids.n; k++)
			strs_fmt(ret, "--setopt=%s.gpgkey=", ids.v[k]);
	}
}

static void dnf_extra(enum pkg_action action, struct strs *ret)
{
	if (action == PKG_INSTALL)
		for (const struct pkg_place *p = places; p->path; p++)
			forget_keys_of(p, ret);
}

/* The first line that is a version: dnf 4 tells of expired metadata in between. */
static char *version_of(const struct strs *lines)
{
	for (size_t i = 0; i < lines->n; i++)
		if (str_starts(lines->v[i], "dlenv="))
			return str_dup(lines->v[i] + strlen("dlenv="));
	return NULL;
}

static int candidate(const char *program, const char *name, const char *version, char **ret,
		     struct err *e)
{
	CLEANUP(freep)
	char *what = version ? str_fmt("%s-%s", name, version) : str_dup(name);
	/* dnf 5 prints no newline of its own, dnf 4 does. */
	const char *const argv[] = {program,
				    "-q",
				    "-C",
				    "repoquery",
				    "--latest-limit=1",
				    "--qf",
				    "dlenv=%{version}-%{release}\n",
				    "--",
				    what,
				    NULL};
	CLEANUP(strs_fini) struct strs lines = {0};
	int status;

	/* Without lists of any repository dnf fails: then it has none. */
	if (pkg_ask(argv, &lines, &status, e) < 0)
		return -(int)e->code;
	*ret = version_of(&lines);
	return 0;
}

static int dnf4_candidate(const char *name, const char *version, char **ret, struct err *e)
{
	return candidate("dnf", name, version, ret, e);
}

static int dnf5_candidate(const char *name, const char *version, char **ret, struct err *e)
{
	return candidate("dnf5", name, version, ret, e);
}

/* Fedora's own setting is to go on without a repository that cannot be read. */
static const char *const quiet[] = {"--setopt=skip_if_unavailable=0", NULL};

static const char *const makecache4[] = {"dnf", "makecache", "-y", "--refresh", NULL};
static const char *const install4[] = {"dnf", "install", "-y", NULL};
static const char *const remove4[] = {"dnf", "remove", "-y", "--noautoremove", NULL};
static const char *const lock4[] = {"dnf", "versionlock", "add", NULL};
static const char *const unlock4[] = {"dnf", "versionlock", "delete", NULL};
static const char *const mark4[] = {"dnf", "mark", "install", NULL};
static const char *const reset4[] = {"dnf", "module", "reset", "-y", NULL};
static const char *const enable4[] = {"dnf", "module", "enable", "-y", NULL};

static const char *const makecache5[] = {"dnf5", "makecache", "-y", "--refresh", NULL};
static const char *const install5[] = {"dnf5", "install", "-y", NULL};
static const char *const remove5[] = {"dnf5", "remove", "-y", "--no-autoremove", NULL};
static const char *const lock5[] = {"dnf5", "versionlock", "add", NULL};
static const char *const unlock5[] = {"dnf5", "versionlock", "delete", NULL};
static const char *const mark5[] = {"dnf5", "mark", "user", "-y", NULL};
static const char *const reset5[] = {"dnf5", "module", "reset", "-y", NULL};
static const char *const enable5[] = {"dnf5", "module", "enable", "-y", NULL};

static const struct pkg_status dnf4_statuses[] = {{200, ERR_BUSY, 0}, {0, ERR_OK, 0}};

const struct pkg_manager pkg_dnf4 = {
	.name = "dnf4",
	.verbs =
		{
			[PKG_REFRESH] = {makecache4, quiet},
			[PKG_INSTALL] = {install4, quiet},
			[PKG_REMOVE] = {remove4, NULL},
			[PKG_HOLD] = {lock4, NULL},
			[PKG_UNHOLD] = {unlock4, NULL},
			[PKG_MARK] = {mark4, NULL},
			[PKG_MODULE_RESET] = {reset4, NULL},
			[PKG_MODULE_ENABLE] = {enable4, NULL},
		},
	.join = '-',
	.locks = rpm_locks,
	.statuses = dnf4_statuses,
	.extra = dnf_extra,
	.removes = rpm_removes,
	.list = rpm_list,
	.candidate = dnf4_candidate,
	.state = dnf4_state,
	.repair = rpm_repair,
	.places = places,
	.repo_text = repo_dnf,
	.lists = {{"/etc/yum.repos.d"}, {"/var/cache/dnf"}, ".solv"},
	.repos_command = "dnf repolist",
};

const struct pkg_manager pkg_dnf5 = {
	.name = "dnf5",
	.verbs =
		{
			[PKG_REFRESH] = {makecache5, quiet},
			[PKG_INSTALL] = {install5, quiet},
			[PKG_REMOVE] = {remove5, NULL},
			[PKG_HOLD] = {lock5, NULL},
			[PKG_UNHOLD] = {unlock5, NULL},
			[PKG_MARK] = {mark5, NULL},
			[PKG_MODULE_RESET] = {reset5, NULL},
			[PKG_MODULE_ENABLE] = {enable5, NULL},
		},
	.join = '-',
	.locks = rpm_locks,
	.extra = dnf_extra,
	.removes = rpm_removes,
	.list = rpm_list,
	.candidate = dnf5_candidate,
	.state = dnf5_state,
	.repair = rpm_repair,
	.places = places,
	.repo_text = repo_dnf,
	.lists = {{"/etc/yum.repos.d"}, {"/var/cache/libdnf5"}, NULL},
	.repos_command = "dnf repolist",
};
