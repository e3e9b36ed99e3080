/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "cdi/tree.h"
#include "hook/legacy.h"
#include "runtime/mnt.h"

static const char *host_path_of(const struct cdi_node *n)
{
	return n->host_path ? n->host_path : n->path;
}

static int *open_none(size_t n)
{
	int *fds = mem_alloc((n + 1) * sizeof(*fds));

	for (size_t i = 0; i < n; i++)
		fds[i] = -1;
	return fds;
}

int placing_open(int machine, const struct cdi_edits *edits, struct placing *ret, struct err *e)
{
	ret->edits = edits;
	ret->mounts = open_none(edits->mounts_n);
	ret->nodes = open_none(edits->nodes_n);
	for (size_t i = 0; i < edits->mounts_n; i++)
		if (mnt_source(AT_FDCWD, edits->mounts[i].host_path, true, &ret->mounts[i], e) < 0)
			return -(int)e->code;
	for (size_t i = 0; i < edits->nodes_n; i++)
		if (mnt_source(AT_FDCWD, host_path_of(&edits->nodes[i]), false, &ret->nodes[i], e) <
		    0)
			return err_hint(e, "make the driver's nodes: nvidia-ctk system "
					   "create-device-nodes --control-devices");
	ret->params = openat(machine, "proc/driver/nvidia/params", O_RDONLY | O_CLOEXEC);
	return 0;
}

static void close_all(int **fds, size_t n)
{
	for (size_t i = 0; *fds && i < n; i++)
		fd_closep(&(*fds)[i]);
	freep(fds);
}

void placing_close(struct placing *p)
{
	close_all(&p->mounts, p->edits ? p->edits->mounts_n : 0);
	close_all(&p->nodes, p->edits ? p->edits->nodes_n : 0);
	fd_closep(&p->params);
}

static bool same_file(const char *a, const char *b)
{
	struct stat x;
	struct stat y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* *ret stays -1 when we are in that namespace already. */
static int ns_open(pid_t pid, const char *name, int *ret, struct err *e)
{
	CLEANUP(freep) char *path = str_fmt("/proc/%d/ns/%s", (int)pid, name);
	CLEANUP(freep) char *own = str_fmt("/proc/self/ns/%s", name);

	if (same_file(path, own))
		return 0;
	*ret = open(path, O_RDONLY | O_CLOEXEC);
	return *ret < 0 ? err_sys(e, "cannot open the container's namespaces") : 0;
}

/*
 * A user namespace of the container's own comes first: it owns the mount namespace. Both are opened
 * before, since afterwards nothing of the process may be looked at any more.
 */
static int join(int user, int mnt, struct err *e)
{
	if (user >= 0 && setns(user, CLONE_NEWUSER) < 0)
		return err_sys(e, "cannot enter the container's user namespace");
	if (setns(mnt, CLONE_NEWNS) < 0)
		return err_sys(e, "cannot enter the container's mount namespace");
	/* Whoever has no id in a user namespace cannot make files there. */
	if (user >= 0 && (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0))
		return err_sys(e, "cannot become root of the container's user namespace");
	return 0;
}

static int enter(pid_t pid, const char *root, int *ret_root, struct err *e)
{
	CLEANUP(fd_closep) int user = -1;
	CLEANUP(fd_closep) int mnt = -1;

	if (ns_open(pid, "user", &user, e) < 0 || ns_open(pid, "mnt", &mnt, e) < 0)
		return -(int)e->code;
	/* Before its own mount namespace is there, its root would be made on the host. */
	if (mnt < 0)
		return err_set(e, ERR_CONFIG, "the container has no mount namespace of its own");
	if (join(user, mnt, e) < 0)
		return -(int)e->code;
	*ret_root = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*ret_root < 0)
		return err_sys(e, "cannot open the container's root '%s'", root);
	return 0;
}

static int attach(int root, const char *path, const char *const *options, int source, struct err *e)
{
	CLEANUP(mount_options_fini) struct mount_options o = {0};
	CLEANUP(fd_closep) int place = -1;
	struct mnt_at at = {.root = root, .path = path};
	struct stat st;

	if (fstat(source, &st) < 0)
		return err_sys(e, "cannot read what is mounted on '%s'", path);
	if (mount_options_parse(options, &o, e) < 0 ||
	    rootfs_place(root, path, S_ISDIR(st.st_mode), &place, e) < 0)
		return -(int)e->code;
	at.fd = place;
	return mnt_bind(&at, source, &o, e);
}

/* Nodes are bound, not made: a container's user namespace could not make them. */
static int attach_all(const struct placing *p, int root, struct err *e)
{
	static const char *const node_options[] = {"bind", "nosuid", "noexec", NULL};
	const struct cdi_edits *x = p->edits;

	for (size_t i = 0; i < x->mounts_n; i++)
		if (attach(root, x->mounts[i].container_path, x->mounts[i].options.v, p->mounts[i],
			   e) < 0)
			return -(int)e->code;
	for (size_t i = 0; i < x->nodes_n; i++)
		if (attach(root, x->nodes[i].path, node_options, p->nodes[i], e) < 0)
			return -(int)e->code;
	return 0;
}

/* What hooks would do, done here. */
static int make_tree(const struct placing *p, int root, struct err *e)
{
	CLEANUP(arena_fini) struct arena a = {0};
	CLEANUP(strs_fini) struct strs unknown = {0};
	struct tree_edits t = {0};
	const char **mounts;
	struct statvfs st;
	struct tree_place place = {
		.root = root, .params = p->params, .warn = p->warn, .warn_arg = p->warn_arg};

	if (tree_from_hooks(p->edits->hooks, p->edits->hooks_n, &a, &t, &unknown, e) < 0)
		return -(int)e->code;
	mounts = arena_alloc(&a, (p->edits->mounts_n + 1) * sizeof(*mounts));
	for (size_t i = 0; i < p->edits->mounts_n; i++)
		mounts[i] = p->edits->mounts[i].container_path;
	place.mounts = mounts;
	place.read_only = fstatvfs(root, &st) == 0 && st.f_flag & ST_RDONLY;
	return tree_make(&place, &t, e);
}

int placing_make(const struct placing *p, pid_t pid, const char *root, struct err *e)
{
	CLEANUP(fd_closep) int fd = -1;

	if (enter(pid, root, &fd, e) < 0 || attach_all(p, fd, e) < 0)
		return -(int)e->code;
	return make_tree(p, fd, e);
}
