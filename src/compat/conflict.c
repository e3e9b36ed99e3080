/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "base/str.h"
#include "compat/notes.h"

/*
 * How this works: a request that nothing fits is made smaller by clearing bits of its mask for as
 * long as nothing fits. First the fewest wishes and GPUs, then the rules among them.
 */

enum { SUBSET_MAX = 3, FACTS_MAX = 12, WAYS_MAX = 3 };

static const uint64_t all_rules = ~UINT64_C(0) << 32;

static bool fits(struct problem *p, uint64_t active)
{
	uint16_t choice[VARS];

	return problem_solve(p, active, NULL, choice);
}

/* Clear bits of from, lowest first, for as long as nothing fits. */
static uint64_t shrink(struct problem *p, uint64_t active, uint64_t from)
{
	while (from) {
		uint64_t bit = from & -from;

		from &= from - 1;
		if (!fits(p, active & ~bit))
			active &= ~bit;
	}
	return active;
}

/* The next larger number with as many bits. */
static uint64_t next_subset(uint64_t x)
{
	uint64_t low = x & -x;
	uint64_t high = x + low;

	return high | (((x ^ high) >> 2) / low);
}

/* Bits in an order of their own: what is nearest to the machine first. */
struct bits {
	uint64_t v[VARS + SOLVE_GPUS_MAX];
	unsigned int n;
};

static const enum solve_var by_nearness[VARS] = {
	VAR_DRIVER, VAR_CUDA,  VAR_CUDNN,  VAR_TORCH,	VAR_RAPIDS, VAR_CUPY,
	VAR_DALI,   VAR_IMAGE, VAR_ENGINE, VAR_TOOLKIT, VAR_ROUTE,  VAR_DISTRO,
};

static void take_bit(struct bits *b, uint64_t mask, uint64_t bit)
{
	if (mask & bit)
		b->v[b->n++] = bit;
}

static void take_pins(struct bits *b, uint64_t mask, bool backwards)
{
	for (size_t i = 0; i < VARS; i++)
		take_bit(b, mask, PIN_BIT(by_nearness[backwards ? VARS - 1 - i : i]));
}

static void take_gpus(struct bits *b, uint64_t mask)
{
	for (size_t g = 0; g < SOLVE_GPUS_MAX; g++)
		take_bit(b, mask, GPU_BIT(g));
}

/* Those that are chosen by number: bit i of which is v[i]. */
static uint64_t chosen(const struct bits *b, uint64_t which)
{
	uint64_t mask = 0;

	for (size_t i = 0; which; which >>= 1, i++)
		if (which & 1)
			mask |= b->v[i];
	return mask;
}

/* The fewest facts that exclude each other; 0 when there are too many to try. */
static uint64_t fewest(struct problem *p, uint64_t facts, uint64_t rules_on)
{
	struct bits b = {0};

	take_gpus(&b, facts);
	take_pins(&b, facts, false);
	for (unsigned int size = 1; size <= SUBSET_MAX && size <= b.n && b.n <= FACTS_MAX; size++)
		for (uint64_t s = (UINT64_C(1) << size) - 1; s < UINT64_C(1) << b.n;
		     s = next_subset(s))
			if (!fits(p, chosen(&b, s) | rules_on))
				return chosen(&b, s);
	return 0;
}

uint64_t problem_conflict(struct problem *p, uint64_t active)
{
	uint64_t facts = active & ~all_rules;
	uint64_t few = fewest(p, facts, active & all_rules);

	if (few)
		active = few | (active & all_rules);
	else
		active = shrink(p, active, facts);
	return shrink(p, active, active & all_rules);
}

/* Has the value a partner among those that the pin of the rule's other variable allows? */
static bool has_partner(const struct problem *p, size_t rule, enum solve_var var, size_t value)
{
	bool forward = rules[rule].a == var;
	enum solve_var other = forward ? rules[rule].b : rules[rule].a;
	const struct set *partners = &p->pair[rule][forward ? 0 : 1][value];

	for (size_t i = 0; i < p->n[other]; i++)
		if (set_has(partners, i) && set_has(&p->pin[other], i))
			return true;
	return false;
}

/* A value of var that what is pinned leaves, before rule (whose sentence is looked for) is asked.
 */
static bool is_left(const struct problem *p, uint64_t core, size_t rule, enum solve_var var,
		    size_t value)
{
	if (core & PIN_BIT(var) && !set_has(&p->pin[var], value))
		return false;
	for (size_t i = 0; i < rules_n; i++) {
		if (i == rule || !(core & RULE_BIT(i)))
			continue;
		for (size_t g = 0; rules[i].gpu && rules[i].a == var && g < p->gpus_n; g++)
			if (core & GPU_BIT(g) && !set_has(&p->unary[i][g], value))
				return false;
		if (rules[i].pair &&
		    ((rules[i].a == var && core & PIN_BIT(rules[i].b)) ||
		     (rules[i].b == var && core & PIN_BIT(rules[i].a))) &&
		    !has_partner(p, i, var, value))
			return false;
	}
	return true;
}

/* Say it of the first pair, in the order of preference, that breaks the rule. */
static bool explain_pair(struct problem *p, uint64_t core, size_t i, struct solve_reasons *ret)
{
	enum solve_var a = rules[i].a;
	enum solve_var b = rules[i].b;
	size_t before = ret->n;

	for (size_t x = 0; x < p->n[a]; x++)
		for (size_t y = 0; y < p->n[b] && is_left(p, core, i, a, x); y++) {
			const struct rule_case c = {.rule = &rules[i],
						    .a = &p->v[a][x],
						    .b = &p->v[b][y],
						    .broken = true};

			if (set_has(&p->pair[i][0][x], y) || !is_left(p, core, i, b, y))
				continue;
			reasons_add(p, &c, ret);
			if (ret->n > before)
				return true;
		}
	return false;
}

static void explain_gpu(struct problem *p, uint64_t core, size_t i, size_t g,
			struct solve_reasons *ret)
{
	enum solve_var a = rules[i].a;
	size_t before = ret->n;

	for (size_t x = 0; x < p->n[a] && ret->n == before; x++) {
		const struct rule_case c = {
			.rule = &rules[i], .a = &p->v[a][x], .gpu = p->gpu[g], .broken = true};

		if (!set_has(&p->unary[i][g], x) &&
		    (!(core & PIN_BIT(a)) || set_has(&p->pin[a], x)))
			reasons_add(p, &c, ret);
	}
}

static void explain_rules(struct problem *p, uint64_t core, struct solve_reasons *ret)
{
	uint64_t pins = problem_all(p) & ~all_rules;

	ret->v = arena_alloc(p->a, sizeof(*ret->v) * RULES_MAX * SOLVE_GPUS_MAX);
	for (size_t i = 0; i < rules_n; i++) {
		if (!(core & RULE_BIT(i)))
			continue;
		/* Rather of the distribution and the versions that were named than of others. */
		if (rules[i].pair && !explain_pair(p, core | pins, i, ret))
			(void)explain_pair(p, core, i, ret);
		for (size_t g = 0; rules[i].gpu && g < p->gpus_n; g++)
			if (core & GPU_BIT(g))
				explain_gpu(p, core, i, g, ret);
	}
}

static const char *gpu_text(struct problem *p, const struct gpu_fact *g)
{
	if (!g)
		return _("there is no NVIDIA GPU");
	return arena_fmt(p->a, _("%s: %s, compute capability %s"), g->product, g->arch,
			 g->cc.n ? version_text(p->a, &g->cc) : "-");
}

static bool is_unknown(const struct problem *p, size_t var)
{
	for (size_t i = 0; i < p->n[var]; i++)
		if (set_has(&p->pin[var], i))
			return false;
	return true;
}

static const char *pin_text(struct problem *p, size_t var)
{
	const char *pin = p->r->pin[var];

	if (is_unknown(p, var))
		return arena_fmt(p->a, _("--%s %s: there is none in the table"), solve_names[var],
				 pin);
	if (p->r->given[var])
		return arena_fmt(p->a, _("this machine: %s %s"), solve_names[var], pin);
	return arena_fmt(p->a, "--%s %s", solve_names[var], pin);
}

static void add_members(struct problem *p, uint64_t core, struct solve_answer *ret)
{
	ret->members = arena_alloc(p->a, (VARS + SOLVE_GPUS_MAX) * sizeof(*ret->members));
	for (size_t g = 0; g < p->gpus_n; g++)
		if (core & GPU_BIT(g))
			ret->members[ret->members_n++] = (struct solve_member){
				.id = arena_fmt(p->a, "gpu:%zu", p->gpu_index[g]),
				.text = gpu_text(p, p->gpu[g])};
	for (size_t var = 0; var < VARS; var++)
		if (core & PIN_BIT(var))
			ret->members[ret->members_n++] = (struct solve_member){
				.id = arena_fmt(p->a, "pin:%s", solve_names[var]),
				.text = pin_text(p, var)};
}

void explain_conflict(struct problem *p, uint64_t core, struct solve_answer *ret)
{
	add_members(p, core, ret);
	explain_rules(p, core, &ret->conflict);
}

void explain_core(struct problem *p, uint64_t core, struct solve_reasons *ret)
{
	explain_rules(p, core, ret);
}

uint64_t problem_shrink(struct problem *p, uint64_t active)
{
	return shrink(p, active, active);
}

/* Values in the order of their distance from what was wished: newer ones first, none last. */
struct distance {
	const struct problem *p;
	size_t var;
	struct version wanted;
	const char *name; /* of a distribution or an engine */
	size_t name_len;
};

static int minor_compare(const struct version *a, const struct version *b)
{
	struct version x = {.n = 2, .part = {a->part[0], a->part[1]}};
	struct version y = {.n = 2, .part = {b->part[0], b->part[1]}};

	return version_compare(&x, &y);
}

static int rank(const struct distance *d, const struct value *v)
{
	if (v->flags & VALUE_NONE)
		return 4;
	if (d->name_len && strncmp(v->text, d->name, d->name_len) != 0)
		return 3;
	if (v->flags & VALUE_CPU)
		return 2;
	return d->wanted.n && minor_compare(&v->v, &d->wanted) < 0;
}

static int compare_distance(const void *a, const void *b, void *arg)
{
	const struct distance *d = arg;
	uint16_t i = *(const uint16_t *)a;
	uint16_t j = *(const uint16_t *)b;
	const struct value *x = &d->p->v[d->var][i];
	const struct value *y = &d->p->v[d->var][j];
	int order = rank(d, x) - rank(d, y);

	if (!order && d->wanted.n)
		order = minor_compare(&x->v, &y->v) * (rank(d, x) == 0 ? 1 : -1);
	/* Within a minor the order of preference: the newest patch first. */
	return order ? order : (i > j) - (i < j);
}

static const uint16_t *nearest_order(struct problem *p, size_t var)
{
	uint16_t *order = arena_alloc(p->a, (p->n[var] + 1) * sizeof(*order));
	const char *pin = p->r->pin[var];
	const char *colon = strchr(pin, ':');
	struct distance d = {.p = p, .var = var, .wanted = pin_version(var, pin)};

	if (var == VAR_DISTRO || (var == VAR_ENGINE && colon)) {
		d.name = pin;
		d.name_len = colon ? (size_t)(colon - pin) : strlen(pin);
	}
	for (size_t i = 0; i < p->n[var]; i++)
		order[i] = (uint16_t)i;
	qsort_r(order, p->n[var], sizeof(*order), compare_distance, &d);
	return order;
}

static const char *list(struct problem *p, const char *text, const char *name, const char *value)
{
	return arena_fmt(p->a, "%s%s%s %s", text, *text ? ", " : "", name, value);
}

/* What there is then of what matters most. */
static const char *gain(struct problem *p, const uint16_t choice[VARS])
{
	static const enum solve_var shown[] = {VAR_DRIVER, VAR_CUDA, VAR_TORCH};
	const char *text = "";

	for (size_t i = 0; i < COUNT(shown); i++)
		text = list(p, text, solve_names[shown[i]], p->v[shown[i]][choice[shown[i]]].text);
	return text;
}

static void add_way(struct problem *p, uint64_t relaxed, const uint16_t choice[VARS],
		    struct solve_answer *ret)
{
	struct solve_way *way = &ret->ways[ret->ways_n++];
	const char *text = "";
	const char *lost = "";
	bool *without = arena_alloc(p->a, p->r->gpus_n + 1);

	for (size_t var = 0; var < VARS; var++)
		if (relaxed & PIN_BIT(var)) {
			way->pin[var] = p->v[var][choice[var]].text;
			text = list(p, text, solve_names[var], way->pin[var]);
		}
	for (size_t g = 0; g < p->gpus_n; g++)
		if (relaxed & GPU_BIT(g))
			lost = arena_fmt(p->a, "%s%s%s", lost, *lost ? ", " : "",
					 p->gpu[g]->product);
	for (size_t i = 0; i < p->r->gpus_n; i++)
		without[i] = relaxed & GPU_BIT(p->gpu_kind[i]);
	way->without = without;
	if (!*lost)
		way->text = arena_fmt(p->a, _("take %s"), text);
	else if (*text)
		way->text = arena_fmt(p->a, _("do without %s and take %s: %s"), lost, text,
				      gain(p, choice));
	else
		way->text = arena_fmt(p->a, _("do without %s: %s"), lost, gain(p, choice));
}

/* What may be given up: the user's wishes, and a GPU among others. */
static uint64_t relaxable(const struct problem *p, uint64_t active)
{
	uint64_t mask = 0;

	for (size_t var = 0; var < VARS; var++)
		if (active & PIN_BIT(var) && !p->r->given[var])
			mask |= PIN_BIT(var);
	for (size_t g = 0; p->gpus_n > 1 && g < p->gpus_n; g++)
		mask |= GPU_BIT(g);
	return mask;
}

void find_ways(struct problem *p, uint64_t active, struct solve_answer *ret)
{
	uint64_t mask = relaxable(p, active);
	struct bits b = {0};
	uint64_t found[WAYS_MAX];
	const uint16_t *nearest[VARS] = {0};

	ret->ways = arena_alloc(p->a, WAYS_MAX * sizeof(*ret->ways));
	for (size_t var = 0; var < VARS; var++)
		if (mask & PIN_BIT(var))
			nearest[var] = nearest_order(p, var);
	take_pins(&b, mask, true);
	take_gpus(&b, mask);
	for (unsigned int size = 1; size <= SUBSET_MAX && size <= b.n; size++)
		for (uint64_t s = (UINT64_C(1) << size) - 1; s < UINT64_C(1) << b.n;
		     s = next_subset(s)) {
			uint64_t relaxed = chosen(&b, s);
			const uint16_t *order[VARS];
			uint16_t choice[VARS];
			bool more = true;

			for (size_t var = 0; var < VARS; var++)
				order[var] = relaxed & PIN_BIT(var) ? nearest[var] : NULL;
			for (size_t i = 0; i < ret->ways_n; i++)
				more = more && (found[i] & ~relaxed);
			if (!more || !problem_solve(p, active & ~relaxed, order, choice))
				continue;
			found[ret->ways_n] = relaxed;
			add_way(p, relaxed, choice, ret);
			if (ret->ways_n == WAYS_MAX)
				return;
		}
}
