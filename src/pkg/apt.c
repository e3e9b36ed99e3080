/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/i18n.h"
#include "pkg/pkg_parts.h"

enum { STATUS_MAX = 64 << 20 };

/* "name=version" of an installed package in a line of dpkg-query, NULL: it is not installed. */
static const char *installed_line(const char *line)
{
	static const char mark[] = "installed ";

	return str_starts(line, mark) ? line + strlen(mark) : NULL;
}

static int apt_list(struct strs *ret, struct err *e)
{
	static const char *const argv[] = {"dpkg-query", "-W", "-f",
					   "${db:Status-Status} ${Package}=${Version}\n", NULL};
	CLEANUP(strs_fini) struct strs lines = {0};
	int status;

	if (pkg_ask(argv, &lines, &status, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < lines.n; i++) {
		const char *package = installed_line(lines.v[i]);

		if (package)
			strs_add(ret, package);
	}
	if (status && !ret->n)
		return err_set(e, ERR_FAIL, "dpkg's database cannot be read: %.200s",
			       lines.n ? lines.v[0] : "");
	return 0;
}

/* The value of a field of dpkg's status between p and end; its length in *len. */
static const char *field(const char *p, const char *end, const char *name, size_t *len)
{
	size_t n = strlen(name);

	for (const char *l = p; l && l < end;
	     l = memchr(l, '\n', (size_t)(end - l)), l += l != NULL)
		if ((size_t)(end - l) > n && !memcmp(l, name, n)) {
			*len = strcspn(l + n, "\n");
			return l + n;
		}
	return NULL;
}

void dpkg_status_list(const char *text, struct strs *ret)
{
	const char *next;

	for (const char *p = text; p && *p; p = next) {
		const char *end = strstr(p, "\n\n");
		size_t name_len = 0;
		size_t status_len = 0;
		size_t version_len = 0;
		const char *name;
		const char *status;
		const char *version;

		next = end ? end + 2 : NULL;
		end = end ? end : p + strlen(p);
		name = field(p, end, "Package: ", &name_len);
		status = field(p, end, "Status: ", &status_len);
		version = field(p, end, "Version: ", &version_len);
		if (name && status && version && status_len > 10 &&
		    !memcmp(status + status_len - 10, " installed", 10))
			strs_fmt(ret, "%.*s=%.*s", (int)name_len, name, (int)version_len, version);
	}
}

int pkg_list_recorded(const struct root *r, struct strs *ret, struct err *e)
{
	CLEANUP(freep) char *text = NULL;

	if (root_read(r, "/var/lib/dpkg/status", STATUS_MAX, &text, e) < 0)
		return -(int)e->code;
	dpkg_status_list(text, ret);
	pkg_sort(ret);
	return 0;
}

/* " *** 5:28.5.2-1 500", "     5:28.5.1-1 500": a row of the version table. */
static bool is_version_row(const char *line, const char *version)
{
	size_t n = strlen(version);

	if (!str_starts(line, "     ") && !str_starts(line, " *** "))
		return false;
	line += 5;
	return !strncmp(line, version, n) && line[n] == ' ';
}

char *apt_policy_version(const struct strs *lines, const char *version)
{
	static const char candidate[] = "  Candidate: ";

	for (size_t i = 0; i < lines->n; i++) {
		const char *l = lines->v[i];

		if (version && is_version_row(l, version))
			return str_dup(version);
		if (!version && str_starts(l, candidate) && !str_ends(l, "(none)"))
			return str_dup(l + strlen(candidate));
	}
	return NULL;
}

static int apt_candidate(const char *name, const char *version, char **ret, struct err *e)
{
	const char *const argv[] = {"apt-cache", "policy", "--", name, NULL};
	CLEANUP(strs_fini) struct strs lines = {0};
	int status;

	if (pkg_ask(argv, &lines, &status, e) < 0)
		return -(int)e->code;
	if (status)
		return err_set(e, ERR_FAIL, "'apt-cache' failed: %.200s",
			       lines.n ? lines.v[0] : "");
	*ret = apt_policy_version(&lines, version);
	return 0;
}

char *apt_simulated(const char *line)
{
	static const char *const words[] = {"Purg ", "Remv ", "Inst "};

	for (size_t i = 0; i < COUNT(words); i++)
		if (str_starts(line, words[i])) {
			const char *name = line + strlen(words[i]);

			return str_fmt("%.*s", (int)strcspn(name, " :"), name);
		}
	return NULL;
}

static bool is_named(const char *const *packages, const char *name)
{
	for (; *packages; packages++)
		if (strcspn(*packages, "=:") == strlen(name) && str_starts(*packages, name))
			return true;
	return false;
}

static int apt_removes(const char *const *packages, struct strs *ret, struct err *e)
{
	CLEANUP(strs_fini) struct strs argv = {0};
	CLEANUP(strs_fini) struct strs lines = {0};
	struct pkg_trouble trouble = {0};
	int status;

	strs_add_all(&argv,
		     (const char *const[]){"apt-get", "-s", "-o", "APT::Get::AutomaticRemove=false",
					   "purge", NULL});
	for (const char *const *p = packages; *p; p++)
		strs_fmt(&argv, "%.*s", (int)strcspn(*p, "="), *p);
	if (pkg_ask((const char *const *)argv.v, &lines, &status, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < lines.n; i++) {
		CLEANUP(freep) char *name = apt_simulated(lines.v[i]);

		pkg_trouble_line(&trouble, lines.v[i]);
		if (name && !is_named(packages, name) && !strs_has(ret, name))
			strs_add(ret, name);
	}
	return status ? pkg_trouble_report(&trouble, "apt-get", status, ERR_FAIL, e) : 0;
}

static int apt_state(enum pkg_action action, struct strs *ret, struct err *e)
{
	const char *const argv[] = {"apt-mark", action == PKG_HOLD ? "showhold" : "showmanual",
				    NULL};
	int status;

	if (pkg_ask(argv, ret, &status, e) < 0)
		return -(int)e->code;
	if (status)
		return err_set(e, ERR_FAIL, "'apt-mark' failed: %.200s", ret->n ? ret->v[0] : "");
	return 0;
}

#define QUIET                                                                                      \
	"-oAcquire::Retries=3", "-oDpkg::Options::=--force-confdef",                               \
		"-oDpkg::Options::=--force-confold", "-oAPT::Update::Error-Mode=any",              \
		"-oAPT::Get::AutomaticRemove=false", "-oDpkg::Use-Pty=0"

static const char *const quiet[] = {QUIET, NULL};
/* A package that would have to go is a reason to ask, never to go on. */
static const char *const quiet_install[] = {QUIET, "--no-remove", "--allow-downgrades", NULL};

static const char *const update_words[] = {"apt-get", "update", NULL};
static const char *const install_words[] = {"apt-get", "install", "-y", NULL};
static const char *const purge_words[] = {"apt-get", "purge", "-y", NULL};
static const char *const hold_words[] = {"apt-mark", "hold", NULL};
static const char *const unhold_words[] = {"apt-mark", "unhold", NULL};
static const char *const manual_words[] = {"apt-mark", "manual", NULL};

static const char *const env[] = {"DEBIAN_FRONTEND=noninteractive", "NEEDRESTART_MODE=l",
				  "NEEDRESTART_SUSPEND=1", "APT_LISTCHANGES_FRONTEND=none", NULL};
static const char *const locks[] = {"/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock",
				    "/var/lib/apt/lists/lock", "/var/cache/apt/archives/lock",
				    NULL};
static const struct pkg_place places[] = {{"/etc/apt/sources.list.d", ".sources"},
					  {"/etc/apt/sources.list.d", ".list"},
					  {"/etc/apt/sources.list", NULL},
					  {NULL, NULL}};

const struct pkg_manager pkg_apt = {
	.name = "apt",
	.env = env,
	.verbs =
		{
			[PKG_REFRESH] = {update_words, quiet},
			[PKG_INSTALL] = {install_words, quiet_install},
			[PKG_REMOVE] = {purge_words, quiet},
			[PKG_HOLD] = {hold_words, NULL},
			[PKG_UNHOLD] = {unhold_words, NULL},
			[PKG_MARK] = {manual_words, NULL},
		},
	.join = '=',
	.lock_option = "-oDPkg::Lock::Timeout=",
	.locks = locks,
	.quiet_failures = true,
	.removes = apt_removes,
	.list = apt_list,
	.candidate = apt_candidate,
	.state = apt_state,
	.repair = apt_repair,
	.places = places,
	.repo_text = repo_deb822,
	.lists = {{"/etc/apt/sources.list", "/etc/apt/sources.list.d", "/etc/apt/keyrings",
		   "/etc/apt/trusted.gpg.d", "/usr/share/keyrings"},
		  {"/var/lib/apt/lists"},
		  "Release"},
	.repos_command = "apt-cache policy",
};
