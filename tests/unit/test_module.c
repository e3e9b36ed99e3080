/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "setup/op_module.h"
#include "test.h"

struct machine {
	char folder[32];
	struct root root;
};

static void machine_make(struct machine *m)
{
	struct err e = {0};

	memcpy(m->folder, "/tmp/dlenv-module-XXXXXX", sizeof("/tmp/dlenv-module-XXXXXX"));
	assert_non_null(mkdtemp(m->folder));
	assert_int_equal(root_open(&m->root, m->folder, &e), 0);
}

static void machine_remove(struct machine *m)
{
	struct err e = {0};

	root_close(&m->root);
	assert_int_equal(tree_remove(AT_FDCWD, m->folder, &e), 0);
}

static void put(const struct machine *m, const char *path, const char *text)
{
	CLEANUP(freep) char *folder = str_dup(below(path));
	struct err e = {0};

	*strrchr(folder, '/') = '\0';
	assert_int_equal(dir_make(m->root.fd, folder, 0755, &e), 0);
	assert_int_equal(file_write(m->root.fd, below(path), text, strlen(text), 0644, 0, &e), 0);
}

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
		struct machine m;

		machine_make(&m);
		assert_int_equal(module_is_installed(&m.root, "6.1", "nvidia"), -1);
		put(&m, "/lib/modules/6.1/modules.dep", rows[i].line);
		if (module_is_installed(&m.root, "6.1", "nvidia") != rows[i].is)
			fail_msg("%s", rows[i].line);
		machine_remove(&m);
	}
}

TEST(another_kernel_that_has_the_module_is_found)
{
	struct machine m;
	CLEANUP(freep) char *none = NULL;
	CLEANUP(freep) char *other = NULL;
	CLEANUP(freep) char *kernel = NULL;

	machine_make(&m);
	put(&m, "/proc/sys/kernel/osrelease", "6.1-amd64\n");
	put(&m, "/lib/modules/6.1-amd64/modules.dep", "extra/nvidia.ko:\n");
	kernel = module_kernel(&m.root);
	assert_string_equal(kernel, "6.1-amd64");
	none = module_other_kernel(&m.root, kernel, "nvidia");
	assert_null(none);
	put(&m, "/lib/modules/6.2-amd64/modules.dep", "extra/nvidia.ko:\n");
	put(&m, "/lib/modules/6.3-amd64/modules.dep", "extra/wifi.ko:\n");
	other = module_other_kernel(&m.root, kernel, "nvidia");
	assert_string_equal(other, "6.2-amd64");
	machine_remove(&m);
}

TEST(a_loaded_module_is_seen_by_its_kernel_name)
{
	struct machine m;

	machine_make(&m);
	assert_false(module_is_loaded(&m.root, "nvidia-uvm"));
	put(&m, "/sys/module/nvidia_uvm/initstate", "live\n");
	assert_true(module_is_loaded(&m.root, "nvidia-uvm"));
	assert_false(module_is_loaded(&m.root, "nvidia"));
	put(&m, "/sys/module/nvidia_current/initstate", "live\n");
	assert_true(module_is_loaded(&m.root, "nvidia"));
	machine_remove(&m);
}

RUN(IT(a_module_is_known_by_the_names_that_distributions_give_its_file),
    IT(another_kernel_that_has_the_module_is_found), IT(a_loaded_module_is_seen_by_its_kernel_name))
