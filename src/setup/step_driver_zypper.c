/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver by zypper. G07 is 595 and later, with open modules only; G06 is 580 and before. The
 * graphics repository has modules that SUSE signed, which keep the libraries at their version; the
 * CUDA repository's have to be told.
 */
#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "base/str.h"
#include "setup/step_common.h"
#include "setup/steps.h"

#define LOCKS "/etc/zypp/locks"

/* The first branch of generation G07. */
enum { G07_SINCE = 590, LOCKS_MAX = 1 << 20 };

static const char *generation(const struct setup *s)
{
	return driver_choice(s).number >= G07_SINCE ? "G07" : "G06";
}

/* The other generation's packages cannot be upgraded to these. */
static void remove_other(const struct setup *s, struct plan *p)
{
	const char *other = str_eq(generation(s), "G07") ? "G06" : "G07";
	static const char *const names[] = {
		"nvidia-open-driver-%s-signed-kmp-meta",
		"nvidia-open-driver-%s-signed-kmp-default",
		"nvidia-open-driver-%s-signed-cuda-kmp-default",
		"nvidia-open-driver-%s",
		"nvidia-driver-%s-kmp-meta",
		"nvidia-driver-%s-kmp-default",
		"nvidia-userspace-meta-%s",
		"nvidia-compute-utils-%s",
		"nvidia-compute-%s",
		"nvidia-video-%s",
		"nvidia-gl-%s",
	};
	const char *words[COUNT(names) + 1] = {NULL};
	size_t n = 0;

	for (size_t i = 0; i < COUNT(names); i++) {
		const char *at = strstr(names[i], "%s");
		const char *name = arena_fmt(&p->arena, "%.*s%s%s", (int)(at - names[i]), names[i],
					     other, at + 2);

		if (setup_has(s, name))
			words[n++] = name;
	}
	if (n)
		plan_add(p, &(struct op){.kind = &op_remove,
					 .words = plan_words(p, words),
					 .why = _("a driver of another branch or kind is in the "
						  "way")});
}

/* Of two sources that the user wants both, zypper must not mix: it takes names that are free. */
static void lock_others(const struct setup *s, struct plan *p, const char *const *words)
{
	const struct driver_route *r = driver_route(s);

	for (size_t i = 0; i < s->host.sources_n; i++)
		if (s->host.sources[i].driver && !str_eq(s->host.sources[i].id, r->source)) {
			plan_add(p, &(struct op){.kind = &op_hold,
						 .words = words,
						 .why = _("the driver comes from one source "
							  "only")});
			return;
		}
}

/* Its folder: leap/15.6, tumbleweed, sle15sp7, sle16. NULL: there is none. */
static const char *graphics_folder(struct setup *s)
{
	const struct distro_fact *d = s->distro;
	const char *dot = strchr(d->version, '.');

	if (str_eq(d->id, "opensuse-tumbleweed"))
		return "opensuse/tumbleweed";
	if (str_eq(d->id, "opensuse-leap"))
		return arena_fmt(&s->arena, "opensuse/leap/%s", d->version);
	if (!str_eq(d->id, "sles") || !dot)
		return NULL;
	return str_starts(d->version, "15.") ? arena_fmt(&s->arena, "suse/sle15sp%s", dot + 1)
					     : "suse/sle16";
}

static int add_graphics_repo(struct setup *s, struct plan *p, struct err *e)
{
	const char *folder = graphics_folder(s);
	CLEANUP(freep) char *url = NULL;
	struct step_repository r = {
		.repo = {.id = "nvidia",
			 .name = "NVIDIA",
			 .check_packages = true,
			 .check_metadata = true},
		.address = "download.nvidia.com/",
		.key = "suse-graphics",
		.key_path = "/etc/pki/rpm-gpg/dlenv-suse-graphics.asc",
		.key_flags = OP_ARMOR | OP_RPM_KEY,
		.why = _("NVIDIA's repository for SUSE, with modules that SUSE signed"),
	};

	if (!folder)
		return err_set(e, ERR_UNSAT, "NVIDIA has no graphics repository for %s %s",
			       s->distro->id, s->distro->version);
	url = str_fmt("https://download.nvidia.com/%s/", folder);
	r.repo.url = url;
	r.address = url + strlen("https://");
	return step_add_repository(s, p, &r, e);
}

int driver_zypper_graphics(struct setup *s, struct plan *p, struct err *e)
{
	const char *g = generation(s);
	struct arena *a = &p->arena;
	const char *module = driver_choice(s).open
				     ? arena_fmt(a, "nvidia-open-driver-%s-signed-kmp", g)
				     : arena_fmt(a, "nvidia-driver-%s-kmp", g);
	const char *meta = arena_fmt(a, "%s-meta", module);
	const char *plain = arena_fmt(a, "%s-default", module);
	const char *utils = arena_fmt(a, "nvidia-compute-utils-%s", g);
	const char *display =
		driver_for_display(s) ? arena_fmt(a, "nvidia-userspace-meta-%s", g) : NULL;

	lock_others(s, p,
		    WORDS(p, "nvidia-open-driver-G06-signed-cuda-kmp-default",
			  "nvidia-open-driver-G07-signed-cuda-kmp-default"));
	remove_other(s, p);
	if (add_graphics_repo(s, p, e) < 0 || driver_plan_key(s, p, e) < 0)
		return -(int)e->code;
	plan_add(p,
		 &(struct op){
			 .kind = &op_install,
			 ONE_OF(p, WORDS(p, meta, utils, display), WORDS(p, plain, utils, display)),
			 .why = driver_choice(s).open
					? _("the module as SUSE built and signed it for "
					    "this kernel, with the libraries of its version")
					: _("the module is linked here, with the libraries "
					    "of its version")});
	if (!driver_choice(s).open && s->host.secure_boot == 1)
		plan_note(p, _("Secure Boot is on, and this package makes its own key: at the next "
			       "boot the firmware asks for it, with root's password"));
	return 0;
}

/*
 * zypper would take the newest branch of the generation, and not of all packages the same. As a
 * file: `zypper removelock` would leave it behind.
 */
static int lock_newer(const struct setup *s, struct plan *p, struct err *e)
{
	CLEANUP(freep) char *generations = str_fmt("nvidia*%s*", generation(s));
	const char *const names[] = {generations, "nvidia-persistenced"};
	const unsigned long long above = driver_choice(s).number + 1;
	CLEANUP(freep) char *text = NULL;
	CLEANUP(buf_fini) struct buf b = {0};
	struct err why = {0};

	if (root_read(s->root, LOCKS, LOCKS_MAX, &text, &why) < 0 && why.code != ERR_ABSENT) {
		*e = why;
		return -(int)e->code;
	}
	for (size_t i = 0; i < COUNT(names); i++) {
		CLEANUP(freep)
		char *lock = str_fmt("\ntype: package\nversion: >= %llu\nmatch_type: glob\n"
				     "case_sensitive: on\nsolvable_name: %s\n\n",
				     above, names[i]);

		if (!text || !strstr(text, lock))
			buf_str(&b, lock);
	}
	if (b.len)
		plan_add(p, &(struct op){
				    .kind = &op_write_file,
				    .path = LOCKS,
				    .text = arena_fmt(&p->arena, "%s%s", text ? text : "", b.data),
				    .mode = 0644,
				    .why = _("zypper must not see the branches that are newer "
					     "than the chosen one")});
	return 0;
}

/* SLES: what DKMS needs lies in an extension that has to be switched on. */
static void add_package_hub(const struct setup *s, struct plan *p)
{
	const char *product = arena_fmt(&p->arena, "PackageHub/%s/x86_64", s->distro->version);

	if (str_eq(s->distro->id, "sles"))
		plan_add(p, &(struct op){.kind = &op_run,
					 .words = WORDS(p, "SUSEConnect", "--product", product),
					 .undo = WORDS(p, "SUSEConnect", "--de-register",
						       "--product", product),
					 .flags = OP_OPTIONAL,
					 .why = _("DKMS and what it needs lie there, or depend on "
						  "it")});
}

/*
 * "595.91.07" of a kernel module's package: "595.91.07_k6.4.0_150600.21-1". NULL: it is not
 * installed yet, so that a second run sees to the libraries.
 */
static const char *version_of(const struct setup *s, struct plan *p, const char *kmp)
{
	const char *v = setup_has(s, kmp);

	return v ? arena_strn(&p->arena, v, strspn(v, "0123456789.")) : NULL;
}

static const char *at_version(struct plan *p, const char *package, const char *version)
{
	return version ? arena_fmt(&p->arena, "%s=%s", package, version) : package;
}

int driver_zypper_cuda(struct setup *s, struct plan *p, struct err *e)
{
	const char *g = generation(s);
	struct arena *a = &p->arena;
	bool open = driver_choice(s).open;
	const char *kmp = arena_fmt(a, "nvidia-open-driver-%s-signed-cuda-kmp-default", g);
	const char *dkms = open ? arena_fmt(a, "nvidia-open-driver-%s", g)
				: arena_fmt(a, "nvidia-driver-%s", g);
	const char *version = version_of(s, p, kmp);
	const char *utils = arena_fmt(a, "nvidia-compute-utils-%s", g);
	const struct step_repository r = {.repo = {.check_packages = true, .check_metadata = true}};

	lock_others(s, p,
		    WORDS(p, "nvidia-open-driver-G06-signed-kmp-meta",
			  "nvidia-open-driver-G07-signed-kmp-meta"));
	remove_other(s, p);
	add_package_hub(s, p);
	if (lock_newer(s, p, e) < 0)
		return -(int)e->code;
	if (driver_add_cuda_repo(s, p, r, e) < 0 || driver_plan_key(s, p, e) < 0)
		return -(int)e->code;
	if (open)
		plan_add(p, &(struct op){.kind = &op_install,
					 ONE_OF(p, WORDS(p, kmp), WORDS(p, dkms)),
					 .why = _("the module as SUSE built and signed it for this "
						  "kernel; else one that DKMS compiles")});
	else
		plan_add(p, &(struct op){.kind = &op_install,
					 ONE_OF(p, WORDS(p, dkms),
						WORDS(p, arena_fmt(a, "cuda-drivers-%s",
								   driver_choice(s).branch))),
					 .why = _("the driver with its module as source, which "
						  "DKMS compiles")});
	plan_add(p, &(struct op){.kind = &op_install,
				 ONE_OF(p, WORDS(p, at_version(p, utils, version),
						 at_version(p, "nvidia-persistenced", version))),
				 .why = _("nvidia-smi and CUDA's libraries, at the version of the "
					  "module")});
	return 0;
}
