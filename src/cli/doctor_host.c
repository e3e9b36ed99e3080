/* SPDX-License-Identifier: Apache-2.0 */
/* What needs the compatibility tables to be seen in a machine's facts. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/doctor.h"
#include "compat/facts.h"
#include "compat/gpus.h"

/* The row of a distribution: of its version, or of what it rolls. NULL: none. */
static const struct distro_fact *distro_of(const struct facts *f, const struct os_release *os)
{
	size_t major = strcspn(os->version, ".");

	for (size_t i = 0; i < f->distros.n; i++) {
		const struct distro_fact *d = &f->distros.v[i];

		if (!str_eq(d->id, os->id))
			continue;
		if (str_eq(d->version, os->version) || str_eq(d->version, "rolling") ||
		    (!os->version[0] && str_eq(d->version, "sid")))
			return d;
		/* "9.4" is a "9" where the table has no minor versions. */
		if (strlen(d->version) == major && strncmp(d->version, os->version, major) == 0)
			return d;
	}
	return NULL;
}

static void look_at_distro(const struct host *h, const struct distro_fact *d, struct findings *f)
{
	CLEANUP(freep)
	char *name = str_fmt("%s%s%s", h->os.id, h->os.version[0] ? " " : "", h->os.version);

	if (!h->os.id[0] || str_eq(h->place, "wsl"))
		return;
	if (!d)
		finding_add(f, "HOST002", name, "");
	else if (str_starts(d->lifecycle, "end of"))
		finding_add(f, "HOST003", name, d->lifecycle);
}

/* Surely before: of a table's "5.x" the later part is not known. */
static bool is_before(const char *text, const char *than)
{
	struct version a = version_in(text);
	struct version b = version_in(than);

	if (a.n == 1 && b.n > 1 && a.part[0] == b.part[0])
		return false;
	return a.n && version_compare(&a, &b) < 0;
}

/* From 1.19.1 on the toolkit writes additional groups, which are of CDI 0.7.0. */
static void look_at_engines(const struct host *h, const struct distro_fact *d, struct findings *f)
{
	const char *podman = h->podman;
	const char *docker = h->docker ? h->docker : "";
	bool new_toolkit = h->toolkit && h->toolkit[0] && !is_before(h->toolkit, "1.19.1");
	char name[64];

	if (podman && !*podman && d)
		podman = d->podman_version;
	if (podman && is_before(podman, "4.1")) {
		finding_add(f, "HOST019", podman, "");
	} else if (podman && new_toolkit && is_before(podman, "5.1")) {
		(void)snprintf(name, sizeof(name), "podman %.40s", podman);
		finding_add(f, "HOST020", name, h->toolkit);
	}
	if (new_toolkit && is_before(docker, "26.1")) {
		(void)snprintf(name, sizeof(name), "docker %.40s", docker);
		finding_add(f, "HOST020", name, h->toolkit);
	}
}

/* A branch and a flavour that both have: none means that no driver serves both. */
static bool share_a_driver(const struct gpu_fact *a, const struct gpu_fact *b)
{
	return (a->flavours & b->flavours) != 0 &&
	       (!a->last.n || !b->first.n || b->first.part[0] <= a->last.part[0]) &&
	       (!b->last.n || !a->first.n || a->first.part[0] <= b->last.part[0]);
}

static bool is_driven_by(const struct gpu_fact *g, const struct host *h)
{
	struct version v = version_in(h->module);
	enum flavour flavour = h->module_open ? FLAVOUR_OPEN : FLAVOUR_PROPRIETARY;

	return g->guess || !v.n ||
	       ((g->flavours & flavour) != 0 && (!g->last.n || v.part[0] <= g->last.part[0]));
}

static void look_at_gpus(const struct host *h, struct facts *facts, struct findings *f)
{
	struct gpu_fact first = {0};

	for (size_t i = 0; i < h->gpus.n; i++) {
		const struct pci_gpu *p = &h->gpus.v[i];
		struct gpu_fact g;
		char id[16];

		/* It is a virtual machine's: another driver serves it. */
		if (p->driver && str_starts(p->driver, "vfio"))
			continue;
		gpu_by_id(facts, p->device, p->subvendor, p->subdevice, &g);
		(void)snprintf(id, sizeof(id), "10de:%04x", p->device & 0xffff);
		if (g.guess)
			finding_add(f, "HOST026", p->address, id);
		if (h->module && !is_driven_by(&g, h))
			finding_add(f, "HOST025", h->module, g.product);
		if (first.product && !share_a_driver(&first, &g))
			finding_add(f, "HOST024", first.product, g.product);
		if (!first.product)
			first = g;
	}
}

int doctor_host(struct patient *p, struct findings *f, struct err *e)
{
	const struct distro_fact *d = distro_of(&p->facts, &p->host.os);

	(void)e;
	look_at_distro(&p->host, d, f);
	findings_of_host(&p->host, f);
	look_at_engines(&p->host, d, f);
	look_at_gpus(&p->host, &p->facts, f);
	return 0;
}
