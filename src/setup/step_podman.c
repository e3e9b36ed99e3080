/* SPDX-License-Identifier: Apache-2.0 */
/* Podman, of the distribution. It reads CDI specifications by itself, from 4.1 on. */
#include "base/i18n.h"
#include "base/str.h"
#include "setup/step_common.h"
#include "setup/steps.h"

#define OLD_HOOK "/usr/share/containers/oci/hooks.d/oci-nvidia-hook.json"

static const struct version with_cdi = {.n = 2, .part = {4, 1}};
static const struct version with_netavark = {.n = 1, .part = {4}};
static const struct version with_pasta = {.n = 1, .part = {5}};

/* What is here, else what the distribution has; n 0: not known. */
static struct version podman_version(const struct setup *s)
{
	const struct distro_fact *d = step_distro(s);
	const char *text = s->host.podman && *s->host.podman ? s->host.podman
			   : d				     ? d->podman_version
							     : "";

	return version_in(text);
}

/* With a GPU, one that cannot be given it is refused; without, its age is said. */
static int check(struct setup *s, const struct version *v, struct err *e)
{
	const struct distro_fact *d = step_distro(s);

	if (!s->pkg || (d && str_eq(d->podman_version, "none"))) {
		(void)err_set(e, ERR_UNSAT, "%s has no package of podman", step_distro_name(s));
		return err_hint(e, "take Docker: `dlenv setup docker`; or dlenv's own engine, "
				   "which needs none: `dlenv setup dlenv`");
	}
	if (!step_has_gpu(s) || !v->n || version_compare(v, &with_cdi) >= 0)
		return 0;
	(void)err_set(e, ERR_UNSAT,
		      "podman %u.%u of %s knows no CDI: containers could not be given the GPU",
		      v->part[0], v->part[1], step_distro_name(s));
	return err_hint(e, "take Docker (`dlenv setup docker`), dlenv's own engine (`dlenv setup "
			   "dlenv`), or a newer release of the distribution");
}

static void install(const struct setup *s, struct plan *p, const struct version *v)
{
	CLEANUP(strs_fini) struct strs words = {0};
	bool apt = step_manager_is(s, "apt");
	bool pasta = !v->n || version_compare(v, &with_pasta) >= 0;

	strs_add(&words, "podman");
	if (apt) {
		strs_add(&words, "uidmap");
		strs_add(&words, "dbus-user-session");
		strs_add(&words, "crun");
	} else {
		strs_add(&words, step_manager_is(s, "zypper") ? "shadow" : "shadow-utils");
	}
	/* The others' packages depend on theirs; apt's only recommend them. */
	if (apt && v->n && version_compare(v, &with_netavark) >= 0) {
		strs_add(&words, "netavark");
		strs_add(&words, "aardvark-dns");
		strs_add(&words, pasta ? "nftables" : "iptables");
	}
	strs_add(&words, pasta ? "passt" : "slirp4netns");
	plan_add(p, &(struct op){.kind = &op_install,
				 ONE_OF(p, (const char *const *)words.v),
				 .why = _("podman, with what its containers without root need: "
					  "user ids of their own, and a network")});
}

static void for_user(struct setup *s, struct plan *p)
{
	const char *user = step_user(s);

	if (!user) {
		plan_note(p, _("nobody is named who will use podman: run `sudo dlenv setup podman` "
			       "from that account for its subordinate ids"));
		return;
	}
	step_grant_ids(p, user);
	plan_note(p,
		  _("containers of '%s' end with the last logout; `sudo loginctl enable-linger %s` "
		    "keeps them"),
		  user, user);
}

int podman_plan(struct setup *s, struct plan *p, struct err *e)
{
	struct version v = podman_version(s);

	if (check(s, &v, e) < 0)
		return -(int)e->code;
	install(s, p, &v);
	for_user(s, p);
	if (s->host.gpus.n && root_has(s->root, OLD_HOOK))
		plan_add(p, &(struct op){.kind = &op_move_aside,
					 .path = OLD_HOOK,
					 .why = _("the hook of older toolkits fails in containers "
						  "without root; CDI takes its place")});
	return 0;
}
