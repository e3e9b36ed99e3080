/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/* A GPU's error report in the kernel's log: "NVRM: Xid (PCI:0000:01:00): 79, pid=...". */
struct nv_xid {
	char pci[24]; /* as written: without the function */
	int number;
	char text[128]; /* what follows the number */
};

/* One line of the log; false: it has none. */
bool nv_parse_xid(const char *line, struct nv_xid *ret);

/* The GPU, not a program, is at fault (NVIDIA's Xid catalogue). */
bool nv_xid_is_hardware(int number);
