/* SPDX-License-Identifier: Apache-2.0 */
#include "pkg/text_line.h"

#include <string.h>
#include <strings.h>

bool line_next(const char **text, struct text_line *ret)
{
	if (!**text)
		return false;
	ret->at = *text;
	ret->len = strcspn(*text, "\n");
	*text += ret->len + ((*text)[ret->len] == '\n');
	return true;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

bool line_is_blank(const struct text_line *l)
{
	for (size_t i = 0; i < l->len; i++)
		if (!is_space(l->at[i]))
			return false;
	return true;
}

bool line_has(const struct text_line *l, const char *text)
{
	return memmem(l->at, l->len, text, strlen(text)) != NULL;
}

bool line_is_word(const struct text_line *l, const char *word)
{
	return l->len == strlen(word) && !strncasecmp(l->at, word, l->len);
}

bool line_is_no(const struct text_line *l)
{
	return line_is_word(l, "no") || line_is_word(l, "0") || line_is_word(l, "false") ||
	       line_is_word(l, "off");
}

bool line_value(const struct text_line *l, const char *key, char sign, struct text_line *ret)
{
	size_t n = strlen(key);
	const char *end = l->at + l->len;
	const char *p = l->at + n;

	if (l->len <= n || strncasecmp(l->at, key, n) != 0)
		return false;
	while (p < end && is_space(*p))
		p++;
	if (p == end || *p != sign)
		return false;
	for (p++; p < end && is_space(*p);)
		p++;
	while (end > p && is_space(end[-1]))
		end--;
	*ret = (struct text_line){p, (size_t)(end - p)};
	return true;
}

bool line_word(const struct text_line *l, size_t *at, struct text_line *ret)
{
	size_t i = *at;

	while (i < l->len && (is_space(l->at[i]) || l->at[i] == ','))
		i++;
	*ret = (struct text_line){l->at + i, 0};
	while (i < l->len && !is_space(l->at[i]) && l->at[i] != ',') {
		i++;
		ret->len++;
	}
	*at = i;
	return ret->len > 0;
}
