/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: the kernel is asked what there is, NVML only for what the kernel does not know
 * and the request needs. The generator describes the chosen GPUs as CDI edits, as it would for
 * another engine; CDI files give the edits of other devices. gpu_edits.c puts them into the
 * container.
 */
#include "engine/gpu.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "base/log.h"
#include "cdi/registry.h"
#include "engine/gpu_parts.h"

void gpu_warn(const struct gpu_want *w, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (w->warn)
		w->warn(w->warn_arg, text);
}

void gpu_given_fini(struct gpu_given *g)
{
	arena_fini(&g->arena);
	*g = (struct gpu_given){0};
}

static void found_fini(struct found *f)
{
	nvidia_fini(&f->host);
	nvml_fini(&f->nvml);
	root_close(&f->driver);
	arena_fini(&f->arena);
}

static bool is_root(const char *path)
{
	return !path || !*path || str_eq(path, "/");
}

static int open_driver(const struct gpu_want *w, struct found *f, struct err *e)
{
	CLEANUP(freep)
	char *path = str_fmt("%s%s", is_root(w->machine->path) ? "" : w->machine->path,
			     is_root(w->driver_root) ? "" : w->driver_root);

	if (root_open(&f->driver, *path ? path : "/", e) == 0)
		return 0;
	(void)err_wrap(e, "the NVIDIA driver's folder");
	return err_hint(e, "DLENV_DRIVER_ROOT or driver-root in dlenv.yaml names it");
}

static int ask_nvml(struct found *f, unsigned int what, struct err *e)
{
	if (nvml_ask(f->driver.path, what, 0, &f->nvml, e) < 0)
		return err_wrap(e, "the NVIDIA driver was asked about its GPUs");
	f->asked = true;
	nvidia_complete(&f->host, &f->nvml);
	return 0;
}

/* UUIDs that the module has not read yet, and those of MIG devices, are NVML's to tell. */
static bool lacks_names(const struct nvidia *n)
{
	for (size_t i = 0; i < n->gpus_n; i++)
		if (n->gpus[i].index >= 0 && !n->gpus[i].uuid)
			return true;
	return n->migs_n > 0;
}

static int read_machine(const struct gpu_want *w, struct found *f, struct err *e)
{
	const struct gpu_request *q = w->request;
	struct err why = {0};

	if (open_driver(w, f, e) < 0 || nvidia_read(w->machine, &f->host, e) < 0)
		return -(int)e->code;
	if (!f->host.driver && !f->host.gpus_n && !f->host.wsl && !f->host.tegra) {
		(void)err_set(e, ERR_ABSENT, "no NVIDIA driver is loaded");
		return err_hint(e, "load it (`sudo modprobe nvidia`), or run without a GPU: "
				   "--gpu none");
	}
	if (gpu_request_needs_nvml(q))
		return ask_nvml(f, NVML_NAMES | (q->free ? NVML_STATE : 0), e);
	if (lacks_names(&f->host) && ask_nvml(f, NVML_NAMES, &why) < 0)
		dbg("gpu: %s", why.msg);
	return 0;
}

static int check_requirements(const struct gpu_want *w, struct found *f, struct err *e)
{
	const struct gpu_request *q = w->extra ? w->extra : w->request;
	bool open = false;
	struct err why = {0};

	if (!q->require || !q->require[0])
		return 0;
	if (gpu_request_check(q, &f->host, f->asked ? &f->nvml : NULL, f->ids, &open, e) < 0)
		return -(int)e->code;
	if (!open || f->asked)
		return 0;
	if (ask_nvml(f, NVML_NAMES, &why) < 0) {
		dbg("gpu: requirements are open: %s", why.msg);
		return 0;
	}
	return gpu_request_check(q, &f->host, &f->nvml, f->ids, &open, e);
}

static int choose(const struct gpu_want *w, struct found *f, struct err *e)
{
	if (gpu_request_choose(w->request, &f->host, f->asked ? &f->nvml : NULL, &f->arena, &f->ids,
			       e) < 0)
		return -(int)e->code;
	return check_requirements(w, f, e);
}

static bool has_id(const char *const *ids, const char *name, const char *uuid)
{
	for (; *ids; ids++)
		if (str_eq(*ids, "all") || str_eq(*ids, name) || (uuid && str_eq(*ids, uuid)))
			return true;
	return false;
}

static void add_card(struct gpu_given *g, const char *name, const char *uuid, const char *model)
{
	g->cards[g->cards_n++] = (struct gpu_card){
		.name = arena_str(&g->arena, name),
		.uuid = arena_str(&g->arena, uuid ? uuid : ""),
		.model = arena_str(&g->arena, model ? model : ""),
	};
}

/* The GPUs behind ids, in the machine's order. */
static void list_cards(const struct found *f, const char *const *ids, struct gpu_given *g)
{
	const struct nvidia *n = &f->host;
	bool all = str_eq(ids[0], "all");

	g->cards = arena_alloc(&g->arena, (n->gpus_n + n->migs_n + 1) * sizeof(*g->cards));
	for (size_t i = 0; i < n->gpus_n; i++) {
		CLEANUP(freep) char *name = str_fmt("%d", n->gpus[i].index);
		bool divided = false;

		for (size_t k = 0; k < n->migs_n; k++) {
			CLEANUP(freep) char *part = str_fmt("%s:%d", name, n->migs[k].index);

			if (n->migs[k].gpu != i)
				continue;
			divided = true;
			if (has_id(ids, part, n->migs[k].uuid))
				add_card(g, part, n->migs[k].uuid, n->gpus[i].model);
		}
		if (n->gpus[i].index >= 0 && has_id(ids, name, n->gpus[i].uuid) &&
		    !(divided && all))
			add_card(g, name, n->gpus[i].uuid, n->gpus[i].model);
	}
}

static enum cdi_mode mode_of(const char *name)
{
	int mode = 0;

	while (cdi_mode_names[mode] && !str_eq(cdi_mode_names[mode], name))
		mode++;
	return (enum cdi_mode)mode;
}

/* Describe, and take all that was described. */
static int describe(const struct gpu_want *w, const struct found *f, struct cdi_generate *g,
		    struct arena *a, struct cdi_edits *ret, struct err *e)
{
	CLEANUP(cdi_spec_fini) struct cdi_spec spec = {0};
	CLEANUP(strs_fini) struct strs notes = {0};

	g->driver = &f->driver;
	g->dev = w->machine;
	g->host = &f->host;
	g->naming = NAME_INDEX;
	g->cache = w->cache;
	g->flags |= GEN_NO_ALL | GEN_UNNAMED;
	if (cdi_generate(g, &spec, &notes, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < notes.n; i++)
		dbg("gpu: %s", notes.v[i]);
	cdi_edits_add(a, ret, &spec.edits);
	for (size_t i = 0; i < spec.devices_n; i++)
		cdi_edits_add(a, ret, &spec.devices[i].edits);
	/* The generator looked at them: it numbers nothing but character devices. */
	for (size_t i = 0; i < ret->nodes_n; i++)
		if (!ret->nodes[i].type && ret->nodes[i].major >= 0)
			ret->nodes[i].type = "c";
	return 0;
}

static int describe_gpus(const struct gpu_want *w, struct found *f, struct cdi_edits *ret,
			 struct err *e)
{
	const struct gpu_request *q = w->extra ? w->extra : w->request;
	struct cdi_generate g = {.mode = CDI_MODE_AUTO, .caps = q->caps, .ids = f->ids};

	if (describe(w, f, &g, &f->arena, ret, e) < 0)
		return -(int)e->code;
	if (q->imex) {
		struct cdi_generate imex = {.mode = CDI_MODE_IMEX, .ids = q->imex};

		if (describe(w, f, &imex, &f->arena, ret, e) < 0)
			return err_wrap(e, "%s", "NVIDIA_IMEX_CHANNELS");
	}
	for (const char *const *m = q->modes; m && *m; m++) {
		struct cdi_generate gated = {.mode = mode_of(*m)};

		if (describe(w, f, &gated, &f->arena, ret, e) < 0)
			return err_wrap(e, "%s", *m);
	}
	return 0;
}

/* A path of a CDI file is the machine's: below its root, where it is there. */
static const char *on_machine(const struct root *r, struct arena *a, const char *path)
{
	if (is_root(r->path) || !path || path[0] != '/' || !root_has(r, path))
		return path;
	return arena_fmt(a, "%s%s", r->path, path);
}

static int give_others(const struct gpu_want *w, struct arena *a, struct cdi_edits *ret,
		       struct err *e)
{
	CLEANUP(cdi_registry_fini) struct cdi_registry registry = {0};
	struct cdi_edits own = {0};

	if (!w->devices || !w->devices[0])
		return 0;
	if (cdi_registry_read(w->machine, cdi_default_dirs, &registry, e) < 0 ||
	    cdi_registry_edits(&registry, w->devices, a, &own, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < own.mounts_n; i++)
		own.mounts[i].host_path = on_machine(w->machine, a, own.mounts[i].host_path);
	for (size_t i = 0; i < own.nodes_n; i++)
		own.nodes[i].host_path = on_machine(w->machine, a,
						    own.nodes[i].host_path ? own.nodes[i].host_path
									   : own.nodes[i].path);
	cdi_edits_add(a, ret, &own);
	return 0;
}

int gpu_give(const struct gpu_want *w, struct container *c, struct gpu_given *ret, struct err *e)
{
	CLEANUP(found_fini) struct found f = {.driver = {.fd = -1}};
	struct cdi_edits edits = {0};
	size_t seen;

	*ret = (struct gpu_given){0};
	if (w->request && w->request->any) {
		if (read_machine(w, &f, e) < 0 || choose(w, &f, e) < 0 ||
		    describe_gpus(w, &f, &edits, e) < 0)
			return -(int)e->code;
	}
	seen = edits.nodes_n;
	if (give_others(w, &f.arena, &edits, e) < 0)
		return -(int)e->code;
	if (gpu_put(w, &edits, seen, c, e) < 0) {
		c->nodes = NULL;
		c->nodes_end = &c->nodes;
		c->tree = NULL;
		return -(int)e->code;
	}
	if (f.ids) {
		ret->driver = arena_str(&ret->arena, f.host.driver);
		list_cards(&f, f.ids, ret);
	}
	return 0;
}

/* Hide what the environment has not, so that conditions choose among the rest. */
static void keep_only(struct found *f, const struct gpu_card *have, size_t have_n)
{
	for (size_t i = 0; i < f->host.gpus_n; i++) {
		CLEANUP(freep) char *name = str_fmt("%d", f->host.gpus[i].index);
		bool is_there = false;

		for (size_t k = 0; k < have_n; k++) {
			size_t n = strlen(name);

			is_there |= strncmp(have[k].name, name, n) == 0 &&
				    (!have[k].name[n] || have[k].name[n] == ':');
		}
		if (!is_there)
			f->host.gpus[i].index = -1;
	}
}

static int lacks(const struct gpu_card *card, const struct gpu_card *have, size_t have_n,
		 struct err *e)
{
	CLEANUP(buf_fini) struct buf all = {.max = 150};

	for (size_t i = 0; i < have_n; i++)
		buf_fmt(&all, "%s%s", i ? ", " : "", have[i].name);
	(void)err_set(e, ERR_ABSENT, "the environment does not have GPU %s", card->name);
	return err_hint(e, "it has: %s; stop it and `dlenv up --gpu ...` gives it others",
			all.len ? all.data : "-");
}

int gpu_pick(const struct gpu_want *w, const struct gpu_card *have, size_t have_n, struct strs *ret,
	     struct err *e)
{
	CLEANUP(found_fini) struct found f = {.driver = {.fd = -1}};
	CLEANUP(gpu_given_fini) struct gpu_given chosen = {0};
	bool all = str_eq(w->request->ids[0], "all");

	if (!w->request->any)
		return 0;
	if (read_machine(w, &f, e) < 0)
		return -(int)e->code;
	if (all)
		keep_only(&f, have, have_n);
	if (choose(w, &f, e) < 0)
		return -(int)e->code;
	list_cards(&f, f.ids, &chosen);
	for (size_t i = 0; i < chosen.cards_n; i++) {
		size_t k = 0;

		while (k < have_n && !str_eq(have[k].name, chosen.cards[i].name))
			k++;
		if (k == have_n) {
			if (!all)
				return lacks(&chosen.cards[i], have, have_n, e);
		} else if (have[k].uuid[0]) {
			strs_add(ret, have[k].uuid);
		} else {
			strs_fmt(ret, "%zu", k);
		}
	}
	return 0;
}
