/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "env/env.h"

/*
 * The GPUs and devices that a definition asks for, put into a container. `auto` without a GPU, or
 * with a driver that does not work, goes on without and says why; anything else that cannot be had
 * is an error. v may be NULL (a throw-away container), else its record is filled in.
 */
int env_gpu_give(struct site *s, struct env *v, const struct env_def *d, struct container *c,
		 struct err *e) MUST_USE;

/* The variables by which a command inside sees only these of the environment's GPUs. */
int env_gpu_limit(const struct env *v, const struct env_def *d, const char *request,
		  struct strs *vars, struct err *e) MUST_USE;

/* Forget what the last start gave: GPUs, variables. gpu_places stay. */
void env_record_forget_gpus(struct env_record *r);

/* Write down a setting KEY=VALUE for every later start, in place of an earlier one of that key. */
void env_record_setting(struct env_record *r, const char *setting);

/* The GPUs that it got at its last start, for people's programs: [{name, uuid, model}]. */
json_t *env_gpus_json(const struct env_record *r) MUST_USE;

/* The same for people: "0 NVIDIA A100, 1 NVIDIA A100 (driver 550.163.01)"; NULL: none. The
 * caller's. */
char *env_gpus_text(const struct env_record *r) MUST_USE;
