/* SPDX-License-Identifier: Apache-2.0 */
/* nvidia-ctk runtime configure: what `dlenv configure` does, by NVIDIA's options. */
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "hook/ctk.h"
#include "hook/describe.h"
#include "hook/hook.h"
#include "hook/shim.h"
#include "setup/engine_config.h"

struct options {
	const char *runtime;
	const char *config;
	const char *drop_in;
	const char *config_source;
	const char *executable_path;
	const char *config_mode;
	const char *hook_path;
	const char *runtime_hook_path;
	const char *name;
	const char *path;
	bool make_default;
	bool cdi;
	bool dry_run;
};

#define FIELD(member) offsetof(struct options, member)

static const struct ctk_option configure_options[] = {
	{"runtime", CTK_STR, FIELD(runtime), NULL, "NAME",
	 "docker (if not given), containerd or crio"},
	{"config", CTK_STR, FIELD(config), NULL, "FILE", "the engine's configuration"},
	{"drop-in-config", CTK_STR, FIELD(drop_in), NULL, "FILE", "write to this file beside it"},
	{"config-source", CTK_STR, FIELD(config_source), NULL, "file|command",
	 "accepted; the file is what is read"},
	{"executable-path", CTK_STR, FIELD(executable_path), NULL, "FILE",
	 "accepted, without effect"},
	{"config-mode", CTK_STR, FIELD(config_mode), NULL, "config-file",
	 "the only one; OCI hooks are of the past"},
	{"oci-hook-path", CTK_STR, FIELD(hook_path), NULL, "FILE", "refused"},
	{"nvidia-runtime-name", CTK_STR, FIELD(name), NULL, "NAME", "the runtime's name: nvidia"},
	{"nvidia-runtime-path runtime-path", CTK_STR, FIELD(path), NULL, "FILE",
	 "where nvidia-container-runtime is"},
	{"nvidia-runtime-hook-path", CTK_STR, FIELD(runtime_hook_path), NULL, "FILE",
	 "accepted, without effect"},
	{"nvidia-set-as-default set-as-default", CTK_BOOL, FIELD(make_default), NULL, NULL,
	 "make it the default runtime"},
	{"cdi.enabled cdi.enable enable-cdi", CTK_BOOL, FIELD(cdi), NULL, NULL,
	 "switch CDI on in the engine"},
	{"dry-run", CTK_BOOL, FIELD(dry_run), NULL, NULL, "print the result, change nothing"},
	{0},
};

/* What cannot be had, in words, before anything is read. */
static int check(const struct options *o, struct err *e)
{
	static const char *const known[] = {"docker", "containerd", "crio"};
	bool found = !o->runtime;

	for (size_t i = 0; i < COUNT(known); i++)
		found = found || str_eq(o->runtime, known[i]);
	if (!found)
		return err_set(e, ERR_USAGE,
			       "'%.64s' is no runtime that can be configured: docker, "
			       "containerd and crio can",
			       o->runtime);
	if (o->hook_path || str_eq(o->config_mode, "oci-hook"))
		return err_set(e, ERR_USAGE,
			       "OCI hooks in files are not written any more: CDI needs none");
	if (o->config_source && !str_starts(o->config_source, "file") &&
	    !str_starts(o->config_source, "command"))
		return err_set(e, ERR_USAGE, "--config-source is file or command, not '%.64s'",
			       o->config_source);
	return 0;
}

/* The files as they would be, as NVIDIA's program prints them. */
static int print_results(const struct engine_plan *p, struct err *e)
{
	for (size_t i = 0; i < engine_changes(p); i++) {
		struct engine_change change = engine_change_at(p, i);

		if (ctk_output(NULL, change.after, strlen(change.after), e) < 0)
			return -(int)e->code;
	}
	return 0;
}

static int configure(const struct ctk_call *c, const struct options *o, struct engine_plan *p,
		     struct err *e)
{
	if (o->dry_run)
		return print_results(p, e);
	for (size_t i = 0; i < p->notes.n && !c->quiet; i++)
		hook_say("%s", p->notes.v[i]);
	if (engine_apply(p, e) < 0)
		return -(int)e->code;
	if (!c->quiet && p->service)
		hook_say("%s is configured; it holds from the next start of %s", p->options->engine,
			 p->service);
	return 0;
}

/*
 * The runtime beside this program, where nobody has linked it to where engines look: no links are
 * made here, and an engine must not be told of a program that is not there. The caller's.
 */
static char *unlinked_runtime(void)
{
	if (machine_path() || access("/usr/local/bin/nvidia-container-runtime", X_OK) == 0 ||
	    access("/usr/bin/nvidia-container-runtime", X_OK) == 0)
		return NULL;
	return shim_beside("nvidia-container-runtime");
}

static int run_configure(struct ctk_call *c, struct err *e)
{
	const struct options *o = c->options;
	CLEANUP(engine_plan_fini) struct engine_plan p = {0};
	CLEANUP(root_close) struct root r = {.fd = -1};
	CLEANUP(freep) char *beside = unlinked_runtime();
	struct engine_options engine = {.engine = o->runtime ? o->runtime : "docker",
					.runtime_name = o->name,
					.runtime_path = o->path ? o->path : beside,
					.make_default = o->make_default,
					.cdi = o->cdi ? SWITCH_ON : SWITCH_OFF};

	if (check(o, e) < 0 || root_open(&r, machine_path() ? machine_path() : "/", e) < 0 ||
	    engine_path(&r, o->config, &c->arena, &engine.config, e) < 0 ||
	    engine_path(&r, o->drop_in, &c->arena, &engine.drop_in, e) < 0 ||
	    engine_plan(&r, &engine, &p, e) < 0)
		return -(int)e->code;
	return configure(c, o, &p, e);
}

const struct ctk_command ctk_runtime[] = {
	{.name = "configure",
	 .summary = "let an engine use the GPU",
	 .options = configure_options,
	 .options_size = sizeof(struct options),
	 .run = run_configure},
	{0},
};
