/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/doc.h"
#include "base/err.h"

/* A TOML text as a tree that also knows where everything stands, for toml_read and the edits. */

enum toml_made {
	TOML_VALUE,  /* a scalar or a list in brackets */
	TOML_INLINE, /* a table in braces: closed for good */
	TOML_DOTTED, /* a table that dotted keys made */
	TOML_PARENT, /* a table that only headers of tables in it made */
	TOML_TABLE,  /* a table with a header of its own; the top */
	TOML_TABLES, /* the list of [[...]] */
};

struct toml_node {
	struct doc_node n; /* the first member: a doc_node is its toml_node */
	enum toml_made made;
	struct toml_node *last; /* of the entries */
	struct toml_node *bucket;
	struct toml_node *parent;

	/* A key with its value, in a table or in braces: offsets in the text. */
	bool is_entry;
	size_t key;	/* the first of its dotted keys */
	size_t key_end; /* behind the last of them */
	size_t value;
	size_t value_end;
	struct toml_node *in; /* the table whose lines it stands in */

	/* A table with lines of its own. */
	size_t header;	   /* its '[' */
	size_t header_end; /* behind its ']'; both 0 for the top */
	struct toml_node *last_entry;
};

static inline struct toml_node *toml_first(const struct toml_node *n)
{
	return (struct toml_node *)n->n.first;
}

static inline struct toml_node *toml_next(const struct toml_node *n)
{
	return (struct toml_node *)n->n.next;
}

struct toml_node *toml_get(const struct toml_node *table, const char *key); /* NULL: absent */

/* toml_read, whose tree consists of struct toml_node. */
int toml_tree(const char *text, size_t len, const char *name, struct doc *ret, struct err *e)
	MUST_USE;
