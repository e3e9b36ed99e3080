/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/fs.h"

/* What `up` says about a machine in its first line, and chooses by. */
struct host_summary {
	char os[64];		  /* "Debian 12" */
	char arch[32];		  /* "x86_64" */
	unsigned int cpus;	  /* that this process may use */
	uint64_t memory;	  /* bytes */
	unsigned int nvidia_gpus; /* PCI display and 3D controllers of vendor 10de */
	char driver[32];	  /* version of the loaded NVIDIA module, "" without one */
};

int host_summarise(const struct root *r, struct host_summary *ret, struct err *e) MUST_USE;
