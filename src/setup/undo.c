/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: the journal's entries are taken back newest first; each gets its line when that
 * is done, so that an undo that is cut off goes on where it was. What cannot be taken back does not
 * keep the rest from it. A step that several targets share stays as long as another of them does.
 */
#include <errno.h>
#include <fcntl.h>

#include "base/fs.h"
#include "base/i18n.h"
#include "base/json.h"
#include "base/log.h"
#include "setup/execute_parts.h"
#include "setup/setup.h"

/* The targets of a step; 0: a step that this dlenv does not have. */
static unsigned int targets_of(const char *step)
{
	const struct step *s = setup_step(step);

	return s ? s->targets : 0;
}

/* What is set up here beside the targets that go: of steps that are not theirs. */
static unsigned int others(const struct journal *j, unsigned int going)
{
	unsigned int ret = 0;

	for (size_t i = 0; i < j->n; i++) {
		unsigned int targets = targets_of(j->v[i].op.step);

		if (!j->v[i].undone && !(targets & going))
			ret |= targets;
	}
	return ret;
}

struct choice {
	const struct journal *j;
	unsigned int going; /* 0: everything */
	unsigned int stay;
};

static struct choice choose(const struct journal *j, unsigned int targets)
{
	return (struct choice){.j = j, .going = targets, .stay = targets ? others(j, targets) : 0};
}

static bool is_chosen(const struct choice *c, const struct journal_entry *entry)
{
	unsigned int targets = targets_of(entry->op.step);

	if (entry->undone)
		return false;
	return !c->going || (targets & c->going && !(targets & c->stay));
}

static bool any(const struct choice *c)
{
	for (size_t i = 0; i < c->j->n; i++)
		if (is_chosen(c, &c->j->v[i]))
			return true;
	return false;
}

static int nothing(struct err *e)
{
	return err_set(e, ERR_ABSENT, "dlenv has set nothing up here that could be taken back");
}

/* As it was shown when the file was not there yet: "write", not "change". */
static void show(const struct executor *x, const struct op *o, struct buf *ret)
{
	static const struct root bare = {.fd = -1, .path = (char *)"/nonexistent"};
	struct executor past = *x;

	past.root = &bare;
	buf_str(ret, "");
	o->kind->show(o, &past, ret);
}

/* A kept file is of use no more. */
static void drop_kept(struct executor *x)
{
	CLEANUP(freep) char *kept = str_fmt("kept/%u", x->number);
	struct err e = {0};

	if (x->state_fd > 0 && tree_remove(x->state_fd, kept, &e) < 0)
		dbg("undo: %s", e.msg);
}

static int undo_one(struct executor *x, const struct journal_entry *entry, struct err *e)
{
	const struct op *o = &entry->op;
	CLEANUP(buf_fini) struct buf text = {0};

	executor_at(x, o, entry->n);
	show(x, o, &text);
	x->works++;
	if (executor_fault(x, FAULT_BEGUN, e) < 0)
		return -(int)e->code;
	if (o->flags & OP_KEEP) {
		executor_note(x, _("this stays: %s"), text.data);
	} else if (o->kind->undo) {
		dbg("undo %u: %s", entry->n, text.data);
		executor_say(x, text.data);
		if (o->kind->undo(o, x, entry->before, entry->after, e) < 0)
			return -(int)e->code;
	}
	if (executor_fault(x, FAULT_APPLIED, e) < 0 ||
	    journal_add(x->journal, json_pack("{s:i}", "undone", (int)entry->n), e) < 0)
		return -(int)e->code;
	drop_kept(x);
	return 0;
}

/* These would fail again with the next operation. */
static bool is_final(enum err_code code)
{
	return code == ERR_BUSY || code == ERR_NOSPC || code == ERR_PRIV;
}

/* Newest first. late: those that come after all others. *ret_failed counts. */
static int undo_pass(struct executor *x, const struct choice *c, bool late,
		     unsigned int *ret_failed, struct err *e)
{
	for (size_t i = c->j->n; i > 0; i--) {
		const struct journal_entry *entry = &c->j->v[i - 1];
		struct err why = {0};

		if (entry->op.kind->late != late || !is_chosen(c, entry))
			continue;
		x->at++;
		if (executor_is_stopped(x))
			return executor_stopped_err(x, e);
		if (undo_one(x, entry, &why) == 0)
			continue;
		if (executor_is_stopped(x))
			return executor_stopped_err(x, e);
		if (is_final(why.code)) {
			*e = why;
			return -(int)e->code;
		}
		++*ret_failed;
		executor_note(x, _("this could not be taken back: %s"), why.msg);
	}
	return 0;
}

static int undo_all(struct executor *x, const struct choice *c, struct err *e)
{
	unsigned int failed = 0;

	for (size_t i = 0; i < c->j->n; i++)
		x->of += is_chosen(c, &c->j->v[i]);
	if (undo_pass(x, c, false, &failed, e) < 0 || undo_pass(x, c, true, &failed, e) < 0)
		return -(int)e->code;
	if (!failed)
		return 0;
	(void)err_set(e, ERR_FAIL, "%u operations could not be taken back", failed);
	return err_hint(e, "put right what is said above, then again: dlenv setup --undo");
}

static void say_shared(struct executor *x, const struct choice *c)
{
	for (size_t i = 0; i < c->j->n; i++) {
		const struct journal_entry *entry = &c->j->v[i];
		unsigned int targets = targets_of(entry->op.step);

		if (!entry->undone && targets & c->going && targets & c->stay)
			executor_note(x, _("the step '%s' stays: something else needs it, too"),
				      entry->op.step);
	}
}

int execute_undo(struct executor *x, unsigned int targets, struct err *e)
{
	struct journal *j = x->journal;
	struct choice c;
	int code;

	if (!any(&(struct choice){.j = j, .going = targets}))
		return nothing(e);
	/* An undo that was cut off leaves a package half removed: nothing goes before that one. */
	if (executor_settle(x, e) < 0 || executor_repair(x, e) < 0)
		return -(int)e->code;
	resume_unit_remove(x);
	c = choose(j, targets);
	say_shared(x, &c);
	code = undo_all(x, &c, e);
	if (code)
		return code;
	/* What was asked for is not wanted any more. */
	return j->unfinished ? journal_add(j, json_pack("{s:i}", "finished", (int)j->run), e) : 0;
}

int undo_text(struct executor *x, unsigned int targets, struct buf *ret, struct err *e)
{
	CLEANUP(journal_close) struct journal own = {.fd = -1};
	struct journal *j = NULL;
	struct choice c;

	if (executor_journal(x, &own, &j, e) < 0)
		return -(int)e->code;
	c = choose(j, targets);
	if (!any(&c))
		return nothing(e);
	for (size_t i = j->n; i > 0; i--) {
		const struct op *o = &j->v[i - 1].op;
		CLEANUP(buf_fini) struct buf text = {0};

		if (!is_chosen(&c, &j->v[i - 1]) || !o->kind->undo)
			continue;
		show(x, o, &text);
		buf_fmt(ret, o->flags & OP_KEEP ? _("stays:     %s\n") : _("take back: %s\n"),
			text.data);
	}
	return 0;
}

int execute_unfinished(struct executor *x, struct setup_options *ret, struct err *e)
{
	CLEANUP(journal_close) struct journal own = {.fd = -1};
	struct journal *j = NULL;

	if (executor_journal(x, &own, &j, e) < 0)
		return -(int)e->code;
	if (!j->unfinished)
		return err_set(e, ERR_ABSENT, "there is no unfinished run to go on with");
	return options_from_json(j->options, &x->arena, ret, e);
}
