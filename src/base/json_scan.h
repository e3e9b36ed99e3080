/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/json_edit.h"
#include "base/str.h"

/*
 * Where the values of a JSON text lie, for json_edit. A position counts from the beginning of the
 * object or list that holds the value, so that a change moves the values behind it in the same
 * list, and nothing in them.
 */

enum { JSON_LEVELS = 64 };

struct json_item {
	uint32_t key; /* where its key begins, with the quote; 0: it has none */
	uint32_t key_len;
	uint32_t hash; /* of the key's text */
	uint32_t start;
	uint32_t len;
	uint32_t first; /* numbers of items; 0: none */
	uint32_t next;
	uint32_t n;
};

/*
 * Read one value, which has to be the whole text, into new items at the end of l; *ret is its
 * number, and its start is 0. level: how many objects and lists it stands in. ERR_PARSE; name is
 * put before the position.
 */
int json_scan(struct json_items *l, const char *text, size_t len, size_t level, const char *name,
	      uint32_t *ret, struct err *e) MUST_USE;

/* Does a key as it is written, with quotes, mean this text? */
bool json_key_is(const char *raw, size_t len, const char *key);
uint32_t json_key_hash(const char *key);

/* The text of a string that json_scan took, from between its quotes. May hold '\0' (\u0000). */
void json_unescape(const char *raw, size_t len, struct buf *ret);
