/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real containers: what a program inside sees and what an image or a
 * configuration must not be able to do. As root without a user namespace, as
 * anybody else with a single id. The image is a folder of links with the
 * machine's /usr in it. Scenarios are named after the CVE they replay.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/env.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/runtime.h"
#include "test.h"

struct box {
	char dir[64];		/* the bundle; dir/root is the image */
	const char *command;	/* for /bin/sh -c, or args */
	const char *args;	/* JSON list instead of command */
	const char *cwd;	/* "/" */
	const char *mounts;	/* further JSON objects, each after a comma */
	const char *linux_more; /* further JSON members of linux, each after a comma */
	const char *process_more;
	const char *top_more; /* the same for the whole document */
	unsigned int flags;   /* enum rt_flags */
	bool no_proc;
	bool no_dev;
	char out[4096]; /* what it printed */
	struct err e;
};

static bool possible(void)
{
	struct err e;

	return geteuid() == 0 ? access("/proc/self/ns/mnt", F_OK) == 0 : userns_check(&e) == 0;
}

static void box_init(struct box *b)
{
	static const char *const dirs[] = {"", "/root", "/root/usr", "/root/etc", "/root/tmp"};

	*b = (struct box){
		.cwd = "/", .mounts = "", .linux_more = "", .process_more = "", .top_more = ""};
	(void)snprintf(b->dir, sizeof(b->dir), "/tmp/dlenv-test-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	assert_int_equal(chmod(b->dir, 0755), 0);
	for (size_t i = 1; i < COUNT(dirs); i++) {
		CLEANUP(freep) char *path = str_fmt("%s%s", b->dir, dirs[i]);

		assert_int_equal(mkdir(path, 0755), 0);
	}
	for (const char *const *p = (const char *const[]){"bin", "lib", "lib64", "sbin", NULL}; *p;
	     p++) {
		CLEANUP(freep) char *link = str_fmt("%s/root/%s", b->dir, *p);
		CLEANUP(freep) char *target = str_fmt("usr/%s", *p);

		assert_int_equal(symlink(target, link), 0);
	}
}

static void box_fini(struct box *b)
{
	struct err e;

	assert_int_equal(tree_remove(AT_FDCWD, b->dir, &e), 0);
}

static void box_link(const struct box *b, const char *target, const char *name)
{
	CLEANUP(freep) char *path = str_fmt("%s/root/%s", b->dir, name);

	assert_int_equal(symlink(target, path), 0);
}

static void box_write(const struct box *b)
{
	bool user = geteuid() != 0;
	CLEANUP(freep)
	char *maps = str_fmt(",\"uidMappings\":[{\"containerID\":0,\"hostID\":%u,\"size\":1}],"
			     "\"gidMappings\":[{\"containerID\":0,\"hostID\":%u,\"size\":1}]",
			     geteuid(), getegid());
	CLEANUP(freep)
	char *args =
		b->args ? str_dup(b->args) : str_fmt("[\"/bin/sh\",\"-c\",\"%s\"]", b->command);
	CLEANUP(freep)
	char *text = str_fmt(
		"{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"root\"},\"process\":{\"args\":%s,"
		"\"cwd\":\"%s\",\"env\":[\"PATH=/usr/bin:/usr/sbin\"],\"capabilities\":{"
		"\"bounding\":[\"CAP_CHOWN\"],\"permitted\":[\"CAP_CHOWN\"],\"effective\":[\"CAP_"
		"CHOWN\"]}%s},\"mounts\":[{\"destination\":\"/usr\",\"source\":\"/usr\","
		"\"options\":[\"rbind\",\"ro\"]}%s%s%s],\"linux\":{\"namespaces\":["
		"{\"type\":\"mount\"},{\"type\":\"pid\"},{\"type\":\"ipc\"},{\"type\":\"uts\"}%s],"
		"\"seccomp\":%s%s%s}%s}",
		args, b->cwd, b->process_more,
		b->no_proc ? "" : ",{\"destination\":\"/proc\",\"type\":\"proc\"}",
		b->no_dev ? ""
			  : ",{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"options\":"
			    "[\"nosuid\",\"mode=755\"]}",
		b->mounts, user ? ",{\"type\":\"user\"}" : "", rt_default_seccomp_json(),
		user ? maps : "", b->linux_more, b->top_more);
	CLEANUP(freep) char *path = str_fmt("%s/config.json", b->dir);
	struct err e;

	assert_int_equal(file_write(AT_FDCWD, path, text, strlen(text), 0644, 0, &e), 0);
}

/* The exit status, or the negative code of the failure, with the text in b->out. */
static int box_run(struct box *b)
{
	CLEANUP(buf_fini) struct buf text = {.max = sizeof(b->out) - 1};
	struct rt_opts o = {
		.bundle = b->dir, .id = "test", .flags = b->flags, .stdio = {-1, -1, -1}};
	int out[2];
	int status = 0;
	int code;

	box_write(b);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	o.stdio[1] = out[1];
	o.stdio[2] = out[1];
	code = rt_run(&o, &status, &b->e);
	(void)close(out[1]);
	assert_int_equal(read_all(out[0], &text), 0);
	(void)close(out[0]);
	(void)snprintf(b->out, sizeof(b->out), "%s", text.len ? text.data : "");
	return code < 0 ? code : status;
}

TEST(an_exit_status_passes_through)
{
	struct box b;

	SKIP_UNLESS(possible(), "userns", "this user may not make namespaces here");
	box_init(&b);
	b.command = "echo hello; exit 7";
	assert_int_equal(box_run(&b), 7);
	assert_string_equal(b.out, "hello\n");
	b.command = "sh -c 'kill -9 $$'";
	assert_int_equal(box_run(&b), 128 + SIGKILL);
	box_fini(&b);
}

TEST(a_command_that_cannot_run_has_its_own_code)
{
	struct box b;

	SKIP_UNLESS(possible(), "userns", "this user may not make namespaces here");
	box_init(&b);
	b.args = "[\"no-such-command\"]";
	assert_int_equal(box_run(&b), -ERR_NOCMD);
	b.args = "[\"/tmp\"]";
	assert_int_equal(box_run(&b), -ERR_NOEXEC);
	box_fini(&b);
}

TEST(the_process_has_what_it_was_given_and_nothing_else)
{
	struct box b;
	/* Left open on purpose, and not close-on-exec (CVE-2016-9962, CVE-2024-21626). */
	int leak = open("/", O_RDONLY | O_DIRECTORY);

	SKIP_UNLESS(possible(), "userns", "this user may not make namespaces here");
	assert_true(leak >= 0);
	box_init(&b);
	b.command =
		"echo /proc/self/fd/*; grep -E 'CapInh|CapBnd|CapPrm|Seccomp:' /proc/self/status";
	assert_int_equal(box_run(&b), 0);
	assert_non_null(strstr(b.out, "/proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2"));
	assert_null(strstr(b.out, "/proc/self/fd/4"));
	assert_non_null(strstr(b.out, "CapInh:\t0000000000000000"));
	assert_non_null(strstr(b.out, "CapPrm:\t0000000000000001"));
	assert_non_null(strstr(b.out, "CapBnd:\t0000000000000001"));
	assert_non_null(strstr(b.out, "Seccomp:\t2"));
	(void)close(leak);
	box_fini(&b);
}

TEST(cve_2024_21626_a_cwd_outside_is_refused)
{
	struct box b;

	SKIP_UNLESS(possible(), "userns", "this user may not make namespaces here");
	box_init(&b);
	b.command = "pwd";
	for (int fd = 3; fd < 40; fd++) {
		CLEANUP(freep) char *cwd = str_fmt("/proc/self/fd/%d", fd);

		b.cwd = cwd;
		assert_true(box_run(&b) < 0);
	}
	box_fini(&b);
}

TEST(cve_2019_5736_the_runtime_is_never_the_command)
{
	struct box b;
	CLEANUP(freep) char *script = NULL;
	static const char text[] = "#!/proc/self/exe\n";
	struct err e;

	SKIP_UNLESS(possible(), "userns", "this user may not make namespaces here");
	box_init(&b);
	b.args = "[\"/proc/self/exe\"]";
	assert_int_equal(box_run(&b), -ERR_NOEXEC);
	script = str_fmt("%s/root/script", b.dir);
	assert_int_equal(file_write(AT_FDCWD, script, text, strlen(text), 0755, 0, &e), 0);
	b.args = "[\"/script\"]";
	assert_int_equal(box_run(&b), -ERR_NOEXEC);
	box_link(&b, "/proc/self/exe", "link");
	b.args = "[\"/link\"]";
	assert_int_equal(box_run(&b), -ERR_NOEXEC);
	box_fini(&b);
}

TEST(cve_2019_19921_proc_and_dev_must_be_real_folders)
{
	static const char *const targets[] = {"/tmp", "tmp", "../../..", "/nowhere"};
	struct box b;

	SKIP_UNLESS(possible(), "userns", "this user may not make namespaces here");
	for (size_t i = 0; i < COUNT(targets); i++)
		for (const char *const *name = (const char *const[]){"proc", "dev", NULL}; *name;
		     name++) {
			box_init(&b);
			b.command = "true";
			box_link(&b, targets[i], *name);
			assert_true(box_run(&b) < 0);
			box_fini(&b);
		}
}

TEST(cve_2019_18837_mount_targets_stay_in_the_root)
{
	static const char *const targets[] = {"..", "../..", "/..", "../../../../../.."};
	struct box b;
	char marker[] = "/tmp/dlenv-mark-XXXXXX";
	struct strs names = {0};
	struct err e;

	SKIP_UNLESS(possible(), "userns", "this user may not make namespaces here");
	assert_non_null(mkdtemp(marker));
	for (size_t i = 0; i < COUNT(targets); i++) {
		CLEANUP(freep) char *out = NULL;
		CLEANUP(freep) char *more = NULL;

		box_init(&b);
		out = str_fmt("%s%s", targets[i], marker);
		box_link(&b, out, "out");
		more = str_fmt(",{\"destination\":\"/out/new/deep\",\"type\":\"tmpfs\"}");
		b.mounts = more;
		b.command = "true";
		(void)box_run(&b);
		box_fini(&b);
	}
	assert_int_equal(dir_list(AT_FDCWD, marker, &names, &e), 0);
	assert_int_equal(names.n, 0);
	assert_int_equal(rmdir(marker), 0);
	strs_fini(&names);
}

TEST(cve_2025_31133_masks_are_the_null_device)
{
	struct box b;

	SKIP_UNLESS(possible(), "userns", "this user may not make namespaces here");
	box_init(&b);
	b.linux_more = ",\"maskedPaths\":[\"/proc/version\",\"/proc/bus\",\"/proc/not-there\"],"
		       "\"readonlyPaths\":[\"/proc/sys\"]";
	b.command = "[ -c /proc/version ] && wc -c < /proc/version; ls /proc/bus | wc -l; "
		    "echo 1 > /proc/sys/kernel/panic || echo refused";
	assert_int_equal(box_run(&b), 0);
	assert_non_null(strstr(b.out, "0\n0\n"));
	assert_non_null(strstr(b.out, "refused"));
	box_fini(&b);

	/* An image's own /dev, with a link where the null device should be. */
	box_init(&b);
	b.no_dev = true;
	b.command = "true";
	{
		CLEANUP(freep) char *dev = str_fmt("%s/root/dev", b.dir);

		assert_int_equal(mkdir(dev, 0755), 0);
	}
	box_link(&b, "/proc/sys/kernel/core_pattern", "dev/null");
	assert_int_equal(box_run(&b), -ERR_CONFIG);
	box_fini(&b);
}

TEST(cve_2019_16884_nothing_is_mounted_over_proc)
{
	static const char *const mounts[] = {
		",{\"destination\":\"/proc\",\"type\":\"tmpfs\"}",
		",{\"destination\":\"/proc/sys\",\"type\":\"tmpfs\"}",
		",{\"destination\":\"/proc/self/attr\",\"source\":\"/\",\"options\":[\"rbind\"]}",
		",{\"destination\":\"/proc/1/../sys\",\"type\":\"tmpfs\"}",
	};
	struct box b;

	SKIP_UNLESS(possible(), "userns", "this user may not make namespaces here");
	for (size_t i = 0; i < COUNT(mounts); i++) {
		box_init(&b);
		b.mounts = mounts[i];
		b.command = "true";
		assert_int_equal(box_run(&b), -ERR_CONFIG);
		box_fini(&b);
	}
}

TEST(cve_2022_0811_sysctls_are_checked)
{
	struct box b;

	SKIP_UNLESS(possible(), "userns", "this user may not make namespaces here");
	box_init(&b);
	b.command = "cat /proc/sys/kernel/shmmni";
	b.linux_more = ",\"sysctl\":{\"kernel.shmmni\":\"123\"}";
	assert_int_equal(box_run(&b), 0);
	assert_string_equal(b.out, "123\n");
	b.linux_more = ",\"sysctl\":{\"kernel.shmmni\":\"1\\nkernel.core_pattern=x\"}";
	assert_int_equal(box_run(&b), -ERR_CONFIG);
	b.linux_more = ",\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"}";
	assert_int_equal(box_run(&b), -ERR_CONFIG);
	box_fini(&b);
}

TEST(kernel_attack_surface_is_behind_the_filter)
{
	struct box b;

	SKIP_UNLESS(possible(), "userns", "this user may not make namespaces here");
	box_init(&b);
	b.command = "unshare -U true; unshare -m true; mount -t tmpfs x /tmp; true";
	assert_int_equal(box_run(&b), 0);
	assert_non_null(strstr(b.out, "unshare failed: Operation not permitted"));
	assert_null(strstr(b.out, "not found"));
	box_fini(&b);
}

TEST(a_bind_mount_is_read_only_with_all_below_it)
{
	struct box b;

	SKIP_UNLESS(possible(), "userns", "this user may not make namespaces here");
	box_init(&b);
	b.mounts = ",{\"destination\":\"/host\",\"source\":\"/\",\"options\":[\"rbind\",\"ro\"]}";
	b.command = "for d in /host/tmp /host/dev/shm /host/sys/fs/cgroup /host/run; do "
		    "touch $d/dlenv-x 2>/dev/null && echo wrote $d; done; true";
	assert_int_equal(box_run(&b), 0);
	assert_string_equal(b.out, "");
	box_fini(&b);
}

TEST(a_started_container_is_entered_and_killed)
{
	static const char *const args[] = {"/bin/sh", "-c", "exit 9", NULL};
	static const char *const missing[] = {"nothing-of-this-name", NULL};
	static const char *const self[] = {"/proc/self/exe", NULL};
	struct box b;
	struct rt_opts o = {.id = "test", .flags = RT_DETACH, .stdio = {-1, -1, -1}};
	struct rt_exec x = {.id = "test", .args = args, .cwd = "/", .stdio = {-1, -1, -1}};
	int status = -1;
	struct err e;

	SKIP_UNLESS(possible(), "userns", "this user may not make namespaces here");
	box_init(&b);
	b.command = "exec sleep 60";
	box_write(&b);
	o.bundle = b.dir;
	x.bundle = b.dir;
	assert_int_equal(rt_start(&o, &x.target, &e), 0);
	assert_true(rt_alive(&x.target));
	assert_int_equal(rt_exec(&x, &status, &e), 0);
	assert_int_equal(status, 9);
	x.args = missing;
	assert_int_equal(rt_exec(&x, &status, &e), -ERR_NOCMD);
	x.args = self;
	assert_int_equal(rt_exec(&x, &status, &e), -ERR_NOEXEC);
	x.args = args;
	for (int fd = 3; fd < 40; fd++) {
		CLEANUP(freep) char *cwd = str_fmt("/proc/self/fd/%d", fd);

		x.cwd = cwd;
		assert_true(rt_exec(&x, &status, &e) < 0);
	}
	x.cwd = "/";
	assert_int_equal(rt_kill(&x.target, SIGKILL, &e), 0);
	assert_int_equal(waitpid(x.target.pid, &status, 0), x.target.pid);
	assert_int_equal(rt_wait_gone(&x.target, 1000, &e), 0);
	assert_false(rt_alive(&x.target));
	assert_int_equal(rt_exec(&x, &status, &e), -ERR_ABSENT);
	box_fini(&b);
}

static int refuse(void *arg, pid_t pid, struct err *e)
{
	*(pid_t *)arg = pid;
	return err_set(e, ERR_NET, "no network");
}

TEST(a_root_is_prepared_and_nothing_of_it_runs)
{
	static const char command[] = "echo ran; touch /tmp/ran";
	struct box b;
	CLEANUP(freep) char *ran = NULL;
	CLEANUP(freep) char *place = NULL;
	CLEANUP(freep) char *link_path = NULL;

	SKIP_UNLESS(possible(), "userns", "this user may not make namespaces here");
	box_init(&b);
	ran = str_fmt("%s/root/tmp/ran", b.dir);
	place = str_fmt("%s/root/opt/true", b.dir);
	link_path = str_fmt("%s/root/opt/link", b.dir);
	b.command = command;
	b.flags = RT_PREPARE;
	b.mounts =
		",{\"destination\":\"/opt/true\",\"source\":\"/bin/true\",\"options\":[\"bind\"]}";
	b.top_more = ",\"annotations\":{\"dlenv.tree\":\"{\\\"links\\\":[{\\\"at\\\":"
		     "\\\"/opt/link\\\",\\\"target\\\":\\\"true\\\"}]}\"}";
	assert_int_equal(box_run(&b), 0);
	assert_string_equal(b.out, "");
	assert_true(access(ran, F_OK) < 0);
	assert_int_equal(access(place, F_OK), 0);
	assert_true(access(link_path, F_OK) == 0);
	b.top_more = ",\"annotations\":{\"dlenv.tree\":\"{\"}";
	assert_true(box_run(&b) < 0);
	box_fini(&b);
}

TEST(a_failure_of_the_network_ends_the_container)
{
	struct box b;
	pid_t pid = 0;
	struct rt_opts o = {
		.id = "test", .stdio = {-1, -1, -1}, .on_created = refuse, .on_created_arg = &pid};
	int status;
	struct err e;

	SKIP_UNLESS(possible(), "userns", "this user may not make namespaces here");
	box_init(&b);
	b.command = "true";
	box_write(&b);
	o.bundle = b.dir;
	assert_int_equal(rt_run(&o, &status, &e), -ERR_NET);
	assert_true(pid > 0);
	assert_int_equal(kill(pid, 0), -1);
	box_fini(&b);
}

/* Every fallback does the same as what it stands in for. */
TEST(it_works_without_the_newer_system_calls)
{
	static const char *const without[] = {
		"newmount", "treeattr",	  "openat2",
		"clone3",   "closerange", "newmount,openat2,clone3,closerange,pidfd"};
	struct box b;

	SKIP_UNLESS(possible(), "userns", "this user may not make namespaces here");
	for (size_t i = 0; i < COUNT(without); i++) {
		assert_int_equal(setenv("DLENV_NO", without[i], 1), 0);
		box_init(&b);
		b.linux_more =
			",\"maskedPaths\":[\"/proc/version\",\"/proc/bus\"],"
			"\"readonlyPaths\":[\"/proc/sys\"],\"sysctl\":{\"kernel.shmmni\":\"77\"}";
		b.mounts =
			",{\"destination\":\"/host/deep\",\"source\":\"/\",\"options\":[\"rbind\","
			"\"ro\",\"nosuid\"]}";
		b.command =
			"cat /proc/sys/kernel/shmmni; [ -c /dev/null ] && [ -c /proc/version ] && "
			"echo masked; echo /proc/self/fd/*; touch /host/deep/dev/shm/dlenv-x || "
			"echo refused";
		assert_int_equal(box_run(&b), 0);
		assert_non_null(strstr(b.out, "77\nmasked\n"));
		assert_null(strstr(b.out, "/proc/self/fd/4"));
		assert_non_null(strstr(b.out, "refused"));
		box_fini(&b);
	}
	assert_int_equal(unsetenv("DLENV_NO"), 0);
}

static int is_root_inside(void *arg, struct err *e)
{
	int outer = *(int *)arg;

	return geteuid() == 0 && outer == 42 ? err_set(e, ERR_HUMAN, "as expected")
					     : err_set(e, ERR_BUG, "wrong identity");
}

TEST(a_function_runs_as_root_of_its_namespace)
{
	CLEANUP(user_fini) struct user u = {0};
	struct idmap m = {0};
	int value = 42;
	struct err e;

	SKIP_UNLESS(possible(), "userns", "this user may not make namespaces here");
	assert_int_equal(user_init(&u, &e), 0);
	if (u.uid)
		idmap_single(&m, &u, 0, 0);
	assert_int_equal(userns_call(&m, is_root_inside, &value, &e), -ERR_HUMAN);
	assert_string_equal(e.msg, "as expected");
}

RUN(IT(an_exit_status_passes_through), IT(a_command_that_cannot_run_has_its_own_code),
    IT(the_process_has_what_it_was_given_and_nothing_else),
    IT(cve_2024_21626_a_cwd_outside_is_refused), IT(cve_2019_5736_the_runtime_is_never_the_command),
    IT(cve_2019_19921_proc_and_dev_must_be_real_folders),
    IT(cve_2019_18837_mount_targets_stay_in_the_root), IT(cve_2025_31133_masks_are_the_null_device),
    IT(cve_2019_16884_nothing_is_mounted_over_proc), IT(cve_2022_0811_sysctls_are_checked),
    IT(kernel_attack_surface_is_behind_the_filter), IT(a_bind_mount_is_read_only_with_all_below_it),
    IT(a_started_container_is_entered_and_killed), IT(a_root_is_prepared_and_nothing_of_it_runs),
    IT(a_failure_of_the_network_ends_the_container), IT(it_works_without_the_newer_system_calls),
    IT(a_function_runs_as_root_of_its_namespace))
