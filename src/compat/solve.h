/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compat/facts.h"

/*
 * What fits together: driver, CUDA, cuDNN, frameworks, image, toolkit, engine, for some GPUs on a
 * distribution. Nothing is looked up but the tables. doc/design/solver.md has the rules and the
 * order of preference.
 */

/* In the order in which they are chosen: an earlier one gets its best value first. */
enum solve_var {
	VAR_DISTRO,
	VAR_TORCH,
	VAR_RAPIDS,
	VAR_CUPY,
	VAR_DALI,
	VAR_CUDA,
	VAR_CUDNN,
	VAR_DRIVER,
	VAR_ROUTE, /* where the driver comes from */
	VAR_ENGINE,
	VAR_TOOLKIT,
	VAR_IMAGE,
	VARS,
};

/* "distro", "torch" ...: the names of pins and of the parts of an answer. */
extern const char *const solve_names[VARS];

enum { SOLVE_GPUS_MAX = 16 };

/*
 * A pin is a hard wish, as the user wrote it: "12.4", "2.6+cu124", "580", "580.95.05-open",
 * "docker:24.0.7", "debian:12", "any", "none"; for the driver also "loaded". NULL: free.
 */
struct solve_request {
	const struct gpu_fact *gpus;
	size_t gpus_n; /* more than SOLVE_GPUS_MAX different ones are refused */
	bool no_gpu;   /* there is none; without it and with no gpus: not said */
	const char *pin[VARS];
	bool given[VARS];	 /* the pin was read from the machine */
	const char *distro_like; /* os-release's ID_LIKE, or NULL */
	const char *codename;	 /* its UBUNTU_CODENAME or VERSION_CODENAME, or NULL */
	const char *loaded;	 /* version of the loaded driver, or NULL */
	bool loaded_open;
};

struct solve_reason {
	const char *rule; /* its id; never translated */
	const char *text; /* translated */
	struct fact from; /* table NULL: the rule stands for itself */
};

struct solve_reasons {
	struct solve_reason *v;
	size_t n;
};

/* One variable of the answer. */
struct solve_part {
	const char *text; /* as a pin takes it; NULL: none, nothing of it is needed or fits */
	const void *row;  /* its fact, by variable; NULL where there is none */
	bool pinned;
	bool guess;		      /* it stands on something that the tables do not have */
	struct solve_reasons reasons; /* the rules that hold for it, with their facts */
	const char *better;	      /* the best value that is not taken; NULL: this is it */
	struct solve_reasons against; /* why not: SOLVE_EXPLAIN */
};

/* A wish or a fact of the machine that is part of a conflict. */
struct solve_member {
	const char *id; /* "pin:cuda", "gpu:0" (index in the request) */
	const char *text;
};

/* A way out: what to give up, and what there is then. */
struct solve_way {
	const char *text;
	const char *pin[VARS]; /* the new value of what has to change; NULL: it stays */
	const bool *without;   /* of the request's GPUs: which lose */
};

struct solve_answer {
	struct arena arena;
	bool fits;
	struct solve_part part[VARS];
	struct version driver_min; /* the least driver that the rest needs; n 0: no driver */
	const char **notes;	   /* guesses, cards that hold others back, what images check */
	size_t notes_n;
	/* When nothing fits: a smallest set of wishes that excludes itself, by these rules. */
	struct solve_member *members;
	size_t members_n;
	struct solve_reasons conflict;
	struct solve_way *ways;
	size_t ways_n;
};

enum solve_flags {
	SOLVE_EXPLAIN = 1 << 0, /* say why nothing better is taken */
};

/*
 * 0 also when nothing fits (fits false). ERR_CONFIG: a pin that cannot be read; ERR_FAIL: the
 * search went past its bound. f must outlive the answer. answer_fini frees *ret.
 */
int solve(struct facts *f, const struct solve_request *r, unsigned int flags,
	  struct solve_answer *ret, struct err *e) MUST_USE;
void answer_fini(struct solve_answer *a);
