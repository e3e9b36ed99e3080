/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/doc.h"
#include "base/err.h"
#include "base/str.h"

/* The words of TOML: spaces, comments, keys, strings, numbers, dates. */

struct toml_scan {
	const char *text;
	const char *p;
	const char *end;
	const char *name;
	struct err *e;
	const char *counted; /* up to here row and col are counted */
	int row;
	int col;
};

struct toml_scan toml_scan_of(const char *text, size_t len, const char *name, struct err *e);

/* ERR_PARSE "NAME:LINE:COL: what" at s->p; what is N_() marked. */
int toml_wrong(struct toml_scan *s, const char *what);

/* Line and column of s->p, which only moves forward between the calls. */
void toml_position(struct toml_scan *s, int *ret_line, int *ret_col);

static inline bool toml_at(const struct toml_scan *s, char c)
{
	return s->p < s->end && *s->p == c;
}

/* Spaces and tabs. */
void toml_space(struct toml_scan *s);
/* Spaces, and then a comment and the end of the line, or the end of the text. */
int toml_line_end(struct toml_scan *s) MUST_USE;
/* Spaces, comments and empty lines, as many as there are. */
int toml_blank(struct toml_scan *s) MUST_USE;

/* One part of a key: bare or quoted. */
int toml_key(struct toml_scan *s, struct buf *ret) MUST_USE;
/* Any of the four kinds of strings; s->p is at its quote. */
int toml_string(struct toml_scan *s, struct buf *ret) MUST_USE;
/* A number, a boolean, a date or a time, as the tree spells it (toml.h). */
int toml_scalar(struct toml_scan *s, enum doc_kind *ret, struct buf *ret_text) MUST_USE;

bool toml_is_bare(char c);
