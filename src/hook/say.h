/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

/*
 * An error appended to the file that an OCI runtime is told to log to: engines show its last entry
 * where they would show nothing of stderr. json: runc's {"level","msg","time"}, else its
 * text form.
 */
void say_to_log(const char *program, const char *log, bool json, const struct err *e);

/* What there is to know about a container, appended to the debug file of config.toml. */
void say_to_debug(const char *program, const char *file, const struct strs *notes,
		  const struct err *e);
