/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WSL2: Windows has the driver, and shares the folder that it is in, the driver store, below
 * /usr/lib/wsl/drivers. Which of several is in use only Windows knows: the one that was installed
 * last is taken.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/i18n.h"
#include "cdi/generate_parts.h"

static const char lib[] = "/usr/lib/wsl/lib";
static const char drivers[] = "/usr/lib/wsl/drivers";

/* Names in a folder of the driver root, sorted. */
static void list_folder(struct maker *m, const char *path, struct strs *ret)
{
	CLEANUP(fd_closep) int fd = -1;
	struct err ignored = {0};

	if (rootfs_open(m->g->driver->fd, path, O_RDONLY | O_DIRECTORY, 0, &fd, &ignored) < 0 ||
	    dir_list(fd, ".", ret, &ignored) < 0)
		return;
}

static bool stat_file(struct maker *m, const char *path, struct stat *ret)
{
	CLEANUP(fd_closep) int fd = -1;
	struct err ignored = {0};

	return rootfs_open(m->g->driver->fd, path, O_PATH, 0, &fd, &ignored) == 0 &&
	       fstat(fd, ret) == 0 && S_ISREG(ret->st_mode);
}

static const char *find_store(struct maker *m)
{
	CLEANUP(strs_fini) struct strs names = {0};
	const char *best = NULL;
	time_t newest = 0;
	size_t n = 0;

	list_folder(m, drivers, &names);
	for (size_t i = 0; i < names.n; i++) {
		const char *store = arena_fmt(m->a, "%s/%s", drivers, names.v[i]);
		struct stat st;

		if (!stat_file(m, arena_fmt(m->a, "%s/libcuda.so.1.1", store), &st))
			continue;
		n++;
		if (best && st.st_mtime < newest)
			continue;
		best = store;
		newest = st.st_mtime;
	}
	if (n > 1)
		strs_fmt(m->notes, _("Windows has %zu drivers of NVIDIA: that in '%s' is used"), n,
			 best);
	return best;
}

static bool is_wanted(const char *name)
{
	return strstr(name, ".so") || str_ends(name, ".bin") || str_ends(name, ".dll") ||
	       str_eq(name, "nvidia-smi");
}

int make_wsl(struct maker *m, struct err *e)
{
	CLEANUP(strs_fini) struct strs names = {0};
	struct making_device *d = make_device(m, "all");
	const char *dxcore = arena_fmt(m->a, "%s/libdxcore.so", lib);
	const char *store = find_store(m);
	struct stat st;

	if (!make_node(m, &d->edits, "/dev/dxg"))
		return err_set(e, ERR_ABSENT,
			       "there is no '%s': Windows shares no GPU with this machine",
			       "/dev/dxg");
	if (!store) {
		(void)err_set(e, ERR_ABSENT, "no folder below '%s' has NVIDIA's libcuda.so.1.1",
			      drivers);
		return err_hint(e, "install NVIDIA's driver in Windows, then run `wsl --shutdown`");
	}
	if (stat_file(m, dxcore, &st))
		(void)make_found(m, &m->common, dxcore, false);
	list_folder(m, store, &names);
	for (size_t i = 0; i < names.n; i++) {
		const char *path = arena_fmt(m->a, "%s/%s", store, names.v[i]);

		if (is_wanted(names.v[i]) && stat_file(m, path, &st))
			(void)make_found(m, &m->common, path, false);
	}
	if (strs_has(&names, "nvidia-smi"))
		(void)tree_add_link(m->a, &m->tree, arena_fmt(m->a, "%s/nvidia-smi", store),
				    "/usr/bin/nvidia-smi");
	cdi_add_text(m->a, &m->tree.folders, store);
	cdi_add_text(m->a, &m->tree.folders, lib);
	return 0;
}
