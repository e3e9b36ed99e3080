/* SPDX-License-Identifier: Apache-2.0 */
#include "compat/answer.h"

#include "base/i18n.h"

enum { NAME_CELLS = 9 };

static char *min_text(const struct solve_answer *a)
{
	struct arena arena = {0};
	const char *text = "";
	char *copy;

	for (size_t i = 0; i < a->driver_min.n; i++)
		text = arena_fmt(&arena, i ? "%s.%02u" : "%s%u", text, a->driver_min.part[i]);
	copy = str_dup(text);
	arena_fini(&arena);
	return copy;
}

/* "[torch-gpu: frameworks torch/2.7/cu128, 2026-11-23]" */
static void add_reasons(struct buf *b, const char *indent, const struct solve_reasons *r)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct solve_reason *s = &r->v[i];

		buf_fmt(b, "%s%s [%s", indent, s->text, s->rule);
		if (s->from.table)
			buf_fmt(b, ": %s %s%s%s", s->from.file ? s->from.file : s->from.table,
				s->from.row, s->from.date ? ", " : "",
				s->from.date ? s->from.date : "");
		buf_str(b, "]\n");
	}
}

static void add_part(struct buf *b, const struct solve_answer *a, size_t var, unsigned int flags)
{
	static const char indent[] = "           ";
	const struct solve_part *p = &a->part[var];

	buf_fmt(b, "%-*s%s", NAME_CELLS, solve_names[var], p->text ? p->text : "-");
	if (var == VAR_DRIVER && a->driver_min.n) {
		CLEANUP(freep) char *min = min_text(a);

		buf_str(b, "  (");
		buf_fmt(b, _("%s or newer will do"), min);
		buf_str(b, ")");
	}
	if (p->pinned)
		buf_fmt(b, "  %s", _("as asked"));
	if (p->guess)
		buf_fmt(b, "  %s", _("a guess"));
	buf_str(b, "\n");
	if (flags & ANSWER_REASONS)
		add_reasons(b, indent, &p->reasons);
	if (!p->better || (p->text && !(flags & ANSWER_REASONS)))
		return;
	buf_str(b, "         ");
	buf_fmt(b, _("not %s:"), p->better);
	buf_str(b, "\n");
	add_reasons(b, indent, &p->against);
}

/* RAPIDS and its like are there only for those who ask; a route only where the machine is known. */
static bool is_shown(const struct solve_part *p, size_t var)
{
	if (var == VAR_RAPIDS || var == VAR_CUPY || var == VAR_DALI)
		return p->pinned;
	return (var != VAR_DISTRO && var != VAR_ROUTE) || (p->text && !str_eq(p->text, "any"));
}

static void add_conflict(struct buf *b, const struct solve_answer *a)
{
	buf_fmt(b, "%s\n", _("These exclude each other:"));
	for (size_t i = 0; i < a->members_n; i++)
		buf_fmt(b, "  %s\n", a->members[i].text);
	if (a->conflict.n)
		buf_fmt(b, "%s\n", _("because:"));
	add_reasons(b, "  ", &a->conflict);
	if (a->ways_n)
		buf_fmt(b, "%s\n", _("Ways out:"));
	for (size_t i = 0; i < a->ways_n; i++)
		buf_fmt(b, "  %s\n", a->ways[i].text);
}

void answer_text(const struct solve_answer *a, unsigned int flags, struct buf *ret)
{
	for (size_t var = 0; a->fits && var < VARS; var++)
		if (is_shown(&a->part[var], var))
			add_part(ret, a, var, flags);
	if (!a->fits)
		add_conflict(ret, a);
	for (size_t i = 0; i < a->notes_n; i++)
		buf_fmt(ret, "* %s\n", a->notes[i]);
}

char *answer_conflict(const struct solve_answer *a)
{
	CLEANUP(buf_fini) struct buf b = {0};

	for (size_t i = 0; i < a->members_n; i++)
		buf_fmt(&b, "%s%s", i ? "; " : "", a->members[i].text);
	return str_dup(b.data ? b.data : "");
}

static json_t *text_or_null(const char *s)
{
	json_t *j = s ? json_string(s) : json_null();

	return j ? j : json_null(); /* not UTF-8 */
}

static void set(json_t *o, const char *key, json_t *value)
{
	(void)json_object_set_new(o, key, value);
}

static json_t *reasons_json(const struct solve_reasons *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->n; i++) {
		json_t *o = json_object();

		set(o, "rule", text_or_null(r->v[i].rule));
		set(o, "text", text_or_null(r->v[i].text));
		set(o, "table", text_or_null(r->v[i].from.table));
		set(o, "row", text_or_null(r->v[i].from.row));
		set(o, "source", text_or_null(r->v[i].from.source));
		set(o, "date", text_or_null(r->v[i].from.date));
		set(o, "file", text_or_null(r->v[i].from.file));
		(void)json_array_append_new(list, o);
	}
	return list;
}

static json_t *parts_json(const struct solve_answer *a)
{
	json_t *parts = json_object();

	for (size_t var = 0; var < VARS; var++) {
		const struct solve_part *p = &a->part[var];
		json_t *o = json_object();

		set(o, "choice", text_or_null(p->text));
		set(o, "pinned", json_boolean(p->pinned));
		set(o, "guess", json_boolean(p->guess));
		set(o, "reasons", reasons_json(&p->reasons));
		set(o, "better", text_or_null(p->better));
		set(o, "against", reasons_json(&p->against));
		set(parts, solve_names[var], o);
	}
	return parts;
}

static json_t *conflict_json(const struct solve_answer *a)
{
	json_t *o = json_object();
	json_t *members = json_array();

	for (size_t i = 0; i < a->members_n; i++) {
		json_t *m = json_object();

		set(m, "id", text_or_null(a->members[i].id));
		set(m, "text", text_or_null(a->members[i].text));
		(void)json_array_append_new(members, m);
	}
	set(o, "members", members);
	set(o, "rules", reasons_json(&a->conflict));
	return o;
}

static json_t *ways_json(const struct solve_answer *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->ways_n; i++) {
		json_t *o = json_object();
		json_t *pins = json_object();

		for (size_t var = 0; var < VARS; var++)
			if (a->ways[i].pin[var])
				set(pins, solve_names[var], text_or_null(a->ways[i].pin[var]));
		set(o, "text", text_or_null(a->ways[i].text));
		set(o, "take", pins);
		(void)json_array_append_new(list, o);
	}
	return list;
}

json_t *answer_json(const struct solve_answer *a)
{
	json_t *o = json_object();
	json_t *notes = json_array();
	CLEANUP(freep) char *min = min_text(a);

	for (size_t i = 0; i < a->notes_n; i++)
		(void)json_array_append_new(notes, text_or_null(a->notes[i]));
	set(o, "fits", json_boolean(a->fits));
	set(o, "notes", notes);
	if (a->fits) {
		set(o, "parts", parts_json(a));
		set(o, "driver_min", text_or_null(*min ? min : NULL));
	} else {
		set(o, "conflict", conflict_json(a));
		set(o, "ways", ways_json(a));
	}
	return o;
}
