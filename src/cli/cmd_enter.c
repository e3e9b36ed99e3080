/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cmds.h"
#include "cli/output.h"
#include "cli/site.h"
#include "env/ssh.h"

struct exec_options {
	bool root;
	bool no_tty;
	const char *workdir;
	const char *gpu;
};

const struct option_row exec_options[] = {
	{OPTION(struct exec_options, root, "root", 'r', OPT_FLAG),
	 .help = N_("run as root inside")},
	{OPTION(struct exec_options, no_tty, "no-tty", 'T', OPT_FLAG),
	 .help = N_("no terminal even if we have one")},
	{OPTION(struct exec_options, workdir, "workdir", 'w', OPT_STR), .arg = "DIR",
	 .help = N_("folder inside to run in")},
	{OPTION(struct exec_options, gpu, "gpu", 'g', OPT_STR), .arg = "GPUS",
	 .help = N_("of its GPUs let the command see only these")},
	{0},
};

struct run_options {
	bool rm;
	bool root;
	bool no_tty;
	const char *workdir;
	const char *gpu;
	const char **device;
	const char **set;
};

const struct option_row run_options[] = {
	{OPTION(struct run_options, rm, "rm", 0, OPT_FLAG),
	 .help = N_("remove the container afterwards (it always is)")},
	{OPTION(struct run_options, root, "root", 'r', OPT_FLAG), .help = N_("run as root inside")},
	{OPTION(struct run_options, no_tty, "no-tty", 'T', OPT_FLAG),
	 .help = N_("no terminal even if we have one")},
	{OPTION(struct run_options, workdir, "workdir", 'w', OPT_STR), .arg = "DIR",
	 .help = N_("folder inside to run in")},
	{OPTION(struct run_options, gpu, "gpu", 'g', OPT_STR), .arg = "GPUS",
	 .help = N_("which GPUs: auto, all, none, 0,1, GPU-UUID, free:N, memory>=24G, arch>=8.0")},
	{OPTION(struct run_options, device, "device", 0, OPT_STRS), .arg = "NAME",
	 .help = N_("another device, by its name in a CDI file")},
	{OPTION(struct run_options, set, "set", 's', OPT_STRS), .arg = "KEY=VALUE",
	 .help = N_("set a key of dlenv.yaml for this container")},
	{0},
};

static int enter(struct cli *c, const struct enter *n, struct err *e)
{
	CLEANUP(site_close) struct site s = {.store = {.fd = -1}};
	CLEANUP(env_close) struct env v = {.lock = -1};
	CLEANUP(env_def_fini) struct env_def d = {0};
	int status = 0;

	if (cli_site(c, &s, e) < 0 || cli_env(c, &s, ENV_MUST_EXIST, &v, e) < 0 ||
	    env_definition(&v, &d, e) < 0 || cli_started(&v, &d, e) < 0 ||
	    env_enter(&v, &d, n, &status, e) < 0)
		return -(int)e->code;
	return status;
}

int cmd_exec(struct cli *c, struct err *e)
{
	const struct exec_options *o = c->opt;
	const struct enter n = {
		.args = c->rest,
		.cwd = o->workdir,
		.gpu = o->gpu,
		.root = o->root,
		.tty = !o->no_tty && cli_has_terminal(),
	};

	if (!c->rest_n) {
		(void)err_set(e, ERR_USAGE, "no command is given");
		return err_hint(e, "put it after --: dlenv exec -- python3 train.py");
	}
	return enter(c, &n, e);
}

int cmd_shell(struct cli *c, struct err *e)
{
	static const char *const args[] = {"/bin/bash", "-l", NULL};
	const struct exec_options *o = c->opt;
	const struct enter n = {.args = args,
				.cwd = o->workdir,
				.gpu = o->gpu,
				.root = o->root,
				.tty = !o->no_tty && cli_has_terminal()};

	return enter(c, &n, e);
}

int cmd_attach(struct cli *c, struct err *e)
{
	static const char *const args[] = {"tmux", "new-session", "-A", "-s", "main", NULL};
	const struct enter n = {.args = args, .tty = true};

	if (!cli_has_terminal()) {
		(void)err_set(e, ERR_USAGE, "attach needs a terminal");
		return err_hint(e, "`dlenv exec -- CMD` runs a command without one");
	}
	return enter(c, &n, e);
}

int cmd_ssh_proxy(struct cli *c, struct err *e)
{
	CLEANUP(site_close) struct site s = {.store = {.fd = -1}};
	CLEANUP(env_close) struct env v = {.lock = -1};
	CLEANUP(env_def_fini) struct env_def d = {0};
	int status = 0;

	if (cli_site(c, &s, e) < 0 || cli_env(c, &s, ENV_MUST_EXIST, &v, e) < 0 ||
	    env_definition(&v, &d, e) < 0 || cli_started(&v, &d, e) < 0 ||
	    ssh_proxy(&v, &d, &status, e) < 0)
		return -(int)e->code;
	return status;
}

int cmd_run(struct cli *c, struct err *e)
{
	const struct run_options *o = c->opt;
	const struct enter n = {
		.args = c->rest,
		.cwd = o->workdir,
		.root = o->root,
		.tty = !o->no_tty && cli_has_terminal(),
	};
	CLEANUP(strs_fini) struct strs flags = {0};
	CLEANUP(site_close) struct site s = {.store = {.fd = -1}};
	CLEANUP(env_def_fini) struct env_def d = {0};
	int status = 0;

	if (!c->rest_n) {
		(void)err_set(e, ERR_USAGE, "no command is given");
		return err_hint(e, "put it after the preset: dlenv run torch python3 train.py");
	}
	strs_fmt(&flags, "preset=%s", cli_arg(c));
	cli_gpu_settings(o->gpu, o->device, &flags);
	if (o->set)
		strs_add_all(&flags, (const char *const *)o->set);
	if (cli_definition(c, (const char *const *)flags.v, &d, e) < 0 || cli_site(c, &s, e) < 0 ||
	    env_run_once(&s, &d, &n, &status, e) < 0)
		return -(int)e->code;
	return status;
}
