/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "cdi/request.h"

static void assert_ids(const char *label, const char *const *ids, const char *want)
{
	char got[512] = "";

	for (; ids && *ids; ids++) {
		(void)strncat(got, got[0] ? " " : "", sizeof(got) - strlen(got) - 1);
		(void)strncat(got, *ids, sizeof(got) - strlen(got) - 1);
	}
	if (strcmp(got, want) != 0)
		fail_msg("%s: '%s' instead of '%s'", label, got, want);
}

TEST(what_the_option_says_is_understood)
{
	static const struct {
		const char *text;
		const char *ids;
		unsigned int free;
		uint64_t memory;
		const char *arch;
		bool nvml;
	} rows[] = {
		{"all", "all", 0, 0, NULL, false},
		{"none", "none", 0, 0, NULL, false},
		{"0", "0", 0, 0, NULL, false},
		{"0,2,0", "0 2", 0, 0, NULL, false},
		{"0:1", "0:1", 0, 0, NULL, true},
		{"GPU-8f3a,1", "GPU-8f3a 1", 0, 0, NULL, false},
		{"gpu-8F3A", "gpu-8F3A", 0, 0, NULL, false},
		{"MIG-1/2/3", "MIG-1/2/3", 0, 0, NULL, true},
		{"free:2", "all", 2, 0, NULL, true},
		{"memory>=24G", "all", 0, 24ULL << 30, NULL, true},
		{"all,arch>=8.0", "all", 0, 0, "8.0", true},
		{"free:1,memory>=80G,arch>=9", "all", 1, 80ULL << 30, "9", true},
		{"1,memory>=1M", "1", 0, 1 << 20, NULL, true},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(gpu_request_fini) struct gpu_request q = {0};
		struct err e = {0};

		if (gpu_request_parse(rows[i].text, &q, &e) < 0)
			fail_msg("%s: %s", rows[i].text, e.msg);
		assert_ids(rows[i].text, q.ids, rows[i].ids);
		assert_int_equal(q.free, rows[i].free);
		assert_int_equal(q.min_memory, rows[i].memory);
		assert_true(str_eq(q.min_arch, rows[i].arch));
		assert_int_equal(q.any, strcmp(rows[i].text, "none") != 0);
		assert_int_equal(q.caps, CAP_DEFAULT);
		assert_int_equal(gpu_request_needs_nvml(&q), rows[i].nvml);
	}
}

TEST(what_is_no_request_is_refused_with_what_to_write)
{
	static const char *const rows[] = {
		"",
		",",
		"0,",
		",0",
		"x",
		"-1",
		"0:",
		":1",
		"0:1:2",
		"1 2",
		"GPU-",
		"GPU-!",
		"free:0",
		"free:",
		"free:x",
		"free:1025",
		"memory>=",
		"memory>=x",
		"arch>=",
		"arch>=x",
		"arch>8",
		"all,0",
		"all,none",
		"none,memory>=1G",
		"free:1,",
		"free:1,0",
		"free:1,all",
		"free:1,free:2",
		"memory>=1G,memory>=2G",
		"99999",
		"0x1",
		"all ",
		"../../etc",
		"nvidia.com/gpu=0",
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct gpu_request q = {.free = 77};
		struct err e = {0};

		if (gpu_request_parse(rows[i], &q, &e) != -ERR_USAGE)
			fail_msg("'%s' was taken", rows[i]);
		assert_int_equal(q.free, 77);
		assert_true(e.msg[0] && e.hint[0]);
	}
}

#define ENV(...) ((const char *const[]){__VA_ARGS__, NULL})

TEST(variables_ask_as_the_toolkit_reads_them)
{
	static const char image[] = "NVIDIA_VISIBLE_DEVICES=all";
	const struct {
		const char *label;
		const char *const *env;
		bool any;
		const char *ids;
		unsigned int caps;
		const char *require;
	} rows[] = {
		{"nothing", ENV("PATH=/bin"), false, "", 0, ""},
		{"all", ENV(image), true, "all", CAP_DEFAULT, ""},
		{"empty", ENV("NVIDIA_VISIBLE_DEVICES="), false, "", 0, ""},
		{"void", ENV("NVIDIA_VISIBLE_DEVICES=void"), false, "", 0, ""},
		{"void in a list", ENV("NVIDIA_VISIBLE_DEVICES=0,void"), false, "", 0, ""},
		{"none", ENV("NVIDIA_VISIBLE_DEVICES=none"), true, "none", CAP_DEFAULT, ""},
		{"list", ENV("NVIDIA_VISIBLE_DEVICES=0, 1:0,GPU-1,,0"), true, "0 1:0 GPU-1",
		 CAP_DEFAULT, ""},
		{"all in a list", ENV("NVIDIA_VISIBLE_DEVICES=0,all"), true, "all", CAP_DEFAULT,
		 ""},
		{"the last counts", ENV(image, "NVIDIA_VISIBLE_DEVICES=void"), false, "", 0, ""},
		{"the last counts again", ENV("NVIDIA_VISIBLE_DEVICES=void", image), true, "all",
		 CAP_DEFAULT, ""},
		{"a longer name is another", ENV("NVIDIA_VISIBLE_DEVICES_X=all"), false, "", 0, ""},
		{"capabilities", ENV(image, "NVIDIA_DRIVER_CAPABILITIES=video,compute"), true,
		 "all", CAP_VIDEO | CAP_COMPUTE, ""},
		{"all capabilities", ENV(image, "NVIDIA_DRIVER_CAPABILITIES=all"), true, "all",
		 CAP_ALL, ""},
		{"empty capabilities", ENV(image, "NVIDIA_DRIVER_CAPABILITIES="), true, "all",
		 CAP_DEFAULT, ""},
		{"legacy", ENV("CUDA_VERSION=9.0.176"), true, "all", CAP_ALL, "cuda>=9.0"},
		{"legacy, one part", ENV("CUDA_VERSION=11"), true, "all", CAP_ALL, "cuda>=11.0"},
		{"legacy, chosen", ENV("CUDA_VERSION=8.0", "NVIDIA_VISIBLE_DEVICES=1"), true, "1",
		 CAP_ALL, "cuda>=8.0"},
		{"not legacy", ENV("CUDA_VERSION=12.4.1", "NVIDIA_REQUIRE_CUDA=cuda>=12.4"), false,
		 "", 0, ""},
		{"requirements",
		 ENV(image, "NVIDIA_REQUIRE_CUDA=cuda>=12.4", "NVIDIA_REQUIRE_X=x",
		     "NVIDIA_REQUIRE_X=arch>=7", "NVIDIA_REQUIRE_E="),
		 true, "all", CAP_DEFAULT, "cuda>=12.4 arch>=7"},
		{"jetpack is none", ENV(image, "NVIDIA_REQUIRE_JETPACK=csv-mounts=all"), true,
		 "all", CAP_DEFAULT, ""},
		{"requirements off",
		 ENV(image, "NVIDIA_REQUIRE_CUDA=cuda>=99", "NVIDIA_DISABLE_REQUIRE=true"), true,
		 "all", CAP_DEFAULT, ""},
		{"not off", ENV(image, "NVIDIA_REQUIRE_CUDA=cuda>=1", "NVIDIA_DISABLE_REQUIRE=0"),
		 true, "all", CAP_DEFAULT, "cuda>=1"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(gpu_request_fini) struct gpu_request q = {0};
		struct err e = {0};

		if (gpu_request_from_env(rows[i].env, false, &q, &e) < 0)
			fail_msg("%s: %s", rows[i].label, e.msg);
		if (q.any != rows[i].any || q.caps != rows[i].caps)
			fail_msg("%s: any %d, caps %x", rows[i].label, q.any, q.caps);
		assert_ids(rows[i].label, q.ids, rows[i].ids);
		assert_ids(rows[i].label, q.require, rows[i].require);
	}
}

TEST(gated_devices_are_asked_for_by_variables_of_their_own)
{
	CLEANUP(gpu_request_fini) struct gpu_request q = {0};
	struct err e = {0};

	assert_int_equal(gpu_request_from_env(ENV("NVIDIA_VISIBLE_DEVICES=0", "NVIDIA_GDS=enabled",
						  "NVIDIA_MOFED=1", "NVIDIA_NVSWITCH=enabled",
						  "NVIDIA_IMEX_CHANNELS=0,7",
						  "NVIDIA_MIG_CONFIG_DEVICES=all"),
					      true, &q, &e),
			 0);
	assert_ids("modes", q.modes, "gds nvswitch");
	assert_ids("imex", q.imex, "0 7");
	assert_true(q.mig_config && !q.mig_monitor);
}

TEST(variables_that_may_not_be_say_why)
{
	static const struct {
		const char *variable;
		int code;
		const char *says;
	} rows[] = {
		{"NVIDIA_DRIVER_CAPABILITIES=compute,audio", ERR_CONFIG, "audio"},
		{"NVIDIA_IMEX_CHANNELS=all", ERR_CONFIG, "NVIDIA_IMEX_CHANNELS"},
		{"NVIDIA_IMEX_CHANNELS=1048576", ERR_CONFIG, "1048576"},
		{"NVIDIA_MIG_CONFIG_DEVICES=all", ERR_PRIV, "NVIDIA_MIG_CONFIG_DEVICES"},
		{"NVIDIA_MIG_MONITOR_DEVICES=0", ERR_PRIV, "privileged"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct gpu_request q = {.free = 77};
		struct err e = {0};
		const char *const env[] = {"NVIDIA_VISIBLE_DEVICES=all", rows[i].variable, NULL};

		if (gpu_request_from_env(env, false, &q, &e) != -rows[i].code ||
		    !strstr(e.msg, rows[i].says))
			fail_msg("%s: %d '%s'", rows[i].variable, (int)e.code, e.msg);
		assert_int_equal(q.free, 77);
	}
}

TEST(requirements_hold_or_not)
{
	static const struct gpu_facts full = {"535.261.03", "12.2", "8.0", "tesla"};
	static const struct gpu_facts kernel = {.driver = "535.261.03", .cuda = "12.2"};
	static const struct {
		const char *expression;
		int full;   /* 1: met, 0: not, -1: malformed */
		int kernel; /* with what the kernel alone tells */
	} rows[] = {
		{"", 1, 1},
		{"cuda>=12.2", 1, 1},
		{"cuda>=12", 1, 1},
		{"cuda>12.2", 0, 0},
		{"cuda>=12.4", 0, 0},
		{"cuda>=12.10", 0, 0},
		{"cuda=12.2.0", 1, 1},
		{"cuda!=12.2", 0, 0},
		{"CUDA<=12.2", 1, 1},
		{"driver<536", 1, 1},
		{"arch>=7.5", 1, 1},
		{"arch>=9.0", 0, 1},
		{"brand=Tesla", 1, 1},
		{"brand!=tesla", 0, 1},
		{"brand=geforce", 0, 1},
		{"cuda>=12.4 brand=tesla,driver>=470,driver<471 brand=tesla,driver>=535,driver<536",
		 1, 1},
		{"cuda>=12.4 brand=tesla,driver>=470,driver<471", 0, 0},
		{"cuda>=12.4  brand=geforce,driver>=535", 0, 1},
		{"cuda", -1, -1},
		{"cuda>=", -1, -1},
		{"cuda>=x", -1, -1},
		{"cuda>=12.", -1, -1},
		{"cuda==12", -1, -1},
		{"colour=red", -1, -1},
		{"cuda>=12,", -1, -1},
		{",", -1, -1},
		{"brand>tesla", -1, -1},
		{"brand=", -1, -1},
	};
	const struct gpu_facts *facts[] = {&full, &kernel};

	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t k = 0; k < COUNT(facts); k++) {
			struct err e = {0};
			int code = gpu_require(rows[i].expression, facts[k], &e);
			int want = k ? rows[i].kernel : rows[i].full;

			if (code != (want > 0 ? 0 : want == 0 ? -ERR_UNSAT : -ERR_CONFIG))
				fail_msg("'%s' (%zu): %d %s", rows[i].expression, k, code, e.msg);
		}
}

/* A machine of two GPUs, of which the second is divided. */
static struct nv_gpu gpus[] = {
	{.pci = "0000:01:00.0", .uuid = "GPU-aaaa1111", .model = "NVIDIA A10", .minor = 0},
	{.pci = "0000:41:00.0",
	 .uuid = "GPU-aaab2222",
	 .model = "NVIDIA A100",
	 .minor = 1,
	 .index = 1,
	 .mig = true},
	{.pci = "0000:42:00.0", .uuid = "GPU-cccc3333", .model = "NVIDIA T4", .index = -1},
	{.pci = "0000:c1:00.0", .uuid = "GPU-dddd4444", .model = "NVIDIA H100", .index = 2},
};
static struct nv_mig migs[] = {
	{.gpu = 1, .gi = 1, .uuid = "MIG-5555", .index = 0},
	{.gpu = 1, .gi = 2, .uuid = "MIG-6666", .index = 1},
};
static const struct nvidia machine = {.driver = "550.163.01",
				      .gpus = gpus,
				      .gpus_n = COUNT(gpus),
				      .migs = migs,
				      .migs_n = COUNT(migs)};

#define GIB(n) ((uint64_t)(n) << 30)

static struct nvml_process process = {.pid = 1};
static struct nvml_mig nvml_migs[] = {{.uuid = "MIG-5555", .gi = 1, .memory = GIB(10)},
				      {.uuid = "MIG-6666", .gi = 2, .memory = GIB(20)}};
static struct nvml_gpu nvml_gpus[] = {
	{.uuid = "GPU-aaaa1111",
	 .brand = "nvidia",
	 .arch_major = 8,
	 .arch_minor = 6,
	 .memory = UINT64_C(23028) << 20},
	{.uuid = "GPU-aaab2222",
	 .brand = "tesla",
	 .arch_major = 8,
	 .memory = GIB(40),
	 .mig_mode = true,
	 .migs = nvml_migs,
	 .migs_n = 2},
	{.uuid = "GPU-dddd4444",
	 .brand = "tesla",
	 .arch_major = 9,
	 .memory = GIB(80),
	 .processes = &process,
	 .processes_n = 1},
};
static const struct nvml known = {
	.driver = "550.163.01", .cuda = "12.4", .gpus = nvml_gpus, .gpus_n = COUNT(nvml_gpus)};

TEST(gpus_are_chosen_by_name_and_by_what_they_have)
{
	static const struct {
		const char *text;
		const char *ids; /* or what the error says, behind "!" */
	} rows[] = {
		{"all", "all"},
		{"none", "none"},
		{"0", "GPU-aaaa1111"},
		{"2,0,GPU-dddd", "GPU-dddd4444 GPU-aaaa1111"},
		{"gpu-AAAB", "GPU-aaab2222"},
		{"1:1", "MIG-6666"},
		{"MIG-5", "MIG-5555"},
		{"GPU-aaa", "!more than one UUID"},
		{"3", "!no GPU '3'"},
		{"0:0", "!no GPU '0:0'"},
		{"GPU-cccc", "!no GPU 'GPU-cccc'"},
		{"memory>=80G", "GPU-dddd4444"},
		{"memory>=20G", "GPU-aaaa1111 MIG-6666 GPU-dddd4444"},
		{"memory>=24G", "GPU-aaaa1111 GPU-dddd4444"},
		{"memory>=87G", "!no GPU has 87"},
		{"arch>=8.6", "GPU-aaaa1111 GPU-dddd4444"},
		{"arch>=10", "!compute capability 10"},
		{"arch>=9.0,memory>=90G", "!no GPU has 90"},
		{"0,memory>=30G", "!GPU 0 has less than 30"},
		{"0,arch>=9", "!GPU 0 is older"},
		{"free:1", "GPU-aaaa1111"},
		{"free:2", "GPU-aaaa1111 MIG-6666"},
		{"free:3", "GPU-aaaa1111 MIG-5555 MIG-6666"},
		{"free:4", "!only 3 of the 4"},
		{"free:1,memory>=80G", "!no GPU that fits is free"},
		{"free:1,arch>=8.0,memory>=15G", "GPU-aaaa1111"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(gpu_request_fini) struct gpu_request q = {0};
		CLEANUP(arena_fini) struct arena a = {0};
		const char *const *ids = NULL;
		struct err e = {0};
		int code;

		assert_int_equal(gpu_request_parse(rows[i].text, &q, &e), 0);
		code = gpu_request_choose(&q, &machine, &known, &a, &ids, &e);
		if (rows[i].ids[0] == '!') {
			if (code == 0 || !strstr(e.msg, rows[i].ids + 1) || !e.hint[0])
				fail_msg("%s: %d '%s'", rows[i].text, code, e.msg);
			continue;
		}
		if (code < 0)
			fail_msg("%s: %s", rows[i].text, e.msg);
		assert_ids(rows[i].text, ids, rows[i].ids);
	}
}

TEST(a_pci_address_names_a_gpu)
{
	static const char *const rows[][2] = {
		{"0000:c1:00.0", "GPU-dddd4444"},
		{"00000000:C1:00.0", "GPU-dddd4444"},
		{"c1:00.0", "GPU-dddd4444"},
		{"1:00.0", "GPU-aaaa1111"},
		{"0000:01:00.1", ""},
		{"00.0", ""},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(gpu_request_fini) struct gpu_request q = {0};
		CLEANUP(arena_fini) struct arena a = {0};
		char variable[64] = "NVIDIA_VISIBLE_DEVICES=";
		const char *const *ids = NULL;
		struct err e = {0};
		int code;

		(void)strncat(variable, rows[i][0], 32);
		assert_int_equal(gpu_request_from_env(ENV(variable), false, &q, &e), 0);
		code = gpu_request_choose(&q, &machine, NULL, &a, &ids, &e);
		assert_int_equal(code, rows[i][1][0] ? 0 : -ERR_UNSAT);
		assert_ids(rows[i][0], ids, rows[i][1]);
	}
}

TEST(a_machine_without_a_gpu_says_so)
{
	CLEANUP(gpu_request_fini) struct gpu_request q = {0};
	CLEANUP(arena_fini) struct arena a = {0};
	const struct nvidia empty = {0};
	const char *const *ids = NULL;
	struct err e = {0};

	assert_int_equal(gpu_request_parse("all", &q, &e), 0);
	assert_int_equal(gpu_request_choose(&q, &empty, NULL, &a, &ids, &e), -ERR_UNSAT);
	assert_null(ids);
}

TEST(a_machine_that_lists_no_gpus_gives_all_there_is)
{
	static const struct nvidia machines[] = {{.wsl = true}, {.tegra = true}};
	static const char *const rows[][2] = {{"all", "all"},
					      {"0", "all"},
					      {"free:1", NULL},
					      {"memory>=8G", NULL},
					      {"none", "none"}};

	for (size_t i = 0; i < COUNT(machines) * COUNT(rows); i++) {
		CLEANUP(gpu_request_fini) struct gpu_request q = {0};
		CLEANUP(arena_fini) struct arena a = {0};
		const char *const *row = rows[i / COUNT(machines)];
		const char *const *ids = NULL;
		struct err e = {0};
		int code;

		assert_int_equal(gpu_request_parse(row[0], &q, &e), 0);
		code = gpu_request_choose(&q, &machines[i % COUNT(machines)], NULL, &a, &ids, &e);
		assert_int_equal(code, row[1] ? 0 : -ERR_UNSAT);
		assert_ids(row[0], ids, row[1] ? row[1] : "");
	}
}

TEST(nvml_is_needed_only_where_the_driver_does_not_decide)
{
	static const struct {
		const char *require;
		const char *id;
		int alone; /* 1: met and sure, 2: met but open, 0: not met */
		int asked;
	} rows[] = {
		{"cuda>=12.4 brand=tesla,driver>=470", "0", 1, 1},
		{"cuda>=12.5", "0", 0, 0},
		{"cuda>=12.5 brand=tesla,driver>=550", "0", 2, 0},
		{"cuda>=12.5 brand=tesla,driver>=550", "2", 2, 1},
		{"cuda>=12.5 brand=tesla,driver>=551", "2", 0, 0},
		{"arch>=9", "MIG-6666", 2, 0},
		{"arch>=8.0", "MIG-6666", 2, 1},
		{"arch>=8.0", "all", 2, 1},
		{"arch>=9.0", "all", 2, 0},
		{"cuda>=12.4", "none", 1, 1},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *const require[] = {rows[i].require, NULL};
		const char *const ids[] = {rows[i].id, NULL};
		const struct gpu_request q = {.require = require};

		for (int m = 0; m < 2; m++) {
			struct err e = {0};
			bool open = false;
			int code =
				gpu_request_check(&q, &machine, m ? &known : NULL, ids, &open, &e);
			int want = m ? rows[i].asked : rows[i].alone;

			if (code != (want ? 0 : -ERR_UNSAT) || open != (want == 2))
				fail_msg("%s of %s (%d): %d, open %d, %s", rows[i].require,
					 rows[i].id, m, code, open, e.msg);
		}
	}
	assert_string_equal(gpu_cuda_of_driver("535.54"), "12.2");
	assert_null(gpu_cuda_of_driver("9999.1"));
	assert_null(gpu_cuda_of_driver(NULL));
}

RUN(IT(what_the_option_says_is_understood), IT(what_is_no_request_is_refused_with_what_to_write),
    IT(variables_ask_as_the_toolkit_reads_them),
    IT(gated_devices_are_asked_for_by_variables_of_their_own),
    IT(variables_that_may_not_be_say_why), IT(requirements_hold_or_not),
    IT(gpus_are_chosen_by_name_and_by_what_they_have), IT(a_pci_address_names_a_gpu),
    IT(a_machine_without_a_gpu_says_so), IT(a_machine_that_lists_no_gpus_gives_all_there_is),
    IT(nvml_is_needed_only_where_the_driver_does_not_decide))
