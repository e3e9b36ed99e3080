/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where files cannot be written, they are covered by mounts. Each scenario runs
 * in a child with a mount namespace of its own, which returns the line that
 * failed; with the way for older kernels as well.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "cdi/ldcache.h"
#include "cdi/tree.h"
#include "test.h"
#include "tree_image.h"

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			return __LINE__;                                                           \
	} while (0)

struct box {
	char dir[64]; /* a tmpfs of the child's; dir/root is the image */
	int below;    /* the image, as it is without what is mounted in it */
	struct tree_place p;
	size_t warnings;
	struct arena a;
	struct tree_edits t;
};

static void warned(void *arg, const char *text UNUSED)
{
	++*(size_t *)arg;
}

static int put(int dir, const char *path, const void *data, size_t len)
{
	CLEANUP(freep) char *folder = str_dup(path);
	struct err e;

	if (strrchr(folder, '/')) {
		*strrchr(folder, '/') = '\0';
		CHECK(dir_make(dir, folder, 0755, &e) == 0);
	}
	CHECK(file_write(dir, path, data, len, 0644, 0, &e) == 0);
	return 0;
}

/* An image with an empty cache and one library of the driver. */
static int image(struct box *b)
{
	struct tree_image m = tree_image("libcuda.so.1", "");
	CLEANUP(ldcache_fini) struct ldcache c = {0};
	CLEANUP(buf_fini) struct buf text = {0};

	b->p.warn = warned;
	b->p.warn_arg = &b->warnings;
	b->p.params = -1;
	CHECK(mkdir("root", 0755) == 0);
	b->below = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	ldcache_write(&c, &text);
	CHECK(put(b->below, "etc/ld.so.cache", text.data, text.len) == 0);
	CHECK(put(b->below, "opt/nv/libcuda.so.550.1", &m, sizeof(m)) == 0);
	CHECK(put(b->below, "usr/lib/x", "", 0) == 0);
	cdi_add_text(&b->a, &b->t.folders, "/opt/nv");
	(void)tree_add_link(&b->a, &b->t, "x", "/usr/lib/libcuda.so");
	/* So that a descriptor opened before sees what lies below. */
	CHECK(mount("root", "root", NULL, MS_BIND, NULL) == 0);
	return 0;
}

static int make(struct box *b)
{
	struct err e = {0};

	b->p.root = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(b->p.root >= 0);
	return tree_make(&b->p, &b->t, &e) == 0 ? 0 : __LINE__;
}

static bool finds_cuda(int dir)
{
	CLEANUP(ldcache_fini) struct ldcache c = {0};
	CLEANUP(freep) char *text = NULL;
	struct err e = {0};
	size_t len = 0;

	if (file_read(dir, "etc/ld.so.cache", LDCACHE_MAX, &text, &len, &e) < 0 ||
	    ldcache_parse(text, len, &c, &e) < 0)
		return false;
	return c.n == 1 && str_eq(c.entries[0].path, "/opt/nv/libcuda.so.550.1");
}

static int read_only_root(void)
{
	struct box b = {0};

	CHECK(image(&b) == 0);
	CHECK(mount(NULL, "root", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) == 0);
	CHECK(make(&b) == 0);
	CHECK(finds_cuda(b.p.root));
	CHECK(!finds_cuda(b.below));
	CHECK(openat(b.p.root, "etc/ld.so.cache", O_WRONLY) < 0 && errno == EROFS);
	CHECK(b.warnings == 1); /* the link */
	/* Nothing of the making is left on top of the root. */
	CHECK(faccessat(AT_FDCWD, "root/etc/ld.so.cache", F_OK, 0) == 0);
	return 0;
}

/* The configuration says so, though it could be written. */
static int root_that_is_to_stay_as_it_is(void)
{
	struct box b = {0};
	struct stat st;

	CHECK(image(&b) == 0);
	b.p.read_only = true;
	CHECK(make(&b) == 0);
	CHECK(finds_cuda(b.p.root));
	CHECK(!finds_cuda(b.below));
	CHECK(fstatat(b.below, "usr/lib/libcuda.so", &st, AT_SYMLINK_NOFOLLOW) < 0);
	CHECK(fstatat(b.below, "etc/ld.so.conf.d", &st, 0) < 0);
	return 0;
}

/* Somebody's folders: not written to, even where an image's link leads there. */
static int folders_that_are_mounted(void)
{
	struct box b = {0};
	struct stat st;

	CHECK(image(&b) == 0);
	CHECK(mkdir("theirs", 0755) == 0);
	CHECK(put(AT_FDCWD, "theirs/ld.so.cache", "theirs", 6) == 0);
	CHECK(mkdirat(b.below, "volume", 0755) == 0);
	CHECK(mount("theirs", "root/volume", NULL, MS_BIND, NULL) == 0);
	CHECK(renameat(b.below, "etc", b.below, "etc.old") == 0);
	CHECK(renameat(b.below, "usr/lib", b.below, "usr/lib.old") == 0);
	CHECK(symlinkat("volume", b.below, "etc") == 0);
	CHECK(symlinkat("/volume", b.below, "usr/lib") == 0);
	CHECK(put(b.below, "etc.old/ld.so.conf", "", 0) == 0);
	b.t.profile = true;
	CHECK(make(&b) == 0);
	CHECK(finds_cuda(b.p.root));
	CHECK(fstatat(AT_FDCWD, "theirs/libcuda.so", &st, AT_SYMLINK_NOFOLLOW) < 0);
	CHECK(fstatat(AT_FDCWD, "theirs/nvidia", &st, AT_SYMLINK_NOFOLLOW) < 0);
	CHECK(fstatat(AT_FDCWD, "theirs/ld.so.conf.d", &st, AT_SYMLINK_NOFOLLOW) < 0);
	CHECK(fstatat(AT_FDCWD, "theirs/ld.so.cache", &st, 0) == 0 && st.st_size == 6);
	CHECK(b.warnings == 2); /* link, profile */
	return 0;
}

/* Without /proc the cache cannot be read: then the image's own is not replaced. */
static int no_proc(void)
{
	struct box b = {0};

	CHECK(image(&b) == 0);
	CHECK(mount("tmpfs", "/proc", "tmpfs", 0, NULL) == 0);
	CHECK(make(&b) == 0);
	CHECK(!finds_cuda(b.p.root));
	CHECK(b.warnings == 1);
	return 0;
}

static const char params_on[] = "EnableMSI: 1\nModifyDeviceFiles: 1\nDeviceFileMode: 438\n";

static int params(const char *source, size_t warnings, bool covered)
{
	CLEANUP(freep) char *text = NULL;
	struct box b = {0};
	struct err e = {0};

	CHECK(image(&b) == 0);
	b.t = (struct tree_edits){.params = true};
	b.p.params = memfd_create("params", MFD_CLOEXEC);
	CHECK(write_all(b.p.params, params_on, strlen(params_on)) == 0);
	CHECK(lseek(b.p.params, 0, SEEK_SET) == 0);
	CHECK(put(b.below, "proc/driver/nvidia/params", "image's", 7) == 0);
	if (source)
		CHECK(mount(source, "root/proc/driver/nvidia/params", NULL, MS_BIND, NULL) == 0);
	CHECK(make(&b) == 0);
	CHECK(b.warnings == warnings);
	CHECK(file_read(b.p.root, "proc/driver/nvidia/params", 4096, &text, NULL, &e) == 0);
	CHECK(covered ==
	      (strcmp(text, "EnableMSI: 1\nModifyDeviceFiles: 0\nDeviceFileMode: 438\n") == 0));
	CHECK(!covered ||
	      (openat(b.p.root, "proc/driver/nvidia/params", O_WRONLY) < 0 && errno == EROFS));
	return 0;
}

static int params_of_the_kernel(void)
{
	return params("/proc/version", 0, true);
}

static int params_of_the_image(void)
{
	return params(NULL, 1, false);
}

static int params_that_are_a_link(void)
{
	struct box b = {0};

	CHECK(image(&b) == 0);
	b.t = (struct tree_edits){.params = true};
	b.p.params = memfd_create("params", MFD_CLOEXEC);
	CHECK(write_all(b.p.params, params_on, strlen(params_on)) == 0);
	CHECK(lseek(b.p.params, 0, SEEK_SET) == 0);
	CHECK(put(b.below, "proc/driver/nvidia/x", "", 0) == 0);
	CHECK(put(b.below, "target", "", 0) == 0);
	CHECK(symlinkat("/target", b.below, "proc/driver/nvidia/params") == 0);
	CHECK(mount("/proc/version", "root/target", NULL, MS_BIND, NULL) == 0);
	CHECK(make(&b) == 0);
	CHECK(b.warnings == 1);
	return 0;
}

static int params_that_are_not_there(void)
{
	struct box b = {0};

	CHECK(image(&b) == 0);
	b.t = (struct tree_edits){.params = true};
	b.p.params = memfd_create("params", MFD_CLOEXEC);
	CHECK(write_all(b.p.params, params_on, strlen(params_on)) == 0);
	CHECK(lseek(b.p.params, 0, SEEK_SET) == 0);
	CHECK(make(&b) == 0);
	CHECK(b.warnings == 0);
	return 0;
}

static bool write_proc(const char *path, const char *text)
{
	CLEANUP(fd_closep) int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write_all(fd, text, strlen(text)) == 0;
}

static int in_namespace(const char *dir, int (*scenario)(void), const char *without)
{
	CLEANUP(freep) char *uid = str_fmt("0 %u 1", (unsigned int)geteuid());
	CLEANUP(freep) char *gid = str_fmt("0 %u 1", (unsigned int)getegid());
	bool user = geteuid() != 0;

	if (unshare(user ? CLONE_NEWUSER | CLONE_NEWNS : CLONE_NEWNS) < 0)
		return 255;
	if (user &&
	    (!write_proc("/proc/self/setgroups", "deny") ||
	     !write_proc("/proc/self/uid_map", uid) || !write_proc("/proc/self/gid_map", gid)))
		return 255;
	/* What is made in the folder is seen by nobody else. */
	if (setenv("DLENV_NO", without, 1) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", dir, "tmpfs", 0, NULL) < 0 || chdir(dir) < 0)
		return 254;
	return scenario();
}

/* The number of the line that failed, 0 when none did. */
static int run(int (*scenario)(void), const char *without)
{
	char dir[] = "/tmp/dlenv-test-XXXXXX";
	int result[2];
	int line = -1;
	pid_t pid;

	assert_non_null(mkdtemp(dir));
	assert_int_equal(pipe2(result, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		line = in_namespace(dir, scenario, without);
		(void)!write(result[1], &line, sizeof(line));
		_exit(0);
	}
	(void)close(result[1]);
	if (read(result[0], &line, sizeof(line)) != sizeof(line))
		line = -1;
	(void)close(result[0]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(rmdir(dir), 0);
	return line;
}

TEST(what_cannot_be_written_is_covered_and_what_is_not_ours_left_alone)
{
	static int (*const scenarios[])(void) = {
		read_only_root,
		root_that_is_to_stay_as_it_is,
		folders_that_are_mounted,
		params_of_the_kernel,
		params_of_the_image,
		params_that_are_a_link,
		params_that_are_not_there,
		no_proc,
	};
	static const char *const without[] = {"", "nowhere", "openat2"};

	for (size_t i = 0; i < COUNT(scenarios); i++)
		for (size_t k = 0; k < COUNT(without); k++) {
			int line = run(scenarios[i], without[k]);

			if (line == 255) {
				const char *must = getenv("DLENV_TEST_REQUIRE");

				(void)fprintf(stderr, "skipped: namespaces are forbidden here\n");
				assert_false(must && strstr(must, "userns"));
				skip();
			}
			if (line)
				(void)fprintf(stderr,
					      "scenario %zu without '%s' failed at line %d\n", i,
					      without[k], line);
			assert_int_equal(line, 0);
		}
}

RUN(IT(what_cannot_be_written_is_covered_and_what_is_not_ours_left_alone))
