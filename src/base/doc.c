/* SPDX-License-Identifier: Apache-2.0 */
#include "base/doc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "base/str.h"

void doc_fini(struct doc *d)
{
	arena_fini(&d->arena);
	*d = (struct doc){0};
}

const struct doc_node *doc_get(const struct doc_node *map, const char *key)
{
	if (!map || map->kind != DOC_MAP)
		return NULL;
	/* Most keys differ in the first letter: a configuration is read at each start. */
	for (const struct doc_node *n = map->first; n; n = n->next)
		if (n->key[0] == key[0] && str_eq(n->key, key))
			return n;
	return NULL;
}

static int err_at(const char *name, int line, int col, struct err *e, const char *what)
{
	if (line > 0)
		return err_set(e, ERR_CONFIG, "%s:%d:%d: %s", name, line, col, what);
	return err_set(e, ERR_CONFIG, "%s: %s", name, what);
}

int doc_err(const struct doc *d, const struct doc_node *n, struct err *e, const char *fmt, ...)
{
	char what[sizeof(e->msg)];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(what, sizeof(what), tr(fmt), args);
	va_end(args);
	return err_at(d->name, n ? n->line : 0, n ? n->col : 0, e, what);
}

int doc_err_key(const struct doc *d, const struct doc_node *n, struct err *e, const char *fmt, ...)
{
	bool keyed = n && n->key_line > 0;
	char what[sizeof(e->msg)];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(what, sizeof(what), tr(fmt), args);
	va_end(args);
	if (keyed)
		return err_at(d->name, n->key_line, n->key_col, e, what);
	return err_at(d->name, n ? n->line : 0, n ? n->col : 0, e, what);
}

const char *word_nearest(const char *word, const char *const *known, size_t n)
{
	size_t len = strnlen(word, 64);
	size_t limit = len / 3 > 2 ? len / 3 : len > 3 ? 2 : 1;
	const char *best = NULL;

	for (size_t i = 0; i < n; i++) {
		size_t d = str_distance(word, known[i]);

		/* One edit turns any one-letter word into any other. */
		if (d <= limit && d < strnlen(known[i], 64)) {
			best = known[i];
			limit = d ? d - 1 : 0;
		}
	}
	return best;
}
