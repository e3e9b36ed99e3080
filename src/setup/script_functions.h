/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Shell functions that scripts may use, and a folder; each is taken along where its name occurs. */
struct script_function {
	const char *name;
	const char *manager; /* "apt"; NULL: with every package manager */
	const char *text;    /* @INSTALL@ and @REMOVE@: the manager's own commands */
};

extern const struct script_function script_functions[]; /* the last has no name */
