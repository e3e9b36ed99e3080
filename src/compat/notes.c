/* SPDX-License-Identifier: Apache-2.0 */
#include "compat/notes.h"

#include "base/i18n.h"
#include "base/str.h"

enum { NOTES_MAX = 64 };

/* Images from here on name the brands that they start on, and GeForce is none of them. */
static const struct version brands_named_since = {.n = 2, .part = {12, 5}};

void reasons_add(struct problem *p, const struct rule_case *c, struct solve_reasons *ret)
{
	struct solve_reason r = {.rule = c->rule->id};

	c->rule->say(p, c, &r);
	if (!r.text)
		return;
	for (size_t i = 0; i < ret->n; i++)
		if (str_eq(ret->v[i].text, r.text))
			return;
	ret->v[ret->n++] = r;
}

static void note(struct problem *p, struct solve_answer *ret, const char *text)
{
	if (!ret->notes)
		ret->notes = arena_alloc(p->a, NOTES_MAX * sizeof(*ret->notes));
	for (size_t i = 0; i < ret->notes_n; i++)
		if (str_eq(ret->notes[i], text))
			return;
	if (ret->notes_n < NOTES_MAX)
		ret->notes[ret->notes_n++] = text;
}

void add_guesses(struct problem *p, const uint16_t *choice, struct solve_answer *ret)
{
	for (size_t g = 0; g < p->gpus_n; g++)
		if (p->gpu[g] && p->gpu[g]->guess)
			note(p, ret, arena_fmt(p->a, _("guess: %s"), p->gpu[g]->guess));
	for (size_t var = 0; choice && var < VARS; var++)
		if (p->v[var][choice[var]].guess)
			note(p, ret, arena_fmt(p->a, _("guess: %s"), p->v[var][choice[var]].guess));
}

static void raise_to(struct version *min, const struct version *v)
{
	if (v->n && version_compare(v, min) > 0)
		*min = *v;
}

/* Without forward compatibility. */
static bool at_least(const struct value *driver, const struct cuda_fact *c)
{
	return version_compare(&driver->v, c->minor_driver.n ? &c->minor_driver : &c->driver) >= 0;
}

/* The least driver that would do: of all that ask for one. */
static struct version least_driver(const struct problem *p, const uint16_t choice[VARS])
{
	const struct cuda_fact *cuda = p->v[VAR_CUDA][choice[VAR_CUDA]].row;
	const struct cudnn_fact *cudnn = p->v[VAR_CUDNN][choice[VAR_CUDNN]].row;
	const struct value *driver = &p->v[VAR_DRIVER][choice[VAR_DRIVER]];
	struct version min = {0};

	for (enum solve_var var = VAR_TORCH; var <= VAR_DALI; var++) {
		const struct framework_fact *f = p->v[var][choice[var]].row;

		if (f)
			raise_to(&min, &f->driver);
	}
	if (cuda && at_least(driver, cuda))
		raise_to(&min, cuda->minor_driver.n ? &cuda->minor_driver : &cuda->driver);
	else if (cuda) /* forward compatibility is for a branch */
		raise_to(&min, &(struct version){.n = 1, .part = {driver->v.part[0]}});
	if (cudnn)
		raise_to(&min, &cudnn->driver);
	for (size_t g = 0; g < p->gpus_n; g++) {
		const struct gpu_fact *gpu = p->gpu[g];
		const struct cuda_fact *first =
			gpu && gpu->cc.n ? first_cuda_for(p->f, &gpu->cc) : NULL;

		if (first)
			raise_to(&min, &first->driver);
		if (gpu && driver->flags & VALUE_OPEN)
			raise_to(&min, &gpu->first);
	}
	return min;
}

/* Where two choices differ: "driver 595-open, cuda 13.2.2". "" when they do not. */
static const char *difference(struct problem *p, const uint16_t old[VARS], const uint16_t new[VARS])
{
	static const enum solve_var shown[] = {VAR_DRIVER, VAR_CUDA, VAR_CUDNN, VAR_TORCH};
	const char *text = "";

	for (size_t i = 0; i < COUNT(shown); i++) {
		enum solve_var var = shown[i];

		if (!str_eq(p->v[var][old[var]].text, p->v[var][new[var]].text))
			text = arena_fmt(p->a, "%s%s%s %s", text, *text ? ", " : "",
					 solve_names[var], p->v[var][new[var]].text);
	}
	return text;
}

/* Different boards: the one without which there would be more is named. */
static void note_losers(struct problem *p, const uint16_t choice[VARS], struct solve_answer *ret)
{
	for (size_t g = 0; p->gpus_n > 1 && g < p->gpus_n; g++) {
		uint16_t without[VARS];
		const char *more;

		if (!problem_solve(p, problem_all(p) & ~GPU_BIT(g), NULL, without))
			continue;
		more = difference(p, choice, without);
		if (*more)
			note(p, ret,
			     arena_fmt(p->a, _("%s holds the others back; without it: %s"),
				       p->gpu[g]->product, more));
	}
}

/* The loaded driver is not what was chosen: say so, and what there is with it. */
static void note_loaded(struct problem *p, const uint16_t choice[VARS], struct solve_answer *ret)
{
	const struct value *driver = &p->v[VAR_DRIVER][choice[VAR_DRIVER]];
	struct set kept = p->pin[VAR_DRIVER];
	uint16_t with[VARS];

	if (!p->r->loaded || driver->flags & VALUE_LOADED || p->r->pin[VAR_DRIVER])
		return;
	p->pin[VAR_DRIVER] = (struct set){0};
	set_add(&p->pin[VAR_DRIVER], 0);
	if (!(p->v[VAR_DRIVER][0].flags & VALUE_LOADED) ||
	    !problem_solve(p, problem_all(p) | PIN_BIT(VAR_DRIVER), NULL, with))
		note(p, ret,
		     arena_fmt(p->a, _("the loaded driver %s does not fit and has to change"),
			       p->r->loaded));
	else
		note(p, ret,
		     arena_fmt(p->a,
			       _("driver %s is loaded and would change; as it is (--driver "
				 "loaded): %s"),
			       p->r->loaded, difference(p, choice, with)));
	p->pin[VAR_DRIVER] = kept;
}

static void note_cuda(struct problem *p, const uint16_t choice[VARS], struct solve_answer *ret)
{
	const struct value *driver = &p->v[VAR_DRIVER][choice[VAR_DRIVER]];
	const struct cuda_fact *c = p->v[VAR_CUDA][choice[VAR_CUDA]].row;
	const char *release = p->v[VAR_CUDA][choice[VAR_CUDA]].text;

	if (!c || !driver->v.n || version_compare(&driver->v, &c->driver) >= 0)
		return;
	if (c->minor_driver.n && version_compare(&driver->v, &c->minor_driver) >= 0)
		note(p, ret,
		     arena_fmt(
			     p->a,
			     _("CUDA %s runs on driver %s by minor version compatibility: without "
			       "compiling PTX and without what came with driver %s"),
			     release, version_text(p->a, &driver->v),
			     version_text(p->a, &c->driver)));
	else
		note(p, ret,
		     arena_fmt(p->a,
			       _("CUDA %s runs on driver branch %u by forward compatibility: the "
				 "image must have %s"),
			       release, driver->v.part[0], c->compat_package));
}

/* NVIDIA_REQUIRE_CUDA is checked where docker's --gpus does not go through CDI. */
static void note_require(struct problem *p, const uint16_t choice[VARS], struct solve_answer *ret)
{
	const struct value *engine = &p->v[VAR_ENGINE][choice[VAR_ENGINE]];
	const struct value *driver = &p->v[VAR_DRIVER][choice[VAR_DRIVER]];
	const struct image_fact *m = p->v[VAR_IMAGE][choice[VAR_IMAGE]].row;
	const struct cuda_fact *c = p->v[VAR_CUDA][choice[VAR_CUDA]].row;

	if (!m || !c || !str_starts(engine->text, "docker") ||
	    engine->features & feature_bit("cdi-default") ||
	    version_compare(&m->cuda, &brands_named_since) < 0 ||
	    version_compare(&driver->v, &c->driver) >= 0)
		return;
	for (size_t g = 0; g < p->gpus_n; g++)
		if (p->gpu[g] && !p->gpu[g]->data_centre)
			note(p, ret,
			     arena_fmt(p->a,
				       _("this docker checks NVIDIA_REQUIRE_CUDA and refuses %s on "
					 "%s below driver %s: use CDI, or an image before 12.5"),
				       m->tag, p->gpu[g]->product, version_text(p->a, &c->driver)));
}

static void note_cpu(struct problem *p, const uint16_t choice[VARS], struct solve_answer *ret)
{
	if (p->gpus_n && p->gpu[0] && !p->r->pin[VAR_TORCH] &&
	    p->v[VAR_TORCH][choice[VAR_TORCH]].flags & VALUE_NONE)
		note(p, ret, _("PyTorch runs without the GPU: --torch cpu"));
}

static void note_ends(struct problem *p, const uint16_t choice[VARS], struct solve_answer *ret)
{
	const struct branch_fact *b = p->v[VAR_DRIVER][choice[VAR_DRIVER]].row;
	const struct distro_fact *d = p->v[VAR_DISTRO][choice[VAR_DISTRO]].row;
	const struct image_fact *m = p->v[VAR_IMAGE][choice[VAR_IMAGE]].row;

	if (b && (str_eq(b->kind, "ended") || str_eq(b->kind, "legacy")))
		note(p, ret,
		     arena_fmt(p->a, _("driver branch %u is not developed any further"),
			       b->branch.part[0]));
	if (str_eq(p->v[VAR_ROUTE][choice[VAR_ROUTE]].text, "windows"))
		note(p, ret, _("the driver is Windows': install it there, never inside WSL"));
	if (d && str_starts(d->lifecycle, "end of"))
		note(p, ret, arena_fmt(p->a, _("%s %s: %s"), d->id, d->version, d->lifecycle));
	if (m && str_starts(m->status, "unsupported"))
		note(p, ret,
		     arena_fmt(p->a, _("the image %s is no longer supported and may be deleted"),
			       m->tag));
}

void add_notes(struct problem *p, const uint16_t choice[VARS], struct solve_answer *ret)
{
	if (!(p->v[VAR_DRIVER][choice[VAR_DRIVER]].flags & VALUE_NONE))
		ret->driver_min = least_driver(p, choice);
	add_guesses(p, choice, ret);
	note_losers(p, choice, ret);
	note_loaded(p, choice, ret);
	note_cuda(p, choice, ret);
	note_require(p, choice, ret);
	note_cpu(p, choice, ret);
	note_ends(p, choice, ret);
}
