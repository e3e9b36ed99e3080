/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/site.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "cli/output.h"
#include "compat/facts.h"

static void warn(void *arg, const char *text)
{
	struct cli *c = arg;

	cli_warn(c, "%s", text);
}

/* A wrong folder would be a machine without a GPU, of which nothing is wrong. */
static bool is_machine(const struct root *r)
{
	static const char *const folders[] = {"/etc", "/proc", "/sys", "/dev"};

	for (size_t i = 0; i < COUNT(folders); i++)
		if (root_has(r, folders[i]))
			return true;
	return false;
}

int cli_machine(struct cli *c, const struct root **ret, struct err *e)
{
	const char *path = c->g.root ? c->g.root : getenv("DLENV_ROOT");
	char real[PATH_MAX];

	if (c->machine.path) {
		*ret = &c->machine;
		return 0;
	}
	if (!path || !*path)
		path = "/";
	if (!realpath(path, real)) {
		(void)err_sys(e, "cannot open '%s'", path);
		return err_hint(e, "--root and DLENV_ROOT name the folder of a machine's files");
	}
	if (root_open(&c->machine, real, e) < 0)
		return -(int)e->code;
	if (!is_machine(&c->machine)) {
		(void)err_set(e, ERR_CONFIG,
			      "'%s' has no machine's files: no etc, proc, sys or dev", path);
		return err_hint(e, "`tools/record-host.sh FOLDER` of dlenv's sources records one");
	}
	*ret = &c->machine;
	return 0;
}

int cli_site(struct cli *c, struct site *s, struct err *e)
{
	const struct root *machine = NULL;

	if (cli_machine(c, &machine, e) < 0 ||
	    site_open(s, machine, &c->paths, &c->user, c->progress, e) < 0)
		return -(int)e->code;
	s->engine.warn = warn;
	s->engine.warn_arg = c;
	return 0;
}

int cli_definition(struct cli *c, const char *const *settings, struct env_def *ret, struct err *e)
{
	char cwd[PATH_MAX];
	struct def_sources sources = {
		.cwd = cwd,
		.system = "/etc/dlenv",
		.user = c->paths.config,
		.home = c->user.home,
		.env = (const char *const *)environ,
		.flags = settings,
	};

	if (!getcwd(cwd, sizeof(cwd))) {
		(void)err_sys(e, "the current folder cannot be read");
		return err_hint(e, "change to a folder that exists and is yours");
	}
	return env_def_load(&sources, ret, e);
}

int cli_env(struct cli *c, struct site *s, unsigned int flags, struct env *ret, struct err *e)
{
	CLEANUP(env_def_fini) struct env_def d = {0};

	if (cli_arg(c))
		return env_open(ret, s, cli_arg(c), flags, e);
	if (cli_definition(c, NULL, &d, e) < 0)
		return -(int)e->code;
	return env_open(ret, s, d.name, flags, e);
}

void cli_gpu_settings(const char *gpu, const char *const *devices, struct strs *ret)
{
	CLEANUP(buf_fini) struct buf list = {0};

	if (gpu)
		strs_fmt(ret, "--gpu=%s", gpu);
	for (const char *const *d = devices; d && *d; d++)
		buf_fmt(&list, "%s%s", list.len ? ", " : "", *d);
	if (list.len)
		strs_fmt(ret, "--devices=[%s]", list.data);
}

int cli_started(struct env *v, const struct env_def *d, struct err *e)
{
	CLEANUP(running_fini) struct running r = {0};
	CLEANUP(env_close) struct env locked = {.lock = -1};

	if (env_running(v, &r, e) == 0)
		return 0;
	/* Only whoever starts needs the lock; the others find it running. */
	if (env_open(&locked, v->site, v->name, ENV_LOCK | ENV_MUST_EXIST, e) < 0)
		return -(int)e->code;
	return env_start(&locked, d, e);
}

bool cli_has_terminal(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

int cli_facts(struct cli *c, struct facts *ret, struct err *e)
{
	CLEANUP(freep) char *own = str_fmt("%s/facts", c->paths.config);
	const char *const folders[] = {"/etc/dlenv/facts", own, NULL};

	return facts_load(ret, folders, e);
}
