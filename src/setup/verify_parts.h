/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "host/nvidia.h"
#include "setup/execute_parts.h"
#include "setup/verify.h"

/* What the files verify*.c share; nobody else includes it. */

/* One ascent. */
struct climb {
	struct executor *x;
	struct setup *s;
	struct ladder *l;
	struct nvidia nvidia;
	struct strs borrowed; /* images to be given back: "ENGINE USER IMAGE" */
};

/* A rung's answer; its texts go to the ladder's arena. fix may be NULL. */
enum rung_state rung_holds(struct climb *c, struct rung *r, const char *fmt, ...) FORMAT(3, 4);
enum rung_state rung_skipped(struct climb *c, struct rung *r, const char *fmt, ...) FORMAT(3, 4);
enum rung_state rung_fails(struct climb *c, struct rung *r, const char *fix, const char *fmt, ...)
	FORMAT(4, 5);

/*
 * Run a program as user (NULL: the caller) and take the end of what it prints. 0, or ERR_FAIL with
 * its last words.
 */
int climb_run(struct climb *c, const char *const *argv, const char *user, struct buf *said,
	      struct err *e) MUST_USE;

typedef enum rung_state rung_fn(struct climb *c, struct rung *r);
/* verify_driver.c */
rung_fn rung_bus, rung_module, rung_nodes, rung_versions, rung_smi, rung_cuda;
/* verify_engine.c */
rung_fn rung_ids, rung_cdi, rung_docker, rung_docker_gpu, rung_docker_user;
rung_fn rung_podman, rung_podman_gpu, rung_podman_user;
/* Give the images back that were fetched for the proof. */
void engine_tidy(struct climb *c);
