/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "test.h"

/* What is printed: tables, JSON, questions and progress. */

enum { CAPTURE_MAX = 64 << 10 };

/* What a descriptor got since the capture began. */
struct capture {
	int fd;	   /* 1 or 2 */
	int saved; /* what it was */
	int file;
	char *text;
};

static void capture_begin(struct capture *k, int fd)
{
	(void)fflush(NULL);
	*k = (struct capture){.fd = fd, .saved = dup(fd), .file = memfd_create("capture", 0)};
	assert_int_equal(dup2(k->file, fd), fd);
}

static const char *capture_end(struct capture *k)
{
	ssize_t n;

	(void)fflush(NULL);
	assert_int_equal(dup2(k->saved, k->fd), k->fd);
	k->text = mem_alloc(CAPTURE_MAX);
	n = pread(k->file, k->text, CAPTURE_MAX - 1, 0);
	assert_true(n >= 0);
	return k->text;
}

static void capture_fini(struct capture *k)
{
	(void)close(k->saved);
	(void)close(k->file);
	freep(&k->text);
}

struct row {
	const char *name;
	char state[16];
	uint64_t size;
	uint64_t pid;
	bool gpu;
	int64_t since;
};

static const struct column columns[] = {
	{"name", "NAME", COL_STR, offsetof(struct row, name), 0},
	{"size", "SIZE", COL_SIZE, offsetof(struct row, size), 0},
	{"state", "STATE", COL_CHARS, offsetof(struct row, state), 0},
	{"pid", "PID", COL_UINT, offsetof(struct row, pid), COL_JSON_ONLY},
	{"gpu", "GPU", COL_BOOL, offsetof(struct row, gpu), 0},
	{"since", "SINCE", COL_TIME, offsetof(struct row, since), COL_JSON_ONLY},
	{0},
};

static const struct row rows[] = {
	{.name = "nlp",
	 .state = "running",
	 .size = 3 << 20,
	 .pid = 7,
	 .gpu = true,
	 .since = 1700000000},
	{.name = "影像", .state = "stopped", .size = 512},
	{.name = "e\033[2Jvil", .state = ""},
};

static struct cli plain_cli(void)
{
	static const struct command cmd = {.name = "ls"};

	return (struct cli){.cmd = &cmd};
}

TEST(a_table_is_padded_by_cells)
{
	CLEANUP(capture_fini) struct capture k;
	struct cli c = plain_cli();

	capture_begin(&k, 1);
	cli_table(&c, columns, rows, COUNT(rows), sizeof(rows[0]));
	assert_string_equal(capture_end(&k), "NAME         SIZE  STATE    GPU\n"
					     "nlp       3.0 MiB  running  yes\n"
					     "影像        512 B  stopped  no\n"
					     "e?[2Jvil      0 B  -        no\n");
}

TEST(quiet_prints_the_first_column)
{
	CLEANUP(capture_fini) struct capture k;
	struct cli c = plain_cli();

	c.g.quiet = true;
	capture_begin(&k, 1);
	cli_table(&c, columns, rows, 2, sizeof(rows[0]));
	assert_string_equal(capture_end(&k), "nlp\n影像\n");
}

TEST(json_is_one_object_from_the_same_columns)
{
	CLEANUP(capture_fini) struct capture k;
	struct cli c = plain_cli();

	c.g.json = true;
	capture_begin(&k, 1);
	cli_table(&c, columns, rows, 2, sizeof(rows[0]));
	cli_answer(&c, json_object()); /* a second answer is not printed */
	assert_string_equal(
		capture_end(&k),
		"{\"schema\":\"dlenv.ls/1\",\"ok\":true,\"data\":["
		"{\"name\":\"nlp\",\"size\":3145728,\"state\":\"running\",\"pid\":7,\"gpu\":true,"
		"\"since\":\"2023-11-14T22:13:20Z\"},"
		"{\"name\":\"影像\",\"size\":512,\"state\":\"stopped\",\"pid\":0,\"gpu\":false,"
		"\"since\":null}],\"warnings\":[]}\n");
}

TEST(warnings_are_part_of_the_json_answer)
{
	CLEANUP(capture_fini) struct capture out;
	CLEANUP(capture_fini) struct capture err;
	struct cli c = plain_cli();

	c.g.json = true;
	capture_begin(&out, 1);
	capture_begin(&err, 2);
	cli_warn(&c, "%s is slow", "the disk");
	assert_string_equal(capture_end(&err), "dlenv: warning: the disk is slow\n");
	cli_answer(&c, NULL);
	assert_string_equal(capture_end(&out),
			    "{\"schema\":\"dlenv.ls/1\",\"ok\":true,\"data\":null,"
			    "\"warnings\":[\"the disk is slow\"]}\n");
	strs_fini(&c.warnings);
}

TEST(a_record_has_a_line_per_column)
{
	CLEANUP(capture_fini) struct capture k;
	struct cli c = plain_cli();

	capture_begin(&k, 1);
	cli_record(&c, columns, &rows[0]);
	assert_string_equal(capture_end(&k), "NAME   nlp\n"
					     "SIZE   3.0 MiB\n"
					     "STATE  running\n"
					     "GPU    yes\n");
}

TEST(nobody_is_asked_without_a_terminal)
{
	CLEANUP(capture_fini) struct capture k;
	struct cli c = plain_cli();
	struct err e = {0};

	capture_begin(&k, 2);
	assert_int_equal(cli_ask(&c, &e, "remove '%s'?", "nlp"), -ERR_ASK);
	assert_string_equal(capture_end(&k), "");
	assert_string_equal(e.msg, "there is no terminal to ask on: remove 'nlp'?");
	assert_string_equal(e.hint, "answer yes with --yes");
	c.g.yes = true;
	assert_int_equal(cli_ask(&c, &e, "remove it?"), 0);
}

/* Ask on a new pseudo-terminal on which the text was typed already. */
static int ask_on_terminal(const char *typed)
{
	int terminal = posix_openpt(O_RDWR | O_NOCTTY);
	int saved_in = dup(0);
	int saved_err = dup(2);
	struct cli c = plain_cli();
	struct err e = {0};
	int side;
	int status;

	assert_int_equal(grantpt(terminal) | unlockpt(terminal), 0);
	side = open(ptsname(terminal), O_RDWR | O_NOCTTY);
	assert_true(side >= 0);
	assert_int_equal(write_all(terminal, typed, strlen(typed)), 0);
	(void)dup2(side, 0);
	(void)dup2(side, 2);
	clearerr(stdin);
	status = cli_ask(&c, &e, "go on?");
	(void)dup2(saved_in, 0);
	(void)dup2(saved_err, 2);
	(void)close(saved_in);
	(void)close(saved_err);
	(void)close(side);
	(void)close(terminal);
	return status;
}

TEST(only_a_yes_is_a_yes)
{
	assert_int_equal(ask_on_terminal("y\n"), 0);
	assert_int_equal(ask_on_terminal("Yes\n"), 0);
	assert_int_equal(ask_on_terminal("n\n"), -ERR_ASK);
	assert_int_equal(ask_on_terminal("\n"), -ERR_ASK);
	assert_int_equal(ask_on_terminal("\004"), -ERR_ASK);
}

/* The clock of the drawn steps. */
static int64_t fake_ms;

static int64_t fake_now(void)
{
	return fake_ms;
}

struct moment {
	int64_t at_ms;
	struct progress_event ev;
};

/* What the moments look like in one mode. */
static void assert_drawn(enum progress_mode mode, const struct moment *moments, size_t n,
			 const char *want)
{
	CLEANUP(capture_fini) struct capture k;
	struct renderer_config config = {.mode = mode, .fd = 2, .width = 100, .now_ms = fake_now};
	CLEANUP(renderer_free) struct renderer *r = NULL;

	capture_begin(&k, 2);
	r = renderer_new(&config);
	for (size_t i = 0; i < n; i++) {
		fake_ms = moments[i].at_ms;
		progress_report(renderer_progress(r), &moments[i].ev);
	}
	renderer_end_line(r);
	assert_string_equal(capture_end(&k), want);
}

#define UNPACK(part)                                                                               \
	.step = "image", .phase = "unpack", .note = "torch preset", .unit = PROGRESS_BYTES,        \
	.total = 1000 << 20, .done = (uint64_t)(part) << 20

static const struct moment unpacking[] = {
	{1000, {UNPACK(0)}},
	{1050, {UNPACK(1)}}, /* too soon to be drawn again */
	{3000, {UNPACK(100)}},
	{14000, {UNPACK(610)}},
	{15000, {.step = "image", .note = "torch, 1.0 GiB", .finished = true}},
};

TEST(a_terminal_shows_one_line_and_keeps_the_finished_step)
{
	assert_drawn(PROGRESS_TTY, unpacking, COUNT(unpacking),
		     "\r  image     torch preset   1.0 GiB   [>         ] unpack 0 %\033[K"
		     "\r  image     torch preset   1.0 GiB   [=>        ] unpack 10 %"
		     "  50 MiB/s  0:19 left\033[K"
		     "\r  image     torch preset   1.0 GiB   [======>   ] unpack 61 %"
		     "  49 MiB/s  0:08 left\033[K"
		     "\r\033[K  image     torch, 1.0 GiB\n");
}

TEST(plain_lines_come_with_each_phase_and_at_least_every_ten_seconds)
{
	assert_drawn(PROGRESS_PLAIN, unpacking, COUNT(unpacking),
		     "  image     unpack  0 B of 1.0 GiB, 0 %  torch preset  (0:00)\n"
		     "  image     unpack  610 MiB of 1.0 GiB, 61 %  49 MiB/s  0:08 left"
		     "  torch preset  (0:13)\n"
		     "  image     torch, 1.0 GiB\n");
}

TEST(nothing_is_drawn_when_progress_is_off)
{
	assert_drawn(PROGRESS_OFF, unpacking, COUNT(unpacking), "");
}

TEST(work_without_a_measure_shows_its_time)
{
	static const struct moment moments[] = {
		{0, {.step = "ssh", .phase = "connect"}},
		{61000, {.step = "ssh", .phase = "connect"}},
		{62000, {.step = "apt", .phase = "fetch", .unit = PROGRESS_ITEMS, .done = 3}},
		{62500,
		 {.step = "apt", .phase = "fetch", .unit = PROGRESS_ITEMS, .done = 3, .total = 12}},
	};

	assert_drawn(PROGRESS_TTY, moments, COUNT(moments),
		     "\r  ssh       connect 0:00\033[K"
		     "\r  ssh       connect 1:01\033[K"
		     "\r  apt       3   fetch 0:00\033[K"
		     "\r  apt       3/12   [==>       ] fetch 25 %\033[K\n");
}

TEST(a_drawn_line_never_wraps)
{
	static const char name[] =
		"一個很長的套件名稱一個很長的套件名稱一個很長的套件名稱一個很長的";

	for (unsigned int width = 20; width < 120; width += 7) {
		struct renderer_config config = {
			.mode = PROGRESS_TTY, .fd = 2, .width = width, .now_ms = fake_now};
		CLEANUP(renderer_free) struct renderer *r = NULL;
		CLEANUP(capture_fini) struct capture drawn;
		const struct progress_event ev = {.step = "image",
						  .phase = "unpack",
						  .note = name,
						  .total = 5,
						  .done = 2,
						  .unit = PROGRESS_BYTES};
		char *text;

		capture_begin(&drawn, 2);
		r = renderer_new(&config);
		progress_report(renderer_progress(r), &ev);
		text = (char *)capture_end(&drawn) + 1;
		text[strlen(text) - 3] = '\0'; /* without \r and the erasing */
		assert_in_range(str_width(text), 12, width - 1);
	}
}

TEST(json_progress_is_an_object_a_line)
{
	CLEANUP(capture_fini) struct capture k;
	struct renderer_config config = {.mode = PROGRESS_JSON, .fd = 2, .now_ms = fake_now};
	CLEANUP(renderer_free) struct renderer *r = NULL;
	json_t *o;
	const char *text;

	capture_begin(&k, 2);
	r = renderer_new(&config);
	progress_report(renderer_progress(r), &unpacking[3].ev);
	text = capture_end(&k);
	o = json_loads(text, 0, NULL);
	assert_non_null(o);
	assert_int_equal(json_integer_value(json_object_get(o, "done")), 610 << 20);
	assert_string_equal(json_string_value(json_object_get(o, "state")), "running");
	assert_string_equal(json_string_value(json_object_get(o, "unit")), "bytes");
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	json_decref(o);
}

TEST(colour_is_asked_of_the_environment)
{
	struct cli_globals g = {0};

	(void)setenv("TERM", "xterm", 1);
	(void)setenv("CLICOLOR_FORCE", "1", 1);
	assert_true(color_choose(&g));
	(void)setenv("NO_COLOR", "1", 1);
	assert_false(color_choose(&g));
	g.color = COLOR_ALWAYS;
	assert_true(color_choose(&g));
	g.color = COLOR_NEVER;
	(void)unsetenv("NO_COLOR");
	assert_false(color_choose(&g));
	(void)unsetenv("CLICOLOR_FORCE");
}

RUN(IT(a_table_is_padded_by_cells), IT(quiet_prints_the_first_column),
    IT(json_is_one_object_from_the_same_columns), IT(warnings_are_part_of_the_json_answer),
    IT(a_record_has_a_line_per_column), IT(nobody_is_asked_without_a_terminal),
    IT(only_a_yes_is_a_yes), IT(a_terminal_shows_one_line_and_keeps_the_finished_step),
    IT(plain_lines_come_with_each_phase_and_at_least_every_ten_seconds),
    IT(nothing_is_drawn_when_progress_is_off), IT(work_without_a_measure_shows_its_time),
    IT(a_drawn_line_never_wraps), IT(json_progress_is_an_object_a_line),
    IT(colour_is_asked_of_the_environment))
