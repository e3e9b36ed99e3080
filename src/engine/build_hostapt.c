/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: a host's sources are entries of either format of
 * sources.list(5). An entry is the Debian archive itself when the host is
 * Debian, the suite is the host's own (so no third party's), "main" is among
 * the components, the key is Debian's, and the address ends in /debian or
 * /debian-security. Anything else is left alone: a wrong guess would fetch
 * packages from a stranger.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "engine/build_parts.h"

enum { SOURCES_MAX = 1 << 20 };

struct entry {
	char *uri;
	char *suites;
	char *components;
	char *signed_by;
	bool binary; /* deb, not deb-src */
	bool off;
};

struct search {
	const char *suite; /* wanted: "bookworm-security" */
	const char *tail;  /* of the address: "/debian-security" */
	char *found;
};

static void entry_clear(struct entry *t)
{
	freep(&t->uri);
	freep(&t->suites);
	freep(&t->components);
	freep(&t->signed_by);
	*t = (struct entry){0};
}

static bool has_word(const char *words, const char *wanted)
{
	size_t len = strlen(wanted);

	for (const char *p = words; p && *p;) {
		size_t n = strcspn(p, " \t");

		if (n == len && strncmp(p, wanted, n) == 0)
			return true;
		p += n;
		p += strspn(p, " \t");
	}
	return false;
}

/* The first address of an entry without its closing slashes. */
static char *first_uri(const char *uris)
{
	size_t n = strcspn(uris, " \t");

	while (n && uris[n - 1] == '/')
		n--;
	return str_fmt("%.*s", (int)n, uris);
}

static void consider(struct search *s, struct entry *t)
{
	if (!s->found && t->uri && t->binary && !t->off && has_word(t->suites, s->suite) &&
	    has_word(t->components, "main") &&
	    (!t->signed_by || strstr(t->signed_by, "debian-archive"))) {
		CLEANUP(freep) char *uri = first_uri(t->uri);

		if (str_ends(uri, s->tail) &&
		    (str_starts(uri, "http://") || str_starts(uri, "https://")))
			s->found = TAKE(uri);
	}
	entry_clear(t);
}

/* deb [options] uri suite component... */
static void one_line(struct search *s, const char *line)
{
	struct entry t = {0};
	const char *p = line + strspn(line, " \t");
	size_t n;

	if (!str_starts(p, "deb ") && !str_starts(p, "deb\t"))
		return;
	t.binary = true;
	p += 3;
	p += strspn(p, " \t");
	if (*p == '[') {
		n = strcspn(p, "]");
		if (memmem(p, n, "signed-by=", 10))
			t.signed_by = str_fmt("%.*s", (int)n, p);
		p += n + (p[n] == ']');
		p += strspn(p, " \t");
	}
	n = strcspn(p, " \t");
	t.uri = str_fmt("%.*s", (int)n, p);
	p += n;
	p += strspn(p, " \t");
	n = strcspn(p, " \t");
	t.suites = str_fmt("%.*s", (int)n, p);
	p += n;
	t.components = str_fmt("%.*s", (int)strcspn(p, "#"), p);
	consider(s, &t);
}

static void deb822_field(struct entry *t, const char *line)
{
	const struct {
		const char *name;
		char **value;
	} rows[] = {
		{"URIs:", &t->uri},
		{"Suites:", &t->suites},
		{"Components:", &t->components},
		{"Signed-By:", &t->signed_by},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t n = strlen(rows[i].name);

		if (strncasecmp(line, rows[i].name, n) == 0) {
			freep(rows[i].value);
			*rows[i].value = str_dup(line + n + strspn(line + n, " \t"));
		}
	}
	if (strncasecmp(line, "Types:", 6) == 0)
		t->binary = has_word(line + 6 + strspn(line + 6, " \t"), "deb");
	if (strncasecmp(line, "Enabled:", 8) == 0)
		t->off = has_word(line + 8 + strspn(line + 8, " \t"), "no");
}

static void read_sources(const struct root *r, const char *path, struct search *s)
{
	CLEANUP(freep) char *text = NULL;
	struct entry t = {0};
	struct err e = {0};
	char *rest;
	bool deb822 = str_ends(path, ".sources");

	if (root_read(r, path, SOURCES_MAX, &text, &e) < 0)
		return;
	rest = text;
	for (char *line; (line = strsep(&rest, "\n"));) {
		if (line[0] == '#')
			continue;
		if (!deb822)
			one_line(s, line);
		else if (line[strspn(line, " \t\r")])
			deb822_field(&t, line);
		else
			consider(s, &t);
	}
	consider(s, &t);
}

/* NAME=value of os-release, without quotes; NULL when it is not there. */
static char *os_release(const struct root *r, const char *name)
{
	CLEANUP(freep) char *text = NULL;
	struct err e = {0};
	size_t n = strlen(name);
	char *rest;

	if (root_read(r, "/etc/os-release", SOURCES_MAX, &text, &e) < 0)
		return NULL;
	rest = text;
	for (char *line; (line = strsep(&rest, "\n"));)
		if (strncmp(line, name, n) == 0 && line[n] == '=') {
			line += n + 1;
			line += strspn(line, "\"'");
			return str_fmt("%.*s", (int)strcspn(line, "\"'"), line);
		}
	return NULL;
}

char *sources_of_host(const struct root *r, const char *suffix)
{
	CLEANUP(freep) char *id = os_release(r, "ID");
	CLEANUP(freep) char *codename = os_release(r, "VERSION_CODENAME");
	CLEANUP(freep) char *suite = NULL;
	CLEANUP(freep) char *tail = str_fmt("/debian%s", *suffix ? suffix : "");
	CLEANUP(strs_fini) struct strs files = {0};
	CLEANUP(fd_closep) int folder = -1;
	struct search s = {0};
	struct err e = {0};

	if (!str_eq(id, "debian") || !codename)
		return NULL;
	suite = str_fmt("%s%s", codename, suffix);
	s.suite = suite;
	s.tail = tail;
	read_sources(r, "/etc/apt/sources.list", &s);
	if (rootfs_open(r->fd, "/etc/apt/sources.list.d", O_RDONLY | O_DIRECTORY, 0, &folder, &e) <
		    0 ||
	    dir_list(folder, ".", &files, &e) < 0)
		return s.found;
	for (size_t i = 0; i < files.n && !s.found; i++) {
		CLEANUP(freep) char *path = str_fmt("/etc/apt/sources.list.d/%s", files.v[i]);

		if (str_ends(path, ".list") || str_ends(path, ".sources"))
			read_sources(r, path, &s);
	}
	return s.found;
}
