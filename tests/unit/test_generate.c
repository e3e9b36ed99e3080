/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/generate.h"

#include <strings.h>

#include "cdi/tree.h"
#include "machine_box.h"

#define V "550.163.01"
#define UUID0 "GPU-5f1d3a86-0c4e-7b92-4d1f-8e0a6b5c2d17"

struct made {
	struct box box;
	struct cdi_generate g;
	struct nvidia host;
	struct cdi_spec spec;
	struct strs notes;
	struct err e;
};

static const char *const drm0[] = {"card0", "renderD128", NULL};

static int setup(void **state)
{
	static struct nv_gpu gpus[3];
	struct made *m = mem_alloc(sizeof(*m));

	box_open(&m->box);
	gpus[0] = (struct nv_gpu){
		.pci = "0000:01:00.0", .uuid = UUID0, .minor = 1, .index = 0, .drm = drm0};
	gpus[1] = (struct nv_gpu){
		.pci = "0000:02:00.0", .uuid = "GPU-second", .minor = 0, .index = 1};
	gpus[2] = (struct nv_gpu){
		.pci = "0000:03:00.0", .uuid = "GPU-excluded", .minor = 2, .index = -1};
	m->host = (struct nvidia){.driver = V, .gpus = gpus, .gpus_n = 3};
	m->g = (struct cdi_generate){
		.driver = &m->box.root, .host = &m->host, .mode = CDI_MODE_NVML};
	box_lib(&m->box, "/usr/lib64/libcuda.so." V, "libcuda.so.1");
	box_lib(&m->box, "/usr/lib64/libnvidia-ml.so." V, "libnvidia-ml.so.1");
	box_lib(&m->box, "/usr/lib64/libnvidia-ptxjitcompiler.so." V,
		"libnvidia-ptxjitcompiler.so.1");
	box_node(&m->box, "/dev/nvidia0", 0666);
	box_node(&m->box, "/dev/nvidia1", 0666);
	box_node(&m->box, "/dev/nvidia2", 0666);
	box_node(&m->box, "/dev/nvidiactl", 0666);
	box_node(&m->box, "/dev/nvidia-uvm", 0666);
	box_node(&m->box, "/dev/dri/card0", 0660);
	box_node(&m->box, "/dev/dri/renderD128", 0666);
	box_link(&m->box, "../card0", "/dev/dri/by-path/pci-0000:01:00.0-card");
	*state = m;
	return 0;
}

static void again(struct made *m)
{
	cdi_spec_fini(&m->spec);
	strs_fini(&m->notes);
	m->e = (struct err){0};
}

static int teardown(void **state)
{
	struct made *m = *state;

	again(m);
	box_close(&m->box);
	free(m);
	return 0;
}

static int make(struct made *m)
{
	again(m);
	return cdi_generate(&m->g, &m->spec, &m->notes, &m->e);
}

static const struct cdi_device *device(const struct made *m, const char *name)
{
	for (size_t i = 0; i < m->spec.devices_n; i++)
		if (str_eq(m->spec.devices[i].name, name))
			return &m->spec.devices[i];
	return NULL;
}

static bool has_node(const struct cdi_edits *e, const char *path)
{
	for (size_t i = 0; i < e->nodes_n; i++)
		if (str_eq(e->nodes[i].path, path))
			return true;
	return false;
}

static bool has_mount(const struct cdi_edits *e, const char *at)
{
	for (size_t i = 0; i < e->mounts_n; i++)
		if (str_eq(e->mounts[i].container_path, at))
			return true;
	return false;
}

static bool has_arg(const struct cdi_edits *e, const char *arg)
{
	for (size_t i = 0; i < e->hooks_n; i++)
		for (size_t j = 0; j < e->hooks[i].args.n; j++)
			if (str_eq(e->hooks[i].args.v[j], arg))
				return true;
	return false;
}

static bool noted(const struct made *m, const char *part)
{
	for (size_t i = 0; i < m->notes.n; i++)
		if (strstr(m->notes.v[i], part))
			return true;
	return false;
}

#define TEST_IN(sentence) static void sentence(void **state)
#define MADE struct made *m = *state

TEST_IN(each_gpu_has_its_names_and_nodes)
{
	const struct cdi_device *d;
	MADE;

	assert_int_equal(make(m), 0);
	assert_int_equal(m->spec.devices_n, 5);
	assert_string_equal(m->spec.kind, "nvidia.com/gpu");
	d = device(m, "0");
	assert_non_null(d);
	assert_non_null(device(m, UUID0));
	assert_true(has_node(&d->edits, "/dev/nvidia1"));
	assert_true(has_node(&d->edits, "/dev/dri/card0"));
	assert_false(has_node(&d->edits, "/dev/nvidia0"));
	assert_true(has_arg(&d->edits, "../card0::/dev/dri/by-path/pci-0000:01:00.0-card"));
	d = device(m, "all");
	assert_true(has_node(&d->edits, "/dev/nvidia0"));
	assert_true(has_node(&d->edits, "/dev/nvidia1"));
	assert_false(has_node(&d->edits, "/dev/nvidia2"));
	assert_true(has_node(&m->spec.edits, "/dev/nvidiactl"));
	assert_true(has_node(&m->spec.edits, "/dev/nvidia-uvm"));
	assert_true(has_mount(&m->spec.edits, "/usr/lib64/libcuda.so." V));
	assert_string_equal(m->spec.edits.env.v[0], "NVIDIA_CTK_LIBCUDA_DIR=/usr/lib64");
	assert_string_equal(m->spec.edits.env.v[1], "NVIDIA_VISIBLE_DEVICES=void");
}

TEST_IN(one_hook_does_all_or_many_do_as_nvidias)
{
	MADE;

	assert_int_equal(make(m), 0);
	assert_int_equal(m->spec.edits.hooks_n, 1);
	assert_string_equal(m->spec.edits.hooks[0].stage, "createContainer");
	assert_string_equal(m->spec.edits.hooks[0].args.v[0], "nvidia-cdi-hook");
	assert_string_equal(m->spec.edits.hooks[0].args.v[1], "apply");
	assert_string_equal(m->spec.edits.hooks[0].env.v[0], "NVIDIA_CTK_DEBUG=false");
	assert_true(has_arg(&m->spec.edits, "--host-driver-version=" V));
	assert_true(has_arg(&m->spec.edits, "--params"));
	assert_true(has_arg(&m->spec.edits, "--profile"));
	m->g.flags = GEN_PEER_HOOKS;
	m->g.hook_path = "/usr/bin/nvidia-ctk";
	assert_int_equal(make(m), 0);
	assert_int_equal(m->spec.edits.hooks_n, 5);
	assert_string_equal(m->spec.edits.hooks[0].args.v[0], "nvidia-ctk");
	assert_string_equal(m->spec.edits.hooks[0].args.v[1], "hook");
	assert_string_equal(m->spec.edits.hooks[0].args.v[2], "create-symlinks");
	assert_string_equal(m->spec.edits.hooks[1].args.v[2], "enable-cuda-compat");
	assert_string_equal(m->spec.edits.hooks[2].args.v[2], "update-ldcache");
	assert_string_equal(m->spec.edits.hooks[3].args.v[2], "disable-device-node-modification");
	assert_string_equal(m->spec.edits.hooks[4].args.v[2], "update-application-profile");
}

TEST_IN(our_program_is_called_by_the_hooks_name)
{
	MADE;

	m->g.hook_path = "/opt/dlenv/dlenv-toolkit";
	assert_int_equal(make(m), 0);
	assert_string_equal(m->spec.edits.hooks[0].path, "/opt/dlenv/dlenv-toolkit");
	assert_string_equal(m->spec.edits.hooks[0].args.v[0], "nvidia-cdi-hook");
}

TEST_IN(hooks_are_switched_off_and_on_by_name)
{
	static const char *const off[] = {"update-ldcache", "create-symlinks", NULL};
	static const char *const all[] = {"all", NULL};
	static const char *const on[] = {"chmod", NULL};
	MADE;

	m->g.disabled_hooks = off;
	assert_int_equal(make(m), 0);
	assert_false(has_arg(&m->spec.edits, "--folder"));
	assert_false(has_arg(&m->spec.edits, "--link"));
	assert_true(has_arg(&m->spec.edits, "--params"));
	m->g.disabled_hooks = all;
	assert_int_equal(make(m), 0);
	assert_int_equal(m->spec.edits.hooks_n, 0);
	m->g.enabled_hooks = on;
	assert_int_equal(make(m), 0);
	assert_true(has_arg(&m->spec.edits, "755::/dev/dri"));
	assert_false(has_arg(&m->spec.edits, "--params"));
}

TEST_IN(what_the_hooks_do_can_be_read_back)
{
	static const char *const ids[] = {"0", NULL};
	CLEANUP(arena_fini) struct arena a = {0};
	CLEANUP(strs_fini) struct strs unknown = {0};
	struct tree_edits tree = {0};
	bool by_path = false;
	bool libcuda = false;
	MADE;

	m->g.ids = ids;
	m->g.naming = NAME_INDEX;
	m->g.flags = GEN_NO_ALL;
	assert_int_equal(make(m), 0);
	assert_int_equal(m->spec.devices_n, 1);
	assert_int_equal(tree_from_hooks(m->spec.edits.hooks, m->spec.edits.hooks_n, &a, &tree,
					 &unknown, &m->e),
			 0);
	assert_int_equal(tree_from_hooks(m->spec.devices[0].edits.hooks,
					 m->spec.devices[0].edits.hooks_n, &a, &tree, &unknown,
					 &m->e),
			 0);
	assert_int_equal(unknown.n, 0);
	assert_string_equal(tree.compat_driver, V);
	assert_string_equal(tree.folders.v[0], "/usr/lib64");
	assert_true(tree.params);
	for (size_t i = 0; i < tree.links_n; i++) {
		by_path |= str_eq(tree.links[i].at, "/dev/dri/by-path/pci-0000:01:00.0-card");
		libcuda |= str_eq(tree.links[i].at, "/usr/lib64/libcuda.so.1");
	}
	assert_true(by_path && libcuda);
}

TEST_IN(gpus_are_chosen_by_index_uuid_and_address)
{
	static const char *const by_index[] = {"1", NULL};
	static const char *const by_uuid[] = {"gpu-5F1D3A86-0c4e-7b92-4d1f-8e0a6b5c2d17", NULL};
	static const char *const by_address[] = {"00000000:02:00.0", NULL};
	static const char *const none[] = {"none", NULL};
	static const char *const wrong[] = {"0", "7", NULL};
	static const char *const excluded[] = {"GPU-excluded", NULL};
	MADE;

	m->g.naming = NAME_TYPE_INDEX;
	m->g.ids = by_index;
	assert_int_equal(make(m), 0);
	assert_non_null(device(m, "gpu1"));
	assert_null(device(m, "gpu0"));
	m->g.ids = by_uuid;
	assert_int_equal(make(m), 0);
	assert_non_null(device(m, "gpu0"));
	m->g.ids = by_address;
	assert_int_equal(make(m), 0);
	assert_non_null(device(m, "gpu1"));
	m->g.ids = none;
	assert_int_equal(make(m), 0);
	assert_int_equal(m->spec.devices_n, 1);
	assert_string_equal(m->spec.devices[0].edits.env.v[0], "NVCT_EMPTY_DEVICE=");
	m->g.ids = wrong;
	assert_int_equal(make(m), -ERR_ABSENT);
	assert_non_null(strstr(m->e.msg, "'7'"));
	m->g.ids = excluded;
	assert_int_equal(make(m), -ERR_ABSENT);
	assert_non_null(strstr(m->e.msg, "exclude"));
}

TEST_IN(a_divided_gpu_is_there_by_its_parts)
{
	static struct nv_mig migs[] = {
		{.gpu = 0,
		 .gi = 7,
		 .ci = 0,
		 .gi_minor = 66,
		 .ci_minor = 67,
		 .index = 0,
		 .uuid = "MIG-1"},
		{.gpu = 0, .gi = 8, .ci = 0, .gi_minor = 75, .ci_minor = 76, .index = -1}};
	static const char *const whole[] = {"0", NULL};
	static const char *const part[] = {"0:0", NULL};
	const struct cdi_device *d;
	MADE;

	box_node(&m->box, "/dev/nvidia-caps/nvidia-cap66", 0444);
	box_node(&m->box, "/dev/nvidia-caps/nvidia-cap67", 0444);
	box_node(&m->box, "/dev/nvidia-caps/nvidia-cap75", 0444);
	m->host.gpus[0].mig = true;
	m->host.migs = migs;
	m->host.migs_n = 2;
	assert_int_equal(make(m), 0);
	assert_null(device(m, "0"));
	assert_non_null(device(m, "1"));
	d = device(m, "0:0");
	assert_non_null(d);
	assert_non_null(device(m, "MIG-1"));
	assert_true(has_node(&d->edits, "/dev/nvidia1"));
	assert_true(has_node(&d->edits, "/dev/nvidia-caps/nvidia-cap66"));
	assert_true(has_node(&d->edits, "/dev/nvidia-caps/nvidia-cap67"));
	assert_false(has_node(&d->edits, "/dev/dri/card0"));
	assert_true(noted(m, "nvidia-cap76"));
	box_node(&m->box, "/dev/nvidia-caps/nvidia-cap76", 0444);
	assert_int_equal(make(m), 0);
	assert_true(noted(m, "NVML did not answer"));
	m->g.flags = GEN_UNNAMED;
	assert_int_equal(make(m), 0);
	d = device(m, "0.8.0");
	assert_non_null(d);
	assert_true(has_node(&d->edits, "/dev/nvidia-caps/nvidia-cap75"));
	m->g.flags = 0;
	m->g.ids = whole;
	assert_int_equal(make(m), -ERR_ABSENT);
	assert_non_null(strstr(m->e.hint, "0:0"));
	m->g.ids = part;
	assert_int_equal(make(m), 0);
	m->g.ids = NULL;
	m->host.gpus_n = 1;
	m->host.migs = &migs[1];
	m->host.migs_n = 1;
	assert_int_equal(make(m), -ERR_ABSENT);
	assert_non_null(strstr(m->e.msg, "NVML has not named"));
}

TEST_IN(missing_nodes_are_told)
{
	MADE;

	assert_int_equal(unlinkat(m->box.root.fd, "dev/nvidia-uvm", 0), 0);
	assert_int_equal(unlinkat(m->box.root.fd, "dev/nvidia0", 0), 0);
	box_put(&m->box, "/dev/nvidia0", "a file", 0666);
	assert_int_equal(make(m), 0);
	assert_true(noted(m, "/dev/nvidia-uvm"));
	assert_true(noted(m, "/dev/nvidia0"));
	assert_null(device(m, "1"));
	assert_int_equal(unlinkat(m->box.root.fd, "dev/nvidia1", 0), 0);
	assert_int_equal(make(m), -ERR_ABSENT);
	assert_non_null(strstr(m->e.hint, "nvidia-smi"));
}

TEST_IN(no_gpu_and_no_module_are_different_errors)
{
	MADE;

	m->host.gpus_n = 0;
	assert_int_equal(make(m), -ERR_ABSENT);
	assert_non_null(strstr(m->e.msg, "sees no GPU"));
	m->host.driver = NULL;
	assert_int_equal(make(m), -ERR_ABSENT);
	assert_non_null(strstr(m->e.msg, "not loaded"));
}

TEST_IN(capabilities_choose_nodes_too)
{
	MADE;

	m->g.caps = CAP_UTILITY;
	assert_int_equal(make(m), 0);
	assert_false(has_node(&m->spec.edits, "/dev/nvidia-uvm"));
	assert_false(has_node(&device(m, "0")->edits, "/dev/dri/card0"));
	assert_false(has_mount(&m->spec.edits, "/usr/lib64/libcuda.so." V));
	assert_true(has_mount(&m->spec.edits, "/usr/lib64/libnvidia-ml.so." V));
}

TEST_IN(the_version_is_the_lowest_that_holds_it_and_is_read)
{
	gid_t gid = getegid() ? getegid() : 44;
	MADE;

	m->g.dev = &m->box.root;
	if (fchownat(m->box.root.fd, "dev/dri/card0", (uid_t)-1, gid, 0) < 0)
		skip();
	assert_int_equal(make(m), 0);
	assert_string_equal(m->spec.version, "0.7.0");
	assert_int_equal(device(m, "0")->edits.gids[0], gid);
	m->g.max_version = "0.6.0";
	assert_int_equal(make(m), 0);
	assert_string_equal(m->spec.version, "0.5.0");
	assert_int_equal(device(m, "all")->edits.gids_n, 0);
	assert_true(noted(m, "additionalGids"));
	m->g.max_version = NULL;
	m->g.flags = GEN_NO_GIDS;
	assert_int_equal(make(m), 0);
	assert_string_equal(m->spec.version, "0.5.0");
	assert_int_equal(m->notes.n, 0);
	/* The nodes lie in another folder than in the container: that needs 0.5.0. */
	m->g.max_version = "0.4.0";
	assert_int_equal(make(m), -ERR_UNSAT);
}

TEST_IN(each_mode_has_a_kind_of_its_own)
{
	static const char *const channels[] = {"3", NULL};
	static const char *const too_many[] = {"1048576", NULL};
	MADE;

	box_node(&m->box, "/dev/nvidia-fs0", 0666);
	box_put(&m->box, "/opt/gds/cufile.json", "{}", 0644);
	box_link(&m->box, "/opt/gds/cufile.json", "/etc/cufile.json");
	box_node(&m->box, "/dev/nvidia-nvswitchctl", 0666);
	box_node(&m->box, "/dev/gdrdrv", 0666);
	box_node(&m->box, "/dev/infiniband/uverbs0", 0666);
	box_node(&m->box, "/dev/nvidia-caps-imex-channels/channel0", 0666);
	m->g.mode = CDI_MODE_MANAGEMENT;
	assert_int_equal(make(m), 0);
	assert_string_equal(m->spec.kind, "management.nvidia.com/gpu");
	assert_int_equal(m->spec.devices_n, 1);
	assert_true(has_node(&m->spec.devices[0].edits, "/dev/nvidia2"));
	assert_true(has_node(&m->spec.devices[0].edits, "/dev/nvidia-caps-imex-channels/channel0"));
	assert_false(has_node(&m->spec.devices[0].edits, "/dev/nvidia-fs0"));
	assert_false(has_node(&m->spec.devices[0].edits, "/dev/nvidia-nvswitchctl"));
	assert_false(has_arg(&m->spec.edits, "--params"));
	m->g.mode = CDI_MODE_GDS;
	assert_int_equal(make(m), 0);
	assert_string_equal(m->spec.kind, "nvidia.com/gds");
	assert_int_equal(m->spec.devices[0].edits.mounts_n, 1);
	assert_string_equal(m->spec.devices[0].edits.mounts[0].container_path, "/etc/cufile.json");
	assert_true(str_ends(m->spec.devices[0].edits.mounts[0].host_path, "/opt/gds/cufile.json"));
	assert_true(str_starts(m->spec.devices[0].edits.mounts[0].host_path, m->box.path));
	assert_int_equal(m->spec.edits.env.n, 1);
	m->g.mode = CDI_MODE_NVSWITCH;
	assert_int_equal(make(m), 0);
	m->g.mode = CDI_MODE_GDRCOPY;
	assert_int_equal(make(m), 0);
	m->g.mode = CDI_MODE_MOFED;
	assert_int_equal(make(m), 0);
	m->g.mode = CDI_MODE_IMEX;
	assert_int_equal(make(m), 0);
	assert_non_null(device(m, "0"));
	m->g.ids = channels;
	assert_int_equal(make(m), 0);
	assert_non_null(device(m, "3"));
	m->g.ids = too_many;
	assert_int_equal(make(m), -ERR_PARSE);
}

TEST_IN(windows_driver_store_is_described)
{
	static const char store[] = "/usr/lib/wsl/drivers/nv_dispi.inf_amd64_1";
	MADE;

	m->g.mode = CDI_MODE_AUTO;
	m->host.wsl = true;
	assert_int_equal(make(m), -ERR_ABSENT);
	box_node(&m->box, "/dev/dxg", 0666);
	assert_int_equal(make(m), -ERR_ABSENT);
	box_put(&m->box, "/usr/lib/wsl/lib/libdxcore.so", "", 0644);
	box_put(&m->box, "/usr/lib/wsl/drivers/other.inf_amd64_2/x.so", "", 0644);
	box_put(&m->box, "/usr/lib/wsl/drivers/nv_dispi.inf_amd64_1/libcuda.so.1.1", "", 0644);
	box_put(&m->box, "/usr/lib/wsl/drivers/nv_dispi.inf_amd64_1/nvidia-smi", "", 0755);
	box_put(&m->box, "/usr/lib/wsl/drivers/nv_dispi.inf_amd64_1/readme.txt", "", 0644);
	assert_int_equal(make(m), 0);
	assert_true(has_mount(&m->spec.edits, "/usr/lib/wsl/lib/libdxcore.so"));
	assert_true(has_mount(&m->spec.edits,
			      "/usr/lib/wsl/drivers/nv_dispi.inf_amd64_1/libcuda.so.1.1"));
	assert_false(
		has_mount(&m->spec.edits, "/usr/lib/wsl/drivers/nv_dispi.inf_amd64_1/readme.txt"));
	assert_true(has_arg(&m->spec.edits, store));
	assert_true(has_node(&device(m, "all")->edits, "/dev/dxg"));
}

TEST_IN(a_tegras_lists_are_followed)
{
	static const char folder[] = "/etc/nvidia-container-runtime/host-files-for-container.d/";
	static const char *const ignore[] = {"**/libbad.so", NULL};
	CLEANUP(freep) char *list = str_fmt("%sl4t.csv", folder);
	MADE;

	m->g.mode = CDI_MODE_AUTO;
	m->host.tegra = true;
	m->host.gpus_n = 0;
	m->g.csv_ignore = ignore;
	assert_int_equal(make(m), -ERR_ABSENT);
	box_put(&m->box, list,
		"dev, /dev/nvhost-*\n\ndir, /lib/firmware/tegra\nlib, /usr/lib/tegra/libx.so.1\n"
		"sym, /usr/lib/libx.so\nsym, /usr/lib/libbad.so\nnonsense\nlib, relative\n",
		0644);
	box_node(&m->box, "/dev/nvhost-gpu", 0660);
	box_folder(&m->box, "/lib/firmware/tegra");
	box_lib(&m->box, "/usr/lib/tegra/libx.so.1.2", "libx.so.1");
	box_link(&m->box, "libx.so.1.2", "/usr/lib/tegra/libx.so.1");
	box_link(&m->box, "tegra/libx.so.1", "/usr/lib/libx.so");
	box_link(&m->box, "tegra/libx.so.1", "/usr/lib/libbad.so");
	assert_int_equal(make(m), 0);
	assert_true(has_node(&device(m, "0")->edits, "/dev/nvhost-gpu"));
	assert_true(has_mount(&m->spec.edits, "/lib/firmware/tegra"));
	assert_true(has_mount(&m->spec.edits, "/usr/lib/tegra/libx.so.1.2"));
	assert_true(has_arg(&m->spec.edits, "libx.so.1.2::/usr/lib/tegra/libx.so.1"));
	assert_true(has_arg(&m->spec.edits, "tegra/libx.so.1::/usr/lib/libx.so"));
	assert_false(has_arg(&m->spec.edits, "tegra/libx.so.1::/usr/lib/libbad.so"));
	assert_true(noted(m, "l4t.csv:7"));
	assert_true(noted(m, "l4t.csv:8"));
}

TEST_IN(gpus_for_virtual_machines_are_described)
{
	MADE;

	m->g.mode = CDI_MODE_VFIO;
	assert_int_equal(make(m), -ERR_ABSENT);
	box_put(&m->box, "/sys/devices/pci0/0000:05:00.0/vendor", "0x10de\n", 0644);
	box_put(&m->box, "/sys/devices/pci0/0000:05:00.0/class", "0x030200\n", 0644);
	box_link(&m->box, "../../../bus/pci/drivers/vfio-pci",
		 "/sys/devices/pci0/0000:05:00.0/driver");
	box_link(&m->box, "../../../kernel/iommu_groups/42",
		 "/sys/devices/pci0/0000:05:00.0/iommu_group");
	box_link(&m->box, "../../../devices/pci0/0000:05:00.0",
		 "/sys/bus/pci/devices/0000:05:00.0");
	box_node(&m->box, "/dev/vfio/42", 0600);
	box_node(&m->box, "/dev/vfio/vfio", 0666);
	assert_int_equal(make(m), 0);
	assert_string_equal(m->spec.kind, "nvidia.com/vfio");
	assert_true(has_node(&device(m, "0000:05:00.0")->edits, "/dev/vfio/42"));
	assert_true(has_node(&m->spec.edits, "/dev/vfio/vfio"));
}

#define IN(sentence) cmocka_unit_test_setup_teardown(sentence, setup, teardown)

RUN(IN(each_gpu_has_its_names_and_nodes), IN(one_hook_does_all_or_many_do_as_nvidias),
    IN(our_program_is_called_by_the_hooks_name), IN(hooks_are_switched_off_and_on_by_name),
    IN(what_the_hooks_do_can_be_read_back), IN(gpus_are_chosen_by_index_uuid_and_address),
    IN(a_divided_gpu_is_there_by_its_parts), IN(missing_nodes_are_told),
    IN(no_gpu_and_no_module_are_different_errors), IN(capabilities_choose_nodes_too),
    IN(the_version_is_the_lowest_that_holds_it_and_is_read), IN(each_mode_has_a_kind_of_its_own),
    IN(windows_driver_store_is_described), IN(a_tegras_lists_are_followed),
    IN(gpus_for_virtual_machines_are_described))
