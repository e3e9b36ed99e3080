/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compat/problem.h"

/* What has to hold. Inside compat/ only. */

struct rule;
typedef bool rule_gpu_fn(const struct problem *p, const struct gpu_fact *g, const struct value *a);
typedef bool rule_pair_fn(const struct problem *p, const struct value *a, const struct value *b);

/* What a rule is asked to say a sentence about; gpu, a, b as far as it has them. */
struct rule_case {
	const struct rule *rule;
	const struct gpu_fact *gpu;
	const struct value *a;
	const struct value *b;
	bool broken; /* these break the rule */
};
typedef void rule_say_fn(const struct problem *p, const struct rule_case *c,
			 struct solve_reason *ret);

struct rule {
	const char *id;
	enum solve_var a;
	enum solve_var b;			/* pair only */
	enum solve_var part;			/* under which variable it is explained */
	rule_gpu_fn *gpu;			/* with one GPU and one variable */
	rule_pair_fn *pair;			/* with two variables */
	bool (*when)(const struct gpu_fact *g); /* a pair rule that a GPU brings; NULL: always */
	rule_say_fn *say; /* leaves text NULL when there is nothing worth saying */
};

extern const struct rule rules[];
extern const size_t rules_n;

/* Fill p->unary and p->pair. */
void problem_rules(struct problem *p);

/* Does rule i apply under active: is it there, and the GPU that brings it? */
bool rule_applies(const struct problem *p, size_t i, uint64_t active);

/* The CUDA release that first knew the capability; NULL: it is older than the table. */
const struct cuda_fact *first_cuda_for(const struct facts *f, const struct version *cc);
/* The first that makes code which runs there; NULL: likewise. */
const struct cuda_fact *first_cuda_making(const struct facts *f, const struct version *cc);
