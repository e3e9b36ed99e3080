/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "base/fs.h"
#include "host/finding.h"
#include "host/host.h"
#include "host/nvidia.h"

/* The sides of a machine that `dlenv doctor` looks at: each adds its findings. */

struct patient {
	const struct root *machine;
	struct nvidia nvidia;
	struct host host;
	const char *facts; /* the user's folder of tables */
};

int doctor_driver(const struct patient *p, struct findings *f, struct err *e) MUST_USE;
int doctor_cdi(const struct patient *p, struct findings *f, struct err *e) MUST_USE;
int doctor_host(const struct patient *p, struct findings *f, struct err *e) MUST_USE;

struct cli;

/* All facts, as data.host; the lines that people see above the findings. */
json_t *host_json(const struct host *h) MUST_USE;
void host_print(struct cli *c, const struct host *h);
