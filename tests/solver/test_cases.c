/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/str.h"
#include "compat/answer.h"
#include "compat/gpus.h"

/*
 * tests/solver/NAME.case: what is asked, a line "---", and the answer. A line of the question is a
 * name and a value:
 *   gpu TEXT         as --gpu takes it, or none; as often as there are GPUs
 *   loaded VERSION   of the loaded driver; VERSION-open: with the open modules
 *   machine NAME VALUE    a pin that was read from the machine
 *   like, codename   of os-release
 *   facts TABLE CELLS     a row of the user's own table, cells separated by |, the first time its
 * columns explain          the answer has its reasons NAME VALUE       a pin: cuda 12.4 With
 * DLENV_UPDATE set the answers are written instead of compared.
 */

enum { CASE_BYTES = 1 << 16, GPUS = 16 };

struct question {
	struct arena arena;
	struct facts facts;
	struct gpu_fact gpus[GPUS];
	struct solve_request r;
	struct buf own; /* the user's table */
	const char *own_name;
	bool explain;
};

static void add_own(struct question *q, char *value)
{
	char *cells = strchr(value, ' ');

	assert_non_null(cells);
	*cells++ = '\0';
	q->own_name = value;
	for (char *p = cells; *p; p++)
		if (*p == '|')
			*p = '\t';
	buf_fmt(&q->own, "%s\n", cells);
}

static void add_pin(struct question *q, const char *name, const char *value, bool given)
{
	for (size_t var = 0; var < VARS; var++)
		if (str_eq(solve_names[var], name)) {
			q->r.pin[var] = value;
			q->r.given[var] = given;
			return;
		}
	fail_msg("'%s' is no line of a case", name);
}

static void add_loaded(struct question *q, char *value)
{
	if (str_ends(value, "-open")) {
		value[strlen(value) - strlen("-open")] = '\0';
		q->r.loaded_open = true;
	}
	q->r.loaded = value;
}

static void add_gpu(struct question *q, const char *value)
{
	struct err e = {0};

	if (str_eq(value, "none")) {
		q->r.no_gpu = true;
		return;
	}
	assert_true(q->r.gpus_n < GPUS);
	if (gpu_by_text(&q->facts, value, &q->gpus[q->r.gpus_n++], &e) < 0)
		fail_msg("gpu %s: %s", value, e.msg);
}

static void take_line(struct question *q, char *line)
{
	char *value = strchr(line, ' ');
	char *more;

	if (!*line || *line == '#')
		return;
	if (str_eq(line, "explain")) {
		q->explain = true;
		return;
	}
	assert_non_null(value);
	*value++ = '\0';
	if (str_eq(line, "gpu"))
		add_gpu(q, value);
	else if (str_eq(line, "loaded"))
		add_loaded(q, value);
	else if (str_eq(line, "like"))
		q->r.distro_like = value;
	else if (str_eq(line, "codename"))
		q->r.codename = value;
	else if (str_eq(line, "facts"))
		add_own(q, value);
	else if (str_eq(line, "machine") && (more = strchr(value, ' '))) {
		*more++ = '\0';
		add_pin(q, value, more, true);
	} else
		add_pin(q, line, value, false);
}

/* The lines of a question; GPUs are looked up behind the user's facts, which may change them. */
static void read_question(struct question *q, char *text)
{
	static const char *const folders[] = {NULL};
	CLEANUP(strs_fini) struct strs lines = {0};
	struct err e = {0};
	char *line;

	assert_int_equal(facts_load(&q->facts, folders, &e), 0);
	while ((line = strsep(&text, "\n")))
		if (str_starts(line, "facts "))
			take_line(q, arena_str(&q->arena, line));
		else
			strs_add(&lines, line);
	if (q->own_name &&
	    facts_add(&q->facts, q->own_name, q->own.data, q->own.len, "own.tsv", &e) < 0)
		fail_msg("%s", e.msg);
	for (size_t i = 0; i < lines.n; i++)
		take_line(q, arena_str(&q->arena, lines.v[i]));
	q->r.gpus = q->gpus;
}

static void question_fini(struct question *q)
{
	buf_fini(&q->own);
	facts_fini(&q->facts);
	arena_fini(&q->arena);
}

static void answer_of(char *asked, struct buf *ret)
{
	CLEANUP(question_fini) struct question q = {0};
	CLEANUP(answer_fini) struct solve_answer a = {0};
	struct err e = {0};

	read_question(&q, asked);
	if (solve(&q.facts, &q.r, q.explain ? SOLVE_EXPLAIN : 0, &a, &e) < 0) {
		buf_fmt(ret, "error %s\n", e.msg);
		return;
	}
	answer_text(&a, q.explain ? ANSWER_REASONS : 0, ret);
}

/* false: the answer is another one than the file's. */
static bool check_case(int dir, const char *name, bool update)
{
	static const char line[] = "---\n";
	CLEANUP(freep) char *text = NULL;
	CLEANUP(freep) char *asked = NULL;
	CLEANUP(buf_fini) struct buf got = {0};
	CLEANUP(buf_fini) struct buf whole = {0};
	struct err e = {0};
	char *answer;

	if (file_read(dir, name, CASE_BYTES, &text, NULL, &e) < 0)
		fail_msg("%s", e.msg);
	answer = strstr(text, line);
	if (!answer)
		fail_msg("%s: there is no line ---", name);
	asked = str_fmt("%.*s", (int)(answer - text), text);
	buf_fmt(&whole, "%s%s", asked, line);
	answer_of(asked, &got);
	if (str_eq(got.data ? got.data : "", answer + strlen(line)))
		return true;
	if (update) {
		buf_str(&whole, got.data ? got.data : "");
		assert_int_equal(file_write(dir, name, whole.data, whole.len, 0644, 0, &e), 0);
		return true;
	}
	print_error("%s: the answer is now\n%s", name, got.data ? got.data : "");
	return false;
}

TEST(every_case_has_its_answer)
{
	CLEANUP(fd_closep) int dir = -1;
	CLEANUP(strs_fini) struct strs names = {0};
	const char *path = getenv("DLENV_CASES");
	struct err e = {0};
	size_t wrong = 0;
	size_t n = 0;

	assert_non_null(path);
	assert_int_equal(dir_open(AT_FDCWD, path, &dir, &e), 0);
	assert_int_equal(dir_list(dir, ".", &names, &e), 0);
	for (size_t i = 0; i < names.n; i++)
		if (str_ends(names.v[i], ".case")) {
			n++;
			wrong += !check_case(dir, names.v[i], getenv("DLENV_UPDATE"));
		}
	assert_true(n >= 40);
	if (wrong)
		fail_msg("%zu cases: tools/update-golden.sh rewrites them; review the difference",
			 wrong);
}

RUN(IT(every_case_has_its_answer))
