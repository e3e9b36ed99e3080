/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compat/rules.h"

/* What an answer says beside its parts. Inside compat/ only. */

/* Add a rule's sentence, unless it has none or it is there. */
void reasons_add(struct problem *p, const struct rule_case *c, struct solve_reasons *ret);

/* Guesses of GPUs, and of the chosen values when choice is not NULL. */
void add_guesses(struct problem *p, const uint16_t *choice, struct solve_answer *ret);

/* Everything: guesses, the least driver, boards that hold others back, what has to be known. */
void add_notes(struct problem *p, const uint16_t choice[VARS], struct solve_answer *ret);
