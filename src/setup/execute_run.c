/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that operations run. Each gets a session of its own, so that Ctrl-C at the terminal
 * reaches dlenv alone: a package manager that is stopped halfway leaves a machine that has to be
 * repaired.
 */
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/env.h"
#include "base/fs.h"
#include "base/i18n.h"
#include "base/proc.h"
#include "setup/execute_parts.h"

enum { GROUPS_MAX = 256, GROUP_FILE_MAX = 4 << 20, LAST_WORDS = 300 };

void executor_say(struct executor *x, const char *note)
{
	const struct progress_event ev = {.step = x->step ? x->step : "setup",
					  .note = note,
					  .done = x->at,
					  .total = x->of,
					  .unit = PROGRESS_ITEMS};

	progress_report(x->progress, &ev);
}

bool executor_is_stopped(struct executor *x)
{
	struct signalfd_siginfo info;
	int64_t now;

	while (x->signal_fd > 0 && read(x->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		now = mono_ms() / 1000;
		/* Some send the same twice at once, to the process and to its group. */
		if (!x->stops || now > x->stopped_at + 1)
			x->stops++;
		x->stopped_at = now;
	}
	return x->stops > 0;
}

/* Who a program runs as. */
struct person {
	struct user user;
	gid_t groups[GROUPS_MAX];
	size_t groups_n;
};

static void person_fini(struct person *p)
{
	user_fini(&p->user);
}

/* The groups of /etc/group: a static program has no NSS. */
static void read_groups(struct person *p)
{
	CLEANUP(freep) char *text = NULL;
	struct err e = {0};
	char *save = NULL;

	p->groups[p->groups_n++] = p->user.gid;
	if (file_read(AT_FDCWD, "/etc/group", GROUP_FILE_MAX, &text, NULL, &e) < 0)
		return;
	for (char *l = strtok_r(text, "\n", &save); l && p->groups_n < GROUPS_MAX;
	     l = strtok_r(NULL, "\n", &save)) {
		char *members = strrchr(l, ':');
		char *gid;
		uint64_t number;

		if (!members)
			continue;
		*members++ = '\0';
		gid = strrchr(l, ':');
		if (gid && parse_uint(gid + 1, UINT32_MAX, "gid", &number, &e) == 0 &&
		    str_list_has(members, ',', p->user.name))
			p->groups[p->groups_n++] = (gid_t)number;
	}
}

/* In the child. */
static int become(void *arg, struct err *e)
{
	const struct person *p = arg;

	if (!p->user.name || p->user.uid == geteuid())
		return 0;
	if (setgroups(p->groups_n, p->groups) < 0 || setgid(p->user.gid) < 0 ||
	    setuid(p->user.uid) < 0)
		return err_sys(e, "cannot become '%s'", p->user.name);
	return 0;
}

static void add_environment(const struct person *p, struct strs *env)
{
	unsigned int uid = p->user.uid;

	strs_fmt(env, "HOME=%s", p->user.home);
	strs_fmt(env, "USER=%s", p->user.name);
	strs_fmt(env, "LOGNAME=%s", p->user.name);
	strs_fmt(env, "XDG_RUNTIME_DIR=/run/user/%u", uid);
	strs_fmt(env, "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/%u/bus", uid);
}

struct output {
	struct executor *x;
	struct buf text; /* of a question */
	bool asks;
};

static void output_fini(struct output *o)
{
	buf_fini(&o->text);
}

static int on_line(void *arg, const char *line)
{
	struct output *o = arg;

	if (o->asks) {
		buf_str(&o->text, line);
		buf_str(&o->text, "\n");
	} else {
		executor_say(o->x, line);
	}
	return 0;
}

static int on_wake(void *arg, pid_t pid)
{
	const struct output *o = arg;

	return executor_wake(o->x, pid);
}

int executor_wake(void *arg, pid_t pid)
{
	struct executor *x = arg;

	if (!executor_is_stopped(x))
		return 0;
	if (x->stops == 1)
		executor_say(x, _("stopping after this; once more stops it now"));
	else
		(void)kill(-pid, SIGTERM);
	return 0;
}

/* The last lines that a program printed. */
static const char *last_words(struct buf *last)
{
	char *p;

	buf_str(last, "");
	while (last->len && strchr(" \n\r\t", last->data[last->len - 1]))
		last->data[--last->len] = '\0';
	p = last->data + last->len;
	while (p > last->data && (size_t)(last->data + last->len - p) < LAST_WORDS)
		p--;
	if (p > last->data && strchr(p, '\n'))
		p = strchr(p, '\n') + 1;
	return p;
}

static void log_command(const struct executor *x, const char *const *argv, const char *user)
{
	if (x->log_fd <= 0)
		return;
	(void)dprintf(x->log_fd, "%s%s$", user ? user : "", user ? " " : "");
	for (; *argv; argv++)
		(void)dprintf(x->log_fd, " %s", *argv);
	(void)dprintf(x->log_fd, "\n");
}

int executor_run_with(struct executor *x, const struct executor_program *program, struct err *e)
{
	CLEANUP(person_fini) struct person person = {0};
	CLEANUP(strs_fini) struct strs env = {0};
	CLEANUP(buf_fini) struct buf last = {.max = 4096};
	CLEANUP(output_fini)
	struct output output = {.x = x, .text = {.max = 1 << 20}, .asks = program->ret_text};
	struct proc p = {.argv = program->argv,
			 .cwd = "/",
			 .stdin_fd = program->stdin_fd,
			 .log_fd = program->secret ? 0 : x->log_fd,
			 .on_line = program->secret && !program->ret_text ? NULL : on_line,
			 .wake_fd = x->signal_fd,
			 .on_wake = on_wake,
			 .arg = &output,
			 .own_session = true,
			 .in_child = become,
			 .in_child_arg = &person,
			 .timeout_ms = program->timeout_ms,
			 .last = program->said ? program->said : &last};
	int status;

	if (program->user) {
		if (user_find(program->user, &person.user, e) < 0)
			return -(int)e->code;
		read_groups(&person);
		add_environment(&person, &env);
		p.env = (const char *const *)env.v;
	}
	log_command(x, program->argv, program->user);
	if (proc_run(&p, &status, e) < 0)
		return -(int)e->code;
	if (program->ret_text) {
		buf_str(&output.text, "");
		*program->ret_text = TAKE(output.text.data);
		*program->ret_status = status;
		return 0;
	}
	if (!status)
		return 0;
	return err_set(e, ERR_FAIL, "'%s' failed with status %d: %s", program->argv[0], status,
		       last_words(p.last));
}

int executor_question(struct executor *x, const char *const *argv, const char *user, char **ret,
		      int *ret_status)
{
	const struct executor_program program = {
		.argv = argv, .user = user, .ret_text = ret, .ret_status = ret_status};
	struct err e = {0};

	return executor_run_with(x, &program, &e);
}

int executor_run(struct executor *x, const char *const *argv, const char *user, struct err *e)
{
	const struct executor_program program = {.argv = argv, .user = user};

	return executor_run_with(x, &program, e);
}

int executor_ask(struct executor *x, const char *const *argv, char **ret, struct err *e)
{
	log_command(x, argv, NULL);
	return proc_capture(argv, ret, e);
}

/* The text up to ':' of DLENV_FAULT, and its number. */
static bool fault_is(const char *kind, unsigned int number)
{
	const char *fault = getenv("DLENV_FAULT");
	size_t n = strlen(kind);
	struct err e;
	uint64_t at;

	return fault && strncmp(fault, kind, n) == 0 && fault[n] == ':' &&
	       parse_uint(fault + n + 1, UINT32_MAX, "fault", &at, &e) == 0 && at == number;
}

int executor_fault(struct executor *x, enum fault_point at, struct err *e)
{
	if (fault_is(at == FAULT_BEGUN ? "kill" : "killed", x->works))
		(void)raise(SIGKILL);
	if (at == FAULT_BEGUN && fault_is("fail", x->works))
		return err_set(e, ERR_FAIL, "operation %u fails because DLENV_FAULT says so",
			       x->works);
	return 0;
}

int executor_stopped_err(const struct executor *x, struct err *e)
{
	(void)err_set(e, ERR_FAIL, "stopped at operation %zu of %zu, as was asked for", x->at,
		      x->of);
	return err_hint(e, "`dlenv setup --resume` goes on, `dlenv setup --undo` takes back what "
			   "was done");
}
