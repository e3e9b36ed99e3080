/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/fs.h"
#include "base/str.h"
#include "cdi/spec.h"
#include "host/nvidia.h"

/* From a machine to the CDI specification of its GPUs. */

enum cdi_mode {
	CDI_MODE_AUTO, /* WSL, Tegra or the ordinary driver, whichever is there */
	CDI_MODE_NVML, /* the ordinary driver (the name is NVIDIA's: no NVML is started) */
	CDI_MODE_WSL,
	CDI_MODE_CSV,
	CDI_MODE_MANAGEMENT,
	CDI_MODE_GDS,
	CDI_MODE_MOFED,
	CDI_MODE_GDRCOPY,
	CDI_MODE_NVSWITCH,
	CDI_MODE_IMEX,
	CDI_MODE_VFIO,
};
extern const char *const cdi_mode_names[]; /* in this order, NULL-terminated */

/* NVIDIA_DRIVER_CAPABILITIES. */
enum cdi_caps {
	CAP_COMPUTE = 1 << 0,
	CAP_UTILITY = 1 << 1,
	CAP_VIDEO = 1 << 2,
	CAP_GRAPHICS = 1 << 3,
	CAP_DISPLAY = 1 << 4,
	CAP_NGX = 1 << 5,
	CAP_COMPAT32 = 1 << 6,
	CAP_ALL = (1 << 7) - 1,
	CAP_DEFAULT = CAP_COMPUTE | CAP_UTILITY,
};

enum cdi_naming { NAME_INDEX = 1 << 0, NAME_UUID = 1 << 1, NAME_TYPE_INDEX = 1 << 2 };

enum cdi_generate_flags {
	GEN_NO_ALL = 1 << 0,	    /* no device "all" */
	GEN_NO_GIDS = 1 << 1,	    /* no additionalGids: readers before 0.7.0 */
	GEN_PEER_HOOKS = 1 << 2,    /* one hook for each kind of work, as nvidia-ctk writes them */
	GEN_EXPLICIT_LIBS = 1 << 3, /* libEGL.so and others that have no version, too */
	GEN_COHERENT = 1 << 4,	    /* annotations gpu.nvidia.com/coherent */
	GEN_NO_IPC = 1 << 5,	    /* no sockets of the driver's daemons */
	GEN_UNNAMED = 1 << 6,	    /* MIG devices whose names NVML has not told, too */
};

struct cdi_generate {
	const struct root *driver; /* driver root: libraries, programs, firmware, sockets */
	const struct root *dev;	   /* dev root; NULL: driver */
	const struct nvidia *host; /* nvidia_read of the machine */
	enum cdi_mode mode;
	unsigned int caps;	   /* enum cdi_caps; 0: all but compat32 */
	unsigned int naming;	   /* enum cdi_naming; 0: index and UUID */
	unsigned int flags;	   /* enum cdi_generate_flags */
	const char *vendor;	   /* NULL: "nvidia.com" */
	const char *class_;	   /* NULL: "gpu"; other modes have their own */
	const char *const *ids;	   /* indices, "gpu:mig", UUIDs, "all", "none"; NULL: all */
	const char *hook_path;	   /* NULL: /usr/bin/nvidia-cdi-hook */
	const char *ldconfig_path; /* passed to the hook, or NULL */
	const char *const *config_search_paths;	 /* NULL: /etc, /usr/local/share, /usr/share */
	const char *const *library_search_paths; /* or NULL */
	const char *const *csv_files;		 /* or NULL: NVIDIA's folder */
	const char *const *csv_ignore;		 /* patterns, or NULL */
	const char *const *disabled_hooks;	 /* names, "all"; or NULL */
	const char *const *enabled_hooks;
	const char *cache; /* folder where what was found of the driver is kept; or NULL */
	const char
		*max_version; /* what the readers understand, or NULL: what is left out is noted */
};

/*
 * Make the specification. *notes gets a line for people for each thing that was left out or that
 * is odd (two driver versions, missing nodes); what is optional and absent is not worth one.
 * ERR_ABSENT: no driver, or an id that no GPU has. cdi_spec_fini frees *ret, after a failure too.
 */
int cdi_generate(const struct cdi_generate *g, struct cdi_spec *ret, struct strs *notes,
		 struct err *e) MUST_USE;

/*
 * The flag for what nvidia-ctk calls a feature; 0: a feature that switches what this program does
 * not do. False: no feature has that name.
 */
bool cdi_feature(const char *name, unsigned int *ret);

/* "compute,utility" to bits; ERR_CONFIG names the unknown word and the known ones. */
int cdi_caps_parse(const char *text, unsigned int *ret, struct err *e) MUST_USE;
