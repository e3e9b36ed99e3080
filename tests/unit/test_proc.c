/* SPDX-License-Identifier: Apache-2.0 */
#include "base/proc.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "test.h"

static int collect(void *arg, const char *line)
{
	strs_add(arg, line);
	return 0;
}

TEST(lines_and_status_arrive)
{
	static const char *const argv[] = {"sh", "-c", "echo one; echo two >&2; exit 7", NULL};
	CLEANUP(strs_fini) struct strs lines = {0};
	struct proc p = {.argv = argv, .on_line = collect, .arg = &lines};
	struct err e;
	int status = -1;

	assert_int_equal(proc_run(&p, &status, &e), 0);
	assert_int_equal(status, 7);
	assert_int_equal(lines.n, 2);
	assert_true(strs_has(&lines, "one"));
	assert_true(strs_has(&lines, "two"));
}

TEST(a_status_descriptor_is_a_stream_of_its_own)
{
	static const char *const argv[] = {"sh", "-c", "echo out; echo dlstatus >&3", NULL};
	CLEANUP(strs_fini) struct strs lines = {0};
	struct proc p = {.argv = argv, .status_fd = 3, .on_status = collect, .arg = &lines};
	struct err e;
	int status = -1;

	assert_int_equal(proc_run(&p, &status, &e), 0);
	assert_int_equal(lines.n, 1);
	assert_string_equal(lines.v[0], "dlstatus");
}

TEST(a_missing_program_is_named)
{
	static const char *const argv[] = {"dlenv-no-such-program", NULL};
	struct proc p = {.argv = argv};
	struct err e;
	int status;

	assert_int_equal(proc_run(&p, &status, &e), -ERR_NOCMD);
	assert_non_null(strstr(e.msg, "dlenv-no-such-program"));
}

TEST(a_program_that_hangs_is_ended)
{
	static const char *const argv[] = {"sleep", "60", NULL};
	struct proc p = {.argv = argv, .timeout_ms = 50};
	struct err e;
	int status;

	assert_int_equal(proc_run(&p, &status, &e), -ERR_BUSY);
}

TEST(the_end_of_the_output_is_kept)
{
	static const char *const argv[] = {"seq", "1", "5000", NULL};
	CLEANUP(buf_fini) struct buf last = {.max = 100};
	struct proc p = {.argv = argv, .last = &last};
	struct err e;
	int status;

	assert_int_equal(proc_run(&p, &status, &e), 0);
	assert_true(last.len <= 100);
	assert_true(str_ends(last.data, "4999\n5000\n"));
}

TEST(what_a_caller_sets_takes_the_place_of_what_is_handed_on)
{
	static const char *const argv[] = {"env", NULL};
	static const char *const env[] = {"HOME=/elsewhere", NULL};
	CLEANUP(strs_fini) struct strs lines = {0};
	struct proc p = {.argv = argv, .env = env, .on_line = collect, .arg = &lines};
	struct err e;
	int status = -1;
	size_t homes = 0;

	assert_int_equal(setenv("HOME", "/home/caller", 1), 0);
	assert_int_equal(proc_run(&p, &status, &e), 0);
	for (size_t i = 0; i < lines.n; i++)
		homes += str_starts(lines.v[i], "HOME=");
	assert_int_equal(homes, 1);
	assert_true(strs_has(&lines, "HOME=/elsewhere"));
}

static int terminate(void *arg, pid_t pid)
{
	char byte;

	assert_int_equal(read(*(int *)arg, &byte, 1), 1);
	return kill(pid, SIGTERM);
}

TEST(a_caller_that_is_woken_may_signal_the_program)
{
	static const char *const argv[] = {"sleep", "1000", NULL};
	int fds[2];
	struct proc p = {.argv = argv, .on_wake = terminate, .arg = &fds[0]};
	struct err e;
	int status = -1;

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	p.wake_fd = fds[0];
	assert_int_equal(proc_run(&p, &status, &e), 0);
	assert_int_equal(status, 128 + SIGTERM);
	assert_int_equal(close(fds[0]) | close(fds[1]), 0);
}

RUN(IT(lines_and_status_arrive), IT(a_status_descriptor_is_a_stream_of_its_own),
    IT(a_missing_program_is_named), IT(a_program_that_hangs_is_ended),
    IT(the_end_of_the_output_is_kept), IT(what_a_caller_sets_takes_the_place_of_what_is_handed_on),
    IT(a_caller_that_is_woken_may_signal_the_program))
