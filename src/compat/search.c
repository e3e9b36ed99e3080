/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "compat/rules.h"

/*
 * How this works: domains are bit sets. A pair of variables is made consistent through the sets
 * that problem_rules computed; then the first free variable gets its best value, and so on, with
 * one step back where that fails. The first choice that is complete is the best one, because
 * values are tried in the order of preference.
 */

struct state {
	struct set dom[VARS];
	uint32_t changed; /* variables whose neighbours have to be looked at, a bit each */
};

static bool is_empty(const struct set *s)
{
	for (size_t i = 0; i < SET_WORDS; i++)
		if (s->w[i])
			return false;
	return true;
}

static size_t set_count(const struct set *s)
{
	size_t n = 0;

	for (size_t i = 0; i < SET_WORDS; i++)
		n += (size_t)__builtin_popcountll(s->w[i]);
	return n;
}

static bool meets(const struct set *a, const struct set *b)
{
	for (size_t i = 0; i < SET_WORDS; i++)
		if (a->w[i] & b->w[i])
			return true;
	return false;
}

/* Take out of *to what has no partner in from. partners: by value of to. */
static bool revise(const struct set *from, struct set *to, const struct set *partners)
{
	bool less = false;

	for (size_t w = 0; w < SET_WORDS; w++) {
		uint64_t left = to->w[w];

		while (left) {
			size_t bit = (size_t)__builtin_ctzll(left);

			left &= left - 1;
			if (!meets(&partners[w * 64 + bit], from)) {
				to->w[w] &= ~(UINT64_C(1) << bit);
				less = true;
			}
		}
	}
	return less;
}

/* False when a domain has become empty. */
static bool propagate(const struct problem *p, uint64_t active, struct state *s)
{
	while (s->changed) {
		enum solve_var var = (enum solve_var)__builtin_ctz(s->changed);

		s->changed &= s->changed - 1;
		for (size_t i = 0; i < rules_n; i++) {
			const struct rule *r = &rules[i];
			bool forward = r->a == var;
			enum solve_var to = forward ? r->b : r->a;

			if (!r->pair || (!forward && r->b != var) || !rule_applies(p, i, active) ||
			    !revise(&s->dom[var], &s->dom[to], p->pair[i][forward ? 1 : 0]))
				continue;
			if (is_empty(&s->dom[to]))
				return false;
			s->changed |= UINT32_C(1) << to;
		}
	}
	return true;
}

static void and_set(struct set *s, const struct set *with)
{
	for (size_t i = 0; i < SET_WORDS; i++)
		s->w[i] &= with->w[i];
}

static bool start(const struct problem *p, uint64_t active, struct state *s)
{
	for (size_t var = 0; var < VARS; var++) {
		s->dom[var] = (struct set){0};
		for (size_t i = 0; i < p->n[var]; i++)
			set_add(&s->dom[var], i);
		if (active & PIN_BIT(var))
			and_set(&s->dom[var], &p->pin[var]);
	}
	for (size_t i = 0; i < rules_n; i++)
		for (size_t g = 0; g < p->gpus_n; g++)
			if (rules[i].gpu && active & RULE_BIT(i) && active & GPU_BIT(g))
				and_set(&s->dom[rules[i].a], &p->unary[i][g]);
	for (size_t var = 0; var < VARS; var++)
		if (is_empty(&s->dom[var]))
			return false;
	s->changed = (UINT32_C(1) << VARS) - 1;
	return propagate(p, active, s);
}

static size_t only(const struct set *s)
{
	for (size_t w = 0; w < SET_WORDS; w++)
		if (s->w[w])
			return w * 64 + (size_t)__builtin_ctzll(s->w[w]);
	return 0;
}

/* The next variable to choose: those with an order of their own come first. VARS: all is chosen. */
static enum solve_var next_free(const struct state *s, const uint16_t *const *order)
{
	enum solve_var found = VARS;

	for (size_t i = 0; i < VARS; i++) {
		enum solve_var var = (enum solve_var)(VARS - 1 - i);

		if (set_count(&s->dom[var]) > 1 &&
		    (found == VARS || !order || order[var] || !order[found]))
			found = var;
	}
	return found;
}

/* NOLINTNEXTLINE(misc-no-recursion): one level for each variable */
static bool descend(struct problem *p, uint64_t active, const uint16_t *const *order,
		    const struct state *s, uint16_t ret_choice[VARS])
{
	enum solve_var var = next_free(s, order);

	if (var == VARS) {
		for (size_t i = 0; i < VARS; i++)
			ret_choice[i] = (uint16_t)only(&s->dom[i]);
		return true;
	}
	for (size_t i = 0; i < p->n[var]; i++) {
		size_t value = order && order[var] ? order[var][i] : i;
		struct state next = *s;

		if (!set_has(&s->dom[var], value))
			continue;
		if (++p->nodes > NODES_MAX)
			return false;
		next.dom[var] = (struct set){0};
		set_add(&next.dom[var], value);
		next.changed = UINT32_C(1) << var;
		if (propagate(p, active, &next) && descend(p, active, order, &next, ret_choice))
			return true;
	}
	return false;
}

bool problem_solve(struct problem *p, uint64_t active, const uint16_t *const *order,
		   uint16_t ret_choice[VARS])
{
	struct state s;

	return start(p, active, &s) && descend(p, active, order, &s, ret_choice);
}

uint64_t problem_all(const struct problem *p)
{
	uint64_t all = 0;

	for (size_t var = 0; var < VARS; var++)
		if (p->r->pin[var])
			all |= PIN_BIT(var);
	for (size_t g = 0; g < p->gpus_n; g++)
		all |= GPU_BIT(g);
	for (size_t i = 0; i < rules_n; i++)
		all |= RULE_BIT(i);
	return all;
}
