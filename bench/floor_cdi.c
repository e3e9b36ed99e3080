/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor-cdi ROOT GPUS
 *
 * The bare floor that the generation of a CDI specification is measured against: the file look-ups
 * that it cannot do without, on Debian's layout, and as many bytes written. Folders of libraries
 * are listed, each link is read once, each file and node is looked up once, each GPU's information
 * is read. Names are fixed at compile time; nothing is parsed, kept, sorted or checked, and no link
 * is held inside ROOT.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 32768, SPEC_COMMON = 24000, SPEC_GPU = 1900, PATH_SIZE = 512 };

static int root;
static char block[BLOCK];

static void read_file(const char *path)
{
	int fd = openat(root, path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (read(fd, block, sizeof(block)) < 0)
		perror(path);
	(void)close(fd);
}

static void list_folder(const char *path)
{
	static char names[BLOCK];
	int fd = openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return;
	while ((n = getdents64(fd, names, sizeof(names))) > 0) {
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *ent = (const struct dirent64 *)(names + at);

			at += ent->d_reclen;
			if (!strstr(ent->d_name, "nvidia") && !strstr(ent->d_name, "libcuda") &&
			    !strstr(ent->d_name, "libnv"))
				continue;
			if (ent->d_type == DT_LNK)
				(void)readlinkat(fd, ent->d_name, block, sizeof(block));
			else
				(void)fstatat(fd, ent->d_name, &st, AT_SYMLINK_NOFOLLOW);
		}
	}
	(void)close(fd);
}

static void look_up(const char *const *paths, size_t n)
{
	struct stat st;

	for (size_t i = 0; i < n; i++)
		(void)fstatat(root, paths[i], &st, AT_SYMLINK_NOFOLLOW);
}

/* Where each is on Debian, behind the places where it could be. */
static const char *const files[] = {
	"usr/local/bin/nvidia-smi",
	"usr/bin/nvidia-smi",
	"usr/local/bin/nvidia-debugdump",
	"usr/bin/nvidia-debugdump",
	"usr/local/bin/nvidia-persistenced",
	"usr/bin/nvidia-persistenced",
	"usr/local/bin/nvidia-cuda-mps-control",
	"usr/bin/nvidia-cuda-mps-control",
	"usr/local/bin/nvidia-cuda-mps-server",
	"usr/sbin/nvidia-cuda-mps-server",
	"usr/local/bin/nvidia-imex",
	"usr/sbin/nvidia-imex",
	"usr/bin/nvidia-imex",
	"usr/local/bin/nvidia-imex-ctl",
	"usr/sbin/nvidia-imex-ctl",
	"usr/bin/nvidia-imex-ctl",
	"usr/local/bin/nvidia-xconfig",
	"usr/bin/nvidia-xconfig",
	"etc/glvnd/egl_vendor.d/10_nvidia.json",
	"usr/share/glvnd/egl_vendor.d/10_nvidia.json",
	"etc/egl/egl_external_platform.d/15_nvidia_gbm.json",
	"usr/share/egl/egl_external_platform.d/15_nvidia_gbm.json",
	"etc/egl/egl_external_platform.d/10_nvidia_wayland.json",
	"usr/share/egl/egl_external_platform.d/10_nvidia_wayland.json",
	"etc/egl/egl_external_platform.d/09_nvidia_wayland2.json",
	"usr/share/egl/egl_external_platform.d/09_nvidia_wayland2.json",
	"usr/share/egl/egl_external_platform.d/20_nvidia_xcb.json",
	"usr/share/egl/egl_external_platform.d/20_nvidia_xlib.json",
	"usr/share/nvidia/nvoptix.bin",
	"usr/share/X11/xorg.conf.d/10-nvidia.conf",
	"usr/share/X11/xorg.conf.d/nvidia-drm-outputclass.conf",
	"etc/OpenCL/vendors/nvidia.icd",
	"etc/vulkan/icd.d/nvidia_icd.json",
	"usr/share/vulkan/icd.d/nvidia_icd.json",
	"usr/share/vulkan/icd.d/nvidia_icd.x86_64.json",
	"usr/share/vulkan/icd.d/nvidia_layers.json",
	"etc/vulkan/implicit_layer.d/nvidia_layers.json",
	"usr/share/vulkan/implicit_layer.d/nvidia_layers.json",
	"usr/lib/xorg/modules/drivers/nvidia_drv.so",
	"run/nvidia-persistenced/socket",
	"run/nvidia-fabricmanager/socket",
	"tmp/nvidia-mps",
	"dev/nvidiactl",
	"dev/nvidia-uvm",
	"dev/nvidia-uvm-tools",
	"dev/nvidia-modeset",
};

static void gpu(int i)
{
	char path[PATH_SIZE];
	struct stat st;

	(void)snprintf(path, sizeof(path), "dev/nvidia%d", i);
	(void)fstatat(root, path, &st, AT_SYMLINK_NOFOLLOW);
	(void)snprintf(path, sizeof(path), "dev/dri/card%d", i);
	(void)fstatat(root, path, &st, AT_SYMLINK_NOFOLLOW);
	(void)snprintf(path, sizeof(path), "dev/dri/renderD%d", 128 + i);
	(void)fstatat(root, path, &st, AT_SYMLINK_NOFOLLOW);
}

/* A GPU's information and DRM nodes are below its PCI address. */
static void gpus(void)
{
	int fd = openat(root, "proc/driver/nvidia/gpus", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *ent;
	char path[PATH_SIZE];

	if (!d)
		return;
	while ((ent = readdir(d))) {
		if (ent->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "proc/driver/nvidia/gpus/%.64s/information",
			       ent->d_name);
		read_file(path);
		(void)snprintf(path, sizeof(path), "sys/bus/pci/devices/%.64s/drm", ent->d_name);
		list_folder(path);
		(void)snprintf(path, sizeof(path), "dev/dri/by-path/pci-%.64s-card", ent->d_name);
		(void)readlinkat(root, path, block, sizeof(block));
		(void)snprintf(path, sizeof(path), "dev/dri/by-path/pci-%.64s-render", ent->d_name);
		(void)readlinkat(root, path, block, sizeof(block));
	}
	(void)closedir(d);
}

int main(int argc, char **argv)
{
	static const char *const folders[] = {
		"usr/lib64", "usr/lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu/nvidia/current",
		"usr/lib/x86_64-linux-gnu/vdpau", "lib/firmware/nvidia/550.163.01"};
	static const char *const texts[] = {"sys/module/nvidia/version",
					    "proc/driver/nvidia/version",
					    "proc/driver/nvidia/params", "proc/devices"};
	int n = argc > 2 ? argv[2][0] - '0' : 1;
	size_t bytes = SPEC_COMMON + (size_t)n * SPEC_GPU;

	if (argc < 3 || (root = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0) {
		(void)fprintf(stderr, "usage: floor-cdi ROOT GPUS\n");
		return 2;
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		read_file(texts[i]);
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		list_folder(folders[i]);
	look_up(files, sizeof(files) / sizeof(*files));
	gpus();
	for (int i = 0; i < n; i++)
		gpu(i);
	memset(block, 'x', sizeof(block));
	while (bytes) {
		size_t part = bytes < sizeof(block) ? bytes : sizeof(block);

		if (write(STDOUT_FILENO, block, part) < 0)
			return 1;
		bytes -= part;
	}
	return 0;
}
