/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime's parts that only compute: mappings, mount options, sysctls, limits, filters. */
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json_span.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/cgroup_devices.h"
#include "runtime/idmap_write.h"
#include "runtime/mount_options.h"
#include "runtime/process_id.h"
#include "runtime/rlimits.h"
#include "runtime/runtime.h"
#include "runtime/seccomp.h"
#include "runtime/sysctl.h"
#include "test.h"

TEST(the_callers_id_stays_what_it_is)
{
	static const struct {
		uint32_t keep;
		uint32_t count;
		size_t n;
		struct idmap_row rows[3];
	} cases[] = {
		{1000, 65536, 3, {{0, 100000, 1000}, {1000, 1000, 1}, {1001, 101001, 64535}}},
		{65535, 65536, 2, {{0, 100000, 65535}, {65535, 65535, 1}}},
		{70000, 65536, 2, {{0, 100000, 65536}, {70000, 70000, 1}}},
		{0, 65536, 2, {{0, 0, 1}, {1, 100001, 65535}}},
		{4294967294, 65536, 2, {{0, 100000, 65536}, {4294967294, 4294967294, 1}}},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct idmap_row rows[IDMAP_MAX] = {0};

		assert_int_equal(idmap_around(cases[i].keep, 100000, cases[i].count, rows),
				 cases[i].n);
		assert_memory_equal(rows, cases[i].rows, cases[i].n * sizeof(rows[0]));
	}
}

TEST(an_id_is_looked_up_in_its_rows)
{
	static const struct idmap_row rows[] = {{0, 100000, 10}, {4294967290, 5, 4}};

	assert_true(idmap_has(rows, 2, 0));
	assert_true(idmap_has(rows, 2, 9));
	assert_false(idmap_has(rows, 2, 10));
	assert_true(idmap_has(rows, 2, 4294967293));
	assert_false(idmap_has(rows, 2, 4294967294));
	assert_false(idmap_has(rows, 0, 0));
}

TEST(mount_options_are_sorted_by_who_gets_them)
{
	static const char *const options[] = {"rbind",	 "ro",	     "nosuid", "rprivate",
					      "size=4k", "relatime", "rro",    NULL};
	static const char *const later[] = {"ro", "rw", NULL};
	struct mount_options o;
	struct err e;

	assert_int_equal(mount_options_parse(options, &o, &e), 0);
	assert_true(o.bind && o.deep);
	assert_int_equal(o.set, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID);
	assert_int_equal(o.deep_set, MOUNT_ATTR_RDONLY);
	assert_int_equal(o.propagation, MS_PRIVATE);
	assert_true(o.propagation_deep);
	assert_int_equal(o.data.n, 1);
	assert_string_equal(o.data.v[0], "size=4k");
	mount_options_fini(&o);
	assert_int_equal(mount_options_parse(later, &o, &e), 0);
	assert_int_equal(o.set, 0);
	assert_int_equal(o.clear, MOUNT_ATTR_RDONLY);
	mount_options_fini(&o);
}

TEST(options_that_nothing_carries_out_are_refused)
{
	static const char *const refused[] = {"idmap", "ridmap", "remount", "tmpcopyup"};

	for (size_t i = 0; i < COUNT(refused); i++) {
		const char *const options[] = {"ro", "mode=1777", refused[i], NULL};
		struct mount_options o;
		struct err e;

		assert_int_equal(mount_options_parse(options, &o, &e), -ERR_CONFIG);
		assert_non_null(strstr(e.msg, refused[i]));
	}
}

/* CVE-2022-0811: one sysctl must not smuggle in another one. */
TEST(only_sysctls_of_own_namespaces_pass)
{
	static const struct {
		const char *key;
		const char *value;
		unsigned long flags;
		int result;
	} rows[] = {
		{"net.ipv4.ip_forward", "1", CLONE_NEWNET, 0},
		{"net.ipv4.ip_forward", "1", CLONE_NEWIPC, -ERR_CONFIG},
		{"kernel.shmmax", "1", CLONE_NEWIPC, 0},
		{"kernel.shmmaxx", "1", CLONE_NEWIPC, -ERR_CONFIG},
		{"kernel.core_pattern", "|/x", ~0UL, -ERR_CONFIG},
		{"fs.mqueue.msg_max", "1", CLONE_NEWIPC, 0},
		{"net.ipv4.ip_forward", "1\nkernel.core_pattern=x", CLONE_NEWNET, -ERR_CONFIG},
		{"net.ipv4.x+kernel.y=1", "1", CLONE_NEWNET, -ERR_CONFIG},
		{"net.../kernel.core_pattern", "1", CLONE_NEWNET, -ERR_CONFIG},
		{"net/../kernel", "1", CLONE_NEWNET, -ERR_CONFIG},
		{"", "1", CLONE_NEWNET, -ERR_CONFIG},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err e;

		assert_int_equal(sysctl_check(rows[i].key, rows[i].value, rows[i].flags, &e),
				 rows[i].result);
	}
}

TEST(a_sysctl_key_becomes_a_path)
{
	CLEANUP(freep) char *plain = sysctl_path("net.ipv4.ip_forward");
	CLEANUP(freep) char *vlan = sysctl_path("net.ipv4.conf.eth0/100.forwarding");

	assert_string_equal(plain, "sys/net/ipv4/ip_forward");
	assert_string_equal(vlan, "sys/net/ipv4/conf/eth0.100/forwarding");
}

TEST(limits_are_lowered_and_never_fail)
{
	struct spec_rlimit limits[] = {{"RLIMIT_CORE", "0", "0"}, {"RLIMIT_CORE", "-1", "-1"}};
	struct doc_list list = {.items = limits, .n = 2};
	struct spec_rlimit wrong = {"RLIMIT_CORE", "2", "1"};
	struct rlimit now;
	struct err e;

	/* With CAP_SYS_RESOURCE the second is granted, without it lowered: both are no failure. */
	assert_int_equal(rlimits_set(&list, NULL, NULL, &e), 0);
	assert_int_equal(getrlimit(RLIMIT_CORE, &now), 0);
	assert_true(now.rlim_max == 0 || now.rlim_max == RLIM_INFINITY);
	list = (struct doc_list){.items = &wrong, .n = 1};
	assert_int_equal(rlimits_set(&list, NULL, NULL, &e), -ERR_CONFIG);
	wrong.type = "RLIMIT_X";
	assert_int_equal(rlimits_set(&list, NULL, NULL, &e), -ERR_CONFIG);
	assert_int_equal(rlimit_number("RLIMIT_NOFILE"), RLIMIT_NOFILE);
}

TEST(a_start_time_is_found_behind_any_name)
{
	static const char text[] = "7 (a ) b (x) S 1 7 7 0 -1 4194560 9 0 0 0 1 2 3 4 20 0 1 0 "
				   "123456 1000 10\n";
	uint64_t got = 0;
	struct err e;

	assert_int_equal(process_start_time(text, &got, &e), 0);
	assert_int_equal(got, 123456);
	assert_int_equal(process_start_time("7 (x) S 1", &got, &e), -ERR_PARSE);
	assert_int_equal(process_start_time("", &got, &e), -ERR_PARSE);
}

TEST(a_process_is_named_for_good)
{
	struct rt_process_id self;
	struct err e;

	assert_int_equal(process_id(getpid(), &self, &e), 0);
	assert_true(rt_alive(&self));
	self.start_time++;
	assert_false(rt_alive(&self));
	assert_int_equal(rt_kill(&self, 0, &e), -ERR_ABSENT);
	assert_int_equal(rt_wait_gone(&self, 1, &e), 0);
	self.start_time--;
	assert_int_equal(rt_wait_gone(&self, 1, &e), -ERR_BUSY);
}

TEST(device_rules_end_with_the_defaults)
{
	struct spec_device_rule from[] = {
		{.allow = false, .access = "rwm"},
		{.allow = true, .type = "c", .access = "rw", .major = "195"}};
	struct spec_resources r = {.devices = {.items = from, .n = 2}};
	struct arena a = {0};
	struct doc_list got;
	struct device_rule *rules;
	struct err e;

	assert_int_equal(device_rules(&r, &a, &got, &e), 0);
	rules = got.items;
	assert_true(got.n > 2);
	assert_int_equal(rules[0].type, 'a');
	assert_false(rules[0].allow);
	assert_int_equal(rules[1].major, 195);
	assert_int_equal(rules[1].minor, -1);
	assert_int_equal(rules[1].access, BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE);
	assert_true(rules[got.n - 1].allow);
	from[1].type = "x";
	assert_int_equal(device_rules(&r, &a, &got, &e), -ERR_CONFIG);
	arena_fini(&a);
}

TEST(a_filters_key_depends_on_its_text)
{
	char a[DIGEST_LEN];
	char b[DIGEST_LEN];

	seccomp_key("{\"defaultAction\":\"SCMP_ACT_ALLOW\"}", a);
	seccomp_key("{\"defaultAction\":\"SCMP_ACT_ALLOW\"}", b);
	assert_string_equal(a, b);
	seccomp_key("{\"defaultAction\":\"SCMP_ACT_ERRNO\"}", b);
	assert_string_not_equal(a, b);
}

TEST(a_section_is_found_in_its_document)
{
	static const char *const path[] = {"linux", "seccomp", NULL};
	static const struct {
		const char *text;
		const char *found; /* NULL: left to the reader */
	} rows[] = {
		{"{\"linux\":{\"seccomp\":{\"a\":[1,{\"}\":\"\\\"]\"}]}}}",
		 "{\"a\":[1,{\"}\":\"\\\"]\"}]}"},
		{" { \"x\" : \"linux\" , \"linux\" : { \"a\":[], \"seccomp\" : {} } }", "{}"},
		{"{\"x\":{\"linux\":{\"seccomp\":{}}},\"y\":[{\"linux\":1}]}", NULL},
		{"{\"seccomp\":{},\"linux\":{}}", NULL},
		{"{\"linux\":{\"s\\u0065ccomp\":{}}}", NULL},
		{"{\"linux\":{\"seccomp\":{\"a\":1", NULL},
		{"{\"linux\":{\"seccomp", NULL},
		{"{\"linux\":", NULL},
		{"[]", NULL},
		{"", NULL},
		{"{\"linux\":{\"seccomp\":12}}", "12"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t start = 0;
		size_t len = 0;
		/* A copy of the exact size: reading beyond it is seen by the sanitizer. */
		char *text = mem_dup(rows[i].text, strlen(rows[i].text));
		bool found = json_span(text, strlen(rows[i].text), path, &start, &len);

		assert_int_equal(found, rows[i].found != NULL);
		if (found) {
			assert_int_equal(len, strlen(rows[i].found));
			assert_memory_equal(text + start, rows[i].found, len);
		}
		free(text);
	}
}

TEST(the_default_profile_compiles_and_is_cached)
{
	char dir[] = "/tmp/dlenv-test-XXXXXX";
	struct seccomp_filter first = {0};
	struct seccomp_filter second = {0};
	char key[DIGEST_LEN];
	CLEANUP(freep) char *path = NULL;
	struct stat st;
	struct err e;

	assert_non_null(mkdtemp(dir));
	assert_int_equal(seccomp_get(rt_default_seccomp_json(), dir, &first, &e), 0);
	assert_true(first.n > 100);
	seccomp_key(rt_default_seccomp_json(), key);
	path = str_fmt("%s/%s.bpf", dir, key);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, first.n * 8);
	/* A filter that others may write is compiled anew. */
	assert_int_equal(truncate(path, 16), 0);
	assert_int_equal(chmod(path, 0622), 0);
	assert_int_equal(seccomp_get(rt_default_seccomp_json(), dir, &second, &e), 0);
	assert_int_equal(second.n, first.n);
	seccomp_filter_fini(&second);
	/* A good one is taken as it is. */
	assert_int_equal(truncate(path, 16), 0);
	assert_int_equal(seccomp_get(rt_default_seccomp_json(), dir, &second, &e), 0);
	assert_int_equal(second.n, 2);
	seccomp_filter_fini(&first);
	seccomp_filter_fini(&second);
	assert_int_equal(tree_remove(AT_FDCWD, dir, &e), 0);
}

TEST(a_wrong_filter_is_refused)
{
	static const char *const texts[] = {
		"{\"defaultAction\":\"SCMP_ACT_SOMETHING\"}",
		"{}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/x\"}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_VAX\"]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"SECCOMP_FILTER_FLAG_X\"]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],"
		"\"action\":\"SCMP_ACT_NOTIFY\"}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],"
		"\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":6,\"value\":1,\"op\":\"SCMP_"
		"CMP_EQ\"}]}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],"
		"\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":0,\"value\":1,\"op\":\"EQ\"}]}]"
		"}",
	};

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct seccomp_filter f = {0};
		struct err e;

		assert_int_equal(seccomp_get(texts[i], NULL, &f, &e), -ERR_CONFIG);
	}
}

RUN(IT(the_callers_id_stays_what_it_is), IT(an_id_is_looked_up_in_its_rows),
    IT(mount_options_are_sorted_by_who_gets_them), IT(options_that_nothing_carries_out_are_refused),
    IT(only_sysctls_of_own_namespaces_pass), IT(a_sysctl_key_becomes_a_path),
    IT(limits_are_lowered_and_never_fail), IT(a_start_time_is_found_behind_any_name),
    IT(a_process_is_named_for_good), IT(device_rules_end_with_the_defaults),
    IT(a_filters_key_depends_on_its_text), IT(a_section_is_found_in_its_document),
    IT(the_default_profile_compiles_and_is_cached), IT(a_wrong_filter_is_refused))
