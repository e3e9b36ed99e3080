/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fs.h"
#include "runtime/mnt.h"
#include "runtime/pty.h"
#include "runtime/rt.h"

struct node {
	const char *name; /* below /dev */
	mode_t type;	  /* S_IFCHR ... */
	mode_t mode;
	unsigned int major;
	unsigned int minor;
	uint32_t uid;
	uint32_t gid;
	const char *host_path; /* NULL: dlenv.node.PATH or the same */
};

/* config-linux.md "Default Devices"; console and ptmx are made elsewhere. */
static const struct node defaults[] = {
	{"null", S_IFCHR, 0666, 1, 3, 0, 0, NULL},    {"zero", S_IFCHR, 0666, 1, 5, 0, 0, NULL},
	{"full", S_IFCHR, 0666, 1, 7, 0, 0, NULL},    {"random", S_IFCHR, 0666, 1, 8, 0, 0, NULL},
	{"urandom", S_IFCHR, 0666, 1, 9, 0, 0, NULL}, {"tty", S_IFCHR, 0666, 5, 0, 0, 0, NULL},
};

static const struct {
	const char *target;
	const char *name;
} links[] = {
	{"/proc/self/fd", "fd"},       {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"},
	{"/proc/self/fd/2", "stderr"}, {"pts/ptmx", "ptmx"},
};

static bool is_node(const struct stat *st, const struct node *n)
{
	return (st->st_mode & S_IFMT) == n->type &&
	       (n->type == S_IFIFO || st->st_rdev == makedev(n->major, n->minor));
}

/* Without the right to make nodes, the host's is shown, if it is what it should be (R3). */
static int node_bind(struct rt *rt, int dir, const char *path, const struct node *n, struct err *e)
{
	CLEANUP(freep) char *key = str_fmt("dlenv.node.%s", path);
	const char *other = n->host_path ? n->host_path : spec_annotation(&rt->spec, key);
	const char *host = other ? other : path;
	CLEANUP(fd_closep) int source = -1;
	struct mnt_at at = {.root = rt->root, .path = path, .fd = -1};
	struct mount_options o = {0};
	struct stat st;
	const char *base = strrchr(path, '/') + 1;
	int code;

	if (mnt_source(AT_FDCWD, host, false, &source, e) < 0)
		return -(int)e->code;
	if (fstat(source, &st) < 0 || !is_node(&st, n))
		return err_set(e, ERR_RUNTIME, "'%s' of this machine is not the device %u:%u", host,
			       n->major, n->minor);
	at.fd = openat(dir, base, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (at.fd < 0)
		return err_sys(e, "cannot make '%s'", path);
	code = mnt_bind(&at, source, &o, e);
	(void)close(at.fd);
	return code;
}

static int node_make(struct rt *rt, int dir, const char *path, const struct node *n, struct err *e)
{
	const char *base = strrchr(path, '/') + 1;
	bool makes = !rt->userns || n->type == S_IFIFO;
	int sys = EPERM;
	struct stat st;

	if (makes)
		sys = mknodat(dir, base, n->type | n->mode, makedev(n->major, n->minor)) < 0 ? errno
											     : 0;
	if (sys && fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (is_node(&st, n))
			return 0;
		return err_set(e, ERR_CONFIG, "'%s' exists and is not the device %u:%u", path,
			       n->major, n->minor);
	}
	if (sys == EPERM && n->type != S_IFIFO)
		return node_bind(rt, dir, path, n, e);
	if (sys) {
		errno = sys;
		return err_sys(e, "cannot make the device '%s'", path);
	}
	if ((n->uid || n->gid) && fchownat(dir, base, n->uid, n->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "cannot set the owner of '%s'", path);
	return 0;
}

/* The last folder that was needed: a GPU's nodes lie in two. */
struct place {
	char *folder;
	int fd;
};

static void place_fini(struct place *at)
{
	freep(&at->folder);
	fd_closep(&at->fd);
}

/* The folder of a path in *ret_dir, dev being /dev itself; it stays at's. */
static int place_find(struct rt *rt, const char *path, int dev, struct place *at, int *ret_dir,
		      struct err *e)
{
	CLEANUP(freep) char *folder = str_fmt("%.*s", (int)(strrchr(path, '/') - path), path);

	*ret_dir = dev;
	if (str_eq(folder, "/dev"))
		return 0;
	if (!str_eq(folder, at->folder)) {
		place_fini(at);
		if (rootfs_place(rt->root, folder, true, &at->fd, e) < 0)
			return -(int)e->code;
		at->folder = TAKE(folder);
	}
	*ret_dir = at->fd;
	return 0;
}

static int device_make(struct rt *rt, const struct spec_device *d, int dev, struct place *at,
		       struct err *e)
{
	struct node n = {
		.name = d->path + strlen("/dev/"),
		.mode = d->mode ? (mode_t)d->mode & 07777 : 0666,
		.major = (unsigned int)d->major,
		.minor = (unsigned int)d->minor,
		.uid = (uint32_t)d->uid,
		.gid = (uint32_t)d->gid,
		.host_path = d->host_path,
	};
	int dir = -1;

	if (!str_starts(d->path, "/dev/") || !*n.name)
		return err_set(e, ERR_CONFIG, "the device '%s' is not below /dev", d->path);
	if (strlen(d->type) != 1 || !strchr("cubp", d->type[0]))
		return err_set(e, ERR_CONFIG, "the device '%s' has the type '%s'", d->path,
			       d->type);
	n.type = d->type[0] == 'b' ? S_IFBLK : d->type[0] == 'p' ? S_IFIFO : S_IFCHR;
	if (place_find(rt, d->path, dev, at, &dir, e) < 0)
		return -(int)e->code;
	return node_make(rt, dir, d->path, &n, e);
}

int stage_devices(struct rt *rt, struct err *e)
{
	const struct spec_device *d = rt->spec.linux_.devices.items;
	CLEANUP(place_fini) struct place at = {.fd = -1};
	CLEANUP(fd_closep) int dir = -1;

	if (rootfs_place(rt->root, "/dev", true, &dir, e) < 0)
		return -(int)e->code;
	fd_closep(&dir);
	if (rootfs_open(rt->root, "/dev", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, &dir, e) < 0)
		return err_set(e, ERR_CONFIG, "'/dev' of the image is not a real folder");
	for (size_t i = 0; i < COUNT(defaults); i++) {
		char path[32] = "/dev/";

		memcpy(path + 5, defaults[i].name, strlen(defaults[i].name) + 1);
		if (node_make(rt, dir, path, &defaults[i], e) < 0)
			return -(int)e->code;
	}
	for (size_t i = 0; i < COUNT(links); i++)
		if (symlinkat(links[i].target, dir, links[i].name) < 0 && errno != EEXIST)
			return err_sys(e, "cannot make the link '/dev/%s'", links[i].name);
	for (size_t i = 0; i < rt->spec.linux_.devices.n; i++)
		if (device_make(rt, &d[i], dir, &at, e) < 0)
			return -(int)e->code;
	return 0;
}

int stage_console(struct rt *rt, struct err *e)
{
	struct mnt_at at = {.root = rt->root, .path = "/dev/console", .fd = -1};
	struct mount_options o = {0};
	CLEANUP(fd_closep) int source = -1;
	CLEANUP(fd_closep) int dir = -1;
	int code;

	if (pty_make(rt->root, (uid_t)rt->spec.process.uid, rt->console[PIPE_WRITE], &rt->slave,
		     e) < 0)
		return -(int)e->code;
	if (mnt_source(rt->slave, "", false, &source, e) < 0 ||
	    rootfs_open(rt->root, "/dev", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, &dir, e) < 0)
		return -(int)e->code;
	/* O_EXCL: whatever the image has there is not followed and not used (CVE-2025-52565). */
	at.fd = openat(dir, "console", O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (at.fd < 0 && errno == EEXIST)
		return 0;
	if (at.fd < 0)
		return err_sys(e, "cannot make '/dev/console'");
	code = mnt_bind(&at, source, &o, e);
	(void)close(at.fd);
	return code;
}
