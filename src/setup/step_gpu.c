/* SPDX-License-Identifier: Apache-2.0 */
/* The engines are told of the GPU, and the GPU is described for them. */
#include <string.h>

#include "base/i18n.h"
#include "base/str.h"
#include "setup/step_common.h"
#include "setup/steps.h"

/* NVIDIA's toolkit has a service that does it, from this release on. */
static const struct version with_service = {.n = 2, .part = {1, 18}};

static bool toolkit_describes(const struct setup *s)
{
	struct version v = version_in(s->host.toolkit ? s->host.toolkit : "");

	return step_wants(s, SETUP_TOOLKIT) || version_compare(&v, &with_service) >= 0;
}

/* Asked for, or there already when only the toolkit is asked for. */
static bool concerns(const struct setup *s, unsigned int target, const char *installed)
{
	return step_wants(s, target) || (step_wants(s, SETUP_TOOLKIT) &&
					 !step_wants(s, SETUP_DOCKER | SETUP_PODMAN) && installed);
}

/*
 * Without root nobody may change the rules for devices of cgroups, which NVIDIA's older way wants.
 * As its manual has it.
 */
static void leave_cgroups(const struct setup *s, struct plan *p)
{
	static const char *const setting = "nvidia-container-cli.no-cgroups";
	static const char *const off = "nvidia-container-cli.no-cgroups=false";
	CLEANUP(freep) char *text = NULL;
	struct err ignored = {0};

	if (root_read(s->root, "/etc/nvidia-container-runtime/config.toml", 1 << 20, &text,
		      &ignored) == 0 &&
	    strstr(text, "\nno-cgroups = true"))
		return;
	plan_add(p,
		 &(struct op){
			 .kind = &op_run,
			 .words = WORDS(p, "nvidia-ctk", "config", "--in-place", "--set", setting),
			 .undo = WORDS(p, "nvidia-ctk", "config", "--in-place", "--set", off),
			 .why = _("without root nobody may change the rules for devices "
				  "of cgroups")});
}

static void configure_docker(const struct setup *s, struct plan *p)
{
	const char *user = s->options->rootless ? step_user(s) : NULL;

	if (user && step_wants(s, SETUP_TOOLKIT))
		leave_cgroups(s, p);
	plan_add(p, &(struct op){.kind = &op_configure,
				 .name = "docker",
				 .user = user,
				 .why = _("the runtime 'nvidia' and CDI: `--gpus all`, `--device "
					  "nvidia.com/gpu=all`")});
	plan_add(p, &(struct op){.kind = &op_restart_unit,
				 .name = "docker.service",
				 .user = user,
				 .why = _("the daemon reads its configuration when it starts; "
					  "running containers stop")});
}

/* A boolean of the policy: "1 1" is on, now and at the next boot. */
static void allow_devices(const struct setup *s, struct plan *p)
{
	static const char *const name = "container_use_devices";

	if (!str_eq(s->host.selinux, "enforcing") ||
	    step_has_text(s, "/sys/fs/selinux/booleans/container_use_devices", "1 1"))
		return;
	plan_add(p, &(struct op){.kind = &op_run,
				 .words = WORDS(p, "setsebool", "-P", name, "on"),
				 .undo = WORDS(p, "setsebool", "-P", name, "off"),
				 .flags = OP_OPTIONAL,
				 .why = _("SELinux keeps containers from devices; without this "
					  "each needs `--security-opt=label=disable`")});
}

/* The toolkit that is there writes CDI 0.7.0, which the engine ("podman:4.3.1") does not read. */
static bool is_too_new(const struct setup *s)
{
	const char *engine = s->answer.part[VAR_ENGINE].text;
	const char *colon = engine ? strchr(engine, ':') : NULL;
	struct version v = version_in(colon ? colon + 1 : "");
	struct version toolkit = version_in(s->host.toolkit ? s->host.toolkit : "");

	if (!v.n || !step_writes_groups(&toolkit))
		return false;
	for (size_t i = 0; i < s->facts->engines.n; i++) {
		const struct engine_fact *f = &s->facts->engines.v[i];

		if (str_starts(engine, f->engine) && str_eq(f->feature, "cdi-0.7"))
			return version_compare(&v, &f->version) < 0;
	}
	return false;
}

static void describe(struct setup *s, struct plan *p)
{
	static const char *const old = "/etc/cdi/nvidia.yaml";

	if (root_has(s->root, old))
		plan_add(p, &(struct op){.kind = &op_move_aside,
					 .path = old,
					 .why = _("somebody wrote it once, and nobody renews it: "
						  "the one in /var/run/cdi is kept true")});
	if (!toolkit_describes(s))
		plan_add(p, &(struct op){.kind = &op_describe_gpus,
					 .why = _("engines find the GPUs by this description "
						  "(CDI), which is kept true when the driver "
						  "changes")});
	else if (!step_wants(s, SETUP_TOOLKIT) && is_too_new(s))
		step_leave_groups_out(s, p);
}

int gpu_plan(struct setup *s, struct plan *p, struct err *e)
{
	bool podman = concerns(s, SETUP_PODMAN, s->host.podman);

	(void)e;
	if (!step_has_gpu(s))
		return 0;
	describe(s, p);
	if (concerns(s, SETUP_DOCKER, s->host.docker))
		configure_docker(s, p);
	if (podman) {
		plan_add(p,
			 &(struct op){.kind = &op_configure,
				      .name = "podman",
				      .why = _("podman reads CDI descriptions by itself, without a "
					       "setting: `--device nvidia.com/gpu=all`")});
		allow_devices(s, p);
	}
	return 0;
}
