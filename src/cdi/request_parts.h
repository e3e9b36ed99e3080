/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/str.h"
#include "cdi/request.h"

/* What the files of request.h share. */

enum { REQUEST_IDS_MAX = 1024 };

/* A list's texts in an arena, NULL-terminated. */
const char *const *request_list(struct arena *a, const struct strs *l) MUST_USE;

/* "0", "0:1": an index, or of a GPU and a MIG device on it (-1: without). */
bool request_index(const char *id, uint64_t *ret_gpu, int64_t *ret_mig);

/* An id by which a MIG device is asked for, which NVML alone can find. */
bool request_is_mig(const char *id);

/* The beginning of a UUID: "GPU-1", "MIG-ab", whatever the case of its letters. */
bool request_is_uuid(const char *id);
