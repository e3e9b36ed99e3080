/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cdi/spec.h"

/* Whose paths are moved. */
enum cdi_relative { CDI_HOST, CDI_CONTAINER };

/*
 * Replace a root by another in the paths of a specification, as `nvidia-ctk cdi transform root`
 * does: whole components only. On the host's side what lies outside the container, with the
 * programs of hooks and the arguments of those that run there; on the container's side the rest.
 * An argument TARGET::LINK has two paths.
 */
void cdi_transform_root(struct cdi_spec *s, const char *from, const char *to,
			enum cdi_relative relative);
