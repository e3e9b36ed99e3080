/* SPDX-License-Identifier: Apache-2.0 */
#include "machine_box.h"
#include "setup/op_module.h"

TEST(a_module_is_known_by_the_names_that_distributions_give_its_file)
{
	static const struct {
		const char *line;
		bool is;
	} rows[] = {
		{"updates/dkms/nvidia.ko:\n", true},
		{"updates/dkms/nvidia.ko.xz: kernel/drivers/a.ko\n", true},
		{"kernel/a.ko: kernel/b.ko\nextra/nvidia/nvidia.ko.zst:", true},
		{"updates/dkms/nvidia-current.ko.xz:\n", true},
		{"updates/dkms/nvidia-current-open.ko:\n", true},
		{"updates/dkms/nvidia-tesla-535.ko:\n", true},
		{"nvidia.ko:\n", true},
		{"updates/dkms/nvidia-uvm.ko:\n", false},
		{"updates/dkms/nvidia-current-modeset.ko:\n", false},
		{"updates/dkms/nvidia-current-open-drm.ko:\n", false},
		{"kernel/drivers/video/fbdev/nvidia/nvidiafb.ko:\n", false},
		{"kernel/drivers/usb/typec/altmodes/typec_nvidia.ko:\n", false},
		/* only what something else depends on */
		{"kernel/a.ko: extra/nvidia.ko\n", false},
		{"", false},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct box m;

		box_open(&m);
		assert_int_equal(module_is_installed(&m.root, "6.1", "nvidia"), -1);
		box_put(&m, "/lib/modules/6.1/modules.dep", rows[i].line, 0644);
		if (module_is_installed(&m.root, "6.1", "nvidia") != rows[i].is)
			fail_msg("%s", rows[i].line);
		box_close(&m);
	}
}

TEST(another_kernel_that_has_the_module_is_found)
{
	struct box m;
	CLEANUP(freep) char *none = NULL;
	CLEANUP(freep) char *other = NULL;
	CLEANUP(freep) char *kernel = NULL;

	box_open(&m);
	box_put(&m, "/proc/sys/kernel/osrelease", "6.1-amd64\n", 0644);
	box_put(&m, "/lib/modules/6.1-amd64/modules.dep", "extra/nvidia.ko:\n", 0644);
	kernel = module_kernel(&m.root);
	assert_string_equal(kernel, "6.1-amd64");
	none = module_other_kernel(&m.root, kernel, "nvidia");
	assert_null(none);
	box_put(&m, "/lib/modules/6.2-amd64/modules.dep", "extra/nvidia.ko:\n", 0644);
	box_put(&m, "/lib/modules/6.3-amd64/modules.dep", "extra/wifi.ko:\n", 0644);
	other = module_other_kernel(&m.root, kernel, "nvidia");
	assert_string_equal(other, "6.2-amd64");
	box_close(&m);
}

TEST(a_loaded_module_is_seen_by_its_kernel_name)
{
	struct box m;

	box_open(&m);
	assert_false(module_is_loaded(&m.root, "nvidia-uvm"));
	box_put(&m, "/sys/module/nvidia_uvm/initstate", "live\n", 0644);
	assert_true(module_is_loaded(&m.root, "nvidia-uvm"));
	assert_false(module_is_loaded(&m.root, "nvidia"));
	box_put(&m, "/sys/module/nvidia_current/initstate", "live\n", 0644);
	assert_true(module_is_loaded(&m.root, "nvidia"));
	box_close(&m);
}

RUN(IT(a_module_is_known_by_the_names_that_distributions_give_its_file),
    IT(another_kernel_that_has_the_module_is_found), IT(a_loaded_module_is_seen_by_its_kernel_name))
