/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: candidates for the mirror are the definition's own, or else
 * what this host's apt uses for Debian and then what mmdebstrap would take.
 * apt-helper (part of apt, so it uses the host's proxies and certificates)
 * fetches each one's InRelease; the first that answers is taken. Security and
 * update suites are taken from where the host has them, else guessed from the
 * mirror; a guess that is not there is left out, with a line in the log.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/build_parts.h"

static const char host_keyring[] = "/usr/share/keyrings/debian-archive-keyring.gpg";

void sources_fini(struct sources *s)
{
	freep(&s->text);
	freep(&s->uri);
	freep(&s->security);
	freep(&s->keyring);
	freep(&s->conf);
}

int sources_check_uri(const char *uri, struct err *e)
{
	const char *host = strstr(uri, "://");
	size_t n;

	if (!str_starts(uri, "http://") && !str_starts(uri, "https://"))
		return err_set(e, ERR_CONFIG, "the mirror '%s' is not an http or https address",
			       uri);
	host += 3;
	n = strcspn(host, "/");
	if (strcspn(uri, " \t\n\"[]{};") != strlen(uri) || !n)
		return err_set(e, ERR_CONFIG, "the mirror '%s' is not an http or https address",
			       uri);
	if (memchr(host, '@', n)) {
		(void)err_set(e, ERR_CONFIG,
			      "the mirror's address has a password in it, which would end up in "
			      "the image");
		return err_hint(e,
				"set `image.mirror` in dlenv.yaml to one without user:password@");
	}
	return 0;
}

enum probe { PROBE_OK, PROBE_MISSING, PROBE_FAILED };

static int probe_line(void *arg, const char *line)
{
	bool *missing = arg;

	if (strstr(line, "404") || strstr(line, "Not Found") || strstr(line, "403"))
		*missing = true;
	return 0;
}

/* Is there such a suite? Without apt-helper nobody can say: then apt will tell. */
static enum probe probe(const struct build *b, const char *uri, const char *suite)
{
	CLEANUP(freep) char *from = str_fmt("%s/dists/%s/InRelease", uri, suite);
	CLEANUP(freep) char *to = str_fmt("%s/apt/probe.%d", b->paths->cache, (int)getpid());
	const char *const argv[] = {"/usr/lib/apt/apt-helper",
				    "-oAPT::Sandbox::User=root",
				    "-oAcquire::Retries=1",
				    "-oAcquire::http::Timeout=20",
				    "-oAcquire::https::Timeout=20",
				    "download-file",
				    from,
				    to,
				    NULL};
	bool missing = false;
	struct proc p = {.argv = argv, .on_line = probe_line, .arg = &missing, .log_fd = b->log_fd};
	struct err e = {0};
	int status = 0;

	if (proc_run(&p, &status, &e) < 0)
		return e.code == ERR_NOCMD ? PROBE_OK : PROBE_FAILED;
	(void)unlink(to);
	if (status == 0)
		return PROBE_OK;
	return missing ? PROBE_MISSING : PROBE_FAILED;
}

/* "…/debian" has its security archive at "…/debian-security" on most mirrors. */
static char *security_beside(const char *uri)
{
	size_t n = strlen(uri);

	while (n && uri[n - 1] == '/')
		n--;
	return str_fmt("%.*s-security", (int)n, uri);
}

static bool take_candidate(const struct build *b, char *uri, struct sources *s, enum probe *worst)
{
	enum probe p = uri ? probe(b, uri, b->suite) : PROBE_MISSING;

	if (uri && p == PROBE_FAILED)
		*worst = p;
	if (p == PROBE_OK)
		s->uri = TAKE(uri);
	free(uri);
	return s->uri != NULL;
}

/* Where mmdebstrap would fetch from, read from the list that it writes. */
struct builtin {
	const char *suite;
	char *uri;
	char *security;
};

static void builtin_fini(struct builtin *d)
{
	freep(&d->uri);
	freep(&d->security);
}

/* "deb URI SUITE ..." */
static int builtin_line(void *arg, const char *line)
{
	struct builtin *d = arg;
	const char *uri = str_starts(line, "deb ") ? line + strlen("deb ") : NULL;
	size_t n = uri ? strcspn(uri, " ") : 0;
	CLEANUP(freep) char *main_suite = str_fmt(" %s ", d->suite);
	CLEANUP(freep) char *security_suite = str_fmt(" %s-security ", d->suite);

	if (!n || !uri[n])
		return 0;
	if (str_starts(uri + n, main_suite) && !d->uri)
		d->uri = str_fmt("%.*s", (int)n, uri);
	else if (str_starts(uri + n, security_suite) && !d->security)
		d->security = str_fmt("%.*s", (int)n, uri);
	return 0;
}

/* mmdebstrap is stopped by the hook that shows its list: nothing is fetched. */
static void builtin_read(const struct build *b, struct builtin *ret)
{
	const char *const argv[] = {"mmdebstrap",
				    "--variant=custom",
				    "--format=null",
				    "--setup-hook=cat \"$1\"/etc/apt/sources.list; exit 1",
				    b->suite,
				    "-",
				    NULL};
	struct proc p = {.argv = argv, .on_line = builtin_line, .arg = ret, .timeout_ms = 30000};
	struct err e = {0};
	int status = 0;

	ret->suite = b->suite;
	if (proc_run(&p, &status, &e) < 0)
		dbg("build: mmdebstrap names no mirror: %s", e.msg);
}

static int choose_main(const struct build *b, const struct root *host, struct builtin *d,
		       struct sources *s, struct err *e)
{
	CLEANUP(freep) char *theirs = b->mirror ? NULL : sources_of_host(host, "");
	const char *last;
	enum probe worst = PROBE_MISSING;

	if ((b->mirror && sources_check_uri(b->mirror, e) < 0) ||
	    (theirs && sources_check_uri(theirs, e) < 0))
		return -(int)e->code;
	if (b->mirror && take_candidate(b, str_dup(b->mirror), s, &worst))
		return 0;
	if (!b->mirror && take_candidate(b, str_dup(theirs), s, &worst))
		return 0;
	if (!b->mirror)
		builtin_read(b, d);
	if (take_candidate(b, str_dup(d->uri), s, &worst))
		return 0;
	last = b->mirror ? b->mirror : d->uri ? d->uri : theirs;
	if (!last) {
		(void)err_set(e, ERR_ABSENT, "no Debian mirror is known here");
		return err_hint(e, "set `image.mirror` in dlenv.yaml");
	}
	if (worst == PROBE_FAILED) {
		(void)err_set(e, ERR_NET, "no Debian mirror can be reached (tried '%s')", last);
		return err_hint(e, "check the network and the proxy, then run the command again");
	}
	(void)err_set(e, ERR_ABSENT, "the mirror '%s' does not have Debian '%s'", last, b->suite);
	return err_hint(e, "correct `image.mirror` in dlenv.yaml");
}

static int choose_security(const struct build *b, const struct root *host, const struct builtin *d,
			   struct sources *s, struct err *e)
{
	CLEANUP(freep) char *suite = str_fmt("%s-security", b->suite);
	CLEANUP(freep) char *theirs = b->mirror ? NULL : sources_of_host(host, "-security");
	CLEANUP(freep) char *beside = security_beside(s->uri);
	const char *const tried[] = {theirs, beside, b->mirror ? NULL : d->security};

	if (theirs && sources_check_uri(theirs, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < COUNT(tried) && !s->security; i++)
		if (tried[i] && probe(b, tried[i], suite) == PROBE_OK)
			s->security = str_dup(tried[i]);
	if (!s->security)
		dbg("build: no security archive for %s beside %s", suite, s->uri);
	return 0;
}

char *sources_text(const struct build *b, const struct sources *s, const char *signed_by)
{
	const char *components = b->nonfree ? "main contrib non-free" : "main";
	struct buf t = {0};

	for (int i = 0; i < (s->security ? 2 : 1); i++) {
		buf_fmt(&t, "%sTypes: deb\nURIs: %s\n", i ? "\n" : "", i ? s->security : s->uri);
		buf_fmt(&t, "Suites: %s%s", b->suite, i ? "-security" : "");
		if (!i && s->updates)
			buf_fmt(&t, " %s-updates", b->suite);
		buf_fmt(&t, "\nComponents: %s\n", components);
		if (signed_by)
			buf_fmt(&t, "Signed-By: %s\n", signed_by);
	}
	return t.data;
}

/* Settings of the host's apt that concern how to fetch, not what. */
static int conf_line(void *arg, const char *line)
{
	static const char *const kept[] = {
		"Acquire::http::Proxy", "Acquire::https::Proxy", "Acquire::Check-Valid-Until",
		"Acquire::Check-Date",	"Acquire::Retries",	 "Acquire::ForceIPv4",
		"Acquire::ForceIPv6",
	};
	struct buf *text = arg;

	for (size_t i = 0; i < COUNT(kept); i++)
		if (str_starts(line, kept[i]) && !str_ends(line, " \"\";"))
			buf_fmt(text, "%s\n", line);
	return 0;
}

static char *host_conf(void)
{
	const char *const argv[] = {"apt-config", "dump", NULL};
	struct buf text = {0};
	struct proc p = {.argv = argv, .on_line = conf_line, .arg = &text};
	struct err e = {0};
	int status = 0;

	buf_str(&text, "APT::Sandbox::User \"root\";\nAcquire::Languages \"none\";\n");
	if (proc_run(&p, &status, &e) < 0)
		dbg("build: nothing taken over from the host's apt: %s", e.msg);
	return text.data;
}

int sources_choose(const struct build *b, struct sources *ret, struct err *e)
{
	CLEANUP(sources_fini) struct sources s = {0};
	CLEANUP(root_close) struct root host = {.fd = -1};
	CLEANUP(builtin_fini) struct builtin d = {0};
	CLEANUP(freep) char *updates = str_fmt("%s-updates", b->suite);

	if (root_open(&host, "/", e) < 0 || choose_main(b, &host, &d, &s, e) < 0 ||
	    choose_security(b, &host, &d, &s, e) < 0)
		return -(int)e->code;
	s.updates = probe(b, s.uri, updates) == PROBE_OK;
	if (root_has(&host, host_keyring))
		s.keyring = str_dup(host_keyring);
	s.text = sources_text(b, &s, s.keyring);
	s.conf = host_conf();
	*ret = s;
	s = (struct sources){0};
	return 0;
}
