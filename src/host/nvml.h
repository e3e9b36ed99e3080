/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/fs.h"
#include "host/nvidia.h"

/*
 * What only NVML knows. It is asked by a short-lived program of ours (dlenv-nvml, the only
 * dynamic one: it loads libnvidia-ml.so.1 of the driver root) with a time limit, since NVML
 * can hang on a broken GPU and takes seconds where the driver is not persistent.
 */

enum nvml_what {
	NVML_NAMES = 1 << 0, /* UUID, brand, compute capability, memory size, MIG devices, CUDA */
	NVML_STATE = 1 << 1, /* memory, utilisation, processes, health */
};

struct nvml_process {
	int64_t pid;
	uint64_t memory; /* bytes; UINT64_MAX: not known */
	bool graphics;
	int gi; /* the MIG device that it runs on; -1: none */
	int ci;
};

struct nvml_mig {
	const char *uuid;
	int index;
	unsigned int gi;
	unsigned int ci;
	const char *name; /* "1g.10gb" */
	uint64_t memory;  /* bytes, 0: not known */
	uint64_t memory_used;
	bool gfx;
};

struct nvml_gpu {
	const char *uuid;
	const char *pci; /* "0000:01:00.0", lower case */
	const char *name;
	const char *brand; /* as requirements write it: "geforce", "tesla", "quadrortx" ... */
	int minor;
	uint32_t arch_major; /* compute capability */
	uint32_t arch_minor;
	bool mig_mode;
	uint64_t memory;      /* bytes */
	uint64_t memory_used; /* bytes */
	struct nvml_mig *migs;
	size_t migs_n;
	/* NVML_STATE; -1 where the GPU does not tell. */
	int64_t gpu_percent;
	int64_t memory_percent;
	int64_t temperature; /* degrees Celsius */
	int64_t power_mw;
	int64_t power_limit_mw;
	int64_t throttle; /* bits of nvmlClocksEventReason* */
	int64_t pcie_width;
	int64_t pcie_width_max;
	int64_t pcie_gen;
	int64_t pcie_gen_max;
	int64_t ecc_corrected;
	int64_t ecc_uncorrected;
	int64_t retired_pages; /* or remapped rows that wait for a reset */
	int64_t persistence;   /* 0 or 1 */
	struct nvml_process *processes;
	size_t processes_n;
};

struct nvml {
	struct arena arena;
	const char *driver;
	const char *cuda;      /* "12.4": the newest that the driver can do */
	struct nvml_gpu *gpus; /* in NVML's order */
	size_t gpus_n;
	size_t lost; /* that NVML counts but cannot talk to: they fell off the bus */
};

/*
 * Ask. driver_root is "/" or where the driver's libraries lie. ERR_ABSENT: no libnvidia-ml
 * there; ERR_BUSY: no answer within timeout_ms (0: 10 s), the helper is killed; ERR_FAIL with
 * NVML's own words. nvml_fini frees *ret.
 */
int nvml_ask(const char *driver_root, unsigned int what, int timeout_ms, struct nvml *ret,
	     struct err *e) MUST_USE;
void nvml_fini(struct nvml *n);

/* Fill in what n lacks: UUIDs of GPUs, UUIDs and indices of MIG devices. */
void nvidia_complete(struct nvidia *n, const struct nvml *m);
