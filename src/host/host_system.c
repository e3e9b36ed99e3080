/* SPDX-License-Identifier: Apache-2.0 */
/* What the machine is, its kernel module, and what its firmware lets the kernel load. */
#include <fcntl.h>
#include <string.h>

#include "base/str.h"
#include "host/host_parts.h"

/* Vendors of UEFI variables: the specification's, and shim's. */
#define EFI(name) "/sys/firmware/efi/efivars/" name "-8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define SHIM(name) "/sys/firmware/efi/efivars/" name "-605dab50-e046-4300-abb6-3dd810dd8b23"

static bool is_wsl(const struct host_look *k)
{
	const char *kernel = k->h->kernel ? k->h->kernel : "";

	return strstr(kernel, "microsoft") || strstr(kernel, "Microsoft") ||
	       root_has(k->r, "/dev/dxg");
}

static const char *container_of(const struct host_look *k)
{
	const char *name = host_line(k, "/run/systemd/container");

	if (name)
		return name;
	if (root_has(k->r, "/.dockerenv"))
		return "docker";
	return root_has(k->r, "/run/.containerenv") ? "podman" : NULL;
}

/* What DMI says of the product, where the processor says that there is a hypervisor. */
static const char *hypervisor_of(const struct host_look *k)
{
	static const struct {
		const char *in_dmi;
		const char *name;
	} rows[] = {
		{"QEMU", "kvm"},	 {"KVM", "kvm"},
		{"VMware", "vmware"},	 {"VirtualBox", "oracle"},
		{"innotek", "oracle"},	 {"Xen", "xen"},
		{"Amazon", "amazon"},	 {"Google", "google"},
		{"Microsoft", "hyperv"}, {"Parallels", "parallels"},
		{"OpenStack", "kvm"},
	};
	char text[HOST_SMALL];
	const char *vendor = host_line(k, "/sys/class/dmi/id/sys_vendor");
	const char *product = host_line(k, "/sys/class/dmi/id/product_name");
	const char *flags = NULL;

	/* The first processor's flags are enough, and the file is slow to read whole. */
	if (nv_read_root(k->r, "/proc/cpuinfo", text, sizeof(text)) > 0)
		flags = strstr(text, "\nflags");
	if (!flags || !memmem(flags, strcspn(flags + 1, "\n") + 1, " hypervisor", 11))
		return NULL;
	for (size_t i = 0; i < COUNT(rows); i++)
		if ((vendor && strstr(vendor, rows[i].in_dmi)) ||
		    (product && strstr(product, rows[i].in_dmi)))
			return rows[i].name;
	return "unknown";
}

void host_probe_place(const struct host_look *k)
{
	struct host *h = k->h;
	const char *container = container_of(k);

	if (is_wsl(k)) {
		h->place = "wsl";
		return;
	}
	h->place_kind = container ? container : hypervisor_of(k);
	if (h->place_kind)
		h->place = container ? "container" : "vm";
}

void host_probe_image(const struct host_look *k)
{
	static const struct {
		const char *id; /* of os-release */
		const char *image;
	} by_id[] = {
		{"steamos", "steamos"},
		{"opensuse-microos", "transactional"},
		{"opensuse-leap-micro", "transactional"},
		{"sl-micro", "transactional"},
		{"sle-micro", "transactional"},
		{"nixos", "nixos"},
		{"flatcar", "flatcar"},
		{"ubuntu-core", "snap"},
	};

	if (root_has(k->r, "/run/ostree-booted"))
		k->h->image = root_has(k->r, "/usr/bin/bootc") ? "bootc" : "ostree";
	for (size_t i = 0; i < COUNT(by_id); i++)
		if (str_eq(k->h->os.id, by_id[i].id))
			k->h->image = by_id[i].image;
}

static int built_for_kernel(const struct host_look *k)
{
	CLEANUP(freep) char *path = NULL;
	CLEANUP(freep) char *text = NULL;

	if (!k->h->kernel || strchr(k->h->kernel, '/'))
		return -1;
	path = str_fmt("/lib/modules/%s/modules.dep", k->h->kernel);
	text = host_text(k, path, HOST_DATABASE);
	if (!text)
		return -1;
	/* Debian's own packages call it nvidia-current.ko. */
	return strstr(text, "/nvidia.ko") || strstr(text, "/nvidia-current");
}

static const char *builder_of(const struct host_look *k)
{
	static const struct {
		const char *folder;
		const char *prefix;
		const char *builder;
	} rows[] = {
		{"/var/lib/dkms", "nvidia", "dkms"},
		{"/usr/src/akmods", "nvidia", "akmods"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(strs_fini) struct strs names = {0};
		CLEANUP(fd_closep) int fd = nv_open(k->r, rows[i].folder, O_RDONLY | O_DIRECTORY);

		if (fd >= 0)
			nv_names(fd, ".", &names);
		for (size_t j = 0; j < names.n; j++)
			if (str_starts(names.v[j], rows[i].prefix))
				return rows[i].builder;
	}
	return NULL;
}

/* "595.91.07", or several with spaces between; NULL: there are none. */
static const char *library_versions(const struct host_look *k)
{
	CLEANUP(strs_fini) struct strs v = {0};
	CLEANUP(buf_fini) struct buf b = {0};

	nv_library_versions(k->r, &v);
	for (size_t i = 0; i < v.n; i++)
		buf_fmt(&b, "%s%s", i ? " " : "", v.v[i]);
	return b.data ? host_clean(arena_str(&k->h->arena, b.data)) : NULL;
}

void host_probe_module(const struct host_look *k)
{
	struct host *h = k->h;
	char version[NV_VERSION_LEN];
	char text[HOST_SMALL];

	if (nv_module_version(k->r, version))
		h->module = arena_str(&h->arena, version);
	if (nv_read_root(k->r, "/proc/driver/nvidia/version", text, sizeof(text)) > 0)
		h->module_open = strstr(text, "Open Kernel Module") != NULL;
	if (nv_read_root(k->r, "/sys/module/nvidia/taint", text, sizeof(text)) > 0)
		h->module_unsigned = strchr(text, 'E') != NULL;
	h->nouveau =
		root_has(k->r, "/sys/module/nouveau") || root_has(k->r, "/sys/module/nova_core");
	h->module_built = built_for_kernel(k);
	h->builder = builder_of(k);
	h->libraries = library_versions(k);
}

/* The value of a variable of one byte, behind its four bytes of attributes; -1: not there. */
static int efi_byte(const struct host_look *k, const char *path)
{
	char text[8];

	return nv_read_root(k->r, path, text, sizeof(text)) == 5 ? (unsigned char)text[4] : -1;
}

/* "none [integrity] confidentiality": the one in brackets. */
static const char *lockdown_of(const struct host_look *k)
{
	const char *line = host_line(k, "/sys/kernel/security/lockdown");
	const char *open = line ? strchr(line, '[') : NULL;

	return open ? arena_strn(&k->h->arena, open + 1, strcspn(open + 1, "]")) : NULL;
}

void host_probe_firmware(const struct host_look *k)
{
	struct host *h = k->h;

	h->secure_boot = efi_byte(k, EFI("SecureBoot"));
	h->secure_boot_lax = efi_byte(k, SHIM("MokSBStateRT")) == 1;
	if (h->secure_boot >= 0)
		h->mok = root_has(k->r, SHIM("MokListRT"));
	h->mok_pending = root_has(k->r, SHIM("MokNew"));
	h->lockdown = lockdown_of(k);
}
