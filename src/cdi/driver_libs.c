/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: a library is the driver's by its name, which ends in the driver's version. The
 * links beside it are copied as the machine has them; no library is opened, but where a link is
 * missing.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cdi/driver_parts.h"
#include "cdi/elf.h"

enum { LINK_MAX_LEN = 512, HOPS_MAX = 4 };

/* libnvidia-egl-gbm.so.1.1.2 and others that have a version of their own. */
static bool is_extra(const struct finder *f, const char *name)
{
	static const char *const own_version[] = {
		"libnvidia-egl-gbm.so.",      "libnvidia-egl-wayland.so.", "libnvidia-egl-xcb.so.",
		"libnvidia-egl-wayland2.so.", "libnvidia-egl-xlib.so.",
	};

	if (str_starts(name, "libnvidia-nvvm70.so."))
		return true;
	if (f->q->flags & DRIVER_EXPLICIT_LIBS && lib_is_explicit(name))
		return true;
	if (f->q->flags & DRIVER_NO_CONFIG)
		return false;
	for (size_t i = 0; i < COUNT(own_version); i++)
		if (str_starts(name, own_version[i]) && lib_version(name))
			return true;
	/* Its only name is its SONAME, so NVIDIA's toolkit misses it. */
	return str_starts(name, "libnvidia-api.so.");
}

static bool is_versioned(const struct finder *f, const char *name)
{
	const char *v = lib_version(name);

	return v && str_eq(v, f->d->version);
}

static void add_library(struct finder *f, struct lib_folder *folder, const struct lib_name *n)
{
	bool versioned = is_versioned(f, n->name);
	unsigned int caps = driver_library_caps(n->name);
	struct lib_folder *real_folder = folder;
	const char *path = find_join(f, folder, n->name);
	struct stat st;

	if (n->link) {
		path = find_real(f, path, &st);
		if (!path || !S_ISREG(st.st_mode))
			return;
		real_folder = find_folder(f, find_parent(f, path));
		if (!real_folder)
			return;
		if (real_folder != folder && folder->narrow)
			real_folder->narrow = true;
	}
	real_folder->of_driver |= versioned && str_starts(n->name, "lib");
	if (!(caps & f->q->caps))
		return;
	if (real_folder->narrow && !(f->q->caps & CAP_COMPAT32))
		return;
	driver_add_file(f->d, &(struct driver_file){
				      .kind = DRIVER_LIBRARY,
				      .caps = real_folder->narrow ? CAP_COMPAT32 : caps,
				      .path = path,
				      .at = path,
			      });
}

void find_libraries(struct finder *f)
{
	/* More folders may come while this goes on. */
	for (size_t i = 0; i < f->folders_n; i++) {
		struct lib_folder *folder = &f->folders[i];
		const char *vdpau;

		for (size_t j = 0; j < folder->names_n; j++)
			if (is_versioned(f, folder->names[j].name) ||
			    is_extra(f, folder->names[j].name))
				add_library(f, folder, &folder->names[j]);
		if (!folder->of_driver || str_ends(folder->path, "/vdpau"))
			continue;
		vdpau = find_join(f, folder, "vdpau");
		if (f->q->caps & CAP_VIDEO) {
			struct lib_folder *more = find_folder(f, vdpau);

			if (more && folder->narrow)
				more->narrow = true;
		}
	}
	for (size_t i = 0; i < f->folders_n; i++)
		if (f->folders[i].of_driver && !f->folders[i].narrow &&
		    !str_ends(f->folders[i].path, "/vdpau"))
			cdi_add_text(&f->d->arena, &f->d->folders, f->folders[i].path);
}

/* The library that is mounted as name in a folder. */
static const struct driver_file *mounted(const struct finder *f, const struct lib_folder *folder,
					 const char *name)
{
	size_t n = strlen(folder->path);

	for (size_t i = 0; i < f->d->files_n; i++) {
		const char *at = f->d->files[i].at;

		if (f->d->files[i].kind == DRIVER_LIBRARY && strncmp(at, folder->path, n) == 0 &&
		    at[n] == '/' && str_eq(at + n + 1, name))
			return &f->d->files[i];
	}
	return NULL;
}

/* Whether a library of that name up to ".so" is mounted in the folder. */
static bool has_stem(const struct finder *f, const struct lib_folder *folder, const char *name,
		     size_t stem)
{
	size_t n = strlen(folder->path);

	for (size_t i = 0; i < f->d->files_n; i++) {
		const char *at = f->d->files[i].at;

		if (f->d->files[i].kind == DRIVER_LIBRARY && strncmp(at, folder->path, n) == 0 &&
		    at[n] == '/' && strncmp(at + n + 1, name, stem + 1) == 0)
			return true;
	}
	return false;
}

static bool read_link(const struct lib_folder *folder, const char *name, char *text)
{
	ssize_t n = readlinkat(folder->fd, name, text, LINK_MAX_LEN - 1);

	if (n <= 0)
		return false;
	text[n] = '\0';
	return !strchr(text, '/');
}

/* A link beside a library that leads to it under another ending: libcuda.so.1. */
static void copy_link(struct finder *f, const struct lib_folder *folder, const char *name)
{
	char target[LINK_MAX_LEN];
	char next[LINK_MAX_LEN];
	const struct driver_file *file;
	const char *first = NULL;
	size_t stem = strcspn(name, ".");

	if (!has_stem(f, folder, name, stem) || !read_link(folder, name, target))
		return;
	first = arena_str(&f->d->arena, target);
	file = mounted(f, folder, target);
	for (int hops = 0; !file && hops < HOPS_MAX && read_link(folder, target, next); hops++) {
		memcpy(target, next, sizeof(target));
		file = mounted(f, folder, target);
	}
	if (file && strncmp(target, name, stem + 1) == 0)
		driver_add_link(f->d, file->caps, first, find_join(f, folder, name));
}

/*
 * A library that no link leads to, as in a driver folder that ldconfig has never seen: the link of
 * its SONAME is made all the same.
 */
static void add_missing_soname(struct finder *f, const struct driver_file *file)
{
	const char *name = strrchr(file->path, '/') + 1;
	CLEANUP(fd_closep) int fd = -1;
	struct err ignored = {0};
	struct elf elf;

	if (!is_versioned(f, name) || driver_library_is_inner(name))
		return;
	for (size_t i = 0; i < f->d->links_n; i++) {
		const struct driver_link *l = &f->d->links[i];

		if (str_eq(l->target, name) &&
		    str_eq(find_parent(f, l->at), find_parent(f, file->at)) &&
		    !str_ends(l->at, "/libGLX_indirect.so.0"))
			return;
	}
	fd = find_open(f, file->path, O_RDONLY | O_NONBLOCK);
	find_seen(f, file->path, true);
	if (fd < 0 || elf_read(fd, &elf, &ignored) < 0 || !elf.soname[0] ||
	    str_eq(elf.soname, name))
		return;
	driver_add_link(f->d, file->caps, name,
			arena_fmt(&f->d->arena, "%s/%s", find_parent(f, file->at), elf.soname));
}

/* Mesa looks for the GBM backend in the plain folder of libraries, not in Debian's nvidia/current.
 */
static void add_gbm_link(struct finder *f, const struct driver_file *file)
{
	const char *folder = find_parent(f, file->at);
	size_t best = strlen(folder);
	const char *rest;

	for (size_t i = 0; i < f->folders_n; i++) {
		size_t n = strlen(f->folders[i].path);

		if (n < best && n > 1 && strncmp(folder, f->folders[i].path, n) == 0 &&
		    folder[n] == '/')
			best = n;
	}
	rest = folder[best] ? folder + best + 1 : "";
	driver_add_link(
		f->d, CAP_GRAPHICS | CAP_DISPLAY,
		arena_fmt(&f->d->arena, "../%s%slibnvidia-allocator.so.1", rest, *rest ? "/" : ""),
		arena_fmt(&f->d->arena, "%.*s/gbm/nvidia-drm_gbm.so", (int)best, folder));
}

/* Links that programs want, whether the machine has them or not; %s is the driver's version. */
static void add_fixed_links(struct finder *f)
{
	static const struct {
		const char *library; /* %s: its version */
		const char *target;
		const char *name;
	} fixed[] = {
		{"libcuda.so.%s", "libcuda.so.1", "libcuda.so"},
		{"libGLX_nvidia.so.%s", "libGLX_nvidia.so.%s", "libGLX_indirect.so.0"},
		{"libnvidia-opticalflow.so.%s", "libnvidia-opticalflow.so.1",
		 "libnvidia-opticalflow.so"},
		{"libnvidia-vulkan-producer.so.%s", "libnvidia-vulkan-producer.so.%s",
		 "libnvidia-vulkan-producer.so"},
	};
	struct arena *a = &f->d->arena;

	for (size_t i = 0; i < COUNT(fixed); i++) {
		const char *library = arena_fmt(a, fixed[i].library, f->d->version);

		for (size_t j = 0; j < f->folders_n; j++) {
			const struct driver_file *file = mounted(f, &f->folders[j], library);

			if (file)
				driver_add_link(f->d, file->caps,
						arena_fmt(a, fixed[i].target, f->d->version),
						find_join(f, &f->folders[j], fixed[i].name));
		}
	}
}

void find_library_links(struct finder *f)
{
	const char *allocator = arena_fmt(&f->d->arena, "libnvidia-allocator.so.%s", f->d->version);

	add_fixed_links(f);
	for (size_t i = 0; i < f->folders_n; i++) {
		const struct lib_folder *folder = &f->folders[i];
		const struct driver_file *file = mounted(f, folder, allocator);

		if (file && !folder->narrow && f->q->caps & (CAP_GRAPHICS | CAP_DISPLAY) &&
		    !(f->q->flags & DRIVER_NO_CONFIG))
			add_gbm_link(f, file);
		for (size_t j = 0; j < folder->names_n; j++)
			if (folder->names[j].link)
				copy_link(f, folder, folder->names[j].name);
	}
	for (size_t i = 0; i < f->d->files_n; i++)
		if (f->d->files[i].kind == DRIVER_LIBRARY)
			add_missing_soname(f, &f->d->files[i]);
}
