/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"
#include "base/mem.h"
#include "cdi/generate.h"
#include "host/nvidia.h"
#include "host/nvml.h"

/* Which GPUs somebody asks for: --gpu, dlenv.yaml, and NVIDIA's variables. */

struct gpu_request {
	struct arena arena;
	bool any;		/* something was asked for: libraries are wanted even with no GPU */
	const char *const *ids; /* for cdi_generate, NULL-terminated; {"all"} or {"none"} too */
	unsigned int free;	/* free:N: that many that nobody uses; 0: not asked */
	uint64_t min_memory;	/* bytes a GPU must have, as cards are sold; 0: any */
	const char *min_arch;	/* lowest compute capability "8.0", or NULL */
	unsigned int caps;	/* enum cdi_caps */
	const char *const *require; /* NVIDIA_REQUIRE_* expressions, NULL-terminated */
	const char *const *imex;    /* channels */
	const char *const *modes;   /* "gds", "mofed", "gdrcopy", "nvswitch" */
	bool mig_config;
	bool mig_monitor;
};

/*
 * The grammar of --gpu: `all`, `none`, or terms with commas: an index `0`, `0:1` (GPU:MIG), a
 * UUID or its beginning, `free:N`, `memory>=24G`, `arch>=8.0`. ERR_USAGE says what is wrong.
 */
int gpu_request_parse(const char *text, struct gpu_request *ret, struct err *e) MUST_USE;

/*
 * From a container's environment, "NAME=VALUE" each, the last of a name counts (toolkit.md
 * section 10: NVIDIA_VISIBLE_DEVICES, _DRIVER_CAPABILITIES, _REQUIRE_*, _DISABLE_REQUIRE,
 * _IMEX_CHANNELS, _MIG_*, _GDS ...; images with CUDA_VERSION alone). privileged: the container
 * may ask for MIG management.
 */
int gpu_request_from_env(const char *const *env, bool privileged, struct gpu_request *ret,
			 struct err *e) MUST_USE;
void gpu_request_fini(struct gpu_request *q);

/* Does choosing need more than the kernel tells: memory, arch, free, MIG devices? */
bool gpu_request_needs_nvml(const struct gpu_request *q);

/*
 * The GPUs themselves: ids by UUID or index as cdi_generate takes them. m may be NULL when
 * gpu_request_needs_nvml is false. ERR_UNSAT says which condition no GPU meets, and what there is.
 */
int gpu_request_choose(const struct gpu_request *q, const struct nvidia *n, const struct nvml *m,
		       struct arena *a, const char *const **ret, struct err *e) MUST_USE;

/* What requirements are compared with; a NULL or empty value is unknown, and meets everything. */
struct gpu_facts {
	const char *driver;
	const char *cuda;
	const char *arch;
	const char *brand;
};

/* One NVIDIA_REQUIRE_* expression: "cuda>=12.4 brand=tesla,driver>=470". ERR_UNSAT names it. */
int gpu_require(const char *expression, const struct gpu_facts *f, struct err *e) MUST_USE;

/* The newest CUDA that a driver can do, "12.4", by its branch; NULL: a branch we do not know. */
const char *gpu_cuda_of_driver(const char *driver);

/*
 * Do the chosen GPUs meet all of q->require? n->driver must be known. *ret_open: it depends on
 * what only NVML tells; with m NULL, ask it and call again (most images never need that: their
 * first alternative is about the driver alone). ERR_UNSAT, and ERR_CONFIG for a text that is wrong.
 */
int gpu_request_check(const struct gpu_request *q, const struct nvidia *n, const struct nvml *m,
		      const char *const *chosen, bool *ret_open, struct err *e) MUST_USE;
