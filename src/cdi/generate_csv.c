/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tegra: NVIDIA's lists say what an integrated GPU needs, a line `TYPE, PATH` each: dev (nodes,
 * with patterns), dir, lib (a file, its links followed) and sym (links, copied as they are, every
 * one of a chain).
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/i18n.h"
#include "cdi/elf.h"
#include "cdi/generate_parts.h"

static const char folder[] = "/etc/nvidia-container-runtime/host-files-for-container.d";

enum { CSV_MAX = 1 << 20, LINK_MAX_LEN = 4096, CHAIN_MAX = 8 };

struct csv {
	struct maker *m;
	struct making_device *d;
};

typedef void entry_fn(struct csv *c, const char *path);

static int open_below(struct csv *c, const char *path, int flags)
{
	struct err ignored = {0};
	int fd = -1;

	return rootfs_open(c->m->g->driver->fd, path, flags, 0, &fd, &ignored) < 0 ? -1 : fd;
}

static const char *folder_of(struct maker *m, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash > path ? arena_strn(m->a, path, (size_t)(slash - path)) : "/";
}

/* Call take for each path that a pattern (in its last component) fits; without one, for itself. */
static void each(struct csv *c, const char *path, entry_fn *take)
{
	const char *slash = strrchr(path, '/');
	CLEANUP(strs_fini) struct strs names = {0};
	CLEANUP(fd_closep) int fd = -1;
	struct err ignored = {0};

	if (!slash || !strpbrk(slash, "*?[")) {
		take(c, path);
		return;
	}
	fd = open_below(c, folder_of(c->m, path), O_RDONLY | O_DIRECTORY);
	if (fd < 0 || dir_list(fd, ".", &names, &ignored) < 0)
		return;
	for (size_t i = 0; i < names.n; i++)
		if (fnmatch(slash + 1, names.v[i], FNM_PERIOD) == 0)
			take(c,
			     arena_fmt(c->m->a, "%.*s/%s", (int)(slash - path), path, names.v[i]));
}

static void take_dev(struct csv *c, const char *path)
{
	(void)make_node(c->m, &c->d->edits, path);
}

static void take_dir(struct csv *c, const char *path)
{
	CLEANUP(fd_closep) int fd = open_below(c, path, O_PATH | O_DIRECTORY);

	if (fd >= 0)
		(void)make_found(c->m, &c->m->common, path, false);
}

/* Where a file's links lead, by their texts; NULL: nowhere. */
static const char *follow(struct csv *c, const char *path, bool copy)
{
	for (int i = 0; i < CHAIN_MAX; i++) {
		CLEANUP(fd_closep) int fd = open_below(c, path, O_PATH | O_NOFOLLOW);
		char target[LINK_MAX_LEN];
		struct stat st;
		ssize_t n;

		if (fd < 0 || fstat(fd, &st) < 0)
			return NULL;
		if (!S_ISLNK(st.st_mode))
			return S_ISREG(st.st_mode) ? path : NULL;
		n = readlinkat(fd, "", target, sizeof(target) - 1);
		if (n <= 0)
			return NULL;
		target[n] = '\0';
		if (copy)
			(void)tree_add_link(c->m->a, &c->m->tree, arena_str(c->m->a, target), path);
		path = target[0] == '/'
			       ? arena_str(c->m->a, target)
			       : arena_fmt(c->m->a, "%s/%s", folder_of(c->m, path), target);
	}
	return NULL;
}

static void take_lib(struct csv *c, const char *path)
{
	struct maker *m = c->m;
	const char *real = follow(c, path, false);
	CLEANUP(fd_closep) int fd = real ? open_below(c, real, O_RDONLY | O_NONBLOCK) : -1;
	const char *in;
	struct err ignored = {0};
	struct elf elf;
	bool there = false;

	if (fd < 0)
		return;
	(void)make_found(m, &m->common, real, false);
	if (elf_read(fd, &elf, &ignored) < 0)
		return;
	in = folder_of(m, real);
	for (size_t i = 0; i < m->tree.folders.n; i++)
		there |= str_eq(m->tree.folders.v[i], in);
	if (!there)
		cdi_add_text(m->a, &m->tree.folders, in);
	if (elf.soname[0] && !str_ends(real, arena_fmt(m->a, "/%s", elf.soname)))
		(void)tree_add_link(m->a, &m->tree, strrchr(real, '/') + 1,
				    arena_fmt(m->a, "%s/%s", in, elf.soname));
}

/* A pattern that begins with two stars and a slash fits names in any folder. */
static bool is_ignored(const struct maker *m, const char *path)
{
	static const char anywhere[] = "**/";
	const char *slash = strrchr(path, '/');

	for (const char *const *p = m->g->csv_ignore; p && *p; p++) {
		bool any = str_starts(*p, anywhere);
		const char *pattern = any ? *p + strlen(anywhere) : *p;

		if (fnmatch(pattern, any && slash ? slash + 1 : path, FNM_PATHNAME) == 0)
			return true;
	}
	return false;
}

static void take_sym(struct csv *c, const char *path)
{
	if (!is_ignored(c->m, path))
		(void)follow(c, path, true);
}

static const struct {
	const char *type;
	entry_fn *take;
} types[] = {{"dev", take_dev}, {"dir", take_dir}, {"lib", take_lib}, {"sym", take_sym}};

static char *trim(char *text)
{
	size_t n;

	text += strspn(text, " \t\r");
	n = strlen(text);
	while (n && strchr(" \t\r", text[n - 1]))
		text[--n] = '\0';
	return text;
}

static void take_line(struct csv *c, const char *file, char *line, size_t number)
{
	char *comma = strchr(line, ',');
	const char *type;
	const char *path;

	line = trim(line);
	if (!*line || *line == '#')
		return;
	if (comma)
		*comma = '\0';
	type = trim(line);
	path = comma ? trim(comma + 1) : "";
	for (size_t i = 0; i < COUNT(types) && *path == '/'; i++)
		if (str_eq(types[i].type, type)) {
			each(c, arena_str(c->m->a, path), types[i].take);
			return;
		}
	strs_fmt(c->m->notes,
		 _("%s:%zu: a line is `dev`, `dir`, `lib` or `sym`, a comma and a path"), file,
		 number);
}

static int take_file(struct csv *c, const char *path, struct err *e)
{
	CLEANUP(freep) char *text = NULL;
	size_t number = 1;
	char *end;

	if (root_read(c->m->g->driver, path, CSV_MAX, &text, e) < 0)
		return -(int)e->code;
	for (char *line = text; line; line = end, number++) {
		end = strchr(line, '\n');
		if (end)
			*end++ = '\0';
		take_line(c, path, line, number);
	}
	return 0;
}

int make_csv(struct maker *m, struct err *e)
{
	CLEANUP(strs_fini) struct strs files = {0};
	struct csv c = {.m = m, .d = make_device(m, "0")};
	size_t read = 0;

	if (m->g->csv_files) {
		strs_add_all(&files, m->g->csv_files);
	} else {
		CLEANUP(strs_fini) struct strs names = {0};
		CLEANUP(fd_closep) int fd = open_below(&c, folder, O_RDONLY | O_DIRECTORY);

		if (fd >= 0 && dir_list(fd, ".", &names, e) < 0)
			return -(int)e->code;
		for (size_t i = 0; i < names.n; i++)
			if (str_ends(names.v[i], ".csv"))
				strs_fmt(&files, "%s/%s", folder, names.v[i]);
	}
	for (size_t i = 0; i < files.n; i++, read++)
		if (take_file(&c, files.v[i], e) < 0)
			return -(int)e->code;
	if (!read) {
		(void)err_set(e, ERR_ABSENT, "no list of a Tegra's files is in '%s'", folder);
		return err_hint(e, "install nvidia-l4t-init, which brings them");
	}
	(void)make_found(m, &m->common, "/etc/nv_tegra_release", false);
	if (!c.d->edits.nodes_n)
		return err_set(e, ERR_ABSENT, "none of the nodes that the lists name is there");
	return 0;
}
