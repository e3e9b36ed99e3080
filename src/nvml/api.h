/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/*
 * The part of NVML that dlenv-nvml asks, declared after its published interface
 * (docs.nvidia.com/deploy/nvml-api). A function that the installed library lacks stays NULL:
 * what it would tell is unknown then.
 */

struct nvml_device; /* theirs */

enum nvml_code { NVML_OK = 0, NVML_TOO_SMALL = 7 };

struct nvml_pci { /* nvmlPciInfo_t */
	char legacy[16];
	unsigned int domain;
	unsigned int bus;
	unsigned int device;
	unsigned int device_id;
	unsigned int subsystem_id;
	char address[32];
};

struct nvml_memory { /* nvmlMemory_t */
	unsigned long long total;
	unsigned long long free;
	unsigned long long used;
};

struct nvml_memory2 { /* nvmlMemory_v2_t: what the driver keeps for itself is not counted as used */
	unsigned int version;
	unsigned long long total;
	unsigned long long reserved;
	unsigned long long free;
	unsigned long long used;
};

struct nvml_rates { /* nvmlUtilization_t */
	unsigned int gpu;
	unsigned int memory;
};

struct nvml_attributes { /* nvmlDeviceAttributes_t */
	unsigned int multiprocessors;
	unsigned int copy_engines;
	unsigned int decoders;
	unsigned int encoders;
	unsigned int jpeg;
	unsigned int ofa;
	unsigned int gi_slices;
	unsigned int ci_slices;
	unsigned long long memory_mib;
};

struct nvml_running { /* nvmlProcessInfo_v2_t */
	unsigned int pid;
	unsigned long long memory;
	unsigned int gi;
	unsigned int ci;
};

struct nvml_running1 { /* nvmlProcessInfo_v1_t */
	unsigned int pid;
	unsigned long long memory;
};

typedef int nvml_number_fn(struct nvml_device *, unsigned int *);
typedef int nvml_text_fn(struct nvml_device *, char *, unsigned int);

struct nvml_api {
	int (*init)(void);
	int (*shutdown)(void);
	const char *(*error)(int);
	int (*driver)(char *, unsigned int);
	int (*cuda)(int *);
	int (*count)(unsigned int *);
	int (*handle)(unsigned int, struct nvml_device **);
	nvml_text_fn *uuid;
	nvml_text_fn *name;
	int (*pci)(struct nvml_device *, struct nvml_pci *);
	int (*capability)(struct nvml_device *, int *, int *);
	int (*memory)(struct nvml_device *, struct nvml_memory *);
	int (*memory2)(struct nvml_device *, struct nvml_memory2 *);
	nvml_number_fn *brand;
	nvml_number_fn *minor;
	int (*mig_mode)(struct nvml_device *, unsigned int *, unsigned int *);
	nvml_number_fn *mig_count;
	int (*mig)(struct nvml_device *, unsigned int, struct nvml_device **);
	nvml_number_fn *mig_gi;
	nvml_number_fn *mig_ci;
	int (*mig_attributes)(struct nvml_device *, struct nvml_attributes *);
	int (*rates)(struct nvml_device *, struct nvml_rates *);
	int (*temperature)(struct nvml_device *, int, unsigned int *);
	nvml_number_fn *power;
	nvml_number_fn *power_limit;
	int (*throttle)(struct nvml_device *, unsigned long long *);
	nvml_number_fn *pcie_width;
	nvml_number_fn *pcie_width_max;
	nvml_number_fn *pcie_gen;
	nvml_number_fn *pcie_gen_max;
	int (*ecc)(struct nvml_device *, int, int, unsigned long long *);
	int (*remapped)(struct nvml_device *, unsigned int *, unsigned int *, unsigned int *,
			unsigned int *);
	nvml_number_fn *retired_pending;
	nvml_number_fn *persistence;
	int (*compute)(struct nvml_device *, unsigned int *, struct nvml_running *);
	int (*graphics)(struct nvml_device *, unsigned int *, struct nvml_running *);
	int (*compute1)(struct nvml_device *, unsigned int *, struct nvml_running1 *);
	int (*graphics1)(struct nvml_device *, unsigned int *, struct nvml_running1 *);
};

/*
 * Load the library of a driver root ("/": where the loader finds it). False: there is none, or it
 * lacks what no version lacks; why then says so.
 */
bool api_load(struct nvml_api *ret, const char *root, const char **why);

/* A library of the driver, by dlopen. NULL: there is none. */
void *library_load(const char *root, const char *name);
