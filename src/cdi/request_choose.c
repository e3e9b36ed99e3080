/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a request to GPUs. How this works: what can be given out (a GPU, or each MIG device of one
 * that is divided) is listed once, with what NVML says of it; names are looked up in that list,
 * conditions thin it out, free:N takes the largest that nobody uses.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/i18n.h"
#include "base/version.h"
#include "cdi/request.h"
#include "cdi/request_parts.h"

struct device {
	const char *id;	   /* for cdi_generate: UUID where it is known, else the index */
	const char *name;  /* for people: "0" or "0:1" */
	const char *uuid;  /* or NULL */
	const char *model; /* "NVIDIA A100", "1g.10gb"; or "" */
	const struct nv_gpu *gpu;
	bool divided;	 /* a GPU that has MIG devices: not to be given out by itself */
	uint64_t memory; /* 0: unknown */
	struct version arch;
	bool is_free;
};

struct devices {
	struct device *v;
	size_t n;
	struct arena *a;
};

static const struct nvml_gpu *nvml_of(const struct nvml *m, const struct nv_gpu *g)
{
	for (size_t i = 0; m && i < m->gpus_n; i++)
		if ((g->uuid && str_eq(m->gpus[i].uuid, g->uuid)) ||
		    (!g->uuid && str_eq(m->gpus[i].pci, g->pci)))
			return &m->gpus[i];
	return NULL;
}

static uint64_t mig_memory(const struct nvml_gpu *m, const struct nv_mig *mig)
{
	for (size_t i = 0; m && i < m->migs_n; i++)
		if (m->migs[i].gi == mig->gi && m->migs[i].ci == mig->ci)
			return m->migs[i].memory;
	return 0;
}

static struct device of_gpu(struct devices *l, const struct nv_gpu *g, const struct nvml_gpu *m)
{
	const char *uuid = g->uuid ? g->uuid : m ? m->uuid : NULL;
	struct device d = {
		.name = arena_fmt(l->a, "%d", g->index),
		.uuid = uuid,
		.model = g->model	? g->model
			 : m && m->name ? m->name
					: "",
		.gpu = g,
		.divided = g->mig || (m && m->mig_mode),
	};

	d.id = uuid ? arena_str(l->a, uuid) : d.name;
	if (m) {
		d.memory = m->memory;
		d.arch = (struct version){.n = 2, .part = {m->arch_major, m->arch_minor}};
		d.is_free = m->processes_n == 0;
	}
	return d;
}

static struct device of_mig(struct devices *l, const struct device *gpu, const struct nv_mig *mig,
			    const struct nvml_gpu *m)
{
	struct device d = *gpu;

	d.uuid = mig->uuid;
	d.name = arena_fmt(l->a, "%d:%d", gpu->gpu->index, mig->index);
	d.id = mig->uuid ? arena_str(l->a, mig->uuid) : d.name;
	d.divided = false;
	d.memory = mig_memory(m, mig);
	return d;
}

static void list_devices(struct devices *l, const struct nvidia *n, const struct nvml *m)
{
	l->v = arena_alloc(l->a, (n->gpus_n + n->migs_n + 1) * sizeof(*l->v));
	for (size_t i = 0; i < n->gpus_n; i++) {
		const struct nvml_gpu *known = nvml_of(m, &n->gpus[i]);
		size_t at = l->n;

		if (n->gpus[i].index < 0)
			continue;
		l->v[l->n++] = of_gpu(l, &n->gpus[i], known);
		for (size_t k = 0; k < n->migs_n; k++)
			if (n->migs[k].gpu == i)
				l->v[l->n++] = of_mig(l, &l->v[at], &n->migs[k], known);
	}
}

/* What there is, for a hint: "0: NVIDIA A100 40.0 GiB 8.0, 1: ..." */
static void describe(const struct devices *l, struct buf *ret)
{
	ret->max = 200;
	buf_str(ret, "");
	for (size_t i = 0; i < l->n; i++) {
		const struct device *d = &l->v[i];
		CLEANUP(freep) char *memory = str_size(d->memory);

		buf_fmt(ret, "%s%s: %s", i ? ", " : "", d->name, d->model);
		if (d->memory)
			buf_fmt(ret, " %s", memory);
		if (d->arch.part[0])
			buf_fmt(ret, " %u.%u", d->arch.part[0], d->arch.part[1]);
	}
}

static int unmet(const struct devices *l, struct err *e)
{
	CLEANUP(buf_fini) struct buf have = {0};

	describe(l, &have);
	if (!l->n)
		return err_hint(e, "`dlenv gpu ls` shows what this machine has");
	return err_hint(e, "this machine has %s", have.data);
}

/* Is it this PCI address, with or without the domain (NVML writes "00000000:01:00.0")? */
static bool is_at(const char *pci, const char *id)
{
	if (!strchr(id, ':') || !strchr(id, '.'))
		return false;
	return strcasecmp(pci + strspn(pci, "0:"), id + strspn(id, "0:")) == 0;
}

static bool is_named(const struct device *d, const char *id)
{
	uint64_t gpu;
	int64_t mig;

	if (d->uuid && strncasecmp(d->uuid, id, strlen(id)) == 0 && request_is_uuid(id))
		return true;
	if (request_index(id, &gpu, &mig))
		return str_eq(d->name, id);
	return !strchr(d->name, ':') && is_at(d->gpu->pci, id);
}

/* The one device of that name. */
static int find(const struct devices *l, const char *id, const struct device **ret, struct err *e)
{
	const struct device *found = NULL;

	for (size_t i = 0; i < l->n; i++) {
		const struct device *d = &l->v[i];

		if (!is_named(d, id))
			continue;
		if (d->uuid && strcasecmp(d->uuid, id) == 0) {
			found = d;
			break;
		}
		if (found) {
			(void)err_set(e, ERR_USAGE,
				      "'%.80s' is the beginning of more than one UUID", id);
			return err_hint(e, "it fits %s and %s", found->uuid, d->uuid);
		}
		found = d;
	}
	if (!found) {
		(void)err_set(e, ERR_UNSAT, "this machine has no GPU '%.80s'", id);
		return unmet(l, e);
	}
	*ret = found;
	return 0;
}

/* Sizes are as cards are sold: of 24 GiB, error correction leaves 22.5. */
static bool has_memory(const struct gpu_request *q, const struct device *d)
{
	return d->memory >= q->min_memory - q->min_memory / 14;
}

static bool has_arch(const struct gpu_request *q, const struct device *d)
{
	struct version wanted = version_in(q->min_arch ? q->min_arch : "");

	return version_compare(&d->arch, &wanted) >= 0;
}

static bool fits(const struct gpu_request *q, const struct device *d)
{
	return has_memory(q, d) && has_arch(q, d);
}

/* A GPU that was named must meet the conditions. */
static int check_named(const struct gpu_request *q, const struct devices *l, const struct device *d,
		       struct err *e)
{
	CLEANUP(freep) char *memory = str_size(q->min_memory);

	if (fits(q, d))
		return 0;
	if (!has_memory(q, d))
		(void)err_set(e, ERR_UNSAT, "GPU %s has less than %s of memory", d->name, memory);
	else
		(void)err_set(e, ERR_UNSAT, "GPU %s is older than compute capability %s", d->name,
			      q->min_arch);
	return unmet(l, e);
}

static int none_fits(const struct gpu_request *q, const struct devices *l, struct err *e)
{
	CLEANUP(freep) char *memory = str_size(q->min_memory);
	bool large = false;
	bool new = false;

	for (size_t i = 0; i < l->n; i++) {
		large |= has_memory(q, &l->v[i]);
		new |= has_arch(q, &l->v[i]);
	}
	if (!large)
		(void)err_set(e, ERR_UNSAT, "no GPU has %s of memory", memory);
	else if (!new)
		(void)err_set(e, ERR_UNSAT, "no GPU has compute capability %s", q->min_arch);
	else
		(void)err_set(e, ERR_UNSAT,
			      "no GPU has both %s of memory and compute capability %s", memory,
			      q->min_arch);
	return unmet(l, e);
}

/* Largest first; where they are alike, in the machine's order. */
static int larger(const void *a, const void *b)
{
	const struct device *x = *(const struct device *const *)a;
	const struct device *y = *(const struct device *const *)b;

	if (x->memory != y->memory)
		return x->memory < y->memory ? 1 : -1;
	return x < y ? -1 : 1;
}

/* Those that fit, without GPUs that are divided: their parts are listed too. */
static const struct device **fitting(const struct gpu_request *q, const struct devices *l,
				     size_t *ret_n)
{
	const struct device **v = arena_alloc(l->a, (l->n + 1) * sizeof(*v));

	*ret_n = 0;
	for (size_t i = 0; i < l->n; i++)
		if (!l->v[i].divided && fits(q, &l->v[i]))
			v[(*ret_n)++] = &l->v[i];
	return v;
}

static int choose_free(const struct gpu_request *q, const struct devices *l,
		       const struct device **from, size_t n, struct strs *ret, struct err *e)
{
	size_t idle = 0;

	for (size_t i = 0; i < n; i++)
		if (from[i]->is_free)
			from[idle++] = from[i];
	if (idle < q->free) {
		if (!idle)
			(void)err_set(e, ERR_UNSAT, "no GPU that fits is free");
		else
			(void)err_set(e, ERR_UNSAT,
				      "only %zu of the %u GPUs that are asked for "
				      "are free",
				      idle, q->free);
		return err_hint(e,
				"`dlenv gpu ls` shows who uses them; this machine has %zu that "
				"fit",
				n);
	}
	qsort(from, idle, sizeof(*from), larger);
	/* In the machine's order again, so that indices inside mean the same each time. */
	for (size_t i = 0; i < l->n; i++)
		for (size_t k = 0; k < q->free; k++)
			if (from[k] == &l->v[i])
				strs_add(ret, from[k]->id);
	return 0;
}

static int choose_named(const struct gpu_request *q, const struct devices *l, struct strs *ret,
			struct err *e)
{
	for (const char *const *id = q->ids; *id; id++) {
		const struct device *d = NULL;

		if (find(l, *id, &d, e) < 0 || check_named(q, l, d, e) < 0)
			return -(int)e->code;
		if (!strs_has(ret, d->id))
			strs_add(ret, d->id);
	}
	return 0;
}

static int choose(const struct gpu_request *q, const struct devices *l, struct strs *ret,
		  struct err *e)
{
	bool all = str_eq(q->ids[0], "all");
	const struct device **fit;
	size_t n;

	if (!l->n) {
		(void)err_set(e, ERR_UNSAT, "this machine has no NVIDIA GPU that its driver knows");
		return err_hint(e, "`dlenv gpu ls` and `dlenv gpu health` say more");
	}
	if (!all)
		return choose_named(q, l, ret, e);
	if (!q->free && !q->min_memory && !q->min_arch) {
		strs_add(ret, "all");
		return 0;
	}
	fit = fitting(q, l, &n);
	if (!n)
		return none_fits(q, l, e);
	if (q->free)
		return choose_free(q, l, fit, n, ret, e);
	for (size_t i = 0; i < n; i++)
		strs_add(ret, fit[i]->id);
	return 0;
}

/* WSL and Tegra have no list of GPUs: whichever is named, a container gets what there is. */
static bool is_whole(const struct nvidia *n)
{
	return n->wsl || (n->tegra && !n->gpus_n);
}

static int choose_whole(const struct gpu_request *q, struct strs *ret, struct err *e)
{
	strs_add(ret, "all");
	if (!q->free && !q->min_memory && !q->min_arch)
		return 0;
	(void)err_set(e, ERR_UNSAT, "on WSL and Tegra GPUs cannot be chosen by what they have");
	return err_hint(e, "a container gets all that there are: --gpu all");
}

int gpu_request_choose(const struct gpu_request *q, const struct nvidia *n, const struct nvml *m,
		       struct arena *a, const char *const **ret, struct err *e)
{
	struct devices l = {.a = a};
	CLEANUP(strs_fini) struct strs ids = {0};

	if (!q->ids || !q->ids[0] || str_eq(q->ids[0], "none")) {
		strs_add(&ids, "none");
	} else if (is_whole(n)) {
		if (choose_whole(q, &ids, e) < 0)
			return -(int)e->code;
	} else {
		list_devices(&l, n, m);
		if (choose(q, &l, &ids, e) < 0)
			return -(int)e->code;
	}
	*ret = request_list(a, &ids);
	return 0;
}
