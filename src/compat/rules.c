/* SPDX-License-Identifier: Apache-2.0 */
#include "compat/rules.h"

#include <string.h>

#include "base/str.h"
#include "compat/say.h"

/* The rules of doc/design/solver.md: what has to hold between a GPU, a value and another one. */

/* "No GPU" is a GPU of its own, NULL: nothing else is asked of it. */
static bool driver_gpu(const struct problem *p, const struct gpu_fact *g, const struct value *a)
{
	(void)p;
	return !!(a->flags & VALUE_NONE) == !g;
}

static bool driver_last(const struct problem *p, const struct gpu_fact *g, const struct value *a)
{
	(void)p;
	return !g || !g->last.n || !a->v.n || a->v.part[0] <= g->last.part[0];
}

/* The first release that ok says of; NULL also for the table's oldest: older ones are not in it. */
static const struct cuda_fact *first_cuda(const struct facts *f, const struct version *cc,
					  bool (*ok)(const struct cuda_fact *c,
						     const struct version *cc))
{
	const struct cuda_fact *first = NULL;
	const struct cuda_fact *oldest = NULL;

	for (size_t i = 0; i < f->cuda.n; i++) {
		const struct cuda_fact *c = &f->cuda.v[i];

		if (!oldest || version_compare(&c->release, &oldest->release) < 0)
			oldest = c;
		if (ok(c, cc) && (!first || version_compare(&c->release, &first->release) < 0))
			first = c;
	}
	return first == oldest ? NULL : first;
}

static bool knows(const struct cuda_fact *c, const struct version *cc)
{
	return version_compare(cc, &c->cc_max) <= 0;
}

/* Code for a capability runs on the later ones of its major: sm_86 on 8.9. */
static bool makes_code(const struct cuda_fact *c, const struct version *cc)
{
	return knows(c, cc) || cc->part[0] == c->cc_max.part[0];
}

const struct cuda_fact *first_cuda_for(const struct facts *f, const struct version *cc)
{
	return first_cuda(f, cc, knows);
}

const struct cuda_fact *first_cuda_making(const struct facts *f, const struct version *cc)
{
	return first_cuda(f, cc, makes_code);
}

/*
 * No table has the first driver of an architecture, but that of the CUDA release which first made
 * code for it; and for the open modules the first release with the board.
 */
static bool driver_first(const struct problem *p, const struct gpu_fact *g, const struct value *a)
{
	const struct cuda_fact *c = g && g->cc.n ? first_cuda_for(p->f, &g->cc) : NULL;

	if (!g || !a->v.n)
		return true;
	if (c && version_compare(&a->v, &c->driver) < 0)
		return false;
	return !(a->flags & VALUE_OPEN) || !g->first.n || version_compare(&a->v, &g->first) >= 0;
}

static bool driver_flavour(const struct problem *p, const struct gpu_fact *g, const struct value *a)
{
	(void)p;
	return !g || a->flags & VALUE_NONE ||
	       g->flavours & (a->flags & VALUE_OPEN ? FLAVOUR_OPEN : FLAVOUR_PROPRIETARY);
}

static bool cuda_gpu_min(const struct problem *p, const struct gpu_fact *g, const struct value *a)
{
	const struct cuda_fact *c = a->row;

	(void)p;
	return !g || !c || (g->cc.n && version_compare(&g->cc, &c->cc_min) >= 0);
}

static bool cuda_gpu_max(const struct problem *p, const struct gpu_fact *g, const struct value *a)
{
	const struct cuda_fact *c = a->row;

	(void)p;
	return !g || !c ||
	       (g->cc.n &&
		(version_compare(&g->cc, &c->cc_max) <= 0 || g->cc.part[0] == c->cc_max.part[0]));
}

static bool cudnn_gpu(const struct problem *p, const struct gpu_fact *g, const struct value *a)
{
	const struct cudnn_fact *c = a->row;

	(void)p;
	return !g || !c ||
	       (g->cc.n && version_compare(&g->cc, &c->cc_min) >= 0 &&
		(version_compare(&g->cc, &c->cc_max) <= 0 || g->cc.part[0] == c->cc_max.part[0]));
}

static bool framework_gpu(const struct problem *p, const struct gpu_fact *g, const struct value *a)
{
	const struct framework_fact *f = a->row;

	(void)p;
	return !g || !f || a->flags & VALUE_CPU || (g->cc.n && capabilities_hold(&f->cc, &g->cc));
}

/* With a GPU, a build that does not use it is taken only by those who ask for it. */
static bool torch_use(const struct problem *p, const struct gpu_fact *g, const struct value *a)
{
	const char *pin = p->r->pin[VAR_TORCH];

	return !g || !(a->flags & VALUE_CPU) || (pin && str_ends(pin, "cpu"));
}

static bool at_least(const struct value *driver, const struct version *min)
{
	return min->n && version_compare(&driver->v, min) >= 0;
}

static bool by_driver(const struct cuda_fact *c, const struct value *driver)
{
	return at_least(driver, &c->driver) || at_least(driver, &c->minor_driver);
}

static bool cuda_driver(const struct problem *p, const struct value *a, const struct value *b)
{
	const struct cuda_fact *c = a->row;
	struct version branch = {.n = 1, .part = {b->v.part[0]}};

	(void)p;
	if (!c)
		return true;
	return !(b->flags & VALUE_NONE) &&
	       (by_driver(c, b) || ranges_hold(&c->compat_branches, &branch));
}

static bool cuda_compat(const struct problem *p, const struct value *a, const struct value *b)
{
	const struct cuda_fact *c = a->row;

	(void)p;
	return !c || b->flags & VALUE_NONE || by_driver(c, b);
}

static bool is_no_data_centre_board(const struct gpu_fact *g)
{
	return g && !g->data_centre;
}

static bool framework_cuda(const struct problem *p, const struct value *a, const struct value *b)
{
	const struct framework_fact *f = a->row;

	(void)p;
	return !f || a->flags & VALUE_CPU || (b->v.n && ranges_hold(&f->cuda, &b->v));
}

static bool framework_driver(const struct problem *p, const struct value *a, const struct value *b)
{
	const struct framework_fact *f = a->row;

	(void)p;
	return !f || a->flags & VALUE_CPU || at_least(b, &f->driver);
}

static bool cudnn_cuda(const struct problem *p, const struct value *a, const struct value *b)
{
	const struct cudnn_fact *c = a->row;

	(void)p;
	return !c || (b->v.n && ranges_hold(&c->toolkits, &b->v));
}

static bool cudnn_driver(const struct problem *p, const struct value *a, const struct value *b)
{
	const struct cudnn_fact *c = a->row;

	(void)p;
	return !c || at_least(b, &c->driver);
}

static bool image_cuda(const struct problem *p, const struct value *a, const struct value *b)
{
	(void)p;
	return a->flags & VALUE_NONE || (b->v.n && version_compare(&a->v, &b->v) == 0);
}

/* A tag says which major of cuDNN is in: -cudnn8-, -cudnn9-, and -cudnn- for 9. */
static bool image_cudnn(const struct problem *p, const struct value *a, const struct value *b)
{
	const struct image_fact *m = a->row;
	uint32_t major = m && str_eq(m->extra, "cudnn8") ? 8 : 9;

	(void)p;
	return !m || !str_starts(m->extra, "cudnn") || (b->v.n && b->v.part[0] == major);
}

static bool route_distro(const struct problem *p, const struct value *a, const struct value *b)
{
	(void)p;
	return a->flags & (VALUE_NONE | VALUE_ANYWHERE) || a->distro == b->row;
}

bool route_has(const struct route_fact *r, uint32_t branch)
{
	const char *s = r->branches;

	if (str_eq(s, "*"))
		return true;
	/* "550,570" or "580+"; what is no number has no branch. */
	while (*(s += strspn(s, ", "))) {
		size_t n = strcspn(s, ", ");
		struct version v = version_in(s);
		bool is_number = *s >= '0' && *s <= '9' && v.n;

		if (is_number && (branch == v.part[0] || (s[n - 1] == '+' && branch > v.part[0])))
			return true;
		s += n;
	}
	return false;
}

static bool route_driver(const struct problem *p, const struct value *a, const struct value *b)
{
	const struct route_fact *r = a->row;

	(void)p;
	if ((a->flags | b->flags) & VALUE_NONE)
		return a->flags & b->flags & VALUE_NONE;
	if (a->flags & VALUE_LOADED)
		return b->flags & VALUE_LOADED;
	return !r || (route_has(r, b->v.part[0]) &&
		      r->flavours & (b->flags & VALUE_OPEN ? FLAVOUR_OPEN : FLAVOUR_PROPRIETARY));
}

static bool engine_distro(const struct problem *p, const struct value *a, const struct value *b)
{
	(void)p;
	return a->flags & VALUE_ANYWHERE || a->distro == b->row;
}

static bool toolkit_engine(const struct problem *p, const struct value *a, const struct value *b)
{
	const struct toolkit_fact *t = a->row;

	(void)p;
	if (!t)
		return true;
	if (str_eq(b->text, "dlenv"))
		return !t->version.n;
	return b->features & feature_bit(str_starts(b->text, "docker") ? t->docker : t->podman);
}

static bool toolkit_driver(const struct problem *p, const struct value *a, const struct value *b)
{
	(void)p;
	return !((a->flags ^ b->flags) & VALUE_NONE);
}

#define BY_GPU(name, variable, test)                                                               \
	.id = (name), .a = (variable), .part = (variable), .gpu = (test)
#define BY_PAIR(name, one, other, shown_at, test)                                                  \
	.id = (name), .a = (one), .b = (other), .part = (shown_at), .pair = (test)

const struct rule rules[] = {
	{BY_GPU("driver-gpu", VAR_DRIVER, driver_gpu), .say = say_driver_gpu},
	{BY_GPU("driver-last", VAR_DRIVER, driver_last), .say = say_driver_last},
	{BY_GPU("driver-first", VAR_DRIVER, driver_first), .say = say_driver_first},
	{BY_GPU("driver-flavour", VAR_DRIVER, driver_flavour), .say = say_driver_flavour},
	{BY_GPU("cuda-gpu-min", VAR_CUDA, cuda_gpu_min), .say = say_cuda_gpu_min},
	{BY_GPU("cuda-gpu-max", VAR_CUDA, cuda_gpu_max), .say = say_cuda_gpu_max},
	{BY_GPU("cudnn-gpu", VAR_CUDNN, cudnn_gpu), .say = say_cudnn_gpu},
	{BY_GPU("torch-gpu", VAR_TORCH, framework_gpu), .say = say_framework_gpu},
	{BY_GPU("rapids-gpu", VAR_RAPIDS, framework_gpu), .say = say_framework_gpu},
	{BY_GPU("cupy-gpu", VAR_CUPY, framework_gpu), .say = say_framework_gpu},
	{BY_GPU("dali-gpu", VAR_DALI, framework_gpu), .say = say_framework_gpu},
	{BY_GPU("torch-use", VAR_TORCH, torch_use), .say = say_torch_use},
	{BY_PAIR("torch-cuda", VAR_TORCH, VAR_CUDA, VAR_CUDA, framework_cuda),
	 .say = say_framework_cuda},
	{BY_PAIR("rapids-cuda", VAR_RAPIDS, VAR_CUDA, VAR_CUDA, framework_cuda),
	 .say = say_framework_cuda},
	{BY_PAIR("cupy-cuda", VAR_CUPY, VAR_CUDA, VAR_CUDA, framework_cuda),
	 .say = say_framework_cuda},
	{BY_PAIR("dali-cuda", VAR_DALI, VAR_CUDA, VAR_CUDA, framework_cuda),
	 .say = say_framework_cuda},
	{BY_PAIR("torch-driver", VAR_TORCH, VAR_DRIVER, VAR_DRIVER, framework_driver),
	 .say = say_framework_driver},
	{BY_PAIR("rapids-driver", VAR_RAPIDS, VAR_DRIVER, VAR_DRIVER, framework_driver),
	 .say = say_framework_driver},
	{BY_PAIR("cupy-driver", VAR_CUPY, VAR_DRIVER, VAR_DRIVER, framework_driver),
	 .say = say_framework_driver},
	{BY_PAIR("dali-driver", VAR_DALI, VAR_DRIVER, VAR_DRIVER, framework_driver),
	 .say = say_framework_driver},
	{BY_PAIR("cuda-driver", VAR_CUDA, VAR_DRIVER, VAR_DRIVER, cuda_driver),
	 .say = say_cuda_driver},
	{BY_PAIR("cuda-compat", VAR_CUDA, VAR_DRIVER, VAR_DRIVER, cuda_compat),
	 .when = is_no_data_centre_board, .say = say_cuda_compat},
	{BY_PAIR("cudnn-cuda", VAR_CUDNN, VAR_CUDA, VAR_CUDNN, cudnn_cuda), .say = say_cudnn_cuda},
	{BY_PAIR("cudnn-driver", VAR_CUDNN, VAR_DRIVER, VAR_DRIVER, cudnn_driver),
	 .say = say_cudnn_driver},
	{BY_PAIR("image-cuda", VAR_IMAGE, VAR_CUDA, VAR_IMAGE, image_cuda), .say = say_image_cuda},
	{BY_PAIR("image-cudnn", VAR_IMAGE, VAR_CUDNN, VAR_IMAGE, image_cudnn),
	 .say = say_image_cudnn},
	{BY_PAIR("route-distro", VAR_ROUTE, VAR_DISTRO, VAR_ROUTE, route_distro),
	 .say = say_route_distro},
	{BY_PAIR("route-driver", VAR_ROUTE, VAR_DRIVER, VAR_ROUTE, route_driver),
	 .say = say_route_driver},
	{BY_PAIR("engine-distro", VAR_ENGINE, VAR_DISTRO, VAR_ENGINE, engine_distro),
	 .say = say_engine_distro},
	{BY_PAIR("toolkit-engine", VAR_TOOLKIT, VAR_ENGINE, VAR_TOOLKIT, toolkit_engine),
	 .say = say_toolkit_engine},
	{BY_PAIR("toolkit-driver", VAR_TOOLKIT, VAR_DRIVER, VAR_TOOLKIT, toolkit_driver),
	 .say = say_toolkit_driver},
};

const size_t rules_n = COUNT(rules);
_Static_assert(COUNT(rules) <= RULES_MAX, "a rule has a bit in a mask of 64");

bool rule_applies(const struct problem *p, size_t i, uint64_t active)
{
	if (!(active & RULE_BIT(i)))
		return false;
	if (!rules[i].when)
		return true;
	for (size_t g = 0; g < p->gpus_n; g++)
		if (active & GPU_BIT(g) && rules[i].when(p->gpu[g]))
			return true;
	return false;
}

static void fill_unary(struct problem *p, size_t i)
{
	enum solve_var var = rules[i].a;

	for (size_t g = 0; g < p->gpus_n; g++)
		for (size_t v = 0; v < p->n[var]; v++)
			if (rules[i].gpu(p, p->gpu[g], &p->v[var][v]))
				set_add(&p->unary[i][g], v);
}

static void fill_pair(struct problem *p, size_t i)
{
	const struct rule *r = &rules[i];

	p->pair[i][0] = arena_alloc(p->a, p->n[r->a] * sizeof(struct set));
	p->pair[i][1] = arena_alloc(p->a, p->n[r->b] * sizeof(struct set));
	for (size_t x = 0; x < p->n[r->a]; x++)
		for (size_t y = 0; y < p->n[r->b]; y++)
			if (r->pair(p, &p->v[r->a][x], &p->v[r->b][y])) {
				set_add(&p->pair[i][0][x], y);
				set_add(&p->pair[i][1][y], x);
			}
}

void problem_rules(struct problem *p)
{
	for (size_t i = 0; i < rules_n; i++)
		if (rules[i].gpu)
			fill_unary(p, i);
		else
			fill_pair(p, i);
}
