/* SPDX-License-Identifier: Apache-2.0 */
#include "compat/table.h"

#include <string.h>

#include "base/str.h"

static const char date_mark[] = "# date ";

const struct table *table_find(const char *name)
{
	for (size_t i = 0; i < tables_n; i++)
		if (str_eq(tables[i].name, name))
			return &tables[i];
	return NULL;
}

size_t table_column(const struct table *t, const char *column)
{
	size_t i = 0;

	while (i < t->columns_n && !str_eq(t->columns[i], column))
		i++;
	return i;
}

/* Cut a line at its tabs; the cells point into a copy of it. */
static size_t split(const char *line, size_t len, struct arena *a, const char *cells[TSV_COLUMNS])
{
	char *text = arena_strn(a, line, len);
	size_t n = 0;

	for (;;) {
		char *tab = strchr(text, '\t');

		if (n == TSV_COLUMNS)
			return n + 1;
		cells[n++] = text;
		if (!tab)
			return n;
		*tab = '\0';
		text = tab + 1;
	}
}

static const char **keep(struct arena *a, const char *const *cells, size_t n)
{
	const char **kept = arena_alloc(a, (n + 1) * sizeof(*kept));

	memcpy(kept, cells, n * sizeof(*kept));
	return kept;
}

static int take_columns(struct tsv *t, const char *const *cells, size_t n, int line, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (!*cells[i])
			return err_set(e, ERR_PARSE, "%s:%d: column %zu has no name", t->file, line,
				       i + 1);
		for (size_t j = 0; j < i; j++)
			if (str_eq(cells[i], cells[j]))
				return err_set(e, ERR_PARSE,
					       "%s:%d: the column '%.40s' is there twice", t->file,
					       line, cells[i]);
	}
	return 0;
}

static int take_line(struct tsv *t, const char *line, size_t len, int number, struct arena *a,
		     struct err *e)
{
	const char *cells[TSV_COLUMNS];
	size_t n = split(line, len, a, cells);

	if (n > TSV_COLUMNS)
		return err_set(e, ERR_PARSE, "%s:%d: more than %d cells", t->file, number,
			       TSV_COLUMNS);
	if (!t->columns_n) {
		if (take_columns(t, cells, n, number, e) < 0)
			return -(int)e->code;
		t->columns = keep(a, cells, n);
		t->columns_n = n;
		return 0;
	}
	if (n != t->columns_n)
		return err_set(e, ERR_PARSE, "%s:%d: %zu cells where the heading has %zu", t->file,
			       number, n, t->columns_n);
	if (t->rows_n == TSV_ROWS)
		return err_set(e, ERR_PARSE, "%s:%d: more than %d rows", t->file, number, TSV_ROWS);
	t->rows[t->rows_n++] = (struct tsv_row){.line = number, .cells = keep(a, cells, n)};
	return 0;
}

static size_t lines_in(const char *text, size_t len)
{
	size_t n = 1;

	for (size_t i = 0; i < len; i++)
		n += text[i] == '\n';
	return n < TSV_ROWS ? n : TSV_ROWS;
}

int tsv_read(const char *text, size_t len, const char *file, struct arena *a, struct tsv *ret,
	     struct err *e)
{
	struct tsv t = {.file = arena_str(a, file)};
	int number = 0;

	if (len > TSV_BYTES)
		return err_set(e, ERR_PARSE, "%s:1: larger than %d bytes", file, TSV_BYTES);
	t.rows = arena_alloc(a, lines_in(text, len) * sizeof(*t.rows));
	for (const char *p = text; p < text + len;) {
		const char *end = memchr(p, '\n', (size_t)(text + len - p));
		size_t n = end ? (size_t)(end - p) : (size_t)(text + len - p);

		number++;
		if (memchr(p, '\0', n) || memchr(p, '\r', n))
			return err_set(e, ERR_PARSE, "%s:%d: a NUL or a carriage return", file,
				       number);
		if (n >= sizeof(date_mark) && memcmp(p, date_mark, sizeof(date_mark) - 1) == 0)
			t.date = arena_strn(a, p + sizeof(date_mark) - 1,
					    n - (sizeof(date_mark) - 1));
		else if (n && *p != '#' && take_line(&t, p, n, number, a, e) < 0)
			return -(int)e->code;
		p += n + 1;
	}
	if (!t.columns_n)
		return err_set(e, ERR_PARSE, "%s:1: there is no line of column names", file);
	*ret = t;
	return 0;
}
