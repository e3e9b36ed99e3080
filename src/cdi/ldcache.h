/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

/*
 * ld.so.cache as glibc 2.2 and later reads it (elf/cache.c, sysdeps/generic/dl-cache.h): the new
 * format, alone or behind the old one, with the extension of 2.33.
 */

enum { LDCACHE_MAX = 16 << 20 };
enum { LD_X86_64 = 0x0303, LD_AARCH64 = 0x0a03, LD_I386 = 0x0003 }; /* libc6 and machine */

struct ld_entry {
	const char *name; /* SONAME */
	const char *path;
	uint32_t flags;
	uint32_t os_version;
	uint64_t hwcap;
};

struct ldcache {
	struct arena arena;
	struct ld_entry *entries; /* in the file's order, then those that were added */
	size_t n;
	size_t added;		   /* by ldcache_add */
	size_t room;		   /* places in entries, or 0: n */
	const char *const *hwcaps; /* names of glibc-hwcaps folders, as entries number them */
	size_t hwcaps_n;
	const char *generator; /* or NULL */
};

/* Every offset and count is checked. ERR_PARSE: not a cache. ldcache_fini frees *ret. */
int ldcache_parse(const void *data, size_t len, struct ldcache *ret, struct err *e) MUST_USE;
void ldcache_fini(struct ldcache *c);

/* Add an entry; it comes before others of the same name and machine. Texts are copied. */
void ldcache_add(struct ldcache *c, const char *name, const char *path, uint32_t flags);

/*
 * A file in the new format, sorted as the loader's search wants it, without doubles. The buffer is
 * the caller's; ret->full says that it did not fit in ret->max.
 */
struct buf;
void ldcache_write(const struct ldcache *c, struct buf *ret);
