/* SPDX-License-Identifier: Apache-2.0 */
#include "init/service.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "init/clock.h"
#include "test.h"

static struct conf_service def_of(enum conf_restart restart)
{
	return (struct conf_service){.name = "a", .restart = restart, .stop_ms = 500};
}

TEST(waits_double_up_to_thirty_seconds_then_it_gives_up)
{
	static const uint64_t waits[] = {200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000};
	struct conf_service def = def_of(RESTART_ALWAYS);
	struct service s;
	uint64_t now = 1000;

	service_init(&s, &def, now);
	assert_int_equal(service_due(&s), now);
	for (size_t i = 0; i < COUNT(waits); i++) {
		service_started(&s, 7, now);
		assert_int_equal(s.state, SERVICE_RUNNING);
		assert_true(service_due(&s) == SERVICE_NEVER);
		assert_true(service_ended(&s, i % 2, now + 10)); /* status 0 is no excuse here */
		assert_int_equal(s.state, SERVICE_BACKOFF);
		assert_int_equal(service_due(&s), now + 10 + waits[i]);
		now = service_due(&s);
	}
	service_started(&s, 7, now);
	(void)service_ended(&s, 1, now);
	assert_int_equal(s.state, SERVICE_FAILED);
	assert_true(service_due(&s) == SERVICE_NEVER);
	service_retry(&s, now);
	assert_int_equal(s.state, SERVICE_BACKOFF);
	assert_int_equal(service_due(&s), now);
}

TEST(a_healthy_minute_forgets_failures)
{
	struct conf_service def = def_of(RESTART_ON_FAILURE);
	struct service s;

	service_init(&s, &def, 0);
	for (int i = 0; i < 5; i++) {
		service_started(&s, 7, 0);
		(void)service_ended(&s, 1, 10);
	}
	service_started(&s, 7, 0);
	(void)service_ended(&s, 1, HEALTHY_MS - 1);
	assert_int_equal(s.failures, 6);
	service_started(&s, 7, 0);
	(void)service_ended(&s, 1, HEALTHY_MS);
	assert_int_equal(s.failures, 1);
}

TEST(policies_differ_in_what_may_end)
{
	static const struct {
		enum conf_restart policy;
		int exit;
		enum service_state state;
		bool group_goes;
	} rows[] = {
		{RESTART_NO, 0, SERVICE_STOPPED, false},
		{RESTART_NO, 3, SERVICE_FAILED, true},
		{RESTART_ON_FAILURE, 0, SERVICE_STOPPED, false},
		{RESTART_ON_FAILURE, 137, SERVICE_BACKOFF, true},
		{RESTART_ALWAYS, 0, SERVICE_BACKOFF, true},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct conf_service def = def_of(rows[i].policy);
		struct service s;

		service_init(&s, &def, 0);
		service_started(&s, 7, 0);
		assert_int_equal(service_ended(&s, rows[i].exit, 1), rows[i].group_goes);
		assert_int_equal(s.state, rows[i].state);
		assert_int_equal(s.exit, rows[i].exit);
		assert_int_equal(s.pid, 0);
	}
}

TEST(stopping_has_one_deadline_and_may_start_again)
{
	struct conf_service def = def_of(RESTART_ALWAYS);
	struct service s;

	service_init(&s, &def, 0);
	service_started(&s, 7, 0);
	assert_true(service_stop(&s, false, 100));
	assert_int_equal(service_due(&s), 600);
	assert_false(service_stop(&s, true, 300));
	assert_int_equal(service_due(&s), 600);
	assert_true(service_ended(&s, 143, 400));
	assert_int_equal(s.state, SERVICE_BACKOFF);
	assert_int_equal(service_due(&s), 400);
	assert_false(service_stop(&s, false, 500));
	assert_int_equal(s.state, SERVICE_STOPPED);
	service_retry(&s, 600);
	assert_int_equal(s.state, SERVICE_STOPPED);
}

/* A port that nobody listens on: bound, and not listening, for as long as *ret_fd is open. */
static struct sockaddr_in taken_port(int *ret_fd)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);

	*ret_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(*ret_fd >= 0);
	assert_int_equal(bind(*ret_fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(*ret_fd, (struct sockaddr *)&a, &len), 0);
	return a;
}

/* One probe from its start to its verdict. */
static void probe_once(struct service *s)
{
	uint64_t now = s->probe.due_ms;

	(void)probe_turn(&s->probe, s->def, false, now);
	while (s->probe.fd >= 0) {
		(void)usleep(1000);
		(void)probe_turn(&s->probe, s->def, true, now);
	}
	service_health(s, now);
}

TEST(a_probe_asks_often_until_the_service_listens)
{
	struct conf_service def = def_of(RESTART_ALWAYS);
	struct service s;
	int fd;
	struct sockaddr_in a = taken_port(&fd);

	memcpy(&def.health, &a, sizeof(a));
	def.health_len = sizeof(a);
	service_init(&s, &def, 0);
	service_started(&s, 7, 0);
	assert_int_equal(s.state, SERVICE_STARTING);
	assert_int_equal(service_due(&s), PROBE_FIRST_MS);
	for (int i = 0; i < 8; i++)
		probe_once(&s);
	assert_int_equal(s.probe.health, HEALTH_UNKNOWN);
	assert_int_equal(s.probe.wait_ms, PROBE_STARTING_MS);
	assert_int_equal(listen(fd, 5), 0);
	probe_once(&s);
	assert_int_equal(s.probe.health, HEALTH_OK);
	assert_int_equal(s.state, SERVICE_RUNNING);
	assert_int_equal(s.probe.wait_ms, PROBE_OK_MS);
	fd_closep(&fd);
	probe_once(&s);
	assert_int_equal(s.probe.health, HEALTH_BAD);
	assert_true(s.healthy_ms == SERVICE_NEVER);
	assert_true(s.probe.wait_ms <= PROBE_STARTING_MS);
	service_fini(&s);
}

TEST(a_probe_without_an_answer_is_over_after_a_second)
{
	struct probe p = PROBE_EMPTY;
	struct conf_service def = def_of(RESTART_ALWAYS);
	int pipe_fds[2];

	assert_int_equal(pipe(pipe_fds), 0);
	probe_start(&p, &def, 0);
	p.fd = pipe_fds[1]; /* stands for a connection that stays open */
	p.since_ms = 0;
	p.due_ms = 100000 + PROBE_LIMIT_MS;
	assert_false(probe_turn(&p, &def, false, 100000));
	assert_true(probe_turn(&p, &def, false, 100000 + PROBE_LIMIT_MS));
	assert_int_equal(p.health, HEALTH_BAD);
	assert_int_equal(p.fd, -1);
	probe_stop(&p);
	fd_closep(&pipe_fds[0]);
}

TEST(times_are_written_for_people)
{
	static const struct {
		int64_t time;
		const char *text;
	} rows[] = {
		{0, "1970-01-01T00:00:00Z"},
		{951782400, "2000-02-29T00:00:00Z"},
		{951868799, "2000-02-29T23:59:59Z"},
		{1735689599, "2024-12-31T23:59:59Z"},
		{4107542400, "2100-03-01T00:00:00Z"},
		{-5, "1970-01-01T00:00:00Z"},
		{253402300800, "9999-12-31T23:59:59Z"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[CLOCK_TEXT];

		clock_text(rows[i].time, text);
		assert_string_equal(text, rows[i].text);
	}
}

static char dir[] = "/tmp/dlenv-test-XXXXXX";

static int make_dir(void **state)
{
	(void)state;
	memset(dir + sizeof(dir) - sizeof("XXXXXX"), 'X', sizeof("XXXXXX") - 1);
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	struct err e;

	(void)state;
	return tree_remove(AT_FDCWD, dir, &e);
}

static off_t size_of(const char *name)
{
	CLEANUP(freep) char *path = str_fmt("%s/%s", dir, name);
	struct stat st;

	return lstat(path, &st) == 0 && S_ISREG(st.st_mode) ? st.st_size : -1;
}

TEST(a_log_keeps_one_old_generation_and_its_bound)
{
	CLEANUP(freep) char *sub = str_fmt("%s/new/log", dir);
	const struct logplace place = {sub, "a", CONF_LOG_MIN};
	struct logfile l = LOGFILE_EMPTY;
	char chunk[CONF_LOG_MIN / 2];

	memset(chunk, 'x', sizeof(chunk));
	for (int i = 0; i < 20; i++) {
		logfile_write(&l, &place, chunk, sizeof(chunk));
		assert_true(size_of("new/log/a.log") <= CONF_LOG_MIN);
	}
	assert_true(size_of("new/log/a.log.1") >= (off_t)sizeof(chunk));
	assert_true(size_of("new/log/a.log.1") <= CONF_LOG_MIN);
	assert_int_equal(size_of("new/log/a.log.2"), -1);
	assert_int_equal(l.lost, 0);
	logfile_close(&l);
}

TEST(a_log_is_never_written_through_a_link)
{
	CLEANUP(freep) char *victim = str_fmt("%s/victim", dir);
	CLEANUP(freep) char *log = str_fmt("%s/a.log", dir);
	const struct logplace place = {dir, "a", CONF_LOG_MIN};
	struct logfile l = LOGFILE_EMPTY;
	struct err e;

	assert_int_equal(file_write(AT_FDCWD, victim, "v", 1, 0644, 0, &e), 0);
	assert_int_equal(symlink(victim, log), 0);
	logfile_write(&l, &place, "one\n", 4);
	assert_int_equal(size_of("victim"), 1);
	assert_int_equal(size_of("a.log"), 4);
	logfile_close(&l);
	assert_int_equal(unlink(log), 0);
	assert_int_equal(link(victim, log), 0);
	logfile_write(&l, &place, "one\n", 4);
	assert_int_equal(size_of("victim"), 1);
	assert_int_equal(size_of("a.log"), 4);
	logfile_close(&l);
	assert_int_equal(unlink(log), 0);
	assert_int_equal(mkfifo(log, 0600), 0); /* would block */
	logfile_write(&l, &place, "one\n", 4);
	assert_int_equal(size_of("a.log"), 4);
	assert_int_equal(l.lost, 0);
	logfile_close(&l);
}

TEST(a_log_that_was_removed_is_made_anew)
{
	CLEANUP(freep) char *log = str_fmt("%s/a.log", dir);
	const struct logplace place = {dir, "a", CONF_LOG_MIN};
	struct logfile l = LOGFILE_EMPTY;

	logfile_write(&l, &place, "one\n", 4);
	assert_int_equal(unlink(log), 0);
	logfile_write(&l, &place, "three\n", 6);
	assert_int_equal(size_of("a.log"), 6);
	logfile_close(&l);
}

TEST(what_cannot_be_logged_is_counted_and_told_later)
{
	CLEANUP(freep) char *log = str_fmt("%s/a.log", dir);
	CLEANUP(freep) char *text = NULL;
	const struct logplace place = {dir, "a", CONF_LOG_MIN};
	struct logfile l = LOGFILE_EMPTY;
	struct err e;

	assert_int_equal(mkdir(log, 0700), 0);
	logfile_write(&l, &place, "one\n", 4);
	logfile_write(&l, &place, "two\n", 4);
	assert_int_equal(l.lost, 8);
	assert_int_equal(rmdir(log), 0);
	logfile_write(&l, &place, "three\n", 6);
	assert_int_equal(file_read(AT_FDCWD, log, 1000, &text, NULL, &e), 0);
	assert_string_equal(text, "\n[dlenv-init: 8 bytes were lost here]\nthree\n");
	assert_int_equal(l.lost, 8);
	logfile_close(&l);
}

#define IN_DIR(sentence) cmocka_unit_test_setup_teardown(sentence, make_dir, remove_dir)

RUN(IT(waits_double_up_to_thirty_seconds_then_it_gives_up), IT(a_healthy_minute_forgets_failures),
    IT(policies_differ_in_what_may_end), IT(stopping_has_one_deadline_and_may_start_again),
    IT(a_probe_asks_often_until_the_service_listens),
    IT(a_probe_without_an_answer_is_over_after_a_second), IT(times_are_written_for_people),
    IN_DIR(a_log_keeps_one_old_generation_and_its_bound),
    IN_DIR(a_log_is_never_written_through_a_link), IN_DIR(a_log_that_was_removed_is_made_anew),
    IN_DIR(what_cannot_be_logged_is_counted_and_told_later))
