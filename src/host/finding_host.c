/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a machine lacks for containers with GPUs. A row's rule is here and its words in finding.c;
 * what is not known is never a finding.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "host/finding.h"
#include "host/host.h"

enum { SUBIDS_NEEDED = 65536 };

/* Less than this, and what goes there does not fit: a driver, an initial RAM disk, images. */
static const struct {
	const char *path;
	int64_t bytes;
} room[] = {
	{"/usr", INT64_C(2) << 30},
	{"/boot", INT64_C(100) << 20},
	{"/var", INT64_C(2) << 30},
	{"/tmp", INT64_C(256) << 20},
};

static void look_at_system(const struct host *h, struct findings *f)
{
	if (h->arch && !str_eq(h->arch, "x86_64"))
		finding_add(f, "HOST001", h->arch, "");
	if (str_eq(h->place, "container"))
		finding_add(f, "HOST004", h->place_kind, "");
	else if (str_eq(h->place, "wsl"))
		finding_add(f, "HOST005", "", "");
	if (h->image)
		finding_add(f, "HOST006", h->image, "");
}

/* The certificate of what builds modules here. */
static const char *key_of(const struct host *h)
{
	if (str_eq(h->builder, "akmods"))
		return "/etc/pki/akmods/certs/public_key.der";
	return str_eq(h->os.id, "ubuntu") ? "/var/lib/shim-signed/mok/MOK.der"
					  : "/var/lib/dkms/mok.pub";
}

/* A container and WSL have another machine's kernel. */
static bool has_own_kernel(const struct host *h)
{
	return !str_eq(h->place, "container") && !str_eq(h->place, "wsl");
}

static void look_at_module(const struct host *h, struct findings *f)
{
	if (!has_own_kernel(h))
		return;
	if (h->headers == 0 && h->builder)
		finding_add(f, "HOST007", h->kernel, "");
	else if (h->headers == 0 && h->gpus.n && !h->module && !h->image)
		finding_add(f, "HOST008", h->kernel, "");
	if (h->nouveau && h->module_built == 1)
		finding_add(f, "HOST009", "", "");
	/* Only a module that is built here has a key that is not known from the beginning. */
	if (h->gpus.n && h->secure_boot == 1 && !h->secure_boot_lax && !h->module && h->builder &&
	    h->module_built == 1 && !h->nouveau)
		finding_add(f, "HOST010", key_of(h), "");
	if (h->gpus.n && h->secure_boot == 1 && !h->secure_boot_lax && !h->module &&
	    h->module_built != 1)
		finding_add(f, "HOST027", "", "");
	if (h->mok_pending)
		finding_add(f, "HOST011", "", "");
}

static void look_at_packages(const struct host *h, struct findings *f)
{
	const char *first = NULL;
	const char *second = NULL;

	for (size_t i = 0; i < h->sources_n; i++) {
		const struct host_source *s = &h->sources[i];

		if (str_eq(s->id, "toolkit-old"))
			finding_add(f, "HOST022", s->path, "");
		if (!s->driver || str_eq(s->id, first))
			continue;
		if (!first)
			first = s->id;
		else if (!second)
			second = s->id;
	}
	/* What the installer put there and a package of the distribution. */
	if (str_eq(first, "runfile") && !second)
		second = h->driver_package;
	if (second)
		finding_add(f, "HOST012", first, second);
	if (h->lock)
		finding_add(f, "HOST013", h->lock, "");
}

static void look_at_namespaces(const struct host *h, struct findings *f)
{
	if (h->userns_max == 0)
		finding_add(f, "HOST015", "user.max_user_namespaces=15000", "");
	if (h->userns_clone == 0)
		finding_add(f, "HOST015", "kernel.unprivileged_userns_clone=1", "");
	if (h->apparmor_userns && !h->apparmor_profile && h->user && h->uid)
		finding_add(f, "HOST016", "", "");
	if (h->cgroup && !str_eq(h->cgroup, "v2"))
		finding_add(f, "HOST017", h->cgroup, "");
}

static void look_at_caller(const struct host *h, struct findings *f)
{
	static const char *const wanted[] = {"cpu", "memory", "pids"};
	char lacking[32] = "";
	int64_t least = h->subuids < h->subgids ? h->subuids : h->subgids;

	if (!h->user || !h->uid)
		return;
	if (least >= 0 && least < SUBIDS_NEEDED)
		finding_add(f, "HOST014", h->user,
			    h->subuids < SUBIDS_NEEDED ? "/etc/subuid" : "/etc/subgid");
	for (size_t i = 0; h->delegated && i < COUNT(wanted); i++)
		if (!strstr(h->delegated, wanted[i])) {
			size_t n = strlen(lacking);

			(void)snprintf(lacking + n, sizeof(lacking) - n, "%s%s", n ? " " : "",
				       wanted[i]);
		}
	if (lacking[0])
		finding_add(f, "HOST018", h->user, lacking);
	if (h->groups_later)
		finding_add(f, "HOST023", h->user, h->groups_later);
}

static void look_at_space(const struct host *h, struct findings *f)
{
	for (size_t i = 0; i < HOST_SPACES; i++)
		for (size_t j = 0; j < COUNT(room); j++) {
			CLEANUP(freep) char *size = NULL;

			if (!str_eq(h->space[i].path, room[j].path) || h->space[i].bytes < 0 ||
			    h->space[i].bytes >= room[j].bytes)
				continue;
			size = str_size((uint64_t)h->space[i].bytes);
			finding_add(f, "HOST021", room[j].path, size);
		}
}

void findings_of_host(const struct host *h, struct findings *f)
{
	look_at_system(h, f);
	look_at_module(h, f);
	look_at_packages(h, f);
	look_at_namespaces(h, f);
	look_at_caller(h, f);
	look_at_space(h, f);
}
