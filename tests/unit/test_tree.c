/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is made in a container's root: links, the loader's cache and its
 * neighbours. Images here are folders, some of them hostile; `outside` beside
 * the root is what none of them may reach.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "cdi/ldcache.h"
#include "cdi/tree.h"
#include "test.h"
#include "tree_image.h"

#define LIBS "usr/lib/x86_64-linux-gnu/nvidia"

struct box {
	char dir[64];
	int fd;
	struct tree_place p;
	struct strs warnings;
	struct arena a;
	struct tree_edits t;
};

static void warned(void *arg, const char *text)
{
	strs_add(arg, text);
}

static void box_init(struct box *b)
{
	struct err e;

	*b = (struct box){.p = {.params = -1, .warn = warned}};
	b->p.warn_arg = &b->warnings;
	(void)snprintf(b->dir, sizeof(b->dir), "/tmp/dlenv-test-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	assert_int_equal(dir_open(AT_FDCWD, b->dir, &b->fd, &e), 0);
	assert_int_equal(mkdirat(b->fd, "root", 0755), 0);
	assert_int_equal(mkdirat(b->fd, "outside", 0755), 0);
	assert_int_equal(file_write(b->fd, "outside/marker", "outside", 7, 0644, 0, &e), 0);
	b->p.root = openat(b->fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(b->p.root >= 0);
}

static void box_fini(struct box *b)
{
	struct err e;

	fd_closep(&b->p.root);
	fd_closep(&b->fd);
	strs_fini(&b->warnings);
	arena_fini(&b->a);
	assert_int_equal(tree_remove(AT_FDCWD, b->dir, &e), 0);
}

/* Nothing but the marker, as it was. */
static void outside_is_untouched(const struct box *b)
{
	CLEANUP(strs_fini) struct strs names = {0};
	CLEANUP(freep) char *text = NULL;
	struct err e;

	assert_int_equal(dir_list(b->fd, "outside", &names, &e), 0);
	assert_int_equal(names.n, 1);
	assert_int_equal(file_read(b->fd, "outside/marker", 100, &text, NULL, &e), 0);
	assert_string_equal(text, "outside");
}

/* Paths are below the root. */
static void put(const struct box *b, const char *path, const void *data, size_t len)
{
	CLEANUP(freep) char *full = str_fmt("root/%s", path);
	CLEANUP(freep) char *folder = str_dup(full);
	struct err e;

	*strrchr(folder, '/') = '\0';
	assert_int_equal(dir_make(b->fd, folder, 0755, &e), 0);
	assert_int_equal(file_write(b->fd, full, data, len, 0644, 0, &e), 0);
}

static void put_text(const struct box *b, const char *path, const char *text)
{
	put(b, path, text, strlen(text));
}

static void put_library(const struct box *b, const char *path, const char *soname, const char *note)
{
	struct tree_image m = tree_image(soname, note);

	put(b, path, &m, sizeof(m));
}

static void put_link(const struct box *b, const char *path, const char *target)
{
	CLEANUP(freep) char *full = str_fmt("root/%s", path);
	CLEANUP(freep) char *folder = str_dup(full);
	struct err e;

	*strrchr(folder, '/') = '\0';
	assert_int_equal(dir_make(b->fd, folder, 0755, &e), 0);
	assert_int_equal(symlinkat(target, b->fd, full), 0);
}

static char *get(const struct box *b, const char *path)
{
	CLEANUP(freep) char *full = str_fmt("root/%s", path);
	char *text = NULL;
	struct err e;

	return file_read(b->fd, full, LDCACHE_MAX, &text, NULL, &e) < 0 ? NULL : text;
}

static void link_is(const struct box *b, const char *path, const char *target)
{
	CLEANUP(freep) char *full = str_fmt("root/%s", path);
	char text[256];
	ssize_t n = readlinkat(b->fd, full, text, sizeof(text) - 1);

	assert_true(n > 0);
	text[n] = '\0';
	assert_string_equal(text, target);
}

static ino_t inode(const struct box *b, const char *path)
{
	CLEANUP(freep) char *full = str_fmt("root/%s", path);
	struct stat st;

	assert_int_equal(fstatat(b->fd, full, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_ino;
}

static bool is_regular(const struct box *b, const char *path)
{
	CLEANUP(freep) char *full = str_fmt("root/%s", path);
	struct stat st;

	return fstatat(b->fd, full, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

static void make(struct box *b)
{
	struct err e = {0};

	assert_int_equal(tree_make(&b->p, &b->t, &e), 0);
}

static void add_folder(struct box *b, const char *folder)
{
	cdi_add_text(&b->a, &b->t.folders, folder);
}

/* Where the loader finds a name; NULL when it does not. The caller's. */
static char *found(const struct box *b, const char *name)
{
	CLEANUP(ldcache_fini) struct ldcache c = {0};
	CLEANUP(freep) char *text = NULL;
	struct err e = {0};
	size_t len = 0;

	if (file_read(b->fd, "root/etc/ld.so.cache", LDCACHE_MAX, &text, &len, &e) < 0)
		return NULL;
	assert_int_equal(ldcache_parse(text, len, &c, &e), 0);
	for (size_t i = 0; i < c.n; i++)
		if (str_eq(c.entries[i].name, name))
			return str_dup(c.entries[i].path);
	return NULL;
}

static void finds(const struct box *b, const char *name, const char *path)
{
	CLEANUP(freep) char *at = found(b, name);

	assert_non_null(at);
	assert_string_equal(at, path);
}

static void driver(struct box *b)
{
	put_library(b, LIBS "/libcuda.so.550.1", "libcuda.so.1", "");
	put_library(b, LIBS "/libnvidia-ml.so.550.1", "libnvidia-ml.so.1", "");
	put_text(b, LIBS "/libnvidia-not.so.1", "no library");
	put_text(b, LIBS "/README", "no library");
	(void)tree_add_link(&b->a, &b->t, "libcuda.so.550.1", "/" LIBS "/libcuda.so.1");
	add_folder(b, "/" LIBS);
}

/* --- links --- */

TEST(links_are_made_with_their_folders)
{
	struct box b;
	ino_t before;

	box_init(&b);
	(void)tree_add_link(&b.a, &b.t, "libcuda.so.1", "/usr/lib/libcuda.so");
	(void)tree_add_link(&b.a, &b.t, "../card0", "/dev/dri/by-path/pci-0000:01:00.0-card");
	(void)tree_add_link(&b.a, &b.t, "x", "top");
	(void)tree_add_link(&b.a, &b.t, "x", "//opt//a//b///c");
	(void)tree_add_link(&b.a, &b.t, "x", "opt/../srv/./d");
	make(&b);
	link_is(&b, "usr/lib/libcuda.so", "libcuda.so.1");
	link_is(&b, "dev/dri/by-path/pci-0000:01:00.0-card", "../card0");
	link_is(&b, "top", "x");
	link_is(&b, "opt/a/b/c", "x");
	link_is(&b, "srv/d", "x");
	before = inode(&b, "usr/lib/libcuda.so");
	make(&b);
	assert_true(inode(&b, "usr/lib/libcuda.so") == before);
	assert_int_equal(b.warnings.n, 0);
	box_fini(&b);
}

TEST(a_link_replaces_a_file_or_another_link_but_no_folder)
{
	struct box b;

	box_init(&b);
	put_text(&b, "usr/lib/a", "file");
	put_link(&b, "usr/lib/b", "/etc/passwd");
	put_text(&b, "usr/lib/c/file", "kept");
	put_text(&b, "usr/lib/.a.dlenv-new", "of a start that was broken off");
	(void)tree_add_link(&b.a, &b.t, "x", "/usr/lib/a");
	(void)tree_add_link(&b.a, &b.t, "x", "/usr/lib/b");
	(void)tree_add_link(&b.a, &b.t, "x", "/usr/lib/c");
	make(&b);
	link_is(&b, "usr/lib/a", "x");
	link_is(&b, "usr/lib/b", "x");
	{
		CLEANUP(strs_fini) struct strs names = {0};
		CLEANUP(freep) char *kept = get(&b, "usr/lib/c/file");
		struct err e;

		assert_string_equal(kept, "kept");
		assert_int_equal(dir_list(b.fd, "root/usr/lib", &names, &e), 0);
		assert_int_equal(names.n, 3);
	}
	assert_int_equal(b.warnings.n, 1);
	box_fini(&b);
}

TEST(links_out_of_the_root_lead_nowhere)
{
	static const char *const targets[] = {"../../../outside", "../outside", "/../../outside",
					      "/proc/self/cwd", "/proc/1/root"};

	for (size_t i = 0; i < COUNT(targets); i++) {
		struct box b;

		box_init(&b);
		put_link(&b, "usr/lib", targets[i]);
		put_link(&b, "etc", targets[i]);
		(void)tree_add_link(&b.a, &b.t, "x", "/usr/lib/marker");
		(void)tree_add_link(&b.a, &b.t, "x", "/usr/lib/new/libcuda.so");
		(void)tree_add_link(&b.a, &b.t, "x", "/usr/../../outside/marker");
		add_folder(&b, "/usr/lib");
		b.t.profile = true;
		make(&b);
		outside_is_untouched(&b);
		box_fini(&b);
	}
}

/* --- the loader's cache --- */

TEST(the_driver_is_put_into_a_new_cache)
{
	struct box b;

	box_init(&b);
	driver(&b);
	make(&b);
	finds(&b, "libcuda.so.1", "/" LIBS "/libcuda.so.1");
	/* Without a link of the SONAME, the file itself. */
	finds(&b, "libnvidia-ml.so.1", "/" LIBS "/libnvidia-ml.so.550.1");
	assert_null(found(&b, "libnvidia-not.so.1"));
	assert_int_equal(b.warnings.n, 0);
	box_fini(&b);
}

#define USUAL "usr/lib/x86_64-linux-gnu"

/* Its SONAME is known by the link: what only looks like a library shows that it is not read. */
TEST(a_library_with_a_link_of_its_name_is_not_read)
{
	static const char *const mounts[] = {
		"/" USUAL "/libcuda.so.550.1",		"/" USUAL "/libnvidia-ml.so.550.1",
		"/" USUAL "/libnvidia-glcore.so.550.1", "/" USUAL "/libnvcuvid.so.550.1",
		"/" USUAL "/libGLX_nvidia.so.550.1",	NULL};
	CLEANUP(freep) char *fifo = NULL;
	struct box b;

	box_init(&b);
	put_library(&b, USUAL "/libcuda.so.550.1", "libcuda.so.1", "");
	put_text(&b, USUAL "/libnvidia-ml.so.550.1", "unread");
	put_text(&b, USUAL "/libGLX_nvidia.so.550.1", "unread");
	fifo = str_fmt("%s/root/" USUAL "/libnvcuvid.so.550.1", b.dir);
	assert_int_equal(mkfifo(fifo, 0644), 0);
	put_text(&b, USUAL "/libnvidia-glcore.so.550.1", "unread");
	(void)tree_add_link(&b.a, &b.t, "libcuda.so.550.1", "/" USUAL "/libcuda.so.1");
	(void)tree_add_link(&b.a, &b.t, "libnvidia-ml.so.550.1", "/" USUAL "/libnvidia-ml.so.1");
	(void)tree_add_link(&b.a, &b.t, "libnvcuvid.so.550.1", "/" USUAL "/libnvcuvid.so.1");
	/* No SONAME of theirs: another library's, the name for the linker, another folder's. */
	(void)tree_add_link(&b.a, &b.t, "libGLX_nvidia.so.550.1",
			    "/" USUAL "/libGLX_indirect.so.0");
	(void)tree_add_link(&b.a, &b.t, "libGLX_nvidia.so.550.1", "/" USUAL "/libGLX_nvidia.so");
	(void)tree_add_link(&b.a, &b.t, "libGLX_nvidia.so.550.1", "/usr/lib/libGLX_nvidia.so.0");
	add_folder(&b, "/" USUAL);
	b.p.mounts = mounts;
	make(&b);
	finds(&b, "libcuda.so.1", "/" USUAL "/libcuda.so.1");
	finds(&b, "libnvidia-ml.so.1", "/" USUAL "/libnvidia-ml.so.1");
	/* No link is made to it: its SONAME is its own name. */
	finds(&b, "libnvidia-glcore.so.550.1", "/" USUAL "/libnvidia-glcore.so.550.1");
	assert_null(found(&b, "libnvcuvid.so.1"));
	assert_null(found(&b, "libGLX_indirect.so.0"));
	assert_null(found(&b, "libGLX_nvidia.so"));
	assert_null(found(&b, "libGLX_nvidia.so.0"));
	box_fini(&b);
}

static void put_cache(const struct box *b, const char *name, const char *path)
{
	CLEANUP(ldcache_fini) struct ldcache c = {0};
	CLEANUP(buf_fini) struct buf text = {0};

	ldcache_add(&c, name, path, LD_X86_64);
	ldcache_add(&c, "libz.so.1", "/opt/lib/libz.so.1", LD_X86_64);
	ldcache_write(&c, &text);
	put(b, "etc/ld.so.cache", text.data, text.len);
}

TEST(the_images_own_cache_is_kept_behind_the_driver)
{
	struct box b;
	ino_t before;

	box_init(&b);
	driver(&b);
	put_cache(&b, "libcuda.so.1", "/opt/stubs/libcuda.so.1");
	put_text(&b, "etc/ld.so.conf.d/x.conf", "/opt/lib\n");
	make(&b);
	finds(&b, "libcuda.so.1", "/" LIBS "/libcuda.so.1");
	finds(&b, "libz.so.1", "/opt/lib/libz.so.1");
	{
		CLEANUP(freep) char *conf = get(&b, "etc/ld.so.conf.d/00-dlenv-nvidia.conf");

		assert_non_null(strstr(conf, "\n/" LIBS "\n"));
	}
	/* Another start changes nothing, and leaves nothing behind. */
	before = inode(&b, "etc/ld.so.cache");
	make(&b);
	assert_true(inode(&b, "etc/ld.so.cache") == before);
	assert_int_equal(b.warnings.n, 0);
	box_fini(&b);
}

TEST(of_a_folder_that_the_image_knows_only_mounts_are_the_drivers)
{
	static const char *const mounts[] = {"/opt/lib/libcuda.so.550.1", "/opt/lib/sub/libx.so.1",
					     "/opt", NULL};
	struct box b;

	box_init(&b);
	put_library(&b, "usr/lib/x86_64-linux-gnu/libown.so.1", "libown.so.1", "");
	put_library(&b, "opt/lib/libown2.so.1", "libown2.so.1", "");
	put_library(&b, "opt/lib/libcuda.so.550.1", "libcuda.so.1", "");
	put_cache(&b, "libx.so.1", "/usr/lib/libx.so.1");
	add_folder(&b, "/usr/lib/x86_64-linux-gnu");
	add_folder(&b, "/opt/lib");
	b.p.mounts = mounts;
	make(&b);
	finds(&b, "libcuda.so.1", "/opt/lib/libcuda.so.550.1");
	assert_null(found(&b, "libown.so.1"));
	assert_null(found(&b, "libown2.so.1"));
	box_fini(&b);
}

static void hostile_cache(struct box *b, const char *what)
{
	CLEANUP(freep) char *path = str_fmt("%s/root/etc/ld.so.cache", b->dir);
	char magic[64] = "glibc-ld.so.cache1.1\xff\xff\xff\x7f";

	put_text(b, "etc/x", "");
	if (str_eq(what, "fifo"))
		assert_int_equal(mkfifo(path, 0644), 0);
	else if (str_eq(what, "huge"))
		assert_int_equal(truncate(path, (off_t)8 << 30), 0);
	else if (str_eq(what, "corrupt"))
		put(b, "etc/ld.so.cache", magic, sizeof(magic));
	else
		put_link(b, "etc/ld.so.cache", what);
}

TEST(a_hostile_cache_is_replaced_without_being_followed)
{
	static const char *const kinds[] = {
		"fifo",
		"huge",
		"corrupt",
		"/proc/self/environ",
		"/proc/self/fd/0",
		"/proc/kmsg",
		"../../outside/marker",
		"/../outside/marker",
		"ld.so.cache",
		"/nowhere/at/all",
	};

	for (size_t i = 0; i < COUNT(kinds); i++) {
		struct box b;

		box_init(&b);
		driver(&b);
		if (str_eq(kinds[i], "huge"))
			put_text(&b, "etc/ld.so.cache", "");
		hostile_cache(&b, kinds[i]);
		make(&b);
		assert_true(is_regular(&b, "etc/ld.so.cache"));
		finds(&b, "libcuda.so.1", "/" LIBS "/libcuda.so.1");
		outside_is_untouched(&b);
		box_fini(&b);
	}
}

/* To open a device or a pipe can be an action in itself. */
TEST(what_is_no_regular_file_is_not_even_opened)
{
	static const char *const paths[] = {"etc/ld.so.cache", LIBS "/libpipe.so.1",
					    "usr/local/cuda/compat/libcuda.so.999.1"};
	int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	char events[4096];
	struct box b;
	ssize_t n;

	box_init(&b);
	driver(&b);
	b.t.compat_driver = "550.1";
	put_text(&b, "usr/local/cuda/compat/x", "");
	put_text(&b, "etc/x", "");
	for (size_t i = 0; i < COUNT(paths); i++) {
		CLEANUP(freep) char *full = str_fmt("%s/root/%s", b.dir, paths[i]);

		assert_int_equal(mkfifo(full, 0644), 0);
		assert_true(inotify_add_watch(watch, full, IN_OPEN) >= 0);
	}
	make(&b);
	n = read(watch, events, sizeof(events));
	/* That a pipe was replaced is told as well. */
	for (ssize_t at = 0; at < n;) {
		struct inotify_event event;

		memcpy(&event, events + at, sizeof(event));
		assert_false(event.mask & IN_OPEN);
		at += (ssize_t)(sizeof(event) + event.len);
	}
	finds(&b, "libcuda.so.1", "/" LIBS "/libcuda.so.1");
	(void)close(watch);
	box_fini(&b);
}

TEST(texts_that_lie_over_each_other_do_not_fill_the_memory)
{
	enum { N = 60000, LONG = 1 << 20 };
	CLEANUP(freep) char *data = mem_alloc(48 + N * 24 + LONG);
	uint32_t n = N;
	struct box b;

	memcpy(data, "glibc-ld.so.cache1.1", 20);
	memcpy(data + 20, &n, 4);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t entry[6] = {LD_X86_64, 48 + N * 24 + i, 48 + N * 24 + i};

		memcpy(data + 48 + i * 24, entry, 24);
	}
	memset(data + 48 + N * 24, 'a', LONG - 1);
	box_init(&b);
	driver(&b);
	put(&b, "etc/ld.so.cache", data, 48 + N * 24 + LONG);
	make(&b);
	finds(&b, "libcuda.so.1", "/" LIBS "/libcuda.so.1");
	box_fini(&b);
}

TEST(a_folder_of_settings_that_leads_out_is_not_followed)
{
	struct box b;

	box_init(&b);
	driver(&b);
	put_text(&b, "etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n");
	put_link(&b, "etc/ld.so.conf.d", "../../outside");
	make(&b);
	outside_is_untouched(&b);
	box_fini(&b);
}

TEST(libraries_that_are_links_or_fifos_are_left_alone)
{
	CLEANUP(freep) char *fifo = NULL;
	struct box b;

	box_init(&b);
	driver(&b);
	put_link(&b, LIBS "/libevil.so.1", "../../../../../outside/marker");
	put_link(&b, LIBS "/libself.so.1", "/proc/self/exe");
	fifo = str_fmt("%s/root/" LIBS "/libfifo.so.1", b.dir);
	assert_int_equal(mkfifo(fifo, 0644), 0);
	put_library(&b, LIBS "/libname.so.1", "../../../evil", "");
	make(&b);
	assert_null(found(&b, "libevil.so.1"));
	assert_null(found(&b, "libself.so.1"));
	assert_null(found(&b, "libfifo.so.1"));
	assert_null(found(&b, "../../../evil"));
	finds(&b, "libcuda.so.1", "/" LIBS "/libcuda.so.1");
	box_fini(&b);
}

/* --- musl --- */

TEST(musl_gets_its_path_file)
{
	struct box b;

	box_init(&b);
	driver(&b);
	put_text(&b, "lib/ld-musl-x86_64.so.1", "");
	make(&b);
	make(&b);
	{
		CLEANUP(freep) char *text = get(&b, "etc/ld-musl-x86_64.path");

		assert_string_equal(text, "/lib:/usr/local/lib:/usr/lib\n/" LIBS "\n");
	}
	assert_false(is_regular(&b, "etc/ld.so.cache"));
	put_text(&b, "etc/ld-musl-x86_64.path", "/lib:/mine");
	add_folder(&b, "/mine");
	make(&b);
	{
		CLEANUP(freep) char *text = get(&b, "etc/ld-musl-x86_64.path");

		assert_string_equal(text, "/lib:/mine\n/" LIBS "\n");
	}
	box_fini(&b);
}

/* --- CUDA's forward compatibility --- */

#define NOTE(cuda, drivers) "{\"Format\":1,\"CUDA Version\":\"" cuda "\",\"Driver\":[" drivers "]}"

struct compat_case {
	const char *file; /* in /usr/local/cuda/compat */
	const char *note;
	const char *driver; /* the host's */
	const char *cuda;
	bool wanted;
};

static const struct compat_case compat_cases[] = {
	{"libcuda.so.560.35", NOTE("12.6", "535,550"), "550.163.01", NULL, true},
	{"libcuda.so.560.35", NOTE("12.6", "535"), "550.163.01", NULL, false},
	{"libcuda.so.560.35", NOTE("12.6", "535,560"), "560.36", NULL, false},
	{"libcuda.so.560.35", NOTE("12.6", "560"), "560.34.99", NULL, true},
	{"libcuda.so.560.35", NOTE("12.6", ""), NULL, "12.4", true},
	{"libcuda.so.560.35", NOTE("12.6", ""), NULL, "12.6", false},
	{"libcuda.so.560.35", NOTE("12.6", ""), NULL, "12.10", false},
	{"libcuda.so.560.35", "", "550.1", NULL, true},
	{"libcuda.so.560.35", "", "560.1", NULL, false},
	{"libcuda.so.560.35", "", "570.1", NULL, false},
	{"libcuda.so.560.35", "", NULL, "12.4", false},
	{"libcuda.so.560.35", "{", "550.1", NULL, false},
	{"libcuda.so.1", NOTE("12.6", "550"), "550.1", NULL, false},
	{"libcuda.so.560.35", NOTE("12.6", "550"), NULL, NULL, false},
};

TEST(compatibility_libraries_come_first_where_they_may)
{
	for (size_t i = 0; i < COUNT(compat_cases); i++) {
		const struct compat_case *c = &compat_cases[i];
		CLEANUP(freep) char *file = str_fmt("usr/local/cuda-12/compat/%s", c->file);
		CLEANUP(freep) char *conf = NULL;
		struct box b;

		box_init(&b);
		driver(&b);
		put_text(&b, "etc/ld.so.conf.d/x.conf", "");
		put_library(&b, file, "libcuda.so.1", c->note);
		put_link(&b, "usr/local/cuda", "cuda-12");
		b.t.compat_driver = c->driver;
		b.t.compat_cuda = c->cuda;
		make(&b);
		if (c->wanted)
			finds(&b, "libcuda.so.1", "/usr/local/cuda/compat/libcuda.so.560.35");
		else
			finds(&b, "libcuda.so.1", "/" LIBS "/libcuda.so.1");
		conf = get(&b, "etc/ld.so.conf.d/00-dlenv-nvidia.conf");
		assert_int_equal(strstr(conf, "\n/usr/local/cuda/compat\n/" LIBS "\n") != NULL,
				 c->wanted);
		box_fini(&b);
	}
}

TEST(a_compatibility_library_that_is_a_link_is_not_one)
{
	struct box b;

	box_init(&b);
	driver(&b);
	put_link(&b, "usr/local/cuda/compat/libcuda.so.999.1", "../../../../../outside/marker");
	b.t.compat_driver = "550.1";
	make(&b);
	finds(&b, "libcuda.so.1", "/" LIBS "/libcuda.so.1");
	box_fini(&b);
	box_init(&b);
	driver(&b);
	put_library(&b, "usr/local/cuda/compat/libcuda.so.999.1", "libcuda.so.1", "");
	put_library(&b, "usr/local/cuda/compat/libcuda.so.999.2", "libcuda.so.1", "");
	b.t.compat_driver = "550.1";
	make(&b);
	finds(&b, "libcuda.so.1", "/" LIBS "/libcuda.so.1");
	box_fini(&b);
}

/* --- modes, profile --- */

TEST(modes_are_set_on_folders_and_not_through_links)
{
	struct box b;
	struct stat st;
	struct tree_mode modes[] = {{"/usr/share/x", 0750},
				    {"/usr/share/link", 0700},
				    {"/usr/share/file", 0700},
				    {"/usr/share/none", 0700}};

	box_init(&b);
	put_text(&b, "usr/share/x/file", "");
	put_text(&b, "usr/share/file", "");
	put_link(&b, "usr/share/link", "../../../outside");
	b.t.modes = modes;
	b.t.modes_n = COUNT(modes);
	make(&b);
	assert_int_equal(fstatat(b.fd, "root/usr/share/x", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0750);
	assert_int_equal(fstatat(b.fd, "root/usr/share/file", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	assert_int_equal(fstatat(b.fd, "outside", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0755);
	assert_int_equal(b.warnings.n, 2);
	box_fini(&b);
}

TEST(the_profile_names_the_gpus_of_the_container)
{
	struct box b;
	bool nodes;

	box_init(&b);
	put_text(&b, "dev/nvidia5", "no device");
	put_link(&b, "dev/nvidia6", "nvidia5");
	nodes = mknodat(b.fd, "root/dev/nvidia0", S_IFCHR | 0666, makedev(195, 0)) == 0 &&
		mknodat(b.fd, "root/dev/nvidia9", S_IFCHR | 0666, makedev(195, 9)) == 0 &&
		mknodat(b.fd, "root/dev/nvidiactl", S_IFCHR | 0666, makedev(195, 255)) == 0;
	b.t.profile = true;
	make(&b);
	{
		CLEANUP(freep)
		char *text =
			get(&b, "etc/nvidia/nvidia-application-profiles-rc.d/10-container.conf");

		assert_non_null(text);
		assert_non_null(strstr(text, nodes ? " 0x201]" : " 0x0]"));
	}
	box_fini(&b);
}

RUN(IT(links_are_made_with_their_folders), IT(a_link_replaces_a_file_or_another_link_but_no_folder),
    IT(links_out_of_the_root_lead_nowhere), IT(the_driver_is_put_into_a_new_cache),
    IT(a_library_with_a_link_of_its_name_is_not_read),
    IT(the_images_own_cache_is_kept_behind_the_driver),
    IT(of_a_folder_that_the_image_knows_only_mounts_are_the_drivers),
    IT(a_hostile_cache_is_replaced_without_being_followed),
    IT(what_is_no_regular_file_is_not_even_opened),
    IT(texts_that_lie_over_each_other_do_not_fill_the_memory),
    IT(a_folder_of_settings_that_leads_out_is_not_followed),
    IT(libraries_that_are_links_or_fifos_are_left_alone), IT(musl_gets_its_path_file),
    IT(compatibility_libraries_come_first_where_they_may),
    IT(a_compatibility_library_that_is_a_link_is_not_one),
    IT(modes_are_set_on_folders_and_not_through_links),
    IT(the_profile_names_the_gpus_of_the_container))
