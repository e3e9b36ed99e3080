/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "cli/cmds.h"
#include "cli/output.h"
#include "cli/site.h"

struct init_options {
	const char *preset;
	const char *name;
};

const struct option_row init_options[] = {
	{OPTION(struct init_options, preset, "preset", 'p', OPT_STR), .arg = "NAME",
	 .help = N_("packages to begin with: base or torch")},
	{OPTION(struct init_options, name, "name", 0, OPT_STR), .arg = "NAME",
	 .help = N_("the environment's name (default: the folder's)")},
	{0},
};

int cmd_init(struct cli *c, struct err *e)
{
	const struct init_options *o = c->opt;
	CLEANUP(freep) char *text = NULL;
	const struct preset *preset = NULL;

	if ((o->name && env_name_check(o->name, e) < 0) ||
	    (o->preset && preset_find(o->preset, &preset, e) < 0))
		return -(int)e->code;
	text = env_def_template(o->name, o->preset);
	if (c->g.dry_run) {
		cli_print(c, "%s", text);
		return 0;
	}
	if (access("dlenv.yaml", F_OK) == 0) {
		(void)err_set(e, ERR_CONFIG, "dlenv.yaml is there already");
		return err_hint(e,
				"edit it, or see what a new one would hold: dlenv init --dry-run");
	}
	if (file_write(AT_FDCWD, "dlenv.yaml", text, strlen(text), 0644, 0, e) < 0)
		return -(int)e->code;
	cli_note(c, _("dlenv.yaml is written: edit it, then `dlenv up`"));
	return 0;
}

struct config_options {
	bool origin;
	const char **set;
};

const struct option_row config_options[] = {
	{OPTION(struct config_options, origin, "origin", 'o', OPT_FLAG),
	 .help = N_("say where each value came from")},
	{OPTION(struct config_options, set, "set", 's', OPT_STRS), .arg = "KEY=VALUE",
	 .help = N_("as if the command line of up had set it")},
	{0},
};

static const struct column value_columns[] = {
	{"key", N_("KEY"), COL_STR, offsetof(struct def_value, key), 0},
	{"value", N_("VALUE"), COL_STR, offsetof(struct def_value, value), 0},
	{"origin", N_("ORIGIN"), COL_STR, offsetof(struct def_value, origin), 0},
	{0},
};

int cmd_config(struct cli *c, struct err *e)
{
	const struct config_options *o = c->opt;
	CLEANUP(env_def_fini) struct env_def d = {0};

	if (cli_definition(c, (const char *const *)o->set, &d, e) < 0)
		return -(int)e->code;
	if (o->origin || c->g.json) {
		cli_table(c, value_columns, d.values, d.values_n, sizeof(d.values[0]));
		return 0;
	}
	for (size_t i = 0; i < d.values_n; i++)
		cli_print(c, "%s: %s", d.values[i].key, d.values[i].value);
	return 0;
}
