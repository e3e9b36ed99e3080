/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/attr.h"

/*
 * The log of this run. dbg() may be called from anywhere; it goes to stderr
 * when DLENV_DEBUG is set, and to the log file once one is open.
 */
void dbg(const char *fmt, ...) FORMAT(1, 2);

/* Send dbg() to this descriptor as well (borrowed; -1 stops it). */
void log_to(int fd);
