/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/fs.h"
#include "base/mem.h"

/* GPUs as the PCI bus shows them: also those whose driver is not loaded. */

struct pci_gpu {
	const char *address;	       /* "0000:01:00.0" */
	uint32_t device;	       /* of vendor 10de */
	uint32_t subvendor, subdevice; /* 0: unknown */
	const char *driver;	       /* what it is bound to: "nvidia", "nouveau"; NULL: nothing */
};

struct pci_gpus {
	struct arena arena;
	struct pci_gpu *v; /* by address */
	size_t n;
};

enum { PCI_GPUS_MAX = 64 };

/* Is it the kernel's own driver for these: nouveau, or nova? NULL: it is none. */
bool pci_driver_is_nouveau(const char *driver);

/* NVIDIA's display and 3D controllers. None, and no PCI bus, is a finding. pci_gpus_fini frees. */
void pci_gpus_read(const struct root *r, struct pci_gpus *ret);
void pci_gpus_fini(struct pci_gpus *g);
