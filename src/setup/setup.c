/* SPDX-License-Identifier: Apache-2.0 */
#include "setup/setup.h"

#include <string.h>

#include "base/env.h"
#include "base/str.h"
#include "compat/answer.h"
#include "compat/distro.h"
#include "setup/request.h"

const char *const setup_targets[] = {"driver", "toolkit", "docker", "podman", "dlenv", NULL};

unsigned int setup_target(const char *name)
{
	for (size_t i = 0; setup_targets[i]; i++)
		if (str_eq(setup_targets[i], name))
			return 1U << i;
	return 0;
}

json_t *setup_targets_json(unsigned int targets)
{
	json_t *list = json_array();

	for (size_t i = 0; setup_targets[i]; i++)
		if (targets & 1U << i)
			(void)json_array_append_new(list, json_string(setup_targets[i]));
	return list;
}

static const struct distro_fact *distro_of(const struct setup *s)
{
	const char *pin = s->options->pin[VAR_DISTRO];
	const struct os_release *os = &s->host.os;
	const struct distro_name n = {
		.id = os->id, .version = os->version, .like = os->like, .codename = os->codename};

	if (!pin)
		return os->id[0] ? distro_find(s->facts, &n) : NULL;
	for (size_t i = 0; i < s->facts->distros.n; i++)
		if (distro_is(&s->facts->distros.v[i], pin))
			return &s->facts->distros.v[i];
	return NULL;
}

static int read_packages(struct setup *s, struct err *e)
{
	struct err absent = {0};

	if (!s->live)
		s->packages_known = pkg_list_recorded(s->root, &s->packages, &absent) == 0;
	else if (s->pkg) {
		if (pkg_list(s->pkg, &s->packages, e) < 0)
			return err_wrap(e, "cannot see what is installed");
		s->packages_known = true;
	}
	return 0;
}

/* A GPU that is ours, on a machine whose driver is for us to install. */
static bool wants_driver(const struct host *h)
{
	for (size_t i = 0; i < h->gpus.n; i++)
		if (!str_eq(h->gpus.v[i].driver, "vfio-pci"))
			return !str_eq(h->place, "wsl");
	return false;
}

static unsigned int targets_of(const struct setup *s)
{
	const char *toolkit = s->options->pin[VAR_TOOLKIT];
	unsigned int targets = s->options->targets;

	if (!targets)
		targets = SETUP_DLENV | (wants_driver(&s->host) ? SETUP_DRIVER : 0);
	if (toolkit && *toolkit >= '0' && *toolkit <= '9')
		targets |= SETUP_TOOLKIT;
	return targets;
}

int setup_read(struct setup *ret, const struct root *r, bool live, struct facts *f,
	       const struct setup_options *o, struct err *e)
{
	CLEANUP(setup_fini)
	struct setup s = {.options = o, .root = r, .live = live, .facts = f};
	CLEANUP(user_fini) struct user who = {0};

	if (live && o->user && user_find(o->user, &who, e) < 0)
		return -(int)e->code;
	host_read(r, who.name ? &who : NULL, &s.host);
	s.distro = distro_of(&s);
	s.pkg = s.host.manager ? pkg_manager(s.host.manager) : NULL;
	if (read_packages(&s, e) < 0)
		return -(int)e->code;
	s.targets = targets_of(&s);
	*ret = s;
	s = (struct setup){0};
	return 0;
}

void setup_fini(struct setup *s)
{
	host_fini(&s->host);
	answer_fini(&s->answer);
	strs_fini(&s->packages);
	arena_fini(&s->arena);
	*s = (struct setup){0};
}

const char *setup_has(const struct setup *s, const char *package)
{
	return pkg_in_list(&s->packages, package);
}

/*
 * The engine as a pin: of the version that is installed and stays, or of the one that the
 * distribution has.
 */
static const char *engine_pin(struct setup *s, enum setup_target target)
{
	bool docker = target == SETUP_DOCKER;
	const char *installed = docker ? s->host.docker : s->host.podman;
	const char *name = docker ? "docker" : "podman";
	const char *row = s->distro && !docker ? s->distro->podman_version : "";
	/* Another Docker than Docker's own makes way for it. */
	bool stays = !docker || !s->packages_known || setup_has(s, "docker-ce") ||
		     !(s->targets & SETUP_DOCKER);

	if (installed && version_in(installed).n && stays)
		return arena_fmt(&s->arena, "%s:%s", name, installed);
	/* In WSL the solver has another distribution. */
	if (str_eq(s->host.place, "wsl") && version_in(row).n)
		return arena_fmt(&s->arena, "%s:%.*s", name, (int)strspn(row, "0123456789."), row);
	return name;
}

/* Whom the GPU is given to; none: dlenv alone. */
static size_t engines(struct setup *s, const char *ret[2])
{
	size_t n = 0;

	if (s->targets & SETUP_DOCKER)
		ret[n++] = engine_pin(s, SETUP_DOCKER);
	if (s->targets & SETUP_PODMAN)
		ret[n++] = engine_pin(s, SETUP_PODMAN);
	if (n || !(s->targets & SETUP_TOOLKIT))
		return n;
	/* The toolkit alone is for what is there already. */
	if (s->host.docker)
		ret[n++] = engine_pin(s, SETUP_DOCKER);
	if (s->host.podman)
		ret[n++] = engine_pin(s, SETUP_PODMAN);
	if (!n)
		ret[n++] = "docker";
	return n;
}

static struct version toolkit_of(const struct solve_answer *a)
{
	const struct toolkit_fact *t = a->part[VAR_TOOLKIT].row;

	return t ? t->version : (struct version){0};
}

static int compare_toolkits(const struct toolkit_fact *a, const struct toolkit_fact *b)
{
	return version_compare(&a->version, &b->version);
}

/* NVIDIA's releases, newest first: the first that fits, or the refusal of the newest. */
static int solve_toolkits(struct setup *s, struct solve_request *r, struct solve_answer *ret,
			  struct err *e)
{
	const struct toolkit_fact *last = NULL;
	bool first = true;

	for (;;) {
		CLEANUP(answer_fini) struct solve_answer a = {0};
		const struct toolkit_fact *next = NULL;

		for (size_t i = 0; i < s->facts->toolkits.n; i++) {
			const struct toolkit_fact *t = &s->facts->toolkits.v[i];

			if (t->version.n && (!last || compare_toolkits(t, last) < 0) &&
			    (!next || compare_toolkits(t, next) > 0))
				next = t;
		}
		if (!next)
			return 0;
		r->pin[VAR_TOOLKIT] = next->version_text;
		if (solve(s->facts, r, 0, &a, e) < 0)
			return -(int)e->code;
		last = next;
		if (!first && !a.fits)
			continue;
		answer_fini(ret);
		*ret = a;
		a = (struct solve_answer){0};
		if (ret->fits)
			return 0;
		first = false;
	}
}

static int solve_for(struct setup *s, const struct solve_request *asked, const char *engine,
		     struct solve_answer *ret, struct err *e)
{
	struct solve_request r = *asked;

	if (engine)
		r.pin[VAR_ENGINE] = engine;
	if (r.pin[VAR_TOOLKIT] || !engine || r.no_gpu)
		return solve(s->facts, &r, 0, ret, e);
	if (s->targets & SETUP_TOOLKIT)
		return solve_toolkits(s, &r, ret, e);
	r.pin[VAR_TOOLKIT] = "builtin";
	return solve(s->facts, &r, 0, ret, e);
}

static int ask(struct setup *s, struct machine_request *q, struct err *e)
{
	const unsigned int of_gpu = SETUP_DRIVER | SETUP_TOOLKIT;

	for (size_t i = 0; i < VARS; i++)
		q->r.pin[i] = s->options->pin[i];
	if (request_read(s->root, s->facts, &s->arena, q, e) < 0) {
		if (e->code != ERR_ABSENT)
			return -(int)e->code;
		if (s->targets & of_gpu) {
			e->code = ERR_UNSAT;
			return err_hint(e, "NVIDIA's JetPack brings driver and toolkit there");
		}
		*e = (struct err){0};
		q->r.no_gpu = true;
	}
	/* A driver that nobody asked to change stays. */
	if (!(s->targets & SETUP_DRIVER) && q->r.loaded && !q->r.pin[VAR_DRIVER])
		q->r.pin[VAR_DRIVER] = "loaded";
	return 0;
}

/* A driver that runs stays, unless the user asked for something that it might not do. */
static bool keeps_driver(const struct setup *s, const struct solve_request *r)
{
	static const enum solve_var of_driver[] = {VAR_DRIVER, VAR_ROUTE, VAR_CUDA, VAR_CUDNN,
						   VAR_TORCH,  VAR_CUPY,  VAR_DALI, VAR_RAPIDS};

	for (size_t i = 0; i < COUNT(of_driver); i++)
		if (s->options->pin[of_driver[i]])
			return false;
	return r->loaded != NULL;
}

/* Of two engines the one decides that reads less. */
static int choose(struct setup *s, const struct solve_request *r, struct err *e)
{
	const char *engine[2] = {NULL, NULL};
	size_t n = engines(s, engine);

	answer_fini(&s->answer);
	for (size_t i = 0; i < (n ? n : 1); i++) {
		CLEANUP(answer_fini) struct solve_answer a = {0};
		struct version v;
		struct version have = toolkit_of(&s->answer);

		if (solve_for(s, r, engine[i], &a, e) < 0)
			return -(int)e->code;
		v = toolkit_of(&a);
		if (i && a.fits && version_compare(&v, &have) >= 0)
			continue;
		answer_fini(&s->answer);
		s->answer = a;
		a = (struct solve_answer){0};
		if (!s->answer.fits)
			break;
	}
	return 0;
}

/*
 * No way out keeps the engine: it is too old, or the distribution has none. Its step knows better
 * words for that than a conflict of pins that nobody typed.
 */
static bool engine_is_hopeless(const struct setup *s)
{
	if (!(s->targets & (SETUP_DOCKER | SETUP_PODMAN)))
		return false;
	for (size_t i = 0; i < s->answer.ways_n; i++) {
		const struct solve_way *w = &s->answer.ways[i];

		if (!w->pin[VAR_ENGINE] && !str_eq(w->pin[VAR_TOOLKIT], "none"))
			return false;
	}
	return true;
}

int setup_choose(struct setup *s, struct err *e)
{
	CLEANUP(freep) char *conflict = NULL;
	struct machine_request q = {0};

	if (ask(s, &q, e) < 0)
		return -(int)e->code;
	if (keeps_driver(s, &q.r)) {
		const char *pin = q.r.pin[VAR_DRIVER];

		q.r.pin[VAR_DRIVER] = "loaded";
		if (choose(s, &q.r, e) < 0)
			return -(int)e->code;
		q.r.pin[VAR_DRIVER] = pin;
	}
	if (!s->answer.fits && choose(s, &q.r, e) < 0)
		return -(int)e->code;
	if (!s->answer.fits && engine_is_hopeless(s)) {
		CLEANUP(answer_fini) struct solve_answer a = {0};

		if (solve_for(s, &q.r, NULL, &a, e) < 0)
			return -(int)e->code;
		if (a.fits) {
			answer_fini(&s->answer);
			s->answer = a;
			a = (struct solve_answer){0};
		}
	}
	if (s->answer.fits)
		return 0;
	conflict = answer_conflict(&s->answer);
	if (!(s->targets & SETUP_DRIVER)) {
		q.r.gpus_n = 0;
		if (choose(s, &q.r, e) < 0)
			return -(int)e->code;
		if (s->answer.fits) {
			s->unfit = arena_str(&s->arena, conflict);
			return 0;
		}
	}
	(void)err_set(e, ERR_UNSAT, "nothing fits: %.400s", conflict);
	return s->answer.ways_n ? err_hint(e, "%s", s->answer.ways[0].text) : -(int)e->code;
}
