/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a driver can be half there: the bus, the module, the nodes and the libraries, each compared
 * with the others.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/str.h"
#include "host/finding.h"
#include "host/nvidia_parts.h"
#include "host/nvml.h"
#include "host/pci.h"

struct looking {
	const struct root *r;
	const struct nvidia *n;
	struct findings *f;
	int dev; /* /dev, or -1 */
	bool recorded;
	mode_t mode; /* of nodes, as the module's parameters want them */
	uid_t uid;
	gid_t gid;
};

/* Which versions of the driver's libraries lie where the loader looks. */
struct libraries {
	struct strs versions;
	bool cuda;
	bool ml;
	bool linux_driver; /* outside /usr/lib/wsl */
};

static void look_into(const struct root *r, const char *folder, struct libraries *l)
{
	static const struct {
		const char *prefix;
		size_t at;
	} wanted[] = {
		{"libcuda.so.", offsetof(struct libraries, cuda)},
		{"libnvidia-ml.so.", offsetof(struct libraries, ml)},
	};
	CLEANUP(fd_closep) int fd = nv_open(r, folder, O_RDONLY | O_DIRECTORY);
	CLEANUP(strs_fini) struct strs names = {0};

	if (fd < 0)
		return;
	nv_names(fd, ".", &names);
	for (size_t i = 0; i < names.n; i++) {
		for (size_t j = 0; j < COUNT(wanted); j++) {
			char version[NV_VERSION_LEN];
			const char *rest = names.v[i] + strlen(wanted[j].prefix);

			if (!str_starts(names.v[i], wanted[j].prefix) ||
			    !nv_parse_version(rest, version) || !str_eq(rest, version))
				continue;
			*(bool *)((char *)l + wanted[j].at) = true;
			if (!strs_has(&l->versions, version))
				strs_add(&l->versions, version);
		}
	}
}

static void look_for_libraries(const struct root *r, struct libraries *l)
{
	static const char *const folders[] = {
		"/usr/lib64",
		"/usr/lib/x86_64-linux-gnu",
		"/usr/lib/x86_64-linux-gnu/nvidia/current",
		"/usr/lib/aarch64-linux-gnu",
		"/usr/lib/aarch64-linux-gnu/nvidia/current",
		"/usr/lib",
	};
	struct stat last = {0};

	for (size_t i = 0; i < COUNT(folders); i++) {
		CLEANUP(fd_closep) int fd = nv_open(r, folders[i], O_PATH | O_DIRECTORY);
		struct stat st;

		/* /usr/lib64 may be /usr/lib by another name. */
		if (fd < 0 || fstat(fd, &st) < 0 ||
		    (st.st_dev == last.st_dev && st.st_ino == last.st_ino))
			continue;
		last = st;
		look_into(r, folders[i], l);
	}
	l->linux_driver = l->versions.n > 0;
}

void nv_library_versions(const struct root *r, struct strs *ret)
{
	struct libraries l = {0};

	look_for_libraries(r, &l);
	*ret = l.versions;
}

static void compare_versions(const struct looking *k, const struct libraries *l)
{
	const struct strs *v = &l->versions;

	if (v->n > 1)
		finding_add(k->f, "GPU006", v->v[0], v->v[1]);
	if (!k->n->driver)
		return;
	if (v->n && !strs_has(v, k->n->driver))
		finding_add(k->f, "GPU005", v->v[0], k->n->driver);
	if (!l->cuda && l->ml)
		finding_add(k->f, "GPU007", "libcuda.so", "");
	if (!l->ml)
		finding_add(k->f, "GPU007", "libnvidia-ml.so", "");
}

/* The driver that the device is bound to; "" for none. */
static void bound_to(int devices, const char *address, char *ret, size_t size)
{
	char path[64];
	char target[256];
	ssize_t n;
	const char *slash;

	ret[0] = '\0';
	(void)snprintf(path, sizeof(path), "%.20s/driver", address);
	n = readlinkat(devices, path, target, sizeof(target) - 1);
	if (n <= 0)
		return;
	target[n] = '\0';
	slash = strrchr(target, '/');
	(void)snprintf(ret, size, "%s", slash ? slash + 1 : target);
}

static bool pci_text_is(int devices, const char *address, const char *file, const char *prefix)
{
	char path[64];
	char text[32];

	(void)snprintf(path, sizeof(path), "%.20s/%s", address, file);
	return nv_read(devices, path, text, sizeof(text)) > 0 && str_starts(text, prefix);
}

static void look_at_bus(const struct looking *k, const struct libraries *l)
{
	CLEANUP(fd_closep)
	int devices = nv_open(k->r, "/sys/bus/pci/devices", O_RDONLY | O_DIRECTORY);
	CLEANUP(strs_fini) struct strs names = {0};

	if (devices < 0)
		return;
	nv_names(devices, ".", &names);
	for (size_t i = 0; i < names.n; i++) {
		const char *at = names.v[i];
		char driver[64];

		if (!nv_is_address(at) || !pci_text_is(devices, at, "vendor", "0x10de") ||
		    !pci_text_is(devices, at, "class", "0x03"))
			continue;
		bound_to(devices, at, driver, sizeof(driver));
		if (pci_driver_is_nouveau(driver))
			finding_add(k->f, "GPU010", at, driver);
		else if (str_starts(driver, "vfio") || str_eq(driver, "pci-stub"))
			finding_add(k->f, "GPU011", at, driver);
		else if (!k->n->driver)
			finding_add(k->f, l->versions.n ? "GPU008" : "GPU009", at, "");
	}
}

static void repair_node(const struct looking *k, const char *id, const char *path,
			unsigned int major, unsigned int minor)
{
	const struct repair r = {.id = id,
				 .kind = REPAIR_NODE,
				 .path = path,
				 .major = major,
				 .minor = minor,
				 .mode = k->mode,
				 .uid = k->uid,
				 .gid = k->gid};

	finding_repair(k->f, &r);
}

/* One finding stands for all links. */
static void look_at_link(const struct looking *k, const char *name, unsigned int major,
			 unsigned int minor)
{
	char path[64];
	char target[256];
	struct repair r = {.id = "GPU004", .kind = REPAIR_LINK, .path = path, .target = target};

	(void)snprintf(path, sizeof(path), "/dev/char/%u:%u", major, minor);
	if (readlinkat(k->r->fd, below(path), target, sizeof(target)) > 0)
		return;
	(void)snprintf(target, sizeof(target), "../%.60s", name);
	if (!finding_is(k->f, r.id))
		finding_add(k->f, r.id, path, "");
	finding_repair(k->f, &r);
}

/*
 * A node's numbers. A recorded machine has a file in its place: "c 195:0". False: it is something
 * else.
 */
static bool node_numbers(const struct looking *k, const char *name, const struct stat *st,
			 unsigned int *ret_major, unsigned int *ret_minor)
{
	char text[32];
	char *colon;
	uint64_t major;
	uint64_t minor;
	struct err e;

	*ret_major = major(st->st_rdev);
	*ret_minor = minor(st->st_rdev);
	if (!S_ISREG(st->st_mode) || !k->recorded || nv_read(k->dev, name, text, sizeof(text)) <= 0)
		return S_ISCHR(st->st_mode);
	text[strcspn(text, "\n")] = '\0';
	colon = strchr(text, ':');
	if (!colon || !str_starts(text, "c "))
		return false;
	*colon = '\0';
	if (parse_uint(text + 2, UINT32_MAX, "major", &major, &e) < 0 ||
	    parse_uint(colon + 1, UINT32_MAX, "minor", &minor, &e) < 0)
		return false;
	*ret_major = (unsigned int)major;
	*ret_minor = (unsigned int)minor;
	return true;
}

/* links: engines with systemd's cgroups run here. */
static void look_at_node(const struct looking *k, const char *name, int major, unsigned int minor,
			 bool links)
{
	struct stat st;
	char path[64];
	char numbers[48];
	unsigned int now_major;
	unsigned int now_minor;
	/* Displays alone need this one. */
	const char *missing = str_eq(name, "nvidia-modeset") ? "GPU017" : "GPU001";

	if (major < 0)
		return;
	(void)snprintf(path, sizeof(path), "/dev/%.40s", name);
	if (fstatat(k->dev, name, &st, 0) < 0) {
		if (errno != ENOENT)
			return;
		finding_add(k->f, missing, path, "");
		repair_node(k, missing, path, (unsigned int)major, minor);
		if (links)
			look_at_link(k, name, (unsigned int)major, minor);
		return;
	}
	if (!node_numbers(k, name, &st, &now_major, &now_minor) ||
	    now_major != (unsigned int)major || now_minor != minor) {
		(void)snprintf(numbers, sizeof(numbers), "%u:%u", now_major, now_minor);
		finding_add(k->f, "GPU003", path, numbers);
		repair_node(k, "GPU003", path, (unsigned int)major, minor);
		return;
	}
	if (links)
		look_at_link(k, name, (unsigned int)major, minor);
}

static void look_at_gpu_nodes(const struct looking *k, bool links)
{
	struct looking caps = *k;
	char name[64];

	for (size_t i = 0; i < k->n->gpus_n; i++) {
		const struct nv_gpu *g = &k->n->gpus[i];

		if (g->index < 0 || g->minor < 0)
			continue;
		(void)snprintf(name, sizeof(name), "nvidia%d", g->minor);
		look_at_node(k, name, k->n->major[NV_MAJOR_GPU], (unsigned int)g->minor, links);
	}
	caps.mode = 0444; /* DeviceFileMode of MIG's capabilities */
	caps.uid = caps.gid = 0;
	for (size_t i = 0; i < k->n->migs_n; i++) {
		const int minors[] = {k->n->migs[i].gi_minor, k->n->migs[i].ci_minor};

		/* Compute instances stand together: the first looks at what they share. */
		for (size_t j = i && k->n->migs[i - 1].gi_minor == minors[0]; j < 2; j++) {
			(void)snprintf(name, sizeof(name), "nvidia-caps/nvidia-cap%d", minors[j]);
			if (minors[j] >= 0)
				look_at_node(&caps, name, k->n->major[NV_MAJOR_CAPS],
					     (unsigned int)minors[j], links);
		}
	}
}

/* Engines that let systemd make their cgroups. */
static bool needs_links(const struct root *r)
{
	static const char *const engines[] = {"/usr/bin/dockerd", "/usr/bin/containerd",
					      "/usr/bin/podman", "/usr/bin/crio"};

	for (size_t i = 0; i < COUNT(engines); i++)
		if (root_has(r, engines[i]))
			return root_has(r, "/run/systemd/system");
	return false;
}

static void look_at_nodes(const struct looking *k)
{
	/* 255 and 254 of the first major are the control and the mode-setting node. */
	const struct {
		const char *name;
		int major;
		unsigned int minor;
		bool wanted;
	} nodes[] = {
		{"nvidiactl", k->n->major[NV_MAJOR_GPU], 255, true},
		{"nvidia-modeset", k->n->major[NV_MAJOR_GPU], 254,
		 root_has(k->r, "/sys/module/nvidia_modeset")},
		{"nvidia-uvm", k->n->major[NV_MAJOR_UVM], 0, true},
		{"nvidia-uvm-tools", k->n->major[NV_MAJOR_UVM], 1, true},
	};
	bool links = needs_links(k->r);

	if (k->n->major[NV_MAJOR_UVM] < 0)
		finding_add(k->f, "GPU002", "nvidia-uvm", "");
	for (size_t i = 0; i < COUNT(nodes); i++)
		if (nodes[i].wanted)
			look_at_node(k, nodes[i].name, nodes[i].major, nodes[i].minor, links);
	look_at_gpu_nodes(k, links);
}

static bool is_persistent(const struct looking *k, const struct nvml *m)
{
	for (size_t i = 0; m && i < m->gpus_n; i++)
		if (m->gpus[i].persistence != 1)
			m = NULL;
	return (m && m->gpus_n) || root_has(k->r, "/run/nvidia-persistenced/socket") ||
	       root_has(k->r, "/var/run/nvidia-persistenced/socket");
}

static void look_at_gpus(const struct looking *k, const struct nvml *m)
{
	for (size_t i = 0; i < k->n->gpus_n; i++) {
		const struct nv_gpu *g = &k->n->gpus[i];

		if (g->index < 0)
			finding_add(k->f, "GPU013", g->pci, "");
		else if (!g->uuid)
			finding_add(k->f, "GPU014", g->pci, "");
	}
	if (k->n->gpus_n && !is_persistent(k, m))
		finding_add(k->f, "GPU012", "", "");
}

static void look_at_wsl(const struct looking *k, const struct libraries *l)
{
	static const char bridge[] = "/usr/lib/wsl/lib/libdxcore.so";

	if (!root_has(k->r, bridge))
		finding_add(k->f, "GPU015", bridge, "");
	if (l->linux_driver)
		finding_add(k->f, "GPU016", l->versions.v[0], "");
}

/* Who may open the nodes: what the module was told (NVreg_DeviceFile*), else everybody. */
static void read_modes(struct looking *k)
{
	char text[NV_SMALL];
	int mode = -1;
	int uid = -1;
	int gid = -1;

	if (nv_read_root(k->r, "/proc/driver/nvidia/params", text, sizeof(text)) > 0) {
		mode = nv_parse_number(text, "DeviceFileMode");
		uid = nv_parse_number(text, "DeviceFileUID");
		gid = nv_parse_number(text, "DeviceFileGID");
	}
	k->mode = mode > 0 ? (mode_t)mode & 0666 : 0666;
	k->uid = uid > 0 ? (uid_t)uid : 0;
	k->gid = gid > 0 ? (gid_t)gid : 0;
}

void findings_of_driver(const struct root *machine, const struct nvidia *n, const struct nvml *m,
			struct findings *ret)
{
	CLEANUP(fd_closep) int dev = nv_open(machine, "/dev", O_PATH | O_DIRECTORY);
	struct looking k = {.r = machine,
			    .n = n,
			    .f = ret,
			    .dev = dev,
			    .recorded = root_has(machine, "/.recorded")};
	struct libraries l = {0};

	look_for_libraries(machine, &l);
	if (n->wsl) {
		look_at_wsl(&k, &l);
	} else {
		look_at_bus(&k, &l);
		compare_versions(&k, &l);
	}
	if (n->driver) {
		read_modes(&k);
		look_at_nodes(&k);
		look_at_gpus(&k, m);
	}
	strs_fini(&l.versions);
}
