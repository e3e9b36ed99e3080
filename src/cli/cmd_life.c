/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"
#include "cli/cmds.h"
#include "cli/output.h"
#include "cli/site.h"

enum { STOP_MS = 10000 };

struct stop_options {
	uint64_t time;
};

const struct option_row stop_options[] = {
	{OPTION(struct stop_options, time, "time", 't', OPT_UINT), .arg = "SECONDS",
	 .help = N_("wait so long before processes are killed (default 10)"), .max = 3600},
	{0},
};

struct remove_options {
	bool force;
};

const struct option_row remove_options[] = {
	{OPTION(struct remove_options, force, "force", 'f', OPT_FLAG),
	 .help = N_("stop it first when it is running")},
	{0},
};

int cmd_start(struct cli *c, struct err *e)
{
	CLEANUP(site_close) struct site s = {.store = {.fd = -1}};
	CLEANUP(env_close) struct env v = {.lock = -1};
	CLEANUP(env_def_fini) struct env_def d = {0};

	if (cli_site(c, &s, e) < 0 || cli_env(c, &s, ENV_LOCK | ENV_MUST_EXIST, &v, e) < 0 ||
	    env_definition(&v, &d, e) < 0 || env_start(&v, &d, e) < 0)
		return -(int)e->code;
	cli_note(c, _("'%s' is running"), v.name);
	return 0;
}

int cmd_stop(struct cli *c, struct err *e)
{
	const struct stop_options *o = c->opt;
	CLEANUP(site_close) struct site s = {.store = {.fd = -1}};
	CLEANUP(env_close) struct env v = {.lock = -1};

	if (cli_site(c, &s, e) < 0 || cli_env(c, &s, ENV_LOCK | ENV_MUST_EXIST, &v, e) < 0 ||
	    env_stop(&v, o->time ? (int)o->time * 1000 : STOP_MS, e) < 0)
		return -(int)e->code;
	cli_note(c, _("'%s' is stopped"), v.name);
	return 0;
}

/* Running is the user's business: nothing is stopped unasked. */
static int may_be_stopped(struct env *v, bool force, struct err *e)
{
	CLEANUP(running_fini) struct running r = {0};

	if (force || env_running(v, &r, e) < 0)
		return 0;
	(void)err_set(e, ERR_BUSY, "the environment '%s' is running", v->name);
	return err_hint(e, "`dlenv stop %s` first, or --force", v->name);
}

int cmd_rm(struct cli *c, struct err *e)
{
	const struct remove_options *o = c->opt;
	CLEANUP(site_close) struct site s = {.store = {.fd = -1}};
	CLEANUP(env_close) struct env v = {.lock = -1};

	if (cli_site(c, &s, e) < 0 ||
	    cli_env(c, &s, ENV_LOCK | ENV_MUST_EXIST | ENV_DAMAGED, &v, e) < 0 ||
	    may_be_stopped(&v, o->force, e) < 0)
		return -(int)e->code;
	cli_note(c, _("This removes '%s': its home folder, its installed packages, its keys."),
		 v.name);
	if (v.rec.project)
		cli_note(c, _("The project folder %s and other mounted folders stay."),
			 v.rec.project);
	if (cli_ask(c, e, _("Remove it?")) < 0 || env_stop(&v, STOP_MS, e) < 0 ||
	    env_remove(&v, e) < 0)
		return -(int)e->code;
	cli_note(c, _("'%s' is removed"), v.name);
	return 0;
}

int cmd_rebuild(struct cli *c, struct err *e)
{
	const struct remove_options *o = c->opt;
	CLEANUP(site_close) struct site s = {.store = {.fd = -1}};
	CLEANUP(env_close) struct env v = {.lock = -1};
	CLEANUP(env_def_fini) struct env_def d = {0};
	unsigned int what = 0;

	if (cli_site(c, &s, e) < 0 || cli_env(c, &s, ENV_LOCK | ENV_MUST_EXIST, &v, e) < 0 ||
	    env_definition(&v, &d, e) < 0 || may_be_stopped(&v, o->force, e) < 0)
		return -(int)e->code;
	cli_note(c,
		 _("This gives '%s' a fresh image. Home folder, project and keys stay; packages "
		   "that "
		   "were installed by hand go."),
		 v.name);
	if (cli_ask(c, e, _("Rebuild it?")) < 0 || env_stop(&v, STOP_MS, e) < 0 ||
	    env_reset(&v, e) < 0 || env_up(&v, &d, &what, e) < 0)
		return -(int)e->code;
	cli_note(c, _("'%s' is running on the new image"), v.name);
	return 0;
}
