/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "contrib non-free" and "universe restricted" are switched on where the distribution itself is
 * named, in one-line entries and in deb822 stanzas. An entry is the distribution's when it has the
 * component main and is signed by its archive's key, or, where no key is named, when its address
 * ends as archives and their mirrors do.
 */
#include <string.h>

#include "pkg/pkg_parts.h"
#include "pkg/text_line.h"

static bool ends_as_archive(const struct text_line *uri)
{
	static const char *const names[] = {
		"/debian",	 "/debian-security", "/debian-archive", "/ubuntu",
		"/ubuntu-ports", "/ubuntu-security", "/debian.list",	"/debian-security.list"};
	size_t len = uri->len;

	if (line_has(uri, "launchpad"))
		return false;
	while (len && uri->at[len - 1] == '/')
		len--;
	for (size_t i = 0; i < COUNT(names); i++) {
		size_t n = strlen(names[i]);

		if (len > n && !memcmp(uri->at + len - n, names[i], n))
			return true;
	}
	return false;
}

static bool is_archive_key(const struct text_line *key)
{
	return line_has(key, "debian-archive") || line_has(key, "ubuntu-archive");
}

/* key, uri: without any they are empty. */
static bool is_distribution(const struct text_line *key, const struct text_line *uri,
			    const struct text_line *components)
{
	struct text_line word;
	bool main = false;
	size_t at = 0;

	while (line_word(components, &at, &word))
		main = main || (word.len == 4 && !memcmp(word.at, "main", 4));
	if (!main)
		return false;
	if (key->len)
		return is_archive_key(key);
	at = 0;
	return line_word(uri, &at, &word) && ends_as_archive(&word);
}

static bool has_word(const struct text_line *l, const char *wanted)
{
	struct text_line word;
	size_t at = 0;

	while (line_word(l, &at, &word))
		if (word.len == strlen(wanted) && !memcmp(word.at, wanted, word.len))
			return true;
	return false;
}

/* What is missing of components, each behind a space. */
static bool add_missing(struct buf *b, const struct text_line *have, const char *const *components)
{
	bool added = false;

	for (; *components; components++) {
		if (has_word(have, *components))
			continue;
		buf_fmt(b, " %s", *components);
		added = true;
	}
	return added;
}

/* The parts of "deb [signed-by=/a] http://b suite main contrib"; false: it is no such line. */
struct one_line {
	struct text_line options, uri, components;
};

static bool one_line_read(const struct text_line *l, struct one_line *ret)
{
	const char *hash = memchr(l->at, '#', l->len);
	struct text_line rest = {l->at, hash ? (size_t)(hash - l->at) : l->len};
	struct text_line word;
	size_t at = 0;

	*ret = (struct one_line){.options = {l->at, 0}};
	if (!line_word(&rest, &at, &word) || !line_is_word(&word, "deb") ||
	    !line_word(&rest, &at, &word))
		return false;
	if (word.at[0] == '[') {
		const char *end = memchr(word.at, ']', (size_t)(rest.at + rest.len - word.at));

		if (!end)
			return false;
		ret->options = (struct text_line){word.at + 1, (size_t)(end - word.at - 1)};
		at = (size_t)(end + 1 - rest.at);
		if (!line_word(&rest, &at, &word))
			return false;
	}
	ret->uri = word;
	if (!line_word(&rest, &at, &word) || !line_word(&rest, &at, &word))
		return false;
	ret->components = (struct text_line){word.at, (size_t)(rest.at + rest.len - word.at)};
	while (line_is_blank(&(struct text_line){ret->components.at + ret->components.len - 1, 1}))
		ret->components.len--;
	return true;
}

/* The key of "arch=amd64 signed-by=/a", or an empty one. */
static struct text_line option_key(const struct text_line *options)
{
	static const char name[] = "signed-by=";
	size_t n = strlen(name);
	struct text_line word;
	size_t at = 0;

	while (line_word(options, &at, &word))
		if (word.len > n && !memcmp(word.at, name, n))
			return (struct text_line){word.at + n, word.len - n};
	return (struct text_line){options->at, 0};
}

static bool one_line_components(const char *text, const char *const *components, struct buf *b)
{
	struct text_line l;
	bool changed = false;

	while (line_next(&text, &l)) {
		struct one_line o;
		struct text_line key;
		size_t head = l.len;

		if (one_line_read(&l, &o)) {
			key = option_key(&o.options);
			head = (size_t)(o.components.at + o.components.len - l.at);
			buf_add(b, l.at, head);
			if (is_distribution(&key, &o.uri, &o.components))
				changed = add_missing(b, &o.components, components) || changed;
			buf_add(b, l.at + head, l.len - head);
		} else {
			buf_add(b, l.at, l.len);
		}
		if (l.at[l.len])
			buf_str(b, "\n");
	}
	return changed;
}

struct stanza {
	const char *end; /* of its text */
	struct text_line key, uri, components;
	bool off, deb;
};

/* Reads up to the empty line behind it. A field's further lines are not looked at. */
static void stanza_read(const char *text, struct stanza *ret)
{
	struct text_line value;
	struct text_line l;

	*ret = (struct stanza){.key = {text, 0}, .uri = {text, 0}, .components = {text, 0}};
	ret->end = text;
	while (line_next(&text, &l)) {
		ret->end = text;
		if (line_is_blank(&l))
			return;
		if (line_value(&l, "Types", ':', &value))
			ret->deb = has_word(&value, "deb");
		else if (line_value(&l, "Signed-By", ':', &value))
			/* A key in the stanza itself is nobody's that we know. */
			ret->key = value.len ? value : (struct text_line){"inline", 6};
		else if (line_value(&l, "URIs", ':', &value))
			ret->uri = value;
		else if (line_value(&l, "Enabled", ':', &value))
			ret->off = line_is_no(&value);
		else if (line_value(&l, "Components", ':', &value)) {
			ret->components = value;
		}
	}
}

static bool deb822_components(const char *text, const char *const *components, struct buf *b)
{
	bool changed = false;

	while (*text) {
		struct stanza s;
		const char *at;

		stanza_read(text, &s);
		if (!s.off && s.deb && s.components.len &&
		    is_distribution(&s.key, &s.uri, &s.components)) {
			at = s.components.at + s.components.len;
			buf_add(b, text, (size_t)(at - text));
			changed = add_missing(b, &s.components, components) || changed;
			text = at;
		}
		buf_add(b, text, (size_t)(s.end - text));
		text = s.end;
	}
	return changed;
}

char *pkg_apt_components(const char *path, const char *text, const char *const *components)
{
	CLEANUP(buf_fini) struct buf b = {0};
	bool changed = str_ends(path, ".sources") ? deb822_components(text, components, &b)
						  : one_line_components(text, components, &b);

	return changed ? TAKE(b.data) : NULL;
}
