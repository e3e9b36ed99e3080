/* SPDX-License-Identifier: Apache-2.0 */
/* The values of what a machine has: its distribution, ways to a driver, container engines. */
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "base/str.h"
#include "compat/distro.h"
#include "compat/domains.h"

static int compare_distros(const void *a, const void *b)
{
	const struct value *x = a;
	const struct value *y = b;

	return distro_compare(x->row, y->row);
}

static const struct distro_fact *like_any(const struct problem *p, const char *pin)
{
	CLEANUP(freep) char *id = str_fmt("%.*s", (int)strcspn(pin, ":"), pin);
	const char *version = strchr(pin, ':');
	const struct distro_name n = {
		.id = id,
		.version = version ? version + 1 : NULL,
		.like = p->r->distro_like,
		.codename = p->r->codename,
	};

	return distro_like(p->f, &n);
}

/* Nobody said which distribution: not one of the table, but whichever. */
static void put_whichever_first(struct problem *p)
{
	struct value *v = p->v[VAR_DISTRO];

	domain_none(p, VAR_DISTRO); /* room for one more */
	memmove(v + 1, v, (p->n[VAR_DISTRO] - 1) * sizeof(*v));
	v[0] = (struct value){.text = "any", .flags = VALUE_ANYWHERE};
}

void domain_distros(struct problem *p)
{
	const char *pin = p->r->pin[VAR_DISTRO];

	for (size_t i = 0; i < p->f->distros.n; i++) {
		const struct distro_fact *d = &p->f->distros.v[i];
		bool number = d->version[0] >= '0' && d->version[0] <= '9';

		domain_add(p, VAR_DISTRO,
			   &(struct value){
				   .text = arena_fmt(p->a, "%s:%s", d->id, d->version),
				   .row = d,
				   .from = &d->from,
				   .v = number ? version_in(d->version) : (struct version){0},
			   });
	}
	qsort(p->v[VAR_DISTRO], p->n[VAR_DISTRO], sizeof(*p->v[VAR_DISTRO]), compare_distros);
	if (pin && !str_eq(pin, "any") && !str_eq(pin, "none") && !domain_allows(p, VAR_DISTRO)) {
		const struct distro_fact *d = like_any(p, pin);

		domain_add(
			p, VAR_DISTRO,
			&(struct value){
				.text = pin,
				.row = d,
				.from = d ? &d->from : NULL,
				.guess =
					d ? arena_fmt(p->a,
						      _("%s is not in the table: it is taken to be "
							"like %s %s"),
						      pin, d->id, d->version)
					  : arena_fmt(
						    p->a,
						    _("%s is not in the table and like nothing in "
						      "it: its packages are not known"),
						    pin),
			});
	}
	put_whichever_first(p);
}

void domain_routes(struct problem *p)
{
	domain_add(p, VAR_ROUTE,
		   &(struct value){.text = "installed", .flags = VALUE_LOADED | VALUE_ANYWHERE});
	for (size_t i = 0; i < p->f->routes.n; i++) {
		const struct route_fact *r = &p->f->routes.v[i];

		for (size_t j = 0; j < p->f->distros.n; j++) {
			const struct distro_fact *d = &p->f->distros.v[j];

			if (str_eq(d->id, r->id) && str_eq(d->version, r->version))
				domain_add(p, VAR_ROUTE,
					   &(struct value){.text = r->route,
							   .row = r,
							   .from = &r->from,
							   .distro = d});
		}
	}
	domain_add(p, VAR_ROUTE, &(struct value){.text = "any"}); /* of a distribution not known */
	domain_none(p, VAR_ROUTE);
}

unsigned int feature_bit(const char *feature)
{
	static const char *const features[] = {"gpus", "cdi", "cdi-0.7", "cdi-default"};

	for (unsigned int i = 0; i < COUNT(features); i++)
		if (str_eq(features[i], feature))
			return 1U << i;
	return 1U << 31; /* nobody has it */
}

/* What an engine can do at a version; n 0: the newest, which can do all. */
static unsigned int features_of(const struct facts *f, const char *engine, const struct version *v)
{
	unsigned int features = 0;

	for (size_t i = 0; i < f->engines.n; i++) {
		const struct engine_fact *g = &f->engines.v[i];

		if (str_eq(g->engine, engine) && (!v->n || version_compare(v, &g->version) >= 0))
			features |= feature_bit(g->feature);
	}
	return features;
}

static void add_docker(struct problem *p, const struct distro_fact *d)
{
	struct version newest = {0};

	if (!d || !str_eq(d->docker_route, "unsupported"))
		domain_add(p, VAR_ENGINE,
			   &(struct value){.text = "docker",
					   .distro = d,
					   .from = d ? &d->from : NULL,
					   .features = features_of(p->f, "docker", &newest)});
}

static void add_podman(struct problem *p, const struct distro_fact *d)
{
	struct version newest = {0};
	struct value v = {.text = "podman", .distro = d, .from = d ? &d->from : NULL};

	if (d && str_eq(d->podman_version, "none"))
		return;
	v.features = features_of(p->f, "podman", &newest);
	if (d && str_eq(d->podman_cdi, "v0.6"))
		v.features = feature_bit("cdi");
	else if (d && str_eq(d->podman_cdi, "n"))
		v.features = 0;
	v.v = d ? version_in(d->podman_version) : newest;
	domain_add(p, VAR_ENGINE, &v);
}

/* "podman:4.9.3": this version, wherever it comes from. */
static void add_pinned_engine(struct problem *p)
{
	const char *pin = p->r->pin[VAR_ENGINE];
	const char *colon = pin ? strchr(pin, ':') : NULL;
	struct version v;

	if (!colon)
		return;
	v = version_in(colon + 1);
	domain_add(p, VAR_ENGINE,
		   &(struct value){
			   .text = pin,
			   .v = v,
			   .flags = VALUE_ANYWHERE,
			   .features = features_of(
				   p->f, arena_strn(p->a, pin, (size_t)(colon - pin)), &v),
		   });
}

void domain_engines(struct problem *p)
{
	domain_add(p, VAR_ENGINE, &(struct value){.text = "dlenv", .flags = VALUE_ANYWHERE});
	add_podman(p, NULL);
	for (size_t i = 0; i < p->f->distros.n; i++)
		add_podman(p, &p->f->distros.v[i]);
	add_docker(p, NULL);
	for (size_t i = 0; i < p->f->distros.n; i++)
		add_docker(p, &p->f->distros.v[i]);
	add_pinned_engine(p);
}
