/* SPDX-License-Identifier: Apache-2.0 */
#include "host/finding.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cli/gpu_view.h"
#include "cli/repair.h"
#include "gpu_host.h"
#include "host/nvidia.h"
#include "host/nvidia_xid.h"
#include "host/nvml.h"
#include "test.h"

#define LIBS "usr/lib/x86_64-linux-gnu/"

/* The IDs found on a machine, once each, with spaces between them; without those in not. */
static void ids(const struct findings *f, const char * not, struct buf *out)
{
	buf_str(out, "");
	for (size_t i = 0; i < f->n; i++)
		if (!strstr(out->data, f->v[i].id) && !strstr(not, f->v[i].id))
			buf_fmt(out, "%s%s", out->len ? " " : "", f->v[i].id);
}

static void examine(struct gpu_host *h, struct findings *f)
{
	struct nvidia n = {0};
	struct err e = {0};

	assert_int_equal(nvidia_read(&h->root, &n, &e), 0);
	findings_of_driver(&h->root, &n, NULL, f);
	nvidia_fini(&n);
}

static void expect(const char *args, const char *const *files, const char *want)
{
	CLEANUP(buf_fini) struct buf got = {0};
	CLEANUP(findings_fini) struct findings f = {0};
	struct gpu_host h;

	gpu_host_init(&h, args);
	for (; *files; files++)
		gpu_host_put(&h, *files, "");
	examine(&h, &f);
	ids(&f, "", &got);
	gpu_host_fini(&h);
	assert_string_equal(got.data, want);
}

#define FILES(...)                                                                                 \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}
#define WHOLE LIBS "libcuda.so.550.163.01", LIBS "libnvidia-ml.so.550.163.01"
#define DAEMON "run/nvidia-persistenced/socket"

TEST(the_bus_the_module_and_the_libraries_are_compared)
{
	/* A module without a major for its nodes: nothing is said of nodes that cannot be. */
	expect("--gpus 0 --driver none", FILES("etc/x"), "");
	expect("--gpus 1 --driver none", FILES("etc/x"), "GPU009");
	expect("--gpus 2 --driver none", FILES(WHOLE), "GPU008");
	expect("--nouveau", FILES("etc/x"), "GPU010");
	expect("--wsl", FILES("usr/lib/wsl/lib/libdxcore.so"), "");
	expect("--wsl", FILES(WHOLE), "GPU015 GPU016");
}

static void expect_loaded(const char *more, const char *const *files, const char *want)
{
	CLEANUP(freep) char *args = str_fmt("--no-nodes %s", more);
	CLEANUP(buf_fini) struct buf got = {0};
	CLEANUP(findings_fini) struct findings f = {0};
	struct gpu_host h;

	gpu_host_init(&h, args);
	for (; *files; files++)
		gpu_host_put(&h, *files, "");
	examine(&h, &f);
	/* Nodes can be made by root alone: here they are all missing, and that is told. */
	assert_true(finding_is(&f, "GPU001") && finding_is(&f, "GPU017"));
	ids(&f, "GPU001 GPU017", &got);
	gpu_host_fini(&h);
	assert_string_equal(got.data, want);
}

TEST(a_driver_that_is_half_there_is_told_apart)
{
	expect_loaded("", FILES(WHOLE, DAEMON), "");
	expect_loaded("", FILES(WHOLE), "GPU012");
	expect_loaded("", FILES(DAEMON), "GPU007");
	expect_loaded("", FILES(DAEMON, LIBS "libnvidia-ml.so.550.163.01"), "GPU007");
	expect_loaded("--driver 535.261.03", FILES(WHOLE, DAEMON), "GPU005");
	expect_loaded("", FILES(WHOLE, DAEMON, "usr/lib64/libcuda.so.535.1.1"), "GPU006");
	/* Names that are no driver's version. */
	expect_loaded("", FILES(WHOLE, DAEMON, LIBS "libcuda.so.1", LIBS "libcuda.so.5.5x"), "");
	expect_loaded("--gpus 2 --excluded 1", FILES(WHOLE, DAEMON), "GPU013");
	expect_loaded("--gpus 2 --unknown-uuid 1", FILES(WHOLE, DAEMON), "GPU014");
	expect_loaded("", FILES(WHOLE, DAEMON, "run/systemd/system/x", "usr/bin/podman"), "GPU004");
}

static bool has_repair(const struct findings *f, const char *path)
{
	for (size_t i = 0; i < f->repairs_n; i++)
		if (str_eq(f->repairs[i].path, path))
			return true;
	return false;
}

TEST(missing_nodes_and_links_can_be_made)
{
	CLEANUP(findings_fini) struct findings f = {0};
	struct gpu_host h;

	gpu_host_init(&h, "--gpus 2 --mig 1:0 --no-nodes");
	gpu_host_put(&h, "run/systemd/system/x", "");
	gpu_host_put(&h, "usr/bin/dockerd", "");
	examine(&h, &f);
	assert_true(has_repair(&f, "/dev/nvidia-uvm") && has_repair(&f, "/dev/nvidia-uvm-tools"));
	assert_true(has_repair(&f, "/dev/nvidiactl") && has_repair(&f, "/dev/nvidia1"));
	assert_true(has_repair(&f, "/dev/nvidia-caps/nvidia-cap12"));
	assert_true(has_repair(&f, "/dev/char/510:0") && has_repair(&f, "/dev/char/235:13"));
	assert_int_equal(f.repairs_n, 16);
	gpu_host_fini(&h);
}

TEST(repairs_make_what_they_say)
{
	static const struct repair link = {.id = "GPU004",
					   .kind = REPAIR_LINK,
					   .path = "/dev/char/195:0",
					   .target = "../nvidia0"};
	static const struct repair node = {.id = "GPU001",
					   .kind = REPAIR_NODE,
					   .path = "/dev/nvidia-caps/nvidia-cap12",
					   .major = 235,
					   .minor = 12,
					   .mode = 0444};
	struct gpu_host h;
	struct stat st;
	char target[32] = "";
	struct err e = {0};

	gpu_host_init(&h, "--no-nodes");
	assert_int_equal(repair_do(&h.root, &link, &e), 0);
	/* Again: a wrong one is replaced. */
	assert_int_equal(repair_do(&h.root, &link, &e), 0);
	assert_int_equal(readlinkat(h.root.fd, "dev/char/195:0", target, sizeof(target)), 10);
	assert_string_equal(target, "../nvidia0");
	if (repair_do(&h.root, &node, &e) == 0) {
		assert_int_equal(fstatat(h.root.fd, below(node.path), &st, 0), 0);
		assert_true(st.st_rdev == makedev(235, 12) && (st.st_mode & 07777) == 0444);
	} else {
		assert_int_equal(e.code, ERR_PRIV);
	}
	gpu_host_fini(&h);
}

TEST(health_is_judged)
{
	CLEANUP(findings_fini) struct findings f = {0};
	CLEANUP(buf_fini) struct buf got = {0};
	struct nvml_gpu gpus[] = {
		/* Nothing is known; idle and capped clocks are ordinary. */
		{.pci = "a",
		 .throttle = -1,
		 .ecc_uncorrected = -1,
		 .retired_pages = -1,
		 .pcie_width = -1,
		 .pcie_width_max = -1},
		{.pci = "b", .throttle = 0x5, .pcie_width = 16, .pcie_width_max = 16},
	};
	struct nvml m = {.gpus = gpus, .gpus_n = 2};

	findings_of_health(&m, &f);
	assert_int_equal(f.n, 0);
	gpus[0].ecc_uncorrected = 2;
	gpus[0].retired_pages = 1;
	gpus[1].throttle = 0x40;
	gpus[1].pcie_width = 8;
	m.lost = 1;
	findings_of_health(&m, &f);
	ids(&f, "", &got);
	assert_string_equal(got.data, "GPU107 GPU103 GPU104 GPU105 GPU106");
}

TEST(xid_messages_are_read)
{
	static const struct {
		const char *line;
		int number; /* 0: none */
		const char *pci;
	} cases[] = {
		{"3,1,2,-;NVRM: Xid (PCI:0000:01:00): 79, pid=1, GPU has fallen off the bus.", 79,
		 "0000:01:00"},
		{"NVRM: Xid (0000:01:00): 13, 0001 00000000", 13, "0000:01:00"},
		{"NVRM: Xid (PCI:0000:01:00): 31", 31, "0000:01:00"},
		{"NVRM: Xid (PCI:0000:01:00): ", 0, NULL},
		{"NVRM: Xid (PCI:../../etc): 79,", 0, NULL},
		{"NVRM: Xid (PCI:", 0, NULL},
		{"NVRM: GPU 0000:01:00.0: RmInitAdapter failed!", 0, NULL},
		{"", 0, NULL},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct nv_xid x = {.number = 0};

		assert_int_equal(nv_parse_xid(cases[i].line, &x), cases[i].number != 0);
		assert_int_equal(x.number, cases[i].number);
		if (cases[i].pci)
			assert_string_equal(x.pci, cases[i].pci);
	}
}

TEST(the_newest_xid_of_each_kind_is_told)
{
	CLEANUP(findings_fini) struct findings f = {0};
	struct gpu_host h;

	gpu_host_init(&h, "--no-nodes");
	gpu_host_put(&h, "dev/kmsg",
		     "6,1,2,-;NVRM: Xid (PCI:0000:01:00): 13, old\n6,2,3,-;eth0: up\n"
		     "6,3,4,-;NVRM: Xid (PCI:0000:01:00): 13, new \x1b[2J\n"
		     "6,4,5,-;NVRM: Xid (PCI:0000:01:00): 48, memory\n");
	assert_true(findings_of_log(&h.root, &f));
	assert_int_equal(f.n, 2);
	assert_string_equal(f.v[0].id, "GPU102");
	assert_non_null(strstr(f.v[0].cause, "new [2J"));
	assert_string_equal(f.v[1].id, "GPU101");
	gpu_host_drop(&h, "dev/kmsg");
	assert_false(findings_of_log(&h.root, &f));
	assert_string_equal(f.v[2].id, "GPU108");
	gpu_host_fini(&h);
}

TEST(cgroups_tell_other_engines_containers)
{
	static const struct {
		const char *text;
		const char *want;
	} cases[] = {
		{"0::/system.slice/docker-0123456789abcdef.scope\n", "docker:0123456789ab"},
		{"12:devices:/docker/0123456789abcdef\n", "docker:0123456789ab"},
		{"0::/user.slice/libpod-fedcba9876543210.scope/container\n", "podman:fedcba987654"},
		{"0::/kubepods.slice/cri-containerd-0123456789abcdef.scope\n",
		 "containerd:0123456789ab"},
		{"0::/user.slice/user-1000.slice/session-1.scope\n", NULL},
		{"0::/docker-nothex.scope\n", NULL},
		{"", NULL},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		CLEANUP(freep) char *got = gpu_cgroup_owner(cases[i].text);

		assert_true(str_eq(got, cases[i].want));
	}
}

TEST(the_manual_page_explains_every_id)
{
	CLEANUP(freep)
	char *path = str_fmt("%s/../doc/dlenv-doctor.1.scd", getenv("DLENV_TESTS"));
	CLEANUP(freep) char *page = NULL;
	struct err e = {0};

	assert_int_equal(file_read(AT_FDCWD, path, 1 << 16, &page, NULL, &e), 0);
	for (size_t i = 0; finding_id(i); i++) {
		CLEANUP(freep) char *word = str_fmt("*%s*", finding_id(i));

		if (!strstr(page, word))
			fail_msg("%s is not in dlenv-doctor(1)", finding_id(i));
	}
}

RUN(IT(the_bus_the_module_and_the_libraries_are_compared),
    IT(a_driver_that_is_half_there_is_told_apart), IT(missing_nodes_and_links_can_be_made),
    IT(repairs_make_what_they_say), IT(health_is_judged), IT(xid_messages_are_read),
    IT(the_newest_xid_of_each_kind_is_told), IT(cgroups_tell_other_engines_containers),
    IT(the_manual_page_explains_every_id))
