/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "setup/setup.h"

/* The steps' plans, one file each (step_*.c); their rows are in steps.c. Inside setup/ only. */

int tools_plan(struct setup *s, struct plan *p, struct err *e)
	MUST_USE; /* certificates, curl, gpg */
int driver_plan(struct setup *s, struct plan *p, struct err *e) MUST_USE;
bool driver_is_done(const struct setup *s);
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
	const char *route;   /* of routes.tsv */
	const char *manager; /* "apt", "dnf", "zypper" */
	bool built_here;     /* the module is compiled (and signed) on this machine */
	int (*plan)(struct setup *s, struct plan *p, struct err *e);
};
/* The chosen driver: "595", open or not. */
struct driver_choice {
	char branch[16];
	bool open;
};
struct driver_choice driver_choice(const struct setup *s);

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
bool secure_boot_matters(const struct setup *s, const struct driver_route *r);
int secure_plan_key(struct setup *s, struct plan *p, struct err *e) MUST_USE;
int secure_plan_enrol(struct setup *s, struct plan *p, struct err *e) MUST_USE;
