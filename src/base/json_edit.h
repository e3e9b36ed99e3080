/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

/*
 * A JSON text that is changed in places: what is not touched stays byte for byte, with its order,
 * numbers, escapes and spacing. New members and elements take the indentation of their neighbours.
 *
 * How this works: the text is kept as it is, beside a table of where each value lies; each call
 * finds the place by a path of keys ("hooks", "prestart"; an element of a list is its index as
 * text) and splices the new text in. So a call costs the length of the path, not of the text.
 */
struct json_item;
struct json_items {
	struct json_item *v;
	uint32_t n;
	uint32_t cap;
};

struct json_edit {
	struct buf text; /* valid JSON at any time */
	struct json_items items;
	uint32_t top;
};

/*
 * Take a text of at most max bytes. ERR_PARSE with NAME:LINE:COL when it is not one JSON value
 * (no comments, no duplicate keys, at most 64 levels). An empty text counts as {}.
 */
int json_edit_open(struct json_edit *j, const char *text, size_t len, size_t max, const char *name,
		   struct err *e) MUST_USE;
void json_edit_close(struct json_edit *j);

/*
 * Paths are NULL-terminated lists of keys. Where the value lies, up to the next change; false:
 * there is none.
 */
bool json_edit_find(const struct json_edit *j, const char *const *path, const char **ret,
		    size_t *ret_len);
/* Elements of a list or members of an object; 0 when there is none. */
size_t json_edit_count(const struct json_edit *j, const char *const *path);
/* A string's text without escapes, NULL when it is no string, or one with \u0000. The caller's. */
char *json_edit_string(const struct json_edit *j, const char *const *path) MUST_USE;

/*
 * Set a member to a JSON value, making objects on the way (null counts as missing). ERR_CONFIG when
 * something on the way is neither an object nor a list with that index. value is JSON text
 * (ERR_PARSE: it is not), which is laid out like its neighbours; json_quote makes strings.
 */
int json_edit_set(struct json_edit *j, const char *const *path, const char *value, struct err *e)
	MUST_USE;
/* Append to the list at path, which is made when it is missing. */
int json_edit_append(struct json_edit *j, const char *const *path, const char *value, struct err *e)
	MUST_USE;
/* Put a new element before the one at path, whose last key is an index. ERR_CONFIG: none there. */
int json_edit_insert(struct json_edit *j, const char *const *path, const char *value, struct err *e)
	MUST_USE;
/* Remove a member or an element, with its comma. Nothing there is no error. */
int json_edit_remove(struct json_edit *j, const char *const *path, struct err *e) MUST_USE;

/* s as a JSON string with its quotes; only what must be is escaped. The caller's. */
char *json_quote(const char *s) MUST_USE;
