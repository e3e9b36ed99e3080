/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan for people and for programs. An operation that is done already is one line without its
 * reason and text, so that what would happen stands out; a file is shown as what changes in it.
 */
#include <ctype.h>
#include <string.h>

#include "base/i18n.h"
#include "setup/diff.h"
#include "setup/op_parts.h"
#include "setup/setup.h"

enum { CHOICES_MAX = 3 };

/* These change where packages come from. */
static bool changes_sources(const struct op *o)
{
	static const struct op_kind *const kinds[] = {&op_write_file, &op_move_aside, &op_add_key,
						      &op_install_file};

	for (size_t i = 0; i < COUNT(kinds); i++)
		if (o->kind == kinds[i])
			return true;
	return false;
}

/* Packages bring modules, and what the boot reads. */
static bool moves_modules(const struct op *o, const struct op *was)
{
	return o->kind != &op_restart_unit && (was->kind == &op_install || was->kind == &op_remove);
}

/* Before operation i of the plan, something that it reacts to changes. */
static bool is_moved(const struct plan *p, const int *states, size_t i)
{
	const struct op *o = &p->ops[i];

	for (size_t k = i; k-- > 0;) {
		const struct op *was = &p->ops[k];

		/* The lists will have been read by then. */
		if (o->kind == &op_refresh && was->kind == &op_refresh)
			return false;
		if (!op_is_open(states[k]))
			continue;
		if (o->kind == &op_refresh ? changes_sources(was)
					   : str_eq(o->step, was->step) || moves_modules(o, was))
			return true;
	}
	return false;
}

static int state_of(const struct plan *p, const int *states, size_t i, struct executor *x)
{
	const struct op *o = &p->ops[i];
	/* Those follow from others: what is there now says nothing of then. */
	bool follows = o->kind->late || o->kind == &op_refresh || o->kind == &op_wait_module;
	bool moved = follows && is_moved(p, states, i);

	if (o->kind->left && o->kind->left(o, x))
		return follows && !moved ? OP_DONE : OP_LEFT;
	return moved ? OP_TODO : o->kind->done(o, x);
}

const int *plan_states(struct plan *p, struct executor *x)
{
	int *states;

	if (p->states)
		return p->states;
	states = arena_alloc(&p->arena, (p->n + 1) * sizeof(*states));
	p->todo = 0;
	p->left = 0;
	for (size_t i = 0; i < p->n; i++) {
		states[i] = state_of(p, states, i, x);
		p->todo += op_is_open(states[i]);
		p->left += states[i] == OP_LEFT;
	}
	p->states = states;
	return states;
}

/* Summaries begin with a small letter, as messages do; headings do not. */
static void put_heading(const char *id, struct buf *ret)
{
	const struct step *s = setup_step(id);
	const char *text = s ? tr(s->summary) : id ? id : _("further operations");
	char first = (char)toupper((unsigned char)*text);

	buf_add(ret, &first, 1);
	buf_fmt(ret, "%s\n", text + 1);
}

/* Behind the lines of a diff's files, each line indented. */
static void put_lines(const char *text, bool bare, struct buf *ret)
{
	for (size_t i = 0; *text; i++) {
		size_t n = strcspn(text, "\n");

		/* "---" and "+++"; of a new file also the only "@@". */
		if (i >= (bare ? 3 : 2))
			buf_fmt(ret, "         %.*s\n", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

/* NULL: there is nothing to show. The text is the caller's. */
static char *file_diff(const struct op *o, const struct executor *x, bool *ret_new)
{
	CLEANUP(freep) char *now = NULL;
	struct buf b = {0};
	struct err none = {0};
	size_t len = 0;

	if (!o->text || !o->path || o->flags & OP_PRIVATE)
		return NULL;
	if (op_read(x, o->path, &now, &len, &none) < 0 && none.code != ERR_ABSENT)
		return NULL;
	*ret_new = !now;
	/* Not a text: there is nothing to compare. */
	if (now && strlen(now) != len)
		return NULL;
	diff_unified(o->path, now, o->text, &b);
	return b.data;
}

/* What is taken where the first set of packages is not to be had: the first few. */
static void put_choices(const struct op *o, struct buf *ret)
{
	size_t shown = o->choices_n > 1 + CHOICES_MAX + 1 ? 1 + CHOICES_MAX : o->choices_n;

	for (size_t i = 1; i < shown; i++) {
		CLEANUP(buf_fini) struct buf words = {0};

		op_show_words(o->choices[i].packages, &words);
		buf_fmt(ret, "         %s\n", words.data);
	}
	if (shown < o->choices_n) {
		buf_str(ret, "         ");
		buf_fmt(ret, _("... and %zu further sets (--json has them all)"),
			o->choices_n - shown);
		buf_str(ret, "\n");
	}
}

static void put_details(const struct op *o, const struct executor *x, struct buf *ret)
{
	bool new = false;
	CLEANUP(freep) char *diff = file_diff(o, x, &new);

	if (o->why)
		buf_fmt(ret, "       %s\n", o->why);
	if (o->flags & OP_OPTIONAL)
		buf_fmt(ret, "       %s\n", _("(if this fails, setup goes on without it)"));
	put_choices(o, ret);
	if (diff)
		put_lines(diff, new, ret);
	else if (o->text && o->flags & OP_PRIVATE)
		buf_fmt(ret, "       %s\n", _("(the text is private, and not shown)"));
}

static void put_op(const struct op *o, int state, size_t number, const struct executor *x,
		   struct buf *ret)
{
	CLEANUP(buf_fini) struct buf line = {0};

	buf_str(&line, "");
	o->kind->show(o, x, &line);
	if (!op_is_open(state)) {
		buf_fmt(ret, "    %c  %s\n", state == OP_LEFT ? '-' : '=', line.data);
		return;
	}
	buf_fmt(ret, "  %3zu  %s\n", number, line.data);
	put_details(o, x, ret);
}

static void put_end(const struct plan *p, struct buf *ret)
{
	size_t done = p->n - p->todo - p->left;

	if (!p->n)
		buf_fmt(ret, "%s\n", _("There is nothing to do."));
	else if (done == p->n)
		buf_fmt(ret, "%s\n", _("Nothing is to be done: this machine is as it should be."));
	else if (done)
		buf_fmt(ret, _("Operations: %zu; done already (=): %zu.\n"), p->todo, done);
	else
		buf_fmt(ret, _("Operations: %zu.\n"), p->todo);
	if (p->left)
		buf_fmt(ret, _("Left to you (-), as systemd does not run here: %zu.\n"), p->left);
	if (p->notes_n)
		buf_fmt(ret, "\n%s\n", _("Good to know:"));
	for (size_t i = 0; i < p->notes_n; i++)
		buf_fmt(ret, "  * %s\n", p->notes[i]);
}

void plan_text(struct plan *p, struct executor *x, struct buf *ret)
{
	const int *states = plan_states(p, x);
	size_t number = 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct op *o = &p->ops[i];

		if (!i || !str_eq(o->step, p->ops[i - 1].step)) {
			buf_str(ret, i ? "\n" : "");
			put_heading(o->step, ret);
		}
		number += op_is_open(states[i]);
		put_op(o, states[i], number, x, ret);
	}
	buf_str(ret, p->n ? "\n" : "");
	put_end(p, ret);
}

static json_t *op_plan_json(const struct op *o, int state, const struct executor *x)
{
	static const char *const names[] = {"unknown", "todo", "done", "left"};
	CLEANUP(buf_fini) struct buf line = {0};
	json_t *j = op_json(o);
	bool new = false;
	CLEANUP(freep) char *diff = op_is_open(state) ? file_diff(o, x, &new) : NULL;

	buf_str(&line, "");
	o->kind->show(o, x, &line);
	(void)json_object_set_new(j, "summary", json_string(line.data));
	(void)json_object_set_new(j, "state", json_string(names[state + 1]));
	if (diff)
		(void)json_object_set_new(j, "diff", json_string(diff));
	if (o->flags & OP_PRIVATE)
		(void)json_object_del(j, "text");
	return j;
}

static json_t *step_json(const char *id)
{
	const struct step *s = setup_step(id);

	return json_pack("{s:s?, s:s?}", "id", id, "summary", s ? tr(s->summary) : NULL);
}

json_t *plan_json(struct plan *p, struct executor *x)
{
	const int *states = plan_states(p, x);
	json_t *ops = json_array();
	json_t *steps = json_array();
	json_t *notes = json_array();

	for (size_t i = 0; i < p->n; i++) {
		if (!i || !str_eq(p->ops[i].step, p->ops[i - 1].step))
			(void)json_array_append_new(steps, step_json(p->ops[i].step));
		(void)json_array_append_new(ops, op_plan_json(&p->ops[i], states[i], x));
	}
	for (size_t i = 0; i < p->notes_n; i++)
		(void)json_array_append_new(notes, json_string(p->notes[i]));
	return json_pack("{s:o, s:o, s:o, s:I, s:I}", "steps", steps, "operations", ops, "notes",
			 notes, "todo", (json_int_t)p->todo, "left", (json_int_t)p->left);
}
