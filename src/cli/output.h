/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"

/*
 * What a command tells. Results go to stdout, everything else to stderr; with
 * --json stdout carries exactly one object:
 *   {"schema":"dlenv.COMMAND/1","ok":true,"data":...,"warnings":[...]}
 * Formats are given translated: cli_print(c, _("..."), ...).
 */

struct cli;

/* A line of the result on stdout. Silent with --json. */
void cli_print(struct cli *c, const char *fmt, ...) FORMAT(2, 3);

/* A line on stderr, for people: what was done. Silent with --quiet and --json. */
void cli_note(struct cli *c, const char *fmt, ...) FORMAT(2, 3);

/* A warning on stderr; also an entry of warnings in the JSON answer. */
void cli_warn(struct cli *c, const char *fmt, ...) FORMAT(2, 3);

/* A step that needed no drawing: the permanent line "  ID        text" of progress. */
void cli_step(struct cli *c, const char *id, const char *fmt, ...) FORMAT(3, 4);

/* The JSON answer: data is taken over. Nothing without --json. Once per run. */
void cli_answer(struct cli *c, json_t *data);

/*
 * Ask a yes-or-no question on the terminal: 0 for yes (or --yes). ERR_ASK when
 * the answer was no, or when there is no terminal to ask on; the hint then
 * names --yes. fmt is a whole question without "[y/N]".
 */
int cli_ask(struct cli *c, struct err *e, const char *fmt, ...) FORMAT(3, 4) MUST_USE;

/* What a column reads at its offset in a row's struct. */
enum column_type {
	COL_STR,	/* const char *; NULL is shown as "-" and is null in JSON */
	COL_CHARS,	/* char[]: text embedded in the struct */
	COL_UINT,	/* uint64_t */
	COL_INT,	/* int */
	COL_SIZE,	/* uint64_t bytes: "2.9 GiB"; the number in JSON */
	COL_BOOL,	/* bool */
	COL_TIME,	/* int64_t seconds since 1970: local time; UTC in JSON; 0 is "-" and null */
	COL_MAYBE,	/* int64_t; below 0 is "-" and null: not known */
	COL_MAYBE_SIZE, /* the same, in bytes */
};

enum column_flags {
	COL_JSON_ONLY = 1 << 0,
	COL_TEXT_ONLY = 1 << 1,
};

/* A column of a table, or a line of a record. A table of them ends with a row without key. */
struct column {
	const char *key;   /* in JSON; never translated */
	const char *title; /* N_() marked */
	enum column_type type;
	size_t offset;
	unsigned int flags;
};

/*
 * rows is an array of n structs of row_size bytes. Text: a heading and padded
 * columns; with --quiet the first column alone; with --json a list of objects.
 */
void cli_table(struct cli *c, const struct column *columns, const void *rows, size_t n,
	       size_t row_size);

/* One struct as "Title   value" lines, or as one JSON object. */
void cli_record(struct cli *c, const struct column *columns, const void *row);

/* The same as JSON, for a part of a larger answer. The caller owns the result. */
json_t *column_json(const struct column *columns, const void *row) MUST_USE;
json_t *column_json_list(const struct column *columns, const void *rows, size_t n, size_t row_size)
	MUST_USE;
