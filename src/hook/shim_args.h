/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/* What the shim has to know of an OCI runtime's command line (runc, crun, youki). Texts are argv's.
 */

struct shim_args {
	const char *command; /* the first word that is no option; NULL: none */
	bool creates;	     /* `create`, or `run`, which is create and start */
	const char *bundle;  /* NULL: the working folder */
	const char *config;  /* crun's --config: another name for config.json; or NULL */
	const char *log;     /* --log; or NULL */
	bool log_json;	     /* --log-format json */
};

/* argv ends with NULL. Nothing is an error: what is wrong is for the real runtime to say. */
void shim_args_read(char **argv, struct shim_args *ret);
