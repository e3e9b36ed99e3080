/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine's facts: each probe reads one side of it. They are independent, know nothing of each
 * other's results but what stands in h already, and leave what they cannot read as it was.
 */
#include "host/host.h"

#include <string.h>
#include <sys/utsname.h>

#include "base/log.h"
#include "base/str.h"
#include "host/host_parts.h"

char *host_text(const struct host_look *k, const char *path, size_t max)
{
	char *text = NULL;
	struct err e;

	return root_read(k->r, path, max, &text, &e) == 0 ? text : NULL;
}

char *host_clean(char *text)
{
	for (char *s = text; *s; s++)
		if (*s < ' ' || *s > '~')
			*s = '?';
	return text;
}

const char *host_line(const struct host_look *k, const char *path)
{
	char text[HOST_SMALL];
	ssize_t n = nv_read_root(k->r, path, text, sizeof(text));

	if (n <= 0)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	return text[0] ? arena_str(&k->h->arena, host_clean(text)) : NULL;
}

int64_t host_number(const struct host_look *k, const char *path)
{
	const char *line = host_line(k, path);
	uint64_t n = 0;
	struct err e;

	return line && parse_uint(line, INT64_MAX, path, &n, &e) == 0 ? (int64_t)n : -1;
}

const char *host_recorded(const struct host_look *k, const char *key)
{
	size_t n = strlen(key);

	for (const char *l = k->recorded; l && *l; l += strcspn(l, "\n"), l += *l == '\n')
		if (strncmp(l, key, n) == 0 && l[n] == ' ')
			return host_clean(
				arena_strn(&k->h->arena, l + n + 1, strcspn(l + n + 1, "\n")));
	return NULL;
}

static void probe_system(const struct host_look *k)
{
	struct host *h = k->h;
	char *const names[] = {h->os.name, h->os.id, h->os.version, h->os.like, h->os.codename};
	struct utsname uts;

	os_read(k->r, &h->os);
	for (size_t i = 0; i < COUNT(names); i++)
		(void)host_clean(names[i]);
	h->arch = host_line(k, "/proc/sys/kernel/arch"); /* since Linux 6.1 */
	h->kernel = host_line(k, "/proc/sys/kernel/osrelease");
	if (!h->arch)
		h->arch = host_recorded(k, "arch");
	if (!h->arch && k->here && uname(&uts) == 0)
		h->arch = arena_str(&h->arena, uts.machine);
}

static void probe_headers(const struct host_look *k)
{
	CLEANUP(freep) char *modules = NULL;
	CLEANUP(freep) char *build = NULL;

	if (!k->h->kernel || strchr(k->h->kernel, '/'))
		return;
	modules = str_fmt("/lib/modules/%s", k->h->kernel);
	build = str_fmt("%s/build/Makefile", modules);
	if (root_has(k->r, build))
		k->h->headers = 1;
	else if (root_has(k->r, modules))
		k->h->headers = 0;
}

static void probe_gpus(const struct host_look *k)
{
	pci_gpus_read(k->r, &k->h->gpus);
}

static const struct probe {
	const char *id;
	void (*look)(const struct host_look *k);
} probes[] = {
	{"system", probe_system},
	{"headers", probe_headers},
	{"place", host_probe_place},
	{"image", host_probe_image},
	{"gpus", probe_gpus},
	{"module", host_probe_module},
	{"firmware", host_probe_firmware},
	{"manager", host_probe_manager},
	{"sources", host_probe_sources},
	{"packages", host_probe_packages},
	{"security", host_probe_security},
	{"cgroup", host_probe_cgroup},
	{"caller", host_probe_caller},
	{"space", host_probe_space},
};

void host_read(const struct root *r, const struct user *who, struct host *ret)
{
	CLEANUP(freep) char *recorded = NULL;
	struct host h = {
		.headers = -1,
		.place = "machine",
		.module_built = -1,
		.secure_boot = -1,
		.mok = -1,
		.userns_max = -1,
		.userns_clone = -1,
		.subuids = -1,
		.subgids = -1,
	};
	struct host_look k = {.r = r, .who = who, .here = str_eq(r->path, "/"), .h = &h};

	recorded = host_text(&k, "/.recorded", HOST_LIST);
	k.recorded = recorded;
	for (size_t i = 0; i < COUNT(probes); i++) {
		dbg("host: %s", probes[i].id);
		probes[i].look(&k);
	}
	*ret = h;
}

void host_fini(struct host *h)
{
	pci_gpus_fini(&h->gpus);
	arena_fini(&h->arena);
	*h = (struct host){0};
}
