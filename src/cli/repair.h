/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/fs.h"
#include "host/finding.h"

/* Carry out one repair below the machine's root: links on the way stay inside. ERR_PRIV for others
 * than root. */
int repair_do(const struct root *machine, const struct repair *r, struct err *e) MUST_USE;

/* "make the node '/dev/nvidia-uvm' (510:0)", translated. The text is the caller's. */
char *repair_text(const struct repair *r) MUST_USE;
