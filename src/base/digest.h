/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"

/* SHA-256 as lower-case hexadecimal text, through libnettle. */

enum { DIGEST_LEN = 65 }; /* with the '\0' */

void digest_bytes(const void *data, size_t len, char ret[DIGEST_LEN]);

/* The digest of what is left to read from a descriptor. */
int digest_fd(int fd, char ret[DIGEST_LEN], struct err *e) MUST_USE;
