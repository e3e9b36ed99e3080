/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on files: write-file, move-aside. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/i18n.h"
#include "setup/op_parts.h"
#include "setup/script.h"

static mode_t mode_of(const struct op *o)
{
	return o->mode ? o->mode : 0644;
}

static bool has_text(const struct op *o, const struct executor *x)
{
	CLEANUP(freep) char *text = NULL;
	struct err ignored = {0};
	size_t len = 0;

	return op_read(x, o->path, &text, &len, &ignored) == 0 && len == strlen(o->text) &&
	       !memcmp(text, o->text, len);
}

static int write_done(const struct op *o, struct executor *x)
{
	struct stat st;

	/* Of a recorded machine's files the modes are those of the record. */
	return has_text(o, x) && (!x->live || (fstatat(x->root->fd, below(o->path), &st, 0) == 0 &&
					       (st.st_mode & 07777) == mode_of(o)));
}

static int write_before(const struct op *o, struct executor *x, json_t **ret, struct err *e)
{
	return op_keep(x, o->path, ret, e);
}

static int write_apply(const struct op *o, struct executor *x, struct err *e)
{
	return op_write(x, o->path, o->text, strlen(o->text), mode_of(o), e);
}

static int write_undo(const struct op *o, struct executor *x, const json_t *before,
		      const json_t *after, struct err *e)
{
	char digest[DIGEST_LEN];

	(void)after;
	digest_bytes(o->text, strlen(o->text), digest);
	return op_restore(x, o->path, digest, before, e);
}

static void write_show(const struct op *o, const struct executor *x, struct buf *ret)
{
	if (root_has(x->root, o->path) && !has_text(o, x))
		buf_fmt(ret, _("change %s"), o->path);
	else
		buf_fmt(ret, _("write %s"), o->path);
}

static void write_script(const struct op *o, struct script *s)
{
	bool lines = !*o->text || str_ends(o->text, "\n");

	if (o->flags & OP_PRIVATE) {
		buf_str(&s->text, "[ -e ");
		buf_shell(&s->text, o->path);
		buf_str(&s->text, " ] || fail 'write this file yourself: its text is private'\n");
		return;
	}
	/* A here-document always ends with a newline. */
	if (!lines) {
		buf_str(&s->text, "printf %s ");
		buf_shell(&s->text, o->text);
		buf_str(&s->text, " | ");
	}
	buf_str(&s->text, "write_file ");
	buf_shell(&s->text, o->path);
	buf_fmt(&s->text, " %04o%s", (unsigned int)mode_of(o), lines ? " " : "\n");
	if (lines)
		script_text(s, o->text);
}

const struct op_kind op_write_file = {
	.name = "write-file",
	.done = write_done,
	.before = write_before,
	.apply = write_apply,
	.undo = write_undo,
	.show = write_show,
	.script = write_script,
};

/* Programs that read whole folders take files by their endings: with this one none does. */
static const char aside[] = ".dlenv-off";

static bool is_there(const struct executor *x, const char *path)
{
	struct stat st;

	return fstatat(x->root->fd, below(path), &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int move_done(const struct op *o, struct executor *x)
{
	return !is_there(x, o->path);
}

/* Where it goes: something else may have been moved there before. */
static char *aside_of(const struct op *o, const struct executor *x)
{
	char *path = str_fmt("%s%s", o->path, aside);

	for (unsigned int i = 2; is_there(x, path); i++) {
		freep(&path);
		path = str_fmt("%s%s-%u", o->path, aside, i);
	}
	return path;
}

static int move_before(const struct op *o, struct executor *x, json_t **ret, struct err *e)
{
	CLEANUP(freep) char *to = aside_of(o, x);

	(void)e;
	*ret = json_pack("{s:s}", "to", to);
	return 0;
}

static int move(struct executor *x, const char *from, const char *to, struct err *e)
{
	CLEANUP(freep) char *folder = str_dup(from);
	CLEANUP(fd_closep) int fd = -1;

	*(strrchr(folder, '/') + 1) = '\0';
	if (renameat2(x->root->fd, below(from), x->root->fd, below(to), RENAME_NOREPLACE) < 0)
		return err_sys(e, "cannot move '%s' to '%s'", from, to);
	if (dir_open(x->root->fd, below(folder), &fd, e) < 0)
		return -(int)e->code;
	return fsync(fd) < 0 ? err_sys(e, "cannot write '%s'", folder) : 0;
}

static int move_apply(const struct op *o, struct executor *x, struct err *e)
{
	CLEANUP(freep) char *to = aside_of(o, x);

	return move(x, o->path, to, e);
}

static int move_undo(const struct op *o, struct executor *x, const json_t *before,
		     const json_t *after, struct err *e)
{
	const char *to = json_string_value(json_object_get(before, "to"));

	(void)after;
	if (!to || !is_there(x, to))
		return 0;
	if (is_there(x, o->path)) {
		executor_note(x, _("'%s' stays there: '%s' has been written anew since"), to,
			      o->path);
		return 0;
	}
	return move(x, to, o->path, e);
}

static void move_show(const struct op *o, const struct executor *x, struct buf *ret)
{
	(void)x;
	buf_fmt(ret, _("move %s aside, to %s%s"), o->path, o->path, aside);
}

static void move_script(const struct op *o, struct script *s)
{
	buf_str(&s->text, "if [ -e ");
	buf_shell(&s->text, o->path);
	buf_str(&s->text, " ]; then\n\tmv ");
	buf_shell(&s->text, o->path);
	buf_str(&s->text, " ");
	buf_shell(&s->text, o->path);
	buf_fmt(&s->text, "%s\nfi\n", aside);
}

const struct op_kind op_move_aside = {
	.name = "move-aside",
	.done = move_done,
	.before = move_before,
	.apply = move_apply,
	.undo = move_undo,
	.show = move_show,
	.script = move_script,
};
