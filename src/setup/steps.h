/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "setup/setup.h"

/* The steps' plans, one file each (step_*.c); their rows are in steps.c. Inside setup/ only. */

int tools_plan(struct setup *s, struct plan *p, struct err *e)
	MUST_USE; /* certificates, curl, gpg */
int driver_plan(struct setup *s, struct plan *p, struct err *e) MUST_USE;
bool driver_is_done(const struct setup *s);
/* The kernel loads what was installed: key, initramfs, nouveau, reboot. */
int module_plan(struct setup *s, struct plan *p, struct err *e) MUST_USE;
bool module_is_done(const struct setup *s);
int toolkit_plan(struct setup *s, struct plan *p, struct err *e) MUST_USE;
int docker_plan(struct setup *s, struct plan *p, struct err *e) MUST_USE;
int podman_plan(struct setup *s, struct plan *p, struct err *e) MUST_USE;
int dlenv_plan(struct setup *s, struct plan *p, struct err *e) MUST_USE;
int gpu_plan(struct setup *s, struct plan *p, struct err *e) MUST_USE; /* engines and CDI */

/*
 * Where the driver comes from: a row for each route of data/routes.tsv, in step_driver.c. The
 * functions are in step_driver_apt.c, step_driver_dnf.c, step_driver_zypper.c.
 */
struct driver_route {
	const char *route;    /* of routes.tsv */
	const char *managers; /* "apt", "dnf4 dnf5", "zypper" */
	const char *source;   /* of host.sources: it is this route's own; NULL: none is */
	unsigned int flags;   /* enum driver_flags */
	int (*plan)(struct setup *s, struct plan *p, struct err *e);
};
enum driver_flags {
	DRIVER_BUILT_HERE = 1 << 0, /* the module is compiled (and signed) on this machine */
	DRIVER_AKMODS = 1 << 1,	    /* by akmods, in the background; else by DKMS */
	DRIVER_NOUVEAU = 1 << 2,    /* its packages do not keep nouveau away */
};
/* NULL: the loaded driver is the answer, or there is no GPU. */
const struct driver_route *driver_route(const struct setup *s);

/* The chosen driver: "595", open or not. */
struct driver_choice {
	char branch[16];
	uint64_t number;
	bool open;
};
struct driver_choice driver_choice(const struct setup *s);
/* The user asked for that flavour, or that route, in so many words. */
bool driver_is_pinned(const struct setup *s, enum solve_var var);

/*
 * Branches from low on, below high (0: any), to take where a source lacks the chosen one: it, then
 * those that the GPUs and the rest of the answer admit too, the best kept first. At most n.
 */
size_t driver_branches(const struct setup *s, uint64_t low, uint64_t high, char (*ret)[16],
		       size_t n);
struct step_repository;
/* NVIDIA's CUDA repository: r has what is the route's own, its names and addresses are filled in.
 */
int driver_add_cuda_repo(struct setup *s, struct plan *p, struct step_repository r, struct err *e)
	MUST_USE;
/* A newer branch would not do: the user named one, or a GPU ends with it. */
bool driver_must_hold(const struct setup *s);
/* A graphical system is installed: a driver without what it needs would break it. */
bool driver_for_display(const struct setup *s);

/* Routes call it when the repositories are there, and before the driver is installed. */
int driver_plan_key(struct setup *s, struct plan *p, struct err *e) MUST_USE;

int driver_apt_archive(struct setup *s, struct plan *p, struct err *e) MUST_USE;
int driver_apt_distro(struct setup *s, struct plan *p, struct err *e) MUST_USE;
int driver_apt_cuda(struct setup *s, struct plan *p, struct err *e) MUST_USE;
int driver_dnf_rpmfusion(struct setup *s, struct plan *p, struct err *e) MUST_USE;
int driver_dnf_cuda(struct setup *s, struct plan *p, struct err *e) MUST_USE;
int driver_zypper_graphics(struct setup *s, struct plan *p, struct err *e) MUST_USE;
int driver_zypper_cuda(struct setup *s, struct plan *p, struct err *e) MUST_USE;

/*
 * step_secure.c: Secure Boot refuses modules that nobody signed. Before the driver: make the key
 * (so that the module is signed with it from the first build on); after it: have it enrolled.
 */
bool secure_boot_matters(const struct setup *s);
int secure_plan_key(struct setup *s, struct plan *p, struct err *e) MUST_USE;
int secure_plan_enrol(struct setup *s, struct plan *p, struct err *e) MUST_USE;
