/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a GPU does not tell, or the library cannot say, is null or -1: only a failure to list GPUs
 * at all is a failure. A GPU that fell off the bus is counted, not listed.
 */
#include "nvml/ask.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"

enum { TEXT = 96, PROCESSES_MAX = 1024, GPUS_MAX = 256, MIGS_MAX = 64 };

static void text(struct out *o, const char *key, nvml_text_fn *get, struct nvml_device *d)
{
	char value[TEXT] = "";

	if (!get || get(d, value, sizeof(value)) != NVML_OK)
		value[0] = '\0';
	value[sizeof(value) - 1] = '\0';
	out_text(o, key, value);
}

static long long number(nvml_number_fn *get, struct nvml_device *d)
{
	unsigned int value = 0;

	return get && get(d, &value) == NVML_OK ? (long long)value : -1;
}

/* 0000:01:00.0, as the kernel writes it; NVML's domain has eight digits. */
static void pci(const struct nvml_api *api, struct out *o, struct nvml_device *d)
{
	struct nvml_pci p = {0};
	char address[64];

	if (!api->pci || api->pci(d, &p) != NVML_OK) {
		out_text(o, "pci", NULL);
		return;
	}
	(void)snprintf(address, sizeof(address), "%04x:%02x:%02x.0", p.domain, p.bus, p.device);
	out_text(o, "pci", address);
}

static void memory(const struct nvml_api *api, struct out *o, struct nvml_device *d)
{
	struct nvml_memory2 m2 = {.version = (unsigned int)sizeof(m2) | 2U << 24};
	struct nvml_memory m = {0};
	bool known = false;

	if (api->memory2 && api->memory2(d, &m2) == NVML_OK) {
		m = (struct nvml_memory){.total = m2.total, .used = m2.used};
		known = true;
	} else if (api->memory) {
		known = api->memory(d, &m) == NVML_OK;
	}
	out_number(o, "memory", known ? (long long)m.total : -1);
	out_number(o, "memory_used", known ? (long long)m.used : -1);
}

/* "NVIDIA A100-SXM4-40GB MIG 1g.5gb": the profile; older drivers tell only the slices. */
static void mig_name(const struct nvml_api *api, struct out *o, struct nvml_device *d,
		     const struct nvml_attributes *a)
{
	static const char word[] = " MIG ";
	char name[TEXT] = "";
	const char *profile = NULL;

	if (api->name && api->name(d, name, sizeof(name)) == NVML_OK) {
		name[sizeof(name) - 1] = '\0';
		profile = strstr(name, word);
	}
	if (profile)
		profile += strlen(word);
	else if (a->gi_slices) {
		(void)snprintf(name, sizeof(name), "%ug.%llugb", a->gi_slices,
			       (a->memory_mib + 1023) / 1024);
		profile = name;
	}
	out_text(o, "name", profile);
	out_bool(o, "gfx", profile && strstr(profile, "+gfx"));
}

static void mig(const struct nvml_api *api, struct out *o, struct nvml_device *d,
		unsigned int index)
{
	struct nvml_attributes a = {0};

	if (api->mig_attributes && api->mig_attributes(d, &a) != NVML_OK)
		memset(&a, 0, sizeof(a));
	out_open(o, NULL, '{');
	text(o, "uuid", api->uuid, d);
	out_number(o, "index", index);
	out_number(o, "gi", number(api->mig_gi, d));
	out_number(o, "ci", number(api->mig_ci, d));
	mig_name(api, o, d, &a);
	memory(api, o, d);
	out_close(o, '}');
}

static void migs(const struct nvml_api *api, struct out *o, struct nvml_device *d)
{
	unsigned int current = 0;
	unsigned int pending = 0;
	unsigned int max = 0;
	bool on = api->mig_mode && api->mig_mode(d, &current, &pending) == NVML_OK && current == 1;

	out_bool(o, "mig_mode", on);
	out_open(o, "migs", '[');
	if (!on || !api->mig || !api->mig_count || api->mig_count(d, &max) != NVML_OK)
		max = 0;
	for (unsigned int i = 0; i < max && i < MIGS_MAX; i++) {
		struct nvml_device *m = NULL;

		if (api->mig(d, i, &m) == NVML_OK && m)
			mig(api, o, m, i);
	}
	out_close(o, ']');
}

static void names(const struct nvml_api *api, struct out *o, struct nvml_device *d)
{
	int major = -1;
	int minor = -1;

	text(o, "uuid", api->uuid, d);
	pci(api, o, d);
	text(o, "name", api->name, d);
	out_number(o, "brand", number(api->brand, d));
	out_number(o, "minor", number(api->minor, d));
	if (!api->capability || api->capability(d, &major, &minor) != NVML_OK)
		major = minor = -1;
	out_number(o, "arch_major", major);
	out_number(o, "arch_minor", minor);
	memory(api, o, d);
	migs(api, o, d);
}

static void process(struct out *o, const struct nvml_running *p, bool graphics)
{
	out_open(o, NULL, '{');
	out_number(o, "pid", p->pid);
	/* NVML_VALUE_NOT_AVAILABLE is all ones. */
	out_number(o, "memory", p->memory > 1ULL << 62 ? -1 : (long long)p->memory);
	out_bool(o, "graphics", graphics);
	/* All ones: of the whole GPU. */
	out_number(o, "gi", p->gi == UINT_MAX ? -1 : (long long)p->gi);
	out_number(o, "ci", p->ci == UINT_MAX ? -1 : (long long)p->ci);
	out_close(o, '}');
}

static void processes_of(const struct nvml_api *api, struct out *o, struct nvml_device *d,
			 bool graphics)
{
	int (*get)(struct nvml_device *, unsigned int *, struct nvml_running *) =
		graphics ? api->graphics : api->compute;
	int (*get1)(struct nvml_device *, unsigned int *, struct nvml_running1 *) =
		graphics ? api->graphics1 : api->compute1;
	static struct nvml_running list[PROCESSES_MAX];
	static struct nvml_running1 list1[PROCESSES_MAX];
	unsigned int n = PROCESSES_MAX;
	int code = -1;

	if (get) {
		code = get(d, &n, list);
	} else if (get1) {
		code = get1(d, &n, list1);
		for (unsigned int i = 0; code == NVML_OK && i < n && i < PROCESSES_MAX; i++)
			list[i] = (struct nvml_running){.pid = list1[i].pid,
							.memory = list1[i].memory,
							.gi = UINT_MAX,
							.ci = UINT_MAX};
	}
	for (unsigned int i = 0; code == NVML_OK && i < n && i < PROCESSES_MAX; i++)
		process(o, &list[i], graphics);
}

static void ecc(const struct nvml_api *api, struct out *o, struct nvml_device *d)
{
	enum { CORRECTED, UNCORRECTED, SINCE_LOAD = 0 };
	static const char *const keys[] = {
		[CORRECTED] = "ecc_corrected", [UNCORRECTED] = "ecc_uncorrected"};

	for (int i = CORRECTED; i <= UNCORRECTED; i++) {
		unsigned long long n = 0;
		bool known = api->ecc && api->ecc(d, i, SINCE_LOAD, &n) == NVML_OK;

		out_number(o, keys[i], known ? (long long)n : -1);
	}
}

/* Rows (since Ampere) or pages that wait for a reset of the GPU. */
static void retired(const struct nvml_api *api, struct out *o, struct nvml_device *d)
{
	unsigned int corrected = 0;
	unsigned int uncorrected = 0;
	unsigned int pending = 0;
	unsigned int failed = 0;
	unsigned int rows;

	if (!api->remapped ||
	    api->remapped(d, &corrected, &uncorrected, &pending, &failed) != NVML_OK) {
		out_number(o, "retired_pages", number(api->retired_pending, d));
		return;
	}
	rows = corrected + uncorrected;
	if (!pending && !failed)
		rows = 0;
	else if (!rows)
		rows = 1; /* none was replaced yet, but one waits */
	out_number(o, "retired_pages", rows);
}

static void state(const struct nvml_api *api, struct out *o, struct nvml_device *d)
{
	struct nvml_rates rates = {0};
	bool busy = api->rates && api->rates(d, &rates) == NVML_OK;
	unsigned int celsius = 0;
	bool warm = api->temperature && api->temperature(d, 0, &celsius) == NVML_OK;
	unsigned long long reasons = 0;
	bool told = api->throttle && api->throttle(d, &reasons) == NVML_OK;

	out_number(o, "gpu_percent", busy ? (long long)rates.gpu : -1);
	out_number(o, "memory_percent", busy ? (long long)rates.memory : -1);
	out_number(o, "temperature", warm ? (long long)celsius : -1);
	out_number(o, "power_mw", number(api->power, d));
	out_number(o, "power_limit_mw", number(api->power_limit, d));
	out_number(o, "throttle", told ? (long long)(reasons & 0x7fffffff) : -1);
	out_number(o, "pcie_width", number(api->pcie_width, d));
	out_number(o, "pcie_width_max", number(api->pcie_width_max, d));
	out_number(o, "pcie_gen", number(api->pcie_gen, d));
	out_number(o, "pcie_gen_max", number(api->pcie_gen_max, d));
	ecc(api, o, d);
	retired(api, o, d);
	out_number(o, "persistence", number(api->persistence, d));
	out_open(o, "processes", '[');
	processes_of(api, o, d, false);
	processes_of(api, o, d, true);
	out_close(o, ']');
}

static void top(const struct nvml_api *api, struct out *o)
{
	char driver[TEXT] = "";
	char cuda_text[32] = "";
	int cuda = 0;

	if (!api->driver || api->driver(driver, sizeof(driver)) != NVML_OK)
		driver[0] = '\0';
	driver[sizeof(driver) - 1] = '\0';
	out_text(o, "driver", driver);
	if (api->cuda && api->cuda(&cuda) == NVML_OK && cuda > 0)
		(void)snprintf(cuda_text, sizeof(cuda_text), "%d.%d", cuda / 1000,
			       cuda % 1000 / 10);
	out_text(o, "cuda", cuda_text);
}

int ask(const struct nvml_api *api, bool with_state, struct out *o)
{
	unsigned int n = 0;
	unsigned int lost = 0;
	int code = api->count(&n);

	if (code != NVML_OK)
		return code;
	out_open(o, NULL, '{');
	top(api, o);
	out_open(o, "gpus", '[');
	for (unsigned int i = 0; i < n && i < GPUS_MAX; i++) {
		struct nvml_device *d = NULL;

		if (api->handle(i, &d) != NVML_OK || !d) {
			lost++;
			continue;
		}
		out_open(o, NULL, '{');
		names(api, o, d);
		if (with_state)
			state(api, o, d);
		out_close(o, '}');
	}
	out_close(o, ']');
	out_number(o, "lost", lost);
	out_close(o, '}');
	(void)fputc('\n', o->file);
	return NVML_OK;
}
