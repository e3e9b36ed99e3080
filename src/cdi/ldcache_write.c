/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: the loader searches by halves, in an order of its own
 * (descending; runs of digits are numbers), and takes the first entry of a name
 * that fits its machine. So entries that were added are merged in front of
 * their equals. A text is written once: a name is the end of its path.
 */
#include <stdbool.h>
#include <string.h>

#include "base/str.h"
#include "cdi/ldcache.h"

enum {
	HEADER = 48,
	ENTRY = 24,
	ENDIAN_LITTLE = 2,
	ENDIAN_BIG = 3,
	SECTION_GENERATOR = 0,
	SECTION_HWCAPS = 1,
	EQUALS = 16,
};

static const char magic[] = "glibc-ld.so.cache1.1";
static const uint32_t extension_magic = 0xeaa42174;
static const char generator[] = "dlenv";

void ldcache_add(struct ldcache *c, const char *name, const char *path, uint32_t flags)
{
	if (c->n >= c->room) {
		size_t room = 2 * c->n + 16;
		struct ld_entry *entries = arena_alloc(&c->arena, room * sizeof(*entries));

		if (c->n)
			memcpy(entries, c->entries, c->n * sizeof(*entries));
		c->entries = entries;
		c->room = room;
	}
	c->entries[c->n++] = (struct ld_entry){
		.name = arena_str(&c->arena, name),
		.path = arena_str(&c->arena, path),
		.flags = flags,
	};
	c->added++;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Numbers that do not fit count as the largest, so that this stays an order. */
static uint64_t number(const char **p)
{
	uint64_t v = 0;

	for (; is_digit(**p); (*p)++)
		v = v > UINT32_MAX ? v : v * 10 + (uint64_t)(**p - '0');
	return v;
}

/* Names as the loader compares them. */
static int name_compare(const char *a, const char *b)
{
	while (*a) {
		if (is_digit(*a) && is_digit(*b)) {
			uint64_t x = number(&a);
			uint64_t y = number(&b);

			if (x != y)
				return x < y ? -1 : 1;
		} else if (is_digit(*a) != is_digit(*b)) {
			return is_digit(*a) ? 1 : -1;
		} else if (*a != *b) {
			return *a - *b;
		} else {
			a++;
			b++;
		}
	}
	return *a - *b;
}

static bool in_order(const struct ld_entry *a, const struct ld_entry *b)
{
	int by_name = name_compare(b->name, a->name);

	return by_name < 0 || (by_name == 0 && a->flags >= b->flags);
}

/* Merge v[0..mid) and v[mid..n); of equals, the former come first. */
static void merge(const struct ld_entry **v, size_t mid, size_t n, const struct ld_entry **scratch)
{
	size_t left = 0;
	size_t right = mid;
	size_t out = 0;

	memcpy(scratch, v, mid * sizeof(*v));
	while (left < mid && right < n)
		if (in_order(scratch[left], v[right]))
			v[out++] = scratch[left++];
		else
			v[out++] = v[right++];
	while (left < mid)
		v[out++] = scratch[left++];
}

/* What is in order already, as files are, costs one comparison each. */
static void sort(const struct ld_entry **v, size_t n, const struct ld_entry **scratch)
{
	size_t width = 1;
	bool sorted = true;

	for (size_t i = 1; sorted && i < n; i++)
		sorted = in_order(v[i - 1], v[i]);
	for (; !sorted && width < n; width *= 2)
		for (size_t at = 0; at + width < n; at += 2 * width)
			merge(v + at, width, n - at < 2 * width ? n - at : 2 * width, scratch);
}

static bool is_double(const struct ld_entry *a, const struct ld_entry *b)
{
	return a->flags == b->flags && a->hwcap == b->hwcap && str_eq(a->path, b->path) &&
	       str_eq(a->name, b->name);
}

/* All entries in the order of the file; the list is the caller's. */
static const struct ld_entry **entries_sorted(const struct ldcache *c, size_t *ret_n)
{
	const struct ld_entry **v = mem_alloc(2 * (c->n + 1) * sizeof(*v));
	const struct ld_entry **scratch = v + c->n + 1;
	size_t n = 0;

	for (size_t i = 0; i < c->added; i++) /* the last one first */
		v[i] = &c->entries[c->n - 1 - i];
	for (size_t i = c->added; i < c->n; i++)
		v[i] = &c->entries[i - c->added];
	sort(v, c->added, scratch);
	sort(v + c->added, c->n - c->added, scratch);
	merge(v, c->added, c->n, scratch);
	for (size_t i = 0; i < c->n; i++) {
		bool twice = false;

		/* Doubles are equal in order, but need not be neighbours; many equals are nonsense.
		 */
		for (size_t k = n; k > 0 && n - k < EQUALS && !twice && in_order(v[i], v[k - 1]);
		     k--)
			twice = is_double(v[k - 1], v[i]);
		if (!twice)
			v[n++] = v[i];
	}
	*ret_n = n;
	return v;
}

static void put32(char *at, uint32_t v)
{
	memcpy(at, &v, sizeof(v));
}

static uint32_t add_text(struct buf *b, const char *text)
{
	uint32_t at = (uint32_t)b->len;

	buf_add(b, text, strlen(text) + 1);
	return at;
}

static void add_entry(struct buf *b, size_t at, const struct ld_entry *entry)
{
	size_t name_len = strlen(entry->name);
	size_t path_len = strlen(entry->path);
	uint32_t path = add_text(b, entry->path);
	uint32_t name = path + (uint32_t)(path_len - name_len);

	if (name_len > path_len || !str_eq(entry->path + path_len - name_len, entry->name))
		name = add_text(b, entry->name);
	if (b->full)
		return;
	put32(b->data + at, entry->flags);
	put32(b->data + at + 4, name);
	put32(b->data + at + 8, path);
	put32(b->data + at + 12, entry->os_version);
	memcpy(b->data + at + 16, &entry->hwcap, sizeof(entry->hwcap));
}

static void add_u32(struct buf *b, uint32_t v)
{
	buf_add(b, &v, sizeof(v));
}

static void add_section(struct buf *b, uint32_t tag, uint32_t at, uint32_t size)
{
	add_u32(b, tag);
	add_u32(b, 0);
	add_u32(b, at);
	add_u32(b, size);
}

/* Behind the texts: where the names of glibc-hwcaps folders are. Returns its offset. */
static uint32_t add_extension(struct buf *b, const struct ldcache *c, uint32_t names)
{
	uint32_t made_by = add_text(b, generator);
	uint32_t list = 0;
	uint32_t at;

	while (b->len % 4 && !b->full)
		buf_add(b, "", 1);
	list = (uint32_t)b->len;
	for (size_t i = 0; i < c->hwcaps_n; i++) {
		add_u32(b, names);
		names += (uint32_t)strlen(c->hwcaps[i]) + 1;
	}
	at = (uint32_t)b->len;
	add_u32(b, extension_magic);
	add_u32(b, c->hwcaps_n ? 2 : 1);
	add_section(b, SECTION_GENERATOR, made_by, sizeof(generator) - 1);
	if (c->hwcaps_n)
		add_section(b, SECTION_HWCAPS, list, (uint32_t)(c->hwcaps_n * sizeof(uint32_t)));
	return at;
}

void ldcache_write(const struct ldcache *c, struct buf *ret)
{
	const uint16_t probe = 1;
	bool little = *(const unsigned char *)&probe;
	CLEANUP(freep) char *head = NULL;
	CLEANUP(freep) const struct ld_entry **v = NULL;
	size_t n = 0;
	uint32_t names;
	uint32_t extension;

	v = entries_sorted(c, &n);
	head = mem_alloc(HEADER + n * ENTRY);
	buf_add(ret, head, HEADER + n * ENTRY);
	for (size_t i = 0; i < n && !ret->full; i++)
		add_entry(ret, HEADER + i * ENTRY, v[i]);
	names = (uint32_t)ret->len;
	for (size_t i = 0; i < c->hwcaps_n && !ret->full; i++)
		(void)add_text(ret, c->hwcaps[i]);
	extension = (uint32_t)ret->len;
	if (ret->full)
		return;
	memcpy(ret->data, magic, sizeof(magic) - 1);
	put32(ret->data + 20, (uint32_t)n);
	put32(ret->data + 24, extension - (uint32_t)(HEADER + n * ENTRY));
	ret->data[28] = (char)(little ? ENDIAN_LITTLE : ENDIAN_BIG);
	extension = add_extension(ret, c, names);
	put32(ret->data + 32, extension);
}
