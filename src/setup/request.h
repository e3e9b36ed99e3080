/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/fs.h"
#include "compat/solve.h"

/* A machine as the solver asks for it: of `solve` and of `setup`. */

struct machine_request {
	struct solve_request r;
	struct gpu_fact *gpus;	 /* r.gpus */
	const char **given_away; /* PCI addresses of GPUs that virtual machines have: left out */
	size_t given_away_n;
};

/*
 * GPUs, loaded driver and distribution; pins that *ret has already (r.pin) stay. Texts lie in a.
 * ERR_ABSENT: the GPU is a part of the board (Tegra), about which the tables say nothing.
 */
int request_read(const struct root *machine, struct facts *f, struct arena *a,
		 struct machine_request *ret, struct err *e) MUST_USE;
