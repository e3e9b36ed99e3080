/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/ldcache.h"

#include <stdbool.h>
#include <string.h>

#include "base/i18n.h"

/* The old header may come first; its entries are skipped. Offsets of texts count from the new one.
 */
static const char old_magic[] = "ld.so-1.7.0";
static const char new_magic[] = "glibc-ld.so.cache1.1";

enum {
	OLD_HEADER = 16, /* magic with its '\0', number of entries */
	OLD_ENTRY = 12,
	NEW_HEADER = 48,
	NEW_ENTRY = 24,
	NEW_ALIGN = 8,
	AT_COUNT = 20, /* fields of the new header */
	AT_ENDIAN = 28,
	AT_EXTENSION = 32,
	ENDIAN_MASK = 3,
	ENDIAN_LITTLE = 2,
	ENDIAN_BIG = 3,
	SECTION_SIZE = 16,
	SECTION_GENERATOR = 0,
	SECTION_HWCAPS = 1,
	SECTIONS_MAX = 64,
	HWCAPS_MAX = 4096,
};
static const uint32_t extension_magic = 0xeaa42174;

struct reader {
	const char *data; /* the whole file, '\0' behind it */
	size_t len;
	size_t base; /* of the new header */
	struct ldcache *c;
};

static uint32_t u32(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t u64(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static int broken(struct err *e, const char *what)
{
	return err_set(e, ERR_PARSE, "the loader's cache is broken: %s", what);
}

/* Where the new header begins. */
static int find_base(struct reader *r, struct err *e)
{
	uint64_t at = 0;

	if (r->len >= OLD_HEADER && memcmp(r->data, old_magic, sizeof(old_magic)) == 0) {
		at = OLD_HEADER + (uint64_t)u32(r->data + sizeof(old_magic)) * OLD_ENTRY;
		at = (at + NEW_ALIGN - 1) & ~(uint64_t)(NEW_ALIGN - 1);
	}
	if (at > r->len || r->len - at < NEW_HEADER ||
	    memcmp(r->data + at, new_magic, sizeof(new_magic) - 1) != 0)
		return err_set(e, ERR_PARSE, "not a cache of the loader");
	r->base = (size_t)at;
	return 0;
}

static bool text_at(const struct reader *r, uint64_t offset, const char **ret)
{
	if (offset >= r->len - r->base)
		return false;
	*ret = r->data + r->base + offset;
	return true;
}

static int read_entries(struct reader *r, struct err *e)
{
	const char *at = r->data + r->base + NEW_HEADER;
	size_t n = u32(r->data + r->base + AT_COUNT);

	if (n > (r->len - r->base - NEW_HEADER) / NEW_ENTRY)
		return broken(e, _("more entries than the file holds"));
	r->c->entries = arena_alloc(&r->c->arena, (n ? n : 1) * sizeof(*r->c->entries));
	for (size_t i = 0; i < n; i++, at += NEW_ENTRY) {
		struct ld_entry *entry = &r->c->entries[i];

		entry->flags = u32(at);
		entry->os_version = u32(at + 12);
		entry->hwcap = u64(at + 16);
		if (!text_at(r, u32(at + 4), &entry->name) ||
		    !text_at(r, u32(at + 8), &entry->path))
			return broken(e, _("a text lies outside the file"));
	}
	r->c->n = n;
	return 0;
}

static int read_hwcaps(struct reader *r, const char *at, size_t size, struct err *e)
{
	size_t n = size / sizeof(uint32_t);
	const char **names;

	if (size % sizeof(uint32_t) || n > HWCAPS_MAX)
		return broken(e, _("a wrong list of hardware capabilities"));
	names = arena_alloc(&r->c->arena, (n + 1) * sizeof(*names));
	for (size_t i = 0; i < n; i++)
		if (!text_at(r, u32(at + i * sizeof(uint32_t)), &names[i]))
			return broken(e, _("a text lies outside the file"));
	r->c->hwcaps = names;
	r->c->hwcaps_n = n;
	return 0;
}

/* One section of the extension: tag, flags, offset and size; offsets count from the file's start.
 */
static int read_section(struct reader *r, const char *section, struct err *e)
{
	uint32_t tag = u32(section);
	uint64_t at = u32(section + 8);
	uint64_t size = u32(section + 12);

	if (at > r->len || size > r->len - at)
		return broken(e, _("a section lies outside the file"));
	if (tag == SECTION_GENERATOR)
		r->c->generator = arena_strn(&r->c->arena, r->data + at, (size_t)size);
	if (tag == SECTION_HWCAPS)
		return read_hwcaps(r, r->data + at, (size_t)size, e);
	return 0;
}

static int read_extension(struct reader *r, struct err *e)
{
	uint64_t at = u32(r->data + r->base + AT_EXTENSION);
	uint32_t n;

	if (!at)
		return 0;
	if (at % sizeof(uint32_t) || at > r->len || r->len - at < 8 ||
	    u32(r->data + at) != extension_magic)
		return broken(e, _("a wrong extension"));
	n = u32(r->data + at + 4);
	at += 8;
	if (n > SECTIONS_MAX || n > (r->len - at) / SECTION_SIZE)
		return broken(e, _("a wrong extension"));
	for (uint32_t i = 0; i < n; i++)
		if (read_section(r, r->data + at + (size_t)i * SECTION_SIZE, e) < 0)
			return -(int)e->code;
	return 0;
}

int ldcache_parse(const void *data, size_t len, struct ldcache *ret, struct err *e)
{
	const uint16_t probe = 1;
	unsigned char ours = *(const unsigned char *)&probe ? ENDIAN_LITTLE : ENDIAN_BIG;
	struct ldcache c = {0};
	struct reader r = {.len = len, .c = &c};
	unsigned char endian;
	int code;

	if (len > LDCACHE_MAX)
		return err_set(e, ERR_PARSE, "not a cache of the loader");
	r.data = arena_strn(&c.arena, data, len);
	code = find_base(&r, e);
	if (!code) {
		endian = (unsigned char)r.data[r.base + AT_ENDIAN] & ENDIAN_MASK;
		if (endian && endian != ours)
			code = broken(e, _("another byte order"));
	}
	if (!code)
		code = read_entries(&r, e);
	if (!code)
		code = read_extension(&r, e);
	if (code) {
		ldcache_fini(&c);
		return code;
	}
	*ret = c;
	return 0;
}

void ldcache_fini(struct ldcache *c)
{
	arena_fini(&c->arena);
	*c = (struct ldcache){0};
}
