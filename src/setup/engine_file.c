/* SPDX-License-Identifier: Apache-2.0 */
#include "setup/engine_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/mem.h"
#include "base/toml.h"

char *engine_spell(const char *const *path)
{
	struct buf b = {.max = 200};

	buf_str(&b, "");
	for (size_t i = 0; path[i]; i++)
		buf_fmt(&b, "%s%s", i ? "." : "", path[i]);
	return b.data;
}

void engine_key_fini(struct engine_key *k)
{
	for (size_t i = 0; k->path[i]; i++)
		free(k->path[i]);
	free(k->value);
	free(k->before);
	*k = (struct engine_key){0};
}

void engine_file_fini(struct engine_file *f)
{
	for (size_t i = 0; i < f->keys_n; i++)
		engine_key_fini(&f->keys[i]);
	free(f->keys);
	free(f->path);
	free(f->before);
	free(f->after);
	doc_fini(&f->original);
	json_edit_close(&f->json);
	json_edit_close(&f->original_json);
	buf_fini(&f->toml);
	*f = (struct engine_file){0};
}

/* Where an open file really lies, as a path below the root. */
static int real_path(const struct root *r, int fd, const char *path, char **ret, struct err *e)
{
	char root[PATH_MAX];
	char file[PATH_MAX];
	CLEANUP(freep) char *of_root = str_fmt("/proc/self/fd/%d", r->fd);
	CLEANUP(freep) char *of_file = str_fmt("/proc/self/fd/%d", fd);
	ssize_t n = readlink(of_root, root, sizeof(root) - 1);
	ssize_t m = readlink(of_file, file, sizeof(file) - 1);

	if (n < 0 || m < 0)
		return err_sys(e, "cannot see where '%s' lies", path);
	root[n] = '\0';
	file[m] = '\0';
	if (str_eq(root, "/"))
		*ret = str_dup(file);
	else if (str_starts(file, root) && file[n] == '/')
		*ret = str_dup(file + n);
	else
		return err_set(e, ERR_CONFIG, "'%s' is not below '%s'", path, r->path);
	return 0;
}

/* The text of a file that is open, and what it is. */
static int read_open(const struct root *r, int fd, const char *path, struct engine_file *ret,
		     struct err *e)
{
	CLEANUP(buf_fini) struct buf text = {.max = ENGINE_FILE_MAX};
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "cannot read '%s'", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_CONFIG, "'%s' is not a file", path);
	buf_add(&text, "", 0);
	if (read_all(fd, &text) < 0)
		return err_sys(e, "cannot read '%s'", path);
	if (text.full)
		return err_set(e, ERR_PARSE, "'%s' is larger than %zu bytes", path,
			       (size_t)ENGINE_FILE_MAX);
	if (strlen(text.data) != text.len)
		return err_set(e, ERR_PARSE, "'%s' is no text: it has a NUL byte", path);
	ret->mode = st.st_mode & 07777;
	ret->uid = st.st_uid;
	ret->gid = st.st_gid;
	ret->before = TAKE(text.data);
	return real_path(r, fd, path, &ret->path, e);
}

static int read_text(const struct root *r, const char *path, struct engine_file *ret, struct err *e)
{
	CLEANUP(fd_closep) int fd = -1;
	CLEANUP(fd_closep) int link = -1;
	struct err why = {0};

	ret->mode = 0644;
	ret->uid = geteuid();
	ret->gid = getegid();
	if (rootfs_open(r->fd, path, O_RDONLY | O_NONBLOCK, 0, &fd, &why) == 0)
		return read_open(r, fd, path, ret, e);
	if (why.code != ERR_ABSENT) {
		*e = why;
		return -(int)e->code;
	}
	if (rootfs_open(r->fd, path, O_PATH | O_NOFOLLOW, 0, &link, &why) == 0) {
		(void)err_set(e, ERR_CONFIG, "'%s' is a link to nothing", path);
		return err_hint(e, "make what it points to, or remove the link");
	}
	ret->path = str_dup(path);
	return 0;
}

/* The reader's own words, with what the engine would say about them. */
static int hint_json(struct err *e)
{
	return err_hint(e, "the engine cannot read this file either: mend it first");
}

static int hint_toml(const char *text, struct err *e)
{
	if (strstr(text, "{{"))
		return err_hint(e, "this is a template: name the file that is made of it");
	return err_hint(e, "the engine cannot read this file either: mend it first");
}

int engine_file_open(const struct root *r, const char *path, enum engine_format format,
		     struct engine_file *ret, struct err *e)
{
	CLEANUP(engine_file_fini) struct engine_file f = {.format = format};
	const char *text;

	if (read_text(r, path, &f, e) < 0)
		return -(int)e->code;
	text = f.before ? f.before : "";
	if (format == FORMAT_JSON) {
		if (json_edit_open(&f.json, text, strlen(text), ENGINE_FILE_MAX, path, e) < 0 ||
		    json_edit_open(&f.original_json, text, strlen(text), ENGINE_FILE_MAX, path, e) <
			    0)
			return hint_json(e);
		if (!engine_file_has(&f, (const char *const[]){NULL}))
			return err_set(e, ERR_CONFIG, "%s: not a JSON object", path);
	} else {
		buf_str(&f.toml, text);
		if (toml_read(f.toml.data, f.toml.len, path, &f.original, e) < 0)
			return hint_toml(text, e);
	}
	*ret = f;
	f = (struct engine_file){0};
	return 0;
}

char *engine_file_value(const struct engine_file *f, const char *const *path)
{
	const char *at;
	size_t len;

	if (f->format == FORMAT_TOML)
		return toml_value(&f->toml, path);
	if (!json_edit_find(&f->json, path, &at, &len))
		return NULL;
	return str_fmt("%.*s", (int)len, at);
}

int engine_file_read(const struct engine_file *f, struct doc *ret, struct err *e)
{
	const struct buf *text = f->format == FORMAT_TOML ? &f->toml : &f->json.text;

	if (f->format == FORMAT_TOML)
		return toml_read(text->data, text->len, f->path, ret, e);
	return doc_json(text->data, text->len, f->path, ret, e);
}

/* The node that a path leads to, in a tree. */
static const struct doc_node *node_at(const struct doc *d, const char *const *path)
{
	const struct doc_node *n = d->top;

	for (; *path && n; path++)
		n = doc_get(n, *path);
	return n;
}

bool engine_file_has(const struct engine_file *f, const char *const *path)
{
	CLEANUP(doc_fini) struct doc d = {0};
	struct err ignored = {0};
	const char *at;
	size_t len;

	if (f->format == FORMAT_JSON)
		return json_edit_find(&f->json, path, &at, &len) && (*path || *at == '{');
	return engine_file_read(f, &d, &ignored) == 0 && node_at(&d, path);
}

static int set_text(struct engine_file *f, const char *const *path, const char *value,
		    struct err *e)
{
	return f->format == FORMAT_JSON ? json_edit_set(&f->json, path, value, e)
					: toml_set(&f->toml, path, value, e);
}

static int remove_text(struct engine_file *f, const char *const *path, struct err *e)
{
	return f->format == FORMAT_JSON ? json_edit_remove(&f->json, path, e)
					: toml_remove(&f->toml, path, e);
}

/* How many of a path's keys were there before the first edit. */
static size_t count_kept(const struct engine_file *f, const char *const *path)
{
	const struct doc_node *at = f->original.top;
	const char *part[ENGINE_KEYS + 1] = {NULL};
	size_t n = 0;

	for (; f->format == FORMAT_JSON && path[n]; n++) {
		const char *value;
		size_t len;

		part[n] = path[n];
		if (!json_edit_find(&f->original_json, part, &value, &len))
			break;
	}
	while (at && path[n]) {
		at = doc_get(at, path[n]);
		n += at != NULL;
	}
	return n;
}

static struct engine_key *add_key(struct engine_file *f, const char *const *path)
{
	struct engine_key *k;

	f->keys = mem_resize(f->keys, (f->keys_n + 1) * sizeof(*f->keys));
	k = &f->keys[f->keys_n++];
	*k = (struct engine_key){.kept = count_kept(f, path)};
	for (size_t i = 0; path[i] && i < ENGINE_KEYS; i++)
		k->path[i] = str_dup(path[i]);
	k->before = engine_file_value(f, path);
	return k;
}

int engine_file_set(struct engine_file *f, const char *const *path, const char *value,
		    struct err *e)
{
	CLEANUP(freep) char *is = engine_file_value(f, path);
	struct engine_key *k;

	if (str_eq(is, value))
		return 0;
	k = add_key(f, path);
	if (set_text(f, path, value, e) < 0)
		return err_wrap(e, "'%s'", f->path);
	k->value = engine_file_value(f, path);
	return 0;
}

int engine_file_append(struct engine_file *f, const char *const *path, const char *value,
		       struct err *e)
{
	struct engine_key *k = add_key(f, path);
	int code = f->format == FORMAT_JSON ? json_edit_append(&f->json, path, value, e)
					    : toml_append(&f->toml, path, value, e);

	if (code < 0)
		return err_wrap(e, "'%s'", f->path);
	k->value = engine_file_value(f, path);
	return 0;
}

void engine_file_close(struct engine_file *f)
{
	const struct buf *text = f->format == FORMAT_JSON ? &f->json.text : &f->toml;

	freep(&f->after);
	/* Looking alone does not make a file. */
	if (f->before || f->keys_n)
		f->after = str_dup(f->keys_n ? text->data : f->before);
}

bool engine_file_changes(const struct engine_file *f)
{
	return !str_eq(f->before, f->after);
}

/* Is there nothing in the object or table (or it is gone already), so that it may go? */
static bool is_empty(const struct engine_file *f, const char *const *path)
{
	CLEANUP(doc_fini) struct doc d = {0};
	struct err ignored = {0};
	const struct doc_node *n;

	if (engine_file_read(f, &d, &ignored) < 0)
		return false;
	n = node_at(&d, path);
	return !n || (n->kind == DOC_MAP && !n->n);
}

static int undo_key(struct engine_file *f, const struct engine_key *k, struct strs *notes,
		    struct err *e)
{
	const char *path[ENGINE_KEYS + 1] = {NULL};
	CLEANUP(freep) char *is = NULL;
	size_t n = 0;

	for (; k->path[n]; n++)
		path[n] = k->path[n];
	is = engine_file_value(f, path);
	if (!is)
		return 0;
	if (!str_eq(is, k->value)) {
		CLEANUP(freep) char *spelled = engine_spell(path);

		strs_fmt(notes, _("'%s' in '%s' was changed since, and stays"), spelled, f->path);
		return 0;
	}
	if (k->before)
		return set_text(f, path, k->before, e);
	if (remove_text(f, path, e) < 0)
		return -(int)e->code;
	while (n && --n > k->kept) {
		path[n] = NULL;
		if (!is_empty(f, path))
			break;
		if (remove_text(f, path, e) < 0)
			return -(int)e->code;
	}
	return 0;
}

/* Is nothing left of a file that was made here? */
static bool is_nothing(const struct engine_file *f)
{
	const char *const top[] = {NULL};

	if (f->format == FORMAT_JSON)
		return is_empty(f, top);
	return f->toml.len == strspn(f->toml.data, " \t\r\n");
}

int engine_file_undo(struct engine_file *f, const struct engine_key *keys, size_t n, bool existed,
		     struct strs *notes, struct err *e)
{
	while (n)
		if (undo_key(f, &keys[--n], notes, e) < 0)
			return err_wrap(e, "'%s'", f->path);
	freep(&f->after);
	if (existed || !is_nothing(f))
		f->after = str_dup((f->format == FORMAT_JSON ? &f->json.text : &f->toml)->data);
	return 0;
}

int engine_folder(const struct root *r, const char *path, bool make, int *ret_fd,
		  const char **ret_name, struct err *e)
{
	const char *slash = strrchr(path, '/');
	CLEANUP(freep) char *folder = str_fmt("%.*s", slash ? (int)(slash - path) : 0, path);
	CLEANUP(fd_closep) int place = -1;
	const char *at = *folder ? folder : "/";

	if (make && rootfs_place(r->fd, at, true, &place, e) < 0)
		return -(int)e->code;
	*ret_name = slash ? slash + 1 : path;
	return rootfs_open(r->fd, at, O_RDONLY | O_DIRECTORY, 0, ret_fd, e);
}

static int hint_privilege(struct err *e)
{
	if (e->sys == EROFS)
		return err_hint(e, "this file system is read-only: change the file where it is "
				   "made, or remount it");
	if (e->sys == EACCES || e->sys == EPERM)
		return err_hint(e, "run this as root: sudo dlenv configure ...");
	return -(int)e->code;
}

/* The folder of a path, or the nearest one above it that is there, may be written. */
int engine_may_write(const struct root *r, const char *path, struct err *e)
{
	CLEANUP(freep) char *folder = str_dup(path);

	for (;;) {
		char *slash = strrchr(folder, '/');
		CLEANUP(fd_closep) int fd = -1;
		struct err why = {0};

		if (slash)
			*slash = '\0';
		if (rootfs_open(r->fd, slash && *folder ? folder : "/", O_PATH | O_DIRECTORY, 0,
				&fd, &why) < 0) {
			if (why.code == ERR_ABSENT && slash && *folder)
				continue;
			*e = why;
			return -(int)e->code;
		}
		if (faccessat(fd, ".", W_OK, AT_EACCESS) == 0)
			return 0;
		(void)err_sys(e, "cannot write '%s'", path);
		return hint_privilege(e);
	}
}

/* Somebody else may have written the file since it was read. */
static int check_unchanged(const struct root *r, const struct engine_file *f, struct err *e)
{
	CLEANUP(engine_file_fini) struct engine_file now = {0};

	if (read_text(r, f->path, &now, e) < 0)
		return -(int)e->code;
	if (str_eq(now.before, f->before))
		return 0;
	(void)err_set(e, ERR_BUSY, "'%s' was changed by somebody else just now", f->path);
	return err_hint(e, "run the command again");
}

int engine_file_write(const struct root *r, const struct engine_file *f, struct err *e)
{
	CLEANUP(fd_closep) int folder = -1;
	const char *name = NULL;

	if (check_unchanged(r, f, e) < 0)
		return -(int)e->code;
	if (engine_folder(r, f->path, f->after != NULL, &folder, &name, e) < 0)
		return hint_privilege(e);
	if (!f->after) {
		if (unlinkat(folder, name, 0) == 0 || errno == ENOENT)
			return 0;
		(void)err_sys(e, "cannot remove '%s'", f->path);
		return hint_privilege(e);
	}
	if (file_write(folder, name, f->after, strlen(f->after), f->mode, FILE_SYNC, e) < 0)
		return hint_privilege(e);
	if ((f->uid != geteuid() || f->gid != getegid()) &&
	    fchownat(folder, name, f->uid, f->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "cannot give '%s' back to its owner", f->path);
	return 0;
}
