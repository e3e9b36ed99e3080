/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "cli/command.h"
#include "host/finding.h"

/* How findings are told, by every command that has some. */

void findings_print(struct cli *c, const struct findings *f);
json_t *findings_json(const struct findings *f) MUST_USE;

/* 0, or ERR_PROBLEMS with their number when there are warnings or errors. */
int findings_result(const struct findings *f, struct err *e) MUST_USE;
