/* SPDX-License-Identifier: Apache-2.0 */
#include "host/nvidia.h"

#include "base/fs.h"
#include "gpu_host.h"
#include "host/nvidia_parts.h"
#include "test.h"

/* The facts of a machine as text, to be compared with tests/hosts/NAME/facts. */
static void gpu_facts(struct buf *out, const struct nv_gpu *g)
{
	buf_fmt(out, "gpu %d %s %s minor=%d id=%04x%s\n  %s\n ", g->index, g->pci,
		g->uuid ? g->uuid : "-", g->minor, (unsigned int)g->device_id, g->mig ? " mig" : "",
		g->model ? g->model : "-");
	for (const char *const *d = g->drm; *d; d++)
		buf_fmt(out, " %s", *d);
	buf_str(out, "\n");
}

static void facts(struct buf *out, const struct nvidia *n)
{
	buf_fmt(out, "driver %s%s%s%s%s\nmajors", n->driver ? n->driver : "-",
		n->open_module ? " open" : "", n->modify_device_files ? " modify" : "",
		n->wsl ? " wsl" : "", n->tegra ? " tegra" : "");
	for (int i = 0; i < NV_MAJORS; i++)
		buf_fmt(out, " %d", n->major[i]);
	buf_str(out, "\n");
	for (size_t i = 0; i < n->gpus_n; i++)
		gpu_facts(out, &n->gpus[i]);
	for (size_t i = 0; i < n->migs_n; i++) {
		const struct nv_mig *m = &n->migs[i];

		buf_fmt(out, "mig %zu gi=%u:%d ci=%u:%d\n", m->gpu, m->gi, m->gi_minor, m->ci,
			m->ci_minor);
	}
}

TEST(each_machine_is_read_as_its_facts_say)
{
	CLEANUP(freep) char *hosts = str_fmt("%s/hosts", getenv("DLENV_TESTS"));
	CLEANUP(strs_fini) struct strs names = {0};
	struct err e = {0};

	assert_int_equal(dir_list(AT_FDCWD, hosts, &names, &e), 0);
	assert_true(names.n >= 8);
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP(freep) char *made = str_fmt("%s/%s/made-by", hosts, names.v[i]);
		CLEANUP(freep) char *want = str_fmt("%s/%s/facts", hosts, names.v[i]);
		CLEANUP(freep) char *args = NULL;
		CLEANUP(freep) char *expected = NULL;
		CLEANUP(buf_fini) struct buf got = {0};
		struct gpu_host h;
		struct nvidia n = {0};

		if (!file_exists(AT_FDCWD, made))
			continue;
		assert_int_equal(file_read(AT_FDCWD, made, 4096, &args, NULL, &e), 0);
		assert_int_equal(file_read(AT_FDCWD, want, 65536, &expected, NULL, &e), 0);
		gpu_host_init(&h, args);
		assert_int_equal(nvidia_read(&h.root, &n, &e), 0);
		facts(&got, &n);
		nvidia_fini(&n);
		gpu_host_fini(&h);
		if (getenv("DLENV_UPDATE_GOLDEN"))
			assert_int_equal(file_write(AT_FDCWD, want, got.data, got.len, 0644, 0, &e),
					 0);
		else
			assert_string_equal(got.data, expected);
	}
}

TEST(minors_come_from_the_list_when_an_instance_does_not_tell)
{
	struct gpu_host h;
	struct nvidia n = {0};
	struct err e = {0};

	gpu_host_init(&h, "--mig 1:0");
	gpu_host_put(&h, "proc/driver/nvidia/capabilities/gpu0/mig/gi1/access", "");
	gpu_host_drop(&h, "proc/driver/nvidia/capabilities/gpu0/mig/gi1/ci0/access");
	assert_int_equal(nvidia_read(&h.root, &n, &e), 0);
	assert_int_equal(n.migs_n, 1);
	assert_int_equal(n.migs[0].gi_minor, 12);
	assert_int_equal(n.migs[0].ci_minor, 13);
	nvidia_fini(&n);
	gpu_host_fini(&h);
}

TEST(odd_texts_of_a_gpu_are_read_as_far_as_they_go)
{
	static const struct {
		const char *text;
		struct nv_information want;
	} cases[] = {
		{"", {.minor = -1}},
		{"Device Minor: \t 7\n", {.minor = 7}},
		{"Device Minor: \t 1048576\nModel: x", {.minor = -1, .model = "x"}},
		{"Device Minor:\nGPU Excluded:\t Yes", {.minor = -1, .excluded = true}},
		{"GPU Blacklisted: \t Yes\n", {.minor = -1, .excluded = true}},
		{"GPU UUID: \t GPU-?\?\?\?\?\?\?\?-?\?\?\?-?\?\?\?-?\?\?\?-?\n", {.minor = -1}},
		{"GPU UUID: GPU-1/../../etc\nModel: a\x1b[31m\tb",
		 {.minor = -1, .model = "a[31mb"}},
		{"GPU UUID: \t GPU-0a\nDevice Minor: 2x", {.minor = 2, .uuid = "GPU-0a"}},
		{"XDevice Minor: 3\nDevice Minors: 3\n", {.minor = -1}},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct nv_information got;

		nv_parse_information(cases[i].text, &got);
		assert_string_equal(got.uuid, cases[i].want.uuid);
		assert_string_equal(got.model, cases[i].want.model);
		assert_int_equal(got.minor, cases[i].want.minor);
		assert_int_equal(got.excluded, cases[i].want.excluded);
	}
}

TEST(only_character_devices_of_these_names_give_majors)
{
	int major[NV_MAJORS];

	nv_parse_devices("Character devices:\n195 nvidia-frontend\n 99 nvidia-uvmx\n"
			 "511 nvidia-uvm\nx nvidia-caps\n\nBlock devices:\n240 nvidia-caps\n",
			 major);
	assert_int_equal(major[NV_MAJOR_GPU], 195);
	assert_int_equal(major[NV_MAJOR_UVM], 511);
	assert_int_equal(major[NV_MAJOR_CAPS], -1);
	assert_int_equal(major[NV_MAJOR_IMEX], -1);
}

TEST(the_version_is_the_first_word_of_numbers_with_dots)
{
	static const struct {
		const char *text;
		const char *want;
	} cases[] = {
		{"550.163.01\n", "550.163.01"},
		{"NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.261.03  Tue Apr 8\n",
		 "535.261.03"},
		{"NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  595.45.04  Release\n",
		 "595.45.04"},
		{"", NULL},
		{"NVRM version: none 5 ..\nGCC version: 12.2.0", NULL},
		{"5.5.5.5.5.5.5.5.5.5.5.5.5.5.5.5.5.5.5.5.5.5", NULL},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char got[NV_VERSION_LEN] = "";

		assert_int_equal(nv_parse_version(cases[i].text, got), cases[i].want != NULL);
		assert_string_equal(got, cases[i].want ? cases[i].want : "");
	}
}

TEST(addresses_of_pci_are_recognised)
{
	assert_true(nv_is_address("0000:01:00.0"));
	assert_true(nv_is_address("10000:E1:1f.7"));
	assert_false(nv_is_address("0000:01:00.8"));
	assert_false(nv_is_address("000:01:00.0"));
	assert_false(nv_is_address("0000:01:00.0x"));
	assert_false(nv_is_address("0000:01"));
	assert_false(nv_is_address(""));
}

static void fingerprint_changes(struct gpu_host *h, char **last)
{
	char *now = nvidia_fingerprint(&h->root);

	assert_string_not_equal(now, *last);
	assert_null(strchr(now, '\n'));
	freep(last);
	*last = now;
}

TEST(whatever_makes_a_description_stale_changes_the_fingerprint)
{
	struct gpu_host h;
	CLEANUP(freep) char *last = NULL;
	CLEANUP(freep) char *again = NULL;

	gpu_host_init(&h, "--gpus 2 --mig 1:0");
	last = nvidia_fingerprint(&h.root);
	again = nvidia_fingerprint(&h.root);
	assert_string_equal(last, again);
	gpu_host_put(&h, "sys/module/nvidia/version", "560.28.03\n");
	fingerprint_changes(&h, &last);
	gpu_host_put(&h, "proc/sys/kernel/random/boot_id", "another\n");
	fingerprint_changes(&h, &last);
	gpu_host_put(&h, "proc/driver/nvidia/capabilities/gpu0/mig/gi2/ci1/access", "");
	fingerprint_changes(&h, &last);
	gpu_host_put(&h, "proc/driver/nvidia/params", "ExcludedGpus: \"0000:01:00.0\"\n");
	fingerprint_changes(&h, &last);
	gpu_host_put(&h, "sys/devices/pci0000:00/0000:01:00.0/drm/card7/dev", "226:7\n");
	fingerprint_changes(&h, &last);
	gpu_host_drop(&h, "proc/driver/nvidia/gpus/0000:41:00.0");
	fingerprint_changes(&h, &last);
	gpu_host_put(&h, "dev/dxg", "");
	fingerprint_changes(&h, &last);
	gpu_host_fini(&h);
}

RUN(IT(each_machine_is_read_as_its_facts_say),
    IT(minors_come_from_the_list_when_an_instance_does_not_tell),
    IT(odd_texts_of_a_gpu_are_read_as_far_as_they_go),
    IT(only_character_devices_of_these_names_give_majors),
    IT(the_version_is_the_first_word_of_numbers_with_dots), IT(addresses_of_pci_are_recognised),
    IT(whatever_makes_a_description_stale_changes_the_fingerprint))
