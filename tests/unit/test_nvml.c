/* SPDX-License-Identifier: Apache-2.0 */
#include "host/nvml.h"

#include "gpu_host.h"
#include "host/nvml_parts.h"
#include "test.h"

/*
 * A driver root with the stand-in for NVIDIA's library in it; the helper is the real one. The build
 * sets NVML_LIBRARY to the stand-in and DLENV_PROGRAM to the program that the helper lies beside.
 */
static void standin_init(struct gpu_host *h, const char *description)
{
	static const char folder[] = "usr/lib/elsewhere";
	CLEANUP(freep) char *library = NULL;
	CLEANUP(freep) char *path = str_fmt("%s/libnvidia-ml.so.1", folder);
	CLEANUP(freep) char *told = str_fmt("%s/nvml-standin", folder);
	size_t len = 0;
	struct err e = {0};

	gpu_host_init(h, "--gpus 2 --mig 1:0,5:0 --unknown-uuid 1");
	assert_int_equal(file_read(AT_FDCWD, getenv("NVML_LIBRARY"), 1 << 20, &library, &len, &e),
			 0);
	gpu_host_put(h, told, description);
	assert_int_equal(file_write(h->root.fd, path, library, len, 0755, 0, &e), 0);
	/* As Debian's: the only way there is a link that means another place outside the root. */
	gpu_host_put(h, "etc/alternatives/README", "");
	gpu_host_put(h, "usr/lib/x86_64-linux-gnu/README", "");
	assert_int_equal(symlinkat("/usr/lib/elsewhere/libnvidia-ml.so.1", h->root.fd,
				   "etc/alternatives/glx--libnvidia-ml.so.1"),
			 0);
	assert_int_equal(symlinkat("/etc/alternatives/glx--libnvidia-ml.so.1", h->root.fd,
				   "usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1"),
			 0);
}

static const char two_gpus[] =
	"driver 550.163.01\ncuda 12040\n"
	"gpu GPU-5f1d3a86-0c4e-7b92-4d1f-8e0a6b5c2d17 0000:01:00.0 0\n"
	"name NVIDIA A100-SXM4-80GB\nbrand 14\ncc 8 0\nmemory 85899345920 1073741824\n"
	"percent 37 12\ntemperature 41\npower 62000 400000\nthrottle 0x4\npcie 8 16 3 4\n"
	"ecc 5 0\nretired 1\npersistence 1\nprocess 4242 1048576 compute\n"
	"process 77 - graphics\nprocess 78 4096 compute 5 0\n"
	"mig 5 0 MIG-b 20480 2g.20gb\nmig 1 0 MIG-a 40960 3g.40gb+gfx\n"
	"gpu GPU-9b24e7c0 0000:41:00.0 1\nremapped 0 0 1 0\nname odd \" \\ \xff name\nbrand 99\n"
	"gpu GPU-lost 0000:81:00.0 2\nlost\n";

TEST(names_and_state_come_through_the_helper)
{
	struct gpu_host h;
	struct nvml m = {0};
	struct err e = {0};

	standin_init(&h, two_gpus);
	assert_int_equal(nvml_ask(h.path, NVML_NAMES | NVML_STATE, 0, &m, &e), 0);
	assert_string_equal(m.driver, "550.163.01");
	assert_string_equal(m.cuda, "12.4");
	assert_int_equal(m.gpus_n, 2);
	assert_int_equal(m.lost, 1);
	assert_string_equal(m.gpus[0].uuid, "GPU-5f1d3a86-0c4e-7b92-4d1f-8e0a6b5c2d17");
	assert_string_equal(m.gpus[0].pci, "0000:01:00.0");
	assert_string_equal(m.gpus[0].brand, "nvidia");
	assert_int_equal(m.gpus[0].arch_major, 8);
	assert_true(m.gpus[0].memory == 85899345920 && m.gpus[0].memory_used == 1073741824);
	assert_true(m.gpus[0].gpu_percent == 37 && m.gpus[0].memory_percent == 12);
	assert_true(m.gpus[0].temperature == 41 && m.gpus[0].power_mw == 62000);
	assert_true(m.gpus[0].power_limit_mw == 400000 && m.gpus[0].throttle == 4);
	assert_true(m.gpus[0].pcie_width == 8 && m.gpus[0].pcie_width_max == 16);
	assert_true(m.gpus[0].pcie_gen == 3 && m.gpus[0].pcie_gen_max == 4);
	assert_true(m.gpus[0].ecc_corrected == 5 && m.gpus[0].ecc_uncorrected == 0);
	assert_true(m.gpus[0].retired_pages == 1 && m.gpus[0].persistence == 1);
	assert_int_equal(m.gpus[0].processes_n, 3);
	assert_true(m.gpus[0].processes[1].gi == 5 && m.gpus[0].processes[0].gi == -1);
	assert_true(m.gpus[0].processes[0].pid == 4242 && !m.gpus[0].processes[0].graphics);
	assert_true(m.gpus[0].processes[2].memory == UINT64_MAX && m.gpus[0].processes[2].graphics);
	assert_int_equal(m.gpus[0].migs_n, 2);
	assert_string_equal(m.gpus[0].migs[1].name, "3g.40gb+gfx");
	assert_true(m.gpus[0].migs[1].gfx && !m.gpus[0].migs[0].gfx);
	assert_true(m.gpus[0].migs[1].memory == 40960ULL << 20);
	/* What a GPU does not tell is unknown. */
	assert_string_equal(m.gpus[1].name, "odd \" \\ ? name");
	assert_string_equal(m.gpus[1].brand, "unknown");
	assert_true(m.gpus[1].gpu_percent == -1 && m.gpus[1].ecc_corrected == -1);
	/* Rows wait for a reset, though none was replaced yet. */
	assert_true(m.gpus[1].retired_pages == 1);
	assert_true(m.gpus[1].memory == 0 && m.gpus[1].persistence == -1);
	nvml_fini(&m);
	gpu_host_fini(&h);
}

TEST(nvml_completes_what_the_kernel_does_not_tell)
{
	struct gpu_host h;
	struct nvml m = {0};
	struct nvidia n = {0};
	struct err e = {0};

	standin_init(&h, two_gpus);
	assert_int_equal(nvidia_read(&h.root, &n, &e), 0);
	assert_int_equal(nvml_ask(h.path, NVML_NAMES, 0, &m, &e), 0);
	assert_int_equal(m.gpus[0].gpu_percent, -1);
	assert_null(n.gpus[1].uuid);
	nvidia_complete(&n, &m);
	nvml_fini(&m);
	assert_string_equal(n.gpus[1].uuid, "GPU-9b24e7c0");
	assert_int_equal(n.migs_n, 2);
	/* By gi here, by NVML's own order there. */
	assert_string_equal(n.migs[0].uuid, "MIG-a");
	assert_int_equal(n.migs[0].index, 1);
	assert_true(n.migs[0].gfx);
	assert_string_equal(n.migs[1].uuid, "MIG-b");
	assert_int_equal(n.migs[1].index, 0);
	nvidia_fini(&n);
	gpu_host_fini(&h);
}

TEST(a_refusal_is_told_in_nvmls_own_words)
{
	struct gpu_host h;
	struct nvml m = {0};
	struct err e = {0};

	standin_init(&h, "fail nvmlInit_v2 18\n");
	assert_int_equal(nvml_ask(h.path, NVML_NAMES, 0, &m, &e), -ERR_FAIL);
	assert_non_null(strstr(e.msg, "Driver/library version mismatch"));
	gpu_host_fini(&h);
}

TEST(a_hung_nvml_is_given_up_and_killed)
{
	struct gpu_host h;
	struct nvml m = {0};
	struct err e = {0};

	standin_init(&h, "hang nvmlDeviceGetHandleByIndex_v2\ngpu GPU-1 0000:01:00.0 0\n");
	assert_int_equal(nvml_ask(h.path, NVML_NAMES, 300, &m, &e), -ERR_BUSY);
	assert_non_null(strstr(e.msg, "0.3 s"));
	gpu_host_fini(&h);
}

TEST(one_function_that_fails_costs_only_what_it_tells)
{
	struct gpu_host h;
	struct nvml m = {0};
	struct err e = {0};

	standin_init(&h, "fail nvmlDeviceGetUUID 999\nfail nvmlDeviceGetMemoryInfo_v2 13\n"
			 "gpu GPU-1 0000:01:00.0 0\nmemory 100 50\n");
	assert_int_equal(nvml_ask(h.path, NVML_STATE, 0, &m, &e), 0);
	assert_null(m.gpus[0].uuid);
	assert_true(m.gpus[0].memory == 100 && m.gpus[0].memory_used == 50);
	nvml_fini(&m);
	gpu_host_fini(&h);
}

TEST(without_a_library_or_a_helper_there_is_nothing)
{
	struct gpu_host h;
	struct nvml m = {0};
	struct err e = {0};

	gpu_host_init(&h, "--gpus 1");
	assert_int_equal(nvml_ask(h.path, NVML_NAMES, 0, &m, &e), -ERR_ABSENT);
	assert_non_null(strstr(e.msg, "libnvidia-ml.so.1"));
	gpu_host_fini(&h);
}

TEST(answers_that_are_none_are_refused)
{
	static const char *const texts[] = {
		"",
		"[]",
		"{}",
		"{\"gpus\":7}",
		"{\"gpus\":[{}]}",
		"{\"gpus\":[{\"brand\":\"x\"}]}",
		"{\"gpus\":[]",
	};
	struct err e = {0};

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct nvml m = {0};

		assert_int_equal(nvml_parse(texts[i], strlen(texts[i]), 0, &m, &e), -ERR_PARSE);
	}
}

TEST(brands_have_the_words_of_requirements)
{
	assert_string_equal(nvml_brand(2), "tesla");
	assert_string_equal(nvml_brand(5), "geforce");
	assert_string_equal(nvml_brand(12), "quadrortx");
	assert_string_equal(nvml_brand(16), "titanrtx");
	assert_string_equal(nvml_brand(17), "unknown");
	assert_string_equal(nvml_brand(-1), "unknown");
}

RUN(IT(names_and_state_come_through_the_helper), IT(nvml_completes_what_the_kernel_does_not_tell),
    IT(a_refusal_is_told_in_nvmls_own_words), IT(a_hung_nvml_is_given_up_and_killed),
    IT(one_function_that_fails_costs_only_what_it_tells),
    IT(without_a_library_or_a_helper_there_is_nothing), IT(answers_that_are_none_are_refused),
    IT(brands_have_the_words_of_requirements))
