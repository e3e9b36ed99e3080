/* SPDX-License-Identifier: Apache-2.0 */
#include "compat/say.h"

#include "base/i18n.h"
#include "base/str.h"

/* A sentence says what the table has, so that it is true whether the rule is kept or broken. */

#define SAY(...) arena_fmt(p->a, __VA_ARGS__)

static const char *text_of(const struct problem *p, const struct version *v)
{
	return version_text(p->a, v);
}

/* The fact of a value; nothing where it has none. */
static struct fact fact_of(const struct value *v)
{
	return v->from ? *v->from : (struct fact){0};
}

const char *ranges_text(struct arena *a, const struct ranges *r)
{
	const char *text = "";

	for (size_t i = 0; i < r->n; i++) {
		const char *low = version_text(a, &r->v[i].low);
		bool one = version_compare(&r->v[i].low, &r->v[i].high) == 0;

		text = arena_fmt(a, "%s%s%s%s%s", text, i ? ", " : "", low, one ? "" : "-",
				 one ? "" : version_text(a, &r->v[i].high));
	}
	return text;
}

static const char *capabilities_text(struct arena *a, const struct capabilities *c)
{
	const char *text = "";

	for (size_t i = 0; i < c->n; i++)
		text = arena_fmt(a, "%s%s%s", text, i ? ", " : "", version_text(a, &c->v[i]));
	return c->ptx ? arena_fmt(a, "%s+PTX", text) : c->open ? arena_fmt(a, "%s+", text) : text;
}

void say_driver_gpu(const struct problem *p, const struct rule_case *c, struct solve_reason *ret)
{
	(void)p;
	if (!c->gpu)
		ret->text = _("without an NVIDIA GPU there is nothing for its driver to do");
}

void say_driver_last(const struct problem *p, const struct rule_case *c, struct solve_reason *ret)
{
	if (!c->gpu || !c->gpu->last.n)
		return;
	ret->text = SAY(_("%s (%s) is supported up to driver branch %s"), c->gpu->product,
			c->gpu->arch, text_of(p, &c->gpu->last));
	ret->from = c->gpu->from;
}

void say_driver_first(const struct problem *p, const struct rule_case *c, struct solve_reason *ret)
{
	const struct gpu_fact *g = c->gpu;
	const struct cuda_fact *first = g && g->cc.n ? first_cuda_for(p->f, &g->cc) : NULL;

	if (g && g->first.n && c->a->flags & VALUE_OPEN &&
	    (!first || version_compare(&g->first, &first->driver) > 0)) {
		ret->text = SAY(_("the open modules know %s from driver %s on"), g->product,
				text_of(p, &g->first));
		ret->from = g->from;
	} else if (first) {
		ret->text = SAY(_("compute capability %s came with CUDA %s, whose driver is %s"),
				text_of(p, &g->cc), text_of(p, &first->release),
				text_of(p, &first->driver));
		ret->from = first->from;
	}
}

void say_driver_flavour(const struct problem *p, const struct rule_case *c,
			struct solve_reason *ret)
{
	if (!c->gpu)
		return;
	ret->from = c->gpu->from;
	if (c->gpu->flavours == FLAVOUR_OPEN)
		ret->text = SAY(_("%s (%s) works with the open kernel modules only"),
				c->gpu->product, c->gpu->arch);
	else if (c->gpu->flavours == FLAVOUR_PROPRIETARY)
		ret->text = SAY(_("%s (%s) works with the proprietary kernel modules only"),
				c->gpu->product, c->gpu->arch);
	else
		ret->text = SAY(_("%s (%s) works with both kinds of kernel modules; the open ones "
				  "are the default since driver 560"),
				c->gpu->product, c->gpu->arch);
}

/* The newest CUDA release that still makes code for the capability. */
static const struct cuda_fact *last_cuda_for(const struct facts *f, const struct version *cc)
{
	const struct cuda_fact *last = NULL;

	for (size_t i = 0; i < f->cuda.n; i++) {
		const struct cuda_fact *c = &f->cuda.v[i];

		if (version_compare(cc, &c->cc_min) >= 0 &&
		    (!last || version_compare(&c->release, &last->release) > 0))
			last = c;
	}
	return last;
}

static const struct cuda_fact *newest_cuda(const struct facts *f)
{
	const struct version all = {.n = 1, .part = {UINT32_MAX}};

	return last_cuda_for(f, &all);
}

void say_cuda_gpu_min(const struct problem *p, const struct rule_case *c, struct solve_reason *ret)
{
	const struct cuda_fact *last = c->gpu ? last_cuda_for(p->f, &c->gpu->cc) : NULL;

	if (!c->gpu)
		return;
	if (!c->gpu->cc.n || !last) {
		ret->text = SAY(_("%s cannot run CUDA code of any release in the table"),
				c->gpu->product);
		ret->from = c->gpu->from;
	} else if (last != newest_cuda(p->f)) {
		ret->text = SAY(_("compute capability %s needs CUDA %s or older"),
				text_of(p, &c->gpu->cc), text_of(p, &last->release));
		ret->from = last->from;
	}
}

void say_cuda_gpu_max(const struct problem *p, const struct rule_case *c, struct solve_reason *ret)
{
	const struct cuda_fact *first =
		c->gpu && c->gpu->cc.n ? first_cuda_making(p->f, &c->gpu->cc) : NULL;

	if (!first)
		return;
	ret->text = SAY(_("sm_%u%u needs CUDA %u.%u or newer"), c->gpu->cc.part[0],
			c->gpu->cc.part[1], first->release.part[0], first->release.part[1]);
	ret->from = first->from;
}

void say_cudnn_gpu(const struct problem *p, const struct rule_case *c, struct solve_reason *ret)
{
	const struct cudnn_fact *d = c->a->row;

	if (!c->gpu || !d)
		return;
	ret->text = SAY(_("cuDNN %s is for compute capabilities %s to %s; %s has %s"), c->a->text,
			text_of(p, &d->cc_min), text_of(p, &d->cc_max), c->gpu->product,
			text_of(p, &c->gpu->cc));
	ret->from = d->from;
}

void say_framework_gpu(const struct problem *p, const struct rule_case *c, struct solve_reason *ret)
{
	const struct framework_fact *f = c->a->row;

	if (!c->gpu || !f || c->a->flags & VALUE_CPU)
		return;
	ret->text = SAY(_("%s %s has code for %s; %s has %s"), f->project, c->a->text,
			capabilities_text(p->a, &f->cc), c->gpu->product,
			c->gpu->cc.n ? text_of(p, &c->gpu->cc) : _("none that runs CUDA"));
	ret->from = f->from;
}

void say_torch_use(const struct problem *p, const struct rule_case *c, struct solve_reason *ret)
{
	(void)p;
	if (c->broken)
		ret->text = _("a PyTorch without CUDA is taken only when it is asked for: "
			      "--torch cpu");
}

void say_framework_cuda(const struct problem *p, const struct rule_case *c,
			struct solve_reason *ret)
{
	const struct framework_fact *f = c->a->row;

	if (!f || c->a->flags & VALUE_CPU)
		return;
	ret->text = SAY(_("%s %s is built for CUDA %s"), f->project, c->a->text,
			ranges_text(p->a, &f->cuda));
	ret->from = f->from;
}

void say_framework_driver(const struct problem *p, const struct rule_case *c,
			  struct solve_reason *ret)
{
	const struct framework_fact *f = c->a->row;

	if (!f || c->a->flags & VALUE_CPU)
		return;
	ret->text = SAY(_("%s %s needs driver %s or newer"), f->project, c->a->text,
			text_of(p, &f->driver));
	ret->from = f->from;
}

void say_cuda_driver(const struct problem *p, const struct rule_case *c, struct solve_reason *ret)
{
	const struct cuda_fact *d = c->a->row;

	if (!d)
		return;
	ret->from = d->from;
	if (d->minor_driver.n)
		ret->text = SAY(_("CUDA %s comes with driver %s and runs on %s or newer (minor "
				  "version compatibility)"),
				c->a->text, text_of(p, &d->driver), text_of(p, &d->minor_driver));
	else
		ret->text = SAY(_("CUDA %s needs driver %s or newer"), c->a->text,
				text_of(p, &d->driver));
}

void say_cuda_compat(const struct problem *p, const struct rule_case *c, struct solve_reason *ret)
{
	const struct cuda_fact *d = c->a->row;

	if (!c->broken || !d)
		return;
	ret->text = SAY(_("CUDA %s needs driver %s or newer; forward compatibility (%s) is for "
			  "data-centre boards only"),
			c->a->text, text_of(p, d->minor_driver.n ? &d->minor_driver : &d->driver),
			d->compat_package);
	ret->from = d->from;
}

void say_cudnn_cuda(const struct problem *p, const struct rule_case *c, struct solve_reason *ret)
{
	const struct cudnn_fact *d = c->a->row;

	if (!d)
		return;
	ret->text = SAY(_("cuDNN %s (%s) is for CUDA %s"), c->a->text, d->package,
			ranges_text(p->a, &d->toolkits));
	ret->from = d->from;
}

void say_cudnn_driver(const struct problem *p, const struct rule_case *c, struct solve_reason *ret)
{
	const struct cudnn_fact *d = c->a->row;

	if (!d)
		return;
	ret->text = SAY(_("cuDNN %s needs driver %s or newer"), c->a->text, text_of(p, &d->driver));
	ret->from = d->from;
}

void say_image_cuda(const struct problem *p, const struct rule_case *c, struct solve_reason *ret)
{
	const struct image_fact *m = c->a->row;

	if (!m)
		return;
	ret->text =
		SAY(_("the image %s has CUDA %s (%s)"), m->tag, text_of(p, &m->cuda), m->status);
	ret->from = m->from;
}

void say_image_cudnn(const struct problem *p, const struct rule_case *c, struct solve_reason *ret)
{
	const struct image_fact *m = c->a->row;

	if (!m || !str_starts(m->extra, "cudnn"))
		return;
	ret->text =
		SAY(_("the image %s has cuDNN %s"), m->tag, str_eq(m->extra, "cudnn8") ? "8" : "9");
	ret->from = m->from;
}

void say_route_distro(const struct problem *p, const struct rule_case *c, struct solve_reason *ret)
{
	const char *list = "";

	if (!c->b->row)
		return;
	for (size_t i = 0; i < p->n[VAR_ROUTE]; i++)
		if (p->v[VAR_ROUTE][i].row && p->v[VAR_ROUTE][i].distro == c->b->row)
			list = SAY("%s%s%s", list, *list ? ", " : "", p->v[VAR_ROUTE][i].text);
	ret->text = SAY(_("on %s the driver comes from: %s"), c->b->text, list);
	ret->from = fact_of(c->broken ? c->b : c->a);
}

void say_route_driver(const struct problem *p, const struct rule_case *c, struct solve_reason *ret)
{
	const struct route_fact *r = c->a->row;

	if (!r)
		return;
	ret->from = r->from;
	if (str_eq(r->branches, "*"))
		ret->text = SAY(_("which branches '%s' has is asked from the package manager (%s)"),
				r->route, r->packages);
	else
		ret->text = SAY(_("'%s' has driver branch %s (%s)"), r->route, r->branches,
				r->packages);
}

void say_engine_distro(const struct problem *p, const struct rule_case *c, struct solve_reason *ret)
{
	const struct distro_fact *d = c->b->row;

	if (!d || c->a->flags & VALUE_ANYWHERE)
		return;
	ret->from = fact_of(c->b);
	if (str_eq(c->a->text, "podman"))
		ret->text = SAY(_("podman of %s: %s"), c->b->text, d->podman_version);
	else
		ret->text = SAY(_("docker on %s: %s"), c->b->text, d->docker_route);
}

/* The version with which an engine can do it. */
static const char *since(const struct problem *p, const char *engine, const char *feature)
{
	for (size_t i = 0; i < p->f->engines.n; i++)
		if (str_eq(p->f->engines.v[i].engine, engine) &&
		    str_eq(p->f->engines.v[i].feature, feature))
			return version_text(p->a, &p->f->engines.v[i].version);
	return "?";
}

void say_toolkit_engine(const struct problem *p, const struct rule_case *c,
			struct solve_reason *ret)
{
	const struct toolkit_fact *t = c->a->row;
	bool docker = str_starts(c->b->text, "docker");
	const char *engine = docker ? "docker" : "podman";
	bool pinned = p->r->pin[VAR_TOOLKIT];

	if (!t)
		return;
	ret->from = t->from;
	if (c->broken && !pinned && !(c->b->features & feature_bit("cdi"))) {
		ret->text = SAY(_("GPUs in containers need %s %s or newer"), engine,
				since(p, engine, docker ? "gpus" : "cdi"));
		return;
	}
	if (str_eq(c->b->text, "dlenv"))
		ret->text = _("dlenv's own engine describes the GPU itself: it takes no toolkit");
	else
		ret->text = SAY(_("toolkit %s needs %s %s or newer"), c->a->text, engine,
				since(p, engine, docker ? t->docker : t->podman));
}

void say_toolkit_driver(const struct problem *p, const struct rule_case *c,
			struct solve_reason *ret)
{
	(void)p;
	if (c->broken)
		ret->text = _("a container toolkit is there for the GPU, and a GPU in a container "
			      "needs one");
}
