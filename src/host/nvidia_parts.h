/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/str.h"
#include "host/nvidia.h"

/* What the files of host/nvidia share. Texts are what a kernel module printed: bounded, not
 * trusted. */

enum {
	NV_GPUS_MAX = 256,
	NV_MIGS_MAX = 4096,
	NV_DRM_MAX = 64,     /* nodes of one GPU */
	NV_SMALL = 4096,     /* a file of a few lines */
	NV_DEVICES = 65536,  /* /proc/devices */
	NV_MINORS = 1 << 20, /* /proc/driver/nvidia-caps/mig-minors: 4,322 lines */
	NV_VERSION_LEN = 32,
};

/* /proc/driver/nvidia/gpus/ADDRESS/information. */
struct nv_information {
	char uuid[64];	 /* "": not known yet */
	char model[128]; /* "": not told */
	int minor;	 /* -1: not told */
	bool excluded;
};

void nv_parse_information(const char *text, struct nv_information *ret);
void nv_parse_devices(const char *text, int ret[NV_MAJORS]);

/* The driver's version in /proc/driver/nvidia/version or /sys/module/nvidia/version; false: none.
 */
bool nv_parse_version(const char *text, char ret[NV_VERSION_LEN]);

/* "NAME: NUMBER" in a text of such lines; -1: not there. */
int nv_parse_number(const char *text, const char *name);

/* The line "PATH MINOR" of mig-minors; -1: not there. */
int nv_parse_minor(const char *text, const char *path);

/* "PREFIX" and a number ("gi7"): the number, or -1. */
int nv_numbered(const char *name, const char *prefix);

/* A PCI address as /proc and /sys write it. */
bool nv_is_address(const char *name);

/* Open a path below the machine's root: links stay inside. -1 with errno. */
int nv_open(const struct root *r, const char *path, int flags);

/*
 * The beginning of a small file, terminated. The length, or -1 with errno. Nothing is allocated:
 * these files are read at each start of a container.
 */
ssize_t nv_read(int dir, const char *path, char *ret, size_t size);
ssize_t nv_read_root(const struct root *r, const char *path, char *ret, size_t size);

/* The names in a folder, sorted; none when it cannot be read. */
void nv_names(int dir, const char *path, struct strs *ret);

/* The version of the loaded module; false: none is loaded. */
bool nv_module_version(const struct root *r, char ret[NV_VERSION_LEN]);

/* The PCI addresses below /proc/driver/nvidia/gpus, in the order of the bus. -1 with errno. */
int nv_addresses(const struct root *r, struct strs *ret);

/* The nodes in /dev/dri of a GPU ("card0"), devices being /sys/bus/pci/devices or -1. */
void nv_drm_names(int devices, const char *pci, struct strs *ret);

/*
 * Call found for each compute instance of a GPU by its minor, by gi and ci; caps is
 * /proc/driver/nvidia/capabilities. False: it has none.
 */
typedef void nv_instance_fn(void *arg, unsigned int gi, unsigned int ci);
bool nv_instances(int caps, int gpu_minor, nv_instance_fn *found, void *arg);

/* Fill in migs, migs_n and mig of each GPU. */
void nv_read_migs(const struct root *r, struct nvidia *n);

/* The versions of the driver's libraries that lie where the loader looks. strs_fini frees. */
void nv_library_versions(const struct root *r, struct strs *ret);
