/* SPDX-License-Identifier: Apache-2.0 */
/* A machine's facts as data and as a few lines. */
#include <stdio.h>

#include "base/i18n.h"
#include "base/str.h"
#include "cli/doctor.h"
#include "cli/output.h"
#include "compat/gpus.h"

#define FACT(field, kind)                                                                          \
	{                                                                                          \
		.key = #field, .type = kind, .offset = offsetof(struct host, field)                \
	}

static const struct column facts[] = {
	FACT(arch, COL_STR),
	FACT(kernel, COL_STR),
	FACT(headers, COL_INT),
	FACT(place, COL_STR),
	FACT(place_kind, COL_STR),
	FACT(image, COL_STR),
	FACT(module, COL_STR),
	FACT(module_open, COL_BOOL),
	FACT(module_unsigned, COL_BOOL),
	FACT(libraries, COL_STR),
	FACT(module_built, COL_INT),
	FACT(builder, COL_STR),
	FACT(nouveau, COL_BOOL),
	FACT(secure_boot, COL_INT),
	FACT(secure_boot_lax, COL_BOOL),
	FACT(mok, COL_INT),
	FACT(mok_pending, COL_BOOL),
	FACT(lockdown, COL_STR),
	FACT(manager, COL_STR),
	FACT(lock, COL_STR),
	FACT(driver_package, COL_STR),
	FACT(docker, COL_STR),
	FACT(podman, COL_STR),
	FACT(containerd, COL_STR),
	FACT(toolkit, COL_STR),
	FACT(selinux, COL_STR),
	FACT(apparmor_userns, COL_BOOL),
	FACT(apparmor_profile, COL_BOOL),
	FACT(userns_max, COL_MAYBE),
	FACT(userns_clone, COL_INT),
	FACT(cgroup, COL_STR),
	FACT(delegated, COL_STR),
	FACT(subuids, COL_MAYBE),
	FACT(subgids, COL_MAYBE),
	FACT(groups, COL_STR),
	FACT(groups_later, COL_STR),
	{0},
};

/* Numbers that are 1, 0 or -1 for "not known". */
static void answer(json_t *o, const char *key, int value)
{
	(void)json_object_set_new(o, key, value < 0 ? json_null() : json_boolean(value));
}

static json_t *gpus_json(struct patient *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->host.gpus.n; i++) {
		const struct pci_gpu *g = &p->host.gpus.v[i];
		struct gpu_fact known;
		char id[16];
		char cc[24];

		gpu_by_id(&p->facts, g->device, g->subvendor, g->subdevice, &known);
		(void)snprintf(id, sizeof(id), "10de:%04x", g->device & 0xffff);
		(void)snprintf(cc, sizeof(cc), "%u.%u", known.cc.part[0], known.cc.part[1]);
		(void)json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:b}", "address", g->address,
				  "id", id, "driver", g->driver, "product", known.product,
				  "architecture", known.arch, "compute_capability",
				  known.cc.n ? cc : NULL, "guess", known.guess != NULL));
	}
	return list;
}

json_t *host_json(struct patient *p)
{
	const struct host *h = &p->host;
	json_t *o = column_json(facts, h);
	json_t *sources = json_array();
	json_t *space = json_object();

	answer(o, "headers", h->headers);
	answer(o, "module_built", h->module_built);
	answer(o, "secure_boot", h->secure_boot);
	answer(o, "mok", h->mok);
	answer(o, "userns_clone", h->userns_clone);
	for (size_t i = 0; i < h->sources_n; i++)
		(void)json_array_append_new(
			sources, json_pack("{s:s, s:s, s:b}", "id", h->sources[i].id, "path",
					   h->sources[i].path, "driver", h->sources[i].driver));
	for (size_t i = 0; i < HOST_SPACES; i++)
		if (h->space[i].bytes >= 0)
			(void)json_object_set_new(space, h->space[i].path,
						  json_integer(h->space[i].bytes));
	(void)json_object_set_new(o, "sources", sources);
	(void)json_object_set_new(o, "free", space);
	(void)json_object_set_new(o, "gpus", gpus_json(p));
	(void)json_object_set_new(o, "os",
				  json_pack("{s:s, s:s, s:s, s:s}", "id", h->os.id, "version",
					    h->os.version, "name", h->os.name, "codename",
					    h->os.codename));
	return o;
}

static void add(struct buf *b, const char *name, const char *value)
{
	if (value)
		buf_fmt(b, "%s%s%s%s", b->len ? ", " : "", name, *value ? " " : "", value);
}

static void print_gpus(struct cli *c, struct patient *p)
{
	for (size_t i = 0; i < p->host.gpus.n; i++) {
		const struct pci_gpu *g = &p->host.gpus.v[i];
		struct gpu_fact known;

		gpu_by_id(&p->facts, g->device, g->subvendor, g->subdevice, &known);
		if (known.cc.n)
			cli_print(c, "%s %s: %s, %u.%u", g->address, known.product, known.arch,
				  known.cc.part[0], known.cc.part[1]);
		else
			cli_print(c, "%s %s", g->address, known.product);
	}
}

/* Names of things and versions, the same in every language: a line, then one for each GPU. */
void host_print(struct cli *c, struct patient *p)
{
	CLEANUP(buf_fini) struct buf b = {0};
	const struct host *h = &p->host;

	if (h->os.name[0])
		buf_fmt(&b, "%s%s%s", h->os.name, h->os.version[0] ? " " : "", h->os.version);
	add(&b, "Linux", h->kernel);
	if (h->place_kind)
		add(&b, h->place, h->place_kind);
	else if (!str_eq(h->place, "machine"))
		buf_fmt(&b, ", %s", h->place);
	add(&b, "NVIDIA", h->module);
	if (h->secure_boot >= 0)
		add(&b, "Secure Boot", h->secure_boot ? "on" : "off");
	add(&b, "docker", h->docker);
	add(&b, "podman", h->podman);
	add(&b, "toolkit", h->toolkit);
	add(&b, "cgroup", h->cgroup);
	if (b.len)
		cli_print(c, "%s", b.data);
	print_gpus(c, p);
}
