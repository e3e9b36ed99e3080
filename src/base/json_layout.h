/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/json_edit.h"
#include "base/json_scan.h"

/* How a JSON text is laid out at a place, and new text laid out in the same way. */

/* The values on the way to a place, from the top, and where they begin in the text. */
struct json_way {
	uint32_t item[JSON_LEVELS + 1];
	size_t at[JSON_LEVELS + 1];
	size_t n;
};

struct json_layout {
	bool lines;	     /* each member stands on a line of its own */
	const char *newline; /* "\n" or "\r\n" */
	char indent[256];    /* of the members of the last object or list of the way */
	char outer[256];     /* of its closing bracket */
	char unit[64];
	char colon[16]; /* ": ", with the spaces that neighbours have */
	char comma[16]; /* what parts members on one line: ", " */
};

/* The layout of the members of the last object or list of a way. */
void json_layout_at(const struct json_edit *j, const struct json_way *w, struct json_layout *ret);

/* A value (JSON that json_scan took) laid out to stand behind l->indent. */
void json_layout_value(const struct json_layout *l, const char *text,
		       const struct json_items *items, uint32_t value, struct buf *ret);
