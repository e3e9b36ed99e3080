/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compat/problem.h"

/* What the files domains*.c share; nobody else includes it. */

void domain_add(struct problem *p, enum solve_var var, const struct value *v);
/* The value "none": without it. */
void domain_none(struct problem *p, enum solve_var var);
/* Does a value meet what is asked for? */
bool domain_allows(const struct problem *p, enum solve_var var);

/* For qsort: below, equal to or above 0. */
static inline int by_int(int a, int b)
{
	return (a > b) - (a < b);
}

/* domains_host.c */
void domain_distros(struct problem *p);
void domain_routes(struct problem *p);
void domain_engines(struct problem *p);
