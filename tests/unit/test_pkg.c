/* SPDX-License-Identifier: Apache-2.0 */
/* What package managers print and write. Texts are theirs, shortened. */
#include "pkg/pkg.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "pkg/pkg_parts.h"
#include "test.h"

static void add_lines(struct strs *l, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		strs_fmt(l, "%.*s", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

static void same(const char *got, const char *wanted)
{
	if (!str_eq(got, wanted))
		fail_msg("'%s', not '%s'", got ? got : "NULL", wanted ? wanted : "NULL");
}

static char *joined(const char *const *words)
{
	struct buf b = {0};

	buf_str(&b, "");
	for (; words && *words; words++)
		buf_fmt(&b, "%s%s", b.len ? " " : "", *words);
	return b.data;
}

TEST(commands_are_those_that_people_type)
{
	static const struct {
		const char *manager;
		enum pkg_action action;
		const char *command;
	} rows[] = {
		{"apt", PKG_REFRESH, "apt-get update"},
		{"apt", PKG_INSTALL, "apt-get install -y a b=1:2-3"},
		{"apt", PKG_REMOVE, "apt-get purge -y a b"},
		{"apt", PKG_HOLD, "apt-mark hold a b"},
		{"apt", PKG_MARK, "apt-mark manual a b"},
		{"apt", PKG_MODULE_ENABLE, NULL},
		{"dnf4", PKG_INSTALL, "dnf install -y a b-1:2-3"},
		{"dnf4", PKG_REMOVE, "dnf remove -y --noautoremove a b"},
		{"dnf4", PKG_MARK, "dnf mark install a b"},
		{"dnf5", PKG_REMOVE, "dnf5 remove -y --no-autoremove a b"},
		{"dnf5", PKG_MARK, "dnf5 mark user -y a b"},
		{"zypper", PKG_INSTALL, "zypper --non-interactive install a b=1:2-3"},
		{"zypper", PKG_UNHOLD, "zypper --non-interactive removelock a b"},
		{"zypper", PKG_MARK, NULL},
	};
	static const char *const packages[] = {"a", "b=1:2-3", NULL};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(arena_fini) struct arena a = {0};
		const struct pkg_manager *m = pkg_manager(rows[i].manager);
		const char *const *argv = pkg_command(
			m, rows[i].action, rows[i].action == PKG_REFRESH ? NULL : packages, &a);
		CLEANUP(freep) char *text = argv ? joined(argv) : NULL;

		same(text, rows[i].command);
		assert_string_equal(pkg_name(m), rows[i].manager);
	}
	assert_null(pkg_manager("pacman"));
}

TEST(troubles_are_told_apart_by_what_is_printed)
{
	static const struct {
		const char *lines;
		enum err_code by_status;
		enum err_code code;
		const char *has;
	} rows[] = {
		{"Err:1 https://a InRelease\n  404  Not Found\nE: Failed to fetch https://a  404",
		 ERR_FAIL, ERR_NET, "Failed to fetch https://a"},
		{"W: Failed to fetch https://a\nW: An error occurred during the signature "
		 "verification.\nE: The repository is not signed.",
		 ERR_FAIL, ERR_VERIFY, "not signed"},
		{"Missing key 03C1, which is needed to verify signature.", ERR_FAIL, ERR_VERIFY,
		 "Missing key"},
		{"   Hash Sum mismatch\nE: Failed to fetch https://a/b.deb  Hash Sum mismatch",
		 ERR_FAIL, ERR_VERIFY, "https://a/b.deb"},
		{"E: Unable to locate package nosuch", ERR_FAIL, ERR_ABSENT, ": Unable to locate"},
		{"E: Version '9' for 'docker-ce' was not found", ERR_FAIL, ERR_ABSENT, "docker-ce"},
		{"E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 812",
		 ERR_FAIL, ERR_BUSY, "812"},
		{"E: Packages need to be removed but remove is disabled.", ERR_FAIL, ERR_UNSAT,
		 "removed"},
		{"dpkg: error processing archive x (--unpack):\n cannot copy: No space left on "
		 "device",
		 ERR_FAIL, ERR_NOSPC, "No space"},
		{"No match for argument: nosuch\nError: Unable to find a match: nosuch", ERR_FAIL,
		 ERR_ABSENT, "nosuch"},
		{"Public key for x.rpm is not installed\nError: GPG check FAILED", ERR_FAIL,
		 ERR_VERIFY, "Public key for x.rpm"},
		{"OpenPGP check for package \"x\" from repo \"y\" has failed: ...", ERR_FAIL,
		 ERR_VERIFY, "repo"},
		{"RPM: error: can't create transaction lock on /var/lib/rpm/.rpm.lock", ERR_FAIL,
		 ERR_BUSY, ".rpm.lock"},
		{"Errors during downloading metadata\n  - Status code: 404 for https://a", ERR_FAIL,
		 ERR_NET, "404"},
		{"System management is locked by the application with pid 1 (zypper).", ERR_BUSY,
		 ERR_BUSY, "pid 1"},
		{"Signature verification failed for repomd.xml\nNo provider of 'x' found.",
		 ERR_ABSENT, ERR_VERIFY, "repomd.xml"},
		{"'x' not found in package names.\nNo provider of 'x' found.", ERR_ABSENT,
		 ERR_ABSENT, "No provider"},
		{"all was well\n\nuntil the end", ERR_FAIL, ERR_FAIL, "until the end"},
		{"Error: something new", ERR_NET, ERR_NET, "something new"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(strs_fini) struct strs lines = {0};
		struct pkg_trouble t = {0};
		struct err e = {0};

		add_lines(&lines, rows[i].lines);
		for (size_t k = 0; k < lines.n; k++)
			pkg_trouble_line(&t, lines.v[k]);
		assert_int_equal(pkg_trouble_report(&t, "apt-get", 100, rows[i].by_status, &e),
				 -(int)rows[i].code);
		if (!strstr(e.msg, rows[i].has))
			fail_msg("'%s' does not say '%s'", e.msg, rows[i].has);
	}
}

TEST(apt_tells_versions_and_what_would_go)
{
	static const char policy[] = "docker-ce:\n"
				     "  Installed: (none)\n"
				     "  Candidate: 5:28.5.2-1\n"
				     "  Version table:\n"
				     "     5:28.5.2-1 500\n"
				     "        500 https://download.docker.com trixie/stable\n"
				     " *** 5:28.5.1-1 100\n";
	CLEANUP(strs_fini) struct strs lines = {0};
	CLEANUP(strs_fini) struct strs none = {0};

	add_lines(&lines, policy);
	add_lines(&none, "x:\n  Installed: (none)\n  Candidate: (none)\n");
	same(apt_policy_version(&none, NULL), NULL);
	same(apt_policy_version(&lines, "28"), NULL);
	same(apt_policy_version(&lines, "5:28.5"), NULL);
	for (size_t i = 0; i < 3; i++) {
		static const char *const asked[] = {NULL, "5:28.5.1-1", "5:28.5.2-1"};
		CLEANUP(freep) char *got = apt_policy_version(&lines, asked[i]);

		same(got, asked[i] ? asked[i] : "5:28.5.2-1");
	}
	for (size_t i = 0; i < 4; i++) {
		static const char *const said[] = {"Purg docker-ce [5:28.5.2-1]", "Remv a:i386 [1]",
						   "Inst new (1 x [amd64])", "Conf a (1)"};
		static const char *const name[] = {"docker-ce", "a", "new", NULL};
		CLEANUP(freep) char *got = apt_simulated(said[i]);

		same(got, name[i]);
	}
}

TEST(lists_of_packages_are_found_by_name)
{
	static const char status[] =
		"Package: bash\nStatus: install ok installed\nVersion: 5.2\n"
		"Description: x\n Package: no\n\n"
		"Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n"
		"Package: bash-completion\nEssential: yes\n"
		"Status: hold ok installed\nVersion: 1:2.11\n\n"
		"Package: half\nStatus: install ok half-installed\nVersion: 3\n";
	CLEANUP(strs_fini) struct strs l = {0};

	dpkg_status_list(status, &l);
	pkg_sort(&l);
	assert_int_equal(l.n, 2);
	same(pkg_in_list(&l, "bash"), "5.2");
	same(pkg_in_list(&l, "bash-completion"), "1:2.11");
	same(pkg_in_list(&l, "bash=5.1"), "5.2");
	same(pkg_in_list(&l, "bas"), NULL);
	same(pkg_in_list(&l, "bash-"), NULL);
	same(pkg_in_list(&l, "half"), NULL);
}

TEST(rpm_managers_say_what_they_know)
{
	static const struct {
		char *(*read)(const char *line);
		const char *line;
		const char *wanted;
	} rows[] = {
		{rpm_needer,
		 "\tcontainerd.io >= 1.7 is needed by (installed) docker-ce-3:28.5.2-1.x86_64",
		 "docker-ce"},
		{rpm_needer, "error: Failed dependencies:", NULL},
		{rpm_needer, " is needed by (installed) x", NULL},
		{dnf_locked, "docker-ce-3:28.5.2-1.*", "docker-ce"},
		{dnf_locked, "!docker-ce-3:28.5.2-1.*", NULL},
		{dnf_locked, "Last metadata expiration check: 0:00:02 ago.", NULL},
		{dnf_locked, "Package name: docker-ce", "docker-ce"},
		{dnf_locked, "evr = 3:28.5.2-1", NULL},
		{dnf_enabled_stream, "nvidia-driver open-dkms [d][e] default [d], ks NVIDIA driver",
		 "nvidia-driver:open-dkms"},
		{dnf_enabled_stream, "nvidia-driver  580-open [e]  default  NVIDIA",
		 "nvidia-driver:580-open"},
		{dnf_enabled_stream, "nvidia-driver 575 default [d], [e]", NULL},
		{dnf_enabled_stream, "Hint: [d]efault, [e]nabled, [x]disabled, [i]nstalled", NULL},
		{zypper_info_version, "Version        : 1.19.0-1", "1.19.0-1"},
		{zypper_info_version, "Summary        : Version : 3", NULL},
		{zypper_edition,
		 "<solvable status=\"not-installed\" name=\"x\" kind=\"package\" "
		 "edition=\"1.19.0-1\" arch=\"x86_64\"/>",
		 "1.19.0-1"},
		{zypper_edition, "<solvable edition=\"1", NULL},
		{zypper_locked, "<locks size=\"1\"><lock number=\"1\"><name>podman</name>",
		 "podman"},
		{zypper_locked, "<message><name>x</name>", NULL},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(freep) char *got = rows[i].read(rows[i].line);

		same(got, rows[i].wanted);
	}
}

TEST(primary_keys_alone_are_fingerprints)
{
	CLEANUP(strs_fini) struct strs lines = {0};
	CLEANUP(strs_fini) struct strs keys = {0};

	add_lines(&lines, "tru::1:1:0:3:1:5\n"
			  "pub:-:4096:1:C52FEB6B621E9F35:1487788586:::-:::scSC::::::23::0:\n"
			  "fpr:::::::::060a61c51b558a7f742b77aac52feb6b621e9f35:\n"
			  "uid:-::::1487788586::D4CC::Docker::::::::::0:\n"
			  "sub:-:4096:1:7EA0A9C3F273FCD8:1487788586::::::s::::::23:\n"
			  "fpr:::::::::D3306A018370199E527AE7997EA0A9C3F273FCD8:\n"
			  "pub:-:256:22:1:1:::-:::scSC:\n"
			  "fpr:::::::::not-a-fingerprint:\n"
			  "fpr:::::::::D3306A018370199E527AE7997EA0A9C3F273FCD8:\n"
			  "fpr\n");
	key_colons(&lines, &keys);
	assert_int_equal(keys.n, 1);
	same(keys.v[0], "060A61C51B558A7F742B77AAC52FEB6B621E9F35");
}

/* Another process that holds a lock on the file until it is killed. */
static pid_t hold(const char *path)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
		int fd = open(path, O_RDWR);

		if (fd < 0 || fcntl(fd, F_SETLK, &l) < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			(void)pause();
	}
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	return pid;
}

/* As soon as it is said that a lock is waited for, its holder goes. */
static int let_go(void *arg, const char *line)
{
	const pid_t *pid = arg;
	CLEANUP(freep) char *who = str_fmt("(process %d)", (int)*pid);

	if (!strstr(line, who))
		fail_msg("'%s' does not name %s", line, who);
	(void)kill(*pid, SIGKILL);
	(void)waitpid(*pid, NULL, 0);
	return 0;
}

TEST(locks_are_waited_for_and_their_holder_is_named)
{
	char path[] = "/tmp/dlenv-test-lock-XXXXXX";
	int fd = mkstemp(path);
	const char *const locks[] = {"/nonexistent/lock", path, NULL};
	const struct pkg_manager m = {.name = "x", .locks = locks};
	struct pkg_run run = {0};
	struct err e = {0};
	pid_t pid;

	assert_true(fd >= 0);
	assert_int_equal(pkg_lock_wait(&m, &run, mono_ms(), &e), 0);
	pid = hold(path);
	assert_true(pkg_lock_is_held(&m));
	assert_int_equal(pkg_lock_wait(&m, &run, mono_ms(), &e), -ERR_BUSY);
	assert_non_null(strstr(e.msg, path));
	run = (struct pkg_run){.on_line = let_go, .arg = &pid};
	assert_int_equal(pkg_lock_wait(&m, &run, mono_ms() + 60000, &e), 0);
	assert_false(pkg_lock_is_held(&m));
	(void)close(fd);
	(void)unlink(path);
}

RUN(IT(commands_are_those_that_people_type), IT(troubles_are_told_apart_by_what_is_printed),
    IT(apt_tells_versions_and_what_would_go), IT(lists_of_packages_are_found_by_name),
    IT(rpm_managers_say_what_they_know), IT(primary_keys_alone_are_fingerprints),
    IT(locks_are_waited_for_and_their_holder_is_named))
