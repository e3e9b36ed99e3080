/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver by apt: out of Ubuntu's archive (its module signed by Canonical where there is one for
 * the kernel), out of Debian's, or out of NVIDIA's CUDA repository. Which branches an archive has,
 * only apt knows: they are alternatives of one operation.
 */
#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "base/str.h"
#include "setup/step_common.h"
#include "setup/steps.h"

enum { SOURCES_MAX = 1 << 20, LISTS_MAX = 32, BRANCHES_MAX = 3 };

/* The first branch whose packages carry no number: one is chosen by a pinning package. */
enum { UNNUMBERED_SINCE = 590 };

/* Alternatives while they are collected. */
struct lists {
	const char *const *v[LISTS_MAX];
	size_t n;
};

static void lists_add(struct lists *l, const char *const *words)
{
	if (l->n < LISTS_MAX)
		l->v[l->n++] = words;
}

static void plan_install(struct plan *p, const struct lists *l, unsigned int flags, const char *why)
{
	plan_add(p, &(struct op){.kind = &op_install,
				 .choices = plan_choices(p, l->v, l->n),
				 .choices_n = l->n,
				 .flags = flags,
				 .why = why});
}

/* A kernel's release as part of a package's name. */
static bool is_kernel_name(const char *kernel)
{
	return kernel && *kernel &&
	       kernel[strspn(kernel, "abcdefghijklmnopqrstuvwxyz0123456789.+-~")] == '\0';
}

/* "generic" of "6.8.0-40-generic", "amd64" of "6.12.48+deb13-amd64", "cloud-amd64" ... */
static const char *kernel_flavour(const char *kernel)
{
	const char *at = strchr(kernel, '-');

	while (at && at[1] >= '0' && at[1] <= '9')
		at = strchr(at + 1, '-');
	return at ? at + 1 : NULL;
}

/* Components of the distribution's own entries, in each file of sources. */
static int add_to_file(struct setup *s, struct plan *p, const char *path,
		       const char *const *components, struct err *e)
{
	CLEANUP(freep) char *text = NULL;
	CLEANUP(freep) char *changed = NULL;
	struct err why = {0};

	if (root_read(s->root, path, SOURCES_MAX, &text, &why) < 0) {
		if (why.code != ERR_ABSENT)
			*e = why;
		return why.code == ERR_ABSENT ? 0 : -(int)why.code;
	}
	changed = pkg_apt_components(path, text, components);
	if (changed)
		plan_add(p, &(struct op){.kind = &op_write_file,
					 .path = path,
					 .text = changed,
					 .mode = 0644,
					 .why = _("the driver lies in these components of the "
						  "archive")});
	return 0;
}

static int add_components(struct setup *s, struct plan *p, const char *const *components,
			  struct err *e)
{
	static const char folder[] = "/etc/apt/sources.list.d";
	CLEANUP(strs_fini) struct strs names = {0};
	struct err why = {0};

	if (add_to_file(s, p, "/etc/apt/sources.list", components, e) < 0)
		return -(int)e->code;
	if (dir_list(s->root->fd, below(folder), &names, &why) < 0 && why.code != ERR_ABSENT) {
		*e = why;
		return -(int)e->code;
	}
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP(freep) char *path = str_fmt("%s/%s", folder, names.v[i]);

		if ((str_ends(path, ".list") || str_ends(path, ".sources")) &&
		    add_to_file(s, p, path, components, e) < 0)
			return -(int)e->code;
	}
	return 0;
}

/* Headers of the running kernel; where the archive has dropped them, a newer kernel with its own.
 */
static void plan_headers(const struct setup *s, struct plan *p)
{
	const char *kernel = s->host.kernel;
	const char *flavour = is_kernel_name(kernel) ? kernel_flavour(kernel) : NULL;
	struct lists l = {0};
	struct arena *a = &p->arena;

	if (s->host.headers == 1 || !is_kernel_name(kernel))
		return;
	lists_add(&l, WORDS(p, arena_fmt(a, "linux-headers-%s", kernel)));
	if (flavour)
		lists_add(&l, WORDS(p, arena_fmt(a, "linux-image-%s", flavour),
				    arena_fmt(a, "linux-headers-%s", flavour)));
	plan_install(p, &l, 0,
		     _("the module is compiled against the headers of the running kernel"));
}

/* The other source's packages of the driver are not to be taken, whatever their version. */
static void keep_cuda_out(const struct setup *s, struct plan *p)
{
	for (size_t i = 0; i < s->host.sources_n; i++)
		if (str_eq(s->host.sources[i].id, "cuda-repo")) {
			plan_add(p,
				 &(struct op){.kind = &op_write_file,
					      .path = "/etc/apt/preferences.d/dlenv-nvidia-driver",
					      .text = "Package: *nvidia* cuda-drivers* libcuda1 "
						      "libxnvctrl*\n"
						      "Pin: origin developer.download.nvidia.com\n"
						      "Pin-Priority: -1\n",
					      .mode = 0644,
					      .why = _("the driver comes from one source only")});
			return;
		}
}

/*
 * The name of the package that follows the kernel's updates: "generic", "generic-hwe-24.04". The
 * kernel's name does not tell which of the two it is, but each release began with one version.
 */
static const char *meta_flavour(const struct setup *s, struct plan *p)
{
	static const struct {
		const char *version;
		const char *kernel;
	} first[] = {
		{"18.04", "4.15."}, {"20.04", "5.4."}, {"22.04", "5.15."},
		{"24.04", "6.8."},  {"26.04", "7.0."},
	};
	const char *kernel = s->host.kernel;
	const char *flavour = kernel_flavour(kernel);
	const char *version = s->distro->version;

	if (!str_eq(flavour, "generic") && !str_eq(flavour, "lowlatency"))
		return flavour;
	for (size_t i = 0; i < COUNT(first); i++)
		if (str_eq(first[i].version, version) && !str_starts(kernel, first[i].kernel))
			return arena_fmt(&p->arena, "%s-hwe-%s", flavour, version);
	return flavour;
}

/* One way to take a branch from Ubuntu's archive. */
struct archive {
	const struct setup *s;
	struct plan *p;
	const char *branch;
	const char *server; /* "-server" or "" */
	const char *open;   /* "-open" or "" */
	const char *kernel; /* NULL: not known */
	const char *meta;
};

static const char *name_of(const struct archive *k, const char *before, const char *after)
{
	return arena_fmt(&k->p->arena, "%s-%s%s%s%s%s", before, k->branch, k->server, k->open,
			 *after ? "-" : "", after);
}

static const char *utils_of(const struct archive *k)
{
	return arena_fmt(&k->p->arena, "nvidia-utils-%s%s", k->branch, k->server);
}

static const char *const *with_signed_module(const struct archive *k, bool display)
{
	const char *exact = name_of(k, "linux-modules-nvidia", k->kernel);
	const char *meta = name_of(k, "linux-modules-nvidia", k->meta);

	return display ? WORDS(k->p, exact, meta, name_of(k, "nvidia-driver", ""))
		       : WORDS(k->p, exact, meta, name_of(k, "nvidia-headless-no-dkms", ""),
			       utils_of(k));
}

static const char *const *with_dkms(const struct archive *k, bool display)
{
	const char *headers =
		is_kernel_name(k->s->host.kernel) && k->s->host.headers != 1
			? arena_fmt(&k->p->arena, "linux-headers-%s", k->s->host.kernel)
			: NULL;
	const char *dkms = name_of(k, "nvidia-dkms", "");

	return display ? WORDS(k->p, dkms, name_of(k, "nvidia-driver", ""), headers)
		       : WORDS(k->p, dkms, name_of(k, "nvidia-headless", ""), utils_of(k), headers);
}

/* A signed module for a newer kernel, which it depends on: it runs after a reboot. */
static const char *const *with_newer_kernel(const struct archive *k, bool display)
{
	const char *meta = name_of(k, "linux-modules-nvidia", k->meta);

	return display ? WORDS(k->p, meta, name_of(k, "nvidia-driver", ""))
		       : WORDS(k->p, meta, name_of(k, "nvidia-headless-no-dkms", ""), utils_of(k));
}

typedef const char *const *archive_way_fn(const struct archive *k, bool display);

/* Ubuntu's -server packages are for machines without a screen; not every branch has them. */
static void collect(const struct archive *base, bool display, archive_way_fn *way, struct lists *l)
{
	static const char *const servers[] = {"-server", ""};

	if (way != with_dkms && !base->kernel)
		return;
	for (size_t i = display ? 1 : 0; i < COUNT(servers); i++) {
		struct archive k = *base;

		k.server = servers[i];
		lists_add(l, way(&k, display));
	}
}

/* With Secure Boot what is signed comes first, whatever its branch and kernel. */
static void collect_all(const struct archive *base, struct lists *l)
{
	static archive_way_fn *const by_branch[] = {with_signed_module, with_dkms, NULL};
	static archive_way_fn *const newer[] = {with_newer_kernel, NULL};
	static archive_way_fn *const ready[] = {with_signed_module, NULL};
	static archive_way_fn *const built[] = {with_dkms, NULL};
	static archive_way_fn *const *const secure[] = {ready, newer, built, NULL};
	static archive_way_fn *const *const usual[] = {by_branch, newer, NULL};
	bool display = driver_for_display(base->s);
	char branches[BRANCHES_MAX][16];
	size_t n = driver_branches(base->s, 0, 0, branches, BRANCHES_MAX);

	for (archive_way_fn *const *const *turn = base->s->host.secure_boot == 1 ? secure : usual;
	     *turn; turn++)
		for (size_t i = 0; i < n; i++) {
			struct archive k = *base;

			k.branch = branches[i];
			for (archive_way_fn *const *way = *turn; *way; way++)
				collect(&k, display, *way, l);
		}
}

int driver_apt_archive(struct setup *s, struct plan *p, struct err *e)
{
	static const char *const components[] = {"restricted", "multiverse", NULL};
	struct archive k = {.s = s, .p = p, .open = driver_choice(s).open ? "-open" : ""};
	struct lists l = {0};

	if (is_kernel_name(s->host.kernel) && kernel_flavour(s->host.kernel)) {
		k.kernel = s->host.kernel;
		k.meta = meta_flavour(s, p);
	}
	if (add_components(s, p, components, e) < 0)
		return -(int)e->code;
	keep_cuda_out(s, p);
	step_refresh(p);
	if (driver_plan_key(s, p, e) < 0)
		return -(int)e->code;
	collect_all(&k, &l);
	plan_install(p, &l, 0,
		     _("the first of these that the archive has: the module that Canonical built "
		       "and signed for this kernel, else one that is compiled here, else a newer "
		       "kernel with its module"));
	return 0;
}

int driver_apt_distro(struct setup *s, struct plan *p, struct err *e)
{
	static const char *const components[] = {"contrib", "non-free", "non-free-firmware", NULL};
	static const char *const before_12[] = {"contrib", "non-free", NULL};
	const char *route = s->answer.part[VAR_ROUTE].text;
	struct lists l = {0};
	struct arena *a = &p->arena;

	if (add_components(s, p, str_eq(s->distro->version, "11") ? before_12 : components, e) < 0)
		return -(int)e->code;
	keep_cuda_out(s, p);
	step_refresh(p);
	if (driver_plan_key(s, p, e) < 0)
		return -(int)e->code;
	plan_headers(s, p);
	if (str_starts(route, "tesla-"))
		lists_add(&l,
			  WORDS(p, arena_fmt(a, "nvidia-%s-kernel-dkms", route),
				arena_fmt(a, "nvidia-%s-driver", route),
				arena_fmt(a, "nvidia-%s-smi", route),
				arena_fmt(a, "libnvidia-%s-cuda1", route), "nvidia-persistenced"));
	else
		lists_add(&l,
			  WORDS(p,
				driver_choice(s).open ? "nvidia-open-kernel-dkms"
						      : "nvidia-kernel-dkms",
				"nvidia-driver", "nvidia-smi", "libcuda1", "nvidia-persistenced"));
	plan_install(p, &l, 0,
		     _("Debian's own packages; which kernel module they get is named, since the "
		       "driver takes either"));
	return 0;
}

static int add_cuda_repo(struct setup *s, struct plan *p, struct err *e)
{
	/*
	 * Both sources have the same releases of the toolkit. A low priority of this one would
	 * count for the versions, wherever they come from.
	 */
	plan_add(p, &(struct op){.kind = &op_write_file,
				 .path = "/etc/apt/preferences.d/dlenv-cuda",
				 .text = "Package: nvidia-container-toolkit* libnvidia-container*\n"
					 "Pin: origin nvidia.github.io\n"
					 "Pin-Priority: 700\n"
					 "\n"
					 "Package: *\n"
					 "Pin: origin developer.download.nvidia.com\n"
					 "Pin-Priority: 600\n",
				 .mode = 0644,
				 .why = _("packages of the driver that the distribution has too "
					  "come from this source alone; the Container Toolkit does "
					  "not")});
	return driver_add_cuda_repo(s, p, (struct step_repository){.repo = {.suite = "/"}}, e);
}

/* Without it the newest branch would come, whatever was chosen. */
static void pin_branch(const struct setup *s, struct plan *p)
{
	char branches[BRANCHES_MAX][16];
	size_t n = driver_branches(s, 0, 0, branches, BRANCHES_MAX);
	struct lists l = {0};

	for (size_t i = 0; i < n; i++)
		lists_add(&l,
			  WORDS(p, arena_fmt(&p->arena, "nvidia-driver-pinning-%s", branches[i])));
	plan_install(p, &l, OP_OPTIONAL,
		     _("keeps apt at that branch; it has to be there before the driver is chosen"));
}

int driver_apt_cuda(struct setup *s, struct plan *p, struct err *e)
{
	static const char *const components[] = {"contrib", NULL};
	const struct driver_choice c = driver_choice(s);
	const char *name = c.open ? "nvidia-open" : "cuda-drivers";
	char branches[BRANCHES_MAX][16];
	size_t n = driver_branches(s, 0, UNNUMBERED_SINCE, branches, BRANCHES_MAX);
	struct lists l = {0};

	if (str_eq(s->distro->id, "debian") && add_components(s, p, components, e) < 0)
		return -(int)e->code;
	if (add_cuda_repo(s, p, e) < 0 || driver_plan_key(s, p, e) < 0)
		return -(int)e->code;
	plan_headers(s, p);
	pin_branch(s, p);
	if (c.number >= UNNUMBERED_SINCE)
		lists_add(&l, WORDS(p, name));
	for (size_t i = 0; i < n; i++)
		lists_add(&l, WORDS(p, arena_fmt(&p->arena, "%s-%s", name, branches[i])));
	plan_install(p, &l, 0, _("the driver with its module as source, which DKMS compiles"));
	return 0;
}
