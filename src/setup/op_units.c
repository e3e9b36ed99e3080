/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on systemd's units: enable-unit, restart-unit. Of the system, or of a user. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/env.h"
#include "base/i18n.h"
#include "base/proc.h"
#include "setup/execute_parts.h"
#include "setup/op_parts.h"
#include "setup/script.h"

enum { WORDS_MAX = 8 };

/* systemctl [--user] VERB [OPTION] NAME */
struct command {
	const char *argv[WORDS_MAX];
};

static struct command command(const struct op *o, const char *verb, const char *option)
{
	struct command c = {.argv = {"systemctl"}};
	size_t n = 1;

	if (o->user)
		c.argv[n++] = "--user";
	c.argv[n++] = verb;
	if (option)
		c.argv[n++] = option;
	c.argv[n] = o->name;
	return c;
}

/* The first word that systemctl answers, "" when it has none. For free(). */
static char *ask(const struct op *o, struct executor *x, const char *verb, const char *option)
{
	struct command c = command(o, verb, option);
	char *text = NULL;
	int status;

	if (executor_question(x, c.argv, o->user, &text, &status) < 0)
		return str_dup("");
	text[strcspn(text, "\n")] = '\0';
	return text;
}

/* Units that cannot be enabled themselves start when something needs them. */
static bool counts_as_enabled(const char *state)
{
	static const char *const states[] = {"enabled",	 "enabled-runtime", "static",
					     "indirect", "generated",	    "alias"};

	for (size_t i = 0; i < COUNT(states); i++)
		if (str_eq(state, states[i]))
			return true;
	return false;
}

static bool is_active(const struct op *o, struct executor *x)
{
	CLEANUP(freep) char *state = ask(o, x, "is-active", NULL);

	return str_eq(state, "active") || str_eq(state, "activating");
}

/* On a recorded machine: a link to it in some folder of what a target wants. */
static int is_linked(const struct op *o, const struct executor *x)
{
	static const char folder[] = "/etc/systemd/system";
	CLEANUP(strs_fini) struct strs names = {0};
	struct err e = {0};

	if (o->user || dir_list(x->root->fd, below(folder), &names, &e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP(freep)
		char *path = str_fmt("%s/%s/%s", below(folder), names.v[i], o->name);
		struct stat st;

		if (str_ends(names.v[i], ".wants") &&
		    fstatat(x->root->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
			return 1;
	}
	return 0;
}

/* Without it nothing here starts services: whoever started this system does. */
static bool can_manage(const struct op *o, const struct executor *x)
{
	CLEANUP(freep) char *program = proc_find("systemctl");

	return program && (x->systemd || !o->user);
}

static bool enable_left(const struct op *o, const struct executor *x)
{
	return x->live && !can_manage(o, x);
}

static int enable_done(const struct op *o, struct executor *x)
{
	CLEANUP(freep) char *state = NULL;

	if (!x->live)
		return is_linked(o, x);
	state = ask(o, x, "is-enabled", NULL);
	if (!counts_as_enabled(state))
		return OP_TODO;
	return !(o->flags & OP_NOW) || !x->systemd || is_active(o, x);
}

static int enable_before(const struct op *o, struct executor *x, json_t **ret, struct err *e)
{
	CLEANUP(freep) char *state = ask(o, x, "is-enabled", NULL);

	(void)e;
	*ret = json_pack("{s:b, s:b}", "enabled", (int)counts_as_enabled(state), "active",
			 (int)(x->systemd && is_active(o, x)));
	return 0;
}

static int enable_apply(const struct op *o, struct executor *x, struct err *e)
{
	bool now = o->flags & OP_NOW && x->systemd;
	struct command c = command(o, "enable", now ? "--now" : NULL);

	if (o->flags & OP_NOW && !x->systemd)
		executor_note(x, _("systemd does not run here: '%s' starts with the next boot"),
			      o->name);
	if (executor_run(x, c.argv, o->user, e) == 0)
		return 0;
	return o->user ? err_hint(e, "see `journalctl --user -u %s` of %s", o->name, o->user)
		       : err_hint(e, "see: journalctl -xeu %s", o->name);
}

static int enable_undo(const struct op *o, struct executor *x, const json_t *before,
		       const json_t *after, struct err *e)
{
	bool stop = !json_is_true(json_object_get(before, "active")) && x->systemd;
	bool disable = !json_is_true(json_object_get(before, "enabled"));
	struct command c = command(o, disable ? "disable" : "stop",
				   disable && stop && o->flags & OP_NOW ? "--now" : NULL);
	CLEANUP(freep) char *state = NULL;

	(void)after;
	if (!can_manage(o, x) || (!disable && !stop))
		return 0;
	state = ask(o, x, "is-enabled", NULL);
	/* It has gone together with its package. */
	if (!*state || str_eq(state, "not-found"))
		return 0;
	return executor_run(x, c.argv, o->user, e);
}

static void enable_show(const struct op *o, const struct executor *x, struct buf *ret)
{
	(void)x;
	if (o->user)
		buf_fmt(ret,
			o->flags & OP_NOW ? _("enable and start %s of %s") : _("enable %s of %s"),
			o->name, o->user);
	else
		buf_fmt(ret, o->flags & OP_NOW ? _("enable and start %s") : _("enable %s"),
			o->name);
}

static void enable_script(const struct op *o, struct script *s)
{
	struct command c = command(o, "enable", o->flags & OP_NOW ? "--now" : NULL);

	if (o->flags & OP_NOW && !o->user)
		script_line(s, (const char *const[]){"enable_now", o->name, NULL});
	else
		script_line_as(s, o->user, c.argv);
}

const struct op_kind op_enable_unit = {
	.name = "enable-unit",
	.done = enable_done,
	.left = enable_left,
	.before = enable_before,
	.apply = enable_apply,
	.undo = enable_undo,
	.show = enable_show,
	.script = enable_script,
};

/* What a program reads only when it starts. */
static const struct config {
	const char *unit;
	const char *path;
	const char *users; /* the same of a user, below the home, or NULL */
	bool once;	   /* it ends, and is not active then */
} configs[] = {
	{"docker.service", "/etc/docker/daemon.json", ".config/docker/daemon.json", false},
	{"containerd.service", "/etc/containerd/config.toml", NULL, false},
	{"nvidia-cdi-refresh.service", "/etc/nvidia-container-toolkit/nvidia-cdi-refresh.env", NULL,
	 true},
};

static const struct config *config_of(const struct op *o)
{
	for (size_t i = 0; i < COUNT(configs); i++)
		if (str_eq(configs[i].unit, o->name))
			return &configs[i];
	return NULL;
}

/* For free(), or NULL. */
static char *config_path(const struct op *o, const struct config *c)
{
	CLEANUP(user_fini) struct user u = {0};
	struct err e = {0};

	if (!o->user)
		return str_dup(c->path);
	if (!c->users || user_find(o->user, &u, &e) < 0)
		return NULL;
	return str_fmt("%s/%s", u.home, c->users);
}

/* When its program was last started, ns by the clock of files; 0: never. */
static int64_t started_at(const struct op *o, struct executor *x)
{
	static const char property[] = "ExecMainStartTimestampMonotonic";
	CLEANUP(freep) char *option = str_fmt("--property=%s", property);
	CLEANUP(freep) char *text = ask(o, x, "show", option);
	const char *number = strchr(text, '=');
	struct timespec real;
	struct timespec mono;
	struct err e;
	uint64_t us;

	if (!number || parse_uint(number + 1, INT64_MAX, property, &us, &e) < 0 || !us)
		return 0;
	(void)clock_gettime(CLOCK_REALTIME, &real);
	(void)clock_gettime(CLOCK_MONOTONIC, &mono);
	return time_ns(&real) - (time_ns(&mono) - (int64_t)us * 1000);
}

static bool restart_left(const struct op *o, const struct executor *x)
{
	(void)o;
	return x->live && !x->systemd;
}

/* Done when it began after its configuration was written, or does not run. */
static int restart_done(const struct op *o, struct executor *x)
{
	const struct config *c = config_of(o);
	CLEANUP(freep) char *path = c ? config_path(o, c) : NULL;
	struct stat st;

	if (!x->live)
		return OP_UNKNOWN;
	if (!path || fstatat(x->root->fd, below(path), &st, 0) < 0)
		return x->works == 0;
	if (!c->once && !is_active(o, x))
		return 1;
	return started_at(o, x) >= time_ns(&st.st_mtim);
}

static int restart_apply(const struct op *o, struct executor *x, struct err *e)
{
	struct command c = command(o, "restart", NULL);

	if (executor_run(x, c.argv, o->user, e) == 0)
		return 0;
	return o->user ? err_hint(e, "see `journalctl --user -u %s` of %s", o->name, o->user)
		       : err_hint(e, "see: journalctl -xeu %s", o->name);
}

/* With the last session, or the end of lingering, a user's systemd is gone, and its daemons too. */
static bool users_systemd_runs(const struct op *o, const struct executor *x)
{
	CLEANUP(user_fini) struct user u = {0};
	CLEANUP(freep) char *path = NULL;
	struct err e = {0};

	if (user_find(o->user, &u, &e) < 0)
		return false;
	path = str_fmt("/run/user/%u/systemd/private", (unsigned int)u.uid);
	return root_has(x->root, path);
}

/* Late: once what it reads is as before. */
static int restart_undo(const struct op *o, struct executor *x, const json_t *before,
			const json_t *after, struct err *e)
{
	struct command c = command(o, "try-restart", NULL);
	CLEANUP(freep) char *state = NULL;

	(void)before;
	(void)after;
	if (!x->systemd || (o->user && !users_systemd_runs(o, x)))
		return 0;
	state = ask(o, x, "is-enabled", NULL);
	return !*state || str_eq(state, "not-found") ? 0 : executor_run(x, c.argv, o->user, e);
}

static void restart_show(const struct op *o, const struct executor *x, struct buf *ret)
{
	(void)x;
	if (o->user)
		buf_fmt(ret, _("restart %s of %s"), o->name, o->user);
	else
		buf_fmt(ret, _("restart %s"), o->name);
}

static void restart_script(const struct op *o, struct script *s)
{
	struct command c = command(o, "restart", NULL);

	if (!o->user)
		script_line(s, (const char *const[]){"restart_unit", o->name, NULL});
	else
		script_line_as(s, o->user, c.argv);
}

const struct op_kind op_restart_unit = {
	.name = "restart-unit",
	.late = true,
	.done = restart_done,
	.left = restart_left,
	.apply = restart_apply,
	.undo = restart_undo,
	.show = restart_show,
	.script = restart_script,
};
