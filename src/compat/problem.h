/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compat/solve.h"

/*
 * A request as a small finite problem. Inside compat/ only.
 *
 * How this works: each variable has a domain of values, best first. What restricts them has a bit
 * in a mask: each pin, each GPU, each rule. So "without this" is the same problem with a bit
 * cleared, which is how conflicts are made small and ways out are found.
 */

enum { VALUES_MAX = 256, SET_WORDS = VALUES_MAX / 64, RULES_MAX = 32 };

struct set {
	uint64_t w[SET_WORDS];
};

enum value_flags {
	VALUE_NONE = 1 << 0,
	VALUE_CPU = 1 << 1,	 /* a framework without CUDA */
	VALUE_OPEN = 1 << 2,	 /* driver: open modules */
	VALUE_LOADED = 1 << 3,	 /* driver: it runs already; route: the same */
	VALUE_EXACT = 1 << 4,	 /* driver: a version, not a branch */
	VALUE_ANYWHERE = 1 << 5, /* engine, route: on every distribution */
};

struct value {
	const char *text;
	const void *row;		  /* the fact */
	const struct fact *from;	  /* likewise; NULL: none */
	const struct distro_fact *distro; /* engine, route: where; NULL: where it is not known */
	struct version v;
	unsigned int flags;    /* enum value_flags */
	unsigned int features; /* engine: bits, by feature_bit() */
	const char *guess;     /* translated, or NULL */
};

#define PIN_BIT(var) (UINT64_C(1) << (var))
#define GPU_BIT(i) (UINT64_C(1) << (16 + (i)))
#define RULE_BIT(i) (UINT64_C(1) << (32 + (i)))

struct problem {
	struct arena *a;
	struct facts *f;
	const struct solve_request *r;
	struct value *v[VARS];
	size_t n[VARS];
	uint64_t full;	      /* variables that have more than VALUES_MAX, by PIN_BIT */
	struct set pin[VARS]; /* what the pin allows */
	const struct gpu_fact *gpu[SOLVE_GPUS_MAX]; /* different ones; NULL: "there is no GPU" */
	size_t gpu_index[SOLVE_GPUS_MAX];	    /* in the request */
	size_t gpus_n;
	const size_t *gpu_kind; /* of the request's GPUs: where in gpu */
	struct set unary[RULES_MAX][SOLVE_GPUS_MAX];
	struct set *pair[RULES_MAX][2]; /* by value of a: what of b fits; by value of b */
	uint64_t nodes;
};

static inline bool set_has(const struct set *s, size_t i)
{
	return s->w[i / 64] >> (i % 64) & 1;
}

static inline void set_add(struct set *s, size_t i)
{
	s->w[i / 64] |= UINT64_C(1) << (i % 64);
}

/* domains.c: values and what pins allow. */
int problem_domains(struct problem *p, struct err *e) MUST_USE;
unsigned int feature_bit(const char *feature);
/* The text of a version, in p->a. */
const char *version_text(struct arena *a, const struct version *v);

/* pins.c */
/* Does a pin allow the value? The text was checked before. */
bool pin_allows(enum solve_var var, const char *pin, const struct value *v);
int pin_check(enum solve_var var, const char *pin, struct err *e) MUST_USE;
/* The version in a pin, without name, flavour and variant; n 0: it has none. */
struct version pin_version(enum solve_var var, const char *pin);

/* search.c: the best choice under what active says. ret_choice: the value's index by variable. */
bool problem_solve(struct problem *p, uint64_t active, const uint16_t *const *order,
		   uint16_t ret_choice[VARS]);
/* Everything that the request says, and all rules. */
uint64_t problem_all(const struct problem *p);
enum { NODES_MAX = 1000000 };

/* conflict.c: the fewest wishes and GPUs of active that exclude each other, with the rules. */
uint64_t problem_conflict(struct problem *p, uint64_t active);
/* An unsatisfiable part from which nothing can be taken: found faster, not the smallest. */
uint64_t problem_shrink(struct problem *p, uint64_t active);
void explain_core(struct problem *p, uint64_t core, struct solve_reasons *ret);
void explain_conflict(struct problem *p, uint64_t core, struct solve_answer *ret);
void find_ways(struct problem *p, uint64_t active, struct solve_answer *ret);
