/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every route of data/routes.tsv on its distribution, also those of which no machine is recorded:
 * what is planned can be carried out, is signed where Secure Boot asks for it, and is of the kind
 * that was chosen.
 */
#include "setup/steps.h"

#include <stdlib.h>

#include "setup_box.h"

struct trial {
	const struct route_fact *route;
	const struct distro_fact *distro;
	char driver[32];
	bool open, secure, display;
};

static const char *kernel_of(const struct distro_fact *d)
{
	if (str_eq(d->package_manager, "apt"))
		return str_eq(d->id, "ubuntu") ? "6.8.0-40-generic" : "6.1.0-28-amd64";
	return str_eq(d->package_manager, "zypper") ? "6.4.0-150600.23.65-default"
						    : "5.14.0-570.el9.x86_64";
}

static void is_package(const char *word)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.+_=~^:-";

	assert_true(*word && *word != '-');
	assert_int_equal(strspn(word, letters), strlen(word));
}

static void check_choices(const struct trial *t, const struct op *o)
{
	assert_true(o->choices_n > 0);
	for (size_t i = 0; i < o->choices_n; i++) {
		const char *const *words = o->choices[i].packages;

		assert_non_null(words[0]);
		for (size_t k = 0; words[k]; k++) {
			is_package(words[k]);
			if (!t->open && !str_starts(words[k], "openssl"))
				assert_null(strstr(words[k], "open"));
			for (size_t m = 0; m < k; m++)
				assert_string_not_equal(words[m], words[k]);
		}
	}
}

static bool has_key(const struct facts *f, const char *id)
{
	for (size_t i = 0; i < f->keys.n; i++)
		if (str_eq(f->keys.v[i].id, id))
			return true;
	return false;
}

/* An operation is the same after it has been in the journal. */
static void check_journal(const struct op *o)
{
	struct arena a = {0};
	struct err e = {0};
	struct op back = {0};
	json_t *j = op_json(o);
	json_t *again;

	assert_int_equal(op_from_json(j, &a, &back, &e), 0);
	again = op_json(&back);
	assert_true(json_equal(j, again));
	json_decref(j);
	json_decref(again);
	arena_fini(&a);
}

static void check_op(const struct trial *t, const struct facts *f, const struct op *o)
{
	assert_non_null(o->kind);
	assert_non_null(o->step);
	assert_non_null(o->why);
	if (o->path)
		assert_true(*o->path == '/');
	if (o->url)
		assert_true(str_starts(o->url, "https://"));
	if (o->kind == &op_add_key || o->kind == &op_install_file)
		assert_true(has_key(f, o->name));
	if (o->kind == &op_install)
		check_choices(t, o);
	if (o->kind == &op_run)
		assert_non_null(o->words[0]);
	check_journal(o);
}

static bool is_driver(const struct op *o)
{
	if (o->kind != &op_install)
		return false;
	for (size_t k = 0; o->choices[0].packages[k]; k++)
		if (strstr(o->choices[0].packages[k], "nvidia") ||
		    str_starts(o->choices[0].packages[k], "cuda-drivers"))
			return true;
	return false;
}

/* Its key is made before the driver is installed, and enrolled after it. */
static void check_signature(const struct trial *t, const struct setup *s, const struct plan *p)
{
	size_t made = p->n;
	size_t driver = p->n;
	size_t enrolled = p->n;

	for (size_t i = 0; i < p->n; i++) {
		if (p->ops[i].kind == &op_run && p->ops[i].path && made == p->n)
			made = i;
		if (is_driver(&p->ops[i]) && driver == p->n)
			driver = i;
		if (p->ops[i].kind == &op_enrol_key)
			enrolled = i;
	}
	assert_true(driver < p->n);
	if (!t->secure || !(driver_route(s)->flags & DRIVER_BUILT_HERE)) {
		assert_int_equal(enrolled, p->n);
		return;
	}
	assert_true(made < driver && driver < enrolled && enrolled < p->n);
	assert_string_equal(p->ops[made].path, p->ops[enrolled].path);
}

static struct setup_options wishes = {.targets = SETUP_DRIVER};
static struct pci_gpu gpu = {.address = "0000:01:00.0", .device = 0x2684};

static struct setup setup_of(const struct box *b, const struct trial *t)
{
	return (struct setup){
		.options = &wishes,
		.root = &b->root,
		.facts = (struct facts *)&b->facts,
		.distro = t->distro,
		.pkg = pkg_manager(t->distro->package_manager),
		.targets = SETUP_DRIVER,
		.host = {.arch = "x86_64",
			 .kernel = kernel_of(t->distro),
			 .place = "machine",
			 .manager = t->distro->package_manager,
			 .gpus = {.v = &gpu, .n = 1},
			 .nouveau = t->display,
			 .secure_boot = t->secure},
		.answer = {.fits = true,
			   .part = {[VAR_DRIVER] = {.text = t->driver},
				    [VAR_ROUTE] = {.text = t->route->route, .row = t->route}}},
	};
}

static void plan_it(const struct box *b, const struct trial *t)
{
	struct setup s = setup_of(b, t);
	struct plan p = {0};
	struct err e = {0};

	assert_non_null(s.pkg);
	assert_non_null(driver_route(&s));
	if (setup_plan(&s, &p, &e) < 0)
		fail_msg("%s %s %s %s: %s", t->distro->id, t->distro->version, t->route->route,
			 t->driver, e.msg);
	for (size_t i = 0; i < p.n; i++)
		check_op(t, s.facts, &p.ops[i]);
	check_signature(t, &s, &p);
	plan_fini(&p);
	arena_fini(&s.arena);
}

static const struct distro_fact *distro_of(const struct facts *f, const struct route_fact *r)
{
	for (size_t i = 0; i < f->distros.n; i++)
		if (str_eq(f->distros.v[i].id, r->id) &&
		    str_eq(f->distros.v[i].version, r->version))
			return &f->distros.v[i];
	return NULL;
}

/* Both kinds, as far as the route has them, with and without Secure Boot, screen and nouveau. */
static size_t try_route(const struct box *b, const struct route_fact *r, const char *branch)
{
	size_t n = 0;

	for (unsigned int bits = 0; bits < 8; bits++) {
		struct trial t = {.route = r,
				  .distro = distro_of(&b->facts, r),
				  .open = bits & 1,
				  .secure = bits >> 1 & 1,
				  .display = bits >> 2 & 1};

		assert_non_null(t.distro);
		if (!(r->flavours & (t.open ? FLAVOUR_OPEN : FLAVOUR_PROPRIETARY)))
			continue;
		if (t.display)
			box_put(b, "/usr/bin/Xorg", "", 0755);
		else
			(void)unlinkat(b->root.fd, "usr/bin/Xorg", 0);
		(void)snprintf(t.driver, sizeof(t.driver), "%s-%s", branch,
			       t.open ? "open" : "proprietary");
		plan_it(b, &t);
		n++;
	}
	return n;
}

TEST(every_route_of_the_table_has_a_plan)
{
	struct box b;
	size_t n = 0;

	box_make(&b);
	for (size_t i = 0; i < b.facts.routes.n; i++) {
		const struct route_fact *r = &b.facts.routes.v[i];
		struct version v = version_in(r->branches);
		char own[16];

		if (str_eq(r->route, "windows"))
			continue;
		(void)snprintf(own, sizeof(own), "%u", v.n ? v.part[0] : 595);
		n += try_route(&b, r, own);
		/* Names changed with 590, and generations on SUSE. */
		if (!v.n)
			n += try_route(&b, r, "580");
	}
	assert_true(n > 500);
	box_remove(&b);
}

static struct trial trial_of(const struct facts *f, const char *id, const char *version,
			     const char *route)
{
	struct trial t = {.driver = "595-open", .open = true};

	for (size_t i = 0; i < f->routes.n; i++) {
		const struct route_fact *r = &f->routes.v[i];

		if (str_eq(r->id, id) && str_eq(r->version, version) && str_eq(r->route, route))
			t.route = r;
	}
	assert_non_null(t.route);
	t.distro = distro_of(f, t.route);
	return t;
}

/* The words of the first operation, when it is of the step tools; NULL: there is none of it. */
static char *tools_of(struct setup *s)
{
	struct plan p = {0};
	struct err e = {0};
	struct buf b = {0};

	assert_int_equal(setup_plan(s, &p, &e), 0);
	for (size_t i = 0; i < p.n; i++)
		if (str_eq(p.ops[i].step, "tools") && p.ops[i].kind == &op_install) {
			assert_true(i < 2);
			op_show_words(p.ops[i].choices[0].packages, &b);
		}
	plan_fini(&p);
	return b.data;
}

TEST(what_downloads_and_keys_need_comes_first_and_only_where_it_is_missing)
{
	static const struct {
		const char *id, *version, *missing, *there[3];
	} rows[] = {
		{"debian",
		 "13",
		 "ca-certificates, gpg",
		 {"/etc/ssl/certs/ca-certificates.crt", "/usr/bin/gpg"}},
		{"fedora",
		 "43",
		 "ca-certificates, curl, gnupg2",
		 {"/etc/pki/tls/certs/ca-bundle.crt", "/usr/bin/curl", "/usr/bin/gpg"}},
		{"sles",
		 "15.7",
		 "ca-certificates-mozilla, curl, gpg2",
		 {"/etc/ssl/ca-bundle.pem", "/usr/bin/curl", "/usr/bin/gpg2"}},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct box b;
		struct trial t;
		struct setup s;
		CLEANUP(freep) char *words = NULL;

		box_make(&b);
		t = trial_of(&b.facts, rows[i].id, rows[i].version, "cuda-repo");
		s = setup_of(&b, &t);
		s.live = true;
		words = tools_of(&s);
		assert_string_equal(words, rows[i].missing);
		for (size_t k = 0; k < COUNT(rows[i].there) && rows[i].there[k]; k++)
			box_put(&b, rows[i].there[k], "", 0755);
		assert_null(tools_of(&s));
		arena_fini(&s.arena);
		box_remove(&b);
	}
}

/* The file that an operation of a plan writes there, or NULL. In p. */
static const char *written(const struct plan *p, const char *path)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->ops[i].kind == &op_write_file && str_eq(p->ops[i].path, path))
			return p->ops[i].text;
	return NULL;
}

TEST(two_sources_are_refused_until_the_user_names_one)
{
	static const char file[] = "/etc/apt/sources.list.d/cuda.list";
	struct box b;
	struct trial t;
	struct setup s;
	struct plan p = {0};
	struct err e = {0};

	box_make(&b);
	t = trial_of(&b.facts, "ubuntu", "24.04", "archive");
	s = setup_of(&b, &t);
	s.host.sources[s.host.sources_n++] = (struct host_source){"cuda-repo", file, true};
	assert_int_equal(setup_plan(&s, &p, &e), -ERR_UNSAT);
	assert_non_null(strstr(e.msg, file));
	assert_non_null(strstr(e.hint, "--route cuda-repo"));
	wishes.pin[VAR_ROUTE] = "archive";
	assert_int_equal(setup_plan(&s, &p, &e), 0);
	assert_non_null(strstr(written(&p, "/etc/apt/preferences.d/dlenv-nvidia-driver"),
			       "Pin-Priority: -1"));
	wishes.pin[VAR_ROUTE] = NULL;
	plan_fini(&p);
	/* A source that is the route's own is no second one. */
	s.answer.part[VAR_ROUTE].text = "cuda-repo";
	assert_int_equal(setup_plan(&s, &p, &e), 0);
	plan_fini(&p);
	/* What NVIDIA's installer left gets in the way of every package. */
	s.host.sources[0] = (struct host_source){"runfile", "/usr/bin/nvidia-uninstall", true};
	wishes.pin[VAR_ROUTE] = "cuda-repo";
	assert_int_equal(setup_plan(&s, &p, &e), -ERR_UNSAT);
	assert_non_null(strstr(e.hint, "nvidia-uninstall"));
	wishes.pin[VAR_ROUTE] = NULL;
	arena_fini(&s.arena);
	box_remove(&b);
}

RUN(IT(every_route_of_the_table_has_a_plan),
    IT(what_downloads_and_keys_need_comes_first_and_only_where_it_is_missing),
    IT(two_sources_are_refused_until_the_user_names_one))
