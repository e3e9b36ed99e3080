/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/text.h"

enum { TIME_LEN = 32 };

static const void *cell_at(const struct column *col, const void *row)
{
	return (const char *)row + col->offset;
}

static char *time_text(int64_t seconds, bool utc)
{
	time_t t = (time_t)seconds;
	char text[TIME_LEN];
	struct tm tm;

	if (!(utc ? gmtime_r(&t, &tm) : localtime_r(&t, &tm)))
		return str_dup("-");
	(void)strftime(text, sizeof(text), utc ? "%Y-%m-%dT%H:%M:%SZ" : "%Y-%m-%d %H:%M", &tm);
	return str_dup(text);
}

static char *maybe_text(int64_t value, bool bytes)
{
	if (value < 0)
		return str_dup("-");
	return bytes ? str_size((uint64_t)value) : str_fmt("%lld", (long long)value);
}

/* The cell as people read it; the caller frees it. */
static char *cell_text(const struct column *col, const void *row)
{
	const void *at = cell_at(col, row);
	CLEANUP(buf_fini) struct buf clean = {0};
	const char *s;

	switch (col->type) {
	case COL_STR:
	case COL_CHARS:
		s = col->type == COL_STR ? *(const char *const *)at : at;
		text_clean(&clean, s && *s ? s : "-");
		return str_dup(clean.data);
	case COL_UINT:
		return str_fmt("%llu", (unsigned long long)*(const uint64_t *)at);
	case COL_INT:
		return str_fmt("%d", *(const int *)at);
	case COL_SIZE:
		return str_size(*(const uint64_t *)at);
	case COL_BOOL:
		return str_dup(*(const bool *)at ? _("yes") : _("no"));
	case COL_TIME:
		if (*(const int64_t *)at == 0)
			return str_dup("-");
		return time_text(*(const int64_t *)at, false);
	case COL_MAYBE:
	case COL_MAYBE_SIZE:
		return maybe_text(*(const int64_t *)at, col->type == COL_MAYBE_SIZE);
	}
	return str_dup("");
}

static json_t *cell_json(const struct column *col, const void *row)
{
	const void *at = cell_at(col, row);
	CLEANUP(freep) char *text = NULL;
	const char *s;

	switch (col->type) {
	case COL_STR:
	case COL_CHARS:
		s = col->type == COL_STR ? *(const char *const *)at : at;
		return s ? json_string(s) : json_null();
	case COL_UINT:
	case COL_SIZE:
		return json_integer((json_int_t) * (const uint64_t *)at);
	case COL_INT:
		return json_integer(*(const int *)at);
	case COL_BOOL:
		return json_boolean(*(const bool *)at);
	case COL_TIME:
		if (*(const int64_t *)at == 0)
			return json_null();
		text = time_text(*(const int64_t *)at, true);
		return json_string(text);
	case COL_MAYBE:
	case COL_MAYBE_SIZE:
		if (*(const int64_t *)at < 0)
			return json_null();
		return json_integer((json_int_t) * (const int64_t *)at);
	}
	return json_null();
}

json_t *column_json(const struct column *columns, const void *row)
{
	json_t *o = json_object();

	for (const struct column *col = columns; col->key; col++) {
		json_t *value;

		if (col->flags & COL_TEXT_ONLY)
			continue;
		value = cell_json(col, row);
		/* NULL: bytes that are not UTF-8, which JSON cannot say. */
		(void)json_object_set_new(o, col->key, value ? value : json_null());
	}
	return o;
}

json_t *column_json_list(const struct column *columns, const void *rows, size_t n, size_t row_size)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(
			list, column_json(columns, (const char *)rows + i * row_size));
	return list;
}

static bool is_number(const struct column *col)
{
	return col->type == COL_UINT || col->type == COL_INT || col->type == COL_SIZE ||
	       col->type == COL_MAYBE || col->type == COL_MAYBE_SIZE;
}

/* The columns of the text form, and how wide each has to be. */
struct layout {
	const struct column **columns;
	size_t *cells;
	size_t n;
};

static void widen(size_t *cells, const char *text)
{
	size_t width = str_width(text);

	if (width > *cells)
		*cells = width;
}

static void layout_init(struct layout *l, const struct column *columns, const void *rows, size_t n,
			size_t row_size)
{
	size_t all = 0;

	while (columns[all].key)
		all++;
	l->columns = mem_alloc((all + 1) * sizeof(*l->columns));
	l->cells = mem_alloc((all + 1) * sizeof(*l->cells));
	for (const struct column *col = columns; col->key; col++) {
		if (col->flags & COL_JSON_ONLY)
			continue;
		l->columns[l->n] = col;
		widen(&l->cells[l->n], tr(col->title));
		for (size_t i = 0; i < n; i++) {
			CLEANUP(freep)
			char *text = cell_text(col, (const char *)rows + i * row_size);

			widen(&l->cells[l->n], text);
		}
		l->n++;
	}
}

static void layout_fini(struct layout *l)
{
	freep(&l->columns);
	freep(&l->cells);
}

/* One line: the headings (row NULL) or a row. The last column is not padded. */
static void print_row(const struct layout *l, const void *row)
{
	CLEANUP(buf_fini) struct buf line = {0};

	for (size_t i = 0; i < l->n; i++) {
		const struct column *col = l->columns[i];
		CLEANUP(freep)
		char *text = row ? cell_text(col, row) : str_dup(tr(col->title));
		size_t width = str_width(text);

		if (i)
			buf_str(&line, "  ");
		if (is_number(col))
			text_pad(&line, width, l->cells[i]);
		buf_str(&line, text);
		if (!is_number(col) && i + 1 < l->n)
			text_pad(&line, width, l->cells[i]);
	}
	(void)printf("%s\n", line.data ? line.data : "");
}

static void print_first_column(const struct column *columns, const void *row)
{
	CLEANUP(freep) char *text = cell_text(&columns[0], row);

	(void)printf("%s\n", text);
}

void cli_table(struct cli *c, const struct column *columns, const void *rows, size_t n,
	       size_t row_size)
{
	CLEANUP(layout_fini) struct layout l = {0};

	if (c->g.json) {
		cli_answer(c, column_json_list(columns, rows, n, row_size));
		return;
	}
	renderer_clear(c->renderer);
	if (!c->g.quiet) {
		layout_init(&l, columns, rows, n, row_size);
		print_row(&l, NULL);
	}
	for (size_t i = 0; i < n; i++) {
		const void *row = (const char *)rows + i * row_size;

		if (c->g.quiet)
			print_first_column(columns, row);
		else
			print_row(&l, row);
	}
}

void cli_record(struct cli *c, const struct column *columns, const void *row)
{
	size_t cells = 0;

	if (c->g.json) {
		cli_answer(c, column_json(columns, row));
		return;
	}
	renderer_clear(c->renderer);
	for (const struct column *col = columns; col->key; col++)
		if (!(col->flags & COL_JSON_ONLY))
			widen(&cells, tr(col->title));
	for (const struct column *col = columns; col->key; col++) {
		CLEANUP(buf_fini) struct buf line = {0};
		CLEANUP(freep) char *text = cell_text(col, row);

		if (col->flags & COL_JSON_ONLY)
			continue;
		buf_str(&line, tr(col->title));
		text_pad(&line, str_width(line.data), cells);
		(void)printf("%s  %s\n", line.data, text);
	}
}
