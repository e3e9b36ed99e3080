/* SPDX-License-Identifier: Apache-2.0 */
#include "host/subid.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "test.h"

static int find(const char *text, struct subid *ret, struct err *e)
{
	char path[] = "/tmp/dlenv-test-XXXXXX";
	struct user u = {.uid = 1000, .name = (char[]){"kim"}};
	struct root r = {.fd = -1};
	int code;

	assert_non_null(mkdtemp(path));
	assert_int_equal(root_open(&r, path, e), 0);
	if (text)
		assert_int_equal(file_write(r.fd, "subuid", text, strlen(text), 0644, 0, e), 0);
	code = subid_find(&r, "/subuid", &u, ret, e);
	root_close(&r);
	assert_int_equal(tree_remove(AT_FDCWD, path, &(struct err){0}), 0);
	return code;
}

TEST(the_largest_range_of_the_user_is_taken)
{
	struct subid got = {0};
	struct err e;

	assert_int_equal(find("root:1:9\nkim:100000:65536\n1000:200000:131072\n", &got, &e), 0);
	assert_int_equal(got.start, 200000);
	assert_int_equal(got.count, 131072);
}

TEST(without_a_range_the_cure_is_said)
{
	static const char *const texts[] = {NULL,
					    "",
					    "kimberly:1:65536\n",
					    "kim:100000:1000\n",
					    "kim:4294967290:65536\n",
					    "kim:x:65536\n",
					    "kim\n"};
	struct subid got = {.start = 7};
	struct err e;

	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_int_equal(find(texts[i], &got, &e), -ERR_PRIV);
		assert_non_null(strstr(e.hint, "usermod --add-subuids"));
		assert_int_equal(got.start, 7);
	}
}

RUN(IT(the_largest_range_of_the_user_is_taken), IT(without_a_range_the_cure_is_said))
