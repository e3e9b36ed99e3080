/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cdi/toolkit_config.h"

/* NVIDIA's programs that container engines and people call by name. Each returns its exit status.
 */

int shim_main(int argc, char **argv); /* nvidia-container-runtime, .cdi, .legacy */
int legacy_main(int argc,
		char **argv);	     /* nvidia-container-runtime-hook, nvidia-container-toolkit */
int ctk_main(int argc, char **argv); /* nvidia-ctk */

/* config.toml; path NULL: where NVIDIA's programs look. toolkit_config_fini frees *ret. */
int engines_config(const char *path, struct toolkit_config *ret, struct err *e) MUST_USE;
