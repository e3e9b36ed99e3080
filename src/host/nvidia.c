/* SPDX-License-Identifier: Apache-2.0 */
#include "host/nvidia.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/str.h"
#include "host/nvidia_parts.h"

int nv_open(const struct root *r, const char *path, int flags)
{
	int fd = -1;
	struct err e;

	if (str_eq(r->path, "/"))
		return openat(r->fd, below(path), flags | O_CLOEXEC);
	if (rootfs_open(r->fd, path, flags, 0, &fd, &e) < 0) {
		errno = e.sys;
		return -1;
	}
	return fd;
}

static ssize_t read_start(int fd, char *ret, size_t size)
{
	size_t n = 0;

	while (n + 1 < size) {
		ssize_t got = read(fd, ret + n, size - 1 - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	ret[n] = '\0';
	return (ssize_t)n;
}

ssize_t nv_read(int dir, const char *path, char *ret, size_t size)
{
	CLEANUP(fd_closep) int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);

	ret[0] = '\0';
	return fd < 0 ? -1 : read_start(fd, ret, size);
}

ssize_t nv_read_root(const struct root *r, const char *path, char *ret, size_t size)
{
	CLEANUP(fd_closep) int fd = nv_open(r, path, O_RDONLY);

	ret[0] = '\0';
	return fd < 0 ? -1 : read_start(fd, ret, size);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void nv_names(int dir, const char *path, struct strs *ret)
{
	int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *ent;

	if (!d) {
		fd_closep(&fd);
		return;
	}
	while ((ent = readdir(d)))
		if (ent->d_name[0] != '.')
			strs_add(ret, ent->d_name);
	(void)closedir(d);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_name);
}

bool nv_module_version(const struct root *r, char ret[NV_VERSION_LEN])
{
	char text[NV_SMALL];

	if (nv_read_root(r, "/sys/module/nvidia/version", text, sizeof(text)) > 0 &&
	    nv_parse_version(text, ret))
		return true;
	/* Containers without /sys, and modules that a distribution renamed. */
	return nv_read_root(r, "/proc/driver/nvidia/version", text, sizeof(text)) > 0 &&
	       nv_parse_version(text, ret);
}

/* Domains may have more digits than others; the rest has a fixed width. */
static int by_address(const void *a, const void *b)
{
	const char *x = *(char *const *)a;
	const char *y = *(char *const *)b;
	size_t n = strcspn(x, ":");
	size_t m = strcspn(y, ":");

	if (n != m)
		return n < m ? -1 : 1;
	return strcasecmp(x, y);
}

int nv_addresses(const struct root *r, struct strs *ret)
{
	CLEANUP(fd_closep)
	int gpus = nv_open(r, "/proc/driver/nvidia/gpus", O_RDONLY | O_DIRECTORY);
	CLEANUP(strs_fini) struct strs names = {0};

	if (gpus < 0)
		return -1;
	nv_names(gpus, ".", &names);
	for (size_t i = 0; i < names.n && ret->n < NV_GPUS_MAX; i++)
		if (nv_is_address(names.v[i]))
			strs_add(ret, names.v[i]);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_address);
	return 0;
}

void nv_drm_names(int devices, const char *pci, struct strs *ret)
{
	CLEANUP(strs_fini) struct strs names = {0};
	char path[64];

	if (devices < 0)
		return;
	(void)snprintf(path, sizeof(path), "%.20s/drm", pci);
	nv_names(devices, path, &names);
	for (size_t i = 0; i < names.n && ret->n < NV_DRM_MAX; i++)
		if (nv_numbered(names.v[i], "card") >= 0 || nv_numbered(names.v[i], "renderD") >= 0)
			strs_add(ret, names.v[i]);
}

static const char *const *drm_of(struct arena *a, int devices, const char *pci)
{
	CLEANUP(strs_fini) struct strs names = {0};
	const char **list;

	nv_drm_names(devices, pci, &names);
	list = arena_alloc(a, (names.n + 1) * sizeof(*list));
	for (size_t i = 0; i < names.n; i++)
		list[i] = arena_str(a, names.v[i]);
	return list;
}

static uint32_t hex(const char *s)
{
	uint32_t value = 0;

	if (!str_starts(s, "0x"))
		return 0;
	for (s += 2; *s && strchr("0123456789abcdef", *s); s++)
		value = value << 4 | (uint32_t)(*s <= '9' ? *s - '0' : *s - 'a' + 10);
	return value;
}

static const char *lower(struct arena *a, const char *s)
{
	char *copy = arena_str(a, s);

	for (char *p = copy; *p; p++)
		if (*p >= 'A' && *p <= 'F')
			*p = (char)(*p - 'A' + 'a');
	return copy;
}

struct places {
	int gpus;    /* /proc/driver/nvidia/gpus */
	int devices; /* /sys/bus/pci/devices, -1: containers may have no /sys */
};

/* false: it has gone since its folder was seen. */
static bool read_gpu(struct nvidia *n, const struct places *p, const char *name, int *index,
		     struct nv_gpu *ret, struct err *e)
{
	struct nv_information info;
	char text[NV_SMALL];
	char path[64];

	(void)snprintf(path, sizeof(path), "%.20s/information", name);
	if (nv_read(p->gpus, path, text, sizeof(text)) < 0) {
		if (errno != ENOENT)
			(void)err_sys(e, "cannot read '/proc/driver/nvidia/gpus/%s'", path);
		return false;
	}
	nv_parse_information(text, &info);
	*ret = (struct nv_gpu){
		.pci = lower(&n->arena, name),
		.uuid = info.uuid[0] ? arena_str(&n->arena, info.uuid) : NULL,
		.model = info.model[0] ? arena_str(&n->arena, info.model) : NULL,
		.minor = info.minor,
		.index = info.excluded ? -1 : (*index)++,
	};
	ret->drm = drm_of(&n->arena, p->devices, ret->pci);
	(void)snprintf(path, sizeof(path), "%.20s/device", ret->pci);
	if (p->devices >= 0 && nv_read(p->devices, path, text, sizeof(text)) > 0)
		ret->device_id = hex(text);
	return true;
}

static int read_gpus(const struct root *r, struct nvidia *n, struct err *e)
{
	CLEANUP(strs_fini) struct strs names = {0};
	CLEANUP(fd_closep) int gpus = -1;
	CLEANUP(fd_closep) int devices = -1;
	int index = 0;

	gpus = nv_open(r, "/proc/driver/nvidia/gpus", O_PATH | O_DIRECTORY);
	if (gpus < 0 && errno == ENOENT)
		return 0;
	if (gpus < 0 || nv_addresses(r, &names) < 0)
		return err_sys(e, "cannot read '/proc/driver/nvidia/gpus'");
	devices = nv_open(r, "/sys/bus/pci/devices", O_PATH | O_DIRECTORY);
	n->gpus = arena_alloc(&n->arena, names.n * sizeof(*n->gpus));
	for (size_t i = 0; i < names.n; i++) {
		const struct places p = {.gpus = gpus, .devices = devices};
		struct err failed = {0};

		if (read_gpu(n, &p, names.v[i], &index, &n->gpus[n->gpus_n], &failed)) {
			n->gpus_n++;
		} else if (failed.code) {
			*e = failed;
			return -(int)e->code;
		}
	}
	return 0;
}

static void read_module(const struct root *r, struct nvidia *n)
{
	char version[NV_VERSION_LEN];
	char text[NV_SMALL];
	CLEANUP(freep) char *devices = NULL;
	struct err e;

	if (nv_module_version(r, version))
		n->driver = arena_str(&n->arena, version);
	if (nv_read_root(r, "/proc/driver/nvidia/version", text, sizeof(text)) > 0)
		n->open_module = strstr(text, "Open Kernel Module") != NULL;
	if (nv_read_root(r, "/proc/driver/nvidia/params", text, sizeof(text)) > 0)
		n->modify_device_files = nv_parse_number(text, "ModifyDeviceFiles") == 1;
	if (root_read(r, "/proc/devices", NV_DEVICES, &devices, &e) == 0)
		nv_parse_devices(devices, n->major);
	else
		nv_parse_devices("", n->major);
}

static bool is_tegra(const struct root *r)
{
	char family[64];

	if (root_has(r, "/etc/nv_tegra_release"))
		return true;
	return nv_read_root(r, "/sys/devices/soc0/family", family, sizeof(family)) > 0 &&
	       strncasecmp(family, "tegra", strlen("tegra")) == 0;
}

int nvidia_read(const struct root *r, struct nvidia *ret, struct err *e)
{
	struct nvidia n = {0};

	read_module(r, &n);
	n.wsl = root_has(r, "/dev/dxg");
	n.tegra = is_tegra(r);
	if (read_gpus(r, &n, e) < 0) {
		arena_fini(&n.arena);
		return -(int)e->code;
	}
	nv_read_migs(r, &n);
	*ret = n;
	return 0;
}

void nvidia_fini(struct nvidia *n)
{
	arena_fini(&n->arena);
	*n = (struct nvidia){0};
}
