/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/attr.h"
#include "base/err.h"
#include "init/service.h"

/*
 * Replace the status file: what every service is doing, or, where error is not
 * NULL, why there are none.
 */
int status_write(const char *path, const struct service *services, size_t n, const char *error,
		 struct err *e) MUST_USE;
