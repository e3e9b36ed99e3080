/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NVIDIA's driver. What is common to all routes is here: which route the answer names, that there
 * is one source of the driver only, and how the kernel gets to load what was installed.
 */
#include <string.h>

#include "base/i18n.h"
#include "base/str.h"
#include "compat/gpus.h"
#include "setup/step_common.h"
#include "setup/steps.h"

static const struct driver_route routes[] = {
	{"archive", "apt", "ppa", 0, driver_apt_archive},
	{"distro", "apt", NULL, DRIVER_BUILT_HERE, driver_apt_distro},
	{"tesla-470", "apt", NULL, DRIVER_BUILT_HERE, driver_apt_distro},
	{"tesla-535", "apt", NULL, DRIVER_BUILT_HERE, driver_apt_distro},
	{"cuda-repo", "apt", "cuda-repo", DRIVER_BUILT_HERE | DRIVER_NOUVEAU, driver_apt_cuda},
	{"rpmfusion", "dnf4 dnf5", "rpmfusion", DRIVER_BUILT_HERE | DRIVER_AKMODS,
	 driver_dnf_rpmfusion},
	{"rpmfusion-580xx", "dnf4 dnf5", "rpmfusion", DRIVER_BUILT_HERE | DRIVER_AKMODS,
	 driver_dnf_rpmfusion},
	{"rpmfusion-tainted", "dnf4 dnf5", "rpmfusion", DRIVER_BUILT_HERE | DRIVER_AKMODS,
	 driver_dnf_rpmfusion},
	{"cuda-repo", "dnf4 dnf5", "cuda-repo", DRIVER_BUILT_HERE | DRIVER_NOUVEAU,
	 driver_dnf_cuda},
	{"suse-G06", "zypper", "suse", 0, driver_zypper_graphics},
	{"suse-G07", "zypper", "suse", 0, driver_zypper_graphics},
	{"cuda-repo", "zypper", "cuda-repo", DRIVER_NOUVEAU, driver_zypper_cuda},
};

const struct driver_route *driver_route(const struct setup *s)
{
	const char *name = s->answer.part[VAR_ROUTE].text;

	for (size_t i = 0; i < COUNT(routes); i++)
		if (str_eq(routes[i].route, name) && step_manager_is(s, routes[i].managers))
			return &routes[i];
	return NULL;
}

struct driver_choice driver_choice(const struct setup *s)
{
	const char *text = s->answer.part[VAR_DRIVER].text;
	struct driver_choice c = {.open = text && str_ends(text, "-open")};
	struct version v = version_in(text ? text : "");

	if (v.n) {
		c.number = v.part[0];
		(void)snprintf(c.branch, sizeof(c.branch), "%u", v.part[0]);
	}
	return c;
}

bool driver_is_pinned(const struct setup *s, enum solve_var var)
{
	const char *pin = s->options->pin[var];

	return pin && !str_eq(pin, "any");
}

int driver_add_cuda_repo(struct setup *s, struct plan *p, struct step_repository r, struct err *e)
{
	const char *dir = s->distro->cuda_repo_dir;
	const char *arch = str_eq(s->host.arch, "aarch64") ? "sbsa" : "x86_64";
	bool apt = step_manager_is(s, "apt");
	struct arena *a = &s->arena;

	r.repo.id = arena_fmt(a, "cuda-%s-%s", dir, arch);
	r.repo.name = "NVIDIA CUDA";
	r.repo.url =
		arena_fmt(a, "https://developer.download.nvidia.com/compute/cuda/repos/%s/%s%s",
			  dir, arch, apt ? "/" : "");
	r.address = arena_fmt(a, "compute/cuda/repos/%s/", dir);
	r.key = arena_fmt(a, "cuda-%s", dir);
	r.key_path = apt ? "/usr/share/keyrings/cuda-archive-keyring.gpg"
			 : arena_fmt(a, "/etc/pki/rpm-gpg/dlenv-cuda-%s.asc", dir);
	r.key_flags = apt ? 0 : OP_ARMOR | OP_RPM_KEY;
	if (!r.why)
		r.why = _("NVIDIA's own repository of its driver");
	return step_add_repository(s, p, &r, e);
}

static bool has_gpu(const struct setup *s)
{
	return s->answer.part[VAR_DRIVER].text != NULL;
}

/* The module that runs is the one that the answer names. */
static bool is_loaded(const struct setup *s)
{
	struct driver_choice c = driver_choice(s);
	struct version v = version_in(s->host.module ? s->host.module : "");

	if (!v.n)
		return false;
	return str_eq(s->answer.part[VAR_ROUTE].text, "installed") ||
	       (v.part[0] == c.number && s->host.module_open == c.open);
}

bool driver_is_done(const struct setup *s)
{
	return !has_gpu(s) || (is_loaded(s) && s->host.libraries) ||
	       str_eq(s->answer.part[VAR_ROUTE].text, "installed");
}

bool module_is_done(const struct setup *s)
{
	if (!has_gpu(s))
		return true;
	return is_loaded(s) && (!s->host.libraries || str_eq(s->host.libraries, s->host.module));
}

bool driver_for_display(const struct setup *s)
{
	static const char *const programs[] = {
		"/usr/bin/Xorg", "/usr/bin/Xwayland", "/usr/sbin/gdm3",	     "/usr/sbin/gdm",
		"/usr/bin/sddm", "/usr/sbin/lightdm", "/usr/bin/gnome-shell"};

	for (size_t i = 0; i < COUNT(programs); i++)
		if (root_has(s->root, programs[i]))
			return true;
	return false;
}

/* Does every GPU of this machine, and the rest of the answer, go with a branch? */
static bool admits(const struct setup *s, const struct branch_fact *b)
{
	struct driver_choice c = driver_choice(s);

	if (version_compare(&b->newest, &s->answer.driver_min) < 0)
		return false;
	for (size_t i = 0; i < s->host.gpus.n; i++) {
		const struct pci_gpu *g = &s->host.gpus.v[i];
		struct gpu_fact f = {0};

		/* It is a virtual machine's. */
		if (str_eq(g->driver, "vfio-pci"))
			continue;
		gpu_by_id(s->facts, g->device, g->subvendor, g->subdevice, &f);
		if ((f.last.n && b->branch.part[0] > f.last.part[0]) ||
		    (c.open && f.first.n && version_compare(&b->newest, &f.first) < 0))
			return false;
	}
	return true;
}

size_t driver_branches(const struct setup *s, uint64_t low, uint64_t high, char (*ret)[16],
		       size_t n)
{
	/* As the solver prefers them: what is new comes last. */
	static const char *const kinds[] = {"production", "lts", "ended", "legacy", "new"};
	struct driver_choice c = driver_choice(s);
	const struct branch_fact *b = s->facts->branches.v;
	size_t used = 0;

	if (c.number >= low && (!high || c.number < high))
		memcpy(ret[used++], c.branch, sizeof(c.branch));
	if (driver_is_pinned(s, VAR_DRIVER))
		return used;
	for (size_t k = 0; k < COUNT(kinds); k++)
		for (size_t i = 0; i < s->facts->branches.n && used < n; i++) {
			uint64_t number = b[i].branch.part[0];

			if (str_eq(b[i].kind, kinds[k]) && number != c.number && number >= low &&
			    (!high || number < high) && admits(s, &b[i]))
				(void)snprintf(ret[used++], sizeof(*ret), "%u",
					       b[i].branch.part[0]);
		}
	return used;
}

bool driver_must_hold(const struct setup *s)
{
	struct driver_choice c = driver_choice(s);

	if (driver_is_pinned(s, VAR_DRIVER))
		return true;
	for (size_t i = 0; i < s->facts->branches.n; i++)
		if (s->facts->branches.v[i].branch.part[0] > c.number &&
		    !admits(s, &s->facts->branches.v[i]))
			return true;
	return false;
}

static const struct host_source *foreign_source(const struct setup *s, const struct driver_route *r)
{
	for (size_t i = 0; i < s->host.sources_n; i++) {
		const struct host_source *h = &s->host.sources[i];

		if (h->driver && !str_eq(h->id, r->source))
			return h;
	}
	return NULL;
}

/* Two sources of one driver: the user chooses, and the other one is kept out of it. */
static int check_sources(const struct setup *s, const struct driver_route *r, struct err *e)
{
	const struct host_source *h = foreign_source(s, r);

	if (!h)
		return 0;
	if (str_eq(h->id, "runfile")) {
		(void)err_set(e, ERR_UNSAT,
			      "NVIDIA's own installer has put a driver here (%s): packages and it "
			      "overwrite each other",
			      h->path);
		return err_hint(e, "remove it first: sudo nvidia-uninstall; or keep it: "
				   "--driver loaded");
	}
	if (driver_is_pinned(s, VAR_ROUTE))
		return 0;
	(void)err_set(e, ERR_UNSAT,
		      "two sources of one driver: '%s' (%s) is there, and the plan would take it "
		      "from '%s'",
		      h->path, h->id, r->route);
	if (str_eq(h->id, "cuda-repo"))
		return err_hint(e,
				"choose one: --route cuda-repo, or --route %s, which keeps the "
				"other one's driver out",
				r->route);
	return err_hint(e, "disable '%s', or say --route %s, which keeps its driver out", h->path,
			r->route);
}

static int refuse_route(const struct setup *s, struct err *e)
{
	const char *name = s->answer.part[VAR_ROUTE].text;

	(void)err_set(e, ERR_UNSAT, "how a driver is installed here is not known (%s, %s)",
		      s->host.os.id[0] ? s->host.os.id : "-", name ? name : "-");
	return err_hint(e,
			"install NVIDIA's driver %s in this distribution's way, then run "
			"`dlenv setup` for the rest",
			driver_choice(s).branch);
}

int driver_plan_key(struct setup *s, struct plan *p, struct err *e)
{
	if (secure_boot_matters(s))
		return secure_plan_key(s, p, e);
	if (s->host.secure_boot < 0 && driver_route(s)->flags & DRIVER_BUILT_HERE &&
	    root_has(s->root, "/sys/firmware/efi"))
		plan_note(p, _("whether Secure Boot is on could not be seen: if it is, the kernel "
			       "refuses the module until its key is enrolled; `dlenv setup` then "
			       "says how"));
	return 0;
}

int driver_plan(struct setup *s, struct plan *p, struct err *e)
{
	const struct driver_route *r = driver_route(s);

	if (!r || !s->distro)
		return refuse_route(s, e);
	return check_sources(s, r, e) < 0 ? -(int)e->code : r->plan(s, p, e);
}
