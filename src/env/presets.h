/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"
#include "engine/build.h"

/* The package lists that images are made of, as rows. Names are those of Debian 13. */

struct preset_layer {
	const char *title;	     /* "base", "torch" */
	const char *const *packages; /* NULL-terminated */
	const char *const *cuda;     /* instead of packages on a CUDA host; NULL: the same */
};

struct preset {
	const char *name;
	const char *summary;		   /* N_() marked */
	const struct preset_layer *layers; /* bottom first */
	size_t layers_n;
};

extern const struct preset presets[]; /* ends with a row without name */

/* ERR_UNSAT, with the presets that there are. */
int preset_find(const char *name, const struct preset **ret, struct err *e) MUST_USE;

/* Does it have CUDA builds (and so need contrib and non-free)? */
bool preset_has_cuda(const struct preset *p);

/* Is the package named in one of its lists? */
bool preset_has_package(const struct preset *p, bool cuda, const char *name);

/* Its layers for build_image(); the rows belong to a. */
void preset_layers(const struct preset *p, bool cuda, struct arena *a,
		   const struct build_layer **ret, size_t *ret_n);
