/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compat/facts.h"

/* GPUs in the tables. What is found is in *ret, which points into f. */

/*
 * By PCI device id; a subsystem of 0 is unknown and takes the row without one, or the first.
 * Never fails: an id that is not known gets the newest architecture, and ret->guess says so.
 */
void gpu_by_id(struct facts *f, uint32_t id, uint32_t subvendor, uint32_t subdevice,
	       struct gpu_fact *ret);

/* By compute capability: sm_89. Never fails, like gpu_by_id. */
void gpu_by_capability(struct facts *f, const struct version *cc, struct gpu_fact *ret);

/*
 * As people write it: "2684", "10de:2684", "sm_89", "8.9", "RTX 4090". ERR_ABSENT when no product
 * has that name, ERR_CONFIG when products of several architectures have it; the hint says what to
 * write instead.
 */
int gpu_by_text(struct facts *f, const char *text, struct gpu_fact *ret, struct err *e) MUST_USE;
