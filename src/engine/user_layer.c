/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: the account files are taken from the topmost layer that has
 * them, the caller's lines are put in, and the result is written into a new
 * layer by a child that is root in the user namespace, so that the owners are
 * right on disk. The layer is finished by rename.
 */
#include "engine/user_layer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/layer.h"

enum { ACCOUNT_FILE_MAX = 1 << 20, SHADOW_GID = 42 };

static const char format_version[] = "user layer 3";

static const char tmux_conf[] = "# Settings of dlenv; your own ~/.tmux.conf is read after these.\n"
				"set -g mouse on\n"
				"set -g history-limit 100000\n"
				"set -g default-terminal tmux-256color\n"
				"set -as terminal-features ',xterm*:RGB'\n"
				"set -g set-clipboard on\n"
				"set -g escape-time 10\n";

/* A text file of the image: from the topmost layer that has it. */
static int image_read(const struct user_layer *l, const char *path, char **ret, struct err *e)
{
	for (size_t i = l->image->layers.n; i > 0; i--) {
		CLEANUP(freep) char *folder = layer_path(l->store, l->image->layers.v[i - 1]);
		CLEANUP(fd_closep) int root = -1;
		CLEANUP(fd_closep) int fd = -1;
		struct buf text = {.max = ACCOUNT_FILE_MAX};

		if (dir_open(AT_FDCWD, folder, &root, e) < 0)
			return -(int)e->code;
		if (rootfs_open(root, path, O_RDONLY, 0, &fd, e) < 0) {
			if (e->code == ERR_ABSENT)
				continue;
			return -(int)e->code;
		}
		buf_str(&text, "");
		if (read_all(fd, &text) < 0 || text.full) {
			buf_fini(&text);
			return err_set(e, ERR_VERIFY, "the image's '%s' cannot be read", path);
		}
		*ret = text.data;
		return 0;
	}
	return err_set(e, ERR_ABSENT, "the image has no '%s'", path);
}

/* Copy the lines of text except the one for name, in front of which they would hide. */
static void lines_without(struct buf *out, const char *text, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = text; *p;) {
		size_t len = strcspn(p, "\n");

		if (!(strncmp(p, name, n) == 0 && p[n] == ':')) {
			buf_add(out, p, len);
			buf_str(out, "\n");
		}
		p += len + (p[len] == '\n');
	}
}

/* Does a line of an account file have this number in its third field? */
static bool has_id(const char *text, unsigned int id)
{
	CLEANUP(freep) char *wanted = str_fmt(":%u:", id);

	for (const char *p = text; *p;) {
		size_t len = strcspn(p, "\n");
		const char *second = memchr(p, ':', len);
		const char *third =
			second ? memchr(second + 1, ':', len - (size_t)(second + 1 - p)) : NULL;

		if (third && strncmp(third, wanted, strlen(wanted)) == 0)
			return true;
		p += len + (p[len] == '\n');
	}
	return false;
}

struct making {
	const struct user_layer *l;
	const char *folder;
	char *passwd;
	char *shadow;
	char *group;
};

static int put(int root, const char *path, const char *text, mode_t mode, gid_t gid, struct err *e)
{
	CLEANUP(fd_closep)
	int fd = openat(root, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	/* The group first: changing it would clear what chmod sets. */
	if (fd < 0 || write_all(fd, text, strlen(text)) < 0 || fchown(fd, 0, gid) < 0 ||
	    fchmod(fd, mode) < 0)
		return err_sys(e, "cannot write '%s' into the image", path);
	return 0;
}

static int put_home(int root, const struct user *u, struct err *e)
{
	const char *home = below(u->home);

	if (dir_make(root, home, 0755, e) < 0)
		return -(int)e->code;
	if (fchownat(root, home, u->uid, u->gid, 0) < 0 || fchmodat(root, home, 0750, 0) < 0)
		return err_sys(e, "cannot make the home folder '%s'", u->home);
	return 0;
}

static int fill_files(const struct making *m, struct err *e)
{
	const struct user *u = m->l->user;
	CLEANUP(freep) char *sudo = str_fmt("%s ALL=(ALL:ALL) NOPASSWD: ALL\n", u->name);
	CLEANUP(freep) char *files = str_fmt("%s/fs", m->folder);
	CLEANUP(fd_closep) int root = -1;

	(void)umask(0022);
	if (dir_make(AT_FDCWD, files, 0755, e) < 0 || dir_open(AT_FDCWD, files, &root, e) < 0 ||
	    dir_make(root, "etc/sudoers.d", 0755, e) < 0 ||
	    put(root, "etc/tmux.conf", tmux_conf, 0644, 0, e) < 0)
		return -(int)e->code;
	if (fchmodat(root, "etc/sudoers.d", 0750, 0) < 0)
		return err_sys(e, "cannot prepare sudo in the image");
	if (u->uid == 0)
		return 0;
	if (put(root, "etc/sudoers.d/dlenv", sudo, 0440, 0, e) < 0 ||
	    put(root, "etc/passwd", m->passwd, 0644, 0, e) < 0 ||
	    put(root, "etc/group", m->group, 0644, 0, e) < 0 ||
	    put(root, "etc/shadow", m->shadow, 0640, SHADOW_GID, e) < 0)
		return -(int)e->code;
	return put_home(root, u, e);
}

static int fill(void *arg, struct err *e)
{
	const struct making *m = arg;

	if (fill_files(m, e) < 0)
		return -(int)e->code;
	return layer_index(m->folder, e);
}

/* The three account files with the caller in them. */
static int accounts(struct making *m, struct err *e)
{
	const struct user *u = m->l->user;
	CLEANUP(freep) char *passwd = NULL;
	CLEANUP(freep) char *group = NULL;
	struct buf users = {0};
	struct buf groups = {0};
	struct buf secrets = {0};

	if (image_read(m->l, "/etc/passwd", &passwd, e) < 0 ||
	    image_read(m->l, "/etc/group", &group, e) < 0)
		return -(int)e->code;
	lines_without(&users, passwd, u->name);
	buf_fmt(&users, "%s:x:%u:%u:%s:%s:/bin/bash\n", u->name, (unsigned int)u->uid,
		(unsigned int)u->gid, u->name, u->home);
	buf_str(&groups, group);
	if (!has_id(group, (unsigned int)u->gid))
		buf_fmt(&groups, "%s:x:%u:\n", u->name, (unsigned int)u->gid);
	/*
	 * shadow is not readable by us. Nobody in an image has a password, so it
	 * is written anew: locked for everybody.
	 */
	for (const char *p = users.data; p && *p; p += strcspn(p, "\n") + 1) {
		buf_add(&secrets, p, strcspn(p, ":"));
		buf_str(&secrets, ":*:20000:0:99999:7:::\n");
	}
	m->passwd = users.data;
	m->group = groups.data;
	m->shadow = secrets.data;
	return 0;
}

static void making_fini(struct making *m)
{
	freep(&m->passwd);
	freep(&m->group);
	freep(&m->shadow);
}

static int make(const struct user_layer *l, struct layer_build *build, const struct layer *parent,
		struct err *e)
{
	CLEANUP(making_fini) struct making m = {.l = l, .folder = build->path};
	CLEANUP(layer_fini)
	struct layer meta = {
		.parent = str_dup(parent->id),
		.title = str_dup("user"),
		.created = time(NULL),
	};

	memcpy(meta.parent_index, parent->index, sizeof(meta.parent_index));
	if (l->user->uid != 0 && accounts(&m, e) < 0)
		return -(int)e->code;
	if (userns_call(l->map, fill, &m, e) < 0 || layer_finish(build, &meta, e) < 0)
		return err_wrap(e, "cannot make the layer of your account");
	return 0;
}

static bool find(const struct user_layer *l, const char *id, const char *parent_index,
		 struct layer *ret)
{
	CLEANUP(layer_fini) struct layer own = {0};
	struct err e = {0};

	if (!layer_ready(l->store, id) || layer_load(l->store, id, &own, &e) < 0 ||
	    !str_eq(own.parent_index, parent_index))
		return false;
	*ret = own;
	own = (struct layer){0};
	return true;
}

/* Make it unless it is there. */
static int user_layer_make(const struct user_layer *l, struct layer *ret, struct err *e)
{
	const struct user *u = l->user;
	const char *parent = l->image->layers.v[l->image->layers.n - 1];
	CLEANUP(freep)
	char *text = str_fmt("%s\n%s\n%s\n%u\n%u\n%s\n%u\n", format_version, parent, u->name,
			     (unsigned int)u->uid, (unsigned int)u->gid, u->home,
			     (unsigned int)l->map->uids);
	CLEANUP(layer_fini) struct layer below = {0};
	CLEANUP(layer_end) struct layer_build build = {.lock = -1};
	char id[DIGEST_LEN];

	digest_bytes(text, strlen(text), id);
	if (layer_load(l->store, parent, &below, e) < 0)
		return -(int)e->code;
	if (find(l, id, below.index, ret))
		return 0;
	if (layer_begin(l->store, id, below.index, NULL, &build, e) < 0 ||
	    (!build.done && make(l, &build, &below, e) < 0))
		return -(int)e->code;
	return layer_load(l->store, id, ret, e);
}

int user_layer_stack(const struct user_layer *l, struct strs *ret, struct layer *ret_own,
		     struct err *e)
{
	CLEANUP(freep) char *top = NULL;

	if (user_layer_make(l, ret_own, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < l->image->layers.n; i++) {
		CLEANUP(freep) char *path = layer_path(l->store, l->image->layers.v[i]);

		strs_add(ret, path);
	}
	top = layer_path(l->store, ret_own->id);
	strs_add(ret, top);
	return 0;
}
