/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layer of a driver: when it is made, when it is another one, and what is left of the tree. The
 * engine is one that only writes a file into the upper folder; tests/e2e/gpu.bats has the real one.
 */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fs.h"
#include "cdi/tree.h"
#include "engine/gpu_layer.h"
#include "engine/gpu_parts.h"
#include "oci/layer.h"

static const char *const layers[] = {"/l/base", "/l/user", NULL};

/* A store, an engine, and a container with a driver. */
struct bed {
	char dir[64];
	struct paths paths;
	struct store store;
	struct user user;
	struct engine engine;
	struct layer below;
	struct gpu_layer l;
	struct container c;
	struct strs lowers;
};

static bool possible(void)
{
	struct err e;

	return geteuid() == 0 || userns_check(&e) == 0;
}

static int prepare(struct engine *en, struct container *c, struct err *e)
{
	CLEANUP(freep) char *count = str_fmt("%s/made", en->paths->run);
	CLEANUP(freep) char *folder = str_fmt("%s/usr/lib", c->upper);
	CLEANUP(freep) char *file = str_fmt("%s/libcuda.so.1", folder);
	CLEANUP(fd_closep) int fd = open(count, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (write(fd, "x", 1) != 1 || !c->bare || !str_eq(c->lowers[1], "/l/user"))
		return err_set(e, ERR_BUG, "not what was expected");
	if (access(en->paths->config, F_OK) < 0)
		return err_set(e, ERR_RUNTIME, "no");
	return dir_make(AT_FDCWD, folder, 0755, e) < 0
		       ? -(int)e->code
		       : file_write(AT_FDCWD, file, "", 0, 0644, 0, e);
}

static const struct engine_ops ops = {.name = "test", .prepare = prepare};

static int made(const struct bed *b)
{
	CLEANUP(freep) char *count = str_fmt("%s/made", b->paths.run);
	struct stat st;

	return stat(count, &st) == 0 ? (int)st.st_size : 0;
}

static char *sub(struct bed *b, const char *name)
{
	char *path = str_fmt("%s/%s", b->dir, name);
	struct err e;

	assert_int_equal(dir_make(AT_FDCWD, path, 0700, &e), 0);
	return path;
}

/* The container as a start fills it in. */
static void fill(struct bed *b)
{
	struct tree_edits *t;

	container_fini(&b->c);
	container_init(&b->c);
	strs_fini(&b->lowers);
	strs_add(&b->lowers, layers[0]);
	strs_add(&b->lowers, layers[1]);
	t = arena_alloc(&b->c.arena, sizeof(*t));
	(void)tree_add_link(&b->c.arena, t, "libcuda.so.550.1", "/usr/lib/libcuda.so.1");
	(void)tree_add_link(&b->c.arena, t, "../card0", "/dev/dri/by-path/pci");
	cdi_add_text(&b->c.arena, &t->folders, "/usr/lib");
	t->profile = true;
	t->params = true;
	b->c.tree = t;
	container_mount(&b->c, "bind", "/m/libcuda.so.550.1", "/usr/lib/libcuda.so.550.1",
			"ro,bind");
}

static void bed_init(struct bed *b)
{
	struct err e = {0};

	*b = (struct bed){0};
	(void)snprintf(b->dir, sizeof(b->dir), "/tmp/test-gpu-layer.XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	b->paths.data = sub(b, "data");
	b->paths.cache = sub(b, "cache");
	b->paths.run = sub(b, "run");
	b->paths.config = sub(b, "config");
	assert_int_equal(store_open(&b->store, &b->paths, &e), 0);
	assert_int_equal(user_init(&b->user, &e), 0);
	b->engine = (struct engine){.ops = &ops, .paths = &b->paths, .user = &b->user};
	if (b->user.uid)
		idmap_single(&b->engine.map, &b->user, 0, 0);
	memset(b->below.id, 'a', DIGEST_LEN - 1);
	memset(b->below.index, 'b', DIGEST_LEN - 1);
	b->l = (struct gpu_layer){.engine = &b->engine, .store = &b->store, .below = &b->below};
	fill(b);
}

static void bed_fini(struct bed *b)
{
	struct err e = {0};

	container_fini(&b->c);
	strs_fini(&b->lowers);
	store_close(&b->store);
	user_fini(&b->user);
	assert_int_equal(tree_remove(AT_FDCWD, b->dir, &e), 0);
	freep(&b->paths.data);
	freep(&b->paths.cache);
	freep(&b->paths.run);
	freep(&b->paths.config);
}

/* Start once more; the layer's folder, which belongs to the bed, or NULL. */
static const char *start(struct bed *b)
{
	fill(b);
	gpu_layer_add(&b->l, &b->c, &b->lowers);
	return b->lowers.n > 2 ? b->lowers.v[2] : NULL;
}

TEST(it_is_made_once_and_what_it_has_is_not_made_again)
{
	struct bed b;
	CLEANUP(freep) char *file = NULL;

	SKIP_UNLESS(possible(), "userns", "this user may not make namespaces here");
	bed_init(&b);
	assert_non_null(start(&b));
	file = str_fmt("%s/usr/lib/libcuda.so.1", b.lowers.v[2]);
	assert_int_equal(access(file, F_OK), 0);
	assert_int_equal(b.c.tree->links_n, 1);
	assert_string_equal(b.c.tree->links[0].at, "/dev/dri/by-path/pci");
	assert_int_equal(b.c.tree->folders.n, 0);
	assert_true(b.c.tree->params);
	assert_false(b.c.tree->profile);
	assert_non_null(start(&b));
	assert_int_equal(made(&b), 1);
	bed_fini(&b);
}

static void other_driver(struct bed *b)
{
	container_mount(&b->c, "bind", "/m/libnew.so.551.1", "/usr/lib/libnew.so.551.1", "ro");
}

static void other_link(struct bed *b)
{
	struct tree_edits t = *b->c.tree;

	t.links[0].target = "libcuda.so.551.1";
}

static void other_gpu(struct bed *b)
{
	container_node(&b->c, &(struct node){.path = "/dev/nvidia3", .type = 'c', .minor = 3});
}

static void other_image(struct bed *b)
{
	b->below.index[0] = 'c';
}

static void other_account(struct bed *b)
{
	b->below.id[0] = 'c';
}

TEST(anything_else_that_it_is_made_of_is_another_layer)
{
	static void (*const changes[])(struct bed *) = {other_driver, other_link, other_gpu,
							other_image, other_account};
	struct bed b;

	SKIP_UNLESS(possible(), "userns", "this user may not make namespaces here");
	bed_init(&b);
	assert_non_null(start(&b));
	for (size_t i = 0; i < COUNT(changes); i++) {
		CLEANUP(freep) char *before = NULL;

		before = str_dup(start(&b));
		fill(&b);
		changes[i](&b);
		gpu_layer_add(&b.l, &b.c, &b.lowers);
		assert_int_equal(b.lowers.n, 3);
		assert_string_not_equal(b.lowers.v[2], before);
		assert_int_equal(made(&b), (int)i + 2);
		memset(b.below.id, 'a', DIGEST_LEN - 1);
		memset(b.below.index, 'b', DIGEST_LEN - 1);
	}
	bed_fini(&b);
}

TEST(a_library_without_a_version_counts_with_its_content)
{
	struct bed b;
	CLEANUP(freep) char *lib = NULL;
	struct err e;

	SKIP_UNLESS(possible(), "userns", "this user may not make namespaces here");
	bed_init(&b);
	lib = str_fmt("%s/libthing.so.1", b.dir);
	for (int i = 1; i < 4; i++) {
		if (i < 3)
			assert_int_equal(file_write(AT_FDCWD, lib, "xyz", (size_t)i, 0644, 0, &e),
					 0);
		fill(&b);
		container_mount(&b.c, "bind", lib, "/usr/lib/libthing.so.1", "ro,bind");
		gpu_layer_add(&b.l, &b.c, &b.lowers);
		assert_int_equal(b.lowers.n, 3);
		assert_int_equal(made(&b), i < 3 ? i : 2);
	}
	bed_fini(&b);
}

TEST(a_damaged_one_is_made_again)
{
	struct bed b;
	CLEANUP(freep) char *meta = NULL;
	CLEANUP(freep) char *aside = NULL;

	SKIP_UNLESS(possible(), "userns", "this user may not make namespaces here");
	bed_init(&b);
	assert_non_null(start(&b));
	meta = str_fmt("%s/../meta.json", b.lowers.v[2]);
	aside = str_fmt("%s/../gone", b.lowers.v[2]);
	assert_int_equal(rename(b.lowers.v[2], aside), 0);
	assert_non_null(start(&b));
	assert_int_equal(made(&b), 2);
	assert_int_equal(access(b.lowers.v[2], F_OK), 0);
	assert_int_equal(unlink(meta), 0);
	assert_non_null(start(&b));
	assert_int_equal(made(&b), 3);
	bed_fini(&b);
}

TEST(what_cannot_be_made_is_left_to_the_start)
{
	struct bed b;
	CLEANUP(strs_fini) struct strs names = {0};
	struct err e;

	SKIP_UNLESS(possible(), "userns", "this user may not make namespaces here");
	bed_init(&b);
	assert_int_equal(rmdir(b.paths.config), 0); /* prepare fails */
	for (int i = 0; i < 3; i++) {
		assert_null(start(&b));
		assert_int_equal(b.c.tree->links_n, 2);
		assert_int_equal(b.c.tree->folders.n, 1);
		/* It is not tried at each start. */
		assert_int_equal(made(&b), 1);
	}
	assert_int_equal(dir_list(b.store.fd, "tmp", &names, &e), 0);
	assert_int_equal(names.n, 0);
	bed_fini(&b);
}

TEST(two_starts_at_once_make_one)
{
	struct bed b;
	pid_t pids[4];
	int status;

	SKIP_UNLESS(possible(), "userns", "this user may not make namespaces here");
	bed_init(&b);
	for (size_t i = 0; i < COUNT(pids); i++) {
		pids[i] = fork();
		if (!pids[i])
			_exit(start(&b) ? 0 : 1);
	}
	for (size_t i = 0; i < COUNT(pids); i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(made(&b), 1);
	bed_fini(&b);
}

TEST(an_older_drivers_goes_unless_a_container_has_it)
{
	const struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	struct bed b;
	CLEANUP(freep) char *old = NULL;
	CLEANUP(freep) char *meta = NULL;
	CLEANUP(freep) char *config = NULL;
	CLEANUP(freep) char *folder = NULL;
	struct err e;

	SKIP_UNLESS(possible(), "userns", "this user may not make namespaces here");
	bed_init(&b);
	old = str_dup(start(&b));
	meta = str_fmt("%s/../meta.json", old);
	folder = sub(&b, "run/containers/x");
	config = str_fmt("%s/config.json", folder);
	for (int used = 1; used >= 0; used--) {
		assert_int_equal(utimensat(AT_FDCWD, meta, long_ago, 0), 0);
		if (used)
			assert_int_equal(
				file_write(AT_FDCWD, config, old, strlen(old), 0600, 0, &e), 0);
		else
			assert_int_equal(unlink(config), 0);
		b.below.index[0] = used ? 'c' : 'd';
		assert_non_null(start(&b));
		assert_int_equal(access(old, F_OK), used ? 0 : -1);
	}
	bed_fini(&b);
}

TEST(the_tree_is_made_again_where_something_lies_over_the_layer)
{
	static const struct {
		const char *at;
		bool covers;
	} rows[] = {
		{"/home/me", false},
		{"/run", false},
		{"/etc/hosts", false},
		{"/usr/share", false},
		{"/usr/lib", true},
		{"/lib", true},
		{"/usr", true},
		{"/etc", true},
		{"/etc/ld.so.cache", true},
		{"/usr/lib/libmine.so.1", true},
		{"/etc/nvidia/mine", true},
		{"/etc/ld.so.conf.d/x", true},
		{"/usr/libexec/mine", false},
		{"/usr/lib/", true},
	};
	struct bed b;

	SKIP_UNLESS(possible(), "userns", "this user may not make namespaces here");
	bed_init(&b);
	for (size_t i = 0; i < COUNT(rows); i++) {
		fill(&b);
		container_bind(&b.c, "/tmp", rows[i].at, true);
		gpu_layer_add(&b.l, &b.c, &b.lowers);
		assert_int_equal(b.lowers.n, 3);
		if ((b.c.tree->folders.n == 1) != rows[i].covers)
			fail_msg("a mount on %s", rows[i].at);
	}
	bed_fini(&b);
}

static void change_file(const char *upper)
{
	CLEANUP(freep) char *folder = str_fmt("%s/usr/lib", upper);
	CLEANUP(freep) char *file = str_fmt("%s/libcuda.so.1", folder);
	struct err e;

	assert_int_equal(dir_make(AT_FDCWD, folder, 0755, &e), 0);
	assert_int_equal(file_write(AT_FDCWD, file, "mine", 4, 0644, 0, &e), 0);
}

static void change_folder(const char *upper)
{
	CLEANUP(freep) char *file = str_fmt("%s/usr", upper);

	assert_int_equal(symlink("/etc", file), 0);
}

static void hide_folder(const char *upper)
{
	CLEANUP(freep) char *folder = str_fmt("%s/usr/lib", upper);
	struct err e;

	assert_int_equal(dir_make(AT_FDCWD, folder, 0755, &e), 0);
	assert_int_equal(setxattr(folder, "user.overlay.opaque", "y", 1, 0), 0);
}

static void change_neighbours(const char *upper)
{
	CLEANUP(freep) char *folder = str_fmt("%s/usr/lib", upper);
	CLEANUP(freep) char *file = str_fmt("%s/libother.so.1", folder);
	struct err e;

	assert_int_equal(dir_make(AT_FDCWD, folder, 0755, &e), 0);
	assert_int_equal(file_write(AT_FDCWD, file, "", 0, 0644, 0, &e), 0);
}

TEST(changes_of_an_environment_are_seen)
{
	static const struct {
		void (*change)(const char *upper);
		bool covers;
	} rows[] = {
		{NULL, false},	       {change_neighbours, false}, {change_file, true},
		{change_folder, true}, {hide_folder, true},
	};
	struct bed b;

	SKIP_UNLESS(possible(), "userns", "this user may not make namespaces here");
	bed_init(&b);
	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(freep) char *upper = sub(&b, "upper");
		struct err e;

		if (rows[i].change)
			rows[i].change(upper);
		fill(&b);
		b.c.upper = upper;
		gpu_layer_add(&b.l, &b.c, &b.lowers);
		assert_int_equal(b.lowers.n, 3);
		if ((b.c.tree->folders.n == 1) != rows[i].covers)
			fail_msg("row %zu", i);
		assert_int_equal(tree_remove(AT_FDCWD, upper, &e), 0);
	}
	bed_fini(&b);
}

TEST(a_container_without_a_driver_has_none)
{
	struct tree_edits nodes = {.params = true};
	struct bed b;

	bed_init(&b);
	b.c.tree = NULL;
	gpu_layer_add(&b.l, &b.c, &b.lowers);
	assert_int_equal(b.lowers.n, 2);
	b.c.tree = &nodes;
	gpu_layer_add(&b.l, &b.c, &b.lowers);
	assert_int_equal(b.lowers.n, 2);
	assert_ptr_equal(b.c.tree, &nodes);
	bed_fini(&b);
}

RUN(IT(it_is_made_once_and_what_it_has_is_not_made_again),
    IT(anything_else_that_it_is_made_of_is_another_layer),
    IT(a_library_without_a_version_counts_with_its_content), IT(a_damaged_one_is_made_again),
    IT(what_cannot_be_made_is_left_to_the_start), IT(two_starts_at_once_make_one),
    IT(an_older_drivers_goes_unless_a_container_has_it),
    IT(the_tree_is_made_again_where_something_lies_over_the_layer),
    IT(changes_of_an_environment_are_seen), IT(a_container_without_a_driver_has_none))
