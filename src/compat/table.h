/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/mem.h"

/* Fact tables as text cells: those of data/ compiled in, and a user's own, read when dlenv runs. */

/* What tools/tsv2c.py makes of a file of data/. */
struct table {
	const char *name; /* the file's, without .tsv */
	const char *date; /* on which its facts were collected */
	const char *const *columns;
	size_t columns_n;
	const uint32_t *cells; /* row by row: where in pool the cell's text begins */
	size_t rows;
	const char *pool;
};

extern const struct table tables[];
extern const size_t tables_n;

static inline const char *table_cell(const struct table *t, size_t row, size_t column)
{
	return t->pool + t->cells[row * t->columns_n + column];
}

const struct table *table_find(const char *name); /* NULL: there is none */
/* The column's index; columns_n when there is none of that name. */
size_t table_column(const struct table *t, const char *column);

/* A table that was read from a file. */
struct tsv_row {
	int line;
	const char **cells; /* columns_n */
};

struct tsv {
	const char *file;
	const char *date; /* or NULL */
	const char **columns;
	size_t columns_n;
	struct tsv_row *rows;
	size_t rows_n;
};

/* More is refused. */
enum { TSV_BYTES = 1 << 20, TSV_ROWS = 8192, TSV_COLUMNS = 32 };

/*
 * Read a table: a line of column names, then rows of as many cells, separated by tabs. Empty lines
 * and lines that begin with # are left out, but for "# date YYYY-MM-DD". Everything lies in a.
 * ERR_PARSE that begins with "FILE:LINE: ".
 */
int tsv_read(const char *text, size_t len, const char *file, struct arena *a, struct tsv *ret,
	     struct err *e) MUST_USE;
