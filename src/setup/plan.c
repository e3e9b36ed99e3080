/* SPDX-License-Identifier: Apache-2.0 */
#include "setup/plan.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/str.h"

const char *const *plan_words(struct plan *p, const char *const *words)
{
	const char **v;
	size_t n = 0;

	if (!words)
		return NULL;
	while (words[n])
		n++;
	v = arena_alloc(&p->arena, (n + 1) * sizeof(*v));
	for (size_t i = 0; i < n; i++)
		v[i] = arena_str(&p->arena, words[i]);
	return v;
}

const struct op_choice *plan_choices(struct plan *p, const char *const *const *lists, size_t n)
{
	struct op_choice *v = arena_alloc(&p->arena, n * sizeof(*v));

	for (size_t i = 0; i < n; i++)
		v[i].packages = plan_words(p, lists[i]);
	return v;
}

struct op *plan_add(struct plan *p, const struct op *o)
{
	struct op *ret;

	p->ops = arena_grow(&p->arena, p->ops, p->n, sizeof(*p->ops));
	ret = &p->ops[p->n++];
	p->states = NULL;
	*ret = *o;
	ret->why = arena_str(&p->arena, o->why);
	ret->path = arena_str(&p->arena, o->path);
	ret->text = arena_str(&p->arena, o->text);
	ret->url = arena_str(&p->arena, o->url);
	ret->name = arena_str(&p->arena, o->name);
	ret->user = arena_str(&p->arena, o->user);
	ret->words = plan_words(p, o->words);
	ret->undo = plan_words(p, o->undo);
	return ret;
}

void plan_note(struct plan *p, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	p->notes = arena_grow(&p->arena, p->notes, p->notes_n, sizeof(*p->notes));
	p->notes[p->notes_n++] = arena_str(&p->arena, text);
}

void plan_fini(struct plan *p)
{
	arena_fini(&p->arena);
	*p = (struct plan){0};
}
