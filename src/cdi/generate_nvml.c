/* SPDX-License-Identifier: Apache-2.0 */
/* The ordinary driver: GPUs and MIG devices by name, and the driver's files for all of them. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/i18n.h"
#include "cdi/generate_parts.h"

enum { SCREEN = CAP_GRAPHICS | CAP_DISPLAY, LINK_MAX_LEN = 256 };

static const struct {
	const char *path;
	unsigned int caps;
	const char *note; /* when it is missing; or NULL */
} control_nodes[] = {
	{"/dev/nvidiactl", CAP_ALL,
	 N_("the node '%s' is missing: nothing will find a GPU (run `nvidia-smi` once as root)")},
	{"/dev/nvidia-uvm", CAP_COMPUTE | CAP_VIDEO,
	 N_("the node '%s' is missing: CUDA programs will fail (run `nvidia-modprobe -u -c 0`)")},
	{"/dev/nvidia-uvm-tools", CAP_COMPUTE | CAP_VIDEO, NULL},
	{"/dev/nvidia-modeset", SCREEN, NULL},
};

static void add_control_nodes(struct maker *m)
{
	for (size_t i = 0; i < COUNT(control_nodes); i++)
		if (control_nodes[i].caps & m->caps &&
		    !make_node(m, &m->common, control_nodes[i].path) && control_nodes[i].note)
			strs_fmt(m->notes, tr(control_nodes[i].note), control_nodes[i].path);
}

/* /dev/dri/cardN, renderDN, and the links by their PCI addresses. */
static void add_dri(struct maker *m, struct making_device *d, const struct nv_gpu *gpu)
{
	static const char *const ends[] = {"card", "render"};

	if (!(m->caps & SCREEN))
		return;
	for (const char *const *name = gpu->drm; name && *name; name++)
		if (str_starts(*name, "card") || str_starts(*name, "renderD"))
			(void)make_node(m, &d->edits, arena_fmt(m->a, "/dev/dri/%s", *name));
	for (size_t i = 0; i < COUNT(ends); i++) {
		char target[LINK_MAX_LEN];
		const char *at = arena_fmt(m->a, "/dev/dri/by-path/pci-%s-%s", gpu->pci, ends[i]);
		ssize_t n = readlinkat(m->dev->fd, below(at), target, sizeof(target) - 1);

		if (n <= 0)
			continue;
		(void)tree_add_link(m->a, &d->tree, arena_strn(m->a, target, (size_t)n), at);
	}
}

/* Grace's and its successors' GPUs share memory with the processor. */
static bool is_coherent(const struct nv_gpu *gpu)
{
	static const uint32_t ids[] = {0x2342, 0x2343, 0x2345, 0x2348, 0x2941, 0x31c2};

	for (size_t i = 0; i < COUNT(ids); i++)
		if (gpu->device_id == ids[i])
			return true;
	return false;
}

static void annotate(struct maker *m, struct making_device *d, const struct nv_gpu *gpu)
{
	struct doc_pair *pair;

	if (!(m->g->flags & GEN_COHERENT))
		return;
	pair = arena_alloc(m->a, sizeof(*pair));
	*pair = (struct doc_pair){"gpu.nvidia.com/coherent", is_coherent(gpu) ? "true" : "false"};
	d->annotations = (struct doc_pairs){.items = pair, .n = 1};
}

/* The same device under each of its names. */
static void add_names(struct maker *m, const struct making_device *d, const char *const *names,
		      size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct making_device *more;

		if (!names[i])
			continue;
		more = make_device(m, names[i]);
		more->edits = d->edits;
		more->tree = d->tree;
		more->annotations = d->annotations;
	}
}

static unsigned int naming(const struct maker *m)
{
	return m->g->naming ? m->g->naming : NAME_INDEX | NAME_UUID;
}

static void add_gpu(struct maker *m, const struct nv_gpu *gpu)
{
	unsigned int by = naming(m);
	struct making_device d = {0};
	const char *names[3] = {0};
	const char *path = arena_fmt(m->a, "/dev/nvidia%d", gpu->minor);

	if (gpu->minor < 0 || !make_node(m, &d.edits, path)) {
		strs_fmt(m->notes, _("the node of the GPU %d (%s) is missing: it is left out"),
			 gpu->index, gpu->minor < 0 ? gpu->pci : path);
		return;
	}
	add_dri(m, &d, gpu);
	annotate(m, &d, gpu);
	if (by & NAME_INDEX)
		names[0] = arena_fmt(m->a, "%d", gpu->index);
	if (by & NAME_UUID && gpu->uuid)
		names[1] = gpu->uuid;
	if (by & NAME_TYPE_INDEX)
		names[2] = arena_fmt(m->a, "gpu%d", gpu->index);
	if (by & NAME_UUID && !gpu->uuid)
		strs_fmt(m->notes,
			 _("the UUID of the GPU %d is not known yet: it has no such name"),
			 gpu->index);
	add_names(m, &d, names, COUNT(names));
}

static void add_mig(struct maker *m, const struct nv_mig *mig)
{
	const struct nv_gpu *gpu = &m->g->host->gpus[mig->gpu];
	unsigned int by = naming(m);
	struct making_device d = {0};
	const char *names[3] = {0};
	const char *nodes[] = {
		arena_fmt(m->a, "/dev/nvidia%d", gpu->minor),
		arena_fmt(m->a, "/dev/nvidia-caps/nvidia-cap%d", mig->gi_minor),
		arena_fmt(m->a, "/dev/nvidia-caps/nvidia-cap%d", mig->ci_minor),
	};

	for (size_t i = 0; i < COUNT(nodes); i++)
		if (!make_node(m, &d.edits, nodes[i])) {
			strs_fmt(
				m->notes,
				_("the node '%s' is missing: the MIG device %u/%u of the GPU %d is "
				  "left out"),
				nodes[i], mig->gi, mig->ci, gpu->index);
			return;
		}
	if (mig->gfx)
		add_dri(m, &d, gpu);
	annotate(m, &d, gpu);
	if (by & NAME_INDEX && mig->index >= 0)
		names[0] = arena_fmt(m->a, "%d:%d", gpu->index, mig->index);
	if (by & NAME_UUID && mig->uuid)
		names[1] = mig->uuid;
	if (by & NAME_TYPE_INDEX && mig->index >= 0)
		names[2] = arena_fmt(m->a, "mig%d:%d", gpu->index, mig->index);
	if (!names[0] && !names[1] && !names[2] && m->g->flags & GEN_UNNAMED)
		names[0] = arena_fmt(m->a, "%d.%u.%u", gpu->index, mig->gi, mig->ci);
	if (!names[0] && !names[1] && !names[2])
		strs_fmt(m->notes,
			 _("neither index nor UUID of the MIG device %u/%u of the GPU %d is known, "
			   "for "
			   "NVML did not answer: it is left out"),
			 mig->gi, mig->ci, gpu->index);
	add_names(m, &d, names, COUNT(names));
}

/* "3" or "gpu3", or for a MIG device "3:1" or "mig3:1". */
static bool is_number(const char *id, const char *type, int gpu, int mig)
{
	char text[48];
	size_t skip = str_starts(id, type) ? strlen(type) : 0;

	if (mig < 0)
		(void)snprintf(text, sizeof(text), "%d", gpu);
	else
		(void)snprintf(text, sizeof(text), "%d:%d", gpu, mig);
	return str_eq(id + skip, text);
}

/* PCI addresses may be written with a longer domain or without one. */
static bool is_address(const char *id, const char *pci)
{
	size_t n = strlen(id);
	size_t m = strlen(pci);

	if (n < strlen("00:00.0") || !strchr(id, '.') || !strchr(id, ':'))
		return false;
	while (n > m && *id == '0') {
		id++;
		n--;
	}
	return n <= m && strcasecmp(id, pci + (m - n)) == 0;
}

static bool gpu_is(const struct nv_gpu *gpu, const char *id)
{
	return is_number(id, "gpu", gpu->index, -1) ||
	       (gpu->uuid && strcasecmp(gpu->uuid, id) == 0) || is_address(id, gpu->pci);
}

static bool mig_is(const struct nvidia *n, const struct nv_mig *mig, const char *id)
{
	return (mig->uuid && strcasecmp(mig->uuid, id) == 0) ||
	       (mig->index >= 0 && is_number(id, "mig", n->gpus[mig->gpu].index, mig->index));
}

/* A GPU that is divided is there by its parts only. */
static int no_such(const struct maker *m, const char *id, struct err *e)
{
	const struct nvidia *n = m->g->host;

	for (size_t i = 0; i < n->gpus_n; i++) {
		if (!gpu_is(&n->gpus[i], id))
			continue;
		if (n->gpus[i].index < 0)
			return err_set(e, ERR_ABSENT, "the driver was told to exclude the GPU '%s'",
				       id);
		(void)err_set(e, ERR_ABSENT, "the GPU '%s' is divided into MIG devices", id);
		return err_hint(e, "name one of them: %d:0, or its UUID", n->gpus[i].index);
	}
	(void)err_set(e, ERR_ABSENT, "no GPU has the index, UUID or PCI address '%s'", id);
	return err_hint(e, "`dlenv gpu ls` shows what there is");
}

static bool is_asked(const char *const *ids, bool *found, const struct nvidia *n,
		     const struct nv_gpu *gpu, const struct nv_mig *mig)
{
	bool asked = false;

	for (size_t i = 0; ids[i]; i++) {
		if (!str_eq(ids[i], "all") && !(mig ? mig_is(n, mig, ids[i]) : gpu_is(gpu, ids[i])))
			continue;
		found[i] = true;
		asked = true;
	}
	return asked;
}

static int add_asked(struct maker *m, const char *const *ids, struct err *e)
{
	const struct nvidia *n = m->g->host;
	CLEANUP(freep) bool *found = NULL;
	size_t ids_n = 0;
	bool any = false;

	while (ids[ids_n])
		ids_n++;
	found = mem_alloc(ids_n + 1);
	for (size_t i = 0; i < n->gpus_n; i++) {
		if (n->gpus[i].index < 0 || n->gpus[i].mig)
			continue;
		any = true;
		if (is_asked(ids, found, n, &n->gpus[i], NULL))
			add_gpu(m, &n->gpus[i]);
	}
	for (size_t i = 0; i < n->migs_n; i++) {
		any = true;
		if (is_asked(ids, found, n, NULL, &n->migs[i]))
			add_mig(m, &n->migs[i]);
	}
	if (!any && n->driver)
		return err_set(e, ERR_ABSENT, "NVIDIA's driver sees no GPU");
	if (!any) {
		(void)err_set(e, ERR_ABSENT, "NVIDIA's kernel module is not loaded");
		return err_hint(e, "load it with `modprobe nvidia`, after the driver is installed");
	}
	for (size_t i = 0; i < ids_n; i++)
		if (!found[i])
			return no_such(m, ids[i], e);
	if (m->devices_n)
		return 0;
	for (size_t i = 0; i < n->migs_n; i++) {
		if (n->migs[i].index >= 0 || n->migs[i].uuid)
			continue;
		(void)err_set(e, ERR_ABSENT, "NVML has not named the MIG devices of this machine");
		return err_hint(e, "`nvidia-smi -L` has to list them");
	}
	(void)err_set(e, ERR_ABSENT, "no GPU has its nodes in '%s/dev'", m->dev_prefix);
	return err_hint(e, "run `nvidia-smi` once as root: it makes them");
}

int make_nvml(struct maker *m, struct err *e)
{
	static const char *const everything[] = {"all", NULL};
	const char *const *ids = m->g->ids ? m->g->ids : everything;

	if (ids[0] && str_eq(ids[0], "none") && !ids[1]) {
		struct making_device *d = make_device(m, "none");

		cdi_add_text(m->a, &d->edits.env, "NVCT_EMPTY_DEVICE=");
		m->without_all = true;
	} else if (add_asked(m, ids, e) < 0) {
		return -(int)e->code;
	}
	add_control_nodes(m);
	m->tree.params = true;
	m->tree.profile = (m->caps & SCREEN) != 0;
	if (make_wants_hook(m, "chmod")) {
		m->tree.modes = arena_alloc(m->a, 2 * sizeof(*m->tree.modes));
		m->tree.modes[0] = (struct tree_mode){"/dev/dri", 0755};
		m->tree.modes[1] = (struct tree_mode){"/dev/nvidia-caps", 0755};
		m->tree.modes_n = 2;
	}
	return make_driver(m, 0, e);
}
