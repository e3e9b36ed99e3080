/* SPDX-License-Identifier: Apache-2.0 */
#include "setup/verify.h"

#include <stdio.h>

#include "recorded.h"

/* A recorded machine, one of its files changed, and what one rung says then. */
static const struct {
	const char *host;
	const char *path; /* NULL: nothing is changed */
	const char *text; /* NULL: it is removed */
	unsigned int targets;
	const char *id;
	enum rung_state state;
	const char *detail;
	const char *fix; /* NULL: none */
} rows[] = {
	{"ubuntu-24.04-whole", NULL, NULL, SETUP_DLENV, "bus", RUNG_HOLDS, "GPUs: ", NULL},
	{"ubuntu-24.04-whole", NULL, NULL, SETUP_DLENV, "module", RUNG_HOLDS, "580.95.05, open",
	 NULL},
	{"ubuntu-24.04-whole", NULL, NULL, SETUP_DLENV, "nodes", RUNG_HOLDS, "node", NULL},
	{"ubuntu-24.04-whole", "/dev/nvidia-uvm", NULL, SETUP_DLENV, "nodes", RUNG_FAILS,
	 "'/dev/nvidia-uvm' is missing", "doctor --fix"},
	{"ubuntu-24.04-whole", "/dev/nvidia0", NULL, SETUP_DLENV, "nodes", RUNG_FAILS,
	 "'/dev/nvidia0' is missing", "doctor --fix"},
	{"ubuntu-24.04-whole", NULL, NULL, SETUP_DLENV, "versions", RUNG_HOLDS, "580.95.05", NULL},
	{"debian-12-version-mismatch", NULL, NULL, SETUP_DLENV, "versions", RUNG_FAILS,
	 "the module is 535.216.01", "reboot"},
	{"ubuntu-24.04-bare", NULL, NULL, SETUP_DLENV, "bus", RUNG_FAILS, "no driver has the GPU",
	 "sudo dlenv setup driver"},
	{"ubuntu-24.04-bare", NULL, NULL, SETUP_DLENV, "module", RUNG_FAILS, "not loaded",
	 "sudo dlenv setup driver"},
	{"ubuntu-25.10-nouveau", NULL, NULL, SETUP_DLENV, "bus", RUNG_FAILS, "nouveau has the GPU",
	 "reboot"},
	{"debian-sid-pascal-open", NULL, NULL, SETUP_DLENV, "module", RUNG_FAILS, "do not run",
	 "sudo dlenv setup driver"},
	{"debian-13-no-gpu", NULL, NULL, SETUP_DOCKER, "cdi", RUNG_SKIPPED, "no NVIDIA GPU", NULL},
	{"wsl-ubuntu-22.04", NULL, NULL, SETUP_DLENV, "nodes", RUNG_HOLDS, "/dev/dxg", NULL},
	{"wsl-ubuntu-22.04", NULL, NULL, SETUP_DLENV, "module", RUNG_SKIPPED, "Windows", NULL},
	{"ubuntu-24.04-bare", NULL, NULL, SETUP_DLENV, "ids", RUNG_HOLDS, "65536", NULL},
	{"ubuntu-24.04-bare", "/etc/subgid", "", SETUP_DLENV, "ids", RUNG_FAILS, "0 group ids",
	 "sudo dlenv setup dlenv"},
	{"debian-12-no-userns", NULL, NULL, SETUP_PODMAN, "ids", RUNG_FAILS, "forbids", "doctor"},
	{"debian-12-stale-spec", NULL, NULL, SETUP_PODMAN, "cdi", RUNG_FAILS, "which is not there",
	 "generate -o /etc/cdi/nvidia.yaml"},
	{"ubuntu-24.04-bare", NULL, NULL, SETUP_PODMAN, "cdi", RUNG_FAILS, "no file describes",
	 "cdi generate"},
	{"ubuntu-24.04-bare", NULL, NULL, SETUP_PODMAN, "podman", RUNG_SKIPPED, "another machine",
	 NULL},
};

static const struct rung *rung_of(const struct ladder *l, const char *id)
{
	for (size_t i = 0; i < l->n; i++)
		if (str_eq(l->v[i].id, id))
			return &l->v[i];
	return NULL;
}

static void climb(size_t i, struct facts *f)
{
	const struct setup_options o = {.targets = rows[i].targets, .user = "user"};
	CLEANUP(executor_close) struct executor x = {0};
	CLEANUP(setup_fini) struct setup s = {0};
	CLEANUP(ladder_fini) struct ladder l = {0};
	const struct rung *r;
	struct recorded host;
	struct err e = {0};

	recorded_init(&host, rows[i].host);
	if (rows[i].path)
		recorded_put(&host, rows[i].path, rows[i].text);
	assert_int_equal(setup_read(&s, &host.root, false, f, &o, &e), 0);
	executor_look(&x, &s);
	assert_int_equal(verify(&x, &s, &l, &e), 0);
	r = rung_of(&l, rows[i].id);
	assert_non_null(r);
	if (r->state != rows[i].state || !strstr(r->detail, rows[i].detail) ||
	    (rows[i].fix ? !r->fix || !strstr(r->fix, rows[i].fix) : r->fix != NULL))
		fail_msg("%s, %s: state %d: %s (%s)", rows[i].host, r->id, r->state, r->detail,
			 r->fix ? r->fix : "-");
	/* Of engines that nobody asked for there is no rung. */
	if (!(rows[i].targets & SETUP_DOCKER))
		assert_null(rung_of(&l, "docker"));
	recorded_fini(&host);
}

TEST(each_rung_says_what_it_saw)
{
	CLEANUP(facts_fini) struct facts f = {0};
	struct err e = {0};

	assert_int_equal(facts_load(&f, (const char *const[]){NULL}, &e), 0);
	for (size_t i = 0; i < COUNT(rows); i++)
		climb(i, &f);
}

RUN(IT(each_rung_says_what_it_saw))
