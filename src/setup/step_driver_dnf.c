/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver by dnf: RPM Fusion (akmods compile the module) on Fedora and its kin, or NVIDIA's CUDA
 * repository (DKMS), which has module streams for the systems of EL 8 and 9 and plain packages for
 * the others.
 */
#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "base/str.h"
#include "setup/step_common.h"
#include "setup/steps.h"

enum { REPO_MAX = 1 << 20 };

#define REPOS "/etc/yum.repos.d"

static bool is_fedora(const struct setup *s)
{
	return str_eq(s->distro->id, "fedora");
}

/* "9" of the distribution's version. */
static const char *major_of(struct setup *s)
{
	const char *version = s->distro->version;

	return arena_strn(&s->arena, version, strcspn(version, "."));
}

/*
 * "kernel-devel=6.17.12-300.fc43": what belongs to the running kernel. A mirror that has dropped it
 * has a newer kernel, whose headers come with that kernel.
 */
static void plan_headers(struct setup *s, struct plan *p)
{
	const char *kernel = s->host.kernel;
	const char *arch = kernel ? strrchr(kernel, '.') : NULL;
	const char *exact;

	if (s->host.headers == 1 || !arch)
		return;
	exact = arena_fmt(&p->arena, "kernel-devel=%.*s", (int)(arch - kernel), kernel);
	plan_add(p, &(struct op){.kind = &op_install,
				 ONE_OF(p, WORDS(p, exact, "kernel-headers"),
					WORDS(p, "kernel-devel-matched", "kernel-headers"),
					WORDS(p, "kernel", "kernel-devel", "kernel-headers")),
				 .why = _("the module is compiled against the headers of the "
					  "running kernel")});
}

/* What is changed in a .repo file: its text, or NULL where nothing has to be. */
typedef char *repo_edit_fn(const char *text, const char *argument);

static int edit_repo(struct setup *s, struct plan *p, const char *path, repo_edit_fn *edit,
		     const char *argument, const char *why, struct err *e)
{
	CLEANUP(freep) char *text = NULL;
	CLEANUP(freep) char *changed = NULL;

	if (root_read(s->root, path, REPO_MAX, &text, e) < 0)
		return -(int)e->code;
	changed = edit(text, argument);
	if (changed)
		plan_add(p, &(struct op){.kind = &op_write_file,
					 .path = path,
					 .text = changed,
					 .mode = 0644,
					 .why = why});
	return 0;
}

static bool file_has(const struct setup *s, const char *path, const char *text)
{
	CLEANUP(freep) char *own = NULL;
	struct err ignored = {0};

	return root_read(s->root, path, REPO_MAX, &own, &ignored) == 0 && strstr(own, text);
}

/* The .repo files, as paths. */
static int repo_files(const struct setup *s, struct strs *ret, struct err *e)
{
	CLEANUP(strs_fini) struct strs names = {0};
	struct err why = {0};

	if (dir_list(s->root->fd, below(REPOS), &names, &why) < 0 && why.code != ERR_ABSENT) {
		*e = why;
		return -(int)e->code;
	}
	for (size_t i = 0; i < names.n; i++)
		if (str_ends(names.v[i], ".repo"))
			strs_fmt(ret, REPOS "/%s", names.v[i]);
	return 0;
}

static bool some_file_has(const struct setup *s, const char *section)
{
	CLEANUP(strs_fini) struct strs files = {0};
	CLEANUP(freep) char *head = str_fmt("[%s]", section);
	struct err ignored = {0};

	if (repo_files(s, &files, &ignored) < 0)
		return false;
	for (size_t i = 0; i < files.n; i++)
		if (file_has(s, files.v[i], head))
			return true;
	return false;
}

/* Its section in whichever file has it. */
static int enable_section(struct setup *s, struct plan *p, const char *section, struct err *e)
{
	CLEANUP(strs_fini) struct strs files = {0};

	if (repo_files(s, &files, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < files.n; i++)
		if (edit_repo(s, p, files.v[i], pkg_repo_enable, section,
			      _("DKMS and what it needs lie there, or depend on it"), e) < 0)
			return -(int)e->code;
	if (!some_file_has(s, section))
		plan_note(p,
			  _("no file of this machine has the repository '%s': DKMS may lack "
			    "what it depends on"),
			  section);
	return 0;
}

/* On RHEL: by the program that writes its repositories, or, in clouds without it, in their file. */
static int enable_rhel_builder(struct setup *s, struct plan *p, struct err *e)
{
	const char *major = major_of(s);
	const char *name = arena_fmt(&p->arena, "codeready-builder-for-rhel-%s-%s-rpms", major,
				     s->host.arch ? s->host.arch : "x86_64");
	CLEANUP(freep) char *cloud = str_fmt("codeready-builder-for-rhel-%s-rhui-rpms", major);

	if (s->live && !root_has(s->root, "/usr/sbin/subscription-manager"))
		return enable_section(s, p, some_file_has(s, cloud) ? cloud : name, e);
	plan_add(p,
		 &(struct op){.kind = &op_run,
			      .words = WORDS(p, "subscription-manager", "repos", "--enable", name),
			      .undo = WORDS(p, "subscription-manager", "repos", "--disable", name),
			      .flags = OP_OPTIONAL,
			      .why = _("DKMS and what it needs lie there, or depend on it")});
	return 0;
}

/* CodeReady Builder by its names: what EPEL's packages depend on. */
static int enable_builder(struct setup *s, struct plan *p, struct err *e)
{
	const char *major = major_of(s);
	const char *section = "crb";

	if (str_eq(s->distro->id, "rhel"))
		return enable_rhel_builder(s, p, e);
	if (str_eq(s->distro->id, "ol"))
		section = arena_fmt(&s->arena, "ol%s_codeready_builder", major);
	else if (str_eq(major, "8"))
		section = "powertools";
	return enable_section(s, p, section, e);
}

/* A key into rpm's database, so that dnf never takes one by itself. */
static int add_rpm_key(struct setup *s, struct plan *p, const char *id, struct err *e)
{
	const struct key_fact *key = facts_key(s->facts, id);

	if (!key)
		return err_set(e, ERR_BUG, "the table of keys has no '%s'", id);
	plan_add(p, &(struct op){.kind = &op_add_key,
				 .name = id,
				 .url = key->url,
				 .path = arena_fmt(&s->arena, "/etc/pki/rpm-gpg/dlenv-%s.asc", id),
				 .flags = OP_ARMOR | OP_RPM_KEY,
				 .why = _("packages and lists are accepted only with this key's "
					  "signature; its fingerprint is compared first")});
	return 0;
}

/* A package that brings a repository, signed by a key that is there before. */
static int add_release(struct setup *s, struct plan *p, const char *package, const char *url,
		       const char *key, struct err *e)
{
	if (setup_has(s, package))
		return 0;
	if (add_rpm_key(s, p, key, e) < 0)
		return -(int)e->code;
	plan_add(p, &(struct op){.kind = &op_install_file,
				 .url = url,
				 .name = key,
				 .words = WORDS(p, package),
				 .why = _("it brings the repository and its keys")});
	return 0;
}

/* EPEL has DKMS and akmods for RHEL and its kin. */
static int add_epel(struct setup *s, struct plan *p, struct err *e)
{
	const char *major = major_of(s);
	const char *package = str_eq(s->distro->id, "ol")
				      ? arena_fmt(&s->arena, "oracle-epel-release-el%s", major)
				      : "epel-release";

	if (is_fedora(s) || str_eq(s->distro->id, "amzn"))
		return 0;
	if (enable_builder(s, p, e) < 0)
		return -(int)e->code;
	if (str_eq(s->distro->id, "rhel"))
		return add_release(s, p, package,
				   arena_fmt(&s->arena,
					     "https://dl.fedoraproject.org/pub/epel/"
					     "epel-release-latest-%s.noarch.rpm",
					     major),
				   arena_fmt(&s->arena, "epel-%s", major), e);
	/* dnf would take EPEL's key by itself, and leave it when it is all taken back. */
	if (!str_eq(s->distro->id, "ol") &&
	    add_rpm_key(s, p, arena_fmt(&s->arena, "epel-%s", major), e) < 0)
		return -(int)e->code;
	plan_add(p, &(struct op){.kind = &op_install,
				 ONE_OF(p, WORDS(p, package)),
				 .why = _("EPEL has what compiles modules for new kernels")});
	return 0;
}

#define DRIVER_PACKAGES                                                                            \
	"nvidia-driver*,kmod-nvidia*,akmod-nvidia*,nvidia-open*,cuda-drivers*,xorg-x11-drv-"       \
	"nvidia*"

/* The same text with a line below each section's head. */
static char *with_exclude(const char *text, const char *line)
{
	struct buf b = {0};

	for (const char *l = text; *l;) {
		size_t n = strcspn(l, "\n");

		buf_add(&b, l, n);
		buf_str(&b, "\n");
		if (*l == '[')
			buf_fmt(&b, "%s\n", line);
		l += n + (l[n] == '\n');
	}
	return b.data;
}

/* NULL where a line of ours is there already. */
static char *exclude_driver(const char *text, const char *line)
{
	return strstr(text, line) ? NULL : with_exclude(text, line);
}

/* The user named the route: the driver is excluded in the other sources' files. */
static int keep_others_out(struct setup *s, struct plan *p, struct err *e)
{
	const struct driver_route *r = driver_route(s);

	for (size_t i = 0; i < s->host.sources_n; i++) {
		const struct host_source *h = &s->host.sources[i];

		if (!h->driver || str_eq(h->id, r->source) || !str_ends(h->path, ".repo"))
			continue;
		if (edit_repo(s, p, h->path, exclude_driver, "exclude=" DRIVER_PACKAGES,
			      _("the driver comes from one source only"), e) < 0)
			return -(int)e->code;
	}
	return 0;
}

/* A driver of another flavour or branch cannot be turned into this one by an upgrade. */
static void remove_other(const struct setup *s, struct plan *p)
{
	struct driver_choice c = driver_choice(s);
	struct version v = version_in(s->host.module ? s->host.module : "");

	if (!v.n || (v.part[0] <= c.number && s->host.module_open == c.open))
		return;
	plan_add(p, &(struct op){.kind = &op_remove,
				 .words = WORDS(p, "nvidia-open", "cuda-drivers", "nvidia-driver",
						"nvidia-driver-cuda", "kmod-nvidia-open-dkms",
						"kmod-nvidia-latest-dkms"),
				 .why = _("a driver of another branch or kind is in the way")});
}

static int add_rpmfusion(struct setup *s, struct plan *p, struct err *e)
{
	static const char *const parts[] = {"free", "nonfree"};
	const char *family = is_fedora(s) ? "fedora" : "el";
	const char *major = major_of(s);
	struct arena *a = &s->arena;

	for (size_t i = 0; i < COUNT(parts); i++) {
		const char *key = is_fedora(s)
					  ? arena_fmt(a, "rpmfusion-%s-fedora", parts[i])
					  : arena_fmt(a, "rpmfusion-%s-el-%s", parts[i], major);

		if (add_release(s, p, arena_fmt(a, "rpmfusion-%s-release", parts[i]),
				arena_fmt(a,
					  "https://mirrors.rpmfusion.org/%s/%s/"
					  "rpmfusion-%s-release-%s.noarch.rpm",
					  parts[i], family, parts[i], major),
				key, e) < 0)
			return -(int)e->code;
	}
	return 0;
}

/* akmods decide between the flavours by the PCI id; the user may know better. */
static void force_flavour(const struct setup *s, struct plan *p)
{
	const char *pin = s->options->pin[VAR_DRIVER];
	bool open = pin && str_ends(pin, "open");

	if (!open && !(pin && str_ends(pin, "proprietary")))
		return;
	plan_add(p, &(struct op){.kind = &op_write_file,
				 .path = "/etc/rpm/macros.nvidia-kmod",
				 .text = open ? "%_with_kmod_nvidia_open 1\n"
					      : "%_without_kmod_nvidia_detect 1\n",
				 .mode = 0644,
				 .why = _("the kind of module was asked for; akmods would choose "
					  "it by the card")});
}

struct fusion {
	const char *route;
	const char *akmod;
	const char *programs; /* nvidia-smi, CUDA's libraries, the persistence daemon */
	bool tainted;
};

static const struct fusion fusions[] = {
	{"rpmfusion", "akmod-nvidia", "xorg-x11-drv-nvidia-cuda", false},
	{"rpmfusion-580xx", "akmod-nvidia-580xx", "xorg-x11-drv-nvidia-580xx-cuda", false},
	{"rpmfusion-tainted", "akmod-nvidia-open", "xorg-x11-drv-nvidia-cuda", true},
};

static const struct fusion *fusion_of(const struct setup *s)
{
	for (size_t i = 1; i < COUNT(fusions); i++)
		if (str_eq(fusions[i].route, s->answer.part[VAR_ROUTE].text))
			return &fusions[i];
	return &fusions[0];
}

int driver_dnf_rpmfusion(struct setup *s, struct plan *p, struct err *e)
{
	const struct fusion *f = fusion_of(s);

	if (keep_others_out(s, p, e) < 0 || add_epel(s, p, e) < 0 || add_rpmfusion(s, p, e) < 0)
		return -(int)e->code;
	step_refresh(p);
	if (f->tainted) {
		plan_add(p,
			 &(struct op){.kind = &op_install,
				      ONE_OF(p, WORDS(p, "rpmfusion-nonfree-release-tainted")),
				      .why = _("the open module on its own lies in a repository of "
					       "its own")});
		step_refresh(p);
	}
	if (driver_plan_key(s, p, e) < 0)
		return -(int)e->code;
	force_flavour(s, p);
	plan_headers(s, p);
	plan_add(p, &(struct op){.kind = &op_install,
				 ONE_OF(p, WORDS(p, f->akmod, f->programs)),
				 .why = _("the driver as source, which akmods compile for each "
					  "kernel, with nvidia-smi and CUDA's libraries")});
	plan_add(p, &(struct op){.kind = &op_mark,
				 .words = WORDS(p, f->akmod),
				 .why = _("autoremove must not take the driver away")});
	return 0;
}

/* EL 8 and 9, and Amazon's: a branch is a module stream there. */
static bool has_streams(const struct setup *s)
{
	static const char *const folders[] = {"rhel8", "rhel9", "amzn2023"};

	for (size_t i = 0; i < COUNT(folders); i++)
		if (str_eq(folders[i], s->distro->cuda_repo_dir))
			return true;
	return false;
}

/*
 * Packages of newer branches, by version: dnf would take the newest. "595" gives 59[6-9],
 * [6-9]?? after the names. Without the epoch dnf compares such a pattern with nothing.
 */
static char *exclude_newer(const char *branch)
{
	static const char *const names[] = {"*nvidia*", "cuda-drivers*"};
	struct buf b = {0};

	for (size_t i = 0; i < COUNT(names); i++)
		for (size_t at = strlen(branch); at-- > 0;) {
			if (branch[at] == '9')
				continue;
			buf_fmt(&b, "%s%s-*:%.*s[%c-9]", b.len ? "," : "", names[i], (int)at,
				branch, branch[at] + 1);
			for (size_t k = at + 1; branch[k]; k++)
				buf_str(&b, "?");
			buf_str(&b, ".*");
		}
	return b.data;
}

static int add_cuda_repo(struct setup *s, struct plan *p, struct err *e)
{
	struct driver_choice c = driver_choice(s);
	CLEANUP(freep) char *exclude = has_streams(s) ? NULL : exclude_newer(c.branch);
	const struct step_repository r = {
		.repo = {.check_packages = true, .exclude = exclude},
		.why = exclude ? _("NVIDIA's own repository of its driver, without the branches "
				   "that are newer than the chosen one")
			       : NULL,
	};

	return driver_add_cuda_repo(s, p, r, e);
}

/* A file that somebody else wrote is changed only where a newer branch would not do. */
static int hold_in_others(struct setup *s, struct plan *p, struct err *e)
{
	const struct driver_route *r = driver_route(s);
	struct driver_choice c = driver_choice(s);
	CLEANUP(freep) char *exclude = exclude_newer(c.branch);
	CLEANUP(freep) char *line = str_fmt("excludepkgs=%s", exclude);

	if (has_streams(s) || !driver_must_hold(s))
		return 0;
	for (size_t i = 0; i < s->host.sources_n; i++) {
		const struct host_source *h = &s->host.sources[i];

		if (str_eq(h->id, r->source) && !file_has(s, h->path, line) &&
		    edit_repo(s, p, h->path, exclude_driver, line,
			      _("a newer branch would not do: dnf must not see it"), e) < 0)
			return -(int)e->code;
	}
	return 0;
}

static void plan_stream(const struct setup *s, struct plan *p)
{
	struct driver_choice c = driver_choice(s);

	plan_add(p, &(struct op){.kind = &op_module_stream,
				 .name = arena_fmt(&p->arena, "nvidia-driver:%s-%s", c.branch,
						   c.open ? "open" : "dkms"),
				 .why = _("the stream keeps dnf at that branch and kind")});
}

int driver_dnf_cuda(struct setup *s, struct plan *p, struct err *e)
{
	struct driver_choice c = driver_choice(s);
	const char *all = c.open ? "nvidia-open" : "cuda-drivers";
	const char *kmod = c.open ? "kmod-nvidia-open-dkms" : "kmod-nvidia-latest-dkms";
	const char *const *parts = WORDS(p, "nvidia-driver", "nvidia-driver-cuda", kmod);
	const char *const *meta = WORDS(p, all);
	const char *const *numbered = WORDS(p, arena_fmt(&p->arena, "%s-%s", all, c.branch));

	if (keep_others_out(s, p, e) < 0 || add_epel(s, p, e) < 0)
		return -(int)e->code;
	if (hold_in_others(s, p, e) < 0 || add_cuda_repo(s, p, e) < 0 ||
	    driver_plan_key(s, p, e) < 0)
		return -(int)e->code;
	plan_headers(s, p);
	remove_other(s, p);
	if (has_streams(s)) {
		plan_stream(s, p);
		plan_add(p, &(struct op){.kind = &op_install,
					 ONE_OF(p, parts, meta),
					 .why = _("the driver with its module as source, which "
						  "DKMS compiles")});
		return 0;
	}
	plan_add(p, &(struct op){.kind = &op_install,
				 ONE_OF(p, meta, numbered, parts),
				 .why = _("the driver with its module as source, which DKMS "
					  "compiles")});
	return 0;
}
