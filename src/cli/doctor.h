/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "base/fs.h"
#include "compat/facts.h"
#include "host/finding.h"
#include "host/host.h"
#include "host/nvidia.h"

/* The sides of a machine that `dlenv doctor` looks at: each adds its findings. */

struct patient {
	const struct root *machine;
	struct nvidia nvidia;
	struct host host;
	struct facts facts;
};

int doctor_driver(struct patient *p, struct findings *f, struct err *e) MUST_USE;
int doctor_cdi(struct patient *p, struct findings *f, struct err *e) MUST_USE;
int doctor_host(struct patient *p, struct findings *f, struct err *e) MUST_USE;

struct cli;

/* All facts, as data.host; the lines that people see above the findings. */
json_t *host_json(struct patient *p) MUST_USE;
void host_print(struct cli *c, struct patient *p);
