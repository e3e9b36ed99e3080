/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NVIDIA's Container Toolkit. Releases from 1.19.1 on write CDI specifications that older engines
 * cannot read, so the solver's version is installed and kept; where a newer one is there already,
 * it is told to leave out what they do not know.
 */
#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "base/str.h"
#include "setup/step_common.h"
#include "setup/steps.h"

#define ADDRESS "nvidia.github.io/libnvidia-container"
#define APT_KEY "/usr/share/keyrings/nvidia-container-toolkit-keyring.gpg"
#define RPM_KEY "/etc/pki/rpm-gpg/RPM-GPG-KEY-nvidia-container-toolkit"
#define APT_LIST "/etc/apt/sources.list.d/nvidia-container-toolkit.list"
#define ENV_FILE "/etc/nvidia-container-toolkit/nvidia-cdi-refresh.env"

enum { LIST_MAX = 64 << 10 };

static const char *const packages[] = {"nvidia-container-toolkit", "nvidia-container-toolkit-base",
				       "libnvidia-container-tools", "libnvidia-container1", NULL};

/* The first whose specifications give groups to device nodes (CDI 0.7.0). */
static const struct version with_groups = {.n = 3, .part = {1, 19, 1}};

bool step_writes_groups(const struct version *toolkit)
{
	return version_compare(toolkit, &with_groups) >= 0;
}

static const char *why_aside(bool old)
{
	return old ? _("of an older guide: it conflicts with the repository of today (Signed-By)")
		   : _("it is no list of packages: a failed download was saved there, and it stops "
		       "the package manager");
}

static void move_aside(struct plan *p, const char *path, const char *why)
{
	plan_add(p, &(struct op){.kind = &op_move_aside, .path = path, .why = why});
}

/* nvidia-docker.list of the years before 2023 names that address too, with folders by system. */
static bool is_current(const struct setup *s, const char *path)
{
	CLEANUP(freep) char *text = NULL;
	struct err ignored = {0};

	return root_read(s->root, path, LIST_MAX, &text, &ignored) == 0 &&
	       (strstr(text, ADDRESS "/stable/deb/") || strstr(text, ADDRESS "/stable/rpm/") ||
		strstr(text, ADDRESS "/experimental/"));
}

/* The older guides' files by the addresses in them, each once. */
static int clear_old_lists(struct setup *s, struct plan *p, struct err *e)
{
	static const char *const addresses[] = {"nvidia.github.io/nvidia-docker",
						"nvidia.github.io/nvidia-container-runtime",
						ADDRESS};
	CLEANUP(strs_fini) struct strs found = {0};
	CLEANUP(strs_fini) struct strs moved = {0};

	for (size_t i = 0; i < COUNT(addresses); i++)
		if (pkg_repo_find(s->pkg, s->root, addresses[i], &found, e) < 0)
			return -(int)e->code;
	for (size_t i = 0; i < found.n; i++) {
		if (strs_has(&moved, found.v[i]) || is_current(s, found.v[i]))
			continue;
		strs_add(&moved, found.v[i]);
		move_aside(p, found.v[i], why_aside(true));
	}
	return 0;
}

/* `curl | tee` without -f keeps an error page where apt looks for its sources. */
static void clear_error_page(const struct setup *s, struct plan *p)
{
	CLEANUP(freep) char *text = NULL;
	struct err ignored = {0};

	if (root_read(s->root, APT_LIST, LIST_MAX, &text, &ignored) < 0)
		return;
	if (text[strspn(text, " \t\r\n")] == '<')
		move_aside(p, APT_LIST, why_aside(false));
}

static int add_repository(struct setup *s, struct plan *p, struct err *e)
{
	bool apt = step_manager_is(s, "apt");
	CLEANUP(freep)
	char *deb = str_fmt("https://" ADDRESS "/stable/deb/%s", step_apt_arch(s));
	const struct step_repository r = {
		.repo = {.id = "nvidia-container-toolkit",
			 .name = "NVIDIA Container Toolkit",
			 .url = apt ? deb : "https://" ADDRESS "/stable/rpm/$basearch",
			 .suite = "/",
			 .check_metadata = true},
		.address = apt ? ADDRESS "/stable/deb/" : ADDRESS "/stable/rpm/",
		.key = "nvidia-container-toolkit",
		.key_path = apt ? APT_KEY : RPM_KEY,
		/* dnf takes it from the file; zypper asks, unless rpm has it. */
		.key_flags = step_manager_is(s, "zypper") ? OP_ARMOR | OP_RPM_KEY
			     : apt			  ? 0
							  : OP_ARMOR,
		.why = _("NVIDIA's repository of the Container Toolkit; its packages carry no "
			 "signatures of their own, so that of the lists is checked"),
	};

	return step_add_repository(s, p, &r, e);
}

/* The release that is to be had, no newer one; NULL: whichever is newest. */
static const struct toolkit_fact *limited_to(const struct setup *s)
{
	const struct toolkit_fact *t = s->answer.part[VAR_TOOLKIT].row;

	if (!t || !t->version.n || s->options->pin[VAR_TOOLKIT])
		return t && t->version.n ? t : NULL;
	for (size_t i = 0; i < s->facts->toolkits.n; i++)
		if (version_compare(&s->facts->toolkits.v[i].version, &t->version) > 0)
			return t;
	return NULL;
}

static const char *installed_version(const struct setup *s)
{
	const char *v = s->packages_known ? setup_has(s, packages[0]) : s->host.toolkit;

	return v && *v ? v : NULL;
}

/* A newer release than the engine reads is there already: it can be told to write as before. */
static bool is_newer_than(const struct setup *s, const struct toolkit_fact *t)
{
	const char *v = installed_version(s);
	struct version own = version_in(v ? v : "");

	return own.n && version_compare(&own, &t->version) > 0 && step_writes_groups(&own) &&
	       !step_writes_groups(&t->version);
}

/* The service's options with one more feature; NULL: it is on already. */
static char *with_feature(const char *text, const char *feature)
{
	static const char option[] = "NVIDIA_CTK_CDI_GENERATE_FEATURE_FLAGS=";
	size_t n = strlen(text);

	for (const char *l = text; *l; l += strcspn(l, "\n"), l += *l == '\n') {
		size_t len = strcspn(l, "\n");

		if (!str_starts(l, option))
			continue;
		if (memmem(l, len, feature, strlen(feature)))
			return NULL;
		return str_fmt("%.*s%s%s%s", (int)(l + len - text), text,
			       len > strlen(option) ? "," : "", feature, l + len);
	}
	return str_fmt("%s%s%s%s\n", text, n && text[n - 1] != '\n' ? "\n" : "", option, feature);
}

void step_leave_groups_out(const struct setup *s, struct plan *p)
{
	CLEANUP(freep) char *before = NULL;
	CLEANUP(freep) char *text = NULL;
	struct err ignored = {0};

	if (root_read(s->root, ENV_FILE, LIST_MAX, &before, &ignored) < 0)
		before = str_dup("");
	text = with_feature(before, "no-additional-gids-for-device-nodes");
	if (text)
		plan_add(p,
			 &(struct op){
				 .kind = &op_write_file,
				 .path = ENV_FILE,
				 .text = text,
				 .mode = 0644,
				 .why = _("the engine cannot read the groups of device nodes that "
					  "this toolkit writes (CDI 0.7.0): they are left out")});
	plan_add(p, &(struct op){.kind = &op_restart_unit,
				 .name = "nvidia-cdi-refresh.service",
				 .flags = OP_OPTIONAL,
				 .why = _("writes the specification anew")});
}

/* dnf4 keeps versions only with a plugin. */
static void hold(const struct setup *s, struct plan *p)
{
	static const char *const names[] = {"python3-dnf-plugin-versionlock"};

	if (step_manager_is(s, "dnf4"))
		plan_add(p, &(struct op){.kind = &op_install,
					 ONE_OF(p, WORDS(p, names[0])),
					 .why = _("dnf keeps versions with it")});
	plan_add(p, &(struct op){.kind = &op_hold,
				 .words = plan_words(p, packages),
				 .why = _("an upgrade would bring a release that the engine "
					  "cannot read")});
}

static void install(const struct setup *s, struct plan *p, const struct toolkit_fact *t)
{
	const char *words[COUNT(packages)] = {NULL};
	char names[COUNT(packages) - 1][64];
	const char *why = _("NVIDIA's runtime, hook and nvidia-ctk; its service describes the GPUs "
			    "for engines (CDI)");

	for (size_t i = 0; packages[i]; i++) {
		(void)snprintf(names[i], sizeof(names[i]), t ? "%s=%s-1" : "%s", packages[i],
			       t ? t->version_text : "");
		words[i] = names[i];
	}
	plan_add(p, &(struct op){.kind = &op_install,
				 ONE_OF(p, words),
				 .why = t ? _("the newest release whose GPU descriptions this "
					      "engine reads, all packages at one version")
					  : why});
	if (t)
		hold(s, p);
}

static int check(struct setup *s, struct err *e)
{
	const char *pin = s->options->pin[VAR_TOOLKIT];

	if (!s->pkg || !step_manager_is(s, "apt dnf4 dnf5 zypper")) {
		(void)err_set(e, ERR_UNSAT,
			      "NVIDIA has no packages of its toolkit for this package manager (%s)",
			      s->host.manager ? s->host.manager : "-");
		return err_hint(e, "dlenv does the same without them: leave `toolkit` out");
	}
	if (str_eq(pin, "builtin")) {
		(void)err_set(e, ERR_UNSAT,
			      "the toolkit 'builtin' is dlenv itself: there is nothing to install");
		return err_hint(e, "leave `toolkit` out, or name one of NVIDIA's releases");
	}
	return 0;
}

int toolkit_plan(struct setup *s, struct plan *p, struct err *e)
{
	const struct toolkit_fact *t = limited_to(s);

	if (check(s, e) < 0 || clear_old_lists(s, p, e) < 0)
		return -(int)e->code;
	if (step_manager_is(s, "apt"))
		clear_error_page(s, p);
	if (add_repository(s, p, e) < 0)
		return -(int)e->code;
	if (t && is_newer_than(s, t)) {
		plan_note(
			p,
			_("the toolkit %s is newer than the engine reads: it is told to leave out "
			  "the groups of device nodes instead of being replaced by %s"),
			installed_version(s), t->version_text);
		install(s, p, NULL);
		step_leave_groups_out(s, p);
	} else {
		install(s, p, t);
	}
	return 0;
}
