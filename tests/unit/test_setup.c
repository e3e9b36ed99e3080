/* SPDX-License-Identifier: Apache-2.0 */
#include "setup/setup.h"

#include "recorded.h"

/* What is chosen for a recorded machine. NULL: none, or not looked at. */
struct row {
	const char *host;
	unsigned int targets;
	const char *toolkit_pin;
	unsigned int got; /* targets, after defaults */
	const char *distro;
	const char *driver, *route, *engine, *toolkit;
	enum err_code code;
	const char *msg;
};

static const struct row rows[] = {
	{.host = "ubuntu-24.04-bare",
	 .got = SETUP_DRIVER | SETUP_DLENV,
	 .distro = "24.04",
	 .driver = "595-open",
	 .route = "archive",
	 .engine = "dlenv"},
	{.host = "debian-13-no-gpu", .got = SETUP_DLENV, .distro = "13"},
	{.host = "wsl-ubuntu-22.04", .got = SETUP_DLENV, .distro = "22.04"},
	/* Nobody asked for another driver than the one that runs. */
	{.host = "ubuntu-24.04-whole",
	 .targets = SETUP_DOCKER,
	 .got = SETUP_DOCKER,
	 .distro = "24.04",
	 .driver = "580.95.05-open",
	 .route = "installed",
	 .toolkit = "builtin"},
	/* The engine that reads least decides: podman 4.9 knows no CDI 0.7. */
	{.host = "ubuntu-24.04-bare",
	 .targets = SETUP_TOOLKIT | SETUP_DOCKER,
	 .got = SETUP_TOOLKIT | SETUP_DOCKER,
	 .distro = "24.04",
	 .engine = "docker",
	 .toolkit = "1.20.0"},
	{.host = "ubuntu-24.04-bare",
	 .targets = SETUP_TOOLKIT | SETUP_DOCKER | SETUP_PODMAN,
	 .got = SETUP_TOOLKIT | SETUP_DOCKER | SETUP_PODMAN,
	 .distro = "24.04",
	 .engine = "podman:4.9.3",
	 .toolkit = "1.18.2"},
	/* A release is NVIDIA's, whether the target was named or not. */
	{.host = "ubuntu-24.04-bare",
	 .targets = SETUP_DOCKER,
	 .toolkit_pin = "1.18.2",
	 .got = SETUP_TOOLKIT | SETUP_DOCKER,
	 .distro = "24.04",
	 .toolkit = "1.18.2"},
	{.host = "rhel-9-no-common-driver",
	 .got = SETUP_DRIVER | SETUP_DLENV,
	 .distro = "9",
	 .code = ERR_UNSAT,
	 .msg = "nothing fits"},
	/* An engine that cannot be helped is left for its step to refuse. */
	{.host = "ubuntu-22.04-old-docker",
	 .targets = SETUP_PODMAN,
	 .got = SETUP_PODMAN,
	 .distro = "22.04"},
};

static void check_part(const struct row *r, const struct setup *s, enum solve_var var,
		       const char *wanted)
{
	if (wanted && !str_eq(s->answer.part[var].text, wanted))
		fail_msg("%s: %s is %s instead of %s", r->host, solve_names[var],
			 s->answer.part[var].text, wanted);
}

TEST(a_machine_gets_what_fits_its_engines)
{
	CLEANUP(facts_fini) struct facts f = {0};
	struct err e = {0};

	assert_int_equal(facts_load(&f, (const char *const[]){NULL}, &e), 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *r = &rows[i];
		const struct setup_options o = {.targets = r->targets,
						.pin[VAR_TOOLKIT] = r->toolkit_pin};
		CLEANUP(setup_fini) struct setup s = {0};
		struct recorded host;
		struct err why = {0};

		recorded_init(&host, r->host);
		assert_int_equal(setup_read(&s, &host.root, false, &f, &o, &why), 0);
		assert_int_equal(s.targets, r->got);
		assert_non_null(s.distro);
		assert_string_equal(s.distro->version, r->distro);
		if (setup_choose(&s, &why) != -(int)r->code || (r->msg && !strstr(why.msg, r->msg)))
			fail_msg("%s: %d %s", r->host, why.code, why.msg);
		if (!r->code) {
			check_part(r, &s, VAR_DRIVER, r->driver);
			check_part(r, &s, VAR_ROUTE, r->route);
			check_part(r, &s, VAR_ENGINE, r->engine);
			check_part(r, &s, VAR_TOOLKIT, r->toolkit);
		}
		recorded_fini(&host);
	}
}

TEST(packages_of_a_recorded_machine_are_those_of_dpkg)
{
	CLEANUP(facts_fini) struct facts f = {0};
	CLEANUP(setup_fini) struct setup s = {0};
	const struct setup_options o = {0};
	struct recorded host;
	struct err e = {0};

	assert_int_equal(facts_load(&f, (const char *const[]){NULL}, &e), 0);
	recorded_init(&host, "ubuntu-24.04-bare");
	assert_int_equal(setup_read(&s, &host.root, false, &f, &o, &e), 0);
	assert_true(s.packages_known);
	assert_string_equal(setup_has(&s, "podman"), "4.9.3+ds1-1ubuntu0.2");
	assert_null(setup_has(&s, "docker-ce"));
	assert_string_equal(pkg_name(s.pkg), "apt");
	recorded_fini(&host);
}

RUN(IT(a_machine_gets_what_fits_its_engines), IT(packages_of_a_recorded_machine_are_those_of_dpkg))
