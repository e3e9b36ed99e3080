/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_span.h"

#include <string.h>

struct scan {
	const char *p;
	const char *end;
};

static void skip_space(struct scan *s)
{
	while (s->p < s->end && strchr(" \t\r\n", *s->p) && *s->p)
		s->p++;
}

/* A string with its quotes. */
static bool skip_string(struct scan *s)
{
	if (s->p >= s->end || *s->p != '"')
		return false;
	for (s->p++; s->p < s->end; s->p++) {
		if (*s->p == '"') {
			s->p++;
			return true;
		}
		if (*s->p == '\\')
			s->p++;
	}
	return false;
}

/* Any value; brackets are only counted, the reader checks that they match. */
static bool skip_value(struct scan *s)
{
	size_t depth = 0;

	skip_space(s);
	do {
		if (s->p >= s->end)
			return false;
		switch (*s->p) {
		case '"':
			if (!skip_string(s))
				return false;
			continue;
		case '{':
		case '[':
			depth++;
			break;
		case '}':
		case ']':
			if (!depth)
				return false;
			depth--;
			break;
		case ',':
			if (!depth)
				return false;
			break;
		default:
			break;
		}
		s->p++;
	} while (depth || (s->p < s->end && !strchr(",}] \t\r\n", *s->p)));
	return true;
}

/* With s at an object: go to the value of key. */
static bool enter(struct scan *s, const char *key)
{
	size_t n = strlen(key);

	skip_space(s);
	if (s->p >= s->end || *s->p++ != '{')
		return false;
	for (;;) {
		const char *name;
		bool found;

		skip_space(s);
		name = s->p;
		if (!skip_string(s))
			return false;
		found = (size_t)(s->p - name) == n + 2 && memcmp(name + 1, key, n) == 0;
		skip_space(s);
		if (s->p >= s->end || *s->p++ != ':')
			return false;
		skip_space(s);
		if (found)
			return true;
		if (!skip_value(s))
			return false;
		skip_space(s);
		if (s->p >= s->end || *s->p++ != ',')
			return false;
	}
}

bool json_span(const char *text, size_t len, const char *const *path, size_t *ret_start,
	       size_t *ret_len)
{
	struct scan s = {text, text + len};
	const char *start;

	for (; *path; path++)
		if (!enter(&s, *path))
			return false;
	start = s.p;
	if (!skip_value(&s))
		return false;
	*ret_start = (size_t)(start - text);
	*ret_len = (size_t)(s.p - start);
	return true;
}
