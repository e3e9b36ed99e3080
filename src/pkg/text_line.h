/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Lines of sources, without their newlines, where they lie. Inside pkg/ only. */
struct text_line {
	const char *at;
	size_t len;
};

/* The next line, and *text behind it; false at the end. */
bool line_next(const char **text, struct text_line *ret);
bool line_is_blank(const struct text_line *l);
bool line_has(const struct text_line *l, const char *text);
bool line_is_word(const struct text_line *l, const char *word); /* in any case */
bool line_is_no(const struct text_line *l);
/* The value of "Key: value" or "key = value" (sign); false: it is another line. */
bool line_value(const struct text_line *l, const char *key, char sign, struct text_line *ret);
/* The next word at *at, or false; *at begins as 0. */
bool line_word(const struct text_line *l, size_t *at, struct text_line *ret);
