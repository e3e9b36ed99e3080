/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "base/str.h"
#include "compat/domains.h"

/*
 * The values of each variable, best first. The orders are those of doc/design/solver.md. What a
 * pin asks for and the tables do not have is added as a guess, where there is a ground for one.
 */

enum { OPEN_SINCE = 515, OPEN_DEFAULT_SINCE = 560, CUDA_AHEAD_MAX = 32 };

const char *const solve_names[VARS] = {
	[VAR_DISTRO] = "distro", [VAR_TORCH] = "torch",	    [VAR_RAPIDS] = "rapids",
	[VAR_CUPY] = "cupy",	 [VAR_DALI] = "dali",	    [VAR_CUDA] = "cuda",
	[VAR_CUDNN] = "cudnn",	 [VAR_DRIVER] = "driver",   [VAR_ROUTE] = "route",
	[VAR_ENGINE] = "engine", [VAR_TOOLKIT] = "toolkit", [VAR_IMAGE] = "image",
};

const char *version_text(struct arena *a, const struct version *v)
{
	const char *text = "";

	for (size_t i = 0; i < v->n; i++) {
		/* NVIDIA writes the later parts of a driver's version with two digits. */
		const char *form = i && v->part[0] >= 100 ? "%s.%02u" : i ? "%s.%u" : "%s%u";

		text = arena_fmt(a, form, text, v->part[i]);
	}
	return text;
}

void domain_add(struct problem *p, enum solve_var var, const struct value *v)
{
	if (p->n[var] == VALUES_MAX)
		p->full |= PIN_BIT(var); /* problem_domains refuses it */
	else
		p->v[var][p->n[var]++] = *v;
}

void domain_none(struct problem *p, enum solve_var var)
{
	domain_add(p, var, &(struct value){.text = "none", .flags = VALUE_NONE});
}

bool domain_allows(const struct problem *p, enum solve_var var)
{
	for (size_t i = 0; i < p->n[var]; i++)
		if (pin_allows(var, p->r->pin[var], &p->v[var][i]))
			return true;
	return false;
}

/* The wanted version when the pin has one that no value meets, and all are older. */
static bool is_newer_than_all(const struct problem *p, enum solve_var var, struct version *ret)
{
	if (!p->r->pin[var] || domain_allows(p, var))
		return false;
	*ret = pin_version(var, p->r->pin[var]);
	if (!ret->n)
		return false;
	for (size_t i = 0; i < p->n[var]; i++)
		if (version_compare(&p->v[var][i].v, ret) >= 0)
			return false;
	return true;
}

/* Frameworks: newest release, then stable before experimental, then newest CUDA; CPU last. */
static int status_rank(const char *status)
{
	return str_eq(status, "stable") ? 0 : str_eq(status, "experimental") ? 1 : 2;
}

static int compare_frameworks(const void *a, const void *b)
{
	const struct value *x = a;
	const struct value *y = b;
	const struct framework_fact *f = x->row;
	const struct framework_fact *g = y->row;
	int order = by_int(x->flags & VALUE_CPU, y->flags & VALUE_CPU);

	if (!order)
		order = version_compare(&y->v, &x->v);
	if (!order)
		order = by_int(status_rank(f->status), status_rank(g->status));
	if (!order && f->cuda.n && g->cuda.n)
		order = version_compare(&g->cuda.v[0].low, &f->cuda.v[0].low);
	return order ? order : strcmp(x->text, y->text);
}

static void add_framework(struct problem *p, enum solve_var var, const struct framework_fact *f)
{
	domain_add(
		p, var,
		&(struct value){
			.text = arena_fmt(p->a, "%s+%s", f->release_text, f->variant),
			.row = f,
			.from = &f->from,
			.v = f->release,
			.flags = f->cuda.n ? 0 : VALUE_CPU,
			.guess = str_eq(f->evidence, "inferred")
					 ? arena_fmt(p->a,
						     _("the compute capabilities of %s %s+%s are "
						       "inferred, not read from the build"),
						     f->project, f->release_text, f->variant)
					 : NULL,
		});
}

/* A version newer than all: like the newest, of a framework in each of its builds. */
static void guess_newer(struct problem *p, enum solve_var var)
{
	bool is_framework = var >= VAR_TORCH && var <= VAR_DALI;
	struct version wanted;
	struct version newest;
	size_t n = p->n[var];

	if (!is_newer_than_all(p, var, &wanted))
		return;
	newest = p->v[var][0].v;
	for (size_t i = 0; i < n; i++) {
		struct value v = p->v[var][i];
		const struct framework_fact *f = is_framework ? v.row : NULL;
		const char *text = version_text(p->a, &wanted);

		if (version_compare(&v.v, &newest) != 0)
			continue;
		v.guess = arena_fmt(p->a, _("%s %s is not in the table: it is taken to be like %s"),
				    solve_names[var], text, f ? f->release_text : v.text);
		v.v = wanted;
		v.text = f ? arena_fmt(p->a, "%s+%s", text, f->variant) : text;
		domain_add(p, var, &v);
	}
}

static void frameworks(struct problem *p, enum solve_var var)
{
	const char *pin = p->r->pin[var];

	/* But for PyTorch they are there only for those who ask. */
	if (var == VAR_TORCH || (pin && !str_eq(pin, "none"))) {
		for (size_t i = 0; i < p->f->frameworks.n; i++)
			if (str_eq(p->f->frameworks.v[i].project, solve_names[var]))
				add_framework(p, var, &p->f->frameworks.v[i]);
		qsort(p->v[var], p->n[var], sizeof(*p->v[var]), compare_frameworks);
		guess_newer(p, var);
	}
	domain_none(p, var);
}

static int compare_versions(const void *a, const void *b)
{
	const struct value *x = a;
	const struct value *y = b;
	int order = version_compare(&y->v, &x->v);

	if (!order)
		order = strcmp(y->text, x->text);
	return order ? order : strcmp(y->from->row, x->from->row);
}

static void sort_versions(struct problem *p, enum solve_var var)
{
	qsort(p->v[var], p->n[var], sizeof(*p->v[var]), compare_versions);
}

static const struct branch_fact *branch_of(const struct facts *f, uint32_t branch)
{
	for (size_t i = 0; i < f->branches.n; i++)
		if (f->branches.v[i].branch.part[0] == branch)
			return &f->branches.v[i];
	return NULL;
}

/* Its own driver is of a branch that is not for production yet. */
static bool is_ahead(const struct facts *f, const struct cuda_fact *c)
{
	const struct branch_fact *b = branch_of(f, c->driver.part[0]);

	return b && str_eq(b->kind, "new");
}

static void cudas(struct problem *p)
{
	struct value ahead[CUDA_AHEAD_MAX];
	size_t ahead_n = 0;
	size_t n = 0;

	for (size_t i = 0; i < p->f->cuda.n; i++) {
		const struct cuda_fact *c = &p->f->cuda.v[i];

		domain_add(
			p, VAR_CUDA,
			&(struct value){
				.text = c->from.row, .row = c, .from = &c->from, .v = c->release});
	}
	sort_versions(p, VAR_CUDA);
	guess_newer(p, VAR_CUDA);
	for (size_t i = 0; i < p->n[VAR_CUDA]; i++)
		if (is_ahead(p->f, p->v[VAR_CUDA][i].row) && ahead_n < CUDA_AHEAD_MAX)
			ahead[ahead_n++] = p->v[VAR_CUDA][i];
		else
			p->v[VAR_CUDA][n++] = p->v[VAR_CUDA][i];
	for (size_t i = 0; i < ahead_n; i++)
		p->v[VAR_CUDA][n++] = ahead[i];
	domain_none(p, VAR_CUDA);
}

static void cudnns(struct problem *p)
{
	for (size_t i = 0; i < p->f->cudnn.n; i++) {
		const struct cudnn_fact *c = &p->f->cudnn.v[i];

		domain_add(p, VAR_CUDNN,
			   &(struct value){.text = version_text(p->a, &c->version),
					   .row = c,
					   .from = &c->from,
					   .v = c->version});
	}
	sort_versions(p, VAR_CUDNN);
	guess_newer(p, VAR_CUDNN);
	domain_none(p, VAR_CUDNN);
}

static void toolkits(struct problem *p)
{
	for (size_t i = 0; i < p->f->toolkits.n; i++) {
		const struct toolkit_fact *t = &p->f->toolkits.v[i];

		domain_add(p, VAR_TOOLKIT,
			   &(struct value){.text = t->version_text,
					   .row = t,
					   .from = &t->from,
					   .v = t->version});
	}
	sort_versions(p, VAR_TOOLKIT);
	guess_newer(p, VAR_TOOLKIT);
	domain_none(p, VAR_TOOLKIT);
}

static int kind_rank(const char *kind)
{
	return str_eq(kind, "production") ? 0
	       : str_eq(kind, "lts")	  ? 1
	       : str_eq(kind, "new")	  ? 3
					  : 2;
}

static int compare_branches(const void *a, const void *b)
{
	const struct branch_fact *x = *(const struct branch_fact *const *)a;
	const struct branch_fact *y = *(const struct branch_fact *const *)b;
	int order = by_int(kind_rank(x->kind), kind_rank(y->kind));

	return order ? order : version_compare(&y->branch, &x->branch);
}

/* Both kinds of modules of a driver, the recommended ones first. */
static void add_driver(struct problem *p, const struct value *driver, const char *version)
{
	uint32_t branch = driver->v.part[0];
	bool open_first = branch >= OPEN_DEFAULT_SINCE;

	for (int i = 0; i < 2; i++) {
		struct value v = *driver;
		bool open = open_first == (i == 0);

		if (open && branch < OPEN_SINCE)
			continue;
		v.flags |= open ? VALUE_OPEN : 0;
		v.text = arena_fmt(p->a, "%s-%s", version, open ? "open" : "proprietary");
		domain_add(p, VAR_DRIVER, &v);
	}
}

static void add_exact(struct problem *p, const struct version *v)
{
	const struct branch_fact *b = branch_of(p->f, v->part[0]);
	struct value driver = {
		.row = b, .from = b ? &b->from : NULL, .v = *v, .flags = VALUE_EXACT};

	if (!b)
		driver.guess = arena_fmt(p->a,
					 _("driver branch %u is not in the table: what it supports "
					   "is judged by its number"),
					 v->part[0]);
	add_driver(p, &driver, version_text(p->a, v));
}

static void add_loaded(struct problem *p)
{
	struct version v = p->r->loaded ? version_in(p->r->loaded) : (struct version){0};
	const struct branch_fact *b = branch_of(p->f, v.part[0]);

	if (!v.n)
		return;
	domain_add(
		p, VAR_DRIVER,
		&(struct value){
			.text = arena_fmt(p->a, "%s-%s", version_text(p->a, &v),
					  p->r->loaded_open ? "open" : "proprietary"),
			.row = b,
			.from = b ? &b->from : NULL,
			.v = v,
			.flags = VALUE_EXACT | VALUE_LOADED | (p->r->loaded_open ? VALUE_OPEN : 0),
		});
}

static void drivers(struct problem *p)
{
	const struct branch_fact **sorted =
		arena_alloc(p->a, (p->f->branches.n + 1) * sizeof(*sorted));
	const char *pin = p->r->pin[VAR_DRIVER];
	struct version wanted = pin ? pin_version(VAR_DRIVER, pin) : (struct version){0};

	add_loaded(p);
	for (size_t i = 0; i < p->f->branches.n; i++)
		sorted[i] = &p->f->branches.v[i];
	qsort(sorted, p->f->branches.n, sizeof(*sorted), compare_branches);
	for (size_t i = 0; i < p->f->branches.n; i++)
		add_driver(p,
			   &(struct value){.row = sorted[i],
					   .from = &sorted[i]->from,
					   .v = sorted[i]->newest},
			   version_text(p->a, &sorted[i]->branch));
	if (wanted.n && !domain_allows(p, VAR_DRIVER))
		add_exact(p, &wanted);
	domain_none(p, VAR_DRIVER);
}

/* Images: with compiler and cuDNN first; then the system; then what was on the list. */
static int image_rank(const struct image_fact *m)
{
	static const char *const systems[] = {"ubuntu24.04", "ubuntu22.04", "ubuntu26.04",
					      "ubuntu20.04", "ubuntu18.04"};
	bool cudnn = str_starts(m->extra, "cudnn");
	int kind = str_eq(m->flavour, "devel") ? 0 : str_eq(m->flavour, "runtime") ? 2 : 4;
	int system = 0;

	while (system < (int)COUNT(systems) && !str_eq(systems[system], m->os))
		system++;
	if (*m->extra && !cudnn)
		kind = 6;
	return (kind + !cudnn) * 100 + system * 10 + str_starts(m->status, "unsupported");
}

/* The release of an image: the same, or the newest of its minor where the table lacks it. */
static const struct value *release_of(const struct problem *p, const struct version *cuda)
{
	const struct value *found = NULL;

	for (size_t i = 0; i < p->n[VAR_CUDA]; i++) {
		const struct value *c = &p->v[VAR_CUDA][i];

		if (version_compare(&c->v, cuda) == 0)
			return c;
		if (!found && c->v.n && c->v.part[0] == cuda->part[0] &&
		    c->v.part[1] == cuda->part[1])
			found = c;
	}
	return found;
}

static void add_image(struct problem *p, const struct image_fact *m, const struct value *cuda)
{
	domain_add(p, VAR_IMAGE,
		   &(struct value){.text = m->tag, .row = m, .from = &m->from, .v = cuda->v});
}

/* An image that no list had: its tag says which CUDA it has. */
static void guess_image(struct problem *p)
{
	const char *pin = p->r->pin[VAR_IMAGE];
	struct version v = pin ? pin_version(VAR_IMAGE, pin) : (struct version){0};
	const struct value *cuda = v.n ? release_of(p, &v) : NULL;

	if (!cuda || domain_allows(p, VAR_IMAGE))
		return;
	domain_add(p, VAR_IMAGE,
		   &(struct value){
			   .text = str_starts(pin, "nvidia/cuda:") ? pin + 12 : pin,
			   .v = cuda->v,
			   .guess = arena_fmt(p->a,
					      _("the image %s is not in the table: its CUDA is "
						"read off the tag"),
					      pin)});
}

/* For each release the best image with cuDNN and the best without; and the pinned one. */
struct best_image {
	const struct image_fact *with;
	const struct image_fact *without;
};

static void take_best(struct best_image *b, const struct image_fact *m)
{
	const struct image_fact **slot = *m->extra ? &b->with : &b->without;

	if (!*slot || image_rank(m) < image_rank(*slot))
		*slot = m;
}

static void add_best(struct problem *p, const struct best_image *b, const struct value *cuda)
{
	bool with_first = b->with && (!b->without || image_rank(b->with) < image_rank(b->without));

	if (with_first)
		add_image(p, b->with, cuda);
	if (b->without)
		add_image(p, b->without, cuda);
	if (b->with && !with_first)
		add_image(p, b->with, cuda);
}

static void images(struct problem *p)
{
	struct best_image *best = arena_alloc(p->a, (p->n[VAR_CUDA] + 1) * sizeof(*best));
	const struct value *cuda = NULL;
	const char *pin = p->r->pin[VAR_IMAGE];

	for (size_t i = 0; i < p->f->images.n; i++) {
		const struct image_fact *m = &p->f->images.v[i];

		if (!i || version_compare(&m->cuda, &p->f->images.v[i - 1].cuda) != 0)
			cuda = release_of(p, &m->cuda);
		if (cuda)
			take_best(&best[cuda - p->v[VAR_CUDA]], m);
	}
	for (size_t i = 0; i < p->n[VAR_CUDA]; i++)
		add_best(p, &best[i], &p->v[VAR_CUDA][i]);
	for (size_t i = 0; pin && i < p->f->images.n; i++) {
		const struct image_fact *m = &p->f->images.v[i];

		if (pin_allows(VAR_IMAGE, pin, &(struct value){.text = m->tag}) &&
		    !domain_allows(p, VAR_IMAGE) && (cuda = release_of(p, &m->cuda)))
			add_image(p, m, cuda);
	}
	guess_image(p);
	domain_none(p, VAR_IMAGE);
}

/* "2.6" does not mean the build without CUDA, but where there is no GPU. */
static bool is_meant(const struct problem *p, size_t var, const struct value *v)
{
	const char *pin = p->r->pin[var];

	if (!pin)
		return true;
	if (v->flags & VALUE_CPU && !p->r->no_gpu && !str_ends(pin, "cpu"))
		return false;
	return pin_allows(var, pin, v);
}

static void take_pins(struct problem *p)
{
	for (size_t var = 0; var < VARS; var++)
		for (size_t i = 0; i < p->n[var]; i++)
			if (is_meant(p, var, &p->v[var][i]))
				set_add(&p->pin[var], i);
}

int problem_domains(struct problem *p, struct err *e)
{
	for (size_t var = 0; var < VARS; var++) {
		p->v[var] = arena_alloc(p->a, VALUES_MAX * sizeof(*p->v[var]));
		if (p->r->pin[var] && pin_check(var, p->r->pin[var], e) < 0)
			return -(int)e->code;
	}
	if (str_eq(p->r->pin[VAR_DRIVER], "loaded") && !p->r->loaded)
		return err_set(e, ERR_CONFIG, "no NVIDIA driver is loaded");
	domain_distros(p);
	for (enum solve_var var = VAR_TORCH; var <= VAR_DALI; var++)
		frameworks(p, var);
	cudas(p);
	cudnns(p);
	drivers(p);
	domain_routes(p);
	domain_engines(p);
	toolkits(p);
	images(p);
	for (size_t var = 0; var < VARS; var++)
		if (p->full & PIN_BIT(var))
			return err_set(e, ERR_CONFIG, "there are more than %d values for %s",
				       VALUES_MAX, solve_names[var]);
	take_pins(p);
	return 0;
}
