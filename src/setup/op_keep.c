/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of the machine, kept before they are changed and put back by undo. What was there is
 * described by an object in the journal:
 *
 *   {"kept": "kept/3/etc/x", "mode": "0644", "uid": 0, "gid": 0}   a file; its bytes in STATE
 *   {"link": "/run/x"}                                             a symbolic link
 *   {"made": ["/etc/a/b", "/etc/a"]}                               nothing; and these were missing
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/i18n.h"
#include "setup/op_parts.h"

enum { FOLDERS_MAX = 64 };

int op_read(const struct executor *x, const char *path, char **ret, size_t *ret_len, struct err *e)
{
	CLEANUP(fd_closep) int fd = -1;
	char proc[32];

	if (str_eq(x->root->path, "/"))
		return file_read(x->root->fd, below(path), OP_FILE_MAX, ret, ret_len, e);
	if (rootfs_open(x->root->fd, path, O_RDONLY, 0, &fd, e) < 0)
		return -(int)e->code;
	(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	return file_read(AT_FDCWD, proc, OP_FILE_MAX, ret, ret_len, e);
}

/* A path's folder: the text is the caller's; "." for what lies in the root itself. */
static char *folder_of(const char *path)
{
	const char *p = below(path);
	const char *slash = strrchr(p, '/');

	return slash ? str_fmt("%.*s", (int)(slash - p), p) : str_dup(".");
}

static int sync_folder(int dir, const char *path)
{
	CLEANUP(fd_closep) int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -1 : fsync(fd);
}

/* Folders that were just made survive a power cut once those they lie in are synced. */
static int make_folders(int dir, const char *path, mode_t mode, struct err *e)
{
	CLEANUP(freep) char *part = str_dup(path);
	char *slash;

	if (file_exists(dir, path))
		return 0;
	if (dir_make(dir, path, mode, e) < 0)
		return -(int)e->code;
	while ((slash = strrchr(part, '/'))) {
		*slash = '\0';
		if (sync_folder(dir, part) < 0)
			return err_sys(e, "cannot write '%s'", part);
	}
	return sync_folder(dir, ".") < 0 ? err_sys(e, "cannot write '%s'", path) : 0;
}

void op_sweep(const struct executor *x, const char *path)
{
	CLEANUP(freep) char *folder = folder_of(path);
	CLEANUP(freep) char *prefix = str_fmt(".%s.dlenv-new-", strrchr(path, '/') + 1);
	CLEANUP(strs_fini) struct strs names = {0};
	CLEANUP(fd_closep) int fd = -1;
	struct err ignored = {0};

	if (dir_open(x->root->fd, folder, &fd, &ignored) < 0 ||
	    dir_list(fd, ".", &names, &ignored) < 0)
		return;
	for (size_t i = 0; i < names.n; i++)
		if (str_starts(names.v[i], prefix))
			(void)unlinkat(fd, names.v[i], 0);
}

int op_write(const struct executor *x, const char *path, const void *data, size_t len, mode_t mode,
	     struct err *e)
{
	CLEANUP(freep) char *folder = folder_of(path);

	op_sweep(x, path);
	if (make_folders(x->root->fd, folder, 0755, e) < 0 ||
	    file_write(x->root->fd, below(path), data, len, mode, FILE_SYNC, e) < 0) {
		(void)err_wrap(e, "cannot write '%s'", path);
		if (e->sys == EROFS)
			(void)err_hint(e, "this file system is read-only: see `findmnt -T %s`",
				       path);
		return -(int)e->code;
	}
	return 0;
}

static int keep_bytes(struct executor *x, const char *kept, const void *data, size_t len,
		      struct err *e)
{
	CLEANUP(freep) char *folder = folder_of(kept);

	if (make_folders(x->state_fd, folder, 0700, e) < 0 ||
	    file_write(x->state_fd, kept, data, len, 0600, FILE_SYNC, e) < 0)
		return err_wrap(e, "cannot keep what is there now");
	return 0;
}

int op_keep_text(struct executor *x, const char *name, const char *text, char **ret_path,
		 struct err *e)
{
	CLEANUP(freep) char *kept = str_fmt("kept/%u/%s", x->number, name);

	if (keep_bytes(x, kept, text, strlen(text), e) < 0)
		return -(int)e->code;
	*ret_path = TAKE(kept);
	return 0;
}

void op_missing_folders(const struct executor *x, const char *path, json_t *list)
{
	CLEANUP(freep) char *part = str_dup(path);
	char *slash;

	while ((slash = strrchr(part, '/')) && slash != part) {
		*slash = '\0';
		if (root_has(x->root, part))
			break;
		(void)json_array_append_new(list, json_string(part));
	}
}

void op_remove_folders(const struct executor *x, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list) && i < FOLDERS_MAX; i++) {
		const char *dir = json_string_value(json_array_get(list, i));

		/* One with something else in it stays. */
		if (dir)
			(void)unlinkat(x->root->fd, below(dir), AT_REMOVEDIR);
	}
}

static int keep_link(const struct executor *x, const char *path, json_t **ret, struct err *e)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(x->root->fd, below(path), target, sizeof(target));

	if (n < 0 || n == sizeof(target))
		return err_sys(e, "cannot read the link '%s'", path);
	target[n] = '\0';
	*ret = json_pack("{s:s}", "link", target);
	return *ret ? 0 : err_set(e, ERR_CONFIG, "the link '%s' is no readable text", path);
}

static int keep_file(struct executor *x, const char *path, const struct stat *st, json_t **ret,
		     struct err *e)
{
	CLEANUP(freep) char *kept = str_fmt("kept/%u/%s", x->number, below(path));
	CLEANUP(freep) char *text = NULL;
	size_t len = 0;
	char mode[16];

	if (op_read(x, path, &text, &len, e) < 0 || keep_bytes(x, kept, text, len, e) < 0)
		return err_wrap(e, "cannot keep '%s'", path);
	(void)snprintf(mode, sizeof(mode), "%04o", st->st_mode & 07777);
	*ret = json_pack("{s:s, s:s, s:I, s:I}", "kept", kept, "mode", mode, "uid",
			 (json_int_t)st->st_uid, "gid", (json_int_t)st->st_gid);
	return 0;
}

int op_keep(struct executor *x, const char *path, json_t **ret, struct err *e)
{
	json_t *made;
	struct stat st;

	if (fstatat(x->root->fd, below(path), &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT)
			return err_sys(e, "cannot look at '%s'", path);
		made = json_array();
		op_missing_folders(x, path, made);
		*ret = json_pack("{s:o}", "made", made);
		return 0;
	}
	if (S_ISLNK(st.st_mode))
		return keep_link(x, path, ret, e);
	if (S_ISREG(st.st_mode))
		return keep_file(x, path, &st, ret, e);
	(void)err_set(e, ERR_CONFIG, "'%s' is in the way: it is no file", path);
	return err_hint(e, "move it away, and run the command again");
}

enum now { NOW_ABSENT, NOW_OURS, NOW_BEFORE, NOW_OTHER };

/* Is what lies at path what was kept? */
static bool is_before(const struct executor *x, const char *path, const char *digest,
		      const json_t *before)
{
	const char *link = json_string_value(json_object_get(before, "link"));
	const char *kept = json_string_value(json_object_get(before, "kept"));
	char target[PATH_MAX];
	char was[DIGEST_LEN];
	CLEANUP(freep) char *text = NULL;
	struct err ignored = {0};
	size_t len = 0;
	ssize_t n = readlinkat(x->root->fd, below(path), target, sizeof(target));

	if (link)
		return n >= 0 && (size_t)n == strlen(link) && !memcmp(target, link, (size_t)n);
	if (!kept || n >= 0 || file_read(x->state_fd, kept, OP_FILE_MAX, &text, &len, &ignored) < 0)
		return false;
	digest_bytes(text, len, was);
	return str_eq(was, digest);
}

static int look(const struct executor *x, const char *path, const char *wrote, const json_t *before,
		enum now *ret, struct err *e)
{
	CLEANUP(freep) char *text = NULL;
	char digest[DIGEST_LEN] = "";
	size_t len = 0;
	struct stat st;

	if (fstatat(x->root->fd, below(path), &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			return err_sys(e, "cannot look at '%s'", path);
		*ret = NOW_ABSENT;
		return 0;
	}
	if (S_ISREG(st.st_mode)) {
		if (op_read(x, path, &text, &len, e) < 0)
			return -(int)e->code;
		digest_bytes(text, len, digest);
	}
	if (is_before(x, path, digest, before))
		*ret = NOW_BEFORE;
	else if (S_ISREG(st.st_mode) && (!wrote || str_eq(digest, wrote)))
		*ret = NOW_OURS;
	else
		*ret = NOW_OTHER;
	return 0;
}

static mode_t mode_of(const json_t *before)
{
	const char *text = json_string_value(json_object_get(before, "mode"));
	mode_t mode = 0;

	for (; text && *text >= '0' && *text <= '7'; text++)
		mode = mode * 8 + (mode_t)(*text - '0');
	return mode & 07777;
}

static int put_back(struct executor *x, const char *path, const char *kept, const json_t *before,
		    struct err *e)
{
	const char *at = below(path);
	uid_t uid = (uid_t)json_integer_value(json_object_get(before, "uid"));
	gid_t gid = (gid_t)json_integer_value(json_object_get(before, "gid"));
	mode_t mode = mode_of(before);
	CLEANUP(freep) char *text = NULL;
	struct stat st;
	size_t len = 0;

	if (file_read(x->state_fd, kept, OP_FILE_MAX, &text, &len, e) < 0 ||
	    op_write(x, path, text, len, mode, e) < 0)
		return err_wrap(e, "cannot put '%s' back", path);
	if (fstatat(x->root->fd, at, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_uid == uid &&
	    st.st_gid == gid)
		return 0;
	/* A change of owner takes the bits for set-user-id away. */
	if (fchownat(x->root->fd, at, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchmodat(x->root->fd, at, mode, 0) < 0)
		return err_sys(e, "cannot give '%s' back to its owner", path);
	return 0;
}

static int put_link_back(struct executor *x, const char *path, const char *target, struct err *e)
{
	CLEANUP(freep) char *tmp = str_fmt("%s.dlenv-new", below(path));
	CLEANUP(freep) char *folder = folder_of(path);

	(void)unlinkat(x->root->fd, tmp, 0);
	if (symlinkat(target, x->root->fd, tmp) < 0 ||
	    renameat(x->root->fd, tmp, x->root->fd, below(path)) < 0 ||
	    sync_folder(x->root->fd, folder) < 0)
		return err_sys(e, "cannot put the link '%s' back", path);
	return 0;
}

static int remove_file(struct executor *x, const char *path, const json_t *before, struct err *e)
{
	CLEANUP(freep) char *folder = folder_of(path);

	if (unlinkat(x->root->fd, below(path), 0) < 0 && errno != ENOENT && errno != ENOTDIR)
		return err_sys(e, "cannot remove '%s'", path);
	if (sync_folder(x->root->fd, folder) < 0 && errno != ENOENT)
		return err_sys(e, "cannot remove '%s'", path);
	op_remove_folders(x, json_object_get(before, "made"));
	return 0;
}

int op_restore(struct executor *x, const char *path, const char *digest, const json_t *before,
	       struct err *e)
{
	const char *kept = json_string_value(json_object_get(before, "kept"));
	const char *link = json_string_value(json_object_get(before, "link"));
	bool absent = !kept && !link;
	enum now now = NOW_OTHER;

	op_sweep(x, path);
	if (look(x, path, digest, before, &now, e) < 0)
		return -(int)e->code;
	if (now == NOW_OTHER || (now == NOW_ABSENT && !absent && digest)) {
		executor_note(x, _("'%s' stays as it is: somebody has changed it since"), path);
		return 0;
	}
	if (now == NOW_BEFORE)
		return 0;
	if (absent)
		return remove_file(x, path, before, e);
	return link ? put_link_back(x, path, link, e) : put_back(x, path, kept, before, e);
}
