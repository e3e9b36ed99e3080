/* SPDX-License-Identifier: Apache-2.0 */
/* What a hook reads of the container: the state on stdin, and the bundle that it names. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "hook/hook.h"
#include "test.h"

struct state_case {
	const char *config; /* config.json; NULL: there is none */
	const char *state;  /* %s is the bundle */
	const char *root;   /* below the bundle, or absolute; NULL: refused */
	const char *mounts; /* with spaces between them */
};

#define SECCOMP "\"linux\":{\"seccomp\":{\"syscalls\":[{\"names\":[\"root\"]}]}},"

static const struct state_case cases[] = {
	{"{\"root\":{\"path\":\"rootfs\"}}", "{\"bundle\":\"%s\"}", "rootfs", ""},
	{"{" SECCOMP
	 "\"root\":{\"readonly\":true,\"path\":\"/a/b\"},\"mounts\":[{\"destination\":\"/x\"},"
	 "{\"source\":\"s\"},{\"destination\":\"/y\",\"options\":[\"ro\"]}]}",
	 "{\"ociVersion\":\"1.2.0\",\"id\":\"i\",\"pid\":7,\"bundle\":\"%s\",\"annotations\":{"
	 "\"a\":\"b\"}}",
	 "/a/b", "/x /y"},
	/* crun says the root in the state. */
	{"{\"root\":{\"path\":\"rootfs\"},\"mounts\":[]}", "{\"root\":\"/crun\",\"bundle\":\"%s\"}",
	 "/crun", ""},
	{"{\"root\":{\"path\":\"r\"}, \"mounts\": null}", "{\"bundle\":\"%s\"}", "r", ""},
	{NULL, "{\"bundle\":\"%s\"}", NULL, NULL},
	{"{}", "{\"bundle\":\"%s\"}", NULL, NULL},
	{"{\"root\":{\"path\":[]}}", "{\"bundle\":\"%s\"}", NULL, NULL},
	{"{\"root\":{\"path\":\"r\"},\"mounts\":7}", "{\"bundle\":\"%s\"}", NULL, NULL},
	{"{\"root\":{\"path\":\"r\"}}", "{\"bundle\":\"relative\"}", NULL, NULL},
	{"{\"root\":{\"path\":\"r\"}}", "{\"id\":\"%s\"}", NULL, NULL},
	{"{\"root\":{\"path\":\"r\"}}", "[\"%s\"]", NULL, NULL},
	{"{\"root\":{\"path\":\"r\"}}", "", NULL, NULL},
};

static int read_state(const char *format, const char *dir, struct arena *a, struct hook_state *ret,
		      struct err *e)
{
	CLEANUP(fd_closep) int fd = memfd_create("state", MFD_CLOEXEC);
	CLEANUP(freep) char *state = str_fmt(format, dir);

	assert_int_equal(write_all(fd, state, strlen(state)), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return hook_state_read(fd, a, ret, e);
}

static void check(const struct state_case *c, const char *dir)
{
	CLEANUP(freep) char *root = NULL;
	CLEANUP(arena_fini) struct arena a = {0};
	CLEANUP(buf_fini) struct buf mounts = {0};
	struct hook_state s = {0};
	struct err e = {0};
	int code = read_state(c->state, dir, &a, &s, &e);

	if (!c->root) {
		assert_true(code < 0);
		assert_true(e.msg[0]);
		return;
	}
	assert_int_equal(code, 0);
	root = c->root[0] == '/' ? str_dup(c->root) : str_fmt("%s/%s", dir, c->root);
	assert_string_equal(s.root, root);
	buf_str(&mounts, "");
	for (const char **m = s.mounts; *m; m++)
		buf_fmt(&mounts, "%s%s", mounts.len ? " " : "", *m);
	assert_string_equal(mounts.data, c->mounts);
}

TEST(root_and_mounts_are_found)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		char dir[] = "/tmp/dlenv-test-XXXXXX";
		CLEANUP(freep) char *path = NULL;
		struct err e;

		assert_non_null(mkdtemp(dir));
		path = str_fmt("%s/config.json", dir);
		if (cases[i].config)
			assert_int_equal(file_write(AT_FDCWD, path, cases[i].config,
						    strlen(cases[i].config), 0600, 0, &e),
					 0);
		check(&cases[i], dir);
		assert_int_equal(tree_remove(AT_FDCWD, dir, &e), 0);
	}
}

/* As in a user namespace of the container's own, whose root the bundle is closed to. */
TEST(a_closed_bundle_does_when_the_root_is_known_otherwise)
{
	static const struct {
		const char *folder; /* that it is started in; NULL: one where nothing is mounted */
		const char *state;
		const char *root; /* NULL: refused */
	} rows[] = {
		{"/", "{\"root\":\"/crun\",\"bundle\":\"%s\"}", "/crun"},
		{"/proc", "{\"bundle\":\"%s\"}", "."},
		{"/", "{\"bundle\":\"%s\"}", NULL},
		{NULL, "{\"bundle\":\"%s\"}", NULL},
	};
	char dir[] = "/tmp/dlenv-test-XXXXXX";
	char plain[] = "/tmp/dlenv-test-XXXXXX";
	struct err e = {0};

	assert_non_null(mkdtemp(dir));
	assert_non_null(mkdtemp(plain));
	assert_int_equal(chmod(plain, 0755), 0);
	assert_int_equal(chmod(dir, 0), 0);
	if (geteuid() == 0)
		assert_int_equal(seteuid(65534), 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(arena_fini) struct arena a = {0};
		struct hook_state s = {0};
		int code;

		assert_int_equal(chdir(rows[i].folder ? rows[i].folder : plain), 0);
		code = read_state(rows[i].state, dir, &a, &s, &e);
		if (!rows[i].root) {
			assert_int_equal(code, -ERR_PRIV);
			continue;
		}
		assert_int_equal(code, 0);
		assert_string_equal(s.root, rows[i].root);
		assert_null(s.mounts);
	}
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(chmod(dir, 0700), 0);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(rmdir(plain), 0);
}

RUN(IT(root_and_mounts_are_found), IT(a_closed_bundle_does_when_the_root_is_known_otherwise))
