/* SPDX-License-Identifier: Apache-2.0 */
/* What belongs to the driver besides its libraries: rows of names, and where each kind is looked
 * for. */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cdi/driver_parts.h"

enum {
	SCREEN = CAP_GRAPHICS | CAP_DISPLAY,
	FIRMWARE_PATH_MAX = 4096,
	CONFIG_FOLDERS_MAX = 16, /* of a user's own */
};

static const struct {
	const char *name;
	unsigned int caps;
} programs[] = {
	{"nvidia-smi", CAP_UTILITY},
	{"nvidia-debugdump", CAP_UTILITY},
	{"nvidia-persistenced", CAP_UTILITY},
	{"nvidia-cuda-mps-control", CAP_COMPUTE},
	{"nvidia-cuda-mps-server", CAP_COMPUTE},
	{"nvidia-imex", CAP_ALL},
	{"nvidia-imex-ctl", CAP_ALL},
	{"nvidia-xconfig", SCREEN},
};

/* A folder that many names are looked for in: one look at a name tells that it is not there. */
struct place {
	const char *path;
	int fd; /* -1: there is no such folder */
};

static void place_open(struct finder *f, struct place *p, const char *path)
{
	*p = (struct place){.path = path, .fd = find_open(f, path, O_PATH | O_DIRECTORY)};
}

static void places_close(struct place *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fd_closep(&p[i].fd);
}

/* The first component of name is there. */
static bool place_may_have(const struct place *p, const char *name)
{
	char first[NAME_MAX + 1];
	size_t n = strcspn(name, "/");
	struct stat st;

	if (p->fd < 0 || n > NAME_MAX)
		return false;
	memcpy(first, name, n);
	first[n] = '\0';
	return fstatat(p->fd, first, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The file of that name in a folder, its path for the container in *ret_at; NULL: none. */
static const char *place_file(struct finder *f, const struct place *p, const char *name,
			      struct stat *st, const char **ret_at)
{
	const char *path;

	if (!place_may_have(p, name))
		return NULL;
	*ret_at = arena_fmt(&f->d->arena, "%s/%s", str_eq(p->path, "/") ? "" : p->path, name);
	path = find_place(f, *ret_at, st);
	return path && S_ISREG(st->st_mode) ? path : NULL;
}

void find_programs(struct finder *f)
{
	static const char *const folders[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
					      "/usr/bin",	 "/sbin",	   "/bin"};
	struct place places[COUNT(folders)];
	size_t n = 0;
	struct stat st;

	/* Of a merged /usr the short names are links: everything is found by the long ones. */
	for (size_t j = 0; j < COUNT(folders); j++) {
		find_seen(f, folders[j], false);
		if (fstatat(f->q->root->fd, below(folders[j]), &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISLNK(st.st_mode))
			place_open(f, &places[n++], folders[j]);
	}
	for (size_t i = 0; i < COUNT(programs); i++) {
		const char *path = NULL;
		const char *at = NULL;

		if (!(programs[i].caps & f->q->caps) ||
		    (f->q->flags & DRIVER_NO_CONFIG && programs[i].caps == SCREEN))
			continue;
		for (size_t j = 0; j < n && !path; j++) {
			path = place_file(f, &places[j], programs[i].name, &st, &at);
			if (path)
				find_seen(f, path, true);
			if (path && !(st.st_mode & 0111))
				path = NULL;
		}
		if (path)
			driver_add_file(f->d, &(struct driver_file){.kind = DRIVER_PROGRAM,
								    .caps = programs[i].caps,
								    .path = path,
								    .at = at});
	}
	places_close(places, n);
}

/* Relative to the folders of configuration; where a container wants them. %s: the version. */
static const struct {
	const char *name;
	const char *at;
	unsigned int caps;
	bool in_root; /* the root itself may have it, as on GKE */
} configs[] = {
	{"glvnd/egl_vendor.d/10_nvidia.json", "/usr/share", SCREEN},
	{"egl/egl_external_platform.d/15_nvidia_gbm.json", "/usr/share", SCREEN},
	{"egl/egl_external_platform.d/10_nvidia_wayland.json", "/usr/share", SCREEN},
	{"egl/egl_external_platform.d/09_nvidia_wayland2.json", "/usr/share", SCREEN},
	{"egl/egl_external_platform.d/20_nvidia_xcb.json", "/usr/share", SCREEN},
	{"egl/egl_external_platform.d/20_nvidia_xlib.json", "/usr/share", SCREEN},
	{"nvidia/nvoptix.bin", "/usr/share", SCREEN},
	{"nvidia/nvidia-application-profiles-%s-rc", "/usr/share", SCREEN},
	{"X11/xorg.conf.d/10-nvidia.conf", "/usr/share", SCREEN},
	{"X11/xorg.conf.d/nvidia-drm-outputclass.conf", "/usr/share", SCREEN},
	{"OpenCL/vendors/nvidia.icd", "/etc", CAP_COMPUTE | CAP_VIDEO},
	{"vulkan/icd.d/nvidia_icd.json", "/etc", SCREEN, true},
	{"vulkan/icd.d/nvidia_icd.x86_64.json", "/etc", SCREEN, true},
	{"vulkan/icd.d/nvidia_icd.aarch64.json", "/etc", SCREEN, true},
	{"vulkan/icd.d/nvidia_layers.json", "/etc", SCREEN, true},
	{"vulkan/implicit_layer.d/nvidia_layers.json", "/etc", SCREEN, true},
};

void find_configs(struct finder *f)
{
	static const char *const usual[] = {"/etc", "/usr/local/share", "/usr/share", NULL};
	const char *const *folders = f->q->config_paths ? f->q->config_paths : usual;
	struct arena *a = &f->d->arena;
	struct place places[CONFIG_FOLDERS_MAX];
	struct place top;
	size_t n = 0;

	for (; folders[n] && n < COUNT(places); n++)
		place_open(f, &places[n], folders[n]);
	place_open(f, &top, "/");
	for (size_t i = 0; i < COUNT(configs); i++) {
		const char *name = arena_fmt(a, configs[i].name, f->d->version);
		const char *path = NULL;
		const char *found_at;
		struct stat st;

		if (!(configs[i].caps & f->q->caps))
			continue;
		for (size_t j = 0; j < n && !path; j++)
			path = place_file(f, &places[j], name, &st, &found_at);
		if (!path && configs[i].in_root)
			path = place_file(f, &top, name, &st, &found_at);
		if (path)
			driver_add_file(f->d,
					&(struct driver_file){
						.kind = DRIVER_CONFIG,
						.caps = configs[i].caps,
						.path = path,
						.at = arena_fmt(a, "%s/%s", configs[i].at, name)});
	}
	places_close(places, n);
	places_close(&top, 1);
}

/* A module of the X server, in the first of the folders that has it. */
static void add_xorg(struct finder *f, const char *const *folders, const char *name,
		     const char *link)
{
	static const char debian[] = "/usr/lib/nvidia/current";
	struct arena *a = &f->d->arena;
	struct stat st;

	for (; *folders; folders++) {
		const char *at = arena_fmt(a, "%s/%s", *folders, name);
		const char *path = find_place(f, at, &st);

		if (!path || !S_ISREG(st.st_mode))
			continue;
		/* No server looks there. */
		if (str_eq(*folders, debian))
			at = arena_fmt(a, "/usr/lib/xorg/modules/extensions/%s", name);
		driver_add_file(f->d, &(struct driver_file){.kind = DRIVER_CONFIG,
							    .caps = SCREEN,
							    .path = path,
							    .at = at});
		if (link)
			driver_add_link(
				f->d, SCREEN, name,
				arena_fmt(a, "%.*s%s", (int)(strlen(at) - strlen(name)), at, link));
		return;
	}
}

void find_xorg(struct finder *f)
{
	static const char *const below_driver[] = {
		"nvidia/xorg", "xorg/modules/drivers", "xorg/modules/updates/drivers",
		"xorg/modules/extensions", "xorg/modules/updates/extensions"};
	static const char *const bases[] = {"/usr/lib/xorg", "/usr/lib64/xorg", "/usr/X11R6/lib",
					    "/usr/X11R6/lib64"};
	struct arena *a = &f->d->arena;
	struct cdi_texts folders = {0};
	struct stat st;

	if (!(f->q->caps & SCREEN))
		return;
	/* Few machines with a GPU have an X server: its folder first, then what is in it. */
	for (size_t i = 0; i < f->d->folders.n; i++) {
		const char *in = f->d->folders.v[i];
		bool plain = find_place(f, arena_fmt(a, "%s/%s", in, below_driver[0]), &st);
		bool xorg = find_place(f, arena_fmt(a, "%s/xorg/modules", in), &st);

		for (size_t j = 0; j < COUNT(below_driver); j++)
			if (j ? xorg : plain)
				cdi_add_text(a, &folders,
					     arena_fmt(a, "%s/%s", in, below_driver[j]));
	}
	for (size_t i = 0; i < COUNT(bases); i++)
		if (find_place(f, arena_fmt(a, "%s/modules", bases[i]), &st))
			for (size_t j = 1; j < COUNT(below_driver); j++)
				cdi_add_text(a, &folders,
					     arena_fmt(a, "%s/%s", bases[i],
						       below_driver[j] + strlen("xorg/")));
	if (find_place(f, "/usr/lib/nvidia/current", &st))
		cdi_add_text(a, &folders, "/usr/lib/nvidia/current");
	if (!folders.n)
		return;
	add_xorg(f, folders.v, "nvidia_drv.so", NULL);
	add_xorg(f, folders.v, arena_fmt(a, "libglxserver_nvidia.so.%s", f->d->version),
		 "libglxserver_nvidia.so");
}

/* All gsp*.bin of a folder; false when it has none. */
static bool add_firmware(struct finder *f, const char *folder)
{
	const char *path = arena_fmt(&f->d->arena, "%s/nvidia/%s", folder, f->d->version);
	CLEANUP(fd_closep) int fd = find_open(f, path, O_RDONLY | O_DIRECTORY);
	CLEANUP(strs_fini) struct strs names = {0};
	struct err ignored = {0};
	bool found = false;

	if (fd < 0 || dir_list(fd, ".", &names, &ignored) < 0)
		return false;
	for (size_t i = 0; i < names.n; i++) {
		const char *at = arena_fmt(&f->d->arena, "%s/%s", path, names.v[i]);
		const char *real;
		struct stat st;

		if (!str_starts(names.v[i], "gsp") || !str_ends(names.v[i], ".bin"))
			continue;
		real = find_place(f, at, &st);
		if (!real || !S_ISREG(st.st_mode))
			continue;
		driver_add_file(f->d, &(struct driver_file){.kind = DRIVER_FIRMWARE,
							    .caps = CAP_ALL,
							    .path = real,
							    .at = at});
		found = true;
	}
	return found;
}

void find_firmware(struct finder *f)
{
	struct arena *a = &f->d->arena;
	CLEANUP(freep) char *set = NULL;
	struct err ignored = {0};
	struct utsname u = {0};

	(void)uname(&u);
	if (root_read(f->q->root, "/sys/module/firmware_class/parameters/path", FIRMWARE_PATH_MAX,
		      &set, &ignored) == 0) {
		set[strcspn(set, "\n")] = '\0';
		if (set[0] == '/' && add_firmware(f, set))
			return;
	}
	(void)(add_firmware(f, arena_fmt(a, "/lib/firmware/updates/%s", u.release)) ||
	       add_firmware(f, "/lib/firmware/updates") ||
	       add_firmware(f, arena_fmt(a, "/lib/firmware/%s", u.release)) ||
	       add_firmware(f, "/lib/firmware"));
}

void find_sockets(struct finder *f)
{
	static const struct {
		const char *paths[2];
		unsigned int caps;
	} sockets[] = {
		{{"/run/nvidia-persistenced/socket", "/var/run/nvidia-persistenced/socket"},
		 CAP_UTILITY},
		{{"/run/nvidia-fabricmanager/socket", "/var/run/nvidia-fabricmanager/socket"},
		 CAP_UTILITY},
		{{"/tmp/nvidia-mps"}, CAP_COMPUTE},
	};
	struct stat st;

	for (size_t i = 0; i < COUNT(sockets); i++) {
		if (!(sockets[i].caps & f->q->caps))
			continue;
		for (size_t j = 0; j < COUNT(sockets[i].paths) && sockets[i].paths[j]; j++) {
			const char *path = find_place(f, sockets[i].paths[j], &st);

			/* What somebody else leaves in /tmp under that name is no folder of MPS. */
			if (!path || !(S_ISSOCK(st.st_mode) || S_ISDIR(st.st_mode)))
				continue;
			driver_add_file(f->d, &(struct driver_file){.kind = DRIVER_SOCKET,
								    .caps = sockets[i].caps,
								    .path = path,
								    .at = sockets[i].paths[j]});
			break;
		}
	}
}
