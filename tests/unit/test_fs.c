/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "test.h"

/* A fresh folder with root/ and outside/marker in it; the caller closes the descriptor. */
static int scratch(char **ret_path)
{
	char path[] = "/tmp/dlenv-test-XXXXXX";
	struct err e;
	int fd;

	assert_non_null(mkdtemp(path));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(dir_make(fd, "root/usr/lib", 0755, &e), 0);
	assert_int_equal(dir_make(fd, "outside", 0755, &e), 0);
	assert_int_equal(file_write(fd, "outside/marker", "host", 4, 0644, 0, &e), 0);
	*ret_path = str_dup(path);
	return fd;
}

static void scratch_remove(int fd, char **path)
{
	struct err e;

	assert_int_equal(tree_remove(AT_FDCWD, *path, &e), 0);
	(void)close(fd);
	freep(path);
}

static void links_stay_inside(void)
{
	static const char *const targets[] = {"/outside/marker", "../outside/marker",
					      "../../../../outside/marker",
					      "/proc/self/root/etc/passwd"};
	char *path = NULL;
	int fd = scratch(&path);
	CLEANUP(fd_closep) int root = -1;
	struct err e;

	assert_int_equal(dir_open(fd, "root", &root, &e), 0);
	for (size_t i = 0; i < COUNT(targets); i++) {
		CLEANUP(fd_closep) int got = -1;

		(void)unlinkat(root, "link", 0);
		assert_int_equal(symlinkat(targets[i], root, "link"), 0);
		assert_true(rootfs_open(root, "/link", O_RDONLY, 0, &got, &e) < 0);
		assert_int_equal(got, -1);
	}
	(void)unlinkat(root, "link", 0);
	assert_int_equal(symlinkat("/usr", root, "link"), 0);
	{
		CLEANUP(fd_closep) int got = -1;

		assert_int_equal(
			rootfs_open(root, "link/../link/lib", O_RDONLY | O_DIRECTORY, 0, &got, &e),
			0);
	}
	fd_closep(&root);
	scratch_remove(fd, &path);
}

TEST(links_in_a_root_stay_inside_it)
{
	(void)unsetenv("DLENV_NO");
	links_stay_inside();
}

TEST(links_in_a_root_stay_inside_it_without_openat2)
{
	(void)setenv("DLENV_NO", "openat2", 1);
	links_stay_inside();
	(void)unsetenv("DLENV_NO");
}

TEST(removing_a_tree_leaves_what_links_point_to)
{
	char *path = NULL;
	int fd = scratch(&path);
	struct err e;

	assert_int_equal(symlinkat("../outside", fd, "root/out"), 0);
	assert_int_equal(tree_remove(fd, "root", &e), 0);
	assert_false(file_exists(fd, "root"));
	assert_true(file_exists(fd, "outside/marker"));
	assert_int_equal(tree_remove(fd, "root", &e), 0);
	scratch_remove(fd, &path);
}

TEST(a_large_file_is_refused)
{
	char *path = NULL;
	int fd = scratch(&path);
	char *text = NULL;
	struct err e;

	assert_int_equal(file_read(fd, "outside/marker", 3, &text, NULL, &e), -ERR_PARSE);
	assert_null(text);
	assert_int_equal(file_read(fd, "outside/none", 3, &text, NULL, &e), -ERR_ABSENT);
	assert_int_equal(file_read(fd, "outside/marker", 4, &text, NULL, &e), 0);
	assert_string_equal(text, "host");
	free(text);
	scratch_remove(fd, &path);
}

TEST(a_failed_write_leaves_the_old_file)
{
	char *path = NULL;
	int fd = scratch(&path);
	CLEANUP(strs_fini) struct strs names = {0};
	struct err e;

	assert_int_equal(file_write(fd, "outside", "x", 1, 0644, 0, &e), -ERR_SYS);
	assert_true(file_exists(fd, "outside/marker"));
	assert_int_equal(dir_list(fd, ".", &names, &e), 0);
	assert_int_equal(names.n, 2);
	scratch_remove(fd, &path);
}

/* A file is placed, and names what the descriptor is of, below the scratch folder. */
static char *placed(int root, const char *path, struct rootfs_near *near)
{
	char link[64];
	char target[PATH_MAX];
	int fd = -1;
	struct err e = {0};
	ssize_t n;
	const char *at;

	if (rootfs_place_near(root, path, near, &fd, &e) < 0)
		return str_fmt("error %d", (int)e.code);
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, target, sizeof(target) - 1);
	assert_true(n > 0);
	target[n] = '\0';
	(void)close(fd);
	at = strchr(target + strlen("/tmp/"), '/');
	return str_dup(at ? at + 1 : target);
}

TEST(places_are_made_inside_the_root)
{
	static const struct {
		const char *path;
		const char *at;
	} rows[] = {
		{"/usr/lib/a", "root/usr/lib/a"},
		{"/usr/lib/b", "root/usr/lib/b"},
		{"/usr/lib/a", "root/usr/lib/a"},
		{"/usr/lib/there", "root/usr/lib/there"},
		{"/new/deep/c", "root/new/deep/c"},
		{"/new/deep/d", "root/new/deep/d"},
		{"/lib/e", "root/usr/lib/e"},
		{"/usr/lib/in", "root/usr/lib/there"}, /* a link of the image */
		{"/usr/lib/out", "root/marker"},
		{"/up/f", "root/f"},
		{"/g", "root/g"},
		{"/usr/lib/there/h", "error"},
		{"/usr/lib/dangling", "error"},
		{"/usr/lib/..", "root/usr"},
	};
	char *path = NULL;
	int fd = scratch(&path);
	CLEANUP(rootfs_near_close) struct rootfs_near near = {.fd = -1};
	struct err e;
	int root;

	assert_int_equal(file_write(fd, "root/usr/lib/there", "x", 1, 0644, 0, &e), 0);
	assert_int_equal(file_write(fd, "root/marker", "x", 1, 0644, 0, &e), 0);
	assert_int_equal(symlinkat("usr/lib", fd, "root/lib"), 0);
	assert_int_equal(symlinkat("there", fd, "root/usr/lib/in"), 0);
	assert_int_equal(symlinkat("../../../../marker", fd, "root/usr/lib/out"), 0);
	assert_int_equal(symlinkat("/nowhere/x", fd, "root/usr/lib/dangling"), 0);
	assert_int_equal(symlinkat("../../..", fd, "root/up"), 0);
	root = openat(fd, "root", O_PATH | O_CLOEXEC);
	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(freep) char *got = placed(root, rows[i].path, &near);

		if (!str_starts(got, rows[i].at))
			fail_msg("%s: %s instead of %s", rows[i].path, got, rows[i].at);
	}
	assert_false(file_exists(fd, "f"));
	assert_false(file_exists(fd, "nowhere"));
	(void)close(root);
	scratch_remove(fd, &path);
}

RUN(IT(places_are_made_inside_the_root), IT(links_in_a_root_stay_inside_it),
    IT(links_in_a_root_stay_inside_it_without_openat2),
    IT(removing_a_tree_leaves_what_links_point_to), IT(a_large_file_is_refused),
    IT(a_failed_write_leaves_the_old_file))
