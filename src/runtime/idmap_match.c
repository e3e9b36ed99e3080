/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/idmap.h"

/* The next number of a map's text; false at its end. */
static bool next_number(const char **p, uint32_t *ret)
{
	CLEANUP(freep) char *word = NULL;
	uint64_t value;
	struct err ignored;
	size_t n;

	*p += strspn(*p, " \n");
	n = strcspn(*p, " \n");
	word = str_fmt("%.*s", (int)n, *p);
	*p += n;
	if (parse_uint(word, UINT32_MAX, "id", &value, &ignored) < 0)
		return false;
	*ret = (uint32_t)value;
	return true;
}

static bool map_is(pid_t pid, const char *file, const struct idmap_row *rows, size_t n)
{
	CLEANUP(freep) char *path = str_fmt("/proc/%d/%s", (int)pid, file);
	CLEANUP(freep) char *text = NULL;
	struct err ignored;
	const char *p;

	if (file_read(AT_FDCWD, path, 65536, &text, NULL, &ignored) < 0)
		return false;
	p = text;
	for (size_t i = 0; i < n; i++) {
		struct idmap_row row;

		if (!next_number(&p, &row.inside) || !next_number(&p, &row.outside) ||
		    !next_number(&p, &row.count) || memcmp(&row, &rows[i], sizeof(row)) != 0)
			return false;
	}
	return p[strspn(p, " \n")] == '\0';
}

bool idmap_matches(const struct idmap *m, pid_t pid)
{
	return map_is(pid, "uid_map", m->uid, m->uids) && map_is(pid, "gid_map", m->gid, m->gids);
}
