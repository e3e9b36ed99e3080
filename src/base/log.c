/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* The one piece of process-wide state: where debugging text goes. */
static int log_fd = -1;

void log_to(int fd)
{
	log_fd = fd;
}

void dbg(const char *fmt, ...)
{
	va_list args;

	if (getenv("DLENV_DEBUG")) {
		va_start(args, fmt);
		(void)fputs("dlenv: ", stderr);
		(void)vfprintf(stderr, fmt, args);
		(void)fputc('\n', stderr);
		va_end(args);
	}
	if (log_fd >= 0) {
		va_start(args, fmt);
		(void)vdprintf(log_fd, fmt, args);
		(void)dprintf(log_fd, "\n");
		va_end(args);
	}
}
