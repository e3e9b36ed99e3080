/* SPDX-License-Identifier: Apache-2.0 */
#include "setup/subids.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* As login.defs has it (SUB_UID_MIN, SUB_UID_MAX): above it lie ids of systemd and of LDAP. */
enum { FIRST = 100000, LAST = 600100000 };

/* The range of a line; false: it has none that could be read. */
static bool range_of(const char *line, uint64_t *ret_start, uint64_t *ret_end)
{
	CLEANUP(freep) char *copy = str_fmt("%.*s", (int)strcspn(line, "\n"), line);
	char *start = strchr(copy, ':');
	char *count = start ? strchr(start + 1, ':') : NULL;
	struct err e;
	uint64_t n;

	if (!count)
		return false;
	*count++ = '\0';
	count[strcspn(count, " \t\r")] = '\0';
	if (parse_uint(start + 1, UINT32_MAX, "id", ret_start, &e) < 0 ||
	    parse_uint(count, UINT32_MAX, "count", &n, &e) < 0)
		return false;
	*ret_end = *ret_start + n;
	return n > 0;
}

static const char *next_line(const char *l)
{
	l += strcspn(l, "\n");
	return l + (*l == '\n');
}

/* Where a range that begins at start runs into another one: that one's end; 0: nowhere. */
static uint64_t clash(const char *text, uint64_t start)
{
	for (const char *l = text; *l; l = next_line(l)) {
		uint64_t from;
		uint64_t end;

		if (range_of(l, &from, &end) && from < start + SUBIDS_N && start < end)
			return end;
	}
	return 0;
}

/* The user's own range in the other file, where nobody has it in this one; 0: there is none. */
static uint32_t same_as(const char *text, const char *other, const char *name)
{
	size_t n = strlen(name);

	for (const char *l = other; *l; l = next_line(l)) {
		uint64_t from;
		uint64_t end;

		if (strncmp(l, name, n) == 0 && l[n] == ':' && range_of(l, &from, &end) &&
		    from + SUBIDS_N <= end && end <= UINT32_MAX && !clash(text, from))
			return (uint32_t)from;
	}
	return 0;
}

uint32_t subids_free(const char *text, const char *other, const char *name)
{
	uint64_t start = same_as(text, other, name);

	if (start)
		return (uint32_t)start;
	for (start = FIRST; start + SUBIDS_N <= (uint64_t)LAST + 1;) {
		uint64_t end = clash(text, start);

		if (!end)
			end = clash(other, start);
		if (!end)
			return (uint32_t)start;
		start = end;
	}
	return 0;
}

char *subids_add(const char *text, const char *line)
{
	size_t n = strlen(text);

	return str_fmt("%s%s%s\n", text, n && text[n - 1] != '\n' ? "\n" : "", line);
}

char *subids_remove(const char *text, const char *line)
{
	size_t n = strlen(line);

	for (const char *l = text; *l; l = next_line(l))
		if (strncmp(l, line, n) == 0 && (l[n] == '\n' || !l[n]))
			return str_fmt("%.*s%s", (int)(l - text), text, next_line(l));
	return NULL;
}
