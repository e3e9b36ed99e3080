/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "setup/execute.h"
#include "setup/setup.h"

/*
 * The ladder that proves a set-up, from the bus to a CUDA call in a container of the intended user.
 * A rung is a row in verify.c; one that cannot be stood on here says why.
 */

enum rung_state { RUNG_HOLDS, RUNG_FAILS, RUNG_SKIPPED };

struct rung {
	const char *id;	     /* "bus", "module", "nodes" ...; stable */
	const char *summary; /* translated */
	enum rung_state state;
	const char *detail; /* what was seen, or why it is skipped */
	const char *fix;    /* RUNG_FAILS: what to do, or NULL */
};

struct ladder {
	struct arena arena;
	struct rung *v;
	size_t n;
};

/* All rungs for s's targets; the machine is read anew. Nothing is left behind. */
int verify(struct executor *x, struct setup *s, struct ladder *ret, struct err *e) MUST_USE;
void ladder_fini(struct ladder *l);
