/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * A log of bounded size: NAME.log and, when that is full, one older NAME.log.1.
 * Writing never fails for the caller: what cannot be written is counted.
 */
struct logfile {
	int fd;		 /* -1: opened at the next write */
	uint64_t lost;	 /* bytes that were dropped since the start */
	uint64_t unsaid; /* of them, those that no line in the log tells of yet */
};

#define LOGFILE_EMPTY ((struct logfile){.fd = -1})

/* Where a log is: folder (made when missing), NAME, bytes per file. */
struct logplace {
	const char *dir;
	const char *name;
	uint64_t max;
};

/*
 * Append. Links, devices and the like in the place of the log are replaced by
 * a file, never written through: the container's root can put them there.
 */
void logfile_write(struct logfile *l, const struct logplace *place, const void *data, size_t len);

void logfile_close(struct logfile *l);
