/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: each part has a file of its own and is optional, so what
 * fails is warned about and the rest is made. The order matters: the loader's
 * cache is made of what the links show.
 */
#include "cdi/tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "cdi/tree_parts.h"

void tree_warn(const struct tree_place *p, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	if (!p->warn)
		return;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	p->warn(p->warn_arg, text);
}

int tree_make(const struct tree_place *p, const struct tree_edits *t, struct err *e)
{
	struct stat st;

	if (tree_check(t, e) < 0)
		return -(int)e->code;
	if (fstat(p->root, &st) < 0 || !S_ISDIR(st.st_mode))
		return err_set(e, ERR_RUNTIME, "the container's root is not a folder");
	tree_make_links(p, t);
	tree_make_modes(p, t);
	tree_make_loader(p, t);
	if (t->params)
		tree_make_params(p);
	if (t->profile)
		tree_make_profile(p, t);
	return 0;
}
