/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>

#include "setup/setup.h"

#include "recorded.h"

/* What the engines' steps plan for a recorded machine on which a file is, besides. */
struct row {
	const char *host;
	const char *path, *text; /* put there first, or NULL */
	unsigned int targets;
	bool rootless, nobody;
	const char *has[4]; /* texts of the plan: "kind" and what is in its JSON, "note" ... */
	const char *lacks[3];
	enum err_code code;
	const char *msg;
};

static const struct row rows[] = {
	/* Two daemons for one socket. */
	{.host = "ubuntu-24.04-bare",
	 .path = "/snap/docker/current/meta/snap.yaml",
	 .text = "name: docker\n",
	 .targets = SETUP_DOCKER,
	 .code = ERR_UNSAT,
	 .msg = "Docker is installed as a snap"},
	{.host = "wsl-ubuntu-22.04",
	 .path = "/mnt/wsl/docker-desktop/cli-tools/usr/bin/docker",
	 .text = "",
	 .targets = SETUP_DOCKER,
	 .code = ERR_UNSAT,
	 .msg = "Docker Desktop gives this WSL"},
	{.host = "wsl-ubuntu-22.04",
	 .targets = SETUP_DOCKER,
	 .has = {"write-file Suites: jammy", "describe-gpus"}},
	{.host = "arch-unknown-distribution",
	 .targets = SETUP_DOCKER,
	 .code = ERR_UNSAT,
	 .msg = "how Docker is installed on Arch Linux is not known"},
	{.host = "debian-13-no-gpu",
	 .path = "/opt/docker-desktop/bin/com.docker.backend",
	 .text = "",
	 .targets = SETUP_DOCKER,
	 .has = {"note docker context use default", "write-file linux/debian"},
	 .lacks = {"describe-gpus", "configure"}},
	/* Docker's manual removes podman from RHEL, unless it is asked for as well. */
	{.host = "rhel-10-hopper",
	 .targets = SETUP_DOCKER,
	 .has = {"remove \"podman\"", "write-file linux/rhel/10/$basearch/stable"}},
	{.host = "rhel-10-hopper",
	 .targets = SETUP_DOCKER | SETUP_PODMAN,
	 .has = {"note removes podman", "remove docker-engine"},
	 .lacks = {"remove \"podman\"", "remove \"runc\""}},
	/* Debian's podman goes on with crun. */
	{.host = "debian-12-guide-remains",
	 .targets = SETUP_DOCKER,
	 .has = {"install \"crun\"", "remove \"runc\""}},
	/* What somebody has added is used: no key, no second file. */
	{.host = "ubuntu-24.04-bare",
	 .path = "/etc/apt/sources.list.d/docker.list",
	 .text = "deb https://download.docker.com/linux/ubuntu noble stable\n",
	 .targets = SETUP_DOCKER,
	 .has = {"note docker.list", "install docker-ce"},
	 .lacks = {"add-key", "write-file docker.sources"}},
	/* The distribution's, whose dockerd starts containerd itself. */
	{.host = "opensuse-leap-16.0",
	 .targets = SETUP_DOCKER,
	 .has = {"install docker-buildx", "enable-unit docker.service"},
	 .lacks = {"add-key", "enable-unit containerd.service"}},
	{.host = "sles-15.7-unknown-gpu",
	 .targets = SETUP_DOCKER,
	 .has = {"run sle-module-containers/15.7/x86_64"}},
	/* A daemon of the user's own: its folder of descriptions is there first. */
	{.host = "ubuntu-24.04-whole",
	 .targets = SETUP_DOCKER,
	 .rootless = true,
	 .has = {"run enable-linger", "run user@1000.service", "write-file d /run/cdi",
		 "run dockerd-rootless-setuptool.sh"},
	 .lacks = {"add-to-group", "enable-unit"}},
	{.host = "ubuntu-24.04-whole",
	 .targets = SETUP_DOCKER | SETUP_TOOLKIT,
	 .rootless = true,
	 .has = {"run nvidia-container-cli.no-cgroups"}},
	{.host = "ubuntu-24.04-whole",
	 .path = "/etc/nvidia-container-runtime/config.toml",
	 .text = "[nvidia-container-cli]\nno-cgroups = true\n",
	 .targets = SETUP_DOCKER | SETUP_TOOLKIT,
	 .rootless = true,
	 .lacks = {"run nvidia-container-cli.no-cgroups"}},
	{.host = "ubuntu-24.04-whole",
	 .targets = SETUP_DOCKER,
	 .rootless = true,
	 .nobody = true,
	 .code = ERR_UNSAT,
	 .msg = "nobody is named"},
	/* Options of NVIDIA's service stay, and what is on is not switched on twice. */
	{.host = "ubuntu-24.04-podman-toolkit",
	 .path = "/etc/nvidia-container-toolkit/nvidia-cdi-refresh.env",
	 .text = "A=1\nNVIDIA_CTK_CDI_GENERATE_FEATURE_FLAGS=some\nB=2",
	 .targets = SETUP_PODMAN,
	 .has = {"write-file A=1\\nNVIDIA_CTK_CDI_GENERATE_FEATURE_FLAGS=some,"
		 "no-additional-gids-for-device-nodes\\nB=2"}},
	{.host = "ubuntu-24.04-podman-toolkit",
	 .path = "/etc/nvidia-container-toolkit/nvidia-cdi-refresh.env",
	 .text = "NVIDIA_CTK_CDI_GENERATE_FEATURE_FLAGS=no-additional-gids-for-device-nodes\n",
	 .targets = SETUP_PODMAN,
	 .has = {"restart-unit nvidia-cdi-refresh.service"},
	 .lacks = {"write-file nvidia-cdi-refresh.env"}},
	{.host = "ubuntu-22.04-old-docker",
	 .targets = SETUP_PODMAN,
	 .code = ERR_UNSAT,
	 .msg = "podman 3.4 of Ubuntu 22.04 knows no CDI"},
	/* A policy of SELinux that is on already is left alone. */
	{.host = "fedora-41-maxwell",
	 .targets = SETUP_PODMAN,
	 .has = {"run container_use_devices"}},
	{.host = "fedora-41-maxwell",
	 .path = "/sys/fs/selinux/booleans/container_use_devices",
	 .text = "1 1",
	 .targets = SETUP_PODMAN,
	 .lacks = {"run container_use_devices"}},
	/* AppArmor's profile: not again when it is as it should be. */
	{.host = "ubuntu-24.04-bare",
	 .targets = SETUP_DLENV,
	 .has = {"write-file profile dlenv /usr/local/bin/dlenv flags=(unconfined)",
		 "run apparmor_parser"}},
	{.host = "debian-12-no-userns",
	 .targets = SETUP_DLENV,
	 .has = {"write-file /etc/sysctl.d/60-dlenv.conf", "run sysctl"}},
	{.host = "rocky-8",
	 .targets = SETUP_DLENV,
	 .has = {"note no mmdebstrap", "install fuse-overlayfs"},
	 .lacks = {"install mmdebstrap"}},
};

/* "kind WORDS" is an operation of that kind with them in its JSON; "note WORDS" a note. */
static bool plan_has(const struct plan *p, const char *wanted)
{
	const char *words = wanted + strcspn(wanted, " ");
	size_t kind = (size_t)(words - wanted);

	words += *words == ' ';
	for (size_t i = 0; kind == 4 && i < p->notes_n; i++)
		if (str_starts(wanted, "note") && strstr(p->notes[i], words))
			return true;
	for (size_t i = 0; i < p->n; i++) {
		json_t *j = op_json(&p->ops[i]);
		CLEANUP(freep) char *text = NULL;

		(void)json_object_del(j, "why");
		text = json_dumps(j, JSON_COMPACT);
		json_decref(j);
		if (strlen(p->ops[i].kind->name) == kind &&
		    str_starts(wanted, p->ops[i].kind->name) && strstr(text, words))
			return true;
	}
	return false;
}

static void check(const struct row *r, const struct plan *p)
{
	for (size_t i = 0; i < COUNT(r->has) && r->has[i]; i++)
		if (!plan_has(p, r->has[i]))
			fail_msg("%s: no '%s'", r->host, r->has[i]);
	for (size_t i = 0; i < COUNT(r->lacks) && r->lacks[i]; i++)
		if (plan_has(p, r->lacks[i]))
			fail_msg("%s: there is '%s'", r->host, r->lacks[i]);
}

TEST(engines_are_set_up_as_the_machine_needs_it)
{
	CLEANUP(facts_fini) struct facts f = {0};
	struct err e = {0};

	assert_int_equal(facts_load(&f, (const char *const[]){NULL}, &e), 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *r = &rows[i];
		const struct setup_options o = {.targets = r->targets,
						.rootless = r->rootless,
						.user = r->nobody ? NULL : "user"};
		CLEANUP(setup_fini) struct setup s = {0};
		CLEANUP(plan_fini) struct plan p = {0};
		struct recorded host;
		struct err why = {0};
		int code;

		recorded_init(&host, r->host);
		if (r->path)
			recorded_put(&host, r->path, r->text);
		assert_int_equal(setup_read(&s, &host.root, false, &f, &o, &why), 0);
		code = setup_choose(&s, &why);
		if (code == 0)
			code = setup_plan(&s, &p, &why);
		if (code != -(int)r->code || (r->msg && !strstr(why.msg, r->msg)))
			fail_msg("%s: %d %s", r->host, why.code, why.msg);
		check(r, &p);
		recorded_fini(&host);
	}
}

RUN(IT(engines_are_set_up_as_the_machine_needs_it))
