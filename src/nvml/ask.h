/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "nvml/api.h"
#include "nvml/out.h"

/* Ask an initialised NVML and write the whole answer. 0, or NVML's code. */
int ask(const struct nvml_api *api, bool state, struct out *o);
