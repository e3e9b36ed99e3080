/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "cdi/spec.h"

/*
 * Paths at or below `from` come to lie below `to`: those of the container, or those of the host.
 * Hooks count by the side that they run on; of an argument TARGET::LINK both halves.
 */
void ctk_transform_root(struct cdi_spec *s, const char *from, const char *to, bool container);
