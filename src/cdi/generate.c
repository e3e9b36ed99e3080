/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: a mode is a row whose function makes devices and what they have in common. Then,
 * the same for all modes: hooks are made of what is to be done inside the container, lists are
 * sorted, the device "all" is the sum of the others, and the version is the lowest that holds it.
 */
#include "cdi/generate.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/version.h"
#include "cdi/generate_parts.h"

const char *const cdi_mode_names[] = {"auto",  "nvml",	  "wsl",      "csv",  "management", "gds",
				      "mofed", "gdrcopy", "nvswitch", "imex", "vfio",	    NULL};

/* Each mode has a kind of its own, so that two files never say the same name. */
static const struct {
	const char *vendor;
	const char *class_;
	mode_fn *make;
} modes[] = {
	[CDI_MODE_NVML] = {"nvidia.com", "gpu", make_nvml},
	[CDI_MODE_WSL] = {"nvidia.com", "gpu", make_wsl},
	[CDI_MODE_CSV] = {"nvidia.com", "gpu", make_csv},
	[CDI_MODE_MANAGEMENT] = {"management.nvidia.com", "gpu", make_management},
	[CDI_MODE_GDS] = {"nvidia.com", "gds", make_gds},
	[CDI_MODE_MOFED] = {"nvidia.com", "mofed", make_mofed},
	[CDI_MODE_GDRCOPY] = {"nvidia.com", "gdrcopy", make_gdrcopy},
	[CDI_MODE_NVSWITCH] = {"nvidia.com", "nvswitch", make_nvswitch},
	[CDI_MODE_IMEX] = {"nvidia.com", "imex-channel", make_imex},
	[CDI_MODE_VFIO] = {"nvidia.com", "vfio", make_vfio},
};

struct making_device *make_device(struct maker *m, const char *name)
{
	if (m->devices_n == m->devices_room) {
		size_t room = m->devices_room ? 2 * m->devices_room : 16;
		struct making_device *more = arena_alloc(m->a, room * sizeof(*more));

		if (m->devices_n)
			memcpy(more, m->devices, m->devices_n * sizeof(*more));
		m->devices = more;
		m->devices_room = room;
	}
	m->devices[m->devices_n] = (struct making_device){.name = arena_str(m->a, name)};
	return &m->devices[m->devices_n++];
}

bool make_node(struct maker *m, struct cdi_edits *edits, const char *path)
{
	enum { READ_WRITE_ALL = 06 };
	struct cdi_node *n;
	struct stat st;

	if (fstatat(m->dev->fd, below(path), &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISCHR(st.st_mode))
		return false;
	n = cdi_add_node(m->a, edits);
	n->path = arena_str(m->a, path);
	if (*m->dev_prefix)
		n->host_path = arena_fmt(m->a, "%s%s", m->dev_prefix, path);
	n->major = major(st.st_rdev);
	n->minor = minor(st.st_rdev);
	n->mode = st.st_mode & 0777;
	n->permissions = "rwm";
	if (st.st_gid)
		n->gid = st.st_gid;
	if (st.st_gid && (st.st_mode & READ_WRITE_ALL) != READ_WRITE_ALL &&
	    !(m->g->flags & GEN_NO_GIDS))
		cdi_add_gid(m->a, edits, st.st_gid);
	return true;
}

void make_mount(struct maker *m, struct cdi_edits *edits, const char *path, const char *at,
		bool socket)
{
	static const char *file[] = {"ro", "nosuid", "nodev", "rbind", "rprivate", NULL};
	static const char *folder[] = {"nosuid", "nodev", "rbind", "rprivate", "noexec", NULL};
	struct cdi_mount *mount = cdi_add_mount(m->a, edits);

	mount->host_path = *m->driver_prefix ? arena_fmt(m->a, "%s%s", m->driver_prefix, path)
					     : arena_str(m->a, path);
	mount->container_path = arena_str(m->a, at);
	mount->options = (struct cdi_texts){.v = socket ? folder : file, .n = 5};
}

bool make_found(struct maker *m, struct cdi_edits *edits, const char *path, bool socket)
{
	enum { PATH_LEN_MAX = 4096 };
	CLEANUP(fd_closep) int fd = rootfs_try(m->g->driver->fd, path, O_PATH, 0);
	size_t skip = strlen(m->driver_prefix);
	char real[PATH_LEN_MAX];
	char link[64];
	ssize_t n;

	if (fd < 0)
		return false;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = *m->driver_prefix ? readlink(link, real, sizeof(real) - 1) : 0;
	real[n > 0 ? n : 0] = '\0';
	if (skip && strncmp(real, m->driver_prefix, skip) == 0 && real[skip] == '/')
		make_mount(m, edits, real + skip, path, socket);
	else
		make_mount(m, edits, path, path, socket);
	return true;
}

void make_list(struct maker *m, const char *folder, struct strs *ret)
{
	CLEANUP(fd_closep) int fd = -1;
	struct err ignored = {0};

	if (str_eq(m->dev->path, "/"))
		fd = openat(m->dev->fd, below(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	else if (rootfs_open(m->dev->fd, folder, O_RDONLY | O_DIRECTORY, 0, &fd, &ignored) < 0)
		return;
	if (fd >= 0 && dir_list(fd, ".", ret, &ignored) < 0)
		return;
}

void make_env(struct maker *m, const char *text)
{
	cdi_add_text(m->a, &m->common.env, text);
}

int make_driver(struct maker *m, unsigned int flags, struct err *e)
{
	const struct driver_query q = {
		.root = m->g->driver,
		.loaded = m->g->host->driver,
		.caps = m->caps,
		.flags = flags | (m->g->flags & GEN_EXPLICIT_LIBS ? DRIVER_EXPLICIT_LIBS : 0) |
			 (m->g->flags & GEN_NO_IPC ? DRIVER_NO_IPC : 0),
		.config_paths = m->g->config_search_paths,
		.library_paths = m->g->library_search_paths,
		.cache = m->g->cache,
	};
	struct driver *d = &m->driver;
	CLEANUP(buf_fini) struct buf folders = {0};

	if (driver_read(&q, d, m->notes, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < d->files_n; i++) {
		const struct driver_file *f = &d->files[i];
		const char *slash = strrchr(f->at, '/');

		make_mount(m, &m->common, f->path, f->at, f->kind == DRIVER_SOCKET);
		if (f->kind != DRIVER_LIBRARY)
			continue;
		for (size_t j = 0; slash && j < m->tree.folders.n; j++)
			if (strncmp(m->tree.folders.v[j], f->at, (size_t)(slash - f->at)) == 0 &&
			    !m->tree.folders.v[j][slash - f->at])
				slash = NULL;
		if (slash)
			cdi_add_text(m->a, &m->tree.folders,
				     arena_strn(m->a, f->at, (size_t)(slash - f->at)));
	}
	for (size_t i = 0; i < d->links_n; i++)
		(void)tree_add_link(m->a, &m->tree, arena_str(m->a, d->links[i].target),
				    arena_str(m->a, d->links[i].at));
	m->tree.compat_driver = arena_str(m->a, d->version);
	buf_str(&folders, "NVIDIA_CTK_LIBCUDA_DIR=");
	for (size_t i = 0; i < d->folders.n; i++)
		buf_fmt(&folders, "%s%s", i ? ":" : "", d->folders.v[i]);
	make_env(m, folders.data);
	return 0;
}

static size_t depth(const char *path)
{
	size_t n = 0;

	for (; *path; path++)
		n += *path == '/';
	return n;
}

static int by_depth(const char *a, const char *b)
{
	size_t x = depth(a);
	size_t y = depth(b);

	return x != y ? (x < y ? -1 : 1) : strcmp(a, b);
}

static int node_order(const void *a, const void *b)
{
	return by_depth(((const struct cdi_node *)a)->path, ((const struct cdi_node *)b)->path);
}

static int mount_order(const void *a, const void *b)
{
	return by_depth(((const struct cdi_mount *)a)->container_path,
			((const struct cdi_mount *)b)->container_path);
}

void make_sort(struct cdi_edits *edits)
{
	if (edits->nodes_n)
		qsort(edits->nodes, edits->nodes_n, sizeof(*edits->nodes), node_order);
	if (edits->mounts_n)
		qsort(edits->mounts, edits->mounts_n, sizeof(*edits->mounts), mount_order);
}

static int device_order(const void *a, const void *b)
{
	return strcmp(((const struct making_device *)a)->name,
		      ((const struct making_device *)b)->name);
}

/* One that has nothing would be no device to a reader of the specification. */
static void drop_empty(struct maker *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->devices_n; i++) {
		struct making_device *d = &m->devices[i];

		make_hooks(m, &d->edits, &d->tree);
		if (cdi_edits_empty(&d->edits))
			continue;
		make_sort(&d->edits);
		m->devices[n++] = *d;
	}
	m->devices_n = n;
	if (n)
		qsort(m->devices, n, sizeof(*m->devices), device_order);
}

/* The sum of all devices. One hook does what theirs do. */
static void add_all(struct maker *m)
{
	size_t n = m->devices_n;
	struct making_device *all;

	if (!n || m->without_all || m->g->flags & GEN_NO_ALL)
		return;
	for (size_t i = 0; i < n; i++)
		if (str_eq(m->devices[i].name, "all"))
			return;
	all = make_device(m, "all");
	for (size_t i = 0; i < n; i++) {
		struct cdi_edits plain = m->devices[i].edits;

		plain.hooks_n = m->g->flags & GEN_PEER_HOOKS ? plain.hooks_n : 0;
		cdi_edits_add(m->a, &all->edits, &plain);
		make_tree_add(m, &all->tree, &m->devices[i].tree);
	}
	if (!(m->g->flags & GEN_PEER_HOOKS))
		make_hooks(m, &all->edits, &all->tree);
	make_sort(&all->edits);
}

static void without_gids(struct maker *m)
{
	m->common.gids_n = 0;
	for (size_t i = 0; i < m->devices_n; i++)
		m->devices[i].edits.gids_n = 0;
}

static void without_digits(struct maker *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->devices_n; i++)
		if (m->devices[i].name[0] < '0' || m->devices[i].name[0] > '9')
			m->devices[n++] = m->devices[i];
	m->devices_n = n;
}

static void without_annotations(struct maker *m)
{
	for (size_t i = 0; i < m->devices_n; i++)
		m->devices[i].annotations.n = 0;
}

static bool is_below(const char *max, const char *version)
{
	struct version a = version_in(max);
	struct version b = version_in(version);

	return version_compare(&a, &b) < 0;
}

/* Leave out what the readers do not understand, and say so. */
static void fit(struct maker *m)
{
	static const struct {
		const char *since;
		void (*drop)(struct maker *m);
		const char *note;
	} rows[] = {
		{"0.7.0", without_gids,
		 N_("groups of device nodes (additionalGids) are left out: they need CDI 0.7.0, "
		    "the "
		    "installed engines read %s; users who are no member cannot open such nodes")},
		{"0.6.0", without_annotations,
		 N_("annotations are left out: they need CDI 0.6.0, the installed engines read "
		    "%s")},
		{"0.5.0", without_digits,
		 N_("names that begin with a digit are left out: they need CDI 0.5.0, the "
		    "installed "
		    "engines read %s")},
	};

	for (size_t i = 0; m->g->max_version && i < COUNT(rows); i++) {
		bool gids = m->common.gids_n;
		bool notes = false;
		bool digits = false;

		if (!is_below(m->g->max_version, rows[i].since))
			continue;
		for (size_t j = 0; j < m->devices_n; j++) {
			gids |= m->devices[j].edits.gids_n > 0;
			notes |= m->devices[j].annotations.n > 0;
			digits |= m->devices[j].name[0] >= '0' && m->devices[j].name[0] <= '9';
		}
		if (!(i == 0 ? gids : i == 1 ? notes : digits))
			continue;
		rows[i].drop(m);
		strs_fmt(m->notes, tr(rows[i].note), m->g->max_version);
	}
}

static int finish(struct maker *m, struct cdi_spec *s, struct err *e)
{
	const char *why = NULL;

	s->edits = m->common;
	for (size_t i = 0; i < m->devices_n; i++) {
		struct cdi_device *d = cdi_add_device(s, m->devices[i].name);

		d->edits = m->devices[i].edits;
		d->annotations = m->devices[i].annotations;
	}
	s->version = cdi_version_needed(s, &why);
	if (m->g->max_version && is_below(m->g->max_version, s->version))
		return err_set(
			e, ERR_UNSAT,
			"the specification needs CDI %s for %s, but %s is the newest that is "
			"read",
			s->version, why, m->g->max_version);
	if (!s->devices_n)
		return err_set(e, ERR_ABSENT, "there is no device to describe");
	if (cdi_spec_check(s, e) < 0)
		return err_wrap(e, "cannot describe this machine");
	return 0;
}

static enum cdi_mode choose_mode(const struct cdi_generate *g)
{
	if (g->mode != CDI_MODE_AUTO)
		return g->mode;
	if (g->host->wsl)
		return CDI_MODE_WSL;
	/* A board with a card in it has the ordinary driver, too. */
	if (g->host->tegra && !g->host->gpus_n)
		return CDI_MODE_CSV;
	return CDI_MODE_NVML;
}

static const char *prefix_of(const struct root *r)
{
	return str_eq(r->path, "/") ? "" : r->path;
}

static void maker_fini(struct maker *m)
{
	driver_fini(&m->driver);
}

int cdi_generate(const struct cdi_generate *g, struct cdi_spec *ret, struct strs *notes,
		 struct err *e)
{
	enum cdi_mode mode = choose_mode(g);
	const struct root *dev = g->dev ? g->dev : g->driver;
	CLEANUP(maker_fini)
	struct maker m = {
		.g = g,
		.dev = dev,
		.driver_prefix = prefix_of(g->driver),
		.dev_prefix = prefix_of(dev),
		.caps = g->caps ? g->caps : CAP_ALL & ~CAP_COMPAT32,
		.a = &ret->arena,
		.notes = notes,
	};

	if (modes[mode].make(&m, e) < 0)
		return -(int)e->code;
	/* A shim of NVIDIA's below this container must not add the GPU again. */
	make_env(&m, "NVIDIA_VISIBLE_DEVICES=void");
	make_hooks(&m, &m.common, &m.tree);
	make_sort(&m.common);
	drop_empty(&m);
	add_all(&m);
	fit(&m);
	ret->kind = arena_fmt(&ret->arena, "%s/%s", g->vendor ? g->vendor : modes[mode].vendor,
			      g->class_ ? g->class_ : modes[mode].class_);
	return finish(&m, ret, e);
}
