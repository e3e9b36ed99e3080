/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: the folders that distributions use are listed once each, and of their names those
 * are kept that may be the driver's. The loader's cache is asked only where they do not hold the
 * wanted version. A link is followed, and the folder that it leads to counts as one more.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/version.h"
#include "cdi/driver_parts.h"
#include "cdi/elf.h"
#include "cdi/ldcache.h"

/* Debian's; Fedora, RHEL, SUSE, Arch and NVIDIA's installer; driver containers; NixOS. */
static const char *const folders_64[] = {
	"/usr/lib64",
	"/usr/lib/x86_64-linux-gnu",
	"/usr/lib/aarch64-linux-gnu",
	"/usr/lib/x86_64-linux-gnu/nvidia/current",
	"/usr/lib/aarch64-linux-gnu/nvidia/current",
	"/lib64",
	"/lib/x86_64-linux-gnu",
	"/lib/aarch64-linux-gnu",
	"/lib/x86_64-linux-gnu/nvidia/current",
	"/lib/aarch64-linux-gnu/nvidia/current",
	"/run/opengl-driver/lib",
	NULL,
};

static const char *const folders_32[] = {
	"/usr/lib/i386-linux-gnu",
	"/usr/lib/i386-linux-gnu/nvidia/current",
	"/usr/lib32",
	"/usr/lib",
	NULL,
};

/* Without a version in their names, on installations older than GLVND. */
static const char *const explicit_libs[] = {
	"libEGL.so",
	"libGL.so",
	"libGLESv1_CM.so",
	"libGLESv2.so",
	"libGLX.so",
	"libGLdispatch.so",
	"libOpenCL.so",
	"libOpenGL.so",
	"libnvidia-api.so",
	"libnvidia-egl-xcb.so",
	"libnvidia-egl-xlib.so",
};

static bool in_list(const char *name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(list[i], name))
			return true;
	return false;
}

bool lib_is_explicit(const char *name)
{
	return in_list(name, explicit_libs, COUNT(explicit_libs));
}

const char *lib_version(const char *name)
{
	const char *v = strstr(name, ".so.");

	if (!v)
		return NULL;
	v += 4;
	if (strspn(v, "0123456789.") != strlen(v) || !strchr(v, '.') || *v == '.')
		return NULL;
	return v;
}

static bool may_be_drivers(const char *name)
{
	if (!strstr(name, ".so"))
		return false;
	if (strstr(name, "nvidia") || str_starts(name, "libcuda") || str_starts(name, "libnv") ||
	    lib_is_explicit(name))
		return true;
	/* A library of a name that is not known yet, with a driver's version. */
	return lib_version(name) && strcspn(lib_version(name), ".") >= 3;
}

static void keep_name(struct finder *f, struct lib_folder *folder, const char *name, bool link)
{
	if ((folder->names_n & (folder->names_n - 1)) == 0) {
		size_t room = folder->names_n ? 2 * folder->names_n : 1;
		struct lib_name *names = arena_alloc(&f->d->arena, room * sizeof(*names));

		if (folder->names_n)
			memcpy(names, folder->names, folder->names_n * sizeof(*names));
		folder->names = names;
	}
	folder->names[folder->names_n++] =
		(struct lib_name){.name = arena_str(&f->d->arena, name), .link = link};
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct lib_name *)a)->name, ((const struct lib_name *)b)->name);
}

static void list_names(struct finder *f, struct lib_folder *folder)
{
	_Alignas(struct dirent64) char block[32768];
	ssize_t n;

	while ((n = getdents64(folder->fd, block, sizeof(block))) > 0) {
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *ent = (const struct dirent64 *)(block + at);
			struct stat st;
			unsigned char type = ent->d_type;

			at += ent->d_reclen;
			if (!may_be_drivers(ent->d_name))
				continue;
			if (type == DT_UNKNOWN &&
			    fstatat(folder->fd, ent->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
				type = IFTODT(st.st_mode);
			if (type == DT_LNK || type == DT_REG)
				keep_name(f, folder, ent->d_name, type == DT_LNK);
		}
	}
	/* Folders have no order; what is made from them is to be the same each time. */
	if (folder->names_n)
		qsort(folder->names, folder->names_n, sizeof(*folder->names), by_name);
}

struct lib_folder *find_folder(struct finder *f, const char *path)
{
	CLEANUP(fd_closep) int fd = -1;
	struct lib_folder *folder = &f->folders[f->folders_n];
	struct stat st;

	if (f->folders_n == FOLDERS_MAX)
		return NULL;
	fd = find_open(f, path, O_RDONLY | O_DIRECTORY);
	if (fd < 0 || fstat(fd, &st) < 0)
		return NULL;
	for (size_t i = 0; i < f->folders_n; i++)
		if (f->folders[i].ino == st.st_ino && f->folders[i].dev == st.st_dev)
			return &f->folders[i];
	*folder = (struct lib_folder){.dev = st.st_dev, .ino = st.st_ino, .fd = TAKE(fd)};
	folder->path = find_path_of(f, folder->fd);
	if (!folder->path)
		folder->path = arena_str(&f->d->arena, path);
	list_names(f, folder);
	f->folders_n++;
	return folder;
}

const char *find_join(struct finder *f, const struct lib_folder *folder, const char *name)
{
	return arena_fmt(&f->d->arena, "%s/%s", str_eq(folder->path, "/") ? "" : folder->path,
			 name);
}

const char *find_parent(struct finder *f, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash > path ? arena_strn(&f->d->arena, path, (size_t)(slash - path)) : "/";
}

/* The versions that libcuda or libnvidia-ml is there in. */
static void list_versions(struct finder *f, struct strs *ret)
{
	for (size_t i = 0; i < f->folders_n; i++) {
		const struct lib_folder *folder = &f->folders[i];

		for (size_t j = 0; j < folder->names_n && !folder->narrow; j++) {
			const struct lib_name *n = &folder->names[j];
			const char *v = lib_version(n->name);
			struct stat st;

			if (!v || strs_has(ret, v) ||
			    (!str_starts(n->name, "libcuda.so.") &&
			     !str_starts(n->name, "libnvidia-ml.so.")))
				continue;
			if (!n->link || find_real(f, find_join(f, folder, n->name), &st))
				strs_add(ret, v);
		}
	}
}

/* Folders that the loader's cache knows libraries of the driver in. */
static void ask_cache(struct finder *f)
{
	static const char *const names[] = {"libcuda.so.1", "libnvidia-ml.so.1",
					    "libGLX_nvidia.so.0"};
	CLEANUP(ldcache_fini) struct ldcache cache = {0};
	CLEANUP(fd_closep) int fd = find_open(f, "/etc/ld.so.cache", O_RDONLY | O_NONBLOCK);
	CLEANUP(buf_fini) struct buf text = {.max = LDCACHE_MAX};
	struct err why = {0};

	find_seen(f, "/etc/ld.so.cache", true);
	if (fd < 0 || read_all(fd, &text) < 0)
		return;
	if (ldcache_parse(text.data ? text.data : "", text.len, &cache, &why) < 0) {
		strs_fmt(f->notes, _("'%s' cannot be used: %s"), "/etc/ld.so.cache", why.msg);
		return;
	}
	for (size_t i = 0; i < cache.n; i++) {
		const struct ld_entry *e = &cache.entries[i];
		bool narrow = e->flags == LD_I386;
		struct lib_folder *folder;
		const char *real;
		struct stat st;

		if (!in_list(e->name, names, COUNT(names)) || e->path[0] != '/' ||
		    (narrow && !(f->q->caps & CAP_COMPAT32)))
			continue;
		real = find_real(f, e->path, &st);
		folder = real ? find_folder(f, find_parent(f, real)) : NULL;
		if (folder)
			folder->narrow = narrow;
	}
}

/* The library of a folder tells whether that is for 32-bit programs. */
static bool is_narrow(struct finder *f, const struct lib_folder *folder)
{
	for (size_t i = 0; i < folder->names_n; i++) {
		CLEANUP(fd_closep) int fd = -1;
		struct err ignored = {0};
		struct elf elf;

		if (folder->names[i].link || !lib_version(folder->names[i].name))
			continue;
		fd = openat(folder->fd, folder->names[i].name,
			    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		find_seen(f, find_join(f, folder, folder->names[i].name), true);
		if (fd >= 0 && elf_read(fd, &elf, &ignored) == 0)
			return !elf.is_64;
	}
	return true;
}

static void search_folders(struct finder *f)
{
	for (const char *const *p = f->q->library_paths; p && *p; p++)
		(void)find_folder(f, *p);
	for (const char *const *p = folders_64; *p; p++)
		(void)find_folder(f, *p);
	for (const char *const *p = folders_32; *p && f->q->caps & CAP_COMPAT32; p++) {
		size_t before = f->folders_n;
		struct lib_folder *folder = find_folder(f, *p);

		if (folder && f->folders_n > before)
			folder->narrow = is_narrow(f, folder);
	}
}

static const char *newest(const struct strs *versions)
{
	const char *best = versions->v[0];
	struct version high = version_in(best);

	for (size_t i = 1; i < versions->n; i++) {
		struct version v = version_in(versions->v[i]);

		if (version_compare(&v, &high) <= 0)
			continue;
		best = versions->v[i];
		high = v;
	}
	return best;
}

int find_version(struct finder *f, struct err *e)
{
	CLEANUP(strs_fini) struct strs versions = {0};
	CLEANUP(buf_fini) struct buf all = {0};
	const char *loaded = f->q->loaded;

	search_folders(f);
	list_versions(f, &versions);
	if (!versions.n || (loaded && !strs_has(&versions, loaded))) {
		ask_cache(f);
		list_versions(f, &versions);
	}
	if (!versions.n) {
		(void)err_set(e, ERR_ABSENT,
			      "no libcuda.so and no libnvidia-ml.so of NVIDIA's driver below '%s'",
			      f->q->root->path);
		return err_hint(e,
				"install the driver's libraries (Debian: libcuda1 and nvidia-smi), "
				"or name the folder that they are in");
	}
	f->d->version = arena_str(
		&f->d->arena, loaded && strs_has(&versions, loaded) ? loaded : newest(&versions));
	for (size_t i = 0; i < versions.n; i++)
		buf_fmt(&all, "%s%s", i ? ", " : "", versions.v[i]);
	if (versions.n > 1)
		strs_fmt(f->notes,
			 _("the driver's libraries are there in several versions (%s): "
			   "those of %s are used"),
			 all.data, f->d->version);
	if (loaded && !str_eq(loaded, f->d->version))
		strs_fmt(f->notes,
			 _("the loaded kernel module is of version %s, the driver's libraries are "
			   "of "
			   "%s: programs will not find the GPU until the machine is restarted"),
			 loaded, f->d->version);
	return 0;
}
