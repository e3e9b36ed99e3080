/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

char *str_fmt(const char *fmt, ...) FORMAT(1, 2) MUST_USE;
char *str_dup(const char *s) MUST_USE;	   /* NULL stays NULL */
bool str_eq(const char *a, const char *b); /* NULL equals only NULL */
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);

/* Cells that a UTF-8 text takes on a terminal: CJK letters take two. */
size_t str_width(const char *s);

/* How long the UTF-8 sequence at p is, a letter above ASCII; 0: there is none before end. */
size_t str_utf8(const char *p, const char *end);

/* Is the word one of those of a list with sep between them ("a,b")? */
bool str_list_has(const char *list, char sep, const char *word);

/* How many single-letter edits lie between two words (for "did you mean"). */
size_t str_distance(const char *a, const char *b);

/* A growing text, always terminated. max bounds it (0: no bound). */
struct buf {
	char *data;
	size_t len;
	size_t cap;
	size_t max;
	bool full; /* something did not fit in max and was dropped */
};

void buf_add(struct buf *b, const void *data, size_t n);
void buf_str(struct buf *b, const char *s);
void buf_fmt(struct buf *b, const char *fmt, ...) FORMAT(2, 3);
void buf_hex(struct buf *b, uint64_t value);	 /* as %llx, and quicker */
void buf_shell(struct buf *b, const char *word); /* quoted for a shell, where it must be */
void buf_fini(struct buf *b);

/* A list of texts that it owns, NULL-terminated in v: an argument vector. */
struct strs {
	char **v;
	size_t n;
};

void strs_add(struct strs *l, const char *s);
void strs_fmt(struct strs *l, const char *fmt, ...) FORMAT(2, 3);
void strs_add_all(struct strs *l, const char *const *v); /* up to NULL */
bool strs_has(const struct strs *l, const char *s);
void strs_fini(struct strs *l);

/*
 * A decimal number without sign, space or leftover text, at most max.
 * ERR_PARSE otherwise; what names the value in the message.
 */
int parse_uint(const char *s, uint64_t max, const char *what, uint64_t *ret, struct err *e)
	MUST_USE;

/* A size in bytes: a number with K, M, G or T (powers of 1024; KiB and KB mean the same). */
int parse_size(const char *s, uint64_t *ret, struct err *e) MUST_USE;

/* A size for people: "2.9 GiB". The text is the caller's. */
char *str_size(uint64_t bytes) MUST_USE;

/* A number such as 2 or 1.5, at most 15 digits, without sign. ERR_PARSE otherwise. */
int parse_decimal(const char *s, const char *what, double *ret, struct err *e) MUST_USE;
