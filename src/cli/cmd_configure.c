/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmds.h"
#include "cli/output.h"
#include "cli/site.h"
#include "setup/engine_config.h"

struct configure_options {
	bool undo;
	bool restart;
	bool make_default;
	bool cdi;
	bool no_cdi;
	bool hook;
	const char *config;
	const char *drop_in;
	const char *runtime;
};

const struct option_row configure_options[] = {
	{OPTION(struct configure_options, undo, "undo", 'u', OPT_FLAG),
	 .help = N_("take back what an earlier run changed")},
	{OPTION(struct configure_options, restart, "restart", 'r', OPT_FLAG),
	 .help = N_("restart the engine's service afterwards")},
	{OPTION(struct configure_options, make_default, "default", 'd', OPT_FLAG),
	 .help = N_("let every container use NVIDIA's runtime")},
	{OPTION(struct configure_options, cdi, "cdi", 0, OPT_FLAG),
	 .help = N_("switch CDI on where the engine has it on by itself, too")},
	{OPTION(struct configure_options, no_cdi, "no-cdi", 0, OPT_FLAG),
	 .help = N_("leave the engine's CDI switch as it is")},
	{OPTION(struct configure_options, hook, "hook", 0, OPT_FLAG),
	 .help = N_("podman before 4.1: add a hook for NVIDIA_VISIBLE_DEVICES")},
	{OPTION(struct configure_options, config, "config", 'c', OPT_STR), .arg = "FILE",
	 .help = N_("the engine's configuration, where it is not in its usual place")},
	{OPTION(struct configure_options, drop_in, "drop-in", 0, OPT_STR), .arg = "FILE",
	 .help = N_("write to this file beside it; an empty name means none")},
	{OPTION(struct configure_options, runtime, "runtime-path", 0, OPT_STR), .arg = "FILE",
	 .help = N_("where the engine finds nvidia-container-runtime")},
	{0},
};

static json_t *plan_json(const struct engine_plan *p, const char *diff)
{
	json_t *files = json_array();
	json_t *links = json_array();
	json_t *notes = json_array();

	for (size_t i = 0; i < engine_changes(p); i++) {
		struct engine_change f = engine_change_at(p, i);

		(void)json_array_append_new(files, json_pack("{s:s, s:s}", "path", f.path, "change",
							     !f.before	? "create"
							     : !f.after ? "remove"
									: "edit"));
	}
	for (size_t i = 0; i < p->links_n; i++)
		(void)json_array_append_new(links, json_pack("{s:s, s:s}", "path", p->links[i].path,
							     "target", p->links[i].target));
	for (size_t i = 0; i < p->notes.n; i++)
		(void)json_array_append_new(notes, json_string(p->notes.v[i]));
	return json_pack("{s:s, s:o, s:o, s:o, s:s}", "engine", p->options->engine, "files", files,
			 "links", links, "notes", notes, "diff", diff);
}

static void say_plan(struct cli *c, const struct engine_plan *p, const char *diff)
{
	size_t n = strlen(diff);

	if (n) /* which ends with a newline, as cli_print's line does */
		cli_print(c, "%.*s", (int)(n - 1), diff);
	for (size_t i = 0; i < p->links_n; i++) {
		if (p->undo)
			cli_print(c, _("link to be removed: %s"), p->links[i].path);
		else
			cli_print(c, _("link to be made: %s -> %s"), p->links[i].path,
				  p->links[i].target);
	}
	for (size_t i = 0; i < p->notes.n; i++)
		cli_note(c, "%s", p->notes.v[i]);
}

static int finish(struct cli *c, const struct engine_plan *p, bool changed, struct err *e)
{
	const struct configure_options *o = c->opt;

	if (p->undo)
		cli_note(c, _("what was done for %s is undone"), p->options->engine);
	else
		cli_note(c, _("%s is configured; `dlenv configure %s --undo` takes it back"),
			 p->options->engine, p->options->engine);
	if (!p->service || !changed)
		return 0;
	if (o->restart)
		return engine_restart(p, e);
	cli_note(c,
		 geteuid() ? _("it holds from the next start of %s: systemctl --user restart %s")
			   : _("it holds from the next start of %s: systemctl restart %s"),
		 p->options->engine, p->service);
	return 0;
}

static int carry_out(struct cli *c, struct engine_plan *p, struct err *e)
{
	CLEANUP(freep) char *diff = engine_diff(p);
	json_t *answer = plan_json(p, diff);
	bool changed = engine_changes(p) > 0;
	int code = 0;

	say_plan(c, p, diff);
	if (!p->undo && engine_is_done(p))
		cli_note(c, _("nothing has to be changed for %s"), p->options->engine);
	else if (!c->g.dry_run)
		code = engine_apply(p, e) < 0 ? -(int)e->code : finish(c, p, changed, e);
	if (code < 0)
		json_decref(answer);
	else
		cli_answer(c, answer);
	return code;
}

int cmd_configure(struct cli *c, struct err *e)
{
	const struct configure_options *o = c->opt;
	CLEANUP(engine_plan_fini) struct engine_plan p = {0};
	CLEANUP(freep) char *toolkit = env_libexec("dlenv-toolkit", "hook");
	CLEANUP(freep) char *state = str_fmt("%s/configure", c->paths.data);
	const struct root *machine = NULL;
	struct engine_options e_options = {
		.engine = cli_arg(c),
		.runtime_path = o->runtime,
		.toolkit = toolkit,
		.make_default = o->make_default,
		.hook = o->hook,
		.cdi = o->no_cdi ? SWITCH_OFF
		       : o->cdi	 ? SWITCH_ON
				 : SWITCH_AUTO,
	};

	if (o->cdi && o->no_cdi)
		return err_set(e, ERR_USAGE, "--cdi and --no-cdi exclude each other");
	if (cli_machine(c, &machine, e) < 0 ||
	    engine_path(machine, o->config, &c->arena, &e_options.config, e) < 0 ||
	    engine_path(machine, o->drop_in, &c->arena, &e_options.drop_in, e) < 0)
		return -(int)e->code;
	if (str_eq(machine->path, "/"))
		e_options.state = state;
	if (!toolkit)
		cli_warn(c, _("dlenv-toolkit is not installed: no links to it are made"));
	if ((o->undo ? engine_plan_undo(machine, &e_options, &p, e)
		     : engine_plan(machine, &e_options, &p, e)) < 0)
		return -(int)e->code;
	return carry_out(c, &p, e);
}
