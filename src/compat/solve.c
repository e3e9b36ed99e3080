/* SPDX-License-Identifier: Apache-2.0 */
#include "compat/solve.h"

#include <string.h>

#include "base/i18n.h"
#include "base/str.h"
#include "compat/notes.h"
#include "compat/rules.h"

/* Boards that the rules cannot tell apart. */
static bool is_same_gpu(const struct gpu_fact *a, const struct gpu_fact *b)
{
	return str_eq(a->product, b->product) && version_compare(&a->cc, &b->cc) == 0 &&
	       a->flavours == b->flavours && version_compare(&a->last, &b->last) == 0 &&
	       version_compare(&a->first, &b->first) == 0;
}

static int take_gpus(struct problem *p, struct err *e)
{
	const struct solve_request *r = p->r;
	size_t *kind = arena_alloc(p->a, (r->gpus_n + 1) * sizeof(*kind));

	p->gpu_kind = kind;
	if (!r->gpus_n && r->no_gpu)
		p->gpus_n = 1; /* NULL: "there is no GPU" */
	for (size_t i = 0; i < r->gpus_n; i++) {
		size_t known = 0;

		while (known < p->gpus_n && !is_same_gpu(p->gpu[known], &r->gpus[i]))
			known++;
		kind[i] = known;
		if (known < p->gpus_n)
			continue;
		if (p->gpus_n == SOLVE_GPUS_MAX)
			return err_set(e, ERR_CONFIG, "more than %d different GPUs",
				       SOLVE_GPUS_MAX);
		p->gpu_index[p->gpus_n] = i;
		p->gpu[p->gpus_n++] = &r->gpus[i];
	}
	return 0;
}

/* The rules that hold for what was chosen, under the variable where they are shown. */
static void add_reasons(struct problem *p, const uint16_t choice[VARS], size_t var,
			struct solve_reasons *ret)
{
	ret->v = arena_alloc(p->a, sizeof(*ret->v) * RULES_MAX * SOLVE_GPUS_MAX);
	for (size_t i = 0; i < rules_n; i++) {
		const struct rule *r = &rules[i];
		struct rule_case c = {.rule = r, .a = &p->v[r->a][choice[r->a]]};

		if (r->part != var)
			continue;
		if (r->pair) {
			c.b = &p->v[r->b][choice[r->b]];
			reasons_add(p, &c, ret);
		}
		for (size_t g = 0; r->gpu && g < p->gpus_n; g++) {
			c.gpu = p->gpu[g];
			reasons_add(p, &c, ret);
		}
	}
}

/*
 * Why the best value was not taken: it, with the values that were chosen before it, is a conflict
 * of its own. Those are pinned for the question.
 */
static void add_against(struct problem *p, const uint16_t choice[VARS], size_t var, size_t better,
			struct solve_part *part)
{
	struct set kept[VARS];
	uint64_t active = problem_all(p) | PIN_BIT(var);

	memcpy(kept, p->pin, sizeof(kept));
	for (size_t i = 0; i < var; i++) {
		p->pin[i] = (struct set){0};
		set_add(&p->pin[i], choice[i]);
		active |= PIN_BIT(i);
	}
	p->pin[var] = (struct set){0};
	set_add(&p->pin[var], better);
	explain_core(p, problem_shrink(p, active), &part->against);
	memcpy(p->pin, kept, sizeof(kept));
}

/* The best value that the pin allows and that is another one. */
static size_t best_value(const struct problem *p, size_t var, size_t chosen)
{
	size_t i = 0;

	while (i < chosen && (!set_has(&p->pin[var], i) || p->v[var][i].flags & VALUE_ANYWHERE ||
			      str_eq(p->v[var][i].text, p->v[var][chosen].text)))
		i++;
	return i;
}

static bool is_asked_why(const struct problem *p, size_t var, const struct value *v,
			 unsigned int flags)
{
	if (v->flags & VALUE_NONE) /* something is missing: that is always explained */
		return var == VAR_TORCH && p->r->gpus_n && !p->r->pin[var];
	return flags & SOLVE_EXPLAIN && var != VAR_DISTRO && var != VAR_IMAGE && var != VAR_ROUTE &&
	       var != VAR_ENGINE && !(var == VAR_TOOLKIT && str_eq(v->text, "builtin"));
}

static void fill_part(struct problem *p, const uint16_t choice[VARS], size_t var,
		      unsigned int flags, struct solve_part *ret)
{
	const struct value *v = &p->v[var][choice[var]];
	size_t better = best_value(p, var, choice[var]);

	ret->pinned = p->r->pin[var] && !p->r->given[var];
	ret->guess = v->guess;
	if (!(v->flags & VALUE_NONE)) {
		ret->text = v->text;
		ret->row = v->row;
	}
	add_reasons(p, choice, var, &ret->reasons);
	if (better == choice[var] || !is_asked_why(p, var, v, flags))
		return;
	ret->better = p->v[var][better].text;
	add_against(p, choice, var, better, ret);
}

int solve(struct facts *f, const struct solve_request *r, unsigned int flags,
	  struct solve_answer *ret, struct err *e)
{
	struct solve_answer answer = {0};
	struct problem *p = arena_alloc(&answer.arena, sizeof(*p));
	uint16_t choice[VARS];

	p->a = &answer.arena;
	p->f = f;
	p->r = r;
	if (take_gpus(p, e) < 0 || problem_domains(p, e) < 0) {
		answer_fini(&answer);
		return -(int)e->code;
	}
	problem_rules(p);
	answer.fits = problem_solve(p, problem_all(p), NULL, choice);
	if (answer.fits) {
		for (size_t var = 0; var < VARS; var++)
			fill_part(p, choice, var, flags, &answer.part[var]);
		add_notes(p, choice, &answer);
	} else {
		explain_conflict(p, problem_conflict(p, problem_all(p)), &answer);
		find_ways(p, problem_all(p), &answer);
		add_guesses(p, NULL, &answer);
	}
	if (p->nodes > NODES_MAX) {
		answer_fini(&answer);
		return err_set(e, ERR_FAIL, "the search was given up after %d steps", NODES_MAX);
	}
	*ret = answer;
	return 0;
}

void answer_fini(struct solve_answer *a)
{
	struct arena arena = a->arena;

	*a = (struct solve_answer){0};
	arena_fini(&arena);
}
