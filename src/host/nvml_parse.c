/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "base/doc.h"
#include "base/str.h"
#include "host/nvml_parts.h"

struct raw_process {
	int64_t pid;
	int64_t memory;
	bool graphics;
	int64_t gi;
	int64_t ci;
};

struct raw_mig {
	const char *uuid;
	const char *name;
	int64_t index;
	int64_t gi;
	int64_t ci;
	int64_t memory;
	int64_t memory_used;
	bool gfx;
};

struct raw_gpu {
	struct nvml_gpu g; /* what it has in the answer's own form */
	int64_t brand;
	int64_t minor;
	int64_t arch_major;
	int64_t arch_minor;
	int64_t memory;
	int64_t memory_used;
	struct doc_list migs;
	struct doc_list processes;
};

struct raw {
	const char *driver;
	const char *cuda;
	struct doc_list gpus;
	uint64_t lost;
};

#define ROW(container, member, name, kind)                                                         \
	.key = (name), .type = (kind), .offset = offsetof(struct container, member)

static const struct doc_row process_rows[] = {
	{ROW(raw_process, pid, "pid", DOC_AS_INT), .flags = DOC_REQUIRED},
	{ROW(raw_process, memory, "memory", DOC_AS_INT), .flags = DOC_REQUIRED},
	{ROW(raw_process, graphics, "graphics", DOC_AS_BOOL)},
	{ROW(raw_process, gi, "gi", DOC_AS_INT), .flags = DOC_REQUIRED},
	{ROW(raw_process, ci, "ci", DOC_AS_INT), .flags = DOC_REQUIRED},
	{0},
};

static const struct doc_row mig_rows[] = {
	{ROW(raw_mig, uuid, "uuid", DOC_AS_STR)},
	{ROW(raw_mig, name, "name", DOC_AS_STR)},
	{ROW(raw_mig, index, "index", DOC_AS_INT), .flags = DOC_REQUIRED},
	{ROW(raw_mig, gi, "gi", DOC_AS_INT), .flags = DOC_REQUIRED},
	{ROW(raw_mig, ci, "ci", DOC_AS_INT), .flags = DOC_REQUIRED},
	{ROW(raw_mig, memory, "memory", DOC_AS_INT), .flags = DOC_REQUIRED},
	{ROW(raw_mig, memory_used, "memory_used", DOC_AS_INT), .flags = DOC_REQUIRED},
	{ROW(raw_mig, gfx, "gfx", DOC_AS_BOOL)},
	{0},
};

static const struct doc_row gpu_rows[] = {
	{ROW(raw_gpu, g.uuid, "uuid", DOC_AS_STR)},
	{ROW(raw_gpu, g.pci, "pci", DOC_AS_STR)},
	{ROW(raw_gpu, g.name, "name", DOC_AS_STR)},
	{ROW(raw_gpu, brand, "brand", DOC_AS_INT), .flags = DOC_REQUIRED},
	{ROW(raw_gpu, minor, "minor", DOC_AS_INT), .flags = DOC_REQUIRED},
	{ROW(raw_gpu, arch_major, "arch_major", DOC_AS_INT), .flags = DOC_REQUIRED},
	{ROW(raw_gpu, arch_minor, "arch_minor", DOC_AS_INT), .flags = DOC_REQUIRED},
	{ROW(raw_gpu, memory, "memory", DOC_AS_INT), .flags = DOC_REQUIRED},
	{ROW(raw_gpu, memory_used, "memory_used", DOC_AS_INT), .flags = DOC_REQUIRED},
	{ROW(raw_gpu, g.mig_mode, "mig_mode", DOC_AS_BOOL)},
	{ROW(raw_gpu, migs, "migs", DOC_AS_LIST), .rows = mig_rows,
	 .item_size = sizeof(struct raw_mig)},
	{ROW(raw_gpu, g.gpu_percent, "gpu_percent", DOC_AS_INT)},
	{ROW(raw_gpu, g.memory_percent, "memory_percent", DOC_AS_INT)},
	{ROW(raw_gpu, g.temperature, "temperature", DOC_AS_INT)},
	{ROW(raw_gpu, g.power_mw, "power_mw", DOC_AS_INT)},
	{ROW(raw_gpu, g.power_limit_mw, "power_limit_mw", DOC_AS_INT)},
	{ROW(raw_gpu, g.throttle, "throttle", DOC_AS_INT)},
	{ROW(raw_gpu, g.pcie_width, "pcie_width", DOC_AS_INT)},
	{ROW(raw_gpu, g.pcie_width_max, "pcie_width_max", DOC_AS_INT)},
	{ROW(raw_gpu, g.pcie_gen, "pcie_gen", DOC_AS_INT)},
	{ROW(raw_gpu, g.pcie_gen_max, "pcie_gen_max", DOC_AS_INT)},
	{ROW(raw_gpu, g.ecc_corrected, "ecc_corrected", DOC_AS_INT)},
	{ROW(raw_gpu, g.ecc_uncorrected, "ecc_uncorrected", DOC_AS_INT)},
	{ROW(raw_gpu, g.retired_pages, "retired_pages", DOC_AS_INT)},
	{ROW(raw_gpu, g.persistence, "persistence", DOC_AS_INT)},
	{ROW(raw_gpu, processes, "processes", DOC_AS_LIST), .rows = process_rows,
	 .item_size = sizeof(struct raw_process)},
	{0},
};

static const struct doc_row top_rows[] = {
	{ROW(raw, driver, "driver", DOC_AS_STR)},
	{ROW(raw, cuda, "cuda", DOC_AS_STR)},
	{ROW(raw, gpus, "gpus", DOC_AS_LIST), .flags = DOC_REQUIRED, .rows = gpu_rows,
	 .item_size = sizeof(struct raw_gpu)},
	{ROW(raw, lost, "lost", DOC_AS_UINT)},
	{0},
};

const char *nvml_brand(int64_t number)
{
	/* nvmlBrandType_t; the words of NVIDIA_REQUIRE_CUDA's brand= (toolkit: cuda images). */
	static const char *const words[] = {
		"unknown",   "quadro",	  "tesla",  "nvs",	  "grid",     "geforce",
		"titan",     "vapps",	  "vpc",    "vcs",	  "vws",      "cloudgaming",
		"quadrortx", "nvidiartx", "nvidia", "geforcertx", "titanrtx",
	};

	return number >= 0 && number < (int64_t)COUNT(words) ? words[number] : words[0];
}

static uint64_t bytes(int64_t value)
{
	return value < 0 ? 0 : (uint64_t)value;
}

static unsigned int small(int64_t value)
{
	return value < 0 || value > 65535 ? 0 : (unsigned int)value;
}

static void take_migs(struct arena *a, const struct doc_list *l, struct nvml_gpu *g)
{
	const struct raw_mig *raw = l->items;

	g->migs_n = l->n;
	g->migs = arena_alloc(a, l->n * sizeof(*g->migs));
	for (size_t i = 0; i < l->n; i++)
		g->migs[i] = (struct nvml_mig){
			.uuid = raw[i].uuid,
			.index = raw[i].index < 0 ? -1 : (int)small(raw[i].index),
			.gi = small(raw[i].gi),
			.ci = small(raw[i].ci),
			.name = raw[i].name,
			.memory = bytes(raw[i].memory),
			.memory_used = bytes(raw[i].memory_used),
			.gfx = raw[i].gfx,
		};
}

static void take_processes(struct arena *a, const struct doc_list *l, struct nvml_gpu *g)
{
	const struct raw_process *raw = l->items;

	g->processes_n = l->n;
	g->processes = arena_alloc(a, l->n * sizeof(*g->processes));
	for (size_t i = 0; i < l->n; i++)
		g->processes[i] = (struct nvml_process){
			.pid = raw[i].pid,
			.memory = raw[i].memory < 0 ? UINT64_MAX : (uint64_t)raw[i].memory,
			.graphics = raw[i].graphics,
			.gi = raw[i].gi < 0 ? -1 : (int)small(raw[i].gi),
			.ci = raw[i].ci < 0 ? -1 : (int)small(raw[i].ci),
		};
}

/* The state that was not asked for is unknown, not 0. */
static void forget_state(struct nvml_gpu *g)
{
	g->gpu_percent = g->memory_percent = g->temperature = g->power_mw = -1;
	g->power_limit_mw = g->throttle = g->pcie_width = g->pcie_width_max = -1;
	g->pcie_gen = g->pcie_gen_max = g->ecc_corrected = g->ecc_uncorrected = -1;
	g->retired_pages = g->persistence = -1;
}

static void take_gpu(struct arena *a, const struct raw_gpu *raw, unsigned int what,
		     struct nvml_gpu *g)
{
	*g = raw->g;
	g->brand = nvml_brand(raw->brand);
	g->minor = raw->minor < 0 ? -1 : (int)small(raw->minor);
	g->arch_major = small(raw->arch_major);
	g->arch_minor = small(raw->arch_minor);
	g->memory = bytes(raw->memory);
	g->memory_used = bytes(raw->memory_used);
	take_migs(a, &raw->migs, g);
	take_processes(a, &raw->processes, g);
	if (!(what & NVML_STATE))
		forget_state(g);
}

int nvml_parse(const char *text, size_t len, unsigned int what, struct nvml *ret, struct err *e)
{
	CLEANUP(doc_fini) struct doc doc = {0};
	struct nvml n = {0};
	struct raw raw = {0};
	const struct raw_gpu *gpus;

	if (doc_json(text, len, "dlenv-nvml", &doc, e) < 0)
		return -(int)e->code;
	if (doc.top->kind != DOC_MAP)
		return err_set(e, ERR_PARSE, "the answer of '%s' is not a map", "dlenv-nvml");
	/* Keys of a newer helper are no error. */
	if (doc_decode(&doc, doc.top, top_rows, DOC_OPEN, &raw, &n.arena, e) < 0) {
		arena_fini(&n.arena);
		e->code = ERR_PARSE;
		return -ERR_PARSE;
	}
	n.driver = raw.driver;
	n.cuda = raw.cuda;
	n.lost = raw.lost;
	gpus = raw.gpus.items;
	n.gpus_n = raw.gpus.n;
	n.gpus = arena_alloc(&n.arena, n.gpus_n * sizeof(*n.gpus));
	for (size_t i = 0; i < n.gpus_n; i++)
		take_gpu(&n.arena, &gpus[i], what, &n.gpus[i]);
	*ret = n;
	return 0;
}
