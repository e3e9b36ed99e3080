/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compat/solve.h"
#include "host/host.h"
#include "pkg/pkg.h"
#include "setup/plan.h"

/*
 * From facts and a choice to a plan. setup_read looks at the machine, setup_choose asks the solver,
 * setup_plan lets each step (steps.c) append what it wants. Nothing is changed here.
 */

enum setup_target {
	SETUP_DRIVER = 1 << 0,
	SETUP_TOOLKIT = 1 << 1, /* NVIDIA's; without it dlenv's own does the same */
	SETUP_DOCKER = 1 << 2,
	SETUP_PODMAN = 1 << 3,
	SETUP_DLENV = 1 << 4, /* what our own engine needs of the machine */
};
extern const char *const setup_targets[]; /* "driver", "toolkit" ..., by bit; NULL-terminated */
/* The bit of a name; 0: there is no such target. */
unsigned int setup_target(const char *name);
/* Their names. */
json_t *setup_targets_json(unsigned int targets) MUST_USE;

/* What the user asked for. Part of the journal: a resumed run asks for the same. */
struct setup_options {
	unsigned int targets;	  /* enum setup_target; 0: driver and dlenv */
	const char *pin[VARS];	  /* as for solve */
	const char *user;	  /* who will use it; NULL: nobody is known */
	const char *const *trust; /* fingerprints that the user vouches for, or NULL */
	bool rootless;		  /* docker: the user's own daemon */
	bool reboot;		  /* reboot by itself where one is needed */
	bool no_network;	  /* of the verification: nothing that needs it */
};

struct setup {
	struct arena arena;
	const struct setup_options *options;
	const struct root *root;
	bool live; /* the machine that dlenv runs on: programs may be asked */
	struct host host;
	struct facts *facts;
	struct solve_answer answer;
	const char *unfit; /* why the GPUs were left out of it; NULL: they were not */
	const struct distro_fact *distro; /* NULL: not known */
	const struct pkg_manager *pkg;	  /* NULL: none that is known */
	struct strs packages;		  /* installed, "name=version" */
	bool packages_known;
	unsigned int targets; /* after defaults */
};

/* f and o must outlive *ret. setup_fini frees. */
int setup_read(struct setup *ret, const struct root *r, bool live, struct facts *f,
	       const struct setup_options *o, struct err *e) MUST_USE;
/* ERR_UNSAT with the conflict and the first way out. */
int setup_choose(struct setup *s, struct err *e) MUST_USE;
/*
 * ERR_UNSAT, with what to do instead: this machine cannot be set up that way (WSL and a driver, a
 * container, an image, two sources of the driver, a distribution that nobody knows).
 */
int setup_plan(struct setup *s, struct plan *ret, struct err *e) MUST_USE;
void setup_fini(struct setup *s);

/* The version of an installed package; NULL: not installed, or not known (packages_known). */
const char *setup_has(const struct setup *s, const char *package);

/*
 * A step only decides whether there is work, and appends operations. The rows in steps.c are the
 * order in which a machine is set up.
 */
enum step_flags {
	STEP_HOST = 1 << 0,  /* needs the machine itself: not in a container or WSL */
	STEP_FIRST = 1 << 1, /* decided by what the others want, carried out before them */
};

struct step {
	const char *id;	      /* "driver" */
	const char *summary;  /* N_() marked, imperative: "install NVIDIA's driver" */
	unsigned int targets; /* for any of these */
	unsigned int flags;
	bool (*done)(
		const struct setup *s); /* there is nothing to do; NULL: its operations decide */
	int (*plan)(struct setup *s, struct plan *p, struct err *e);
};
extern const struct step setup_steps[];	       /* the last has no id */
const struct step *setup_step(const char *id); /* NULL: this dlenv has no such step */
