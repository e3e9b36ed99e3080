/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cmds.h"
#include "cli/output.h"
#include "config.h"

int cmd_version(struct cli *c, struct err *e)
{
	(void)e;
	cli_print(c, "dlenv %s", DLENV_VERSION);
	cli_answer(c, json_pack("{s:s}", "version", DLENV_VERSION));
	return 0;
}
