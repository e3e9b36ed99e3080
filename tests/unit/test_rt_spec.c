/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/spec.h"

#include <string.h>

#include "base/str.h"
#include "runtime/caps.h"
#include "test.h"

#define PROCESS "\"process\":{\"args\":[\"/bin/true\"],\"cwd\":\"/\""
#define BEGIN "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"rootfs\"},"
#define MOUNT_NS "{\"type\":\"mount\"}"

static int parse(const char *text, struct spec *s, struct err *e)
{
	*s = (struct spec){0};
	return spec_parse(text, strlen(text), "config.json", s, e);
}

TEST(a_full_document_is_decoded)
{
	static const char text[] =
		BEGIN PROCESS ",\"user\":{\"uid\":1000,\"gid\":100,\"additionalGids\":[4,24]},"
			      "\"env\":[\"A=1\"],\"noNewPrivileges\":true,\"capabilities\":{"
			      "\"bounding\":[\"CAP_CHOWN\",\"CAP_BPF\"]},\"rlimits\":[{\"type\":"
			      "\"RLIMIT_CORE\",\"soft\":-1,\"hard\":-1}]},\"hostname\":\"box\","
			      "\"annotations\":{\"a.b\":\"c\"},\"mounts\":[{\"destination\":\"/x\","
			      "\"type\":\"tmpfs\",\"options\":[\"ro\",\"size=4k\"]}],"
			      "\"linux\":{\"namespaces\":[" MOUNT_NS
			      ",{\"type\":\"user\"},{\"type\":\"uts\"}],\"uidMappings\":[{"
			      "\"containerID\":0,\"hostID\":1000,\"size\":1}],\"gidMappings\":[{"
			      "\"containerID\":0,\"hostID\":100,\"size\":1}],\"resources\":{"
			      "\"memory\":{\"limit\":65536}},\"maskedPaths\":[\"/proc/keys\"]}}";
	struct spec s;
	struct err e;

	assert_int_equal(parse(text, &s, &e), 0);
	assert_int_equal(s.process.uid, 1000);
	assert_int_equal(s.process.groups_n, 2);
	assert_int_equal(s.process.groups[1], 24);
	assert_true(s.process.no_new_privileges);
	assert_int_equal(s.process.umask, -1);
	assert_true(s.process.caps[CAPS_BOUNDING] == (UINT64_C(1) | UINT64_C(1) << 39));
	assert_int_equal(s.process.caps[CAPS_INHERITABLE], 0);
	assert_string_equal(((struct spec_rlimit *)s.process.rlimits.items)[0].soft, "-1");
	assert_string_equal(s.hostname, "box");
	assert_string_equal(spec_annotation(&s, "a.b"), "c");
	assert_null(spec_annotation(&s, "a"));
	assert_string_equal(((struct spec_mount *)s.mounts.items)[0].options[1], "size=4k");
	assert_int_equal(s.linux_.resources.memory, 65536);
	assert_string_equal(s.linux_.masked[0], "/proc/keys");
	assert_int_equal(s.map.uid[0].outside, 1000);
	assert_non_null(spec_namespace(&s, "user"));
	assert_null(spec_namespace(&s, "pid"));
	spec_fini(&s);
}

TEST(what_is_not_carried_out_is_refused)
{
	static const struct {
		const char *field;
		const char *text;
	} rows[] = {
		{"hooks", "\"hooks\":{\"prestart\":[{\"path\":\"/x\"}]},"},
		{"process.apparmorProfile", NULL},
		{"linux.intelRdt",
		 "\"linux\":{\"intelRdt\":{\"closID\":\"a\"},\"namespaces\":[" MOUNT_NS "]},"},
		{"linux.resources.unified", "\"linux\":{\"resources\":{\"unified\":{\"memory."
					    "high\":\"1\"}},\"namespaces\":[" MOUNT_NS "]},"},
		{"linux.timeOffsets",
		 "\"linux\":{\"timeOffsets\":{\"boottime\":{\"secs\":1}},\"namespaces\":[" MOUNT_NS
		 "]},"},
		{"vm", "\"vm\":{\"kernel\":{\"path\":\"/x\"}},"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		bool has_linux = rows[i].text && strstr(rows[i].text, "\"linux\"");
		CLEANUP(freep)
		char *text = str_fmt(BEGIN "%s%s" PROCESS "%s}}", rows[i].text ? rows[i].text : "",
				     has_linux ? "" : "\"linux\":{\"namespaces\":[" MOUNT_NS "]},",
				     rows[i].text ? "" : ",\"apparmorProfile\":\"x\"");
		struct spec s;
		struct err e;

		assert_int_equal(parse(text, &s, &e), -ERR_CONFIG);
		assert_non_null(strstr(e.msg, rows[i].field));
		spec_fini(&s);
	}
}

TEST(empty_hooks_ask_for_nothing)
{
	struct spec s;
	struct err e;

	assert_int_equal(parse(BEGIN
			       "\"hooks\":{\"prestart\":[]},\"linux\":{\"namespaces\":[" MOUNT_NS
			       "]}," PROCESS "}}",
			       &s, &e),
			 0);
	spec_fini(&s);
}

TEST(wrong_documents_are_refused)
{
	static const struct {
		const char *text;
		const char *about; /* part of the message */
	} rows[] = {
		{"{}", "ociVersion"},
		{"{\"ociVersion\":\"2.0\",\"root\":{\"path\":\"x\"}," PROCESS "}}", "2.0"},
		{"{\"ociVersion\":\"1.0\"," PROCESS "}}", "root.path"},
		{BEGIN "\"linux\":{\"namespaces\":[" MOUNT_NS "]}}", "process.args"},
		{BEGIN PROCESS "}}", "mount namespace"},
		{BEGIN
		 "\"process\":{\"args\":[],\"cwd\":\"/\"},\"linux\":{\"namespaces\":[" MOUNT_NS
		 "]}}",
		 "process.args"},
		{BEGIN "\"process\":{\"args\":[\"x\"],\"cwd\":\"home\"},\"linux\":{\"namespaces\":"
		       "[" MOUNT_NS "]}}",
		 "not absolute"},
		{BEGIN PROCESS
		 ",\"user\":{\"uid\":4294967295}},\"linux\":{\"namespaces\":[" MOUNT_NS "]}}",
		 "out of range"},
		{BEGIN PROCESS ",\"capabilities\":{\"bounding\":[\"CAP_ALL\"]}}}", "CAP_ALL"},
		{BEGIN PROCESS "},\"linux\":{\"namespaces\":[" MOUNT_NS "," MOUNT_NS "]}}",
		 "twice"},
		{BEGIN PROCESS "},\"linux\":{\"namespaces\":[" MOUNT_NS ",{\"type\":\"time\"}]}}",
		 "time"},
		{BEGIN PROCESS "},\"hostname\":\"x\",\"linux\":{\"namespaces\":[" MOUNT_NS "]}}",
		 "uts"},
		{BEGIN PROCESS "},\"mounts\":[{\"destination\":\"x\"}],\"linux\":{\"namespaces\":"
			       "[" MOUNT_NS "]}}",
		 "not absolute"},
		{BEGIN PROCESS "},\"linux\":{\"namespaces\":[" MOUNT_NS
			       "],\"uidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":1}]}}",
		 "'user'"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct spec s;
		struct err e;

		assert_true(parse(rows[i].text, &s, &e) < 0);
		assert_non_null(strstr(e.msg, rows[i].about));
		spec_fini(&s);
	}
}

/* CVE-2021-43784: lengths must be refused, never cut off. */
TEST(a_mapping_that_does_not_fit_is_refused)
{
	static const char *const rows[] = {
		"{\"containerID\":0,\"hostID\":0,\"size\":0}",
		"{\"containerID\":0,\"hostID\":4294967290,\"size\":65536}",
		"{\"containerID\":4294967296,\"hostID\":0,\"size\":1}",
		"{\"containerID\":1,\"hostID\":0,\"size\":4294967295}",
	};
	struct buf many = {0};
	struct spec s;
	struct err e;

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(freep)
		char *text = str_fmt(BEGIN PROCESS "},\"linux\":{\"namespaces\":[" MOUNT_NS
						   ",{\"type\":\"user\"}],\"uidMappings\":[%s]}}",
				     rows[i]);

		assert_int_equal(parse(text, &s, &e), -ERR_CONFIG);
		spec_fini(&s);
	}
	buf_str(&many, BEGIN PROCESS "},\"linux\":{\"namespaces\":[" MOUNT_NS
				     ",{\"type\":\"user\"}],\"uidMappings\":[");
	for (int i = 0; i < 5000; i++)
		buf_fmt(&many, "%s{\"containerID\":%d,\"hostID\":%d,\"size\":1}", i ? "," : "", i,
			i);
	buf_str(&many, "]}}");
	assert_int_equal(parse(many.data, &s, &e), -ERR_CONFIG);
	assert_non_null(strstr(e.msg, "5000 rows"));
	spec_fini(&s);
	buf_fini(&many);
}

TEST(capabilities_have_their_kernel_numbers)
{
	assert_int_equal(cap_number("CAP_CHOWN"), 0);
	assert_int_equal(cap_number("CAP_SYS_ADMIN"), 21);
	assert_int_equal(cap_number("CAP_SETFCAP"), 31);
	assert_int_equal(cap_number("CAP_CHECKPOINT_RESTORE"), 40);
	assert_int_equal(cap_number("cap_chown"), -1);
	assert_int_equal(cap_number(""), -1);
}

RUN(IT(a_full_document_is_decoded), IT(what_is_not_carried_out_is_refused),
    IT(empty_hooks_ask_for_nothing), IT(wrong_documents_are_refused),
    IT(a_mapping_that_does_not_fit_is_refused), IT(capabilities_have_their_kernel_numbers))
