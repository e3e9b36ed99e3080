/* SPDX-License-Identifier: Apache-2.0 */
#include "host/host.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "gpu_host.h"
#include "host/finding.h"
#include "host/host_parts.h"

static void make(struct gpu_host *h)
{
	struct err e = {0};

	strcpy(h->path, "/tmp/dlenv-test-host.XXXXXX");
	assert_non_null(mkdtemp(h->path));
	assert_int_equal(root_open(&h->root, h->path, &e), 0);
}

TEST(an_empty_machine_has_no_facts_and_no_findings)
{
	CLEANUP(findings_fini) struct findings f = {0};
	CLEANUP(host_fini) struct host h = {0};
	struct gpu_host m;

	make(&m);
	host_read(&m.root, NULL, &h);
	findings_of_host(&h, &f);
	assert_int_equal(f.n, 0);
	assert_null(h.arch);
	assert_null(h.user);
	assert_int_equal(h.headers, -1);
	assert_int_equal(h.secure_boot, -1);
	assert_string_equal(h.place, "machine");
	gpu_host_fini(&m);
}

/* The ids of the sources of a driver that a repository file tells of. */
static void expect_sources(const char *path, const char *text, const char *want)
{
	CLEANUP(host_fini) struct host h = {0};
	CLEANUP(buf_fini) struct buf got = {0};
	struct gpu_host m;

	make(&m);
	gpu_host_put(&m, path, text);
	host_read(&m.root, NULL, &h);
	buf_str(&got, "");
	for (size_t i = 0; i < h.sources_n; i++)
		buf_fmt(&got, "%s%s%s", i ? " " : "", h.sources[i].id,
			h.sources[i].driver ? "!" : "");
	assert_string_equal(got.data, want);
	gpu_host_fini(&m);
}

TEST(sources_count_where_they_are_enabled)
{
	static const char cuda[] =
		"baseurl=https://developer.download.nvidia.com/compute/cuda/repos/rhel9/x86_64\n";
	CLEANUP(freep) char *on = str_fmt("[a]\n%senabled=1\n", cuda);
	CLEANUP(freep) char *off = str_fmt("[a]\n%senabled=0\n", cuda);
	CLEANUP(freep) char *other = str_fmt("[a]\n%s[b]\nenabled=0\n", cuda);
	CLEANUP(freep) char *without = str_fmt("[a]\nexclude=nvidia-driver*\n%s", cuda);
	const char *repo = "etc/yum.repos.d/x.repo";

	expect_sources(repo, on, "cuda-repo!");
	expect_sources(repo, off, "");
	expect_sources(repo, other, "cuda-repo!");
	expect_sources(repo, without, "");
	expect_sources("etc/yum.repos.d/x.repo.rpmsave", on, "");
	expect_sources(
		"etc/apt/sources.list",
		"# deb https://ppa.launchpadcontent.net/graphics-drivers/ppa/ubuntu x main\n", "");
	expect_sources("etc/apt/sources.list.d/a.sources",
		       "URIs: https://ppa.launchpadcontent.net/graphics-drivers/ppa/ubuntu/\n\n"
		       "Enabled: no\nURIs: https://download.docker.com/linux/ubuntu\n",
		       "ppa!");
	expect_sources("usr/bin/nvidia-uninstall", "", "runfile!");
	/* The installer's log stays behind when its driver is gone. */
	expect_sources("var/log/nvidia-installer.log", "", "");
}

static bool is_locked(struct gpu_host *m)
{
	CLEANUP(host_fini) struct host h = {0};

	host_read(&m->root, NULL, &h);
	return h.lock != NULL;
}

TEST(a_lock_is_held_by_whom_the_kernel_names)
{
	static const char lock[] = "var/lib/dpkg/lock-frontend";
	CLEANUP(freep) char *held = NULL;
	CLEANUP(freep) char *waits = NULL;
	struct gpu_host m;
	struct stat st;

	make(&m);
	gpu_host_put(&m, "usr/bin/apt-get", "");
	gpu_host_put(&m, lock, "");
	assert_int_equal(fstatat(m.root.fd, lock, &st, 0), 0);
	held = str_fmt("1: POSIX  ADVISORY  WRITE 812 %02x:%02x:%llu 0 EOF\n", major(st.st_dev),
		       minor(st.st_dev), (unsigned long long)st.st_ino);
	waits = str_fmt("1: -> POSIX  ADVISORY  WRITE 812 %02x:%02x:%llu 0 EOF\n"
			"2: FLOCK  ADVISORY  WRITE 812 %02x:%02x:%llu1 0 EOF\n",
			major(st.st_dev), minor(st.st_dev), (unsigned long long)st.st_ino,
			major(st.st_dev), minor(st.st_dev), (unsigned long long)st.st_ino);
	assert_false(is_locked(&m));
	gpu_host_put(&m, "proc/locks", waits);
	assert_false(is_locked(&m));
	gpu_host_put(&m, "proc/locks", held);
	assert_true(is_locked(&m));
	gpu_host_fini(&m);
}

TEST(a_pid_file_of_the_dead_holds_nothing)
{
	struct gpu_host m;

	make(&m);
	gpu_host_put(&m, "usr/bin/zypper", "");
	gpu_host_put(&m, "run/zypp.pid", "812\n");
	assert_false(is_locked(&m));
	gpu_host_put(&m, "proc/812/stat", "");
	assert_true(is_locked(&m));
	gpu_host_put(&m, "run/zypp.pid", "../812\n");
	assert_false(is_locked(&m));
	gpu_host_fini(&m);
}

TEST(packages_are_told_from_their_settings)
{
	CLEANUP(host_fini) struct host h = {0};
	struct gpu_host m;

	make(&m);
	gpu_host_put(
		&m, "var/lib/dpkg/status",
		"Package: podman-docker\nStatus: install ok installed\nVersion: 9\n\n"
		"Package: docker-ce\nStatus: deinstall ok config-files\nVersion: 5:20.1\n\n"
		"Package: nvidia-driver-assistant\nStatus: install ok installed\nVersion: 1\n\n"
		"Package: docker.io\nDescription: x\n Package: podman\nStatus: install ok "
		"installed\nVersion: 5:26.1.5+dfsg1-2\n\n"
		"Package: nvidia-driver-580-open\nStatus: install ok installed\n"
		"Version: 580.1\x1b[2J\n");
	host_read(&m.root, NULL, &h);
	assert_string_equal(h.docker, "26.1.5");
	assert_null(h.podman);
	assert_string_equal(h.driver_package, "nvidia-driver-580-open 580.1?[2J");
	gpu_host_fini(&m);
}

TEST(the_caller_of_a_recording_is_the_one_it_names)
{
	CLEANUP(host_fini) struct host h = {0};
	CLEANUP(findings_fini) struct findings f = {0};
	struct user me = {.uid = 7, .name = (char[]){"me"}};
	struct gpu_host m;

	make(&m);
	host_read(&m.root, &me, &h);
	assert_null(h.user);
	host_fini(&h);
	gpu_host_put(&m, ".recorded", "user kim 1001\nfree /usr 5\nfree /var x\n");
	gpu_host_put(&m, "etc/subuid", "kimberly:1:65536\n1001:100000:65536\n");
	gpu_host_put(&m, "etc/subgid", "kim:100000:65535\n");
	gpu_host_put(&m, "etc/group", "docker:x:9:kimberly,kim\nvideo:x:44:kimberly\nrender:x:\n");
	host_read(&m.root, &me, &h);
	assert_string_equal(h.user, "kim");
	assert_int_equal(h.subuids, 65536);
	assert_int_equal(h.subgids, 0);
	assert_string_equal(h.groups, "docker");
	findings_of_host(&h, &f);
	assert_true(finding_is(&f, "HOST014") && finding_is(&f, "HOST021"));
	assert_int_equal(f.n, 2);
	assert_string_equal(f.v[0].cause, "'kim' has no 65536 subordinate ids (/etc/subgid)");
	gpu_host_fini(&m);
}

#define UEFI "sys/firmware/efi/efivars/"

TEST(secure_boot_is_the_byte_behind_the_attributes)
{
	static const char name[] = UEFI "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
	static const struct {
		const char *text;
		size_t len;
		int want;
	} cases[] = {
		{"\6\0\0\0\1", 5, 1},
		{"\6\0\0\0\0", 5, 0},
		{"\6\0\0\0", 4, -1},
		{"\6\0\0\0\1x", 6, -1},
	};
	struct gpu_host m;
	struct err e = {0};

	make(&m);
	gpu_host_put(&m, name, "");
	for (size_t i = 0; i < COUNT(cases); i++) {
		CLEANUP(host_fini) struct host h = {0};

		assert_int_equal(
			file_write(m.root.fd, name, cases[i].text, cases[i].len, 0644, 0, &e), 0);
		host_read(&m.root, NULL, &h);
		assert_int_equal(h.secure_boot, cases[i].want);
	}
	gpu_host_fini(&m);
}

RUN(IT(an_empty_machine_has_no_facts_and_no_findings), IT(sources_count_where_they_are_enabled),
    IT(a_lock_is_held_by_whom_the_kernel_names), IT(a_pid_file_of_the_dead_holds_nothing),
    IT(packages_are_told_from_their_settings), IT(the_caller_of_a_recording_is_the_one_it_names),
    IT(secure_boot_is_the_byte_behind_the_attributes))
