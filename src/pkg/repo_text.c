/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files in which package managers name their repositories: apt's lines and deb822 stanzas, and
 * .repo sections. They are read as they are, and changed in one place only, so that what people
 * wrote into them (comments, order) stays.
 */
#include <stdlib.h>
#include <string.h>

#include "pkg/pkg_parts.h"
#include "pkg/text_line.h"

/* What is gathered of a stanza or section until it ends. */
struct entry {
	bool found;
	bool off;
};

static bool entry_end(struct entry *n)
{
	bool found = n->found && !n->off;

	*n = (struct entry){0};
	return found;
}

static bool deb822_names(const char *text, const char *address)
{
	struct entry n = {0};
	struct text_line value;
	struct text_line l;
	bool uris = false; /* in the field URIs, which may go on in further lines */

	while (line_next(&text, &l)) {
		if (l.len && l.at[0] == '#')
			continue;
		if (line_is_blank(&l) && entry_end(&n))
			return true;
		if (l.len && l.at[0] != ' ' && l.at[0] != '\t')
			uris = line_value(&l, "URIs", ':', &value);
		n.found = n.found || (uris && line_has(&l, address));
		n.off = n.off || (line_value(&l, "Enabled", ':', &value) && line_is_no(&value));
	}
	return entry_end(&n);
}

static bool one_line_names(const char *text, const char *address)
{
	struct text_line l;

	while (line_next(&text, &l)) {
		const char *hash = memchr(l.at, '#', l.len);
		size_t space = strspn(l.at, " \t");

		if (hash)
			l.len = (size_t)(hash - l.at);
		if (l.len > space && !strncmp(l.at + space, "deb", 3) && line_has(&l, address))
			return true;
	}
	return false;
}

static bool repo_names(const char *text, const char *address)
{
	static const char *const keys[] = {"baseurl", "mirrorlist", "metalink"};
	struct entry n = {0};
	struct text_line value;
	struct text_line l;
	bool address_key = false;

	while (line_next(&text, &l)) {
		if (l.len && (l.at[0] == '#' || l.at[0] == ';'))
			continue;
		if (l.len && l.at[0] == '[' && entry_end(&n))
			return true;
		if (l.len && l.at[0] != ' ' && l.at[0] != '\t') {
			address_key = false;
			for (size_t i = 0; i < COUNT(keys); i++)
				address_key = address_key || line_value(&l, keys[i], '=', &value);
		}
		n.found = n.found || (address_key && line_has(&l, address));
		n.off = n.off || (line_value(&l, "enabled", '=', &value) && line_is_no(&value));
	}
	return entry_end(&n);
}

bool repo_text_names(const char *path, const char *text, const char *address)
{
	if (str_ends(path, ".sources"))
		return deb822_names(text, address);
	return str_ends(path, ".repo") ? repo_names(text, address) : one_line_names(text, address);
}

/* A key that is no file of this machine. */
static bool is_remote(const struct text_line *l)
{
	struct text_line word;
	size_t at = 0;

	while (line_word(l, &at, &word))
		if (!str_starts(word.at, "file:///"))
			return true;
	return false;
}

void repo_text_remote_keys(const char *text, struct strs *ret)
{
	CLEANUP(freep) char *id = NULL;
	struct entry n = {0};
	struct text_line value;
	struct text_line l;
	bool key = false;

	for (;;) {
		bool more = line_next(&text, &l);

		if (!more || (l.len && l.at[0] == '[')) {
			if (id && entry_end(&n))
				strs_add(ret, id);
			freep(&id);
			if (!more)
				return;
			id = str_fmt("%.*s", (int)strcspn(l.at + 1, "]\n"), l.at + 1);
			n = (struct entry){0};
		}
		if (l.len && (l.at[0] == '#' || l.at[0] == ';'))
			continue;
		if (l.len && l.at[0] != ' ' && l.at[0] != '\t')
			key = line_value(&l, "gpgkey", '=', &value);
		else
			value = l;
		n.found = n.found || (key && is_remote(&value));
		/* Signed lists have a ring of their own: that key never gets into rpm's database.
		 */
		n.off = n.off || (line_value(&l, "enabled", '=', &value) && line_is_no(&value)) ||
			(line_value(&l, "repo_gpgcheck", '=', &value) && !line_is_no(&value));
	}
}

char *pkg_repo_enable(const char *text, const char *section)
{
	CLEANUP(buf_fini) struct buf b = {0};
	size_t n = strlen(section);
	bool inside = false;
	bool changed = false;
	struct text_line value;
	struct text_line l;

	while (line_next(&text, &l)) {
		if (l.len && l.at[0] == '[')
			inside = l.len >= n + 2 && !memcmp(l.at + 1, section, n) &&
				 l.at[n + 1] == ']';
		if (inside && line_value(&l, "enabled", '=', &value) && line_is_no(&value)) {
			buf_str(&b, "enabled=1");
			changed = true;
		} else {
			buf_add(&b, l.at, l.len);
		}
		if (l.at[l.len])
			buf_str(&b, "\n");
	}
	return changed ? TAKE(b.data) : NULL;
}
