/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "host/nvml.h"

/* The answer of dlenv-nvml (src/nvml/ask.c) to what it was asked. ERR_PARSE when it is not one. */
int nvml_parse(const char *text, size_t len, unsigned int what, struct nvml *ret, struct err *e)
	MUST_USE;

/* A brand as requirements write it (NVIDIA_REQUIRE_*), by NVML's number; "unknown" otherwise. */
const char *nvml_brand(int64_t number);
