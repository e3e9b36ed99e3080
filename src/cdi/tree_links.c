/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/i18n.h"
#include "cdi/tree_parts.h"

/* Most links lie in one folder: it is opened once. */
struct place {
	char *path;
	int fd;
};

static void place_fini(struct place *at)
{
	freep(&at->path);
	fd_closep(&at->fd);
}

static bool is_there(int dir, const char *name, const char *target)
{
	char text[4096];
	ssize_t n = readlinkat(dir, name, text, sizeof(text));

	return n >= 0 && (size_t)n == strlen(target) && memcmp(text, target, (size_t)n) == 0;
}

/* By rename over what is there, which is never followed. -1 with errno. */
static int link_make(int dir, const char *name, const char *target)
{
	CLEANUP(freep) char *tmp = NULL;

	if (symlinkat(target, dir, name) == 0)
		return 0;
	if (is_there(dir, name, target))
		return 0;
	errno = EEXIST;
	tmp = str_fmt(".%s.dlenv-new", name);
	if (symlinkat(target, dir, tmp) < 0 &&
	    (errno != EEXIST || unlinkat(dir, tmp, 0) < 0 || symlinkat(target, dir, tmp) < 0))
		return -1;
	if (renameat(dir, tmp, dir, name) < 0) {
		int sys = errno;

		(void)unlinkat(dir, tmp, 0);
		errno = sys;
		return -1;
	}
	return 0;
}

/* A link with that text on a read-only root is as good as one that was made. */
static bool is_made(const struct tree_place *p, const char *folder, const char *name,
		    const char *target)
{
	CLEANUP(fd_closep) int dir = -1;
	struct err ignored;

	return rootfs_open(p->root, folder, O_PATH | O_DIRECTORY, 0, &dir, &ignored) == 0 &&
	       is_there(dir, name, target);
}

static int one(const struct tree_place *p, const struct tree_link *link, struct place *at,
	       struct err *e)
{
	CLEANUP(freep) char *folder = NULL;
	CLEANUP(freep) char *name = NULL;

	tree_split(link->at, &folder, &name);
	if (p->read_only) {
		if (is_made(p, folder, name, link->target))
			return 0;
		errno = EROFS;
		return err_sys(e, "cannot make the link '%s'", link->at);
	}
	if (!at->path || !str_eq(at->path, folder)) {
		place_fini(at);
		if (tree_folder(p, folder, &at->fd, e) < 0)
			return is_made(p, folder, name, link->target) ? 0 : -(int)e->code;
		at->path = TAKE(folder);
	}
	if (link_make(at->fd, name, link->target) < 0)
		return err_sys(e, "cannot make the link '%s'", link->at);
	return 0;
}

void tree_make_links(const struct tree_place *p, const struct tree_edits *t)
{
	CLEANUP(place_fini) struct place at = {.fd = -1};
	size_t missing = 0;
	struct err e = {0};

	for (size_t i = 0; i < t->links_n; i++) {
		struct err why = {0};

		if (one(p, &t->links[i], &at, &why) == 0)
			continue;
		if (!missing++)
			e = why;
	}
	if (missing == 1)
		tree_warn(p, "%s", e.msg);
	else if (missing)
		tree_warn(p, _("%zu links to the driver were not made; the first: %s"), missing,
			  e.msg);
}

/* A device or folder of the container, by its descriptor: no link at the end is followed. */
static int mode_set(const struct tree_place *p, const struct tree_mode *m, struct err *e)
{
	CLEANUP(fd_closep) int fd = -1;
	char name[32];
	struct stat st;

	if (rootfs_open(p->root, m->path, O_PATH | O_NOFOLLOW, 0, &fd, e) < 0)
		return e->code == ERR_ABSENT ? 0 : -(int)e->code;
	if (fstat(fd, &st) < 0 || S_ISLNK(st.st_mode))
		return err_set(e, ERR_PRIV, "'%s' of the image is a link", m->path);
	if ((st.st_mode & 07777) == m->mode)
		return 0;
	/* A device that is mounted there is the host's own. */
	if (!S_ISDIR(st.st_mode) || !tree_is_own(p, m->path, fd))
		return err_set(e, ERR_PRIV, "'%s' is not a folder of the container's own", m->path);
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	if (chmod(name, m->mode) < 0)
		return err_sys(e, "cannot set the mode of '%s'", m->path);
	return 0;
}

void tree_make_modes(const struct tree_place *p, const struct tree_edits *t)
{
	for (size_t i = 0; i < t->modes_n; i++) {
		struct err e = {0};

		if (mode_set(p, &t->modes[i], &e) < 0)
			tree_warn(p, "%s", e.msg);
	}
}
