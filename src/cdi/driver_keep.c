/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: what was found of a driver is kept with its witnesses, the folders that any
 * look-up went through. Names come and go only with a folder's times, so as long as all folders
 * are the same (device, inode, both times to the nanosecond), each look-up would end as it did:
 * 50 of them stand for 400 system calls. What is more than a name is a witness itself: a file that
 * was read, a program's mode. So is a name in /run, which others change all the time; sockets are
 * not kept at all.
 *
 * A folder that has changed within the last seconds is no witness yet: its times may not tell the
 * next change, or it changed between the look-up and here. Then nothing is kept.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/env.h"
#include "cdi/driver_parts.h"

enum {
	KEPT_MAX = 1 << 18,
	PARAMETER_MAX = 4096,
	LINK_MAX_LEN = 4096,
	LINKS_MAX = 40,
	SETTLED_S = 3
};

static const char parameter[] = "/sys/module/firmware_class/parameters/path";

void find_seen(struct finder *f, const char *path, bool itself)
{
	CLEANUP(freep) char *entry = f->keeps ? str_fmt("%c%s", itself ? '=' : ' ', path) : NULL;

	if (entry && !strs_has(&f->seen, entry))
		strs_add(&f->seen, entry);
}

/* Of a file the last time tells of links to it, too, which others make for their own use. */
static void put_identity(struct buf *b, const struct stat *st)
{
	struct timespec last = S_ISDIR(st->st_mode) ? st->st_ctim : st->st_mtim;

	buf_hex(b, st->st_dev);
	buf_str(b, " ");
	buf_hex(b, st->st_ino);
	buf_str(b, " ");
	buf_hex(b, st->st_mode);
	buf_str(b, " ");
	buf_hex(b, (uint64_t)st->st_mtim.tv_sec);
	buf_str(b, ".");
	buf_hex(b, (uint64_t)st->st_mtim.tv_nsec);
	buf_str(b, " ");
	buf_hex(b, (uint64_t)last.tv_sec);
	buf_str(b, ".");
	buf_hex(b, (uint64_t)last.tv_nsec);
}

/* What the answer depends on besides witnesses. It ends its line; NULL: it cannot be kept. */
static char *key_of(const struct finder *f)
{
	const struct driver_query *q = f->q;
	CLEANUP(freep) char *firmware = NULL;
	CLEANUP(buf_fini) struct buf b = {0};
	struct utsname u = {0};
	struct err ignored;
	struct stat self;

	if (!q->cache || q->config_paths || q->library_paths || stat("/proc/self/exe", &self) < 0)
		return NULL;
	(void)uname(&u);
	if (root_read(q->root, parameter, PARAMETER_MAX, &firmware, &ignored) == 0)
		firmware[strcspn(firmware, "\n")] = '\0';
	/* Another program has other tables. */
	buf_str(&b, "dlenv-driver ");
	put_identity(&b, &self);
	buf_fmt(&b, " caps=%x flags=%x loaded=%s kernel=%s firmware=%s root=%s", q->caps, q->flags,
		q->loaded ? q->loaded : "-", u.release, firmware ? firmware : "-", q->root->path);
	if (strchr(b.data, '\n'))
		return NULL;
	buf_str(&b, "\n");
	return TAKE(b.data);
}

/* One file for each question and machine, so that two that are asked in turn both keep theirs. */
static char *file_of(const struct finder *f)
{
	struct stat st = {0};

	(void)fstat(f->q->root->fd, &st);
	return str_fmt("%s/driver-%x-%x-%llx-%llx", f->q->cache, f->q->caps, f->q->flags,
		       (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
}

static int stat_below(const struct finder *f, const char *path, struct stat *ret)
{
	return fstatat(f->q->root->fd, below(path), ret, AT_SYMLINK_NOFOLLOW);
}

/* --- keeping --- */

struct keeper {
	struct finder *f;
	struct strs paths; /* of witnesses, without links */
	time_t before;	   /* what changed later is not settled */
	bool settles;	   /* tests do not wait */
	bool fails;	   /* a witness is none */
};

static bool is_plain(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ')
			return false;
	return true;
}

static bool is_settled(const struct keeper *k, const struct stat *st)
{
	return !k->settles || (st->st_mtim.tv_sec < k->before &&
			       (!S_ISDIR(st->st_mode) || st->st_ctim.tv_sec < k->before));
}

static void add_witness(struct keeper *k, const char *path)
{
	struct stat st;

	if (strs_has(&k->paths, path))
		return;
	strs_add(&k->paths, path);
	if (stat_below(k->f, path, &st) < 0)
		k->fails |= errno != ENOENT;
	else
		k->fails |= !is_settled(k, &st);
	k->fails |= !is_plain(path);
}

/* Put a link's target in front of the rest. */
static bool expand(struct keeper *k, const char *link, struct buf *at, char **rest)
{
	char target[LINK_MAX_LEN];
	ssize_t n = readlinkat(k->f->q->root->fd, below(link), target, sizeof(target) - 1);
	char *longer;

	if (n < 0)
		return false;
	target[n] = '\0';
	if (target[0] == '/')
		at->len = 0;
	longer = str_fmt("%s/%s", target, *rest);
	free(*rest);
	*rest = longer;
	return true;
}

/* One name below the folder at. False: the way ends here. */
static bool step(struct keeper *k, const char *name, struct buf *at, char **rest, bool itself)
{
	CLEANUP(freep) char *next = str_fmt("%.*s/%s", (int)at->len, at->data, name);
	struct stat st;

	if (str_eq(name, "."))
		return true;
	if (str_eq(name, "..")) {
		while (at->len && at->data[--at->len] != '/')
			;
		return true;
	}
	if (stat_below(k->f, next, &st) < 0)
		return false;
	if (S_ISLNK(st.st_mode))
		return expand(k, next, at, rest);
	if (S_ISDIR(st.st_mode)) {
		at->len = 0;
		buf_str(at, next);
		return true;
	}
	if (itself)
		add_witness(k, next);
	return false;
}

/* The folders on the way to a path, through links, as far as it is there. */
static void add_way(struct keeper *k, const char *path, bool itself)
{
	CLEANUP(buf_fini) struct buf at = {0};
	CLEANUP(freep) char *rest = str_dup(path);
	bool goes_on = true;

	buf_str(&at, "");
	for (int names = 0; goes_on && names < LINKS_MAX * LINKS_MAX; names++) {
		CLEANUP(freep) char *here = str_fmt("%.*s", (int)at.len, at.data);
		const char *start = rest + strspn(rest, "/");
		CLEANUP(freep) char *name = str_fmt("%.*s", (int)strcspn(start, "/"), start);
		char *left = str_dup(start + strlen(name));

		if (str_eq(here, "/run") && *name) {
			CLEANUP(freep) char *in_run = str_fmt("/run/%s", name);

			add_witness(k, in_run);
		} else {
			add_witness(k, *here ? here : "/");
		}
		free(rest);
		rest = left;
		goes_on = *name && step(k, name, &at, &rest, itself);
	}
}

static bool put_witnesses(struct keeper *k, struct buf *b)
{
	for (size_t i = 0; i < k->paths.n; i++) {
		struct stat st;

		if (stat_below(k->f, k->paths.v[i], &st) < 0) {
			if (errno != ENOENT)
				return false;
			buf_fmt(b, "a %s\n", k->paths.v[i]);
			continue;
		}
		if (!is_settled(k, &st))
			return false;
		buf_str(b, "w ");
		put_identity(b, &st);
		buf_fmt(b, " %s\n", k->paths.v[i]);
	}
	return true;
}

static bool put_found(const struct driver *d, struct buf *b)
{
	bool plain = is_plain(d->version);

	buf_fmt(b, "v %s\n", d->version);
	for (size_t i = 0; i < d->folders.n; i++) {
		plain &= is_plain(d->folders.v[i]);
		buf_fmt(b, "d %s\n", d->folders.v[i]);
	}
	for (size_t i = 0; i < d->files_n; i++) {
		const struct driver_file *f = &d->files[i];

		plain &= is_plain(f->path) && is_plain(f->at);
		buf_fmt(b, "f %x%02x %s\t%s\n", f->kind, f->caps, f->path, f->at);
	}
	for (size_t i = 0; i < d->links_n; i++) {
		const struct driver_link *l = &d->links[i];

		plain &= is_plain(l->target) && is_plain(l->at);
		buf_fmt(b, "l 0%02x %s\t%s\n", l->caps, l->target, l->at);
	}
	buf_str(b, ".\n");
	return plain;
}

void driver_keep(struct finder *f, time_t started)
{
	struct keeper k = {.f = f, .before = started - SETTLED_S, .settles = env_allows("settle")};
	CLEANUP(freep) char *text = key_of(f);
	CLEANUP(freep) char *file = f->keeps ? file_of(f) : NULL;
	CLEANUP(buf_fini) struct buf b = {.max = KEPT_MAX};
	struct err ignored = {0};

	if (!f->keeps || !text)
		return;
	buf_str(&b, text);
	for (size_t i = 0; i < f->seen.n && !k.fails; i++)
		add_way(&k, f->seen.v[i] + 1, f->seen.v[i][0] == '=');
	/* What cannot be kept is found again: it only takes longer. */
	if (!k.fails && put_witnesses(&k, &b) && put_found(f->d, &b) && !b.full &&
	    dir_make(AT_FDCWD, f->q->cache, 0700, &ignored) == 0)
		(void)!file_write(AT_FDCWD, file, b.data, b.len, 0600, 0, &ignored);
	strs_fini(&k.paths);
}

/* --- taking --- */

/* The line is what its path has now. */
static bool still_true(const struct finder *f, const char *line, struct buf *now)
{
	const char *path = line;
	struct stat st;

	if (line[0] == 'a')
		return line[1] == ' ' && stat_below(f, line + 2, &st) < 0 && errno == ENOENT;
	for (int words = 0; words < 6 && path; words++) {
		path = strchr(path, ' ');
		path = path ? path + 1 : NULL;
	}
	if (!path || stat_below(f, path, &st) < 0)
		return false;
	now->len = 0;
	buf_str(now, "w ");
	put_identity(now, &st);
	buf_str(now, " ");
	buf_str(now, path);
	return str_eq(line, now->data);
}

static bool hex(const char *digits, size_t n, unsigned int *ret)
{
	static const char known[] = "0123456789abcdef";

	*ret = 0;
	for (size_t i = 0; i < n; i++) {
		const char *at = digits[i] ? strchr(known, digits[i]) : NULL;

		if (!at)
			return false;
		*ret = *ret << 4 | (unsigned int)(at - known);
	}
	return true;
}

/* "KCC ONE\tOTHER" */
static bool take_pair(char *text, unsigned int *kind, unsigned int *caps, const char **one,
		      const char **other)
{
	char *tab;

	if (!hex(text, 1, kind) || !hex(text + 1, 2, caps) || text[3] != ' ')
		return false;
	tab = strchr(text + 4, '\t');
	if (!tab)
		return false;
	*tab = '\0';
	*one = text + 4;
	*other = tab + 1;
	return *kind <= DRIVER_SOCKET && *caps <= CAP_ALL;
}

/* A line of what was found, which the driver keeps parts of. */
static bool take_line(struct driver *d, char *line)
{
	struct driver_file file = {0};
	struct driver_link link = {0};
	unsigned int kind = 0;

	if (line[0] == '\0' || line[1] != ' ')
		return false;
	switch (line[0]) {
	case 'v':
		d->version = line + 2;
		return true;
	case 'd':
		cdi_add_text(&d->arena, &d->folders, line + 2);
		return true;
	case 'f':
		if (!take_pair(line + 2, &kind, &file.caps, &file.path, &file.at))
			return false;
		file.kind = (enum driver_kind)kind;
		driver_add_file(d, &file);
		return true;
	case 'l':
		if (!take_pair(line + 2, &kind, &link.caps, &link.target, &link.at))
			return false;
		driver_add_link(d, link.caps, link.target, link.at);
		return true;
	default:
		return false;
	}
}

bool driver_kept(struct finder *f)
{
	CLEANUP(freep) char *key = key_of(f);
	CLEANUP(freep) char *file = key ? file_of(f) : NULL;
	CLEANUP(freep) char *kept = NULL;
	CLEANUP(buf_fini) struct buf now = {0};
	struct driver d = {0};
	struct err ignored;
	char *line;

	f->keeps = key != NULL;
	if (!key || file_read(AT_FDCWD, file, KEPT_MAX, &kept, NULL, &ignored) < 0 ||
	    !str_starts(kept, key))
		return false;
	line = arena_str(&d.arena, kept + strlen(key));
	for (char *end; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		if (str_eq(line, ".") && d.version) {
			*f->d = d;
			return true;
		}
		if (line[0] == 'w' || line[0] == 'a' ? !still_true(f, line, &now)
						     : !take_line(&d, line))
			break;
	}
	driver_fini(&d);
	return false;
}
