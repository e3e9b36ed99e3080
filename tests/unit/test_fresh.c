/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/fresh.h"

#include "cdi/readers.h"
#include "machine_box.h"

struct held {
	struct box box;
	struct cdi_spec spec;
	char *library;
	char *file;
	char *made;
};

static int setup(void **state)
{
	struct held *h = mem_alloc(sizeof(*h));
	struct cdi_mount *mount;

	box_open(&h->box);
	h->library = str_fmt("%s/usr/lib64/libcuda.so.550.1", h->box.path);
	h->file = str_fmt("%s/run/cdi/nvidia.yaml", h->box.path);
	h->made = str_fmt("%s/run/cdi/nvidia.json", h->box.path);
	box_put(&h->box, "/usr/lib64/libcuda.so.550.1", "", 0644);
	box_put(&h->box, "/sys/module/nvidia/version", "550.1\n", 0644);
	box_put(&h->box, "/proc/sys/kernel/random/boot_id", "first\n", 0644);
	h->spec.version = "0.3.0";
	h->spec.kind = "nvidia.com/gpu";
	cdi_add_text(&h->spec.arena, &cdi_add_device(&h->spec, "a")->edits.env, "A=b");
	mount = cdi_add_mount(&h->spec.arena, &h->spec.edits);
	mount->host_path = h->library;
	mount->container_path = "/usr/lib64/libcuda.so.550.1";
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	struct held *h = *state;

	cdi_spec_fini(&h->spec);
	freep(&h->library);
	freep(&h->file);
	freep(&h->made);
	box_close(&h->box);
	free(h);
	return 0;
}

static void write_one(struct held *h, const char *path, enum cdi_format f)
{
	struct err e = {0};

	assert_int_equal(cdi_fresh_write(&h->box.root, path, f, &h->spec, &e), 0);
	assert_int_equal(cdi_fresh(&h->box.root, path), FRESH);
}

#define TEST_IN(sentence) static void sentence(void **state)
#define HELD struct held *h = *state

TEST_IN(another_driver_or_boot_makes_it_stale)
{
	HELD;

	assert_int_equal(cdi_fresh(&h->box.root, h->file), FRESH_ABSENT);
	write_one(h, h->file, CDI_YAML);
	box_put(&h->box, "/sys/module/nvidia/version", "560.2\n", 0644);
	assert_int_equal(cdi_fresh(&h->box.root, h->file), STALE);
	write_one(h, h->file, CDI_YAML);
	box_put(&h->box, "/proc/sys/kernel/random/boot_id", "second\n", 0644);
	assert_int_equal(cdi_fresh(&h->box.root, h->file), STALE);
}

TEST_IN(a_driver_replaced_on_disk_makes_it_stale)
{
	HELD;

	write_one(h, h->file, CDI_YAML);
	assert_int_equal(unlink(h->library), 0);
	assert_int_equal(cdi_fresh(&h->box.root, h->file), STALE);
}

TEST_IN(json_has_its_line_beside_it)
{
	CLEANUP(freep) char *text = NULL;
	struct cdi_spec s = {0};
	struct err e = {0};
	size_t len = 0;
	HELD;

	write_one(h, h->made, CDI_JSON);
	assert_int_equal(file_read(AT_FDCWD, h->made, 1 << 20, &text, &len, &e), 0);
	assert_int_equal(cdi_spec_parse(text, len, h->made, &s, &e), 0);
	cdi_spec_fini(&s);
	box_put(&h->box, "/sys/module/nvidia/version", "560.2\n", 0644);
	assert_int_equal(cdi_fresh(&h->box.root, h->made), STALE);
	assert_int_equal(unlinkat(h->box.root.fd, "run/cdi/nvidia.json.made", 0), 0);
	assert_int_equal(cdi_fresh(&h->box.root, h->made), FRESH_UNKNOWN);
}

TEST_IN(others_files_and_broken_lines_are_not_fresh)
{
	HELD;

	box_put(&h->box, "/run/cdi/nvidia.yaml", "---\ncdiVersion: 0.5.0\n", 0644);
	assert_int_equal(cdi_fresh(&h->box.root, h->file), FRESH_UNKNOWN);
	box_put(&h->box, "/run/cdi/nvidia.yaml", "# made by dlenv from half", 0644);
	assert_int_equal(cdi_fresh(&h->box.root, h->file), STALE);
	box_put(&h->box, "/run/cdi/nvidia.yaml", "", 0644);
	assert_int_equal(cdi_fresh(&h->box.root, h->file), FRESH_UNKNOWN);
}

TEST(engines_read_what_their_version_knows)
{
	assert_string_equal(cdi_reader_version("podman", "podman version 4.3.1"), "0.5.0");
	assert_string_equal(cdi_reader_version("podman", "podman version 5.4.2"), "0.7.0");
	assert_string_equal(cdi_reader_version("docker", "Docker version 26.1.0, build x"),
			    "0.7.0");
	assert_string_equal(cdi_reader_version("containerd", "containerd 1.7.2~ds1"), "0.5.0");
	assert_string_equal(cdi_reader_version("containerd", "containerd v1.7.16"), "0.7.0");
	assert_string_equal(cdi_reader_version("crio", "crio version 1.30.0"), "0.7.0");
	assert_null(cdi_reader_version("docker", "Docker version 20.10.24+dfsg1"));
	assert_null(cdi_reader_version("podman", ""));
	assert_null(cdi_reader_version("else", "9"));
}

TEST_IN(engines_are_asked_once)
{
	CLEANUP(freep) char *kept = NULL;
	CLEANUP(buf_fini) struct buf told = {0};
	struct err e = {0};
	const char *first;
	HELD;

	first = cdi_readers_version(h->box.path);
	if (!first)
		skip(); /* no engine on this machine that reads CDI */
	assert_int_equal(file_read(h->box.root.fd, "engines", 65536, &kept, NULL, &e), 0);
	/* The same files with other answers: those are believed. */
	for (const char *line = kept; *line;) {
		size_t n = strcspn(line, "\n");

		buf_fmt(&told, "%.*s\tversion 99.1\n", (int)strcspn(line, "\t"), line);
		line += n + (line[n] == '\n');
	}
	box_put(&h->box, "/engines", told.data, 0644);
	assert_string_equal(cdi_readers_version(h->box.path), "0.7.0");
	/* Answers about other files are not. */
	box_put(&h->box, "/engines", "/usr/bin/podman 1 1\tversion 1.0\n", 0644);
	assert_non_null(cdi_readers_version(h->box.path));
}

#define IN(sentence) cmocka_unit_test_setup_teardown(sentence, setup, teardown)

RUN(IN(another_driver_or_boot_makes_it_stale), IN(a_driver_replaced_on_disk_makes_it_stale),
    IN(json_has_its_line_beside_it), IN(others_files_and_broken_lines_are_not_fresh),
    IN(engines_are_asked_once), IT(engines_read_what_their_version_knows))
