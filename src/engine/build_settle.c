/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: what a build leaves behind that identifies this machine or
 * this minute (keys, ids, logs, caches, copies of the host's settings) is
 * removed by the rows below. Folders are opened with rootfs_open, since an
 * image's own links must never lead out of it; the pattern is for names in
 * that folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "engine/build_parts.h"

enum action {
	ALL = 1,   /* what matches */
	FILES,	   /* what matches, but folders stay and are emptied of files */
	LEFTOVERS, /* at any depth, files only */
	EMPTY,	   /* the file stays, without content */
};

struct row {
	const char *folder;
	const char *pattern;
	enum action action;
	bool base; /* only in the base layer */
};

static const struct row rows[] = {
	/* credentials and identity */
	{"/etc/ssh", "ssh_host_*", ALL, false},
	{"/etc", "machine-id", EMPTY, false},
	{"/var/lib/dbus", "machine-id", ALL, false},
	{"/var/lib/systemd", "random-seed", ALL, false},
	{"/var/lib/systemd", "credential.secret", ALL, false},
	{"/root", ".*history", ALL, false},
	/* the host's */
	{"/etc", "resolv.conf", ALL, false},
	{"/etc", "hostname", ALL, false},
	{"/etc", "hosts", ALL, false},
	{"/etc/apt", "sources.list", ALL, true},
	{"/etc/apt/sources.list.d", "*", ALL, true},
	{"/etc/apt/apt.conf.d", "*mmdebstrap", ALL, true},
	{"/etc/dpkg/dpkg.cfg.d", "*mmdebstrap", ALL, true},
	{"/dev", "*", ALL, false},
	/* caches, logs, earlier versions of files */
	{"/var/lib/apt/lists", "*", ALL, false},
	{"/var/cache/apt", "*.bin", ALL, false},
	{"/var/cache/apt/archives", "*", FILES, false},
	{"/var/cache/debconf", "*-old", ALL, false},
	{"/var/cache/ldconfig", "aux-cache", ALL, false},
	{"/var/cache/man", "*", FILES, false},
	{"/var/lib/dpkg", "*-old", ALL, false},
	{"/var/log", "*", FILES, false},
	{"/var/tmp", "*", ALL, false},
	{"/tmp", "*", ALL, false},
	{"/run", "*", FILES, false},
	{"/etc", "*-", ALL, false},
	{"/etc", ".pwd.lock", ALL, false},
	{"/etc", "*.dpkg-old", LEFTOVERS, false},
	{"/etc", "*.dpkg-dist", LEFTOVERS, false},
	{"/etc", "*.dpkg-new", LEFTOVERS, false},
	{"/etc", "*.ucf-*", LEFTOVERS, false},
};

static const struct {
	const char *path;
	mode_t mode;
	const char *text; /* NULL: see file_text */
} base_files[] = {
	{"/etc/machine-id", 0444, ""},
	/* dlenv-init starts services; packages must not. */
	{"/usr/sbin/policy-rc.d", 0755, "#!/bin/sh\nexit 101\n"},
	{"/etc/apt/apt.conf.d/dlenv", 0644, "Acquire::Languages \"none\";\n"},
	{"/etc/apt/sources.list.d/dlenv.sources", 0644, NULL},
};

const char *const build_dpkg_options[] = {
	"path-exclude=/usr/share/man/*",      "path-exclude=/usr/share/info/*",
	"path-exclude=/usr/share/lintian/*",  "path-exclude=/usr/share/groff/*",
	"path-exclude=/usr/share/doc/*",      "path-include=/usr/share/doc/*/copyright",
	"path-exclude=/usr/share/locale/*",   "path-include=/usr/share/locale/locale.alias",
	"path-include=/usr/share/locale/en*", NULL,
};

static int empty_folder(int fd, const char *pattern, enum action action, int depth, struct err *e);

static int settle_name(int fd, const char *name, const char *pattern, enum action action, int depth,
		       struct err *e)
{
	CLEANUP(fd_closep) int sub = -1;
	struct stat st;

	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "cannot read '%s'", name);
	if (S_ISDIR(st.st_mode) && (action == FILES || action == LEFTOVERS)) {
		sub = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub < 0)
			return err_sys(e, "cannot read '%s'", name);
		return empty_folder(sub, action == FILES ? "*" : pattern, action, depth + 1, e);
	}
	if (fnmatch(pattern, name, 0) != 0)
		return 0;
	if (action != EMPTY)
		return tree_remove(fd, name, e);
	if (!S_ISREG(st.st_mode) || !st.st_size)
		return 0;
	sub = openat(fd, name, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);
	return sub < 0 ? err_sys(e, "cannot empty '%s'", name) : 0;
}

static int empty_folder(int fd, const char *pattern, enum action action, int depth, struct err *e)
{
	enum { DEEPEST = 100 };
	CLEANUP(strs_fini) struct strs names = {0};

	if (depth > DEEPEST)
		return 0;
	if (dir_list(fd, ".", &names, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < names.n; i++)
		if (settle_name(fd, names.v[i], pattern, action, depth, e) < 0)
			return -(int)e->code;
	return 0;
}

static int clean(int root, bool base, struct err *e)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(fd_closep) int fd = -1;
		struct err gone = {0};

		if (rows[i].base && !base)
			continue;
		if (rootfs_open(root, rows[i].folder, O_RDONLY | O_DIRECTORY, 0, &fd, &gone) < 0)
			continue;
		if (empty_folder(fd, rows[i].pattern, rows[i].action, 0, e) < 0)
			return err_wrap(e, "cannot clean '%s' of the layer", rows[i].folder);
	}
	return 0;
}

static int put(int root, const char *path, mode_t mode, const char *text, struct err *e)
{
	const char *name = strrchr(path, '/') + 1;
	CLEANUP(freep) char *folder = str_fmt("%.*s", (int)(name - path - 1), path);
	CLEANUP(fd_closep) int fd = -1;

	if (rootfs_open(root, folder, O_RDONLY | O_DIRECTORY, 0, &fd, e) < 0 ||
	    file_write(fd, name, text, strlen(text), mode, 0, e) < 0)
		return err_wrap(e, "cannot write '%s' of the layer", path);
	return 0;
}

static int add_base_files(const struct build_step *st, int root, struct err *e)
{
	CLEANUP(freep)
	char *sources =
		sources_text(st->b, st->src, "/usr/share/keyrings/debian-archive-keyring.gpg");
	CLEANUP(buf_fini) struct buf dpkg = {0};

	for (size_t i = 0; i < COUNT(base_files); i++)
		if (put(root, base_files[i].path, base_files[i].mode,
			base_files[i].text ? base_files[i].text : sources, e) < 0)
			return -(int)e->code;
	for (const char *const *o = build_dpkg_options; *o; o++)
		buf_fmt(&dpkg, "%s\n", *o);
	return put(root, "/etc/dpkg/dpkg.cfg.d/dlenv", 0644, dpkg.data, e);
}

int build_settle(void *step, struct err *e)
{
	const struct build_step *st = step;
	bool base = st->lowers->n == 0;
	CLEANUP(fd_closep) int root = -1;
	CLEANUP(fd_closep) int folder = -1;

	(void)umask(022);
	if (dir_open(AT_FDCWD, st->files, &root, e) < 0 || clean(root, base, e) < 0 ||
	    (base && add_base_files(st, root, e) < 0) ||
	    dir_open(AT_FDCWD, st->out->path, &folder, e) < 0 ||
	    tree_remove(folder, "work", e) < 0 || tree_remove(folder, "build", e) < 0)
		return -(int)e->code;
	return layer_index(st->out->path, e);
}
