/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cmds.h"
#include "cli/output.h"
#include "runtime/runtime.h"

struct runtime_options {
	const char *bundle;
};

const struct option_row runtime_options[] = {
	{OPTION(struct runtime_options, bundle, "bundle", 'b', OPT_STR), .arg = "DIR",
	 .help = N_("folder with config.json (default: the current one)")},
	{0},
};

static void warn(void *arg, const char *text)
{
	cli_warn(arg, "%s", text);
}

int cmd_runtime_run(struct cli *c, struct err *e)
{
	const struct runtime_options *o = c->opt;
	CLEANUP(freep) char *cache = str_fmt("%s/seccomp", c->paths.cache);
	const struct rt_opts run = {
		.bundle = o->bundle ? o->bundle : ".",
		.id = cli_arg(c),
		.seccomp_cache = cache,
		.flags = RT_FORWARD,
		.stdio = {-1, -1, -1},
		.on_warning = warn,
		.on_warning_arg = c,
	};
	int status = 0;

	if (rt_run(&run, &status, e) < 0)
		return -(int)e->code;
	return status;
}
