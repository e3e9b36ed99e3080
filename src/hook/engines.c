/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/engines.h"

#include "base/fs.h"

int engines_config(const char *path, struct toolkit_config *ret, struct err *e)
{
	CLEANUP(freep) char *found = path ? NULL : toolkit_config_path();
	CLEANUP(root_close) struct root r = {.fd = -1};

	if (root_open(&r, "/", e) < 0)
		return -(int)e->code;
	return toolkit_config_read(&r, path ? path : found, ret, NULL, e);
}
