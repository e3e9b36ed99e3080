/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/doc.h"
#include "base/str.h"

/*
 * TOML 1.0 (toml.io/en/v1.0.0), read into the same tree as YAML and JSON, and changed in places
 * like json_edit: comments, order and spacing of what is not touched stay. Debian has no TOML
 * library for C.
 */

/* ERR_PARSE with NAME:LINE:COL. Limits as doc_yaml. Dates and times are strings. */
int toml_read(const char *text, size_t len, const char *name, struct doc *ret, struct err *e)
	MUST_USE;

/*
 * Set a key to a TOML value (as text: "\"runc\"", "true", "[1, 2]"). path is the table's keys and
 * the key, NULL-terminated. A key that is there, in [table], dotted or inline form, keeps its
 * place; a new one goes behind the table's last, a new table to the end of the file.
 */
int toml_set(struct buf *text, const char *const *path, const char *value, struct err *e) MUST_USE;
/* Append a value to the list of that key, which is made when it is missing. ERR_CONFIG: no list. */
int toml_append(struct buf *text, const char *const *path, const char *value, struct err *e)
	MUST_USE;
/* A key's value as it is written, NULL when there is none or it is a table with lines. The
 * caller's. */
char *toml_value(const struct buf *text, const char *const *path) MUST_USE;
/* Remove a key, or a table with all below it and the comments that belong to it. */
int toml_remove(struct buf *text, const char *const *path, struct err *e) MUST_USE;
