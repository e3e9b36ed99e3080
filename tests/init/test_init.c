/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts the real dlenv-init (its path is the argument) in a pid namespace and
 * looks at what it does. As "test_init listen PATH" it is a service that
 * listens on a socket after a while.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit/test.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "box.h"

#define SHELL                                                                                      \
	"  env PATH=/usr/bin:/bin\n"                                                               \
	"  arg sh\n"                                                                               \
	"  arg -c\n"

static struct box box;
static const char *program;
static char self[4096];

static int open_box(void **state)
{
	(void)state;
	box_open(&box);
	return 0;
}

static int close_box(void **state)
{
	(void)state;
	box_close(&box);
	return 0;
}

/* Skip, with the reason, where no box can be made. */
static void need(unsigned int flags)
{
	const char *refusal = box_refusal(flags);
	const char *required = getenv("DLENV_TEST_REQUIRE");

	if (!refusal)
		return;
	if (required && strstr(required, "userns"))
		fail_msg("%s", refusal);
	print_message("skipped: %s\n", refusal);
	skip();
}

static void begin(unsigned int flags, const char *conf)
{
	need(flags);
	box_start(&box, flags, conf);
}

static char *slurp(const char *path)
{
	char *text = NULL;
	struct err e;

	if (file_read(AT_FDCWD, path, 1 << 20, &text, NULL, &e) < 0)
		fail_msg("%s", e.msg);
	return text;
}

/* As process 2, so that a program that does not refuse can only end the namespace. */
static int exit_as_second_process(void)
{
	int status = 0;
	pid_t pid;

	if (unshare(CLONE_NEWUSER | CLONE_NEWPID) < 0)
		return 98;
	pid = fork();
	if (pid == 0) {
		pid = fork();
		if (pid == 0) {
			(void)close(STDERR_FILENO);
			(void)execl(program, "dlenv-init", "/nonexistent", NULL);
			_exit(99);
		}
		pause_ms(500);
		_exit(waitpid(pid, &status, WNOHANG) == pid && WIFEXITED(status)
			      ? WEXITSTATUS(status)
			      : 97);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 96;
}

TEST(as_another_process_than_the_first_it_refuses)
{
	pid_t pid;
	int status;

	need(0);
	pid = fork();
	if (pid == 0)
		_exit(exit_as_second_process());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 2);
}

TEST(orphans_are_reaped)
{
	begin(0, "service a\n" SHELL
		 "  arg for i in 1 2 3 4 5 6 7 8; do (sleep 0.2 &); done; exec sleep 1000\n"
		 "end\n");
	pause_ms(100);
	assert_true(box_children(&box) > 1);
	for (int i = 0; i < 200 && box_children(&box) > 1; i++)
		pause_ms(20);
	assert_int_equal(box_children(&box), 1);
	assert_int_equal(box_stop(&box), 0);
}

TEST(a_failing_service_is_started_again_and_again)
{
	begin(0, "service a\n" SHELL "  arg echo run; exit 3\nend\n");
	box_wait(&box, "status", "service a state=backoff pid=0 restarts=2 health=unknown exit=3");
	box_wait(&box, "log/a.log", "run\nrun\nrun\n");
	assert_int_equal(box_stop(&box), 0);
	box_wait(&box, "status", "service a state=stopped");
}

TEST(what_a_failed_service_left_behind_is_ended)
{
	begin(0, "service a\n" SHELL "  arg sleep 1000 & sleep 0.2; exit 1\n  restart no\nend\n");
	box_wait(&box, "status", "service a state=failed");
	for (int i = 0; i < 100 && box_children(&box) > 0; i++)
		pause_ms(20);
	assert_int_equal(box_children(&box), 0);
}

TEST(what_a_finished_service_left_behind_stays)
{
	begin(0, "service a\n" SHELL "  arg sleep 1000 & exit 0\n  restart no\nend\n");
	box_wait(&box, "status", "service a state=stopped");
	pause_ms(200);
	assert_int_equal(box_children(&box), 1);
}

TEST(a_missing_program_is_told_in_the_log)
{
	begin(0, "service a\n  arg no-such-program\nend\n"
		 "service b\n  arg /etc/passwd\n  restart no\nend\n"
		 "service c\n  arg true\n  cwd /nonexistent\n  restart no\nend\n");
	box_wait(&box, "log/a.log", "cannot run 'no-such-program': No such file");
	box_wait(&box, "status", "health=unknown exit=127");
	box_wait(&box, "log/b.log", "cannot run '/etc/passwd': Permission denied");
	box_wait(&box, "log/c.log", "cannot change to the folder '/nonexistent'");
	box_wait(&box, "status", "service b state=failed pid=0 restarts=0 health=unknown exit=126");
}

TEST(a_service_gets_what_was_written_and_nothing_else)
{
	CLEANUP(freep) char *log = NULL;

	begin(0, "service a\n  arg env\n  env PATH=/usr/bin:/bin\n  env A=x%0Ay z\n"
		 "  restart no\nend\n"
		 "service b\n" SHELL "  arg pwd; readlink /proc/self/fd/0; ls /proc/self/fd; "
		 "grep -E 'SigBlk|SigIgn' /proc/self/status; ps -o sid=,pgid= -p $$; echo e >&2\n"
		 "  cwd /usr\n  restart no\nend\n");
	box_wait(&box, "status", "service a state=stopped");
	box_wait(&box, "log/a.log", "z\n");
	log = box_text(&box, "log/a.log");
	assert_string_equal(log, "PATH=/usr/bin:/bin\nA=x\ny z\n");
	/* 3 is the folder that ls reads. */
	box_wait(&box, "log/b.log",
		 "/usr\n/dev/null\n0\n1\n2\n3\nSigBlk:\t0000000000000000\n"
		 "SigIgn:\t0000000000000000\n");
	box_wait(&box, "log/b.log", "\ne\n");
}

TEST(ids_and_groups_are_taken)
{
	begin(BOX_IDS, "service a\n" SHELL "  arg id -u; id -g; id -G; touch /etc/x\n"
		       "  uid 1000\n  gid 1001\n  group 27\n  group 44\n  restart no\nend\n"
		       "service b\n" SHELL "  arg id -u; id -G\n  uid 7\n  restart no\nend\n");
	box_wait(&box, "log/a.log", "1000\n1001\n1001 27 44\n");
	box_wait(&box, "log/a.log", "touch: cannot touch");
	box_wait(&box, "log/b.log", "7\n0\n");
}

TEST(a_single_id_is_enough_and_others_are_an_error)
{
	begin(0, "service a\n" SHELL "  arg id -u; id -g\n"
		 "  uid 0\n  gid 0\n  group 27\n  restart no\nend\n"
		 "service b\n  arg true\n  uid 1000\n  restart no\nend\n");
	box_wait(&box, "log/a.log", "0\n0\n");
	box_wait(&box, "status", "service a state=stopped pid=0 restarts=0 health=unknown exit=0");
	box_wait(&box, "log/b.log", "cannot become user 1000");
}

TEST(term_ends_everything_in_bounded_time)
{
	CLEANUP(freep) char *log = NULL;
	uint64_t start;

	begin(0,
	      "service polite\n" SHELL "  arg trap 'echo bye; exit 0' TERM; echo up; while :; do "
	      "sleep 0.05; done\nend\n"
	      "service deaf\n" SHELL "  arg trap '' TERM; echo up; sleep 1000; sleep 1000\n"
	      "  stop-ms 300\nend\n"
	      "service stopped\n" SHELL "  arg echo up; kill -STOP $$\n  stop-ms 9000\nend\n"
	      "service stray\n" SHELL "  arg setsid sh -c \"trap '' TERM; echo up; sleep 1000; "
	      "sleep 1000\" & exec sleep 1000\nend\n");
	box_wait(&box, "log/polite.log", "up\n");
	box_wait(&box, "log/deaf.log", "up\n");
	box_wait(&box, "log/stopped.log", "up\n");
	box_wait(&box, "log/stray.log", "up\n");
	start = time_ms();
	assert_int_equal(box_stop(&box), 0);
	assert_true(time_ms() - start >= 300);
	assert_true(time_ms() - start < 4000);
	box_wait(&box, "log/polite.log", "bye\n");
	log = box_text(&box, "log/init.log");
	assert_null(strstr(log, "some processes did not end"));
	box_wait(&box, "log/init.log", "deaf: did not end in time, killed");
	box_wait(&box, "status",
		 "service deaf state=stopped pid=0 restarts=0 health=unknown exit=137");
	box_wait(&box, "status", "service stopped state=stopped");
}

TEST(hup_touches_only_what_was_changed)
{
	long kept;
	long changed;

	begin(0, "service kept\n  arg /usr/bin/sleep\n  arg 1000\nend\n"
		 "service changed\n  arg /usr/bin/sleep\n  arg 1001\nend\n"
		 "service gone\n" SHELL "  arg sleep 1234 & exec sleep 1234\nend\n");
	box_wait(&box, "status", "service gone state=running");
	kept = box_value(&box, "kept", "pid");
	changed = box_value(&box, "changed", "pid");
	box_configure(&box, "log-max 9000\n"
			    "service new\n  arg /usr/bin/sleep\n  arg 1000\nend\n"
			    "service changed\n  arg /usr/bin/sleep\n  arg 1002\nend\n"
			    "service kept\n  arg /usr/bin/sleep\n  arg 1000\nend\n");
	box_signal(&box, SIGHUP);
	box_wait(&box, "status", "service new state=running");
	box_wait(&box, "status", "service changed state=running pid=");
	box_wait(&box, "status", "init pid=1 services=3\n");
	box_wait(&box, "status", "restarts=1 health=ok exit=143");
	assert_int_equal(box_value(&box, "kept", "pid"), kept);
	assert_int_equal(box_value(&box, "kept", "restarts"), 0);
	assert_true(box_value(&box, "changed", "pid") != changed);
	/* With the rest of the group of the one that is gone. */
	for (int i = 0; i < 100 && box_children(&box) > 3; i++)
		pause_ms(20);
	assert_int_equal(box_children(&box), 3);
	assert_int_equal(box_stop(&box), 0);
}

TEST(a_malformed_file_changes_nothing)
{
	long pid;

	begin(0, "service a\n  arg /usr/bin/sleep\n  arg 1000\nend\n");
	box_wait(&box, "status", "service a state=running");
	pid = box_value(&box, "a", "pid");
	box_configure(&box, "service a\n  arg /usr/bin/sleep\n  arg 1\nend\nnonsense\n");
	box_signal(&box, SIGHUP);
	box_wait(&box, "log/init.log", "configuration unchanged: ");
	box_wait(&box, "log/init.log", "line 5: unknown directive 'nonsense'");
	assert_int_equal(box_value(&box, "a", "pid"), pid);
	box_wait(&box, "status", "init pid=1 services=1\n");
}

TEST(a_malformed_file_at_the_start_can_be_mended)
{
	begin(0, "service a\n");
	box_wait(&box, "status", "init error ");
	box_wait(&box, "status", "the service 'a' has no end\n");
	box_configure(&box, "service a\n  arg /usr/bin/sleep\n  arg 1000\nend\n");
	box_signal(&box, SIGHUP);
	box_wait(&box, "status", "init pid=1 services=1\nservice a state=running");
	assert_int_equal(box_stop(&box), 0);
}

TEST(usr1_starts_what_was_given_up)
{
	CLEANUP(freep) char *path = str_fmt("%s/ok", box.dir);
	struct err e;

	begin(0, "service a\n" SHELL "  arg test -e @/ok && exec sleep 1000; exit 4\n"
		 "  restart no\nend\n");
	box_wait(&box, "status", "service a state=failed pid=0 restarts=0 health=unknown exit=4");
	assert_int_equal(file_write(AT_FDCWD, path, "", 0, 0644, 0, &e), 0);
	box_signal(&box, SIGUSR1);
	box_wait(&box, "status", "service a state=running");
	assert_int_equal(box_value(&box, "a", "restarts"), 1);
}

TEST(health_is_probed_until_it_is_there)
{
	CLEANUP(freep)
	char *conf = str_fmt("service a\n  arg %s\n  arg listen\n  arg @/socket\n"
			     "  health unix @/socket\n  restart no\nend\n",
			     self);
	uint64_t start = time_ms();

	begin(0, conf);
	box_wait(&box, "status", "service a state=starting");
	box_wait(&box, "status", "health=unknown exit=-");
	box_wait(&box, "status", "service a state=running");
	box_wait(&box, "status", "health=ok");
	assert_true(time_ms() - start >= 300);
}

TEST(a_log_is_bounded)
{
	CLEANUP(freep) char *log = NULL;
	CLEANUP(freep) char *old = NULL;

	begin(0,
	      "log-max 20000\n"
	      "service a\n" SHELL "  arg yes | head -c 3000000; echo end; exec sleep 1000\nend\n");
	box_wait(&box, "log/a.log", "end\n");
	log = box_text(&box, "log/a.log");
	old = box_text(&box, "log/a.log.1");
	assert_true(strlen(log) <= 20000);
	assert_true(strlen(old) <= 20000);
	assert_true(strlen(old) > 10000);
}

TEST(a_full_disk_neither_blocks_nor_kills_a_service)
{
	CLEANUP(freep) char *mark = str_fmt("%s/written", box.dir);

	begin(BOX_TINY_LOG,
	      "service a\n" SHELL
	      "  arg yes | head -c 1000000; echo > @/written; exec sleep 1000\nend\n");
	for (int i = 0; i < 500 && access(mark, F_OK) < 0; i++)
		pause_ms(20);
	assert_int_equal(access(mark, F_OK), 0);
	box_wait(&box, "status", "service a state=running");
	/* The rest of the number comes with the next change. */
	assert_true(box_value(&box, "a", "lost") > 0);
	assert_int_equal(box_stop(&box), 0);
	assert_true(box_value(&box, "a", "lost") > 900000);
}

static unsigned long line_value(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	assert_non_null(at);
	return strtoul(at + strlen(key), NULL, 10);
}

static unsigned long wakeups(void)
{
	CLEANUP(freep) char *path = str_fmt("/proc/%d/status", (int)box.init);
	CLEANUP(freep) char *text = slurp(path);

	return line_value(text, "\nvoluntary_ctxt_switches:");
}

TEST(idle_it_sleeps_and_is_small)
{
	CLEANUP(freep) char *path = NULL;
	CLEANUP(freep) char *text = NULL;
	unsigned long before;

	begin(0, "service a\n  arg /usr/bin/sleep\n  arg 1000\nend\n"
		 "service b\n  arg /usr/bin/sleep\n  arg 1000\nend\n");
	box_wait(&box, "status", "service b state=running");
	pause_ms(100);
	before = wakeups();
	pause_ms(1500);
	assert_int_equal(wakeups(), before);
	path = str_fmt("/proc/%d/smaps_rollup", (int)box.init);
	text = slurp(path);
	print_message("anonymous memory: %lu KiB\n", line_value(text, "\nAnonymous:"));
	assert_true(line_value(text, "\nAnonymous:") <= 150);
}

static int listen_later(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	pause_ms(300);
	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 5) < 0)
		return 1;
	(void)pause();
	return 0;
}

#define IN_BOX(sentence) cmocka_unit_test_setup_teardown(sentence, open_box, close_box)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		IT(as_another_process_than_the_first_it_refuses),
		IN_BOX(orphans_are_reaped),
		IN_BOX(a_failing_service_is_started_again_and_again),
		IN_BOX(what_a_failed_service_left_behind_is_ended),
		IN_BOX(what_a_finished_service_left_behind_stays),
		IN_BOX(a_missing_program_is_told_in_the_log),
		IN_BOX(a_service_gets_what_was_written_and_nothing_else),
		IN_BOX(ids_and_groups_are_taken),
		IN_BOX(a_single_id_is_enough_and_others_are_an_error),
		IN_BOX(term_ends_everything_in_bounded_time),
		IN_BOX(hup_touches_only_what_was_changed),
		IN_BOX(a_malformed_file_changes_nothing),
		IN_BOX(a_malformed_file_at_the_start_can_be_mended),
		IN_BOX(usr1_starts_what_was_given_up),
		IN_BOX(health_is_probed_until_it_is_there),
		IN_BOX(a_log_is_bounded),
		IN_BOX(a_full_disk_neither_blocks_nor_kills_a_service),
		IN_BOX(idle_it_sleeps_and_is_small),
	};

	if (argc == 3 && str_eq(argv[1], "listen"))
		return listen_later(argv[2]);
	if (argc != 2 || readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 2;
	program = argv[1];
	box_program(program);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
