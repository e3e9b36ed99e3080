/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/json.h"
#include "setup/op_packages.h"
#include "setup_box.h"

static void add(struct strs *l, const char *text)
{
	CLEANUP(freep) char *copy = str_dup(text);
	char *rest = copy;

	for (char *word; (word = strsep(&rest, " "));)
		if (*word)
			strs_add(l, word);
}

static void expect_changes(const char *was, const char *now, const char *json)
{
	CLEANUP(strs_fini) struct strs a = {0};
	CLEANUP(strs_fini) struct strs b = {0};
	CLEANUP(json_unrefp) json_t *j = NULL;
	CLEANUP(freep) char *text = NULL;

	add(&a, was);
	add(&b, now);
	j = packages_changes(&a, &b);
	text = json_dumps(j, JSON_SORT_KEYS | JSON_COMPACT);
	assert_string_equal(text, json);
}

TEST(what_came_went_and_changed_is_told_apart)
{
	expect_changes("a=1 b=1 c=1", "a=1 b=1 c=1",
		       "{\"added\":[],\"removed\":[],\"upgraded\":[]}");
	expect_changes("a=1 b=1 c=1", "a=1 b=2 d=4",
		       "{\"added\":[\"d=4\"],\"removed\":[\"c=1\"],\"upgraded\":[\"b=1 -> 2\"]}");
	expect_changes("", "a=1:2-3", "{\"added\":[\"a=1:2-3\"],\"removed\":[],\"upgraded\":[]}");
	/* Kernels lie beside each other; names that begin alike are not the same. */
	expect_changes("kernel=6.1 lib=1", "kernel=6.1 kernel=6.2 lib=1 libx=1",
		       "{\"added\":[\"kernel=6.2\",\"libx=1\"],\"removed\":[],\"upgraded\":[]}");
	/* In whatever order a manager lists them. */
	expect_changes("b=1 a=1 a-b=1", "a-b=1 a=1 b=1 a.c=1",
		       "{\"added\":[\"a.c=1\"],\"removed\":[],\"upgraded\":[]}");
}

/* A machine of which only the list of packages is known. */
static void with(struct box *b, const char *packages)
{
	box_make(b);
	b->x.packages_known = true;
	add(&b->x.packages, packages);
}

TEST(a_package_may_be_wanted_in_a_version)
{
	CLEANUP(box_remove) struct box b;

	with(&b, "a=1.18.2-1 b=5:28.5-1 c=1.2 kernel-devel=6.1-1 kernel-devel=6.2-1");
	assert_true(op_has_package(&b.x, "a"));
	assert_true(op_has_package(&b.x, "a=1.18.2-1"));
	assert_true(op_has_package(&b.x, "a=1.18.2"));
	assert_false(op_has_package(&b.x, "a=1.18"));
	assert_false(op_has_package(&b.x, "a=1.18.2-2"));
	assert_false(op_has_package(&b.x, "c=1.2-1"));
	assert_false(op_has_package(&b.x, "d"));
	assert_false(op_has_package(&b.x, "kernel"));
	assert_true(op_has_package(&b.x, "kernel-devel=6.1"));
	assert_true(op_has_package(&b.x, "kernel-devel=6.2"));
	assert_false(op_has_package(&b.x, "kernel-devel=6.3"));
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static int done_with(const char *packages, const struct op_choice *choices, size_t n)
{
	CLEANUP(box_remove) struct box b;
	const struct op o = {.kind = &op_install, .choices = choices, .choices_n = n};

	with(&b, packages);
	return o.kind->done(&o, &b.x);
}

TEST(any_choice_that_is_there_is_enough)
{
	const struct op_choice two[] = {{LIST("nvidia-open-580", "cuda-580")},
					{LIST("nvidia-open")}};

	assert_int_equal(done_with("", two, 2), 0);
	assert_int_equal(done_with("nvidia-open-580=1", two, 2), 0);
	assert_int_equal(done_with("cuda-580=1 nvidia-open-580=1", two, 2), 1);
	/* The first could be had by now: a machine with the second is left alone. */
	assert_int_equal(done_with("nvidia-open=595", two, 2), 1);
}

TEST(a_choice_with_less_in_it_is_enough_only_where_more_is_not_to_be_had)
{
	const struct op_choice less[] = {{LIST("docker-ce", "docker-model-plugin")},
					 {LIST("docker-ce")}};
	const struct op_choice version[] = {{LIST("toolkit=1.18.2")}, {LIST("toolkit")}};

	assert_int_equal(done_with("docker-ce=1 docker-model-plugin=1", less, 2), 1);
	/* Whether there is more cannot be asked on a recorded machine. */
	assert_int_equal(done_with("docker-ce=1", less, 2), -1);
	assert_int_equal(done_with("toolkit=1.18.2-1", version, 2), 1);
	assert_int_equal(done_with("toolkit=1.20.0-1", version, 2), -1);
}

TEST(removing_is_done_when_none_is_there)
{
	CLEANUP(box_remove) struct box b;
	const struct op o = {.kind = &op_remove,
			     .words = LIST("docker.io", "runc", "podman-docker")};
	CLEANUP(buf_fini) struct buf text = {0};

	with(&b, "docker.io=2 other=3 runc=1");
	assert_int_equal(o.kind->done(&o, &b.x), 0);
	o.kind->show(&o, &b.x, &text);
	assert_string_equal(text.data, "remove docker.io, runc");
	strs_fini(&b.x.packages);
	assert_int_equal(o.kind->done(&o, &b.x), 1);
	b.x.packages_known = false;
	assert_int_equal(o.kind->done(&o, &b.x), -1);
}

TEST(a_snapshot_tells_what_an_operation_did)
{
	CLEANUP(box_remove) struct box b;
	CLEANUP(json_unrefp) json_t *before = NULL;
	CLEANUP(json_unrefp) json_t *after = NULL;
	const struct op o = {.kind = &op_remove, .words = LIST("a")};
	struct err e = {0};

	with(&b, "a=1 b=2");
	assert_int_equal(packages_before(&o, &b.x, &before, &e), 0);
	strs_fini(&b.x.packages);
	add(&b.x.packages, "b=2 c=3");
	assert_int_equal(packages_after(&o, &b.x, before, &after, &e), 0);
	assert_string_equal(json_string_value(json_array_get(json_object_get(after, "added"), 0)),
			    "c=3");
	assert_string_equal(json_string_value(json_array_get(json_object_get(after, "removed"), 0)),
			    "a=1");
}

TEST(an_rpm_has_to_be_signed_with_the_pinned_key)
{
	static const char *const accepts[] = {"79BDB88F9BBF73910FD4095B6A2AF96194843C65", NULL};
	const struct key_pin pin = {.id = "k", .accepts = accepts};
	const struct key_pin none = {.id = "k"};
	static const struct {
		const char *text;
		bool holds;
	} rows[] = {
		{"/x.rpm:\n    Header V4 RSA/SHA256 Signature, key ID 94843c65: OK\n"
		 "    Header SHA256 digest: OK\n    V4 RSA/SHA256 Signature, key ID 94843c65: OK\n",
		 true},
		{"/x.rpm:\n    Header OpenPGP V4 RSA/SHA512 signature, key fingerprint: "
		 "79bdb88f9bbf73910fd4095b6a2af96194843c65: OK\n",
		 true},
		{"/x.rpm:\n    Header SHA256 digest: OK\n    MD5 digest: OK\n", false},
		{"/x.rpm:\n    V4 RSA/SHA256 Signature, key ID 94843c65: NOKEY\n", false},
		{"/x.rpm:\n    V4 RSA/SHA256 Signature, key ID 94843c65: BAD\n", false},
		{"/x.rpm:\n    V4 RSA/SHA256 Signature, key ID deadbeef: OK\n", false},
		{"/x.rpm:\n    V4 RSA/SHA256 Signature, key ID 65: OK\n", false},
		{"/x.rpm:\n    V4 RSA/SHA256 Signature, key ID 94843c65: OK\n"
		 "    V4 RSA/SHA256 Signature, key ID deadbeef: OK\n",
		 false},
		{"", false},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rpm_signed_by(rows[i].text, &pin) != rows[i].holds)
			fail_msg("row %zu", i);
		assert_false(rpm_signed_by(rows[i].text, &none));
	}
}

TEST(dnf_s_file_of_a_module_is_read)
{
	static const struct {
		const char *text;
		const char *stream;
	} rows[] = {
		{"[nvidia-driver]\nname=nvidia-driver\nstream=open-dkms\nprofiles=\nstate="
		 "enabled\n",
		 "nvidia-driver:open-dkms"},
		{"[m]\nname = m\nstream = 1\nstate = enabled", "m:1"},
		{"[m]\nname=m\nstream=1\nstate=disabled\n", NULL},
		{"[m]\nname=m\nstream=\nstate=\n", NULL},
		{"", NULL},
		{"=\n===\nstream", NULL},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(freep) char *stream = stream_enabled(rows[i].text);

		if (!str_eq(stream, rows[i].stream))
			fail_msg("row %zu: %s", i, stream ? stream : "none");
	}
}

TEST(a_stream_that_is_enabled_is_done)
{
	CLEANUP(box_remove) struct box b;
	const struct op o = {.kind = &op_module_stream, .name = "nvidia-driver:open-dkms"};

	box_make(&b);
	assert_int_equal(o.kind->done(&o, &b.x), 0);
	box_put(&b, "/etc/dnf/modules.d/nvidia-driver.module",
		"[nvidia-driver]\nname=nvidia-driver\nstream=latest-dkms\nstate=enabled\n", 0644);
	assert_int_equal(o.kind->done(&o, &b.x), 0);
	box_put(&b, "/etc/dnf/modules.d/nvidia-driver.module",
		"[nvidia-driver]\nname=nvidia-driver\nstream=open-dkms\nstate=enabled\n", 0644);
	assert_int_equal(o.kind->done(&o, &b.x), 1);
}

RUN(IT(what_came_went_and_changed_is_told_apart), IT(a_package_may_be_wanted_in_a_version),
    IT(any_choice_that_is_there_is_enough),
    IT(a_choice_with_less_in_it_is_enough_only_where_more_is_not_to_be_had),
    IT(removing_is_done_when_none_is_there), IT(a_snapshot_tells_what_an_operation_did),
    IT(an_rpm_has_to_be_signed_with_the_pinned_key), IT(dnf_s_file_of_a_module_is_read),
    IT(a_stream_that_is_enabled_is_done))
