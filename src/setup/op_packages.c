/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on packages that are there: remove, hold, mark, module-stream. */
#include "setup/op_packages.h"

#include <string.h>

#include "base/i18n.h"
#include "setup/op_parts.h"
#include "setup/script.h"

static void add_installed(const struct executor *x, const char *const *words, struct strs *ret)
{
	for (; *words; words++)
		if (!x->packages_known || op_has_package(x, *words))
			strs_add(ret, *words);
}

static int remove_done(const struct op *o, struct executor *x)
{
	CLEANUP(strs_fini) struct strs there = {0};

	if (!x->packages_known)
		return -1;
	add_installed(x, o->words, &there);
	return !there.n;
}

static int remove_apply(const struct op *o, struct executor *x, struct err *e)
{
	CLEANUP(strs_fini) struct strs there = {0};

	add_installed(x, o->words, &there);
	return package_do(x, PKG_REMOVE, (const char *const *)there.v, e) < 0
		       ? err_wrap(e, "cannot remove what is in the way")
		       : 0;
}

static void remove_show(const struct op *o, const struct executor *x, struct buf *ret)
{
	CLEANUP(strs_fini) struct strs there = {0};
	CLEANUP(buf_fini) struct buf words = {0};

	add_installed(x, o->words, &there);
	op_show_words(there.n ? (const char *const *)there.v : o->words, &words);
	buf_fmt(ret, _("remove %s"), words.data);
}

static void remove_script(const struct op *o, struct script *s)
{
	buf_str(&s->text, "remove_installed");
	for (size_t i = 0; o->words[i]; i++) {
		buf_str(&s->text, " ");
		buf_shell(&s->text, o->words[i]);
	}
	buf_str(&s->text, "\n");
}

const struct op_kind op_remove = {
	.name = "remove",
	.done = remove_done,
	.before = packages_before,
	.apply = remove_apply,
	.after = packages_after,
	.undo = packages_undo,
	.show = remove_show,
	.script = remove_script,
};

/* Those of the words for which the manager's state does not say so yet. */
static int not_yet(const struct op *o, struct executor *x, enum pkg_action action, struct strs *ret,
		   struct err *e)
{
	CLEANUP(strs_fini) struct strs state = {0};

	if (!x->pkg)
		return err_set(e, ERR_UNSAT, "no package manager is known here");
	if (pkg_state(x->pkg, action, &state, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; o->words[i]; i++)
		if (!strs_has(&state, o->words[i]))
			strs_add(ret, o->words[i]);
	return 0;
}

static int state_done(const struct op *o, struct executor *x, enum pkg_action action)
{
	CLEANUP(strs_fini) struct strs words = {0};
	struct err ignored = {0};

	/* Only the manager itself can tell. */
	if (!x->live)
		return -1;
	return not_yet(o, x, action, &words, &ignored) == 0 && !words.n;
}

static int hold_done(const struct op *o, struct executor *x)
{
	return state_done(o, x, PKG_HOLD);
}

static int hold_before(const struct op *o, struct executor *x, json_t **ret, struct err *e)
{
	CLEANUP(strs_fini) struct strs words = {0};
	json_t *list;

	if (not_yet(o, x, PKG_HOLD, &words, e) < 0)
		return -(int)e->code;
	list = json_array();
	for (size_t i = 0; i < words.n; i++)
		(void)json_array_append_new(list, json_string(words.v[i]));
	*ret = json_pack("{s:o}", "held", list);
	return 0;
}

static int hold_apply(const struct op *o, struct executor *x, struct err *e)
{
	return package_do(x, PKG_HOLD, o->words, e) < 0
		       ? err_wrap(e, "cannot keep packages at their version")
		       : 0;
}

/* Only those that it held, and that are still held. */
static int hold_undo(const struct op *o, struct executor *x, const json_t *before,
		     const json_t *after, struct err *e)
{
	const json_t *list = json_object_get(before, "held");
	CLEANUP(strs_fini) struct strs held = {0};
	CLEANUP(strs_fini) struct strs words = {0};

	(void)o;
	(void)after;
	if (!x->pkg || pkg_state(x->pkg, PKG_HOLD, &held, e) < 0)
		return x->pkg ? -(int)e->code : 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *word = json_string_value(json_array_get(list, i));

		if (word && strs_has(&held, word))
			strs_add(&words, word);
	}
	if (!words.n)
		return 0;
	return package_do(x, PKG_UNHOLD, (const char *const *)words.v, e) < 0
		       ? err_wrap(e, "cannot let go of packages that were held")
		       : 0;
}

static void hold_show(const struct op *o, const struct executor *x, struct buf *ret)
{
	CLEANUP(buf_fini) struct buf words = {0};

	(void)x;
	op_show_words(o->words, &words);
	buf_fmt(ret, _("keep the versions of %s"), words.data);
}

static void hold_script(const struct op *o, struct script *s)
{
	script_command(s, PKG_HOLD, o->words);
}

const struct op_kind op_hold = {
	.name = "hold",
	.done = hold_done,
	.before = hold_before,
	.apply = hold_apply,
	.undo = hold_undo,
	.show = hold_show,
	.script = hold_script,
};

static int mark_done(const struct op *o, struct executor *x)
{
	return state_done(o, x, PKG_MARK);
}

static int mark_apply(const struct op *o, struct executor *x, struct err *e)
{
	return package_do(x, PKG_MARK, o->words, e) < 0
		       ? err_wrap(e, "cannot mark packages as wanted")
		       : 0;
}

static void mark_show(const struct op *o, const struct executor *x, struct buf *ret)
{
	CLEANUP(buf_fini) struct buf words = {0};

	(void)x;
	op_show_words(o->words, &words);
	buf_fmt(ret, _("mark %s as wanted, so that cleaning up leaves it"), words.data);
}

static void mark_script(const struct op *o, struct script *s)
{
	script_command(s, PKG_MARK, o->words);
}

/* A package that goes takes its mark along: nothing to undo. */
const struct op_kind op_mark = {
	.name = "mark",
	.done = mark_done,
	.apply = mark_apply,
	.show = mark_show,
	.script = mark_script,
};
