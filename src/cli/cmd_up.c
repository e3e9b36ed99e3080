/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <string.h>

#include "cli/cmds.h"
#include "cli/output.h"
#include "cli/site.h"
#include "env/gpu.h"
#include "env/jupyter.h"
#include "env/ssh.h"

enum { READY_MS = 120000 };

struct up_options {
	const char *preset;
	const char *gpu;
	const char **device;
	const char **set;
	bool wait;
};

const struct option_row up_options[] = {
	{OPTION(struct up_options, preset, "preset", 'p', OPT_STR), .arg = "NAME",
	 .help = N_("packages to begin with: base or torch")},
	{OPTION(struct up_options, gpu, "gpu", 'g', OPT_STR), .arg = "GPUS",
	 .help = N_("which GPUs: auto, all, none, 0,1, GPU-UUID, free:N, memory>=24G, arch>=8.0")},
	{OPTION(struct up_options, device, "device", 0, OPT_STRS), .arg = "NAME",
	 .help = N_("another device, by its name in a CDI file")},
	{OPTION(struct up_options, set, "set", 's', OPT_STRS), .arg = "KEY=VALUE",
	 .help = N_("set a key of dlenv.yaml for this environment")},
	{OPTION(struct up_options, wait, "wait", 0, OPT_FLAG),
	 .help = N_("return when all services are ready")},
	{0},
};

/* --preset, --gpu, --device and --set as one list of settings. */
static void settings(const struct up_options *o, struct strs *ret)
{
	if (o->preset)
		strs_fmt(ret, "--preset=%s", o->preset);
	cli_gpu_settings(o->gpu, o->device, ret);
	if (o->set)
		strs_add_all(ret, (const char *const *)o->set);
}

static void say_host(struct cli *c, const struct site *s, const struct env_def *d)
{
	const struct host_summary *h = &s->host;
	CLEANUP(freep) char *memory = str_size(h->memory);
	CLEANUP(freep) char *gpu = NULL;

	if (!h->nvidia_gpus)
		gpu = str_dup(_("no NVIDIA GPU: packages for the CPU"));
	else if (d->accelerator == ACCEL_CPU)
		gpu = str_dup(_("NVIDIA GPU not used, as asked: packages for the CPU"));
	else if (h->driver[0])
		gpu = str_fmt(_("%u NVIDIA GPU, driver %s: packages for CUDA"), h->nvidia_gpus,
			      h->driver);
	else
		gpu = str_fmt(_("%u NVIDIA GPU, no driver loaded: packages for CUDA"),
			      h->nvidia_gpus);
	cli_step(c, "host", "%s · %s · %u CPU · %s · %s", h->os, h->arch, h->cpus, memory, gpu);
	cli_step(c, "engine",
		 c->user.uid ? _("dlenv (rootless, no daemon)") : _("dlenv (no daemon)"));
}

/* The one line that ssh needs is shown before it is added. */
static int offer_include(struct cli *c, struct site *s, struct err *e)
{
	CLEANUP(freep) char *config = ssh_user_config(s);
	CLEANUP(freep) char *line = ssh_include_line(s);

	if (ssh_include_is_set(s))
		return 0;
	cli_note(
		c,
		_("ssh needs one line at the top of %s (`dlenv ssh setup --remove` takes it out):"),
		config);
	cli_note(c, "  + %s", line);
	if (cli_ask(c, e, _("Add it?")) < 0) {
		cli_warn(c, _("without that line use: ssh -F %s/ssh_config dlenv.NAME"),
			 c->paths.config);
		return 0;
	}
	return ssh_include_set(s, true, e);
}

static int say_links(struct cli *c, struct env *v, const struct env_def *d, unsigned int what,
		     struct err *e)
{
	CLEANUP(freep) char *link = NULL;
	CLEANUP(freep) char *target = str_fmt("dlenv.%s", v->name);

	if (d->jupyter.enable && jupyter_link(v, &link, e) < 0)
		return -(int)e->code;
	if (d->ssh.enable)
		cli_print(c, "  %-9s ssh %-24s (%s)", "ssh", target,
			  _("host key pinned, no port open"));
	if (link)
		cli_print(c, "  %-9s %s", "jupyter", link);
	cli_answer(c, json_pack("{s:s, s:s, s:b, s:b, s:s?, s:s?, s:s?, s:o}", "name", v->name,
				"project", v->rec.project, "created", what & UP_CREATED ? 1 : 0,
				"started", what & UP_STARTED ? 1 : 0, "network", v->rec.network,
				"ssh", d->ssh.enable ? target : NULL, "jupyter", link, "gpus",
				env_gpus_json(&v->rec)));
	return 0;
}

static int finish(struct cli *c, struct env *v, const struct env_def *d, unsigned int what,
		  bool wait, struct err *e)
{
	if (what & UP_STALE)
		cli_warn(c,
			 _("dlenv.yaml asks for another image than '%s' has: `dlenv rebuild %s` "
			   "takes it "
			   "(your files stay, packages installed by hand go)"),
			 v->name, v->name);
	if (d->ssh.enable && offer_include(c, v->site, e) < 0)
		return -(int)e->code;
	if (d->ssh.enable && what & UP_CREATED && ssh_self_test(v, e) < 0)
		return -(int)e->code;
	if ((wait || what & UP_CREATED) && env_wait_healthy(v, READY_MS, e) < 0)
		return -(int)e->code;
	return say_links(c, v, d, what, e);
}

/* What an earlier `up` said about GPUs and devices and this one does not. */
static void earlier_gpus(const struct up_options *o, const struct env *v, struct strs *ret)
{
	for (size_t i = 0; i < v->rec.settings.n; i++) {
		const char *s = v->rec.settings.v[i];

		if ((str_starts(s, "gpu=") && !o->gpu) || (str_starts(s, "devices=") && !o->device))
			strs_add(ret, s);
	}
}

/* The definition again, with what the existing environment was told before. */
static int with_earlier(struct cli *c, const struct env *v, const struct strs *flags,
			struct env_def *d, struct err *e)
{
	CLEANUP(strs_fini) struct strs all = {0};

	earlier_gpus(c->opt, v, &all);
	if (!all.n)
		return 0;
	if (flags->n)
		strs_add_all(&all, (const char *const *)flags->v);
	env_def_fini(d);
	return cli_definition(c, (const char *const *)all.v, d, e);
}

/* What is said about GPUs holds from now on, not for this start alone. */
static int keep_gpus(const struct up_options *o, struct env *v, struct err *e)
{
	CLEANUP(strs_fini) struct strs own = {0};

	cli_gpu_settings(o->gpu, o->device, &own);
	for (size_t i = 0; i < own.n; i++)
		env_record_setting(&v->rec, own.v[i]);
	return own.n ? env_record_save(v, e) : 0;
}

static void say_gpus(struct cli *c, const struct env *v, const struct env_def *d, unsigned int what)
{
	CLEANUP(freep) char *text = env_gpus_text(&v->rec);

	if (text)
		cli_step(c, "gpu", "%s", text);
	if (!(what & UP_STARTED) && v->rec.gpu && !str_eq(v->rec.gpu, d->gpu))
		cli_warn(c,
			 _("'%s' runs with 'gpu: %s': `dlenv stop %s`, then `dlenv up` gives it "
			   "what is asked for now"),
			 v->name, v->rec.gpu, v->name);
}

/* What up would do, from what is there now. */
static int say_plan(struct cli *c, struct site *s, const struct env_def *d, struct err *e)
{
	CLEANUP(env_close) struct env v = {.lock = -1};
	CLEANUP(running_fini) struct running r = {0};
	bool ready = false;
	bool running;

	if (env_open(&v, s, d->name, 0, e) < 0 || env_image_ready(s, d, &ready, e) < 0)
		return -(int)e->code;
	running = v.exists && env_running(&v, &r, e) == 0;
	cli_print(c, ready ? _("image: there")
			   : _("image: would be built (`dlenv image build --dry-run` "
			       "lists its packages)"));
	cli_print(c,
		  running    ? _("environment '%s': runs")
		  : v.exists ? _("environment '%s': would be started")
			     : _("environment '%s': would be created and started"),
		  d->name);
	cli_answer(c, json_pack("{s:b, s:b, s:b}", "image", ready, "exists", v.exists, "running",
				running));
	return 0;
}

int cmd_up(struct cli *c, struct err *e)
{
	const struct up_options *o = c->opt;
	CLEANUP(strs_fini) struct strs flags = {0};
	CLEANUP(env_def_fini) struct env_def d = {0};
	CLEANUP(site_close) struct site s = {.store = {.fd = -1}};
	CLEANUP(env_close) struct env v = {.lock = -1};
	unsigned int what = 0;

	settings(o, &flags);
	if (cli_definition(c, (const char *const *)flags.v, &d, e) < 0 || cli_site(c, &s, e) < 0)
		return -(int)e->code;
	say_host(c, &s, &d);
	if (c->g.dry_run)
		return say_plan(c, &s, &d, e);
	if (env_open(&v, &s, d.name, ENV_LOCK, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; !v.exists && i < flags.n; i++)
		env_record_setting(&v.rec, flags.v[i]);
	if (v.exists && (keep_gpus(o, &v, e) < 0 || with_earlier(c, &v, &flags, &d, e) < 0))
		return -(int)e->code;
	if (env_up(&v, &d, &what, e) < 0)
		return -(int)e->code;
	if (what & UP_STARTED)
		cli_step(c, "network", "%s", v.rec.network);
	say_gpus(c, &v, &d, what);
	return finish(c, &v, &d, what, o->wait, e);
}
