/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/index.h"
#include "oci/layer.h"
#include "oci/store.h"

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define ID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* A store in a folder of its own. */
struct bed {
	struct store s;
	char *dir;
};

static void bed_fini(struct bed *b)
{
	struct err e = {0};

	store_close(&b->s);
	if (b->dir)
		assert_int_equal(tree_remove(AT_FDCWD, b->dir, &e), 0);
	freep(&b->dir);
}

static void bed_open(struct bed *b)
{
	struct paths p = {0};
	struct err e = {0};
	char dir[] = "/tmp/test-store.XXXXXX";

	assert_non_null(mkdtemp(dir));
	b->dir = str_dup(dir);
	p.data = dir;
	assert_int_equal(store_open(&b->s, &p, &e), 0);
}

static void put(const char *folder, const char *name, const char *text)
{
	CLEANUP(freep) char *path = str_fmt("%s/%s", folder, name);
	struct err e = {0};

	assert_int_equal(file_write(AT_FDCWD, path, text, strlen(text), 0644, 0, &e), 0);
}

/* A finished layer with a few files of every kind. */
static void make_layer_on(struct bed *b, const char *parent, const char *id, const char *content)
{
	CLEANUP(layer_end) struct layer_build l = {0};
	CLEANUP(freep) char *fs = NULL;
	CLEANUP(freep) char *sub = NULL;
	CLEANUP(freep) char *link_path = NULL;
	CLEANUP(freep) char *a = NULL;
	CLEANUP(freep) char *second = NULL;
	struct layer meta = {.title = (char *)"test", .parent = (char *)parent, .created = 1};
	struct err e = {0};

	assert_int_equal(layer_begin(&b->s, id, "", NULL, &l, &e), 0);
	assert_false(l.done);
	fs = str_fmt("%s/fs", l.path);
	sub = str_fmt("%s/usr", fs);
	link_path = str_fmt("%s/link", fs);
	a = str_fmt("%s/a", sub);
	second = str_fmt("%s/a-too", sub);
	assert_int_equal(mkdir(fs, 0755), 0);
	assert_int_equal(mkdir(sub, 0755), 0);
	put(sub, "a", content);
	put(sub, "odd\nna%me", "x");
	put(fs, "usr.txt", "sorts between usr and usr/a");
	assert_int_equal(symlink("usr/a", link_path), 0);
	assert_int_equal(link(a, second), 0);
	assert_int_equal(layer_index(l.path, &e), 0);
	assert_int_equal(layer_finish(&l, &meta, &e), 0);
}

static void make_layer(struct bed *b, const char *id, const char *content)
{
	make_layer_on(b, NULL, id, content);
}

static struct image image_of(const char *name, const char *id)
{
	struct image img = {.name = str_dup(name), .bytes = 10, .packages = 3, .created = 7};

	strs_add(&img.layers, id);
	return img;
}

TEST(an_image_that_was_saved_is_loaded_and_listed)
{
	CLEANUP(bed_fini) struct bed b = {0};
	CLEANUP(image_fini) struct image img = image_of("torch", ID_A);
	CLEANUP(image_fini) struct image got = {0};
	CLEANUP(strs_fini) struct strs names = {0};
	struct err e = {0};

	bed_open(&b);
	assert_int_equal(image_save(&b.s, &img, &e), 0);
	assert_int_equal(image_load(&b.s, "torch", &got, &e), 0);
	assert_string_equal(got.layers.v[0], ID_A);
	assert_int_equal(got.packages, 3);
	assert_int_equal(got.bytes, 10);
	assert_int_equal(image_list(&b.s, &names, &e), 0);
	assert_int_equal(names.n, 1);
	assert_string_equal(names.v[0], "torch");
	assert_int_equal(image_remove(&b.s, "torch", &e), 0);
	assert_int_equal(image_remove(&b.s, "torch", &e), -ERR_ABSENT);
}

TEST(an_image_may_be_saved_by_several_processes_at_once)
{
	enum { PROCESSES = 4, TIMES = 50 };
	CLEANUP(bed_fini) struct bed b = {0};
	CLEANUP(image_fini) struct image img = image_of("torch", ID_A);

	bed_open(&b);
	for (int i = 0; i < PROCESSES; i++)
		if (fork() == 0) {
			struct err e = {0};
			int failed = 0;

			for (int k = 0; k < TIMES; k++)
				failed |= image_save(&b.s, &img, &e) < 0;
			_exit(failed);
		}
	for (int i = 0; i < PROCESSES; i++) {
		int status = -1;

		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
}

TEST(names_never_leave_the_store)
{
	static const char *const bad[] = {"",	"..",	   ".",	  "../x", "a/b",
					  "-x", ".hidden", "a b", "a\n"};
	CLEANUP(bed_fini) struct bed b = {0};

	bed_open(&b);
	for (size_t i = 0; i < COUNT(bad); i++) {
		CLEANUP(image_fini) struct image img = image_of(bad[i], ID_A);
		struct image got = {0};
		struct layer l = {0};
		struct err e = {0};

		assert_int_equal(image_save(&b.s, &img, &e), -ERR_CONFIG);
		assert_int_equal(image_load(&b.s, bad[i], &got, &e), -ERR_CONFIG);
		assert_int_equal(image_remove(&b.s, bad[i], &e), -ERR_CONFIG);
		assert_int_equal(layer_load(&b.s, bad[i], &l, &e), -ERR_CONFIG);
		assert_false(layer_ready(&b.s, bad[i]));
	}
}

TEST(a_document_that_is_not_one_is_a_damaged_store)
{
	static const char *const bad[] = {
		"",
		"{",
		"{\"layers\": 3}",
		"{\"layers\": [\"../../etc\"], \"bytes\": 1, \"packages\": 1, \"created\": 1}",
		"{\"layers\": [], \"bytes\": -1, \"packages\": 1, \"created\": 1}",
	};
	CLEANUP(bed_fini) struct bed b = {0};

	bed_open(&b);
	for (size_t i = 0; i < COUNT(bad); i++) {
		CLEANUP(image_fini) struct image got = {0};
		struct err e = {0};

		put(b.dir, "images/x.json", bad[i]);
		assert_int_equal(image_load(&b.s, "x", &got, &e), -ERR_VERIFY);
	}
}

TEST(a_layer_appears_when_it_is_finished_and_is_built_once)
{
	CLEANUP(bed_fini) struct bed b = {0};
	CLEANUP(layer_end) struct layer_build again = {0};
	CLEANUP(layer_fini) struct layer l = {0};
	struct err e = {0};

	bed_open(&b);
	assert_int_equal(layer_load(&b.s, ID_A, &l, &e), -ERR_ABSENT);
	make_layer(&b, ID_A, "hello");
	assert_true(layer_ready(&b.s, ID_A));
	assert_int_equal(layer_begin(&b.s, ID_A, "", NULL, &again, &e), 0);
	assert_true(again.done);
	assert_int_equal(layer_load(&b.s, ID_A, &l, &e), 0);
	assert_string_equal(l.title, "test");
	/* . link usr usr.txt usr/a usr/a-too usr/odd */
	assert_int_equal(l.files, 7);
	assert_int_equal(l.bytes, 5 + 5 + 1 + 27);
}

TEST(the_same_files_give_the_same_index)
{
	CLEANUP(freep) char *one = NULL;
	CLEANUP(bed_fini) struct bed b = {0};
	CLEANUP(index_fini) struct index x = {0};
	CLEANUP(buf_fini) struct buf again = {0};
	struct err e = {0};
	size_t len = 0;

	bed_open(&b);
	make_layer(&b, ID_A, "hello");
	assert_int_equal(file_read(b.s.fd, "layers/" ID_A "/index", 1 << 20, &one, &len, &e), 0);
	assert_non_null(strstr(one, " usr/odd%0Ana%25me\n"));
	/* sha256 of "hello" and of "usr/a" */
	assert_non_null(strstr(
		one,
		" 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824 usr/a-too\n"));
	assert_non_null(strstr(one, "l 0777 "));
	assert_int_equal(index_parse(one, len, &x, &e), 0);
	index_text(&x, &again);
	assert_string_equal(again.data, one);
}

TEST(text_that_is_no_index_is_refused)
{
	static const char *const bad[] = {
		"x",
		"f 0644 0 0 1 1.0 - a", /* no newline */
		"q 0644 0 0 1 1.0 - a\n",
		"f 0648 0 0 1 1.0 - a\n",
		"f 10000 0 0 1 1.0 - a\n",
		"f 0644 4294967296 0 1 1.0 - a\n",
		"f 0644 0 0 99999999999999999999 1.0 - a\n",
		"f 0644 0 0 1 1.1000000000 - a\n",
		"f 0644 0 0 1 1.0 abc a\n",
		"f 0644 0 0 1 1.0 - \n",
		"f 0644 0 0 1 1.0 - a%41\n",
		"f 0644 0 0 1 1.0 - b\nf 0644 0 0 1 1.0 - a\n", /* not sorted */
		"f 0644 0 0 1 1.0 - a\nf 0644 0 0 1 1.0 - a\n", /* twice */
	};

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct index x = {0};
		struct err e = {0};

		assert_int_equal(index_parse(bad[i], strlen(bad[i]), &x, &e), -ERR_VERIFY);
	}
}

enum damage { NONE, CONTENT, SIZE, GONE, EXTRA, MODE, TARGET, INDEX_FILE, META_FILE };

static void damage(struct bed *b, enum damage what)
{
	CLEANUP(freep) char *fs = layer_path(&b->s, ID_A);
	CLEANUP(freep) char *file = str_fmt("%s/usr.txt", fs);
	CLEANUP(freep) char *at = str_fmt("%s/link", fs);
	struct stat st;
	int fd;

	assert_int_equal(stat(file, &st), 0);
	switch (what) {
	case NONE:
		break;
	case CONTENT: /* what a bad disk does: size and times stay */
		fd = open(file, O_WRONLY);
		assert_int_equal(pwrite(fd, "X", 1, 3), 1);
		assert_int_equal(futimens(fd, (struct timespec[]){st.st_atim, st.st_mtim}), 0);
		(void)close(fd);
		break;
	case SIZE:
		assert_int_equal(truncate(file, 3), 0);
		break;
	case GONE:
		assert_int_equal(unlink(file), 0);
		break;
	case EXTRA:
		put(fs, "zzz", "");
		break;
	case MODE:
		assert_int_equal(chmod(file, 04755), 0);
		break;
	case TARGET:
		assert_int_equal(unlink(at), 0);
		assert_int_equal(symlink("usr/b", at), 0);
		break;
	case INDEX_FILE:
		put(b->dir, "layers/" ID_A "/index", "");
		break;
	case META_FILE:
		put(b->dir, "layers/" ID_A "/meta.json", "{}");
		break;
	}
}

TEST(verification_finds_what_was_changed)
{
	static const struct {
		enum damage what;
		int quick;
		int full;
		const char *said;
	} cases[] = {
		{NONE, 0, 0, ""},
		{CONTENT, 0, -ERR_VERIFY, "'/usr.txt' has other content"},
		{SIZE, -ERR_VERIFY, -ERR_VERIFY, "'/usr.txt' has another size"},
		{GONE, -ERR_VERIFY, -ERR_VERIFY, "'/usr.txt' is missing"},
		{EXTRA, -ERR_VERIFY, -ERR_VERIFY, "'/zzz' does not belong there"},
		{MODE, -ERR_VERIFY, -ERR_VERIFY, "'/usr.txt' has other permissions"},
		{TARGET, -ERR_VERIFY, -ERR_VERIFY, "'/link' was changed"},
		{INDEX_FILE, -ERR_VERIFY, -ERR_VERIFY, "recorded digest"},
		{META_FILE, -ERR_VERIFY, -ERR_VERIFY, "damaged"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		CLEANUP(bed_fini) struct bed b = {0};
		CLEANUP(image_fini) struct image img = image_of("x", ID_A);
		struct err e = {0};

		bed_open(&b);
		make_layer(&b, ID_A, "hello");
		damage(&b, cases[i].what);
		assert_int_equal(image_verify(&b.s, &img, 0, NULL, &e), cases[i].quick);
		assert_int_equal(image_verify(&b.s, &img, VERIFY_CONTENT, NULL, &e), cases[i].full);
		assert_non_null(strstr(e.msg, cases[i].said));
	}
}

TEST(an_image_whose_layer_is_gone_is_damaged)
{
	CLEANUP(bed_fini) struct bed b = {0};
	CLEANUP(image_fini) struct image img = image_of("x", ID_A);
	struct err e = {0};

	bed_open(&b);
	assert_int_equal(image_verify(&b.s, &img, 0, NULL, &e), -ERR_VERIFY);
}

TEST(what_a_killed_builder_left_is_swept_and_what_is_at_work_stays)
{
	CLEANUP(bed_fini) struct bed b = {0};
	CLEANUP(layer_end) struct layer_build mine = {0};
	CLEANUP(strs_fini) struct strs left = {0};
	struct err e = {0};
	pid_t pid;

	bed_open(&b);
	pid = fork();
	if (pid == 0) {
		struct layer_build l = {0};

		_exit(layer_begin(&b.s, ID_A, "", NULL, &l, &e) < 0);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(layer_begin(&b.s, ID_B, "", NULL, &mine, &e), 0);
	assert_int_equal(store_sweep(&b.s, &e), 0);
	assert_int_equal(dir_list(b.s.fd, "tmp", &left, &e), 0);
	assert_int_equal(left.n, 1);
	assert_true(str_starts(left.v[0], ID_B));
}

static void count(void *arg)
{
	++*(int *)arg;
}

TEST(the_second_builder_waits_and_finds_the_layer)
{
	CLEANUP(bed_fini) struct bed b = {0};
	CLEANUP(layer_end) struct layer_build second = {0};
	struct err e = {0};
	int waits = 0;
	const struct layer_wait wait = {.fn = count, .arg = &waits};
	int ready[2];
	char c = 0;
	pid_t pid;

	bed_open(&b);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		struct layer_build l = {0};
		struct layer meta = {.title = (char *)"test"};
		CLEANUP(freep) char *fs = NULL;

		if (layer_begin(&b.s, ID_A, "", NULL, &l, &e) < 0)
			_exit(1);
		(void)!write(ready[1], &c, 1);
		(void)usleep(200000);
		fs = str_fmt("%s/fs", l.path);
		if (mkdir(fs, 0755) < 0 || layer_index(l.path, &e) < 0 ||
		    layer_finish(&l, &meta, &e) < 0)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(layer_begin(&b.s, ID_A, "", &wait, &second, &e), 0);
	assert_true(second.done);
	assert_int_equal(waits, 1);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	(void)close(ready[0]);
	(void)close(ready[1]);
}

TEST(a_damaged_folder_gives_way_to_the_new_layer)
{
	CLEANUP(bed_fini) struct bed b = {0};
	CLEANUP(strs_fini) struct strs left = {0};
	struct err e = {0};

	bed_open(&b);
	make_layer(&b, ID_A, "old");
	assert_int_equal(unlinkat(b.s.fd, "layers/" ID_A "/meta.json", 0), 0);
	make_layer(&b, ID_A, "new");
	assert_true(layer_ready(&b.s, ID_A));
	assert_int_equal(store_sweep(&b.s, &e), 0);
	assert_int_equal(dir_list(b.s.fd, "tmp", &left, &e), 0);
	assert_int_equal(left.n, 0);
}

TEST(a_layer_is_not_used_on_another_parent)
{
	CLEANUP(bed_fini) struct bed b = {0};

	bed_open(&b);
	make_layer(&b, ID_A, "a");
	assert_true(layer_usable(&b.s, ID_A, ""));
	assert_false(layer_usable(&b.s, ID_A, ID_B));
	assert_false(layer_usable(&b.s, ID_B, ""));
}

TEST(a_layer_that_is_marked_as_damaged_counts_as_missing)
{
	CLEANUP(bed_fini) struct bed b = {0};
	CLEANUP(image_fini) struct image img = image_of("x", ID_A);
	struct err e = {0};

	bed_open(&b);
	make_layer(&b, ID_A, "hello");
	assert_int_equal(image_verify(&b.s, &img, VERIFY_CONTENT | VERIFY_MARK, NULL, &e), 0);
	assert_true(layer_usable(&b.s, ID_A, ""));
	damage(&b, CONTENT);
	assert_int_equal(image_verify(&b.s, &img, VERIFY_CONTENT | VERIFY_MARK, NULL, &e),
			 -ERR_VERIFY);
	assert_false(layer_ready(&b.s, ID_A));
	make_layer(&b, ID_A, "hello");
	assert_int_equal(image_verify(&b.s, &img, VERIFY_CONTENT, NULL, &e), 0);
}

TEST(a_layer_that_was_put_on_an_image_stays_as_long_as_the_image)
{
	CLEANUP(bed_fini) struct bed b = {0};
	CLEANUP(image_fini) struct image img = image_of("x", ID_A);
	CLEANUP(strs_fini) struct strs none = {0};
	CLEANUP(strs_fini) struct strs both = {0};
	struct err e = {0};

	bed_open(&b);
	make_layer(&b, ID_A, "a");
	make_layer_on(&b, ID_A, ID_B, "the user's");
	make_layer_on(&b, ID_B, ID_C, "the driver's, on top of that");
	assert_int_equal(image_save(&b.s, &img, &e), 0);
	assert_int_equal(store_unused(&b.s, NULL, &none, &e), 0);
	assert_int_equal(none.n, 0);
	assert_int_equal(image_remove(&b.s, "x", &e), 0);
	assert_int_equal(store_unused(&b.s, NULL, &both, &e), 0);
	assert_int_equal(both.n, 3);
}

TEST(a_layer_that_nobody_has_used_for_long_is_named)
{
	CLEANUP(bed_fini) struct bed b = {0};
	const struct timespec before[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	CLEANUP(strs_fini) struct strs idle = {0};
	CLEANUP(strs_fini) struct strs none = {0};
	struct err e = {0};

	bed_open(&b);
	make_layer(&b, ID_A, "a");
	make_layer(&b, ID_B, "b");
	assert_int_equal(store_idle(&b.s, "test", 60, &none, &e), 0);
	assert_int_equal(utimensat(b.s.fd, "layers/" ID_A "/meta.json", before, 0), 0);
	assert_int_equal(store_idle(&b.s, "other", 60, &none, &e), 0);
	assert_int_equal(none.n, 0);
	assert_int_equal(store_idle(&b.s, "test", 60, &idle, &e), 0);
	assert_int_equal(idle.n, 1);
	assert_string_equal(idle.v[0], ID_A);
	layer_used(&b.s, ID_A);
	assert_int_equal(store_idle(&b.s, "test", 60, &none, &e), 0);
	assert_int_equal(none.n, 0);
}

TEST(only_unused_layers_are_named_and_removed)
{
	CLEANUP(bed_fini) struct bed b = {0};
	CLEANUP(image_fini) struct image img = image_of("x", ID_A);
	CLEANUP(strs_fini) struct strs unused = {0};
	CLEANUP(strs_fini) struct strs none = {0};
	CLEANUP(strs_fini) struct strs keep = {0};
	struct err e = {0};

	bed_open(&b);
	make_layer(&b, ID_A, "a");
	make_layer(&b, ID_B, "b");
	assert_int_equal(image_save(&b.s, &img, &e), 0);
	strs_add(&keep, ID_B);
	assert_int_equal(store_unused(&b.s, &keep, &none, &e), 0);
	assert_int_equal(none.n, 0);
	assert_int_equal(store_unused(&b.s, NULL, &unused, &e), 0);
	assert_int_equal(unused.n, 1);
	assert_string_equal(unused.v[0], ID_B);
	assert_int_equal(layer_remove(&b.s, ID_B, &e), 0);
	assert_false(layer_ready(&b.s, ID_B));
	assert_true(layer_ready(&b.s, ID_A));
	/* An image that cannot be read might name any layer: then none is unused. */
	put(b.dir, "images/y.json", "{");
	assert_int_equal(store_unused(&b.s, NULL, &unused, &e), -ERR_VERIFY);
}

RUN(IT(an_image_that_was_saved_is_loaded_and_listed),
    IT(an_image_may_be_saved_by_several_processes_at_once), IT(names_never_leave_the_store),
    IT(a_document_that_is_not_one_is_a_damaged_store),
    IT(a_layer_appears_when_it_is_finished_and_is_built_once),
    IT(the_same_files_give_the_same_index), IT(text_that_is_no_index_is_refused),
    IT(verification_finds_what_was_changed), IT(an_image_whose_layer_is_gone_is_damaged),
    IT(what_a_killed_builder_left_is_swept_and_what_is_at_work_stays),
    IT(the_second_builder_waits_and_finds_the_layer),
    IT(a_damaged_folder_gives_way_to_the_new_layer), IT(a_layer_is_not_used_on_another_parent),
    IT(a_layer_that_is_marked_as_damaged_counts_as_missing),
    IT(a_layer_that_was_put_on_an_image_stays_as_long_as_the_image),
    IT(a_layer_that_nobody_has_used_for_long_is_named),
    IT(only_unused_layers_are_named_and_removed))
