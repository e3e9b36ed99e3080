/* SPDX-License-Identifier: Apache-2.0 */
#include "setup/execute.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/i18n.h"
#include "base/json.h"
#include "base/lock.h"
#include "base/log.h"
#include "config.h"
#include "setup/execute_parts.h"
#include "setup/setup.h"

void executor_look(struct executor *x, const struct setup *s)
{
	*x = (struct executor){
		.root = s->root,
		.live = s->live,
		.pkg = s->pkg,
		.packages_known = s->packages_known,
		.facts = s->facts,
		.trust = s->options->trust,
		.user = s->options->user,
		.reboot = s->options->reboot,
		.systemd = root_has(s->root, "/run/systemd/system"),
		.state_fd = -1,
		.log_fd = -1,
		.lock_fd = -1,
		.signal_fd = -1,
	};
	for (size_t i = 0; i < s->packages.n; i++)
		strs_add(&x->packages, s->packages.v[i]);
}

/* Who holds the lock wrote its process id into it. */
static int name_holder(const struct executor *x, struct err *e)
{
	CLEANUP(freep) char *text = NULL;
	struct err why = {0};

	if (e->code != ERR_BUSY)
		return -(int)e->code;
	if (file_read(x->state_fd, "lock", 64, &text, NULL, &why) < 0 || !*text)
		return err_set(e, ERR_BUSY, "another `dlenv setup` is at work");
	text[strcspn(text, "\n")] = '\0';
	(void)err_set(e, ERR_BUSY, "another `dlenv setup` is at work: process %s", text);
	return err_hint(e, "wait for it, or stop it: kill %s", text);
}

static int take_lock(struct executor *x, struct err *e)
{
	CLEANUP(freep) char *pid = str_fmt("%d\n", (int)getpid());

	if (lock_take(x->state_fd, "lock", LOCK_TRY, NULL, NULL, &x->lock_fd, e) < 0)
		return name_holder(x, e);
	if (ftruncate(x->lock_fd, 0) < 0 || pwrite(x->lock_fd, pid, strlen(pid), 0) < 0)
		return err_sys(e, "cannot write the lock '%s/lock'", x->state);
	return 0;
}

static int open_log(struct executor *x, struct err *e)
{
	x->log_fd = openat(x->state_fd, "log",
			   O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (x->log_fd < 0)
		return err_sys(e, "cannot open '%s/log'", x->state);
	log_to(x->log_fd);
	return 0;
}

/* From here on these signals are read, not delivered: work ends between two operations. */
static int catch_signals(struct executor *x, struct err *e)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, &x->signals) < 0)
		return err_sys(e, "cannot block signals");
	x->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (x->signal_fd < 0) {
		int code = err_sys(e, "cannot wait for signals");

		(void)sigprocmask(SIG_SETMASK, &x->signals, NULL);
		return code;
	}
	return 0;
}

int executor_open(struct executor *x, const struct setup *s, const char *state,
		  const struct progress *progress, struct err *e)
{
	if (s->live && geteuid() != 0) {
		(void)err_set(e, ERR_PRIV, "only root can set this machine up");
		return err_hint(e, "sudo dlenv setup ...; `dlenv setup --plan` shows what it does");
	}
	executor_look(x, s);
	x->state = arena_str(&x->arena, state);
	x->progress = progress;
	if (dir_make(AT_FDCWD, x->state, 0700, e) < 0 ||
	    dir_open(AT_FDCWD, x->state, &x->state_fd, e) < 0 || take_lock(x, e) < 0 ||
	    open_log(x, e) < 0)
		goto failed;
	x->journal = arena_alloc(&x->arena, sizeof(*x->journal));
	x->journal->fd = -1;
	if (journal_open(x->journal, x->state_fd, true, e) < 0 || catch_signals(x, e) < 0)
		goto failed;
	return 0;
failed:
	executor_close(x);
	return -(int)e->code;
}

void executor_close(struct executor *x)
{
	if (x->log_fd > 0)
		log_to(-1);
	if (x->signal_fd > 0) {
		fd_closep(&x->signal_fd);
		(void)sigprocmask(SIG_SETMASK, &x->signals, NULL);
	}
	if (x->journal)
		journal_close(x->journal);
	if (x->state_fd > 0)
		fd_closep(&x->state_fd);
	if (x->log_fd > 0)
		fd_closep(&x->log_fd);
	if (x->lock_fd > 0)
		fd_closep(&x->lock_fd);
	strs_fini(&x->packages);
	strs_fini(&x->notes);
	arena_fini(&x->arena);
	*x = (struct executor){.state_fd = -1, .log_fd = -1, .lock_fd = -1, .signal_fd = -1};
}

void executor_note(struct executor *x, const char *fmt, ...)
{
	char text[4096];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (!strs_has(&x->notes, text))
		strs_add(&x->notes, text);
	dbg("note: %s", text);
}

int executor_packages(struct executor *x, struct err *e)
{
	CLEANUP(strs_fini) struct strs list = {0};

	if (!x->pkg || !x->live)
		return 0;
	if (pkg_list(x->pkg, &list, e) < 0)
		return -(int)e->code;
	strs_fini(&x->packages);
	x->packages = list;
	x->packages_known = true;
	list = (struct strs){0};
	return 0;
}

void executor_at(struct executor *x, const struct op *o, unsigned int number)
{
	x->step = o->step;
	x->number = number;
}

/* A run at work. */
struct work {
	struct executor *x;
	const struct plan *plan;
	const struct setup_options *options;
	bool begun; /* its line is in the journal */
};

static int begin_run(struct work *w, struct err *e)
{
	struct executor *x = w->x;
	char when[32];
	struct tm tm;
	time_t now = time(NULL);

	if (executor_repair(x, e) < 0)
		return -(int)e->code;
	(void)gmtime_r(&now, &tm);
	(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (journal_add(x->journal,
			json_pack("{s:i, s:s, s:s, s:o}", "run", (int)x->journal->run + 1,
				  "version", DLENV_VERSION, "time", when, "options",
				  options_json(w->options)),
			e) < 0)
		return -(int)e->code;
	w->begun = true;
	return 0;
}

static json_t *line_with(const char *key, unsigned int number)
{
	return json_pack("{s:i}", key, (int)number);
}

/*
 * Programs leave their files to the cache: what ended must be there after a power cut, in /var
 * (where the state is), too, which may be a file system of its own.
 */
static void sync_machine(const struct executor *x)
{
	CLEANUP(fd_closep) int fd = openat(x->root->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || syncfs(fd) < 0 || syncfs(x->state_fd) < 0)
		sync();
}

/* What came of it, into the journal. */
static int end_operation(struct executor *x, const struct op *o, const json_t *before,
			 struct err *e)
{
	json_t *line = line_with("end", x->number);

	if (executor_after(x, o, before, line, e) < 0) {
		json_decref(line);
		return -(int)e->code;
	}
	sync_machine(x);
	return journal_add(x->journal, line, e);
}

/* It may have done a part. What that is and cannot be found out now, the next run finds out. */
static void fail_operation(struct executor *x, const struct op *o, const json_t *before,
			   const struct err *failure)
{
	json_t *line = line_with("failed", x->number);
	struct err why = {0};

	(void)json_object_set_new(line, "error", json_string(failure->msg));
	if (executor_after_failure(x, o, before, line, &why) < 0)
		dbg("operation %u: %s", x->number, why.msg);
	if (journal_add(x->journal, line, &why) < 0)
		dbg("operation %u: %s", x->number, why.msg);
}

static bool is_pause(int code)
{
	return code == -ERR_REBOOT || code == -ERR_HUMAN;
}

static int begin_operation(struct executor *x, const struct op *o, json_t **ret_before,
			   struct err *e)
{
	json_t *line = line_with("begin", x->number);

	if (o->kind->before && o->kind->before(o, x, ret_before, e) < 0) {
		json_decref(line);
		return -(int)e->code;
	}
	(void)json_object_set_new(line, "op", op_json(o));
	if (*ret_before)
		(void)json_object_set(line, "before", *ret_before);
	return journal_add(x->journal, line, e);
}

static int carry_out(struct executor *x, const struct op *o, struct err *e)
{
	CLEANUP(json_unrefp) json_t *before = NULL;
	int code;

	executor_at(x, o, x->journal->last + 1);
	x->works++;
	if (begin_operation(x, o, &before, e) < 0)
		return -(int)e->code;
	code = executor_fault(x, FAULT_BEGUN, e);
	if (!code)
		code = o->kind->apply(o, x, e);
	if (executor_fault(x, FAULT_APPLIED, e) < 0)
		return -(int)e->code;
	if (code && !is_pause(code)) {
		fail_operation(x, o, before, e);
		return code;
	}
	if (code) {
		struct err late = {0};

		/* The pause is what people have to know; an open entry is closed by the next run.
		 */
		if (end_operation(x, o, before, &late) < 0)
			dbg("operation %u: %s", x->number, late.msg);
		return code;
	}
	return end_operation(x, o, before, e);
}

static void say_operation(struct executor *x, const struct op *o)
{
	CLEANUP(buf_fini) struct buf text = {0};

	buf_str(&text, "");
	o->kind->show(o, x, &text);
	dbg("operation %u: %s", x->journal->last + 1, text.data);
	executor_say(x, text.data);
}

/* Is there something to do? What is left to people is said; to start anew only after a change. */
static bool is_open(const struct op *o, struct executor *x)
{
	CLEANUP(buf_fini) struct buf text = {0};

	if (!o->kind->left || !o->kind->left(o, x))
		return o->kind->done(o, x) != OP_DONE;
	if (o->kind->late && !x->works)
		return false;
	buf_str(&text, "");
	o->kind->show(o, x, &text);
	executor_note(x, _("systemd does not run here, so this is left to you: %s"), text.data);
	return false;
}

/* One operation of the plan, unless it is done. */
static int operate(struct work *w, const struct op *o, struct err *e)
{
	struct executor *x = w->x;
	struct err why = {0};
	int code;

	x->step = o->step;
	if (!is_open(o, x))
		return 0;
	if (!w->begun) {
		if (begin_run(w, e) < 0)
			return -(int)e->code;
		/* What was repaired may be what was missing. */
		if (!is_open(o, x))
			return 0;
	}
	say_operation(x, o);
	code = carry_out(x, o, &why);
	if (!code)
		return 0;
	if (o->flags & OP_OPTIONAL && !is_pause(code) && !executor_is_stopped(x)) {
		executor_note(x, _("this did not work, and setup went on without it: %s"), why.msg);
		return 0;
	}
	*e = why;
	return code;
}

static void end_step(struct executor *x, const char *step, bool worked)
{
	const struct progress_event ev = {
		.step = step,
		.note = worked ? _("done") : _("nothing to do"),
		.finished = true,
	};

	progress_report(x->progress, &ev);
}

static int operate_all(struct work *w, struct err *e)
{
	const struct plan *p = w->plan;
	struct executor *x = w->x;
	unsigned int works = 0;

	x->of = p->n;
	for (size_t i = 0; i < p->n; i++) {
		const char *step = p->ops[i].step;
		int code;

		x->at = i + 1;
		if (executor_is_stopped(x))
			return executor_stopped_err(x, e);
		code = operate(w, &p->ops[i], e);
		if (code && !is_pause(code) && executor_is_stopped(x))
			return executor_stopped_err(x, e);
		if (code)
			return code;
		if (i + 1 < p->n && str_eq(step, p->ops[i + 1].step))
			continue;
		if (step)
			end_step(x, step, x->works > works);
		works = x->works;
	}
	return 0;
}

/* The run waits for a reboot. Its error stays; what comes next is its hint. */
static int pause_run(struct executor *x, int code, struct err *e)
{
	const char *const reboot[] = {"systemctl", "reboot", NULL};
	struct err why = {0};
	bool unit;

	if (journal_add(x->journal,
			json_pack("{s:s}", "paused", code == -ERR_REBOOT ? "reboot" : "human"),
			&why) < 0) {
		*e = why;
		return -(int)e->code;
	}
	unit = resume_unit_write(x);
	if (code == -ERR_HUMAN)
		return code;
	if (x->reboot && executor_run(x, reboot, NULL, &why) == 0)
		return err_hint(e, "%s",
				unit ? _("it reboots now, and setup goes on by itself")
				     : _("it reboots now; then go on: dlenv setup --resume"));
	return err_hint(e, "%s",
			unit ? _("reboot; setup goes on by itself, and `dlenv setup --resume` "
				 "shows how it went")
			     : _("reboot, then go on: dlenv setup --resume"));
}

int execute(struct executor *x, const struct plan *p, const struct setup_options *o, struct err *e)
{
	struct work w = {.x = x, .plan = p, .options = o};
	int code;

	if (executor_settle(x, e) < 0)
		return -(int)e->code;
	code = operate_all(&w, e);
	if (is_pause(code))
		return pause_run(x, code, e);
	resume_unit_remove(x);
	if (!code)
		mok_forget(x);
	if (!code && x->journal->unfinished)
		return journal_add(x->journal, line_with("finished", x->journal->run), e);
	if (code && !e->hint[0])
		(void)err_hint(e, "put it right and go on: dlenv setup --resume; or take back what "
				  "was done: dlenv setup --undo");
	return code;
}
