/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/output.h"
#include "cli/setup_parts.h"

static void say_line(struct cli *c, const char *name, const char *text)
{
	cli_print(c, "%-9s%s", name, text ? text : "-");
}

/* As far as the targets need it: what for, and what was chosen. */
static void say_choice(struct cli *c, const struct setup *s)
{
	const struct os_release *os = &s->host.os;
	const struct solve_part *part = s->answer.part;

	cli_print(c, "%-9s%s %s, %s", "machine", os->name[0] ? os->name : "-", os->version,
		  s->host.arch ? s->host.arch : "-");
	if (s->targets & SETUP_DRIVER) {
		say_line(c, "driver", part[VAR_DRIVER].text);
		say_line(c, "route", part[VAR_ROUTE].text);
	}
	if (s->targets & (SETUP_DOCKER | SETUP_PODMAN | SETUP_TOOLKIT)) {
		say_line(c, "engine", part[VAR_ENGINE].text);
		say_line(c, "toolkit", part[VAR_TOOLKIT].text);
	}
	if (s->options->user)
		say_line(c, "user", s->options->user);
}

/* A text of lines, without its last newline: cli_print ends the line. */
static void say_text(struct cli *c, struct buf *text)
{
	while (text->len && text->data[text->len - 1] == '\n')
		text->data[--text->len] = '\0';
	if (text->len)
		cli_print(c, "%s", text->data);
}

void setup_say_plan(struct cli *c, struct setup_job *j)
{
	CLEANUP(buf_fini) struct buf text = {0};

	say_choice(c, &j->setup);
	cli_print(c, "%s", "");
	if (j->plan.todo || j->plan.left) {
		plan_text(&j->plan, &j->x, &text);
		say_text(c, &text);
		return;
	}
	cli_print(c, _("nothing to do: this machine is as it should be"));
	for (size_t i = 0; i < j->plan.notes_n; i++)
		cli_print(c, _("note: %s"), j->plan.notes[i]);
}

json_t *setup_plan_json(struct setup_job *j)
{
	const struct setup *s = &j->setup;
	json_t *choice = json_object();

	for (size_t i = 0; i < VARS; i++)
		if (s->answer.part[i].text)
			(void)json_object_set_new(choice, solve_names[i],
						  json_string(s->answer.part[i].text));
	return json_pack("{s:o, s:o, s:s?, s:I, s:o}", "targets", setup_targets_json(s->targets),
			 "choice", choice, "user", s->options->user, "pending",
			 (json_int_t)j->plan.todo, "plan", plan_json(&j->plan, &j->x));
}

void setup_say_notes(struct cli *c, const struct strs *notes)
{
	for (size_t i = 0; i < notes->n; i++)
		cli_print(c, _("note: %s"), notes->v[i]);
}

json_t *setup_notes_json(const struct strs *notes)
{
	json_t *list = json_array();

	for (size_t i = 0; i < notes->n; i++)
		(void)json_array_append_new(list, json_string(notes->v[i]));
	return list;
}

static const struct {
	const char *id; /* in JSON */
	const char *word;
} states[] = {
	[RUNG_HOLDS] = {"holds", N_("holds")},
	[RUNG_FAILS] = {"fails", N_("FAILS")},
	[RUNG_SKIPPED] = {"skipped", N_("skipped")},
};

struct rung_row {
	const char *state;
	const char *summary;
	const char *detail;
};

static const struct column columns[] = {
	{"state", N_("STATE"), COL_STR, offsetof(struct rung_row, state), 0},
	{"summary", N_("RUNG"), COL_STR, offsetof(struct rung_row, summary), 0},
	{"detail", N_("SEEN"), COL_STR, offsetof(struct rung_row, detail), 0},
	{0},
};

void setup_say_ladder(struct cli *c, const struct ladder *l)
{
	CLEANUP(freep) struct rung_row *rows = mem_alloc((l->n + 1) * sizeof(*rows));

	if (c->g.json)
		return;
	for (size_t i = 0; i < l->n; i++)
		rows[i] = (struct rung_row){tr(states[l->v[i].state].word), l->v[i].summary,
					    l->v[i].detail};
	cli_table(c, columns, rows, l->n, sizeof(*rows));
}

json_t *setup_ladder_json(const struct ladder *l)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->n; i++) {
		const struct rung *r = &l->v[i];

		(void)json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s?, s:s?}", "id",
							    r->id, "summary", r->summary, "state",
							    states[r->state].id, "detail",
							    r->detail, "fix", r->fix));
	}
	return list;
}

int setup_ladder_result(const struct ladder *l, struct err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct rung *r = &l->v[i];

		if (r->state != RUNG_FAILS)
			continue;
		(void)err_set(e, ERR_PROBLEMS, "%.100s: %.300s", r->summary,
			      r->detail ? r->detail : "");
		return r->fix ? err_hint(e, "%s", r->fix) : -(int)e->code;
	}
	return 0;
}
