/* SPDX-License-Identifier: Apache-2.0 */
#include "env/ssh.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "test.h"

struct place {
	char home[64];
	struct user user;
	struct paths paths;
	struct site site;
};

static void place_make(struct place *p, const char *config)
{
	struct err e;
	CLEANUP(freep) char *folder = NULL;
	CLEANUP(freep) char *file = NULL;

	*p = (struct place){.home = "/tmp/dlenv-test-XXXXXX"};
	assert_non_null(mkdtemp(p->home));
	p->user = (struct user){.home = p->home, .name = (char[]){"kim"}};
	p->paths = (struct paths){.config = str_fmt("%s/dlenv", p->home)};
	p->site = (struct site){.paths = &p->paths, .user = &p->user};
	folder = str_fmt("%s/.ssh", p->home);
	file = str_fmt("%s/config", folder);
	if (!config)
		return;
	assert_int_equal(dir_make(AT_FDCWD, folder, 0700, &e), 0);
	assert_int_equal(file_write(AT_FDCWD, file, config, strlen(config), 0640, 0, &e), 0);
}

static char *place_read(const struct place *p)
{
	CLEANUP(freep) char *path = ssh_user_config(&p->site);
	char *text = NULL;
	struct err e;

	assert_int_equal(file_read(AT_FDCWD, path, 4096, &text, NULL, &e), 0);
	return text;
}

static void place_remove(struct place *p)
{
	struct err e;

	assert_int_equal(tree_remove(AT_FDCWD, p->home, &e), 0);
	freep(&p->paths.config);
}

TEST(the_line_goes_to_the_top_and_comes_out_again)
{
	static const char *const configs[] = {
		"Host box\n\tUser me # mine\n",
		"# only a comment\n",
		"Include other\nHost *\n  Port 22",
		"",
	};

	for (size_t i = 0; i < COUNT(configs); i++) {
		struct place p;
		CLEANUP(freep) char *with = NULL;
		CLEANUP(freep) char *without = NULL;
		CLEANUP(freep) char *line = NULL;
		struct err e;

		place_make(&p, configs[i]);
		line = ssh_include_line(&p.site);
		assert_false(ssh_include_is_set(&p.site));
		assert_int_equal(ssh_include_set(&p.site, true, &e), 0);
		assert_int_equal(ssh_include_set(&p.site, true, &e), 0);
		assert_true(ssh_include_is_set(&p.site));
		with = place_read(&p);
		assert_true(str_starts(with, line));
		assert_string_equal(with + strlen(line) + 1, configs[i]);
		assert_int_equal(ssh_include_set(&p.site, false, &e), 0);
		without = place_read(&p);
		assert_string_equal(without, configs[i]);
		place_remove(&p);
	}
}

/* Inside a Host block the line would hold for that host only. */
TEST(a_line_below_a_host_does_not_count)
{
	struct place p;
	CLEANUP(freep) char *line = NULL;
	CLEANUP(freep) char *path = NULL;
	CLEANUP(freep) char *text = NULL;
	struct err e;

	place_make(&p, "Host a\n");
	line = ssh_include_line(&p.site);
	path = ssh_user_config(&p.site);
	text = str_fmt("Host a\n%s\n", line);
	assert_int_equal(file_write(AT_FDCWD, path, text, strlen(text), 0600, 0, &e), 0);
	assert_false(ssh_include_is_set(&p.site));
	place_remove(&p);
}

TEST(a_config_that_is_a_link_stays_one_and_keeps_its_mode)
{
	struct place p;
	CLEANUP(freep) char *path = NULL;
	CLEANUP(freep) char *real = NULL;
	struct stat st;
	struct err e;

	place_make(&p, "Host a\n");
	path = ssh_user_config(&p.site);
	real = str_fmt("%s/elsewhere", p.home);
	assert_int_equal(rename(path, real), 0);
	assert_int_equal(symlink(real, path), 0);
	assert_int_equal(ssh_include_set(&p.site, true, &e), 0);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	place_remove(&p);
}

RUN(IT(the_line_goes_to_the_top_and_comes_out_again), IT(a_line_below_a_host_does_not_count),
    IT(a_config_that_is_a_link_stays_one_and_keeps_its_mode))
