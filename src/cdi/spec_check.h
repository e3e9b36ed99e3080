/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cdi/spec.h"

/* The rules of a specification, for the reader and for what was made here. */

/* The parts of a device's full name. */
enum cdi_part { CDI_VENDOR, CDI_CLASS, CDI_DEVICE };

/* The rule that a name breaks: a message to be translated with one %s, or NULL. */
const char *cdi_name_rule(enum cdi_part part, const char *name);

/* Where something stands in a specification, a step for each level: devices, [2], env ... */
struct cdi_place {
	const struct cdi_place *up; /* NULL: the document itself */
	const char *key;	    /* NULL: the index counts */
	size_t index;
	bool at_key; /* the key is what is wrong */
};

struct cdi_check {
	const struct doc *doc; /* what the specification was read from; NULL: it was made here */
	struct cdi_problems *problems;
	size_t max; /* problems that are wanted; the rest is left out */
};

/*
 * Note a problem at a place: NAME:LINE:COL of its node, or the place in words. hint is a message
 * without conversions, or NULL. Both are marked with N_() by the caller.
 */
void cdi_wrong(struct cdi_check *c, const struct cdi_place *at, const char *hint, const char *fmt,
	       ...) FORMAT(4, 5);
/* The same for an error that says already where it is. */
void cdi_wrong_err(struct cdi_check *c, const struct err *e);

/* All rules; problems are noted. */
void cdi_check(struct cdi_check *c, const struct cdi_spec *s);
/* Those of the version alone: of a future one, nothing else can be said. */
void cdi_check_version(struct cdi_check *c, const char *version);
