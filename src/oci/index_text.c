/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/index.h"

#include <string.h>
#include <sys/stat.h>

#include "base/str.h"

static const struct {
	char letter;
	mode_t type;
} types[] = {
	{'f', S_IFREG}, {'d', S_IFDIR}, {'l', S_IFLNK},	 {'c', S_IFCHR},
	{'b', S_IFBLK}, {'p', S_IFIFO}, {'s', S_IFSOCK},
};

static char letter_of(mode_t mode)
{
	for (size_t i = 0; i < COUNT(types); i++)
		if ((mode & S_IFMT) == types[i].type)
			return types[i].letter;
	return '?';
}

static void add_escaped(struct buf *b, const char *path)
{
	for (; *path; path++) {
		if (*path == '%')
			buf_str(b, "%25");
		else if (*path == '\n')
			buf_str(b, "%0A");
		else
			buf_add(b, path, 1);
	}
}

void index_text(const struct index *x, struct buf *ret)
{
	for (size_t i = 0; i < x->n; i++) {
		const struct index_entry *ent = &x->v[i];

		buf_fmt(ret, "%c %04o %u %u %llu %lld.%u %s ", letter_of(ent->mode),
			ent->mode & 07777U, ent->uid, ent->gid, (unsigned long long)ent->size,
			(long long)ent->mtime, ent->mtime_ns, ent->digest[0] ? ent->digest : "-");
		add_escaped(ret, ent->path);
		buf_str(ret, "\n");
	}
}

/* The line that is read, and how far. */
struct cursor {
	const char *at;
	const char *end;
};

static bool take_char(struct cursor *c, char wanted)
{
	if (c->at == c->end || *c->at != wanted)
		return false;
	c->at++;
	return true;
}

static bool take_number(struct cursor *c, unsigned int base, uint64_t max, uint64_t *ret)
{
	uint64_t n = 0;
	const char *start = c->at;

	for (; c->at < c->end && *c->at >= '0' && *c->at < (char)('0' + base); c->at++) {
		if (n > (max - (uint64_t)(*c->at - '0')) / base)
			return false;
		n = n * base + (uint64_t)(*c->at - '0');
	}
	*ret = n;
	return c->at > start;
}

static bool take_type(struct cursor *c, uint32_t *ret)
{
	for (size_t i = 0; i < COUNT(types); i++)
		if (take_char(c, types[i].letter)) {
			*ret = types[i].type;
			return true;
		}
	return false;
}

static bool take_digest(struct cursor *c, char ret[DIGEST_LEN])
{
	size_t n = 0;

	if (take_char(c, '-'))
		return true;
	while (c->at + n < c->end && n < DIGEST_LEN - 1 && c->at[n] &&
	       strchr("0123456789abcdef", c->at[n]))
		n++;
	if (n != DIGEST_LEN - 1)
		return false;
	(void)memcpy(ret, c->at, n);
	ret[n] = '\0';
	c->at += n;
	return true;
}

static bool take_path(struct cursor *c, struct index *x, const char **ret)
{
	char *path = arena_strn(&x->arena, c->at, (size_t)(c->end - c->at));
	char *to = path;

	for (const char *p = path; *p; p++) {
		if (str_starts(p, "%25") || str_starts(p, "%0A")) {
			*to++ = p[1] == '2' ? '%' : '\n';
			p += 2;
		} else if (*p == '%') {
			return false;
		} else {
			*to++ = *p;
		}
	}
	*to = '\0';
	*ret = path;
	return to > path;
}

static bool take_entry(struct cursor *c, struct index *x, struct index_entry *ent)
{
	uint64_t mode = 0;
	uint64_t uid = 0;
	uint64_t gid = 0;
	uint64_t mtime = 0;
	uint64_t ns = 0;
	bool before_epoch;
	uint32_t type = 0;

	if (!take_type(c, &type) || !take_char(c, ' ') || !take_number(c, 8, 07777, &mode) ||
	    !take_char(c, ' ') || !take_number(c, 10, UINT32_MAX, &uid) || !take_char(c, ' ') ||
	    !take_number(c, 10, UINT32_MAX, &gid) || !take_char(c, ' ') ||
	    !take_number(c, 10, UINT64_MAX, &ent->size) || !take_char(c, ' '))
		return false;
	before_epoch = take_char(c, '-');
	if (!take_number(c, 10, INT64_MAX, &mtime) || !take_char(c, '.') ||
	    !take_number(c, 10, 999999999, &ns) || !take_char(c, ' ') ||
	    !take_digest(c, ent->digest) || !take_char(c, ' ') || !take_path(c, x, &ent->path))
		return false;
	ent->mode = type | (uint32_t)mode;
	ent->uid = (uint32_t)uid;
	ent->gid = (uint32_t)gid;
	ent->mtime = before_epoch ? -(int64_t)mtime : (int64_t)mtime;
	ent->mtime_ns = (uint32_t)ns;
	return true;
}

int index_parse(const char *text, size_t len, struct index *ret, struct err *e)
{
	struct index x = {0};
	const char *end = text + len;
	size_t line = 0;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		struct cursor c = {.at = text, .end = newline ? newline : end};
		struct index_entry *ent = index_add(&x);

		line++;
		if (!newline || !take_entry(&c, &x, ent) ||
		    (x.n > 1 && strcmp(x.v[x.n - 2].path, ent->path) >= 0)) {
			index_fini(&x);
			return err_set(e, ERR_VERIFY, "line %zu of a layer's index cannot be read",
				       line);
		}
		text = newline + 1;
	}
	*ret = x;
	return 0;
}
