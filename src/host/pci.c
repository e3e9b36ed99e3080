/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pci.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "host/nvidia_parts.h"

enum { NVIDIA = 0x10de, DISPLAY_VGA = 0x0300, DISPLAY_3D = 0x0302, CLASS_SHIFT = 8 };

/* A file of a device: "0x10de". 0 when it is not there. */
static uint32_t read_hex(int devices, const char *device, const char *name)
{
	CLEANUP(freep) char *path = str_fmt("%s/%s", device, name);
	char text[32];
	uint32_t value = 0;

	if (nv_read(devices, path, text, sizeof(text)) <= 0 || !str_starts(text, "0x"))
		return 0;
	for (const char *s = text + 2; *s && strchr("0123456789abcdef", *s); s++)
		value = value << 4 | (uint32_t)(*s <= '9' ? *s - '0' : *s - 'a' + 10);
	return value;
}

static const char *driver_of(struct arena *a, int devices, const char *device)
{
	CLEANUP(freep) char *path = str_fmt("%s/driver", device);
	char target[256];
	ssize_t n = readlinkat(devices, path, target, sizeof(target) - 1);
	const char *slash;

	if (n <= 0)
		return NULL;
	target[n] = '\0';
	slash = strrchr(target, '/');
	return arena_str(a, slash ? slash + 1 : target);
}

void pci_gpus_read(const struct root *r, struct pci_gpus *ret)
{
	CLEANUP(fd_closep)
	int devices = nv_open(r, "/sys/bus/pci/devices", O_RDONLY | O_DIRECTORY);
	CLEANUP(strs_fini) struct strs names = {0};
	struct pci_gpus g = {0};

	if (devices >= 0)
		nv_names(devices, ".", &names);
	g.v = arena_alloc(&g.arena, PCI_GPUS_MAX * sizeof(*g.v));
	for (size_t i = 0; i < names.n && g.n < PCI_GPUS_MAX; i++) {
		const char *name = names.v[i];
		uint32_t class;

		if (strlen(name) > 32 || read_hex(devices, name, "vendor") != NVIDIA)
			continue;
		class = read_hex(devices, name, "class") >> CLASS_SHIFT;
		if (class != DISPLAY_VGA && class != DISPLAY_3D)
			continue;
		g.v[g.n++] = (struct pci_gpu){
			.address = arena_str(&g.arena, name),
			.device = read_hex(devices, name, "device"),
			.subvendor = read_hex(devices, name, "subsystem_vendor"),
			.subdevice = read_hex(devices, name, "subsystem_device"),
			.driver = driver_of(&g.arena, devices, name),
		};
	}
	*ret = g;
}

void pci_gpus_fini(struct pci_gpus *g)
{
	arena_fini(&g->arena);
	*g = (struct pci_gpus){0};
}

bool pci_driver_is_nouveau(const char *driver)
{
	return driver && (str_eq(driver, "nouveau") || str_starts(driver, "nova"));
}
