/* SPDX-License-Identifier: Apache-2.0 */
#include "compat/distro.h"

#include <string.h>

#include "base/str.h"

/* What is still looked after comes first, what only rolls behind it, then what has ended. */
static int lifecycle_rank(const struct distro_fact *d)
{
	if (str_starts(d->lifecycle, "maintained") || str_eq(d->lifecycle, "stable") ||
	    str_eq(d->version, "rolling"))
		return 0;
	return str_starts(d->lifecycle, "end of") ? 2 : 1;
}

/* n 0: it has none, or a name. */
static struct version version_of(const char *text)
{
	struct version none = {0};

	return text && *text >= '0' && *text <= '9' ? version_in(text) : none;
}

int distro_compare(const struct distro_fact *a, const struct distro_fact *b)
{
	struct version x = version_of(a->version);
	struct version y = version_of(b->version);
	int order = lifecycle_rank(a) - lifecycle_rank(b);

	if (!order)
		order = version_compare(&y, &x);
	return order ? order : strcmp(a->id, b->id);
}

bool distro_is(const struct distro_fact *d, const char *text)
{
	const char *colon = strchr(text, ':');
	const char *version = colon ? colon + 1 : NULL;
	size_t n = colon ? (size_t)(colon - text) : strlen(text);
	struct version wanted = version_of(version);
	struct version own = version_of(d->version);

	if (strlen(d->id) != n || strncmp(d->id, text, n) != 0)
		return false;
	if (!version || str_eq(version, d->version) ||
	    (*d->codename && str_eq(version, d->codename)))
		return true;
	/* rhel:9.4 is the table's 9; a distribution that only rolls is itself at any date. */
	return wanted.n && (own.n ? version_begins(&wanted, &own) : str_eq(d->version, "rolling"));
}

/* 3: the same code name, 2: the same version, 1: of that name, 0: not. */
static int likeness(const struct distro_fact *d, const char *id, const struct distro_name *n)
{
	struct version wanted = version_of(n->version);
	struct version own = version_of(d->version);

	if (!str_eq(d->id, id))
		return 0;
	if (n->codename && *n->codename && str_eq(d->codename, n->codename))
		return 3;
	return wanted.n && own.n && version_begins(&wanted, &own) ? 2 : 1;
}

static const struct distro_fact *like(const struct facts *f, const char *id,
				      const struct distro_name *n)
{
	const struct distro_fact *found = NULL;
	int best = 0;

	for (size_t i = 0; i < f->distros.n; i++) {
		const struct distro_fact *d = &f->distros.v[i];
		int grade = likeness(d, id, n);

		if (grade > best || (grade && grade == best && distro_compare(d, found) < 0)) {
			found = d;
			best = grade;
		}
	}
	return found;
}

const struct distro_fact *distro_like(const struct facts *f, const struct distro_name *n)
{
	CLEANUP(freep)
	char *words = str_fmt("%s %s", n->id ? n->id : "", n->like ? n->like : "");
	char *rest = words;

	for (char *word; (word = strsep(&rest, " "));) {
		const struct distro_fact *d = *word ? like(f, word, n) : NULL;

		if (d)
			return d;
	}
	return NULL;
}

char *distro_pin(const struct distro_name *n)
{
	if (n->version && *n->version)
		return str_fmt("%s:%s", n->id, n->version);
	return str_dup(str_eq(n->id, "debian") ? "debian:sid" : n->id);
}

const struct distro_fact *distro_find(const struct facts *f, const struct distro_name *n)
{
	CLEANUP(freep) char *text = distro_pin(n);
	const struct distro_fact *found = NULL;

	for (size_t i = 0; i < f->distros.n; i++) {
		const struct distro_fact *d = &f->distros.v[i];

		if (distro_is(d, text) && (!found || distro_compare(d, found) < 0))
			found = d;
	}
	return found ? found : distro_like(f, n);
}
