/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "cdi/spec.h"

/*
 * What has to be made inside a container's root so that programs find the driver: links, the
 * loader's cache, and small files. One implementation, for the runtime and for the hook. Every path
 * is opened through rootfs_open; nothing of the image is executed, mounted or trusted (R1-R10 of
 * doc/design/runtime.md), and all that the image brings is read with a bound.
 */

struct tree_link {
	const char *target;
	const char *at; /* path in the container */
};

struct tree_mode {
	const char *path;
	uint32_t mode;
};

struct tree_edits {
	struct tree_link *links;
	size_t links_n;
	struct cdi_texts folders;  /* of libraries, for the loader's cache */
	const char *compat_driver; /* host's driver version: enable CUDA's forward compatibility */
	const char *compat_cuda;   /* or the host's CUDA version */
	const char *compat_root;   /* NULL: /usr/local/cuda/compat */
	bool params;		   /* hide ModifyDeviceFiles */
	bool profile;		   /* application profile for the devices in /dev */
	const uint64_t *gpus;	   /* these devices, as tree_gpu_bit has them; NULL: look at /dev */
	struct tree_mode *modes;
	size_t modes_n;
};

/*
 * From a specification's hooks: those of nvidia-cdi-hook and `nvidia-ctk hook` are understood by
 * their arguments; the rest are listed in unknown by path. ERR_CONFIG for arguments that are wrong.
 */
int tree_from_hooks(const struct cdi_hook *hooks, size_t n, struct arena *a, struct tree_edits *ret,
		    struct strs *unknown, struct err *e) MUST_USE;

/*
 * The same for one hook's command line (args[0] is the program), added to what ret has. ERR_ABSENT:
 * not a known hook.
 */
int tree_from_args(const char *const *args, struct arena *a, struct tree_edits *ret, struct err *e)
	MUST_USE;

/*
 * The way back: the arguments of the one hook that does all of it (`apply --link ...`), appended
 * to args, which has the program's name. Nothing is appended when there is nothing to do.
 */
void tree_to_args(const struct tree_edits *t, struct arena *a, struct cdi_texts *args);
bool tree_is_empty(const struct tree_edits *t);

struct tree_link *tree_add_link(struct arena *a, struct tree_edits *t, const char *target,
				const char *at);

/* The bit of "nvidia3" with minor number 3 in the profile; 0: not a GPU's node. */
uint64_t tree_gpu_bit(const char *name, unsigned int minor);

struct tree_place {
	int root;	/* O_PATH of the container's root, its mounts done */
	bool read_only; /* its files cannot be written: mount over them instead */
	int params;	/* the host's /proc/driver/nvidia/params, opened before; -1: none */
	const char *const *mounts; /* where the configuration mounts something; NULL: unknown */
	void (*warn)(void *arg,
		     const char *text); /* what could not be done and is optional; or NULL */
	void *warn_arg;
};

/*
 * Make them, in an order in which later ones see earlier ones. Needs the container's mount
 * namespace. A failure of what is optional (a read-only root that cannot be covered) is warned
 * about; ERR_* only where the container could not work or would not be safe.
 */
int tree_make(const struct tree_place *p, const struct tree_edits *t, struct err *e) MUST_USE;

/* As JSON text for an annotation, and back: how the engine hands it to the runtime. */
char *tree_text(const struct tree_edits *t) MUST_USE;
int tree_parse(const char *text, struct arena *a, struct tree_edits *ret, struct err *e) MUST_USE;
