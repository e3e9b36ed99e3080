/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: nothing of the image runs. The image's own cache is read, the
 * driver's libraries are added in front, and the file is written anew. In a
 * folder that the image's cache knows, only what is mounted there is the
 * driver's; of another folder everything is added, as ldconfig would. A library
 * goes under its SONAME, which is the name of a link that was made to it, or its
 * own: only where neither is known, the library is read. A later
 * ldconfig inside finds the folders in a drop-in of a fixed name; musl has a
 * path file. What cannot be read is what the loader does not read either.
 */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/i18n.h"
#include "cdi/driver_parts.h"
#include "cdi/elf.h"
#include "cdi/tree_parts.h"

enum {
	ENTRIES_MAX = 1 << 16,
	NAMES_MAX = 1 << 16,
	PATH_FILE_MAX = 64 << 10,
	NAME_LEN = 256,
	PATH_LEN = 4096
};

#define CACHE "/etc/ld.so.cache"
#define DROP_IN "/etc/ld.so.conf.d/00-dlenv-nvidia.conf"

struct loader {
	const struct tree_place *p;
	struct ldcache cache;
	const struct tree_edits *t;
	const char *folder; /* the one that is being looked at */
	uint32_t flags;	    /* of the driver's libraries in it, which are of one kind */
	int dir;
	int descriptors; /* see tree_reopen */
	size_t added;	 /* libraries */
};

static const struct {
	uint16_t machine;
	bool is_64;
	uint32_t flags;
} machines[] = {
	{EM_X86_64, true, LD_X86_64},
	{EM_AARCH64, true, LD_AARCH64},
	{EM_386, false, LD_I386},
};

static uint32_t flags_of(const struct elf *elf)
{
	for (size_t i = 0; i < COUNT(machines); i++)
		if (machines[i].machine == elf->machine && machines[i].is_64 == elf->is_64)
			return machines[i].flags;
	return 0;
}

/* Does the image's loader look into the folder without us? */
static bool is_known(const struct loader *l, const char *folder)
{
	const char *lib = str_starts(folder, "/usr/") ? folder + strlen("/usr") : folder;
	size_t n = strlen(folder);

	if (str_eq(lib, "/lib") || str_eq(lib, "/lib64") || str_eq(lib, "/lib32") ||
	    (str_starts(lib, "/lib/") && strstr(lib, "-linux-gnu") &&
	     !strchr(lib + strlen("/lib/"), '/')))
		return true;
	for (size_t i = 0; i < l->cache.n - l->cache.added; i++) {
		const char *path = l->cache.entries[i].path;

		if (strncmp(path, folder, n) == 0 && path[n] == '/' && !strchr(path + n + 1, '/'))
			return true;
	}
	return false;
}

static bool is_plain_name(const char *name)
{
	for (const char *c = name; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f || *c == '/')
			return false;
	return *name && name[0] != '.';
}

/* Reads it; false: no library of ours. */
static bool soname_read(struct loader *l, const char *name, struct elf *ret, uint32_t *ret_flags)
{
	CLEANUP(fd_closep) int at = openat(l->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP(fd_closep) int fd = -1;
	struct err ignored;

	if (at < 0 || tree_reopen(l->descriptors, at, name, &fd, &ignored) < 0 ||
	    elf_read(fd, ret, &ignored) < 0)
		return false;
	*ret_flags = flags_of(ret);
	return *ret_flags && ret->is_library;
}

/*
 * "libcuda.so.1", if that link was made to "libcuda.so.550.163.01" in the folder; the name itself
 * of a library that only the driver uses, which needs no link; or NULL.
 */
static const char *soname_known(const struct loader *l, const char *name)
{
	const char *so = strstr(name, ".so.");
	size_t stem = so ? (size_t)(so - name) + strlen(".so.") : 0;
	size_t n = strlen(l->folder);

	for (size_t i = 0; stem && i < l->t->links_n; i++) {
		const struct tree_link *link = &l->t->links[i];
		const char *at = link->at + n + 1;

		if (str_eq(link->target, name) && strncmp(link->at, l->folder, n) == 0 &&
		    link->at[n] == '/' && strncmp(at, name, stem) == 0 && at[stem] >= '0' &&
		    at[stem] <= '9' && is_plain_name(at))
			return at;
	}
	return lib_version(name) && driver_library_is_inner(name) ? name : NULL;
}

/* A library goes under its SONAME, by the link of that name if there is one. */
static void add_library(struct loader *l, const char *name, bool is_regular)
{
	const char *soname = soname_known(l, name);
	bool known = soname;
	CLEANUP(freep) char *path = NULL;
	uint32_t flags = l->flags;
	struct elf elf = {0};
	struct stat st;

	if (known && l->flags) {
		if (!is_regular &&
		    (fstatat(l->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode)))
			return;
	} else {
		if (!soname_read(l, name, &elf, &flags))
			return;
		soname = is_plain_name(elf.soname) ? elf.soname : name;
		if (known)
			l->flags = flags;
	}
	if (fstatat(l->dir, soname, &st, AT_SYMLINK_NOFOLLOW) == 0)
		name = soname;
	path = str_fmt("%s/%s", l->folder, name);
	ldcache_add(&l->cache, soname, path, flags);
	l->added++;
}

static bool is_library_name(const char *name)
{
	return str_starts(name, "lib") && strstr(name, ".so") && is_plain_name(name);
}

static void add_mounted(struct loader *l)
{
	size_t n = strlen(l->folder);

	for (const char *const *m = l->p->mounts; m && *m; m++)
		if (strncmp(*m, l->folder, n) == 0 && (*m)[n] == '/' && is_library_name(*m + n + 1))
			add_library(l, *m + n + 1, false);
}

static void add_all(struct loader *l)
{
	int again = fcntl(l->dir, F_DUPFD_CLOEXEC, 0);
	DIR *d = again < 0 ? NULL : fdopendir(again);
	const struct dirent *ent;
	size_t names = 0;

	if (!d) {
		fd_closep(&again);
		return;
	}
	while ((ent = readdir(d)) && names++ < NAMES_MAX)
		if (is_library_name(ent->d_name) &&
		    (ent->d_type == DT_REG || ent->d_type == DT_UNKNOWN))
			add_library(l, ent->d_name, ent->d_type == DT_REG);
	(void)closedir(d);
}

static void add_folder(struct loader *l, const char *folder, bool all)
{
	struct err ignored;

	if (rootfs_open(l->p->root, folder, O_RDONLY | O_DIRECTORY, 0, &l->dir, &ignored) < 0)
		return;
	l->folder = folder;
	l->flags = 0;
	if (all || !l->p->mounts || !is_known(l, folder) || !tree_is_own(l->p, folder, l->dir))
		add_all(l);
	else
		add_mounted(l);
	fd_closep(&l->dir);
}

/* Texts may lie over each other, so a small file can hold any amount of them. */
static bool is_sane(const struct ldcache *c)
{
	if (c->n > ENTRIES_MAX)
		return false;
	for (size_t i = 0; i < c->n; i++)
		if (strnlen(c->entries[i].name, NAME_LEN) == NAME_LEN ||
		    strnlen(c->entries[i].path, PATH_LEN) == PATH_LEN)
			return false;
	return true;
}

/*
 * The image's own; empty when it is none, or a hostile one. *ret_text is what the file has. False
 * when it could not be read for another reason: then it must not be lost.
 */
static bool cache_read(struct loader *l, char **ret_text, size_t *ret_len)
{
	struct err e = {0};

	if (tree_read(l->p, CACHE, LDCACHE_MAX, ret_text, ret_len, &e) < 0) {
		if (e.code == ERR_ABSENT || e.code == ERR_PARSE || e.sys == ELOOP)
			return true;
		tree_warn(l->p, _("programs in the container may not find the driver: %s"), e.msg);
		return false;
	}
	if (ldcache_parse(*ret_text, *ret_len, &l->cache, &e) == 0 && !is_sane(&l->cache))
		ldcache_fini(&l->cache);
	return true;
}

static void cache_write(struct loader *l, const char *old, size_t old_len)
{
	CLEANUP(buf_fini) struct buf text = {.max = LDCACHE_MAX};
	struct err e = {0};

	if (!l->added)
		return;
	ldcache_write(&l->cache, &text);
	if (text.full) {
		/* Nobody's cache. Ours alone, then. */
		struct ldcache own = {
			.entries = l->cache.entries + (l->cache.n - l->cache.added),
			.n = l->cache.added,
			.added = l->cache.added,
		};

		buf_fini(&text);
		text = (struct buf){.max = LDCACHE_MAX};
		ldcache_write(&own, &text);
	}
	if (text.full || (old && old_len == text.len && memcmp(old, text.data, old_len) == 0))
		return;
	if (tree_put(l->p, CACHE, text.data, text.len, 0644, &e) < 0)
		tree_warn(l->p, _("programs in the container may not find the driver: %s"), e.msg);
}

/* For an ldconfig that is run inside later. Without a cache of ours it does not matter. */
static void drop_in_write(const struct tree_place *p, const struct tree_edits *t,
			  const char *compat)
{
	CLEANUP(buf_fini) struct buf text = {0};
	CLEANUP(freep) char *old = NULL;
	size_t old_len = 0;
	struct err e;

	if (p->read_only || (!tree_has(p, "/etc/ld.so.conf.d") && !tree_has(p, "/etc/ld.so.conf")))
		return;
	buf_str(&text, "# The GPU driver's libraries; written at each start of the container.\n");
	if (compat)
		buf_fmt(&text, "%s\n", compat);
	for (size_t i = 0; i < t->folders.n; i++)
		buf_fmt(&text, "%s\n", t->folders.v[i]);
	if (tree_read(p, DROP_IN, PATH_FILE_MAX, &old, &old_len, &e) == 0 && old_len == text.len &&
	    memcmp(old, text.data, old_len) == 0)
		return;
	if (tree_put(p, DROP_IN, text.data, text.len, 0644, &e) < 0 && e.sys != ENOENT)
		tree_warn(p, _("an ldconfig inside the container may forget the driver: %s"),
			  e.msg);
}

/* Is a folder one of a path file's, which colons and lines separate? */
static bool path_has(const char *text, const char *folder)
{
	size_t n = strlen(folder);

	while (*text) {
		size_t word = strcspn(text, ":\n");

		if (word == n && strncmp(text, folder, n) == 0)
			return true;
		text += word + (text[word] != '\0');
	}
	return false;
}

static void path_add(struct buf *text, const char *folder)
{
	if (!path_has(text->data, folder))
		buf_fmt(text, "%s%s\n", text->data[text->len - 1] == '\n' ? "" : "\n", folder);
}

static void musl_write(const struct tree_place *p, const struct tree_edits *t, const char *arch)
{
	CLEANUP(freep) char *file = str_fmt("/etc/ld-musl-%s.path", arch);
	CLEANUP(buf_fini) struct buf text = {0};
	CLEANUP(freep) char *old = NULL;
	size_t old_len = 0;
	struct err e = {0};

	if (tree_read(p, file, PATH_FILE_MAX, &old, &old_len, &e) < 0 && e.code != ERR_ABSENT) {
		tree_warn(p, _("programs in the container may not find the driver: %s"), e.msg);
		return;
	}
	/* The file replaces what the loader has built in. */
	buf_str(&text, old && *old ? old : "/lib:/usr/local/lib:/usr/lib\n");
	for (size_t i = 0; i < t->folders.n; i++)
		path_add(&text, t->folders.v[i]);
	if (old && old_len == text.len && memcmp(old, text.data, old_len) == 0)
		return;
	if (tree_put(p, file, text.data, text.len, 0644, &e) < 0)
		tree_warn(p, _("programs in the container may not find the driver: %s"), e.msg);
}

/* True when the image has no other loader. */
static bool musl_make(const struct tree_place *p, const struct tree_edits *t)
{
	static const char *const arches[] = {"x86_64", "aarch64"};
	bool found = false;

	for (size_t i = 0; i < COUNT(arches); i++) {
		CLEANUP(freep) char *loader = str_fmt("/lib/ld-musl-%s.so.1", arches[i]);

		if (!tree_has(p, loader))
			continue;
		found = true;
		if (t->folders.n)
			musl_write(p, t, arches[i]);
	}
	return found && !tree_has(p, CACHE);
}

void tree_make_loader(const struct tree_place *p, const struct tree_edits *t)
{
	const char *compat = tree_compat(p, t);
	CLEANUP(freep) char *old = NULL;
	struct loader l = {.p = p, .t = t, .dir = -1, .descriptors = -1};
	size_t old_len = 0;

	if ((!t->folders.n && !compat) || musl_make(p, t))
		return;
	l.descriptors = tree_descriptors();
	if (cache_read(&l, &old, &old_len)) {
		for (size_t i = 0; i < t->folders.n; i++)
			add_folder(&l, t->folders.v[i], false);
		/* Last added, first found. */
		if (compat)
			add_folder(&l, compat, true);
		cache_write(&l, old, old_len);
	}
	drop_in_write(p, t, compat);
	ldcache_fini(&l.cache);
	fd_closep(&l.descriptors);
}
