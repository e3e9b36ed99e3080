/* SPDX-License-Identifier: Apache-2.0 */
#include "base/version.h"

#include <stdbool.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Read "1.2.3" from *s on and leave *s behind it. False when a part is missing or too large. */
static bool scan(const char **s, struct version *ret)
{
	const char *p = *s;

	for (;;) {
		uint64_t value = 0;

		if (!is_digit(*p) || ret->n == VERSION_PARTS)
			return false;
		for (; is_digit(*p); p++) {
			value = value * 10 + (uint64_t)(*p - '0');
			if (value > UINT32_MAX)
				return false;
		}
		ret->part[ret->n++] = (uint32_t)value;
		*s = p;
		if (*p != '.' || !is_digit(p[1]))
			return true;
		p++;
	}
}

int version_parse(const char *s, const char *what, struct version *ret, struct err *e)
{
	struct version v = {0};
	const char *p = s;

	if (!scan(&p, &v) || *p)
		return err_set(e, ERR_PARSE, "%s '%s' is not a version", what, s);
	*ret = v;
	return 0;
}

struct version version_in(const char *s)
{
	struct version v = {0};

	while (*s && !is_digit(*s))
		s++;
	if (!*s || !scan(&s, &v))
		v.n = 0;
	return v;
}

int version_compare(const struct version *a, const struct version *b)
{
	for (size_t i = 0; i < VERSION_PARTS; i++) {
		uint32_t x = i < a->n ? a->part[i] : 0;
		uint32_t y = i < b->n ? b->part[i] : 0;

		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}
