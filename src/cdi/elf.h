/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* A shared library's own words, read with bounds from files that may be hostile (ELF-64 and -32).
 */

struct elf {
	char soname[256]; /* "" without one */
	uint16_t machine; /* EM_* */
	bool is_64;
	bool is_library; /* ET_DYN */
};

/* ERR_PARSE: not an ELF file, or a broken one. */
int elf_read(int fd, struct elf *ret, struct err *e) MUST_USE;

/* A section's content, at most max bytes, '\0' behind it; ERR_ABSENT when there is none. The
 * caller's. */
int elf_section(int fd, const char *name, size_t max, char **ret, size_t *ret_len, struct err *e)
	MUST_USE;
