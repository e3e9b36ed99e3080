/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: the folders of libraries are listed once each (driver_folders.c) and
 * everything about libraries is decided by names (driver_libs.c); the rest is a few look-ups by
 * name (driver_files.c). On the machine's own root one system call tells of a file; below another
 * root each path is opened with rootfs_open, because Debian's alternatives are absolute links that
 * the kernel would follow on the machine instead.
 */
#include "cdi/driver.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/i18n.h"
#include "cdi/driver_parts.h"

enum { PATH_LEN_MAX = 4096 };

void driver_fini(struct driver *d)
{
	arena_fini(&d->arena);
	*d = (struct driver){0};
}

void driver_add_file(struct driver *d, const struct driver_file *f)
{
	for (size_t i = 0; i < d->files_n; i++)
		if (str_eq(d->files[i].at, f->at))
			return;
	d->files = arena_grow(&d->arena, d->files, d->files_n, sizeof(*d->files));
	d->files[d->files_n++] = *f;
}

void driver_add_link(struct driver *d, unsigned int caps, const char *target, const char *at)
{
	for (size_t i = 0; i < d->links_n; i++)
		if (str_eq(d->links[i].at, at))
			return;
	d->links = arena_grow(&d->arena, d->links, d->links_n, sizeof(*d->links));
	d->links[d->links_n++] = (struct driver_link){.caps = caps, .target = target, .at = at};
}

int find_open(struct finder *f, const char *path, int flags)
{
	find_seen(f, path, false);
	if (f->live)
		return openat(f->q->root->fd, below(path), flags | O_CLOEXEC);
	return rootfs_try(f->q->root->fd, path, flags, 0);
}

const char *find_path_of(struct finder *f, int fd)
{
	char link[64];
	char path[PATH_LEN_MAX];
	size_t skip = strlen(f->prefix);
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0)
		return NULL;
	path[n] = '\0';
	if (strncmp(path, f->prefix, skip) != 0 || (path[skip] != '/' && path[skip]))
		return NULL;
	return arena_str(&f->d->arena, path[skip] ? path + skip : "/");
}

const char *find_real(struct finder *f, const char *path, struct stat *ret)
{
	CLEANUP(fd_closep) int fd = find_open(f, path, O_PATH);
	const char *real;

	if (fd < 0 || fstat(fd, ret) < 0)
		return NULL;
	real = find_path_of(f, fd);
	return real ? real : arena_str(&f->d->arena, path);
}

const char *find_place(struct finder *f, const char *path, struct stat *ret)
{
	if (!f->live)
		return find_real(f, path, ret);
	find_seen(f, path, false);
	return fstatat(f->q->root->fd, below(path), ret, 0) == 0 ? arena_str(&f->d->arena, path)
								 : NULL;
}

static void finder_fini(struct finder *f)
{
	for (size_t i = 0; i < f->folders_n; i++)
		fd_closep(&f->folders[i].fd);
	freep(&f->prefix);
	strs_fini(&f->seen);
}

static void finder_init(struct finder *f, const struct driver_query *q, struct driver *d,
			struct strs *notes)
{
	char path[PATH_LEN_MAX];
	char link[64];
	ssize_t n;

	*f = (struct finder){.q = q, .d = d, .notes = notes, .live = str_eq(q->root->path, "/")};
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", q->root->fd);
	n = f->live ? 0 : readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	f->prefix = str_dup(str_eq(path, "/") ? "" : path);
}

/* Parts without which a container would not find its GPU. */
static void note_missing(struct finder *f)
{
	static const struct {
		const char *name;
		unsigned int caps;
		const char *note;
	} parts[] = {
		{"libcuda.so.", CAP_COMPUTE,
		 N_("libcuda.so.%s is missing: CUDA programs will not find the driver")},
		{"libnvidia-ml.so.", CAP_UTILITY,
		 N_("libnvidia-ml.so.%s is missing: nvidia-smi will not work")},
		{"libnvidia-ptxjitcompiler.so.", CAP_COMPUTE,
		 N_("libnvidia-ptxjitcompiler.so.%s is missing: programs with PTX code will fail")},
	};

	for (size_t i = 0; i < COUNT(parts); i++) {
		bool found = !(parts[i].caps & f->q->caps);

		for (size_t j = 0; j < f->d->files_n && !found; j++) {
			const char *slash = strrchr(f->d->files[j].path, '/');

			found = slash && str_starts(slash + 1, parts[i].name);
		}
		if (!found)
			strs_fmt(f->notes, tr(parts[i].note), f->d->version);
	}
}

static int find_files(struct finder *f, struct err *e)
{
	time_t started = time(NULL);
	size_t noted = f->notes->n;

	if (find_version(f, e) < 0)
		return -(int)e->code;
	find_libraries(f);
	find_library_links(f);
	if (!(f->q->flags & DRIVER_NO_CONFIG)) {
		find_configs(f);
		find_xorg(f);
	}
	find_programs(f);
	find_firmware(f);
	note_missing(f);
	/* What is odd is to be said each time. */
	if (f->notes->n == noted)
		driver_keep(f, started);
	return 0;
}

int driver_read(const struct driver_query *q, struct driver *ret, struct strs *notes, struct err *e)
{
	CLEANUP(finder_fini) struct finder f = {0};

	finder_init(&f, q, ret, notes);
	if (!driver_kept(&f) && find_files(&f, e) < 0)
		return -(int)e->code;
	if (!(q->flags & DRIVER_NO_IPC))
		find_sockets(&f);
	return 0;
}
