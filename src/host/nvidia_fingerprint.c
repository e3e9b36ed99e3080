/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a description of a machine's GPUs was made from. It leaves out what costs: reading a GPU's
 * `information` may wake it, and what stands there cannot change without a reboot or another load
 * of the module, which shows in the boot id, in `params` (excluded GPUs, modes of nodes) and in
 * the numbers of the nodes.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "host/nvidia.h"
#include "host/nvidia_parts.h"

/* FNV-1a: tells texts apart that nobody forges. */
static uint64_t hash(const char *text)
{
	uint64_t h = 0xcbf29ce484222325U;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3U;
	return h;
}

static void one_word(struct buf *out, const char *name, const char *value)
{
	size_t n = strcspn(value, " \t\r\n");

	buf_fmt(out, " %s=%.*s", name, (int)(n < 64 ? n : 64), n ? value : "-");
}

struct instances {
	struct buf *out;
	int gpu;
};

static void instance(void *arg, unsigned int gi, unsigned int ci)
{
	const struct instances *i = arg;

	buf_fmt(i->out, " mig=%d/%u/%u", i->gpu, gi, ci);
}

/* By the minors of the GPUs, which stay as they are as long as the module is loaded. */
static void add_migs(const struct root *r, struct buf *out)
{
	CLEANUP(fd_closep)
	int caps = nv_open(r, "/proc/driver/nvidia/capabilities", O_RDONLY | O_DIRECTORY);
	CLEANUP(strs_fini) struct strs names = {0};

	if (caps < 0)
		return;
	nv_names(caps, ".", &names);
	for (size_t i = 0; i < names.n; i++) {
		int gpu = nv_numbered(names.v[i], "gpu");

		if (gpu >= 0)
			(void)nv_instances(caps, gpu, instance, &(struct instances){out, gpu});
	}
}

static void add_gpus(const struct root *r, struct buf *out)
{
	CLEANUP(fd_closep)
	int devices = nv_open(r, "/sys/bus/pci/devices", O_PATH | O_DIRECTORY);
	CLEANUP(strs_fini) struct strs gpus = {0};

	(void)nv_addresses(r, &gpus);
	for (size_t i = 0; i < gpus.n; i++) {
		CLEANUP(strs_fini) struct strs drm = {0};

		buf_fmt(out, " gpu=%s", gpus.v[i]);
		nv_drm_names(devices, gpus.v[i], &drm);
		for (size_t j = 0; j < drm.n; j++)
			buf_fmt(out, ",%s", drm.v[j]);
	}
}

/* Control nodes that appear after a description was made belong into the next one. */
static void add_nodes(const struct root *r, struct buf *out)
{
	static const char *const nodes[] = {"nvidiactl", "nvidia-uvm", "nvidia-uvm-tools",
					    "nvidia-modeset", "dxg"};
	CLEANUP(fd_closep) int dev = nv_open(r, "/dev", O_PATH | O_DIRECTORY);
	const char *separator = " nodes=";

	for (size_t i = 0; dev >= 0 && i < COUNT(nodes); i++) {
		struct stat st;

		if (fstatat(dev, nodes[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		buf_fmt(out, "%s%s", separator, nodes[i]);
		separator = ",";
	}
}

char *nvidia_fingerprint(const struct root *r)
{
	CLEANUP(buf_fini) struct buf out = {0};
	char version[NV_VERSION_LEN];
	char text[NV_SMALL];

	buf_fmt(&out, "driver=%s", nv_module_version(r, version) ? version : "-");
	(void)nv_read_root(r, "/proc/sys/kernel/random/boot_id", text, sizeof(text));
	one_word(&out, "boot", text);
	if (nv_read_root(r, "/proc/driver/nvidia/params", text, sizeof(text)) > 0)
		buf_fmt(&out, " params=%016llx", (unsigned long long)hash(text));
	add_gpus(r, &out);
	add_migs(r, &out);
	add_nodes(r, &out);
	return TAKE(out.data);
}
