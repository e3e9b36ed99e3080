/* SPDX-License-Identifier: Apache-2.0 */
/* What dlenv's own engine needs of a machine: it has no daemon and runs without root. */
#include <string.h>

#include "base/env.h"
#include "base/i18n.h"
#include "base/str.h"
#include "host/host.h"
#include "setup/step_common.h"
#include "setup/steps.h"

#define PROFILE "/etc/apparmor.d/dlenv"
#define PROFILES "/sys/kernel/security/apparmor/profiles"
#define SYSCTL "/etc/sysctl.d/60-dlenv.conf"
#define DELEGATION "/etc/systemd/system/user@.service.d/60-dlenv.conf"

/* The kernel's own overlay works in user namespaces, with attributes of users (userxattr). */
static const struct version with_overlay = {.n = 2, .part = {5, 11}};

static void install(struct plan *p, const char *const *first, const char *const *second,
		    unsigned int flags, const char *why)
{
	struct op o = {.kind = &op_install, .flags = flags, .why = why};
	const char *const *const lists[] = {first, second};

	o.choices_n = second ? 2 : 1;
	o.choices = plan_choices(p, lists, o.choices_n);
	plan_add(p, &o);
}

/* RHEL and its kin; Fedora is none of them. */
static bool is_el(const struct setup *s)
{
	return step_manager_is(s, "dnf4 dnf5") && !str_eq(s->host.os.id, "fedora");
}

static void add_packages(struct setup *s, struct plan *p)
{
	const char *ids = step_manager_is(s, "apt")	 ? "uidmap"
			  : step_manager_is(s, "zypper") ? "shadow"
							 : "shadow-utils";
	struct version kernel = version_in(s->host.kernel ? s->host.kernel : "");

	install(p, WORDS(p, ids), NULL, 0, _("gives containers without root their user ids"));
	if (is_el(s))
		plan_note(p,
			  _("this distribution has no mmdebstrap, which makes the base systems of "
			    "environments: they come from images, or EPEL has it"));
	else
		install(p, WORDS(p, "mmdebstrap"), NULL, OP_OPTIONAL,
			_("makes the base systems of environments; ready-made images need none"));
	install(p, WORDS(p, "passt"), WORDS(p, "slirp4netns"), 0,
		_("gives containers without root a network of their own"));
	if (kernel.n && version_compare(&kernel, &with_overlay) < 0)
		install(p, WORDS(p, "fuse-overlayfs"), NULL, OP_OPTIONAL,
			_("this kernel has no overlay file system for those who are not root"));
}

static void allow_namespaces(struct setup *s, struct plan *p)
{
	const char *clone =
		s->host.userns_clone == 0 ? "kernel.unprivileged_userns_clone = 1\n" : "";
	const char *max = s->host.userns_max == 0 ? "user.max_user_namespaces = 15000\n" : "";
	CLEANUP(freep) char *text = str_fmt("%s%s", clone, max);

	if (!*text)
		return;
	plan_add(p, &(struct op){.kind = &op_write_file,
				 .path = SYSCTL,
				 .text = text,
				 .mode = 0644,
				 .why = _("this system forbids user namespaces, without which no "
					  "container starts without root")});
	plan_add(p, &(struct op){.kind = &op_run,
				 .words = WORDS(p, "sysctl", "--load=" SYSCTL),
				 .why = _("from now on, not only from the next boot on")});
}

/* Ubuntu 24.04 and later: user namespaces without rights, unless a profile gives them. */
static void allow_by_apparmor(struct setup *s, struct plan *p)
{
	static const char form[] = "abi <abi/4.0>,\n"
				   "include <tunables/global>\n"
				   "\n"
				   "profile dlenv %s flags=(unconfined) {\n"
				   "  userns,\n"
				   "\n"
				   "  include if exists <local/dlenv>\n"
				   "}\n";
	CLEANUP(freep) char *program = s->live ? env_program() : str_dup("/usr/local/bin/dlenv");
	CLEANUP(freep) char *text = str_fmt(form, program);
	CLEANUP(freep) char *loaded = NULL;
	struct err ignored = {0};

	if (!s->host.apparmor_userns)
		return;
	if (step_has_text(s, PROFILE, text) &&
	    (root_read(s->root, PROFILES, 1 << 20, &loaded, &ignored) < 0 ||
	     str_starts(loaded, "dlenv ") || strstr(loaded, "\ndlenv ")))
		return;
	plan_add(p, &(struct op){.kind = &op_write_file,
				 .path = PROFILE,
				 .text = text,
				 .mode = 0644,
				 .why = _("AppArmor gives rights in user namespaces only to "
					  "programs with a profile: dlenv's own, confined no "
					  "further")});
	plan_add(p, &(struct op){.kind = &op_run,
				 .words = WORDS(p, "apparmor_parser", "-r", PROFILE),
				 .undo = WORDS(p, "apparmor_parser", "-R", PROFILE),
				 .why = _("the kernel has to know the profile")});
}

/* cgroup limits of people's own containers: systemd gives them only memory and pids. */
static void delegate(struct setup *s, struct plan *p)
{
	const char *has = s->host.delegated;

	if (!has || !str_eq(s->host.cgroup, "v2") ||
	    (strstr(has, "cpu") && strstr(has, "memory") && strstr(has, "pids")))
		return;
	plan_add(p, &(struct op){.kind = &op_write_file,
				 .path = DELEGATION,
				 .text = "[Service]\nDelegate=cpu cpuset io memory pids\n",
				 .mode = 0644,
				 .why = _("limits of processors and memory for containers without "
					  "root; from the next login on")});
	plan_add(p, &(struct op){.kind = &op_run,
				 .words = WORDS(p, "systemctl", "daemon-reload"),
				 .undo = WORDS(p, "systemctl", "daemon-reload"),
				 .flags = OP_OPTIONAL,
				 .why = _("systemd reads its files only then")});
}

int dlenv_plan(struct setup *s, struct plan *p, struct err *e)
{
	const char *user = step_user(s);

	if (!s->pkg) {
		(void)err_set(e, ERR_UNSAT,
			      "dlenv cannot install packages with this package "
			      "manager (%s)",
			      s->host.manager ? s->host.manager : "-");
		return err_hint(e, "install newuidmap, mmdebstrap and passt yourself; `dlenv "
				   "doctor` says what else is missing");
	}
	add_packages(s, p);
	if (user)
		step_grant_ids(p, user);
	allow_namespaces(s, p);
	allow_by_apparmor(s, p);
	delegate(s, p);
	return 0;
}
