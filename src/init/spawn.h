/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"
#include "init/conf.h"

/*
 * Start a service: a session and process group of its own, nothing on stdin,
 * out_fd (borrowed) as stdout and stderr, then its ids, folder and program. What
 * goes wrong in the child is a line on out_fd and exit status 126 or 127.
 */
int spawn(const struct conf_service *def, int out_fd, pid_t *ret, struct err *e) MUST_USE;
