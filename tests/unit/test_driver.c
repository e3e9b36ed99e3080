/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/driver.h"

#include "cdi/generate.h"
#include "machine_box.h"

#define V "550.163.01"

struct found {
	struct box box;
	struct driver d;
	struct strs notes;
	struct err e;
};

static int setup(void **state)
{
	struct found *f = mem_alloc(sizeof(*f));

	box_open(&f->box);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct found *f = *state;

	driver_fini(&f->d);
	strs_fini(&f->notes);
	box_close(&f->box);
	free(f);
	return 0;
}

static int read_with(struct found *f, struct driver_query q)
{
	q.root = &f->box.root;
	q.caps = q.caps ? q.caps : CAP_ALL & ~CAP_COMPAT32;
	return driver_read(&q, &f->d, &f->notes, &f->e);
}

static int read_loaded(struct found *f, const char *loaded)
{
	return read_with(f, (struct driver_query){.loaded = loaded});
}

static const struct driver_file *file_at(const struct found *f, const char *at)
{
	for (size_t i = 0; i < f->d.files_n; i++)
		if (str_eq(f->d.files[i].at, at))
			return &f->d.files[i];
	return NULL;
}

static const char *link_at(const struct found *f, const char *at)
{
	for (size_t i = 0; i < f->d.links_n; i++)
		if (str_eq(f->d.links[i].at, at))
			return f->d.links[i].target;
	return NULL;
}

static bool noted(const struct found *f, const char *part)
{
	for (size_t i = 0; i < f->notes.n; i++)
		if (strstr(f->notes.v[i], part))
			return true;
	return false;
}

#define TEST_IN(sentence) static void sentence(void **state)
#define FOUND struct found *f = *state

/* libcuda, libnvidia-ml and the compiler of PTX with their links, as an installer leaves them. */
static void put_basics(struct box *b, const char *folder, const char *version)
{
	static const char *const names[] = {"libcuda", "libnvidia-ml", "libnvidia-ptxjitcompiler"};

	for (size_t i = 0; i < COUNT(names); i++) {
		CLEANUP(freep) char *file = str_fmt("%s/%s.so.%s", folder, names[i], version);
		CLEANUP(freep) char *name = str_fmt("%s.so.%s", names[i], version);
		CLEANUP(freep) char *soname = str_fmt("%s.so.1", names[i]);
		CLEANUP(freep) char *at = str_fmt("%s/%s", folder, soname);

		box_lib(b, file, soname);
		box_link(b, name, at);
	}
}

TEST_IN(a_runfile_on_fedora_is_found)
{
	FOUND;

	put_basics(&f->box, "/usr/lib64", V);
	box_lib(&f->box, "/usr/lib64/libnvidia-new-thing.so." V, "libnvidia-new-thing.so." V);
	box_lib(&f->box, "/usr/lib64/libsomething.so.1.2", "libsomething.so.1");
	box_lib(&f->box, "/usr/lib64/vdpau/libvdpau_nvidia.so." V, "libvdpau_nvidia.so.1");
	box_link(&f->box, "libvdpau_nvidia.so." V, "/usr/lib64/vdpau/libvdpau_nvidia.so.1");
	box_put(&f->box, "/usr/bin/nvidia-smi", "", 0755);
	box_put(&f->box, "/usr/bin/nvidia-debugdump", "not executable", 0644);
	assert_int_equal(read_loaded(f, V), 0);
	assert_string_equal(f->d.version, V);
	assert_int_equal(f->d.folders.n, 1);
	assert_string_equal(f->d.folders.v[0], "/usr/lib64");
	assert_non_null(file_at(f, "/usr/lib64/libcuda.so." V));
	assert_int_equal(file_at(f, "/usr/lib64/libnvidia-new-thing.so." V)->caps, CAP_ALL);
	assert_non_null(file_at(f, "/usr/lib64/vdpau/libvdpau_nvidia.so." V));
	assert_null(file_at(f, "/usr/lib64/libsomething.so.1.2"));
	assert_non_null(file_at(f, "/usr/bin/nvidia-smi"));
	assert_null(file_at(f, "/usr/bin/nvidia-debugdump"));
	assert_string_equal(link_at(f, "/usr/lib64/libcuda.so.1"), "libcuda.so." V);
	assert_string_equal(link_at(f, "/usr/lib64/libcuda.so"), "libcuda.so.1");
	assert_string_equal(link_at(f, "/usr/lib64/vdpau/libvdpau_nvidia.so.1"),
			    "libvdpau_nvidia.so." V);
	assert_int_equal(f->notes.n, 0);
}

TEST_IN(debians_absolute_alternatives_stay_in_the_root)
{
	FOUND;

	put_basics(&f->box, "/usr/lib/x86_64-linux-gnu/nvidia/current", V);
	box_lib(&f->box, "/usr/lib/x86_64-linux-gnu/libnvidia-glcore.so." V,
		"libnvidia-glcore.so." V);
	box_lib(&f->box, "/usr/lib/x86_64-linux-gnu/nvidia/current/libnvidia-allocator.so." V,
		"libnvidia-allocator.so.1");
	box_lib(&f->box, "/usr/lib/x86_64-linux-gnu/nvidia/current/libnvidia-api.so.1",
		"libnvidia-api.so.1");
	box_lib(&f->box, "/usr/lib/x86_64-linux-gnu/nvidia/current/libnvidia-nvvm.so." V,
		"libnvidia-nvvm.so.4");
	box_link(&f->box, "/usr/lib/x86_64-linux-gnu/nvidia/current/libnvidia-nvvm.so." V,
		 "/etc/alternatives/nvvm");
	box_link(&f->box, "/etc/alternatives/nvvm",
		 "/usr/lib/x86_64-linux-gnu/libnvidia-nvvm.so." V);
	box_link(&f->box, "/etc/alternatives/libcuda", "/usr/lib/x86_64-linux-gnu/libcuda.so.1");
	box_put(&f->box, "/usr/lib/nvidia/current/nvidia-smi", "", 0755);
	box_link(&f->box, "/usr/lib/nvidia/current/nvidia-smi", "/etc/alternatives/nvidia-smi");
	box_link(&f->box, "/etc/alternatives/nvidia-smi", "/usr/bin/nvidia-smi");
	assert_int_equal(read_loaded(f, V), 0);
	assert_int_equal(f->d.folders.n, 2);
	assert_string_equal(file_at(f, "/usr/bin/nvidia-smi")->path,
			    "/usr/lib/nvidia/current/nvidia-smi");
	/* By the real file only, not once more by the link to it. */
	assert_non_null(
		file_at(f, "/usr/lib/x86_64-linux-gnu/nvidia/current/libnvidia-nvvm.so." V));
	assert_null(file_at(f, "/usr/lib/x86_64-linux-gnu/libnvidia-nvvm.so." V));
	assert_non_null(file_at(f, "/usr/lib/x86_64-linux-gnu/nvidia/current/libnvidia-api.so.1"));
	assert_string_equal(link_at(f, "/usr/lib/x86_64-linux-gnu/gbm/nvidia-drm_gbm.so"),
			    "../nvidia/current/libnvidia-allocator.so.1");
	assert_null(link_at(f, "/usr/lib/x86_64-linux-gnu/libcuda.so.1"));
}

TEST_IN(links_that_lead_out_of_the_root_find_nothing)
{
	FOUND;

	put_basics(&f->box, "/usr/lib64", V);
	box_link(&f->box, "../../../../../../../../bin/sh", "/usr/bin/nvidia-smi");
	box_link(&f->box, "/proc/self/exe", "/usr/bin/nvidia-debugdump");
	box_link(&f->box, "/etc", "/usr/lib/x86_64-linux-gnu");
	box_link(&f->box, "/usr/lib64/loop.so." V, "/usr/lib64/loop.so." V);
	assert_int_equal(read_loaded(f, V), 0);
	assert_null(file_at(f, "/usr/bin/nvidia-smi"));
	assert_null(file_at(f, "/usr/bin/nvidia-debugdump"));
	assert_int_equal(f->d.folders.n, 1);
}

TEST_IN(aarch64_and_a_merged_usr_are_found_once)
{
	FOUND;

	put_basics(&f->box, "/usr/lib/aarch64-linux-gnu", V);
	box_link(&f->box, "usr/lib", "/lib");
	box_link(&f->box, "usr/bin", "/bin");
	box_put(&f->box, "/usr/bin/nvidia-smi", "", 0755);
	box_put(&f->box, "/usr/lib/firmware/nvidia/" V "/gsp_ga10x.bin", "", 0644);
	box_put(&f->box, "/usr/lib/firmware/nvidia/" V "/gsp_log.txt", "", 0644);
	assert_int_equal(read_loaded(f, V), 0);
	assert_int_equal(f->d.folders.n, 1);
	assert_non_null(file_at(f, "/usr/lib/aarch64-linux-gnu/libcuda.so." V));
	assert_null(file_at(f, "/lib/aarch64-linux-gnu/libcuda.so." V));
	assert_null(file_at(f, "/bin/nvidia-smi"));
	assert_string_equal(file_at(f, "/lib/firmware/nvidia/" V "/gsp_ga10x.bin")->path,
			    "/usr/lib/firmware/nvidia/" V "/gsp_ga10x.bin");
	assert_null(file_at(f, "/lib/firmware/nvidia/" V "/gsp_log.txt"));
}

TEST_IN(the_folder_that_a_link_leads_to_counts_too)
{
	FOUND;

	put_basics(&f->box, "/opt/nvidia/lib", V);
	box_link(&f->box, "/opt/nvidia/lib/libcuda.so." V, "/usr/lib64/libcuda.so." V);
	assert_int_equal(read_loaded(f, V), 0);
	assert_non_null(file_at(f, "/opt/nvidia/lib/libcuda.so." V));
	assert_non_null(file_at(f, "/opt/nvidia/lib/libnvidia-ml.so." V));
	assert_null(file_at(f, "/usr/lib64/libcuda.so." V));
	assert_string_equal(f->d.folders.v[0], "/opt/nvidia/lib");
}

TEST_IN(of_two_versions_the_loaded_one_is_taken)
{
	FOUND;

	put_basics(&f->box, "/usr/lib64", "535.261.03");
	box_lib(&f->box, "/usr/lib64/libcuda.so." V, "libcuda.so.1");
	assert_int_equal(read_loaded(f, "535.261.03"), 0);
	assert_string_equal(f->d.version, "535.261.03");
	assert_null(file_at(f, "/usr/lib64/libcuda.so." V));
	assert_true(noted(f, "several versions"));
}

TEST_IN(without_a_module_the_newest_is_taken_by_its_numbers)
{
	FOUND;

	put_basics(&f->box, "/usr/lib64", "99.100");
	put_basics(&f->box, "/usr/lib/x86_64-linux-gnu", V);
	assert_int_equal(read_loaded(f, NULL), 0);
	assert_string_equal(f->d.version, V);
}

TEST_IN(libraries_of_another_version_than_the_module_are_told)
{
	FOUND;

	put_basics(&f->box, "/usr/lib64", V);
	assert_int_equal(read_loaded(f, "535.261.03"), 0);
	assert_string_equal(f->d.version, V);
	assert_true(noted(f, "until the machine is restarted"));
}

TEST_IN(a_driver_that_is_half_removed_is_told)
{
	FOUND;

	box_lib(&f->box, "/usr/lib64/libnvidia-ml.so." V, "libnvidia-ml.so.1");
	box_link(&f->box, "libcuda.so." V, "/usr/lib64/libcuda.so.1");
	assert_int_equal(read_loaded(f, V), 0);
	assert_true(noted(f, "libcuda.so." V " is missing"));
	assert_null(link_at(f, "/usr/lib64/libcuda.so.1"));
	/* Its link is gone, too: by the SONAME. */
	assert_string_equal(link_at(f, "/usr/lib64/libnvidia-ml.so.1"), "libnvidia-ml.so." V);
}

TEST_IN(no_driver_is_an_error_that_says_what_to_install)
{
	FOUND;

	box_link(&f->box, "libcuda.so." V, "/usr/lib64/libcuda.so.1");
	box_link(&f->box, "gone", "/usr/lib64/libcuda.so." V);
	box_put(&f->box, "/etc/ld.so.cache", "garbage", 0644);
	assert_int_equal(read_loaded(f, V), -ERR_ABSENT);
	assert_non_null(strstr(f->e.hint, "libcuda1"));
	assert_true(noted(f, "ld.so.cache"));
}

TEST_IN(only_what_the_capabilities_want_is_found)
{
	FOUND;

	put_basics(&f->box, "/usr/lib64", V);
	box_lib(&f->box, "/usr/lib64/libnvidia-glcore.so." V, "libnvidia-glcore.so." V);
	box_put(&f->box, "/usr/bin/nvidia-smi", "", 0755);
	box_put(&f->box, "/usr/bin/nvidia-cuda-mps-control", "", 0755);
	box_put(&f->box, "/usr/share/glvnd/egl_vendor.d/10_nvidia.json", "", 0644);
	box_put(&f->box, "/etc/OpenCL/vendors/nvidia.icd", "", 0644);
	assert_int_equal(read_with(f, (struct driver_query){.caps = CAP_COMPUTE}), 0);
	assert_non_null(file_at(f, "/usr/lib64/libcuda.so." V));
	assert_non_null(file_at(f, "/usr/bin/nvidia-cuda-mps-control"));
	assert_non_null(file_at(f, "/etc/OpenCL/vendors/nvidia.icd"));
	assert_null(file_at(f, "/usr/lib64/libnvidia-ml.so." V));
	assert_null(file_at(f, "/usr/lib64/libnvidia-glcore.so." V));
	assert_null(file_at(f, "/usr/bin/nvidia-smi"));
	assert_null(file_at(f, "/usr/share/glvnd/egl_vendor.d/10_nvidia.json"));
	assert_null(link_at(f, "/usr/lib64/libnvidia-ml.so.1"));
	assert_int_equal(f->notes.n, 0);
}

TEST_IN(libraries_for_32_bits_come_with_their_capability_only)
{
	FOUND;

	put_basics(&f->box, "/usr/lib64", V);
	box_lib(&f->box, "/usr/lib/libcuda.so." V, NULL);
	assert_int_equal(read_loaded(f, V), 0);
	assert_null(file_at(f, "/usr/lib/libcuda.so." V));
	driver_fini(&f->d);
	assert_int_equal(read_with(f, (struct driver_query){.caps = CAP_ALL}), 0);
	assert_int_equal(file_at(f, "/usr/lib/libcuda.so." V)->caps, CAP_COMPAT32);
	assert_int_equal(f->d.folders.n, 1);
}

TEST_IN(configuration_is_put_where_containers_look)
{
	FOUND;

	put_basics(&f->box, "/usr/lib64", V);
	box_put(&f->box, "/usr/share/vulkan/icd.d/nvidia_icd.json", "", 0644);
	box_put(&f->box, "/usr/local/share/nvidia/nvoptix.bin", "", 0644);
	box_put(&f->box, "/vulkan/implicit_layer.d/nvidia_layers.json", "", 0644);
	box_folder(&f->box, "/etc/OpenCL/vendors/nvidia.icd");
	assert_int_equal(read_loaded(f, V), 0);
	assert_string_equal(file_at(f, "/etc/vulkan/icd.d/nvidia_icd.json")->path,
			    "/usr/share/vulkan/icd.d/nvidia_icd.json");
	assert_string_equal(file_at(f, "/usr/share/nvidia/nvoptix.bin")->path,
			    "/usr/local/share/nvidia/nvoptix.bin");
	assert_string_equal(file_at(f, "/etc/vulkan/implicit_layer.d/nvidia_layers.json")->path,
			    "/vulkan/implicit_layer.d/nvidia_layers.json");
	assert_null(file_at(f, "/etc/OpenCL/vendors/nvidia.icd"));
}

#define IN(sentence) cmocka_unit_test_setup_teardown(sentence, setup, teardown)

RUN(IN(a_runfile_on_fedora_is_found), IN(debians_absolute_alternatives_stay_in_the_root),
    IN(links_that_lead_out_of_the_root_find_nothing), IN(aarch64_and_a_merged_usr_are_found_once),
    IN(the_folder_that_a_link_leads_to_counts_too), IN(of_two_versions_the_loaded_one_is_taken),
    IN(without_a_module_the_newest_is_taken_by_its_numbers),
    IN(libraries_of_another_version_than_the_module_are_told),
    IN(a_driver_that_is_half_removed_is_told), IN(no_driver_is_an_error_that_says_what_to_install),
    IN(only_what_the_capabilities_want_is_found),
    IN(libraries_for_32_bits_come_with_their_capability_only),
    IN(configuration_is_put_where_containers_look))
