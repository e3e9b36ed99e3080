/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: a line is added in one write at the end of the file and synced before anything
 * that it speaks of happens. So only the last line can be torn; it is cut off when the journal is
 * opened to be written, since the next one would be glued to it. Reading is a row for each kind of
 * line.
 */
#include "setup/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/i18n.h"
#include "base/json.h"
#include "base/log.h"

enum { JOURNAL_MAX = 256 << 20, LINE_MAX_LEN = 8 << 20, ENTRIES_MAX = 1000000 };

static const char name[] = "journal";

struct reader {
	struct journal *j;
	json_t *line; /* borrowed */
	struct err *e;
};

/* What is wrong with the line; the caller adds where it stands. */
static int wrong(const struct reader *r, const char *what)
{
	return err_set(r->e, ERR_PARSE, "%s", _(what));
}

static bool number_of(const json_t *v, unsigned int *ret)
{
	json_int_t n = json_integer_value(v);

	if (!json_is_integer(v) || n < 1 || n > ENTRIES_MAX)
		return false;
	*ret = (unsigned int)n;
	return true;
}

/* The entry that a line is about. */
static int entry_of(const struct reader *r, const json_t *v, struct journal_entry **ret)
{
	unsigned int n;

	if (!number_of(v, &n))
		return wrong(r, N_("there is no number of an operation"));
	/* The newest ones are asked for most. */
	for (size_t i = r->j->n; i > 0; i--) {
		if (r->j->v[i - 1].n != n)
			continue;
		*ret = &r->j->v[i - 1];
		return 0;
	}
	return wrong(r, N_("it speaks of an operation that was never begun"));
}

static int take_run(const struct reader *r, const json_t *v)
{
	json_t *options = json_object_get(r->line, "options");

	if (!number_of(v, &r->j->run) || !json_is_object(options))
		return wrong(r, N_("a run has no number or no options"));
	json_decref(r->j->options);
	r->j->options = json_incref(options);
	r->j->unfinished = true;
	r->j->paused = NULL;
	return 0;
}

static int take_begin(const struct reader *r, const json_t *v)
{
	struct journal *j = r->j;
	struct journal_entry entry = {.open = true};

	if (!number_of(v, &entry.n) || entry.n <= j->last)
		return wrong(r, N_("the number of an operation is out of order"));
	if (op_from_json(json_object_get(r->line, "op"), &j->arena, &entry.op, r->e) < 0)
		return -(int)r->e->code;
	entry.before = json_incref(json_object_get(r->line, "before"));
	j->v = arena_grow(&j->arena, j->v, j->n, sizeof(*j->v));
	j->v[j->n++] = entry;
	j->last = entry.n;
	return 0;
}

static int close_entry(const struct reader *r, const json_t *v, bool ended)
{
	json_t *after = json_object_get(r->line, "after");
	struct journal_entry *entry = NULL;

	if (entry_of(r, v, &entry) < 0)
		return -(int)r->e->code;
	entry->ended = ended;
	/* Of one that failed, what it had done by then may not be known yet. */
	entry->open = !ended && !after && entry->op.kind->after;
	if (!after)
		return 0;
	json_decref(entry->after);
	entry->after = json_is_null(after) ? NULL : json_incref(after);
	return 0;
}

static int take_end(const struct reader *r, const json_t *v)
{
	return close_entry(r, v, true);
}

static int take_failed(const struct reader *r, const json_t *v)
{
	return close_entry(r, v, false);
}

static int take_paused(const struct reader *r, const json_t *v)
{
	static const char *const reasons[] = {"reboot", "human"};

	for (size_t i = 0; i < COUNT(reasons); i++) {
		if (!str_eq(json_string_value(v), reasons[i]))
			continue;
		r->j->paused = reasons[i];
		return 0;
	}
	return wrong(r, N_("a run is paused for a reason that is not known"));
}

static int take_finished(const struct reader *r, const json_t *v)
{
	unsigned int n;

	if (!number_of(v, &n))
		return wrong(r, N_("there is no number of a run"));
	r->j->unfinished = false;
	r->j->paused = NULL;
	return 0;
}

static int take_undone(const struct reader *r, const json_t *v)
{
	struct journal_entry *entry = NULL;

	if (entry_of(r, v, &entry) < 0)
		return -(int)r->e->code;
	entry->undone = true;
	entry->open = false;
	return 0;
}

static const struct line_kind {
	const char *key;
	int (*take)(const struct reader *r, const json_t *v);
} kinds[] = {
	{"run", take_run},	 {"begin", take_begin},	  {"end", take_end},
	{"failed", take_failed}, {"paused", take_paused}, {"finished", take_finished},
	{"undone", take_undone},
};

/* NULL: the line is of a kind that is not known. *ret: what stands behind its key. */
static const struct line_kind *kind_of(const json_t *line, const json_t **ret)
{
	for (size_t i = 0; i < COUNT(kinds); i++) {
		*ret = json_object_get(line, kinds[i].key);
		if (*ret)
			return &kinds[i];
	}
	return NULL;
}

static int take_line(struct journal *j, const char *text, size_t len, struct err *e)
{
	CLEANUP(json_unrefp) json_t *line = NULL;
	struct reader r = {.j = j, .e = e};
	const struct line_kind *kind;
	const json_t *v;
	json_error_t why;

	if (len > LINE_MAX_LEN)
		return err_set(e, ERR_PARSE, "the line is too long");
	line = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	if (!json_is_object(line))
		return err_set(e, ERR_PARSE, "%s", line ? _("it is no object") : why.text);
	r.line = line;
	kind = kind_of(line, &v);
	return kind ? kind->take(&r, v) : wrong(&r, N_("it is a kind of line that is not known"));
}

/* *ret_good: how many bytes from the beginning are whole lines that can be read. */
static int take_text(struct journal *j, const char *text, size_t len, size_t *ret_good,
		     struct err *e)
{
	size_t at = 0;
	int line = 1;

	for (const char *end; (end = memchr(text + at, '\n', len - at)); line++) {
		size_t n = (size_t)(end - text) - at;

		if (n && take_line(j, text + at, n, e) < 0) {
			if (at + n + 1 == len) {
				dbg("journal: the last line is torn: %s", e->msg);
				break;
			}
			(void)err_wrap(e, "%s:%d", name, line);
			return err_hint(e, "it was written by another version of dlenv, or is "
					   "damaged: moved away, nothing of before can be undone");
		}
		at += n + 1;
	}
	*ret_good = at;
	return 0;
}

int journal_read(struct journal *j, const char *text, size_t len, struct err *e)
{
	size_t good;

	return take_text(j, text, len, &good, e);
}

static int open_file(int state_fd, int *ret_fd, struct err *e)
{
	int fd = openat(state_fd, name, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(e, "cannot open '%s'", name);
	if (fsync(state_fd) < 0) {
		fd_closep(&fd);
		return err_sys(e, "cannot sync the folder of '%s'", name);
	}
	*ret_fd = fd;
	return 0;
}

int journal_open(struct journal *j, int state_fd, bool write, struct err *e)
{
	CLEANUP(journal_close) struct journal new = {.fd = -1};
	CLEANUP(freep) char *text = NULL;
	struct err why = {0};
	size_t len = 0;
	size_t good = 0;

	if (write && open_file(state_fd, &new.fd, e) < 0)
		return -(int)e->code;
	if (file_read(state_fd, name, JOURNAL_MAX, &text, &len, &why) < 0) {
		if (why.code != ERR_ABSENT) {
			*e = why;
			return -(int)e->code;
		}
	} else if (take_text(&new, text, len, &good, e) < 0) {
		return -(int)e->code;
	}
	if (write && good < len && (ftruncate(new.fd, (off_t)good) < 0 || fsync(new.fd) < 0))
		return err_sys(e, "cannot cut the torn end off '%s'", name);
	*j = new;
	new = (struct journal){.fd = -1};
	return 0;
}

int journal_add(struct journal *j, json_t *line, struct err *e)
{
	CLEANUP(json_unrefp) json_t *owned = line;
	CLEANUP(freep) char *text = json_dumps(owned, JSON_COMPACT | JSON_SORT_KEYS);
	CLEANUP(freep) char *whole = NULL;
	const json_t *v = NULL;
	const struct line_kind *kind = kind_of(owned, &v);
	struct reader r = {.j = j, .line = owned, .e = e};
	struct stat st;

	if (!text || !kind)
		err_bug("a line of the journal that is no JSON, or of no kind");
	whole = str_fmt("%s\n", text);
	if (fstat(j->fd, &st) < 0)
		return err_sys(e, "cannot write to '%s'", name);
	if (write_all(j->fd, whole, strlen(whole)) < 0 || fsync(j->fd) < 0) {
		int code = err_sys(e, "cannot write to '%s'", name);

		/* A full disk must not leave half a line in the middle of the file. */
		(void)!ftruncate(j->fd, st.st_size);
		return code;
	}
	return kind->take(&r, v);
}

void journal_close(struct journal *j)
{
	fd_closep(&j->fd);
	for (size_t i = 0; i < j->n; i++) {
		json_decref(j->v[i].before);
		json_decref(j->v[i].after);
	}
	json_decref(j->options);
	arena_fini(&j->arena);
	*j = (struct journal){.fd = -1};
}
