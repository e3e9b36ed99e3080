/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compat/facts.h"

/* What a cell's text becomes. Inside compat/ only. */

enum cell_type {
	CELL_STR,	      /* const char * */
	CELL_HEX,	      /* uint32_t, of at most 4 hexadecimal digits; empty: 0 */
	CELL_VERSION,	      /* struct version; empty: n 0 */
	CELL_VERSION_OR_NAME, /* likewise; n 0 also for a name such as "builtin" */
	CELL_RANGES,	      /* struct ranges */
	CELL_CAPABILITIES,    /* struct capabilities */
	CELL_MODULES,	      /* unsigned int of enum flavour: y, n, required */
	CELL_FLAVOURS,	      /* likewise: both, open, proprietary */
};

enum { DECODE_COLUMNS = 16 };

struct cell_row {
	const char *column;
	enum cell_type type;
	size_t offset;
	bool key;
	bool optional; /* key: it may be missing in a user's table */
};

/* ERR_PARSE that names the column. Lists lie in a; texts stay where they are. */
int cell_decode(const struct cell_row *row, const char *text, void *item, struct arena *a,
		struct err *e) MUST_USE;

/* A built-in row of gpus.tsv, by its number. */
const struct table *gpu_table(void);
void gpu_row(struct facts *f, size_t row, struct gpu_fact *ret);
