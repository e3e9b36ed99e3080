/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MIG instances, as the module's capabilities show them: /proc/driver/nvidia/capabilities has
 * gpuMINOR/mig/giG/ciC for what has been created, and a file `access` in each says which node
 * of /dev/nvidia-caps opens it. mig-minors lists those of all that could be.
 */
#include "host/nvidia_parts.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/mem.h"

enum { INSTANCES_MAX = 64 }; /* of a GPU, or of an instance: the hardware has at most 15 and 8 */

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* The numbers of the folders PREFIXn, in order. */
static size_t numbers(int dir, const char *path, const char *prefix, int ret[INSTANCES_MAX])
{
	CLEANUP(strs_fini) struct strs names = {0};
	size_t n = 0;

	nv_names(dir, path, &names);
	for (size_t i = 0; i < names.n && n < INSTANCES_MAX; i++) {
		int value = nv_numbered(names.v[i], prefix);

		if (value >= 0)
			ret[n++] = value;
	}
	qsort(ret, n, sizeof(*ret), by_number);
	return n;
}

bool nv_instances(int caps, int gpu_minor, nv_instance_fn *found, void *arg)
{
	char path[64];
	int gi[INSTANCES_MAX];
	int ci[INSTANCES_MAX];
	size_t gis;
	bool any = false;

	if (caps < 0 || gpu_minor < 0)
		return false;
	(void)snprintf(path, sizeof(path), "gpu%d/mig", gpu_minor);
	gis = numbers(caps, path, "gi", gi);
	for (size_t i = 0; i < gis; i++) {
		size_t cis;

		(void)snprintf(path, sizeof(path), "gpu%d/mig/gi%d", gpu_minor, gi[i]);
		cis = numbers(caps, path, "ci", ci);
		for (size_t j = 0; j < cis; j++)
			found(arg, (unsigned int)gi[i], (unsigned int)ci[j]);
		any = true;
	}
	return any;
}

struct reading {
	const struct root *r;
	struct nvidia *n;
	int caps;
	size_t gpu;
	size_t room;
	char *minors; /* mig-minors, read when an `access` does not say */
};

/* giG/access or giG/ciC/access: the minor of its node. */
static int access_minor(struct reading *rd, const char *below_mig)
{
	int gpu = rd->n->gpus[rd->gpu].minor;
	char path[96];
	char text[256];
	struct err e;

	(void)snprintf(path, sizeof(path), "gpu%d/mig/%s/access", gpu, below_mig);
	if (nv_read(rd->caps, path, text, sizeof(text)) > 0) {
		int minor = nv_parse_number(text, "DeviceFileMinor");

		if (minor >= 0)
			return minor;
	}
	if (!rd->minors &&
	    root_read(rd->r, "/proc/driver/nvidia-caps/mig-minors", NV_MINORS, &rd->minors, &e) < 0)
		rd->minors = str_dup("");
	(void)snprintf(path, sizeof(path), "gpu%d/%s/access", gpu, below_mig);
	return nv_parse_minor(rd->minors, path);
}

static void add(void *arg, unsigned int gi, unsigned int ci)
{
	struct reading *rd = arg;
	struct nvidia *n = rd->n;
	struct nv_mig *m;
	char path[48];

	if (n->migs_n == NV_MIGS_MAX)
		return;
	if (n->migs_n == rd->room) {
		struct nv_mig *grown;

		rd->room = rd->room ? 2 * rd->room : 8;
		grown = arena_alloc(&n->arena, rd->room * sizeof(*grown));
		for (size_t i = 0; i < n->migs_n; i++)
			grown[i] = n->migs[i];
		n->migs = grown;
	}
	m = &n->migs[n->migs_n++];
	*m = (struct nv_mig){.gpu = rd->gpu, .gi = gi, .ci = ci, .index = -1};
	(void)snprintf(path, sizeof(path), "gi%u", gi);
	m->gi_minor = access_minor(rd, path);
	(void)snprintf(path, sizeof(path), "gi%u/ci%u", gi, ci);
	m->ci_minor = access_minor(rd, path);
}

void nv_read_migs(const struct root *r, struct nvidia *n)
{
	CLEANUP(fd_closep)
	int caps = nv_open(r, "/proc/driver/nvidia/capabilities", O_PATH | O_DIRECTORY);
	struct reading rd = {.r = r, .n = n, .caps = caps};

	for (rd.gpu = 0; rd.gpu < n->gpus_n; rd.gpu++)
		n->gpus[rd.gpu].mig = nv_instances(caps, n->gpus[rd.gpu].minor, add, &rd);
	free(rd.minors);
}
