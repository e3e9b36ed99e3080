/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/proc.h"
#include "cli/cmds.h"
#include "cli/output.h"
#include "cli/site.h"
#include "env/jupyter.h"
#include "env/services.h"
#include "env/ssh.h"

enum { READY_MS = 60000, LOG_MAX = 4 << 20 };

struct jupyter_options {
	bool no_browser;
	bool rotate;
};

const struct option_row jupyter_options[] = {
	{OPTION(struct jupyter_options, no_browser, "no-browser", 0, OPT_FLAG),
	 .help = N_("print the link only")},
	{OPTION(struct jupyter_options, rotate, "rotate", 0, OPT_FLAG),
	 .help = N_("make a new token; the old one stops working")},
	{0},
};

/* A browser is there when there is a screen and a program that opens links. */
static void open_browser(const char *link)
{
	const char *const argv[] = {"xdg-open", link, NULL};
	CLEANUP(freep) char *program = proc_find(argv[0]);
	struct proc p = {.argv = argv, .timeout_ms = 10000};
	struct err ignored;
	int status;

	if (program && (getenv("DISPLAY") || getenv("WAYLAND_DISPLAY")))
		(void)!proc_run(&p, &status, &ignored);
}

/* Write the new token where the server reads it, and start the server anew. */
static int rotate(struct env *v, const struct env_def *d, struct err *e)
{
	static const char *const stop[] = {"pkill", "-TERM", "-f",
					   "jupyter-lab --config=/run/dlenv", NULL};
	const struct enter n = {.args = stop, .cwd = "/"};
	int status;

	if (jupyter_rotate(v, e) < 0 || jupyter_prepare(v, d, e) < 0)
		return -(int)e->code;
	return env_enter(v, d, &n, &status, e);
}

int cmd_jupyter(struct cli *c, struct err *e)
{
	const struct jupyter_options *o = c->opt;
	CLEANUP(site_close) struct site s = {.store = {.fd = -1}};
	CLEANUP(env_close) struct env v = {.lock = -1};
	CLEANUP(env_def_fini) struct env_def d = {0};
	CLEANUP(freep) char *link = NULL;

	if (cli_site(c, &s, e) < 0 || cli_env(c, &s, ENV_MUST_EXIST, &v, e) < 0 ||
	    env_definition(&v, &d, e) < 0)
		return -(int)e->code;
	if (!d.jupyter.enable) {
		(void)err_set(e, ERR_CONFIG, "JupyterLab is switched off for '%s'", v.name);
		return err_hint(e, "set jupyter.enable to true in dlenv.yaml");
	}
	if (cli_started(&v, &d, e) < 0 || (o->rotate && rotate(&v, &d, e) < 0))
		return -(int)e->code;
	/* The start may have chosen a port: read the record again. */
	env_close(&v);
	if (cli_env(c, &s, ENV_MUST_EXIST, &v, e) < 0 || env_wait_healthy(&v, READY_MS, e) < 0 ||
	    jupyter_link(&v, &link, e) < 0)
		return -(int)e->code;
	cli_print(c, "%s", link);
	cli_answer(c, json_pack("{s:s}", "url", link));
	if (!o->no_browser)
		open_browser(link);
	return 0;
}

struct logs_options {
	bool follow;
	uint64_t lines;
};

const struct option_row logs_options[] = {
	{OPTION(struct logs_options, follow, "follow", 'f', OPT_FLAG),
	 .help = N_("go on printing what is added")},
	{OPTION(struct logs_options, lines, "lines", 'n', OPT_UINT), .arg = "N",
	 .help = N_("only the last N lines")},
	{0},
};

/* Where the last n lines of a text begin; all of it for n = 0. */
static const char *last_lines(const char *text, size_t len, uint64_t n)
{
	const char *p = text + len;

	if (!n)
		return text;
	if (p > text && p[-1] == '\n')
		p--;
	while (p > text && (p[-1] != '\n' || --n))
		p--;
	return p;
}

/* Print what is added to the file, and go on with the new one when it is rotated. */
static int follow(const char *path, size_t from, struct err *e)
{
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	off_t at = (off_t)from;

	for (;;) {
		char chunk[8192];
		ssize_t n = fd < 0 ? 0 : pread(fd, chunk, sizeof(chunk), at);
		CLEANUP(fd_closep) int now = -1;

		if (n > 0) {
			at += n;
			if (write_all(STDOUT_FILENO, chunk, (size_t)n) < 0)
				return err_sys(e, "cannot write the log");
			continue;
		}
		(void)poll(NULL, 0, 200);
		now = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (now >= 0 && lseek(now, 0, SEEK_END) < at) {
			at = 0;
			fd_closep(&fd);
			fd = TAKE(now);
		}
	}
}

static int print_log(struct cli *c, const struct env *v, const char *service, bool heading,
		     json_t *answer, struct err *e)
{
	const struct logs_options *o = c->opt;
	CLEANUP(freep) char *name = str_fmt("run/log/%s.log", service);
	CLEANUP(freep) char *path = env_path(v, name);
	CLEANUP(freep) char *text = NULL;
	const char *from;
	size_t len = 0;

	if (file_read(AT_FDCWD, path, LOG_MAX, &text, &len, e) < 0) {
		(void)err_set(e, ERR_ABSENT, "'%s' has no log of a service '%s'", v->name, service);
		return err_hint(e, "`dlenv status %s` lists the services", v->name);
	}
	from = last_lines(text, len, o->lines);
	if (c->g.json)
		return json_array_append_new(answer, json_pack("{s:s, s:s}", "service", service,
							       "text", from)) < 0
			       ? err_set(e, ERR_PARSE, "the log of '%s' is not UTF-8", service)
			       : 0;
	if (heading)
		(void)printf("==> %s <==\n", service);
	if (fwrite(from, 1, len - (size_t)(from - text), stdout) == 0 && len)
		return err_sys(e, "cannot write the log");
	(void)fflush(stdout);
	return o->follow ? follow(path, len, e) : 0;
}

static int print_logs(struct cli *c, const struct env *v, json_t *answer, struct err *e)
{
	const struct logs_options *o = c->opt;
	struct service_status rows[64];
	size_t n = 0;

	if (c->args_n > 1)
		return print_log(c, v, c->args[1], false, answer, e);
	if (env_services(v, rows, COUNT(rows), &n, e) < 0)
		return e->code == ERR_ABSENT ? 0 : -(int)e->code;
	if (o->follow && n > 1) {
		(void)err_set(e, ERR_USAGE, "--follow follows one service");
		return err_hint(e, "name it: dlenv logs --follow %s %s", v->name, rows[0].name);
	}
	for (size_t i = 0; i < n; i++)
		if (print_log(c, v, rows[i].name, n > 1, answer, e) < 0 && e->code != ERR_ABSENT)
			return -(int)e->code;
	return 0;
}

int cmd_logs(struct cli *c, struct err *e)
{
	const struct logs_options *o = c->opt;
	CLEANUP(site_close) struct site s = {.store = {.fd = -1}};
	CLEANUP(env_close) struct env v = {.lock = -1};
	CLEANUP(json_unrefp) json_t *answer = json_array();

	if (c->g.json && o->follow)
		return err_set(e, ERR_USAGE, "--json and --follow do not go together");
	if (cli_site(c, &s, e) < 0 || cli_env(c, &s, ENV_MUST_EXIST, &v, e) < 0 ||
	    print_logs(c, &v, answer, e) < 0)
		return -(int)e->code;
	cli_answer(c, json_incref(answer));
	return 0;
}

struct ssh_options {
	bool remove;
};

const struct option_row ssh_options[] = {
	{OPTION(struct ssh_options, remove, "remove", 0, OPT_FLAG),
	 .help = N_("take the line out of the ssh config again")},
	{0},
};

int cmd_ssh_setup(struct cli *c, struct err *e)
{
	const struct ssh_options *o = c->opt;
	CLEANUP(site_close) struct site s = {.store = {.fd = -1}};
	CLEANUP(freep) char *config = NULL;
	CLEANUP(freep) char *line = NULL;

	if (cli_site(c, &s, e) < 0)
		return -(int)e->code;
	config = ssh_user_config(&s);
	line = ssh_include_line(&s);
	if (ssh_include_is_set(&s) != o->remove) {
		cli_note(c, _("%s needs no change"), config);
		return 0;
	}
	cli_print(c, "--- %s", config);
	cli_print(c, "%c %s", o->remove ? '-' : '+', line);
	if (c->g.dry_run)
		return 0;
	if (cli_ask(c, e, _("Change the file?")) < 0)
		return -(int)e->code;
	return ssh_include_set(&s, !o->remove, e);
}
