/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cdi/request.h"
#include "engine/container.h"

/*
 * GPUs and other CDI devices for a container of dlenv's own engine: from a request to nodes,
 * mounts, variables, groups and what is made inside. The machine is read at each start, so a driver
 * that was updated, a GPU that has gone or a MIG layout that was changed is simply found.
 */

struct gpu_want {
	const struct root *machine;
	const char *driver_root;	   /* where the driver lies below machine; NULL: "/" */
	const struct gpu_request *request; /* which GPUs; NULL: none */
	const struct gpu_request *extra;   /* capabilities, requirements, channels of the
					      variables; NULL: request's own */
	const char *cache;		   /* folder for what is kept of the driver; or NULL */
	const char *const *devices;	   /* "vendor.com/class=name" of CDI files; or NULL */
	bool userns;			   /* the container gets a user namespace of the caller */
	/* What is odd or was left out, for the user. */
	void (*warn)(void *arg, const char *text);
	void *warn_arg;
};

/* A GPU or MIG device that a container has. */
struct gpu_card {
	const char *name; /* "0", "0:1" on this machine */
	const char *uuid; /* or "" */
	const char *model;
};

struct gpu_given {
	struct arena arena;
	const char *driver; /* version, or NULL */
	struct gpu_card *cards;
	size_t cards_n;
};

/*
 * Put them into c (its uid and gid are set, other devices are not there yet). ERR_ABSENT: there is
 * no driver or no GPU; ERR_UNSAT: what is asked for is not there; other codes say what is broken.
 * After a failure nothing of it is in c. gpu_given_fini frees *ret.
 */
int gpu_give(const struct gpu_want *w, struct container *c, struct gpu_given *ret, struct err *e)
	MUST_USE;
void gpu_given_fini(struct gpu_given *g);

/*
 * Of the GPUs that a running environment has, those that a request names (`exec --gpu`), as
 * CUDA_VISIBLE_DEVICES takes them. ERR_ABSENT when it lacks one.
 */
int gpu_pick(const struct gpu_want *w, const struct gpu_card *have, size_t have_n, struct strs *ret,
	     struct err *e) MUST_USE;
