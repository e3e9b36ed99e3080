/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"

/*
 * Text that came from outside, as one tree, whether it was YAML (libyaml) or
 * JSON (jansson); and row tables that decode the tree into a struct. Scalars
 * keep the text as written, so that "3.10" stays "3.10" and "no" stays "no"
 * until a row asks for a number or a boolean.
 */

enum doc_kind { DOC_NULL, DOC_BOOL, DOC_NUMBER, DOC_STRING, DOC_LIST, DOC_MAP };

struct doc_node {
	enum doc_kind
		kind;	  /* YAML scalars that are not quoted are typed by YAML 1.2's core rules */
	const char *key;  /* in a map: this entry's key */
	const char *text; /* scalars: as written (JSON's null: "") */
	int line;	  /* from 1; 0 when the reader does not know */
	int col;
	int key_line; /* in a map: where the key stands */
	int key_col;
	struct doc_node *first; /* lists and maps: entries in order */
	struct doc_node *next;
	size_t n;
};

struct doc {
	const char *name; /* for messages: the file's name */
	struct doc_node *top;
	struct arena arena;
};

/*
 * Both refuse: more than 4 MiB, NUL bytes, duplicate keys, more than 64 levels, invalid UTF-8, more
 * than one document, and (YAML) anchors, aliases and tags. ERR_PARSE with "NAME:LINE:COL: what is
 * wrong". An empty YAML text gives an empty map.
 */
int doc_yaml(const char *text, size_t len, const char *name, struct doc *ret, struct err *e)
	MUST_USE;
int doc_json(const char *text, size_t len, const char *name, struct doc *ret, struct err *e)
	MUST_USE;
/* doc_json of what jansson has read or made already. */
struct json_t;
int doc_of_json(const struct json_t *j, const char *name, struct doc *ret, struct err *e) MUST_USE;
void doc_fini(struct doc *d);

/* A scalar without a position, typed like YAML's unquoted ones. The text is copied into a. */
struct doc_node *doc_scalar(struct arena *a, const char *text) MUST_USE;

const struct doc_node *doc_get(const struct doc_node *map, const char *key); /* NULL: absent */

/*
 * An ERR_CONFIG that begins with "NAME:LINE:COL: ". doc_err points at the value,
 * doc_err_key at the entry's key. n may be NULL: the document as a whole.
 */
int doc_err(const struct doc *d, const struct doc_node *n, struct err *e, const char *fmt, ...)
	FORMAT(4, 5);
int doc_err_key(const struct doc *d, const struct doc_node *n, struct err *e, const char *fmt, ...)
	FORMAT(4, 5);

/* The one of the known words that was probably meant by an unknown one, or NULL. */
const char *word_nearest(const char *word, const char *const *known, size_t n);

/*
 * Decoding. A row says which key goes where and how. Fields absent from the
 * document are left alone, so a struct may be filled from several layers; so
 * are those whose value is empty or null (a DOC_AS_STR takes YAML's plain ~ and
 * null as they are written).
 */
enum doc_type {
	DOC_AS_STR,   /* const char *: the scalar's text */
	DOC_AS_BOOL,  /* bool: true or false */
	DOC_AS_INT,   /* int64_t */
	DOC_AS_UINT,  /* uint64_t */
	DOC_AS_SIZE,  /* uint64_t bytes, through parse_size */
	DOC_AS_STRS,  /* const char **: NULL-terminated; one scalar counts as a list of one */
	DOC_AS_MAP,   /* a struct embedded at offset, decoded by rows */
	DOC_AS_LIST,  /* struct doc_list of structs of item_size, decoded by rows */
	DOC_AS_PAIRS, /* struct doc_pairs: any keys with scalar values */
	DOC_AS_NODE,  /* const struct doc_node *: as it is */
	DOC_AS_ENUM,  /* int: index of the text in names */
};

enum doc_flags {
	DOC_REQUIRED = 1 << 0,
	DOC_IGNORED = 1 << 1, /* known, accepted, not decoded */
};

struct doc_list {
	void *items; /* in the arena */
	size_t n;
};

struct doc_pair {
	const char *key;
	const char *value;
};

struct doc_pairs {
	struct doc_pair *items;
	size_t n;
};

struct doc_row {
	const char *key;
	enum doc_type type;
	size_t offset;
	unsigned int flags;
	const struct doc_row *rows; /* DOC_AS_MAP, DOC_AS_LIST: ends with a row without key */
	size_t item_size;	    /* DOC_AS_LIST */
	const char *const *names;   /* DOC_AS_ENUM: NULL-terminated */
};

enum doc_decode_flags {
	DOC_OPEN = 1 << 0, /* unknown keys are ignored (OCI documents) instead of errors */
};

/*
 * Decode map into *target. Texts, lists and structs point into a. ERR_CONFIG
 * with position: unknown key (with the nearest known one as the hint), wrong
 * kind, value out of range, missing required key.
 */
int doc_decode(const struct doc *d, const struct doc_node *map, const struct doc_row *rows,
	       unsigned int flags, void *target, struct arena *a, struct err *e) MUST_USE;
