/* SPDX-License-Identifier: Apache-2.0 */
#include "env/services.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/env.h"
#include "base/fs.h"
#include "base/mem.h"
#include "config.h"
#include "env/inside.h"

enum { STATUS_MAX = 65536, SERVICES_MAX = 64 };

/* "  KEYWORD VALUE": % and newlines are escaped, as dlenv-init expects. */
static void directive(struct buf *out, const char *keyword, const char *value)
{
	buf_fmt(out, "  %s ", keyword);
	for (; *value; value++) {
		if (*value == '%' || *value == '\n' || *value == '\r')
			buf_fmt(out, "%%%02X", (unsigned int)(unsigned char)*value);
		else
			buf_add(out, value, 1);
	}
	buf_str(out, "\n");
}

static void account(struct buf *out, const struct env *v)
{
	buf_fmt(out, "  uid %u\n  gid %u\n", (unsigned int)v->site->user->uid,
		(unsigned int)v->site->user->gid);
	if (v->keep_groups)
		buf_str(out, "  keep-groups yes\n");
}

static void variables(struct buf *out, const struct env *v, const struct env_def *d,
		      const struct def_service *own)
{
	CLEANUP(strs_fini) struct strs all = {0};

	inside_variables(v->site, v, d, &all);
	for (size_t i = 0; own && i < own->env.n; i++)
		strs_fmt(&all, "%s=%s", own->env.items[i].key, own->env.items[i].value);
	for (size_t i = 0; i < all.n; i++)
		directive(out, "env", all.v[i]);
}

static void jupyter(struct buf *out, const struct env *v, const struct env_def *d)
{
	CLEANUP(freep) char *workspace = inside_workspace(v->site);

	buf_str(out, "service jupyter\n");
	directive(out, "arg", "jupyter-lab");
	directive(out, "arg", "--config=/run/dlenv/jupyter/jupyter_server_config.json");
	variables(out, v, d, NULL);
	account(out, v);
	directive(out, "cwd", workspace);
	buf_fmt(out, "  restart always\n  health tcp %s %u\n  stop-ms 3000\nend\n", d->jupyter.bind,
		v->rec.jupyter_port);
}

static void service(struct buf *out, const struct env *v, const struct env_def *d,
		    const struct def_service *s)
{
	static const char *const restart[] = {[RESTART_ALWAYS] = "always",
					      [RESTART_ON_FAILURE] = "on-failure",
					      [RESTART_NO] = "no"};
	CLEANUP(freep) char *workspace = inside_workspace(v->site);

	buf_fmt(out, "service %s\n", s->name);
	for (const char *const *a = s->run; *a; a++)
		directive(out, "arg", *a);
	variables(out, v, d, s);
	account(out, v);
	directive(out, "cwd", s->cwd ? s->cwd : workspace);
	buf_fmt(out, "  restart %s\n", restart[s->restart]);
	if (s->health)
		directive(out, "health", s->health);
	buf_str(out, "  stop-ms 5000\nend\n");
}

int services_write(const struct env *v, const struct env_def *d, struct err *e)
{
	CLEANUP(freep) char *path = env_path(v, "run/init.conf");
	CLEANUP(buf_fini) struct buf text = {0};

	buf_str(&text, "log-dir /run/dlenv/log\nlog-max 1048576\nstatus /run/dlenv/status\n");
	if (d->jupyter.enable)
		jupyter(&text, v, d);
	for (size_t i = 0; i < d->services_n; i++)
		service(&text, v, d, &d->services[i]);
	return file_write(AT_FDCWD, path, text.data, text.len, 0600, 0, e);
}

int services_init_program(char **ret, struct err *e)
{
	char *path = env_libexec("dlenv-init", "init");

	if (path) {
		*ret = path;
		return 0;
	}
	(void)err_set(e, ERR_ABSENT, "dlenv-init, the first process of an environment, is missing");
	return err_hint(e, "install dlenv again: it belongs into %s", DLENV_LIBEXEC);
}

/* The value of KEY= in a status line, cut at the next space. */
static void field(const char *line, const char *key, char *ret, size_t size)
{
	CLEANUP(freep) char *wanted = str_fmt(" %s=", key);
	const char *at = strstr(line, wanted);
	size_t n;

	ret[0] = '\0';
	if (!at)
		return;
	at += strlen(wanted);
	n = strcspn(at, " ");
	if (n >= size)
		n = size - 1;
	memcpy(ret, at, n);
	ret[n] = '\0';
}

static uint64_t number(const char *line, const char *key)
{
	char text[24];
	uint64_t value = 0;
	struct err e;

	field(line, key, text, sizeof(text));
	return parse_uint(text, INT64_MAX, key, &value, &e) < 0 ? 0 : value;
}

static void status_line(const char *line, struct service_status *s)
{
	size_t n = strcspn(line, " ");

	*s = (struct service_status){.pid = number(line, "pid"),
				     .restarts = number(line, "restarts")};
	memcpy(s->name, line, n < sizeof(s->name) ? n : sizeof(s->name) - 1);
	field(line, "state", s->state, sizeof(s->state));
	field(line, "health", s->health, sizeof(s->health));
}

int env_services(const struct env *v, struct service_status *rows, size_t max, size_t *ret_n,
		 struct err *e)
{
	static const char word[] = "service ";
	CLEANUP(freep) char *path = env_path(v, "run/status");
	CLEANUP(freep) char *text = NULL;
	char *save = NULL;
	size_t n = 0;

	if (file_read(AT_FDCWD, path, STATUS_MAX, &text, NULL, e) < 0)
		return -(int)e->code;
	for (char *l = strtok_r(text, "\n", &save); l && n < max; l = strtok_r(NULL, "\n", &save))
		if (str_starts(l, word))
			status_line(l + strlen(word), &rows[n++]);
	*ret_n = n;
	return 0;
}

/* 1: all healthy, 0: not yet, negative: one has failed for good. */
static int all_healthy(const struct env *v, struct err *e)
{
	struct service_status rows[SERVICES_MAX];
	size_t n = 0;

	if (env_services(v, rows, COUNT(rows), &n, e) < 0)
		return e->code == ERR_ABSENT ? 0 : -(int)e->code;
	for (size_t i = 0; i < n; i++) {
		if (str_eq(rows[i].state, "failed")) {
			(void)err_set(e, ERR_FAIL, "the service '%s' of '%s' does not start",
				      rows[i].name, v->name);
			return err_hint(e, "`dlenv logs %s %s` shows why", v->name, rows[i].name);
		}
		if (!str_eq(rows[i].health, "ok") && !str_eq(rows[i].state, "stopped"))
			return 0;
	}
	return 1;
}

int env_wait_healthy(const struct env *v, int timeout_ms, struct err *e)
{
	enum { STEP_MS = 50 };

	for (int waited = 0; waited <= timeout_ms; waited += STEP_MS) {
		int answer = all_healthy(v, e);

		if (answer)
			return answer < 0 ? answer : 0;
		(void)poll(NULL, 0, STEP_MS);
	}
	(void)err_set(e, ERR_BUSY, "the services of '%s' are not ready after %d s", v->name,
		      timeout_ms / 1000);
	return err_hint(e, "`dlenv logs %s` shows what they are doing", v->name);
}
