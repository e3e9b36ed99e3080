/* SPDX-License-Identifier: Apache-2.0 */
#include "init/conf.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>

#include "base/str.h"
#include "test.h"

static int parse(const char *text, struct conf *ret, struct err *e)
{
	return conf_parse("/run/dlenv/init.conf", text, strlen(text), ret, e);
}

TEST(everything_that_is_written_arrives)
{
	static const char text[] = "# comment\n"
				   "log-dir /l\n"
				   "log-max 8192\n"
				   "status /s\n"
				   "\n"
				   "service jupyter\n"
				   "  arg jupyter-lab\n"
				   "  arg --no-browser\n"
				   "  env HOME=/home/kim\n"
				   "  env EMPTY=\n"
				   "  uid 1000\n"
				   "  gid 1001\n"
				   "  group 27\n"
				   "  group 44\n"
				   "  keep-groups yes\n"
				   "  cwd /home/kim\n"
				   "  restart always\n"
				   "  health tcp 127.0.0.1 8888\n"
				   "  stop-ms 70\n"
				   "end\n"
				   "service b\n"
				   "\targ x\n"
				   "\thealth unix /tmp/s\n"
				   "end";
	struct conf c;
	struct err e;
	const struct conf_service *s;
	struct sockaddr_in in4;
	struct sockaddr_un un;

	assert_int_equal(parse(text, &c, &e), 0);
	assert_string_equal(c.log_dir, "/l");
	assert_string_equal(c.status, "/s");
	assert_int_equal(c.log_max, 8192);
	assert_int_equal(c.n_services, 2);
	s = c.services;
	assert_string_equal(s->name, "jupyter");
	assert_string_equal(s->argv[0], "jupyter-lab");
	assert_string_equal(s->argv[1], "--no-browser");
	assert_null(s->argv[2]);
	assert_string_equal(s->env[0], "HOME=/home/kim");
	assert_string_equal(s->env[1], "EMPTY=");
	assert_null(s->env[2]);
	assert_int_equal(s->uid, 1000);
	assert_int_equal(s->gid, 1001);
	assert_int_equal(s->n_groups, 2);
	assert_int_equal(s->groups[1], 44);
	assert_true(s->keep_groups);
	assert_string_equal(s->cwd, "/home/kim");
	assert_int_equal(s->restart, RESTART_ALWAYS);
	assert_int_equal(s->stop_ms, 70);
	memcpy(&in4, &s->health, sizeof(in4));
	assert_int_equal(in4.sin_family, AF_INET);
	assert_int_equal(ntohs(in4.sin_port), 8888);
	s = conf_find(&c, "b");
	assert_ptr_equal(s, c.services->next);
	memcpy(&un, &s->health, sizeof(un));
	assert_int_equal(un.sun_family, AF_UNIX);
	assert_string_equal(un.sun_path, "/tmp/s");
	conf_fini(&c);
}

TEST(what_is_left_out_has_a_default)
{
	struct conf c;
	struct err e;

	assert_int_equal(parse("service a\narg x\nend\n", &c, &e), 0);
	assert_string_equal(c.log_dir, "/run/dlenv/log");
	assert_string_equal(c.status, "/run/dlenv/status");
	assert_int_equal(c.log_max, 1 << 20);
	assert_int_equal(c.services->uid, CONF_NO_ID);
	assert_int_equal(c.services->gid, CONF_NO_ID);
	assert_int_equal(c.services->n_groups, 0);
	assert_int_equal(c.services->restart, RESTART_ON_FAILURE);
	assert_int_equal(c.services->health_len, 0);
	assert_int_equal(c.services->stop_ms, 5000);
	assert_string_equal(c.services->cwd, "/");
	assert_null(c.services->env[0]);
	conf_fini(&c);
	assert_int_equal(parse("", &c, &e), 0);
	assert_int_equal(c.n_services, 0);
	conf_fini(&c);
}

TEST(escapes_are_undone_and_blanks_are_kept)
{
	struct conf c;
	struct err e;

	assert_int_equal(parse("service a\n"
			       "arg a%25b%0Ac%0a\n"
			       "arg\n"
			       "arg   two # no comment \n"
			       "env A=%E4%BD%A0=x\n"
			       "end\n",
			       &c, &e),
			 0);
	assert_string_equal(c.services->argv[0], "a%b\nc\n");
	assert_string_equal(c.services->argv[1], "");
	assert_string_equal(c.services->argv[2], "  two # no comment ");
	assert_string_equal(c.services->env[0], "A=你=x");
	conf_fini(&c);
}

/* Each is wrong in its last line, whose number belongs to the message. */
TEST(whatever_is_wrong_is_told_with_its_line)
{
	static const struct {
		const char *text;
		const char *line;
	} bad[] = {
		{"nonsense", "line 1: "},
		{"\n\nlogdir /x", "line 3: "},
		{"log-dir relative", "line 1: "},
		{"log-max 8191", "line 1: "},
		{"log-max 99999999999", "line 1: "},
		{"log-max 1M", "line 1: "},
		{"status /a\nstatus /b", "line 2: "},
		{"arg x", "line 1: "},
		{"end", "line 1: "},
		{"service", "line 1: "},
		{"service ../x", "line 1: "},
		{"service .hidden", "line 1: "},
		{"service a b", "line 1: "},
		{"service a%0Ab", "line 1: "},
		{"service init", "line 1: "},
		{"service a\nlog-dir /x", "line 2: "},
		{"service a\nservice b", "line 2: "},
		{"service a\nend", "line 2: "},
		{"service a\narg\nend", "line 3: "},
		{"service a\narg x\nend now", "line 3: "},
		{"service a\narg x", "line 2: "},
		{"service a\narg x\nend\nservice a", "line 4: "},
		{"service a\narg 100%", "line 2: "},
		{"service a\narg %0", "line 2: "},
		{"service a\narg %zz", "line 2: "},
		{"service a\narg %00", "line 2: "},
		{"service a\nenv NOVALUE", "line 2: "},
		{"service a\nenv =x", "line 2: "},
		{"service a\nuid -1", "line 2: "},
		{"service a\nuid 4294967295", "line 2: "},
		{"service a\nuid 1\nuid 1", "line 3: "},
		{"service a\ngid x", "line 2: "},
		{"service a\ngroup", "line 2: "},
		{"service a\nkeep-groups no", "line 2: "},
		{"service a\ncwd here", "line 2: "},
		{"service a\nrestart sometimes", "line 2: "},
		{"service a\nstop-ms 600001", "line 2: "},
		{"service a\nhealth", "line 2: "},
		{"service a\nhealth tcp", "line 2: "},
		{"service a\nhealth tcp 127.0.0.1", "line 2: "},
		{"service a\nhealth tcp localhost 80", "line 2: "},
		{"service a\nhealth tcp 127.0.0.1 0", "line 2: "},
		{"service a\nhealth tcp 127.0.0.1 65536", "line 2: "},
		{"service a\nhealth unix x", "line 2: "},
		{"service a\nhealth http 1.2.3.4 80", "line 2: "},
		{"service a # b\n", "line 1: "},
	};

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct conf c = {.log_max = 77};
		struct err e;

		if (parse(bad[i].text, &c, &e) != -ERR_PARSE || !str_starts(e.msg, bad[i].line))
			fail_msg("'%s' gives '%s'", bad[i].text, e.msg);
		assert_int_equal(c.log_max, 77);
	}
}

TEST(a_second_service_may_use_the_same_directives)
{
	struct conf c;
	struct err e;

	assert_int_equal(
		parse("service a\narg x\nuid 1\nend\nservice b\narg x\nuid 1\nend\n", &c, &e), 0);
	conf_fini(&c);
}

TEST(only_a_changed_service_has_another_digest)
{
	static const char one[] = "service a\n  arg x\n  arg yz\nend\nservice b\n  arg x\nend\n";
	static const char two[] = "log-max 9000\n# new\nservice b\n\targ x\n\nend\n"
				  "service a\n  arg xy\n  arg z\nend\n";
	struct conf c;
	struct conf d;
	struct err e;

	assert_int_equal(parse(one, &c, &e), 0);
	assert_int_equal(parse(two, &d, &e), 0);
	assert_true(conf_find(&c, "a")->digest != conf_find(&d, "a")->digest);
	assert_true(conf_find(&c, "b")->digest == conf_find(&d, "b")->digest);
	conf_fini(&c);
	conf_fini(&d);
}

TEST(a_message_is_one_line_whatever_it_quotes)
{
	struct conf c;
	struct err e;

	assert_int_equal(parse("service a\narg x\nrestart a%0Aservice%1Bb", &c, &e), -ERR_PARSE);
	assert_non_null(strstr(e.msg, "'a?service?b'"));
}

TEST(sizes_are_bounded)
{
	struct buf b = {0};
	struct conf c;
	struct err e;

	buf_str(&b, "service a\n");
	for (int i = 0; i < CONF_ARGS_MAX; i++)
		buf_str(&b, "arg x\n");
	buf_str(&b, "end\n");
	assert_int_equal(conf_parse("/c", b.data, b.len, &c, &e), 0);
	conf_fini(&c);
	b.len -= strlen("end\n");
	buf_str(&b, "arg x\nend\n");
	assert_int_equal(conf_parse("/c", b.data, b.len, &c, &e), -ERR_PARSE);
	buf_fini(&b);
	for (int i = 0; i <= CONF_SERVICES_MAX; i++)
		buf_fmt(&b, "service s%d\narg x\nend\n", i);
	assert_int_equal(conf_parse("/c", b.data, b.len, &c, &e), -ERR_PARSE);
	buf_fini(&b);
	while (b.len <= CONF_SIZE_MAX)
		buf_str(&b, "# a long comment that says nothing\n");
	assert_int_equal(conf_parse("/c", b.data, b.len, &c, &e), -ERR_PARSE);
	buf_fini(&b);
	assert_int_equal(conf_parse("/c", "log-max 9\0000", 11, &c, &e), -ERR_PARSE);
}

RUN(IT(everything_that_is_written_arrives), IT(what_is_left_out_has_a_default),
    IT(escapes_are_undone_and_blanks_are_kept), IT(whatever_is_wrong_is_told_with_its_line),
    IT(a_second_service_may_use_the_same_directives), IT(only_a_changed_service_has_another_digest),
    IT(sizes_are_bounded), IT(a_message_is_one_line_whatever_it_quotes))
