/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/ldcache.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/str.h"
#include "test.h"

struct entry {
	int32_t flags;
	uint32_t key;
	uint32_t value;
	uint32_t os_version;
	uint64_t hwcap;
};

/* As glibc 2.36 writes it, with an extension. */
struct image {
	char magic[20];
	uint32_t n;
	uint32_t strings_len;
	unsigned char endian;
	unsigned char pad[3];
	uint32_t extension;
	uint32_t unused[3];
	struct entry entries[2];
	char strings[64];
	uint32_t ext_magic;
	uint32_t ext_n;
	uint32_t sections[2][4];
	uint32_t hwcaps[1];
	char generator[8];
};

static struct image image(void)
{
	static const char strings[] = "libb.so.1\0/lib/libb.so.1\0liba.so.2\0/lib/liba.so.2\0v3";
	struct image m = {
		.n = 2,
		.strings_len = sizeof(strings),
		.endian = 2,
		.extension = offsetof(struct image, ext_magic),
		.entries = {{LD_X86_64, offsetof(struct image, strings),
			     offsetof(struct image, strings) + 10, 0, 0},
			    {LD_X86_64, offsetof(struct image, strings) + 25,
			     offsetof(struct image, strings) + 35, 0, UINT64_C(1) << 62}},
		.ext_magic = 0xeaa42174,
		.ext_n = 2,
		.sections = {{0, 0, offsetof(struct image, generator), 7},
			     {1, 0, offsetof(struct image, hwcaps), 4}},
		.hwcaps = {offsetof(struct image, strings) + 50},
		.generator = "ldconfi",
	};

	memcpy(m.magic, "glibc-ld.so.cache1.1", sizeof(m.magic));
	memcpy(m.strings, strings, sizeof(strings));
	return m;
}

static int parse(const void *data, size_t len, struct ldcache *ret)
{
	struct err e = {0};

	return ldcache_parse(data, len, ret, &e);
}

TEST(a_new_cache_is_read)
{
	CLEANUP(ldcache_fini) struct ldcache c = {0};
	struct image m = image();

	assert_int_equal(parse(&m, sizeof(m), &c), 0);
	assert_int_equal(c.n, 2);
	assert_string_equal(c.entries[0].name, "libb.so.1");
	assert_string_equal(c.entries[0].path, "/lib/libb.so.1");
	assert_string_equal(c.entries[1].name, "liba.so.2");
	assert_int_equal(c.entries[1].flags, LD_X86_64);
	assert_true(c.entries[1].hwcap == UINT64_C(1) << 62);
	assert_int_equal(c.hwcaps_n, 1);
	assert_string_equal(c.hwcaps[0], "v3");
	assert_string_equal(c.generator, "ldconfi");
}

TEST(a_new_cache_behind_an_old_one_is_read)
{
	CLEANUP(ldcache_fini) struct ldcache c = {0};
	CLEANUP(buf_fini) struct buf b = {0};
	struct image m = image();
	uint32_t n = 3;
	char old[3 * 12 + 4] = {0};

	m.extension = 0;
	buf_add(&b, "ld.so-1.7.0", 12);
	buf_add(&b, &n, sizeof(n));
	buf_add(&b, old, sizeof(old));
	buf_add(&b, &m, sizeof(m));
	assert_int_equal(parse(b.data, b.len, &c), 0);
	assert_int_equal(c.n, 2);
	assert_string_equal(c.entries[1].path, "/lib/liba.so.2");
	/* The old header alone says nothing that anybody reads. */
	ldcache_fini(&c);
	assert_int_equal(parse(b.data, 52, &c), -ERR_PARSE);
}

TEST(the_cache_of_this_machine_is_read)
{
	CLEANUP(ldcache_fini) struct ldcache c = {0};
	CLEANUP(freep) char *text = NULL;
	struct err e = {0};
	size_t len = 0;
	bool has_libc = false;

	if (file_read(AT_FDCWD, "/etc/ld.so.cache", LDCACHE_MAX, &text, &len, &e) < 0)
		skip();
	assert_int_equal(parse(text, len, &c), 0);
	for (size_t i = 0; i < c.n; i++)
		if (str_eq(c.entries[i].name, "libc.so.6"))
			has_libc = true;
	assert_true(has_libc);
}

TEST(lies_are_refused)
{
	struct ldcache c = {0};
	struct image m = image();

	m.n = UINT32_MAX;
	assert_int_equal(parse(&m, sizeof(m), &c), -ERR_PARSE);
	m = image();
	m.entries[1].value = sizeof(m);
	assert_int_equal(parse(&m, sizeof(m), &c), -ERR_PARSE);
	m = image();
	m.extension = sizeof(m) - 4;
	assert_int_equal(parse(&m, sizeof(m), &c), -ERR_PARSE);
	m = image();
	m.ext_n = UINT32_MAX;
	assert_int_equal(parse(&m, sizeof(m), &c), -ERR_PARSE);
	m = image();
	m.sections[0][3] = UINT32_MAX;
	assert_int_equal(parse(&m, sizeof(m), &c), -ERR_PARSE);
	m = image();
	m.hwcaps[0] = UINT32_MAX;
	assert_int_equal(parse(&m, sizeof(m), &c), -ERR_PARSE);
	m = image();
	m.endian = 3;
	assert_int_equal(parse(&m, sizeof(m), &c), -ERR_PARSE);
	for (size_t n = 0; n < offsetof(struct image, strings); n++)
		assert_int_equal(parse(&m, n, &c), -ERR_PARSE);
}

RUN(IT(a_new_cache_is_read), IT(a_new_cache_behind_an_old_one_is_read),
    IT(the_cache_of_this_machine_is_read), IT(lies_are_refused))
