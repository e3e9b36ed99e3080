/* SPDX-License-Identifier: Apache-2.0 */
/* The operation run: a program of a vendor or of the system. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/i18n.h"
#include "setup/execute_parts.h"
#include "setup/op_parts.h"
#include "setup/script.h"

/* A file without contents is what a power cut leaves of one that was written just before. */
static bool is_cut(const struct op *o, const struct executor *x)
{
	CLEANUP(fd_closep) int fd = rootfs_try(x->root->fd, o->path, O_PATH, 0);
	struct stat st;

	return !(o->flags & OP_MARKER) && fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       st.st_size == 0;
}

static int run_done(const struct op *o, struct executor *x)
{
	if (o->path)
		return root_has(x->root, o->path) && !is_cut(o, x);
	return x->live ? 0 : -1;
}

static int run_apply(const struct op *o, struct executor *x, struct err *e)
{
	/* Programs keep what is there already. */
	if (o->path && is_cut(o, x) && unlinkat(x->root->fd, below(o->path), 0) < 0)
		return err_sys(e, "cannot remove '%s'", o->path);
	return executor_run(x, o->words, o->user, e);
}

/* Whether it got as far as to make what it was run for. */
static int run_after(const struct op *o, struct executor *x, const json_t *before, json_t **ret,
		     struct err *e)
{
	(void)before;
	(void)e;
	if (o->path)
		*ret = json_pack("{s:b}", "made", (int)root_has(x->root, o->path));
	return 0;
}

static int run_undo(const struct op *o, struct executor *x, const json_t *before,
		    const json_t *after, struct err *e)
{
	(void)before;
	(void)after;
	if (o->path && !root_has(x->root, o->path))
		return 0;
	if (o->undo)
		return executor_run(x, o->undo, o->user, e);
	if (o->path)
		executor_note(x, _("'%s' stays; remove it yourself if nothing needs it"), o->path);
	return 0;
}

static void run_show(const struct op *o, const struct executor *x, struct buf *ret)
{
	CLEANUP(buf_fini) struct buf words = {0};

	(void)x;
	for (size_t i = 0; o->words[i]; i++)
		buf_fmt(&words, "%s%s", i ? " " : "", o->words[i]);
	if (o->user)
		buf_fmt(ret, _("run as %s: %s"), o->user, words.data);
	else
		buf_fmt(ret, _("run: %s"), words.data);
}

static void run_script(const struct op *o, struct script *s)
{
	if (o->path) {
		buf_str(&s->text, "[ -e ");
		buf_shell(&s->text, o->path);
		buf_str(&s->text, " ] || ");
	}
	script_line_as(s, o->user, o->words);
}

const struct op_kind op_run = {
	.name = "run",
	.done = run_done,
	.apply = run_apply,
	.after = run_after,
	.undo = run_undo,
	.show = run_show,
	.script = run_script,
};
