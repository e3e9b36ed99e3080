/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "setup/execute.h"
#include "setup_box.h"
#include "test.h"

static const char docker[] = "9DC858229FC7DD38854AE2D88D81803C0EBFCD88";
static const char own[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

TEST(a_key_is_what_the_table_says_or_the_user_vouches_for)
{
	struct box b;
	struct key_pin pin = {0};
	struct err e = {0};

	box_make(&b);
	assert_int_equal(executor_pin(&b.x, "docker-deb", &pin, &e), 0);
	assert_string_equal(pin.id, "docker-deb");
	assert_string_equal(pin.accepts[0], docker);
	assert_null(pin.accepts[1]);
	assert_null(pin.suffix);
	/* Of one that is known by its end alone nothing is accepted in full. */
	assert_int_equal(executor_pin(&b.x, "cuda-rhel10", &pin, &e), 0);
	assert_null(pin.accepts[0]);
	assert_string_equal(pin.suffix, "CDF6BA43");
	/* Of one that was never seen, neither. */
	assert_int_equal(executor_pin(&b.x, "cuda-ubuntu2604", &pin, &e), 0);
	assert_null(pin.accepts[0]);
	assert_null(pin.suffix);
	b.x.trust = (const char *const[]){own, NULL};
	assert_int_equal(executor_pin(&b.x, "cuda-rhel10", &pin, &e), 0);
	assert_string_equal(pin.accepts[0], own);
	assert_null(pin.accepts[1]);
	assert_int_equal(executor_pin(&b.x, "no-such-key", &pin, &e), -ERR_BUG);
	box_remove(&b);
}

/* Everybody may write below /tmp, and replace whole folders there. */
TEST(a_table_that_others_may_write_does_not_count)
{
	struct box b;
	struct key_pin pin = {0};
	struct err e = {0};
	CLEANUP(freep) char *file = NULL;
	CLEANUP(freep)
	char *text = str_fmt("id\turl\tfingerprint\tsource\tnote\n"
			     "docker-deb\thttps://download.docker.com/linux/OS/gpg\t%s\tme\t\n",
			     own);

	box_make(&b);
	file = str_fmt("%s/keys.tsv", b.state);
	assert_int_equal(file_write(AT_FDCWD, file, text, strlen(text), 0644, 0, &e), 0);
	facts_fini(&b.facts);
	assert_int_equal(facts_load(&b.facts, (const char *const[]){b.state, NULL}, &e), 0);
	assert_int_equal(executor_pin(&b.x, "docker-deb", &pin, &e), -ERR_VERIFY);
	assert_non_null(strstr(e.msg, "do not count"));
	/* The rows of others are as they were. */
	assert_int_equal(executor_pin(&b.x, "docker-rpm", &pin, &e), 0);
	box_remove(&b);
}

RUN(IT(a_key_is_what_the_table_says_or_the_user_vouches_for),
    IT(a_table_that_others_may_write_does_not_count))
