/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: openat2 resolves a path as if the container's root were "/".
 * Where the kernel (before 5.6) or a seccomp filter has no openat2, the path is
 * walked component by component with O_NOFOLLOW and links are expanded here;
 * ".." stops at the root because every folder passed is kept on a stack.
 */
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/env.h"
#include "base/mem.h"
#include "base/str.h"

enum { LINKS_MAX = 40, DEPTH_MAX = 256, LINK_MAX_LEN = 4096 };

struct walk {
	int stack[DEPTH_MAX]; /* stack[0] is the root, borrowed */
	int depth;
	int links;
	char *rest; /* what is still to be walked */
};

static void walk_pop(struct walk *w)
{
	if (w->depth > 0)
		fd_closep(&w->stack[w->depth--]);
}

static void walk_fini(struct walk *w)
{
	while (w->depth > 0)
		walk_pop(w);
	freep(&w->rest);
}

/* Cut the next component off the rest; NULL at the end. */
static char *walk_next(struct walk *w)
{
	char *p = w->rest + strspn(w->rest, "/");
	size_t n = strcspn(p, "/");
	char *name;
	char *rest;

	if (!n)
		return NULL;
	name = str_fmt("%.*s", (int)n, p);
	rest = str_dup(p + n);
	free(w->rest);
	w->rest = rest;
	return name;
}

/* Put a link's target in front of the rest. -1 with errno. */
static int walk_link(struct walk *w, const char *name)
{
	char target[LINK_MAX_LEN];
	ssize_t n = readlinkat(w->stack[w->depth], name, target, sizeof(target) - 1);
	char *rest;

	if (n < 0)
		return -1;
	if (++w->links > LINKS_MAX) {
		errno = ELOOP;
		return -1;
	}
	target[n] = '\0';
	if (target[0] == '/')
		while (w->depth > 0)
			walk_pop(w);
	rest = str_fmt("%s/%s", target, w->rest);
	free(w->rest);
	w->rest = rest;
	return 0;
}

/* One component; *ret_fd is set when it was the last one. -1 with errno. */
static int walk_step(struct walk *w, const char *name, int flags, mode_t mode, int *ret_fd)
{
	bool last = w->rest[strspn(w->rest, "/")] == '\0';
	struct stat st;
	int fd;

	if (str_eq(name, "."))
		return 0;
	if (str_eq(name, "..")) {
		walk_pop(w);
		return 0;
	}
	if (fstatat(w->stack[w->depth], name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISLNK(st.st_mode) && !(last && flags & O_NOFOLLOW))
		return walk_link(w, name);
	fd = openat(w->stack[w->depth], name,
		    last ? flags | O_NOFOLLOW : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		    mode);
	if (fd < 0)
		return -1;
	if (last) {
		*ret_fd = fd;
		return 0;
	}
	if (w->depth + 1 >= DEPTH_MAX) {
		(void)close(fd);
		errno = ENAMETOOLONG;
		return -1;
	}
	w->stack[++w->depth] = fd;
	return 0;
}

static int open_by_walk(int rootfd, const char *path, int flags, mode_t mode)
{
	CLEANUP(walk_fini) struct walk w = {.stack = {rootfd}, .rest = str_dup(path)};
	int fd = -1;

	while (fd < 0) {
		CLEANUP(freep) char *name = walk_next(&w);

		if (!name)
			return openat(w.stack[w.depth], ".", flags & ~O_NOFOLLOW, mode);
		if (walk_step(&w, name, flags, mode, &fd) < 0)
			return -1;
	}
	return fd;
}

int rootfs_try(int rootfd, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (unsigned int)(flags | O_CLOEXEC),
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd = -1;

	errno = ENOSYS;
	for (int tries = 0; tries < 100 && env_allows("openat2"); tries++) {
		fd = (int)syscall(SYS_openat2, rootfd, below(path), &how, sizeof(how));
		/* EAGAIN: something was renamed while the kernel resolved "..". */
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		fd = open_by_walk(rootfd, path, flags | O_CLOEXEC, mode);
	return fd;
}

int rootfs_open(int rootfd, const char *path, int flags, mode_t mode, int *ret_fd, struct err *e)
{
	int fd = rootfs_try(rootfd, path, flags, mode);

	if (fd < 0)
		return err_sys(e, "cannot open '%s' in the container's root", path);
	*ret_fd = fd;
	return 0;
}

/* One missing level of a place, in the folder above it. */
static int place_make(int above, const char *name, bool dir, const char *path, struct err *e)
{
	int made;

	if (str_eq(name, "..") || str_eq(name, "."))
		return 0;
	if (dir) {
		if (mkdirat(above, name, 0755) < 0 && errno != EEXIST)
			return err_sys(e, "cannot make the mount point '%s'", path);
		return 0;
	}
	made = openat(above, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (made < 0 && errno != EEXIST)
		return err_sys(e, "cannot make the mount point '%s'", path);
	fd_closep(&made);
	return 0;
}

/*
 * The longest beginning of part that is there, opened in *fd (the root itself: left alone);
 * returns where its first missing name begins. An error's text costs more than a look-up, so it is
 * made only for what fails indeed.
 */
static char *place_known(int rootfd, char *part, int *fd, struct err *e)
{
	char *first = part + strspn(part, "/");
	char *end = part + strlen(part);

	while (end > first) {
		char was;

		while (end > first && end[-1] == '/')
			end--;
		while (end > first && end[-1] != '/')
			end--;
		if (end == first)
			break;
		was = *end;
		*end = '\0';
		*fd = rootfs_try(rootfd, part, O_PATH, 0);
		if (*fd < 0 && errno != ENOENT) {
			(void)err_sys(e, "cannot open '%s' in the container's root", part);
			return NULL;
		}
		*end = was;
		if (*fd >= 0)
			return end;
	}
	return first;
}

int rootfs_place(int rootfd, const char *path, bool dir, int *ret_fd, struct err *e)
{
	CLEANUP(freep) char *part = str_dup(path);
	CLEANUP(fd_closep) int fd = -1;
	int there = rootfs_try(rootfd, path, O_PATH | (dir ? O_DIRECTORY : 0), 0);
	char *p;

	if (there < 0 && errno != ENOENT)
		return err_sys(e, "cannot open '%s' in the container's root", path);
	if (there >= 0) {
		*ret_fd = there;
		return 0;
	}
	p = place_known(rootfd, part, &fd, e);
	if (!p)
		return -(int)e->code;
	/* Each level is looked up from the root again, so that links stay inside (R2). */
	while (*p) {
		size_t n = strcspn(p, "/");
		bool last = !p[n + strspn(p + n, "/")];
		char was = p[n];
		int next = -1;

		p[n] = '\0';
		if (place_make(fd < 0 ? rootfd : fd, p, !last || dir, path, e) < 0 ||
		    rootfs_open(rootfd, part, O_PATH, 0, &next, e) < 0)
			return -(int)e->code;
		fd_closep(&fd);
		fd = next;
		p[n] = was;
		p += n + strspn(p + n, "/");
	}
	if (fd < 0)
		return err_set(e, ERR_CONFIG, "the path '%s' has no name", path);
	*ret_fd = TAKE(fd);
	return 0;
}

void rootfs_near_close(struct rootfs_near *near)
{
	fd_closep(&near->fd);
	freep(&near->folder);
}

/* A file in an open folder, made where there is none; -1 for a link and what cannot be made. */
static int near_file(int folder, const char *name)
{
	struct stat st;
	int fd = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			      0644);
	if (fd >= 0 && (fstat(fd, &st) < 0 || S_ISLNK(st.st_mode)))
		fd_closep(&fd);
	return fd;
}

int rootfs_place_near(int rootfd, const char *path, struct rootfs_near *near, int *ret_fd,
		      struct err *e)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	CLEANUP(freep) char *folder = str_fmt("%.*s", slash ? (int)(slash - path) : 0, path);
	int fd;

	if (!*folder || !*name || str_eq(name, ".") || str_eq(name, ".."))
		return rootfs_place(rootfd, path, false, ret_fd, e);
	if (!str_eq(near->folder, folder)) {
		rootfs_near_close(near);
		if (rootfs_place(rootfd, folder, true, &near->fd, e) < 0)
			return -(int)e->code;
		near->folder = TAKE(folder);
	}
	fd = near_file(near->fd, name);
	/* A link stays inside the root; anything else fails again, with its reason. */
	if (fd < 0)
		return rootfs_place(rootfd, path, false, ret_fd, e);
	*ret_fd = fd;
	return 0;
}
