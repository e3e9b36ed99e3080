/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/fs.h"
#include "base/mem.h"

/*
 * NVIDIA's driver as the kernel shows it, without NVML: /proc/driver/nvidia*, /proc/devices,
 * /sys/module/nvidia, /sys/bus/pci, /dev. Reading opens no GPU and changes nothing (one that sleeps
 * may wake).
 */

struct nv_gpu {
	const char *pci;   /* "0000:01:00.0", lower case */
	const char *uuid;  /* "GPU-..."; NULL: the module does not know it yet */
	const char *model; /* or NULL */
	int minor;	   /* of /dev/nvidiaN; -1: unknown */
	int index; /* as NVML counts: position by PCI address among those not excluded; -1: excluded
		    */
	uint32_t device_id;	/* PCI, 0: unknown */
	const char *const *drm; /* names in /dev/dri ("card0", "renderD128"), NULL-terminated */
	bool mig;		/* has MIG instances; NVML alone knows of an empty MIG mode */
};

/* A MIG device: a compute instance. Its UUID and index are NVML's (nv_mig_name). */
struct nv_mig {
	size_t gpu; /* in gpus */
	unsigned int gi;
	unsigned int ci;
	int gi_minor; /* of /dev/nvidia-caps/nvidia-capN; -1: unknown */
	int ci_minor;
	const char *uuid; /* NULL: not asked for, or unknown */
	int index;	  /* on its GPU; -1: unknown */
	bool gfx;	  /* its profile has graphics */
};

/* Majors of /proc/devices; -1: not registered. */
enum nv_major {
	NV_MAJOR_GPU,
	NV_MAJOR_UVM,
	NV_MAJOR_CAPS,
	NV_MAJOR_IMEX,
	NV_MAJOR_SWITCH,
	NV_MAJORS
};

struct nvidia {
	struct arena arena;
	const char *driver;  /* version of the loaded module; NULL: none is loaded */
	bool open_module;    /* NVIDIA's open kernel modules */
	struct nv_gpu *gpus; /* by PCI address, excluded ones too */
	size_t gpus_n;
	struct nv_mig *migs; /* by GPU, gi, ci */
	size_t migs_n;
	int major[NV_MAJORS];
	bool modify_device_files; /* the driver's programs may make nodes (params:
				     ModifyDeviceFiles) */
	bool wsl;		  /* /dev/dxg: WSL2 */
	bool tegra;		  /* an integrated GPU: /etc/nv_tegra_release, soc0/family */
};

/*
 * Read it through r. No driver and no GPU is a finding (driver NULL, gpus_n 0), not a failure.
 * ERR_* only when something that is there cannot be read. nvidia_fini frees *ret.
 */
int nvidia_read(const struct root *r, struct nvidia *ret, struct err *e) MUST_USE;
void nvidia_fini(struct nvidia *n);

/*
 * What tells whether facts that were derived from this machine still hold: driver version, boot
 * id, GPUs and MIG layout, as one line without spaces around it. Cheap: a few reads below /proc.
 * The text is the caller's.
 */
char *nvidia_fingerprint(const struct root *r) MUST_USE;
