/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of a driver is taken as long as it is true, and never longer. */
#include "cdi/driver.h"

#include "cdi/generate.h"
#include "machine_box.h"

#define V "550.163.01"
#define LIBS "/usr/lib/x86_64-linux-gnu"
#define OWN LIBS "/nvidia/current"

/* The machine in one folder, the cache in another. */
struct pair {
	struct box machine;
	struct box cache;
};

static void put_library(struct box *b, const char *folder, const char *stem)
{
	CLEANUP(freep) char *file = str_fmt("%s/%s.so." V, folder, stem);
	CLEANUP(freep) char *name = str_fmt("%s.so." V, stem);
	CLEANUP(freep) char *soname = str_fmt("%s.so.1", stem);
	CLEANUP(freep) char *at = str_fmt("%s/%s", folder, soname);

	box_lib(b, file, soname);
	box_link(b, name, at);
}

static void pair_open(struct pair *p)
{
	struct box *b = &p->machine;

	box_open(b);
	box_open(&p->cache);
	put_library(b, OWN, "libcuda");
	put_library(b, OWN, "libnvidia-ml");
	put_library(b, OWN, "libnvidia-ptxjitcompiler");
	box_lib(b, LIBS "/libnvidia-glcore.so." V, "libnvidia-glcore.so." V);
	box_link(b, "/etc/alternatives/libcuda", LIBS "/libcuda.so.1");
	box_link(b, OWN "/libcuda.so.1", "/etc/alternatives/libcuda");
	box_put(b, "/usr/lib/nvidia/current/nvidia-smi", "", 0755);
	box_put(b, "/usr/lib/nvidia/other/nvidia-smi", "", 0755);
	box_link(b, "/usr/lib/nvidia/current/nvidia-smi", "/etc/alternatives/nvidia-smi");
	box_link(b, "/etc/alternatives/nvidia-smi", "/usr/bin/nvidia-smi");
	box_put(b, "/usr/share/nvidia/nvoptix.bin", "", 0644);
	box_folder(b, "/run/lock");
}

static void pair_close(struct pair *p)
{
	box_close(&p->machine);
	box_close(&p->cache);
}

/* All of the answer as text; or the error. The caller's. */
static char *answer(struct pair *p, bool kept, const char *loaded, unsigned int caps)
{
	const struct driver_query q = {.root = &p->machine.root,
				       .loaded = loaded,
				       .caps = caps,
				       .cache = kept ? p->cache.path : NULL};
	CLEANUP(driver_fini) struct driver d = {0};
	CLEANUP(strs_fini) struct strs notes = {0};
	struct buf b = {0};
	struct err e = {0};

	if (driver_read(&q, &d, &notes, &e) < 0)
		return str_fmt("%d %s", (int)e.code, e.msg);
	buf_fmt(&b, "%s\n", d.version);
	for (size_t i = 0; i < d.folders.n; i++)
		buf_fmt(&b, "folder %s\n", d.folders.v[i]);
	for (size_t i = 0; i < d.files_n; i++)
		buf_fmt(&b, "file %d %x %s %s\n", (int)d.files[i].kind, d.files[i].caps,
			d.files[i].path, d.files[i].at);
	for (size_t i = 0; i < d.links_n; i++)
		buf_fmt(&b, "link %x %s %s\n", d.links[i].caps, d.links[i].target, d.links[i].at);
	for (size_t i = 0; i < notes.n; i++)
		buf_fmt(&b, "note %s\n", notes.v[i]);
	return b.data;
}

/* Where this machine's answer is kept. The text is the caller's. */
static char *kept_name(const struct pair *p)
{
	struct stat st = {0};

	assert_int_equal(fstat(p->machine.root.fd, &st), 0);
	return str_fmt("driver-3f-0-%llx-%llx", (unsigned long long)st.st_dev,
		       (unsigned long long)st.st_ino);
}

static char *kept_text(struct pair *p)
{
	CLEANUP(freep) char *name = kept_name(p);
	char *text = NULL;
	struct err e = {0};

	return file_read(p->cache.root.fd, name, 1 << 18, &text, NULL, &e) < 0 ? NULL : text;
}

static void kept_put(struct pair *p, const char *text, size_t len)
{
	CLEANUP(freep) char *name = kept_name(p);
	struct err e = {0};

	assert_int_equal(file_write(p->cache.root.fd, name, text, len, 0600, 0, &e), 0);
}

enum { CAPS = CAP_ALL & ~CAP_COMPAT32 };

static bool is_taken(struct pair *p)
{
	CLEANUP(freep) char *text = kept_text(p);
	CLEANUP(freep) char *after = NULL;
	char *name = text ? strstr(text, "\nf 0") : NULL;

	name = name ? strstr(name, "libnvidia-glcore") : NULL;
	assert_non_null(name);
	memcpy(name, "libnvidia-forged", strlen("libnvidia-forged"));
	kept_put(p, text, strlen(text));
	after = answer(p, true, V, CAPS);
	return strstr(after, "libnvidia-forged") != NULL;
}

TEST(an_answer_is_taken_as_long_as_nothing_changes)
{
	struct pair p;
	CLEANUP(freep) char *first = NULL;
	CLEANUP(freep) char *second = NULL;
	CLEANUP(freep) char *plain = NULL;

	pair_open(&p);
	plain = answer(&p, false, V, CAPS);
	first = answer(&p, true, V, CAPS);
	second = answer(&p, true, V, CAPS);
	assert_string_equal(first, plain);
	assert_string_equal(second, plain);
	assert_non_null(strstr(plain, "note ") ? NULL : plain);
	assert_true(is_taken(&p));
	/* Others come and go in /run. */
	box_put(&p.machine, "/run/else", "", 0644);
	assert_true(is_taken(&p));
	pair_close(&p);
}

static void add_library(struct box *b)
{
	put_library(b, OWN, "libnvidia-new");
}

static void remove_library(struct box *b)
{
	assert_int_equal(unlinkat(b->root.fd, &(LIBS "/libnvidia-glcore.so." V)[1], 0), 0);
}

static void remove_link(struct box *b)
{
	assert_int_equal(unlinkat(b->root.fd, &(OWN "/libnvidia-ml.so.1")[1], 0), 0);
}

static void change_alternative(struct box *b)
{
	assert_int_equal(unlinkat(b->root.fd, "etc/alternatives/nvidia-smi", 0), 0);
	box_link(b, "/usr/lib/nvidia/other/nvidia-smi", "/etc/alternatives/nvidia-smi");
}

static void add_program(struct box *b)
{
	box_put(b, "/usr/local/bin/nvidia-debugdump", "", 0755);
}

static void forbid_program(struct box *b)
{
	assert_int_equal(fchmodat(b->root.fd, "usr/lib/nvidia/current/nvidia-smi", 0644, 0), 0);
}

static void add_configuration(struct box *b)
{
	box_put(b, "/usr/share/vulkan/icd.d/nvidia_icd.json", "", 0644);
}

static void prefer_configuration(struct box *b)
{
	box_put(b, "/usr/local/share/nvidia/nvoptix.bin", "", 0644);
}

static void add_firmware(struct box *b)
{
	box_put(b, "/lib/firmware/nvidia/" V "/gsp_ga10x.bin", "", 0644);
}

static void name_firmware(struct box *b)
{
	box_put(b, "/opt/firmware/nvidia/" V "/gsp_tu10x.bin", "", 0644);
	box_put(b, "/sys/module/firmware_class/parameters/path", "/opt/firmware\n", 0644);
}

static void add_nixos(struct box *b)
{
	put_library(b, "/run/opengl-driver/lib", "libnvidia-more");
}

static void add_xorg(struct box *b)
{
	box_put(b, LIBS "/nvidia/xorg/nvidia_drv.so", "", 0644);
}

static void exchange_folder(struct box *b)
{
	put_library(b, "/opt/driver", "libcuda");
	put_library(b, "/opt/driver", "libnvidia-ml");
	assert_int_equal(renameat(b->root.fd, &OWN[1], b->root.fd, "opt/old"), 0);
	assert_int_equal(renameat(b->root.fd, "opt/driver", b->root.fd, &OWN[1]), 0);
}

static void exchange_by_link(struct box *b)
{
	put_library(b, "/opt/driver", "libcuda");
	assert_int_equal(renameat(b->root.fd, &OWN[1], b->root.fd, "opt/old"), 0);
	box_link(b, "/opt/driver", OWN);
}

static void add_merged(struct box *b)
{
	box_link(b, "usr/lib", "/lib");
	box_put(b, "/usr/lib/firmware/nvidia/" V "/gsp_ga10x.bin", "", 0644);
}

static void add_socket(struct box *b)
{
	box_folder(b, "/tmp/nvidia-mps");
}

static void add_second_version(struct box *b)
{
	box_lib(b, LIBS "/libcuda.so.570.1", "libcuda.so.1");
}

static void remove_all(struct box *b)
{
	struct err e = {0};

	assert_int_equal(tree_remove(b->root.fd, "usr", &e), 0);
}

TEST(an_answer_that_is_not_true_any_more_is_not_taken)
{
	static const struct {
		const char *what;
		void (*change)(struct box *b);
	} rows[] = {
		{"add_library", add_library},
		{"remove_library", remove_library},
		{"remove_link", remove_link},
		{"change_alternative", change_alternative},
		{"add_program", add_program},
		{"forbid_program", forbid_program},
		{"add_configuration", add_configuration},
		{"prefer_configuration", prefer_configuration},
		{"add_firmware", add_firmware},
		{"name_firmware", name_firmware},
		{"add_nixos", add_nixos},
		{"add_xorg", add_xorg},
		{"exchange_folder", exchange_folder},
		{"exchange_by_link", exchange_by_link},
		{"add_merged", add_merged},
		{"add_socket", add_socket},
		{"add_second_version", add_second_version},
		{"remove_all", remove_all},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(freep) char *before = NULL;
		CLEANUP(freep) char *want = NULL;
		CLEANUP(freep) char *got = NULL;
		struct pair p;

		pair_open(&p);
		before = answer(&p, true, V, CAPS);
		/* Times of folders are as fine as the kernel's tick. */
		(void)usleep(20000);
		rows[i].change(&p.machine);
		want = answer(&p, false, V, CAPS);
		got = answer(&p, true, V, CAPS);
		if (!str_eq(got, want) || str_eq(want, before))
			fail_msg("%s: '%s' instead of '%s'", rows[i].what, got, want);
		pair_close(&p);
	}
}

TEST(another_question_has_another_answer)
{
	struct pair p;
	CLEANUP(freep) char *first = NULL;
	CLEANUP(freep) char *want = NULL;
	CLEANUP(freep) char *got = NULL;
	CLEANUP(freep) char *less = NULL;
	CLEANUP(freep) char *less_kept = NULL;

	pair_open(&p);
	first = answer(&p, true, V, CAPS);
	want = answer(&p, false, "570.1", CAPS);
	got = answer(&p, true, "570.1", CAPS);
	assert_string_equal(got, want);
	assert_string_not_equal(first, want);
	less = answer(&p, false, V, CAP_UTILITY);
	less_kept = answer(&p, true, V, CAP_UTILITY);
	assert_string_equal(less_kept, less);
	pair_close(&p);
}

/* What is odd is said at each start. */
TEST(an_answer_with_notes_is_not_kept)
{
	CLEANUP(freep) char *answered = NULL;
	CLEANUP(freep) char *text = NULL;
	struct pair p;

	pair_open(&p);
	answered = answer(&p, true, "570.1", CAPS);
	assert_non_null(strstr(answered, "note "));
	text = kept_text(&p);
	assert_null(text);
	pair_close(&p);
}

TEST(a_folder_that_changed_just_now_is_no_witness)
{
	CLEANUP(freep) char *answered = NULL;
	CLEANUP(freep) char *text = NULL;
	struct pair p;

	pair_open(&p);
	assert_int_equal(unsetenv("DLENV_NO"), 0);
	answered = answer(&p, true, V, CAPS);
	assert_int_equal(setenv("DLENV_NO", "settle", 1), 0);
	text = kept_text(&p);
	assert_null(text);
	pair_close(&p);
}

TEST(two_machines_that_are_asked_in_turn_keep_theirs)
{
	CLEANUP(freep) char *first = NULL;
	CLEANUP(freep) char *second = NULL;
	struct pair p;
	struct pair other;
	struct box own;

	pair_open(&p);
	pair_open(&other);
	first = answer(&p, true, V, CAPS);
	own = other.cache;
	other.cache = p.cache;
	second = answer(&other, true, V, CAPS);
	other.cache = own;
	assert_true(is_taken(&p));
	pair_close(&other);
	pair_close(&p);
}

TEST(a_broken_file_is_no_answer)
{
	CLEANUP(freep) char *want = NULL;
	CLEANUP(freep) char *whole = NULL;
	struct pair p;
	size_t len;

	pair_open(&p);
	want = answer(&p, true, V, CAPS);
	whole = kept_text(&p);
	assert_non_null(whole);
	len = strlen(whole);
	/* Cut anywhere, it is read anew. */
	for (size_t cut = 0; cut < len; cut += 61) {
		CLEANUP(freep) char *got = NULL;

		kept_put(&p, whole, cut);
		got = answer(&p, true, V, CAPS);
		assert_string_equal(got, want);
	}
	pair_close(&p);
}

static int without_waiting(void **state UNUSED)
{
	return setenv("DLENV_NO", "settle", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(an_answer_is_taken_as_long_as_nothing_changes),
		IT(an_answer_that_is_not_true_any_more_is_not_taken),
		IT(another_question_has_another_answer),
		IT(an_answer_with_notes_is_not_kept),
		IT(a_folder_that_changed_just_now_is_no_witness),
		IT(two_machines_that_are_asked_in_turn_keep_theirs),
		IT(a_broken_file_is_no_answer),
	};

	return cmocka_run_group_tests(tests, without_waiting, NULL);
}
