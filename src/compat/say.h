/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "compat/rules.h"

/* The sentences of the rules. Inside compat/ only. */

rule_say_fn say_driver_gpu, say_driver_last, say_driver_first, say_driver_flavour;
rule_say_fn say_cuda_gpu_min, say_cuda_gpu_max, say_cudnn_gpu, say_framework_gpu, say_torch_use;
rule_say_fn say_framework_cuda, say_framework_driver, say_cuda_driver, say_cuda_compat;
rule_say_fn say_cudnn_cuda, say_cudnn_driver, say_image_cuda, say_image_cudnn;
rule_say_fn say_route_distro, say_route_driver, say_engine_distro;
rule_say_fn say_toolkit_engine, say_toolkit_driver;

/* Does the route have the branch? */
bool route_has(const struct route_fact *r, uint32_t branch);

/* "12.2-12.9", "11.8". In a. */
const char *ranges_text(struct arena *a, const struct ranges *r);
