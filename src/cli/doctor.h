/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/fs.h"
#include "host/finding.h"
#include "host/nvidia.h"

/* The sides of a machine that `dlenv doctor` looks at: each adds its findings. */

struct patient {
	const struct root *machine;
	struct nvidia nvidia;
};

int doctor_driver(const struct patient *p, struct findings *f, struct err *e) MUST_USE;
int doctor_cdi(const struct patient *p, struct findings *f, struct err *e) MUST_USE;
