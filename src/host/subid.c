/* SPDX-License-Identifier: Apache-2.0 */
#include "host/subid.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { SUBID_FILE_MAX = 4 << 20, SUBID_NEEDED = 65536 };

/* NAME:START:COUNT, cut up in place; false for a comment or a malformed line. */
static bool line_parse(char *line, const char **ret_who, struct subid *ret)
{
	char *start = strchr(line, ':');
	char *count = start ? strchr(start + 1, ':') : NULL;
	struct err e;
	uint64_t first;
	uint64_t n;

	if (!count)
		return false;
	*start++ = '\0';
	*count++ = '\0';
	count[strcspn(count, " \t\r")] = '\0';
	if (parse_uint(start, UINT32_MAX, "id", &first, &e) < 0 ||
	    parse_uint(count, UINT32_MAX, "count", &n, &e) < 0 || first + n > UINT32_MAX)
		return false;
	*ret_who = line;
	*ret = (struct subid){(uint32_t)first, (uint32_t)n};
	return true;
}

static int no_range(const char *file, const struct user *u, const struct subid *best, struct err *e)
{
	const char *kind = str_ends(file, "subgid") ? "subgids" : "subuids";

	if (best->count)
		(void)err_set(e, ERR_PRIV, "'%s' grants '%s' only %u ids: %d are needed", file,
			      u->name, best->count, (int)SUBID_NEEDED);
	else
		(void)err_set(e, ERR_PRIV, "'%s' grants '%s' no subordinate ids", file, u->name);
	return err_hint(e,
			"an administrator grants them once: sudo usermod --add-%s 100000-165535 %s "
			"(any free range)",
			kind, u->name);
}

int subid_find(const struct root *r, const char *file, const struct user *u, struct subid *ret,
	       struct err *e)
{
	CLEANUP(freep) char *text = NULL;
	CLEANUP(freep) char *number = str_fmt("%u", (unsigned int)u->uid);
	struct subid best = {0};
	char *save = NULL;

	if (root_read(r, file, SUBID_FILE_MAX, &text, e) < 0 && e->code != ERR_ABSENT)
		return -(int)e->code;
	for (char *l = text ? strtok_r(text, "\n", &save) : NULL; l;
	     l = strtok_r(NULL, "\n", &save)) {
		const char *who = NULL;
		struct subid range;

		if (line_parse(l, &who, &range) && (str_eq(who, u->name) || str_eq(who, number)) &&
		    range.count > best.count)
			best = range;
	}
	if (best.count < SUBID_NEEDED)
		return no_range(file, u, &best, e);
	*ret = best;
	return 0;
}
