/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cdi/request.h"
#include "cdi/toolkit_config.h"
#include "hook/bundle.h"

/*
 * What a container asks for, from where NVIDIA's runtime looks, first non-empty wins: annotations,
 * volume mounts of /dev/null, swarm's variables, NVIDIA_VISIBLE_DEVICES.
 */

struct wish {
	struct arena arena;
	struct gpu_request q; /* any is false: not a container with a GPU */
	const char **names;   /* CDI devices ("nvidia.com/gpu=0"), NULL-terminated; else in q */
	bool none;	      /* the driver, but no GPU */
	bool caps_given;      /* NVIDIA_DRIVER_CAPABILITIES is set */
};

/* annotations: they count (the modes that read CDI). wish_fini frees *ret, after a failure too. */
int wish_read(const struct bundle *b, const struct toolkit_config *c, bool annotations,
	      struct wish *ret, struct err *e) MUST_USE;
void wish_fini(struct wish *w);
