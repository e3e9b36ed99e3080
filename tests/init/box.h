/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"

/* The real dlenv-init as process 1 of a pid namespace of its own, with a temporary folder. */

enum box_flags {
	BOX_IDS = 1 << 0,      /* ids 0 to 65535 exist inside (needs root), not only 0 */
	BOX_TINY_LOG = 1 << 1, /* the log folder is a file system of 16 KiB */
};

struct box {
	char dir[64]; /* init.conf, status and log/ are here */
	pid_t outer;  /* waits for dlenv-init and ends with its exit status */
	pid_t init;   /* its number outside */
};

/* Where the program is. Set once by main. */
void box_program(const char *path);

/* NULL, or why no box can be made here. */
const char *box_refusal(unsigned int flags);

void box_open(struct box *b);
void box_close(struct box *b);

/* Write the configuration; every "@" in it becomes the folder. */
void box_configure(const struct box *b, const char *conf);
void box_start(struct box *b, unsigned int flags, const char *conf);

/* End it by SIGTERM: its exit status. */
int box_stop(struct box *b);
void box_signal(const struct box *b, int signal);

/* The status file, or a log: owned by the caller, "" when it is not there. */
char *box_text(const struct box *b, const char *file) MUST_USE;

/* Fail unless the file has the text within 10 s. */
void box_wait(const struct box *b, const char *file, const char *text);

/* What NAME's line of the status file says behind KEY=: a number. */
long box_value(const struct box *b, const char *name, const char *key);

/* Processes whose parent is dlenv-init. */
int box_children(const struct box *b);

void pause_ms(unsigned int ms);
uint64_t time_ms(void);
