/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "runtime/runtime.h"

/* A running process with its start time. ERR_ABSENT when it has gone. */
int process_id(pid_t pid, struct rt_process_id *ret, struct err *e) MUST_USE;

/* A pidfd of exactly that process. ERR_ABSENT when it has gone. */
int process_open(const struct rt_process_id *id, int *ret_pidfd, struct err *e) MUST_USE;

/* The start time out of the text of /proc/PID/stat. */
int process_start_time(const char *stat, uint64_t *ret, struct err *e) MUST_USE;

/* ERR_USAGE for a container's name that is not [A-Za-z0-9_.-]+. */
int process_check_name(const char *id, struct err *e) MUST_USE;
