/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "cli/text.h"

enum {
	STEP_CELLS = 9,	  /* the column of step names */
	BAR_CELLS = 10,	  /* between the brackets */
	REDRAW_MS = 100,  /* a terminal need not be asked more often */
	PLAIN_MS = 10000, /* no silent minutes in a log file either */
	JSON_MS = 1000,
	SAMPLE_MS = 1000, /* how long bytes are counted for one value of the rate */
	LINE_MAX_CELLS = 160,
};

struct renderer {
	struct renderer_config config;
	struct progress progress;
	char step[32];	   /* what is drawn: a change of these starts a new phase */
	const char *phase; /* static text of the library */
	int64_t phase_ms;  /* when it began */
	int64_t drawn_ms;  /* last output */
	int64_t sample_ms; /* rate: beginning of the sample, and bytes at that time */
	uint64_t sample_done;
	double rate;  /* bytes or items a second; 0: not known yet */
	bool on_line; /* the cursor stands behind a drawn line */
};

static int64_t now(const struct renderer *r)
{
	return r->config.now_ms ? r->config.now_ms() : mono_ms();
}

/* A terminal that went away must not stop the work. */
static void put(const struct renderer *r, const struct buf *b)
{
	if (b->data && write_all(r->config.fd, b->data, b->len) < 0)
		return;
}

static size_t line_cells(const struct renderer *r)
{
	struct winsize w = {0};

	if (r->config.width)
		return r->config.width;
	if (ioctl(r->config.fd, TIOCGWINSZ, &w) < 0 || w.ws_col < 20)
		return 80;
	return w.ws_col < LINE_MAX_CELLS ? w.ws_col : LINE_MAX_CELLS;
}

static void add_time(struct buf *b, uint64_t seconds)
{
	if (seconds >= 3600)
		buf_fmt(b, "%u:%02u:%02u", (unsigned int)(seconds / 3600),
			(unsigned int)(seconds / 60 % 60), (unsigned int)(seconds % 60));
	else
		buf_fmt(b, "%u:%02u", (unsigned int)(seconds / 60), (unsigned int)(seconds % 60));
}

static unsigned int percent(const struct progress_event *ev)
{
	if (ev->done >= ev->total)
		return 100;
	return (unsigned int)((double)ev->done * 100 / (double)ev->total);
}

/* "[====>    ] unpack 61 %" */
static void add_bar(struct buf *b, const struct progress_event *ev)
{
	unsigned int full = (unsigned int)((double)percent(ev) * BAR_CELLS / 100);

	buf_str(b, "[");
	for (unsigned int i = 0; i < BAR_CELLS; i++)
		buf_str(b, i < full ? "=" : i == full ? ">" : " ");
	buf_str(b, "]");
}

/* "2.9 GiB", "212/396", or nothing: how much there is to do, or was done where that is unknown. */
static void add_amount(struct buf *b, const struct progress_event *ev)
{
	CLEANUP(freep) char *size = NULL;

	if (ev->unit == PROGRESS_BYTES) {
		size = str_size(ev->total ? ev->total : ev->done);
		buf_str(b, size);
	} else if (ev->unit == PROGRESS_ITEMS && ev->total) {
		buf_fmt(b, "%llu/%llu", (unsigned long long)ev->done,
			(unsigned long long)ev->total);
	} else if (ev->unit == PROGRESS_ITEMS) {
		buf_fmt(b, "%llu", (unsigned long long)ev->done);
	}
}

/* "12.3 MiB/s" and the time left, as far as they are known. */
static void add_rate(const struct renderer *r, struct buf *b, const struct progress_event *ev)
{
	CLEANUP(freep) char *size = NULL;
	CLEANUP(buf_fini) struct buf left = {0};

	if (ev->unit != PROGRESS_BYTES || r->rate < 1)
		return;
	size = str_size((uint64_t)r->rate);
	buf_fmt(b, "  %s/s", size);
	if (ev->total <= ev->done)
		return;
	add_time(&left, (uint64_t)((double)(ev->total - ev->done) / r->rate) + 1);
	buf_str(b, "  ");
	buf_fmt(b, _("%s left"), left.data);
}

static void add_step(const struct renderer *r, struct buf *b, const char *step)
{
	buf_str(b, "  ");
	if (r->config.color)
		buf_str(b, "\033[36m");
	text_clean(b, step);
	if (r->config.color)
		buf_str(b, "\033[0m");
	text_pad(b, str_width(step), STEP_CELLS);
	buf_str(b, " ");
}

/*
 * "  image     NOTE   2.9 GiB   [====>    ] unpack 61 %  12.3 MiB/s  1:05 left", the note
 * cut so that the line never wraps: a wrapped line cannot be redrawn.
 */
static void draw_line(struct renderer *r, const struct progress_event *ev, int64_t at)
{
	CLEANUP(buf_fini) struct buf tail = {0};
	CLEANUP(buf_fini) struct buf fitted = {0};
	CLEANUP(buf_fini) struct buf line = {0};
	size_t room = line_cells(r) - 1;
	size_t head = 2 + STEP_CELLS + 1;

	add_amount(&tail, ev);
	if (tail.len)
		buf_str(&tail, "   ");
	if (ev->total && ev->unit != PROGRESS_NONE) {
		add_bar(&tail, ev);
		buf_fmt(&tail, " %s %u %%", ev->phase ? tr(ev->phase) : "", percent(ev));
	} else {
		buf_fmt(&tail, "%s ", ev->phase ? tr(ev->phase) : "");
		add_time(&tail, (uint64_t)(at - r->phase_ms) / 1000);
	}
	add_rate(r, &tail, ev);

	buf_str(&line, "\r");
	add_step(r, &line, ev->step);
	room = room > head ? room - head : 0;
	text_fit(&fitted, tail.data, room);
	room -= str_width(fitted.data ? fitted.data : "");
	if (ev->note && room > 8) {
		text_fit(&line, ev->note, room - 3);
		buf_str(&line, "   ");
	}
	buf_str(&line, fitted.data ? fitted.data : "");
	buf_str(&line, "\033[K");
	put(r, &line);
	r->on_line = true;
}

/* "  image     unpack  1.2 GiB of 2.9 GiB, 41 %  12.3 MiB/s  1:05 left  (0:12)" */
static void print_line(struct renderer *r, const struct progress_event *ev, int64_t at)
{
	CLEANUP(buf_fini) struct buf line = {0};
	CLEANUP(freep) char *done = str_size(ev->done);
	CLEANUP(freep) char *total = str_size(ev->total);

	add_step(r, &line, ev->step);
	if (ev->phase)
		buf_fmt(&line, "%s  ", tr(ev->phase));
	if (ev->unit == PROGRESS_BYTES && ev->total)
		buf_fmt(&line, _("%s of %s, %u %%"), done, total, percent(ev));
	else
		add_amount(&line, ev);
	add_rate(r, &line, ev);
	if (ev->note) {
		buf_str(&line, "  ");
		text_clean(&line, ev->note);
	}
	buf_str(&line, "  (");
	add_time(&line, (uint64_t)(at - r->phase_ms) / 1000);
	buf_str(&line, ")\n");
	put(r, &line);
}

static void print_json(struct renderer *r, const struct progress_event *ev)
{
	static const char *const units[] = {"none", "bytes", "items"};
	CLEANUP(buf_fini) struct buf line = {0};
	struct timespec t;
	json_t *o;
	char *text;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	o = json_pack("{s:f, s:s, s:s?, s:s?, s:I, s:I, s:s, s:s}", "ts",
		      (double)t.tv_sec + (double)t.tv_nsec / 1e9, "step", ev->step, "phase",
		      ev->phase, "note", ev->note, "done", (json_int_t)ev->done, "total",
		      (json_int_t)ev->total, "unit", units[ev->unit], "state",
		      ev->finished ? "finished" : "running");
	text = o ? json_dumps(o, JSON_COMPACT) : NULL; /* NULL: a note that is not UTF-8 */
	if (text) {
		buf_fmt(&line, "%s\n", text);
		put(r, &line);
	}
	free(text);
	json_decref(o);
}

void renderer_step(struct renderer *r, const char *id, const char *text)
{
	CLEANUP(buf_fini) struct buf line = {0};
	const struct progress_event ev = {.step = id, .note = text, .finished = true};

	r->step[0] = '\0';
	r->phase = NULL;
	if (r->config.mode == PROGRESS_JSON)
		print_json(r, &ev);
	if (r->config.mode == PROGRESS_JSON || r->config.mode == PROGRESS_OFF)
		return;
	renderer_clear(r);
	add_step(r, &line, id);
	text_clean(&line, text ? text : "");
	buf_str(&line, "\n");
	put(r, &line);
}

/* A new phase begins its clock and its rate anew. */
static bool begin_phase(struct renderer *r, const struct progress_event *ev, int64_t at)
{
	if (str_eq(r->step, ev->step) && str_eq(r->phase, ev->phase))
		return false;
	(void)strncpy(r->step, ev->step, sizeof(r->step) - 1);
	r->phase = ev->phase;
	r->phase_ms = at;
	r->sample_ms = at;
	r->sample_done = ev->done;
	r->rate = 0;
	return true;
}

/* The rate follows a change within a few seconds, and does not jump about. */
static void sample_rate(struct renderer *r, const struct progress_event *ev, int64_t at)
{
	int64_t ms = at - r->sample_ms;
	double rate;

	if (ev->done < r->sample_done) { /* counted anew */
		r->sample_done = ev->done;
		r->sample_ms = at;
		r->rate = 0;
		return;
	}
	if (ms < SAMPLE_MS)
		return;
	rate = (double)(ev->done - r->sample_done) * 1000 / (double)ms;
	r->rate = r->rate > 0 ? r->rate * 0.7 + rate * 0.3 : rate;
	r->sample_ms = at;
	r->sample_done = ev->done;
}

static void on_report(void *arg, const struct progress_event *ev)
{
	static const int64_t pause_ms[] = {
		[PROGRESS_TTY] = REDRAW_MS, [PROGRESS_PLAIN] = PLAIN_MS, [PROGRESS_JSON] = JSON_MS};
	struct renderer *r = arg;
	int64_t at = now(r);
	bool fresh;

	if (r->config.mode == PROGRESS_OFF)
		return;
	if (ev->finished) {
		renderer_step(r, ev->step, ev->note);
		return;
	}
	fresh = begin_phase(r, ev, at);
	sample_rate(r, ev, at);
	if (!fresh && at - r->drawn_ms < pause_ms[r->config.mode])
		return;
	r->drawn_ms = at;
	if (r->config.mode == PROGRESS_TTY)
		draw_line(r, ev, at);
	else if (r->config.mode == PROGRESS_PLAIN)
		print_line(r, ev, at);
	else
		print_json(r, ev);
}

struct renderer *renderer_new(const struct renderer_config *config)
{
	struct renderer *r = NEW(struct renderer);

	r->config = *config;
	r->progress = (struct progress){.report = on_report, .arg = r};
	return r;
}

const struct progress *renderer_progress(struct renderer *r)
{
	return &r->progress;
}

void renderer_clear(struct renderer *r)
{
	const struct buf erase = {.data = (char *)"\r\033[K", .len = 4};

	if (!r || !r->on_line)
		return;
	put(r, &erase);
	r->on_line = false;
	r->drawn_ms = 0;
}

void renderer_end_line(struct renderer *r)
{
	const struct buf newline = {.data = (char *)"\n", .len = 1};

	if (!r || !r->on_line)
		return;
	put(r, &newline);
	r->on_line = false;
}

void renderer_free(struct renderer **r)
{
	renderer_end_line(*r);
	freep(r);
}

static bool is_set(const char *variable)
{
	const char *value = getenv(variable);

	return value && *value;
}

static bool terminal_is_dumb(void)
{
	return !is_set("TERM") || str_eq(getenv("TERM"), "dumb");
}

enum progress_mode progress_choose(const struct cli_globals *g)
{
	if (g->progress != PROGRESS_AUTO)
		return (enum progress_mode)g->progress;
	if (g->quiet)
		return PROGRESS_OFF;
	return isatty(STDERR_FILENO) && !terminal_is_dumb() ? PROGRESS_TTY : PROGRESS_PLAIN;
}

bool color_choose(const struct cli_globals *g)
{
	if (g->color != COLOR_AUTO)
		return g->color == COLOR_ALWAYS;
	if (is_set("NO_COLOR") || terminal_is_dumb())
		return false;
	if (is_set("CLICOLOR_FORCE") && !str_eq(getenv("CLICOLOR_FORCE"), "0"))
		return true;
	return isatty(STDERR_FILENO);
}
