/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `dlenv top`: the tables of `gpu ls`, drawn again each second in the same place until q or Ctrl-C.
 * The terminal is put back whatever ends it.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "cli/cmds.h"
#include "cli/gpu_view.h"
#include "cli/output.h"
#include "cli/site.h"

enum { REFRESH_MS = 1000, PICTURE_MAX = 65536, HELD_MAX = 64 };

struct top_options {
	bool once;
};

const struct option_row top_options[] = {
	{OPTION(struct top_options, once, "once", 0, OPT_FLAG),
	 .help = N_("show one picture and end")},
	{0},
};

static volatile sig_atomic_t ended;

static void on_signal(int sig)
{
	(void)sig;
	ended = 1;
}

/* Keys come one by one and are not shown. */
struct screen {
	struct termios was;
	bool taken;
};

static void screen_take(struct screen *s)
{
	struct sigaction a = {.sa_handler = on_signal};
	struct termios raw;

	(void)sigaction(SIGINT, &a, NULL);
	(void)sigaction(SIGTERM, &a, NULL);
	(void)sigaction(SIGHUP, &a, NULL);
	if (tcgetattr(STDIN_FILENO, &s->was) < 0)
		return;
	raw = s->was;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	s->taken = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
	/* Each picture goes out at once, on the terminal's other screen, without the cursor. */
	(void)setvbuf(stdout, NULL, _IOFBF, PICTURE_MAX);
	(void)fputs("\033[?1049h\033[?25l", stdout);
}

static void screen_give_back(struct screen *s)
{
	(void)fputs("\033[?25h\033[?1049l", stdout);
	(void)fflush(stdout);
	if (s->taken)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &s->was);
}

/* Wait for the next picture; true: q, or the end of the input. */
static bool wait_for_key(void)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	char key = 0;

	if (poll(&in, 1, REFRESH_MS) <= 0)
		return false;
	return read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == 'Q';
}

/* GPUs that are kept open meanwhile: or a driver that is not persistent would start them for each
 * picture. */
struct held {
	int fds[HELD_MAX];
	size_t n;
};

/* Only what NVML could open a moment ago: opening a broken GPU can hang. */
static void hold(struct held *h, const struct root *machine, const struct gpu_view *v)
{
	if (h->n || !v->has_nvml || v->nvml.lost)
		return;
	for (size_t i = 0; i < v->nvidia.gpus_n && h->n < HELD_MAX; i++) {
		const struct nv_gpu *g = &v->nvidia.gpus[i];
		CLEANUP(freep) char *path = str_fmt("dev/nvidia%d", g->minor);
		int fd = g->index < 0 || g->minor < 0
				 ? -1
				 : openat(machine->fd, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

		if (fd >= 0)
			h->fds[h->n++] = fd;
	}
}

static void held_fini(struct held *h)
{
	while (h->n)
		(void)close(h->fds[--h->n]);
}

/* As many processes as there are lines for. */
static void cut_to_screen(struct gpu_view *v)
{
	enum { HEADINGS = 4 };
	struct winsize w = {0};
	size_t used = v->lines_n + HEADINGS;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0 || !w.ws_row)
		return;
	if (v->processes_n + used > w.ws_row)
		v->processes_n = w.ws_row > used ? w.ws_row - used : 0;
}

/* h: it is drawn on a screen; NULL: once, as it is. */
static int picture(struct cli *c, struct held *h, struct err *e)
{
	CLEANUP(gpu_view_fini) struct gpu_view v = {0};

	if (gpu_view_read(c, &v, e) < 0)
		return -(int)e->code;
	if (c->g.json) {
		gpu_view_warn(c, &v);
		cli_answer(c, gpu_view_json(&v));
		return 0;
	}
	if (h) {
		hold(h, &c->machine, &v);
		cut_to_screen(&v);
	}
	if (v.lines_n)
		gpu_view_print(c, &v);
	if (!v.has_nvml)
		cli_print(c, "%s", v.why.msg);
	return 0;
}

int cmd_top(struct cli *c, struct err *e)
{
	const struct top_options *o = c->opt;
	CLEANUP(held_fini) struct held h = {.n = 0};
	struct screen s = {0};
	int result = 0;

	if (o->once || c->g.json || !cli_has_terminal())
		return picture(c, NULL, e);
	screen_take(&s);
	while (!ended && result == 0) {
		(void)fputs("\033[H\033[2J", stdout);
		result = picture(c, &h, e);
		(void)fflush(stdout);
		if (result == 0 && wait_for_key())
			break;
	}
	screen_give_back(&s);
	return result;
}
