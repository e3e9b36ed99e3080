/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on accounts: add-to-group, grant-subids. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/i18n.h"
#include "host/subid.h"
#include "setup/execute_parts.h"
#include "setup/op_parts.h"
#include "setup/script.h"
#include "setup/subids.h"

/* NAME:x:GID:MEMBER,MEMBER */
enum membership { NO_GROUP, NO_MEMBER, MEMBER };

static enum membership membership_of(const struct op *o, const struct executor *x)
{
	CLEANUP(freep) char *text = NULL;
	size_t n = strlen(o->name);
	struct err e = {0};
	char *save = NULL;

	if (op_read(x, "/etc/group", &text, NULL, &e) < 0)
		return NO_GROUP;
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		if (strncmp(l, o->name, n) == 0 && l[n] == ':')
			return str_list_has(strrchr(l, ':') + 1, ',', o->user) ? MEMBER : NO_MEMBER;
	return NO_GROUP;
}

static int group_done(const struct op *o, struct executor *x)
{
	return membership_of(o, x) == MEMBER;
}

static int group_before(const struct op *o, struct executor *x, json_t **ret, struct err *e)
{
	enum membership m = membership_of(o, x);

	(void)e;
	*ret = json_pack("{s:b, s:b}", "group", (int)(m != NO_GROUP), "member", (int)(m == MEMBER));
	return 0;
}

static int group_apply(const struct op *o, struct executor *x, struct err *e)
{
	const char *const make[] = {"groupadd", "--system", o->name, NULL};
	const char *const add[] = {"usermod", "-aG", o->name, o->user, NULL};
	/* For accounts that are not in /etc/passwd. */
	const char *const other[] = {"gpasswd", "-a", o->user, o->name, NULL};
	struct err why = {0};

	if (membership_of(o, x) == NO_GROUP && executor_run(x, make, NULL, e) < 0)
		return -(int)e->code;
	if (executor_run(x, add, NULL, e) < 0 && executor_run(x, other, NULL, &why) < 0)
		return -(int)e->code;
	*e = (struct err){0};
	if (str_eq(o->name, "docker"))
		executor_note(x,
			      _("%s is in the group docker from the next login on (or at once: "
				"`newgrp docker`). Who is in it can become root."),
			      o->user);
	else
		executor_note(x, _("%s is in the group %s from the next login on"), o->user,
			      o->name);
	return 0;
}

static int group_undo(const struct op *o, struct executor *x, const json_t *before,
		      const json_t *after, struct err *e)
{
	const char *const leave[] = {"gpasswd", "-d", o->user, o->name, NULL};
	const char *const drop[] = {"groupdel", o->name, NULL};
	struct err why = {0};

	(void)after;
	if (!json_is_true(json_object_get(before, "member")) && membership_of(o, x) == MEMBER &&
	    executor_run(x, leave, NULL, e) < 0)
		return -(int)e->code;
	if (!json_is_true(json_object_get(before, "group")) && membership_of(o, x) != NO_GROUP &&
	    executor_run(x, drop, NULL, &why) < 0)
		executor_note(x, _("the group '%s' stays: %s"), o->name, why.msg);
	return 0;
}

static void group_show(const struct op *o, const struct executor *x, struct buf *ret)
{
	(void)x;
	buf_fmt(ret, _("add %s to the group %s"), o->user, o->name);
}

static void group_script(const struct op *o, struct script *s)
{
	script_line(s, (const char *const[]){"usermod", "-aG", o->name, o->user, NULL});
}

const struct op_kind op_add_to_group = {
	.name = "add-to-group",
	.done = group_done,
	.before = group_before,
	.apply = group_apply,
	.undo = group_undo,
	.show = group_show,
	.script = group_script,
};

static const struct ids_file {
	const char *path;
	const char *key; /* in the journal */
} files[] = {{"/etc/subuid", "subuid"}, {"/etc/subgid", "subgid"}};

/* The account below x's root; of one that is not in its passwd (LDAP), by the machine's NSS. */
static int find_user(const struct op *o, const struct executor *x, struct user *u, struct err *e)
{
	CLEANUP(freep) char *text = NULL;
	struct err why = {0};

	if (op_read(x, "/etc/passwd", &text, NULL, &why) == 0 && user_in(text, o->user, u))
		return 0;
	if (!x->live)
		return err_set(e, ERR_ABSENT, "there is no user '%s'", o->user);
	return user_find(o->user, u, e);
}

static bool has_ids(const struct executor *x, const struct ids_file *f, const struct user *u)
{
	struct subid range;
	struct err e = {0};

	return subid_find(x->root, f->path, u, &range, &e) == 0;
}

static int ids_done(const struct op *o, struct executor *x)
{
	CLEANUP(user_fini) struct user u = {0};
	struct err e = {0};

	return find_user(o, x, &u, &e) == 0 && has_ids(x, &files[0], &u) &&
	       has_ids(x, &files[1], &u);
}

/* Both files' texts; "" where there is none. */
static int read_ids(const struct executor *x, char *ret[2], struct err *e)
{
	for (size_t i = 0; i < COUNT(files); i++) {
		struct err why = {0};

		if (op_read(x, files[i].path, &ret[i], NULL, &why) == 0)
			continue;
		if (why.code != ERR_ABSENT) {
			*e = why;
			return -(int)e->code;
		}
		ret[i] = str_dup("");
	}
	return 0;
}

/* The lines that are missing, by file; NULL: that one has enough. */
static int choose_lines(const struct op *o, const struct executor *x, char *ret[2], struct err *e)
{
	CLEANUP(user_fini) struct user u = {0};
	char *texts[2] = {0};
	bool full = false;
	int code = find_user(o, x, &u, e);

	if (!code)
		code = read_ids(x, texts, e);
	for (size_t i = 0; i < COUNT(files) && !code && !full; i++) {
		uint32_t start = subids_free(texts[i], texts[1 - i], o->user);

		if (has_ids(x, &files[i], &u))
			continue;
		full = !start;
		if (start)
			ret[i] = str_fmt("%s:%u:%d", o->user, start, SUBIDS_N);
	}
	free(texts[0]);
	free(texts[1]);
	if (!full)
		return code;
	freep(&ret[0]);
	return err_set(e, ERR_NOSPC, "no range of %d subordinate ids is free", SUBIDS_N);
}

static int ids_before(const struct op *o, struct executor *x, json_t **ret, struct err *e)
{
	char *lines[2] = {0};
	json_t *j;

	if (choose_lines(o, x, lines, e) < 0)
		return -(int)e->code;
	j = json_object();
	for (size_t i = 0; i < COUNT(files); i++) {
		if (lines[i])
			(void)json_object_set_new(
				j, files[i].key,
				json_pack("{s:s, s:b}", "line", lines[i], "made",
					  (int)!root_has(x->root, files[i].path)));
		free(lines[i]);
	}
	*ret = j;
	return 0;
}

static int write_ids(const struct executor *x, const struct ids_file *f, const char *text,
		     struct err *e)
{
	struct stat st;
	mode_t mode = fstatat(x->root->fd, below(f->path), &st, 0) == 0 ? st.st_mode & 07777 : 0644;

	return op_write(x, f->path, text, strlen(text), mode, e);
}

static int ids_apply(const struct op *o, struct executor *x, struct err *e)
{
	char *lines[2] = {0};
	char *texts[2] = {0};
	int code = 0;

	/* The same that before chose: nothing has changed since. */
	if (choose_lines(o, x, lines, e) < 0)
		return -(int)e->code;
	code = read_ids(x, texts, e);
	for (size_t i = 0; i < COUNT(files) && !code; i++) {
		CLEANUP(freep) char *text = lines[i] ? subids_add(texts[i], lines[i]) : NULL;

		if (text)
			code = write_ids(x, &files[i], text, e);
	}
	for (size_t i = 0; i < COUNT(files); i++) {
		free(lines[i]);
		free(texts[i]);
	}
	return code;
}

static int ids_undo_file(struct executor *x, const struct ids_file *f, const json_t *was,
			 struct err *e)
{
	const char *line = json_string_value(json_object_get(was, "line"));
	CLEANUP(freep) char *text = NULL;
	CLEANUP(freep) char *without = NULL;

	if (!line)
		return 0;
	op_sweep(x, f->path);
	if (!root_has(x->root, f->path))
		return 0;
	if (op_read(x, f->path, &text, NULL, e) < 0)
		return -(int)e->code;
	without = subids_remove(text, line);
	if (!without)
		return 0;
	if (*without || !json_is_true(json_object_get(was, "made")))
		return write_ids(x, f, without, e);
	if (unlinkat(x->root->fd, below(f->path), 0) < 0)
		return err_sys(e, "cannot remove '%s'", f->path);
	return 0;
}

static int ids_undo(const struct op *o, struct executor *x, const json_t *before,
		    const json_t *after, struct err *e)
{
	(void)o;
	(void)after;
	for (size_t i = 0; i < COUNT(files); i++)
		if (ids_undo_file(x, &files[i], json_object_get(before, files[i].key), e) < 0)
			return -(int)e->code;
	return 0;
}

static void ids_show(const struct op *o, const struct executor *x, struct buf *ret)
{
	(void)x;
	buf_fmt(ret, _("give %s %d subordinate user and group ids"), o->user, SUBIDS_N);
}

static void ids_script(const struct op *o, struct script *s)
{
	char *lines[2] = {0};
	struct err e = {0};

	if (choose_lines(o, s->x, lines, &e) < 0)
		return;
	for (size_t i = 0; i < COUNT(files); i++) {
		if (lines[i]) {
			buf_str(&s->text, "grep -q ");
			buf_shell(&s->text, o->user);
			buf_fmt(&s->text, ": %s || echo ", files[i].path);
			buf_shell(&s->text, lines[i]);
			buf_fmt(&s->text, " >>%s\n", files[i].path);
		}
		free(lines[i]);
	}
}

const struct op_kind op_grant_subids = {
	.name = "grant-subids",
	.done = ids_done,
	.before = ids_before,
	.apply = ids_apply,
	.undo = ids_undo,
	.show = ids_show,
	.script = ids_script,
};
