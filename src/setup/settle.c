/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an earlier run left open: it was killed within an operation, or power went. The package
 * manager is healed first; then the operation is asked what it had done by then, so that undo
 * takes back just that.
 */
#include <errno.h>
#include <fcntl.h>

#include "base/fs.h"
#include "base/i18n.h"
#include "base/log.h"
#include "setup/execute_parts.h"
#include "setup/op_packages.h"

static int heal(struct executor *x, int lock_ms, struct err *e)
{
	struct pkg_run run = package_run(x);
	CLEANUP(strs_fini) struct strs did = {0};

	if (!x->pkg || !x->live)
		return 0;
	run.lock_ms = lock_ms;
	if (pkg_repair(x->pkg, &run, &did, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < did.n; i++)
		dbg("repair: %s", did.v[i]);
	return executor_packages(x, e);
}

int executor_repair(struct executor *x, struct err *e)
{
	struct err why = {0};

	if (heal(x, 0, &why) == 0)
		return 0;
	if (why.code == ERR_BUSY) {
		*e = why;
		return -(int)e->code;
	}
	/* A package of somebody else that is broken need not be in the way. */
	executor_note(x, _("the package manager's state could not be repaired: %s"), why.msg);
	return executor_packages(x, e);
}

/*
 * Packages that a failed operation left unpacked come to life when they are repaired: what it has
 * added is known only after that. Where that cannot be done now, the next run does it.
 */
int executor_after_failure(struct executor *x, const struct op *o, const json_t *before,
			   json_t *line, struct err *e)
{
	enum { LOCK_MS = 2000 }; /* whoever has the lock may be the reason of the failure */

	if (!o->kind->after)
		return 0;
	if (heal(x, LOCK_MS, e) < 0)
		return -(int)e->code;
	return executor_after(x, o, before, line, e);
}

int executor_after(struct executor *x, const struct op *o, const json_t *before, json_t *line,
		   struct err *e)
{
	json_t *after = NULL;

	if (!o->kind->after)
		return 0;
	if (o->kind->after(o, x, before, &after, e) < 0)
		return -(int)e->code;
	/* That nothing came of it is known, too. */
	(void)json_object_set_new(line, "after", after ? after : json_null());
	return 0;
}

static int settle_entry(struct executor *x, const struct journal_entry *entry, struct err *e)
{
	json_t *line = json_pack("{s:i, s:s}", "failed", (int)entry->n, "error",
				 "the run ended within it");

	executor_at(x, &entry->op, entry->n);
	if (executor_after(x, &entry->op, entry->before, line, e) < 0) {
		json_decref(line);
		return -(int)e->code;
	}
	return journal_add(x->journal, line, e);
}

int executor_settle(struct executor *x, struct err *e)
{
	const struct journal *j = x->journal;
	bool repaired = false;

	for (size_t i = 0; i < j->n; i++) {
		if (!j->v[i].open)
			continue;
		if (!repaired && executor_repair(x, e) < 0)
			return -(int)e->code;
		repaired = true;
		if (settle_entry(x, &j->v[i], e) < 0)
			return -(int)e->code;
	}
	return 0;
}

int executor_journal(struct executor *x, struct journal *own, struct journal **ret, struct err *e)
{
	CLEANUP(fd_closep) int state = -1;

	if (x->journal) {
		*ret = x->journal;
		return 0;
	}
	*ret = own;
	if (!x->state)
		return err_set(e, ERR_ABSENT, "nothing was set up here by dlenv");
	if (dir_open(AT_FDCWD, x->state, &state, e) < 0)
		return e->code == ERR_ABSENT
			       ? err_set(e, ERR_ABSENT, "nothing was set up here by dlenv")
			       : -(int)e->code;
	return journal_open(own, state, false, e);
}
