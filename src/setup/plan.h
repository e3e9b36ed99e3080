/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/mem.h"
#include "setup/op.h"

/* What setup would do, in order. The document owns every text of its operations. */
struct plan {
	struct arena arena;
	struct op *ops;
	size_t n;
	const int *states;  /* what plan_states found; NULL: it has not looked yet */
	size_t todo;	    /* of those: neither done nor left to people */
	size_t left;	    /* of those: left to people */
	const char **notes; /* for people: what follows from it; translated */
	size_t notes_n;
};

/* Append. The texts of o are copied; step is set by plan_step. Returns the new one. */
struct op *plan_add(struct plan *p, const struct op *o);
void plan_note(struct plan *p, const char *fmt, ...) FORMAT(2, 3);
void plan_fini(struct plan *p);

/* An operation as JSON (only what its kind has), and back: ERR_PARSE with what is wrong. */
json_t *op_json(const struct op *o) MUST_USE;
int op_from_json(const json_t *j, struct arena *a, struct op *ret, struct err *e) MUST_USE;

/*
 * Lists for struct op, NULL-terminated, in the plan's arena: WORDS(p, "a", "b"), and a choice of
 * them: CHOICES(p, WORDS(p, "nvidia-open-580"), WORDS(p, "nvidia-open")).
 */
#define WORDS(p, ...) plan_words((p), (const char *const[]){__VA_ARGS__, NULL})
const char *const *plan_words(struct plan *p, const char *const *words) MUST_USE;
const struct op_choice *plan_choices(struct plan *p, const char *const *const *lists, size_t n)
	MUST_USE;
/* .choices and .choices_n of a struct op. */
#define ONE_OF(p, ...)                                                                             \
	.choices = plan_choices((p), (const char *const *const[]){__VA_ARGS__},                    \
				sizeof((const char *const *const[]){__VA_ARGS__}) /                \
					sizeof(const char *const *)),                              \
	.choices_n =                                                                               \
		sizeof((const char *const *const[]){__VA_ARGS__}) / sizeof(const char *const *)

/* The plan for people: by step, a line for each operation, files as diffs; done ones marked =. */
struct executor;
/*
 * As op_kind's done, for each operation; the plan's arena. What follows from others (reading lists
 * anew, restarting a daemon) is to be done when they are, however things are now. Looked for once:
 * most kinds run programs for it.
 */
const int *plan_states(struct plan *p, struct executor *x);
void plan_text(struct plan *p, struct executor *x, struct buf *ret);
json_t *plan_json(struct plan *p, struct executor *x) MUST_USE;
/* A shell script that does the same without dlenv (--script). */
int plan_script(struct plan *p, struct executor *x, struct buf *ret, struct err *e) MUST_USE;
