/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: everything of the host is opened first, as the caller, because
 * the way to it may be closed to the container's root (a home folder of mode
 * 0700 in a group that is not mapped). Later stages name it /proc/self/fd/N. The
 * root is mounted on the bundle's folder, in our own mount namespace, and then
 * becomes "/" by pivot_root(".", ".").
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/env.h"
#include "base/fs.h"
#include "base/log.h"
#include "runtime/fuse_overlay.h"
#include "runtime/mnt.h"
#include "runtime/rt.h"

enum { LAYERS_MAX = 200, NULL_MAJOR = 1, NULL_MINOR = 3 };

static int open_path(const char *path, int flags, int *ret, struct err *e)
{
	int fd = open(path, O_PATH | O_CLOEXEC | flags);

	if (fd < 0)
		return err_sys(e, "cannot open '%s'", path);
	*ret = fd;
	return 0;
}

static int open_place(struct rt *rt, struct err *e)
{
	CLEANUP(freep) char *up = str_fmt("%s/..", rt->bundle);

	if (open_path(rt->bundle, O_DIRECTORY, &rt->place, e) < 0)
		return -(int)e->code;
	return open_path(up, O_DIRECTORY, &rt->place_parent, e);
}

static int open_layers(struct rt *rt, const char *lower, struct err *e)
{
	const char *upper = spec_annotation(&rt->spec, "dlenv.overlay.upper");
	const char *work = spec_annotation(&rt->spec, "dlenv.overlay.work");

	rt->layers = mem_alloc(LAYERS_MAX * sizeof(*rt->layers));
	for (const char *p = lower; *p;) {
		size_t n = strcspn(p, ":");
		CLEANUP(freep) char *path = str_fmt("%.*s", (int)n, p);

		if (rt->layers_n == LAYERS_MAX)
			return err_set(e, ERR_CONFIG, "an overlay has more than %d layers",
				       LAYERS_MAX);
		if (n && open_path(path, O_DIRECTORY, &rt->layers[rt->layers_n++], e) < 0)
			return -(int)e->code;
		p += n + (p[n] == ':');
	}
	if (!upper || str_eq(upper, "tmpfs") || str_starts(upper, "tmpfs:"))
		return 0;
	if (!work)
		return err_set(e, ERR_CONFIG, "dlenv.overlay.upper needs dlenv.overlay.work");
	if (open_path(upper, O_DIRECTORY, &rt->upper, e) < 0)
		return -(int)e->code;
	return open_path(work, O_DIRECTORY, &rt->work, e);
}

static int open_source(struct rt *rt, size_t i, struct err *e)
{
	const struct spec_mount *m = (const struct spec_mount *)rt->spec.mounts.items + i;
	struct mount_options *o = &rt->options[i];
	CLEANUP(freep) char *path = NULL;

	rt->sources[i] = -1;
	/* A driver's files have one list of options. */
	if (i && m->options == m[-1].options && !o[-1].data.n)
		*o = o[-1];
	else if (mount_options_parse((const char *const *)m->options, o, e) < 0)
		return err_wrap(e, "mount '%s'", m->destination);
	o->done = false;
	if (!o->bind && !str_eq(m->type, "bind"))
		return 0;
	if (!m->source)
		return err_set(e, ERR_CONFIG, "the mount '%s' has no source", m->destination);
	path = m->source[0] == '/' ? str_dup(m->source) : str_fmt("%s/%s", rt->bundle, m->source);
	return mnt_source_with(path, o, &rt->sources[i], e);
}

/* R3: never the image's, and really the null device. */
static int open_null(struct rt *rt, struct err *e)
{
	struct stat st;

	if (open_path("/dev/null", O_NOFOLLOW, &rt->null, e) < 0)
		return -(int)e->code;
	if (fstat(rt->null, &st) < 0 || !S_ISCHR(st.st_mode) ||
	    st.st_rdev != makedev(NULL_MAJOR, NULL_MINOR))
		return err_set(e, ERR_RUNTIME,
			       "'/dev/null' of this machine is not the null device");
	return 0;
}

int stage_sources(struct rt *rt, struct err *e)
{
	const char *lower = spec_annotation(&rt->spec, "dlenv.overlay.lower");

	if (open_place(rt, e) < 0 || open_null(rt, e) < 0)
		return -(int)e->code;
	if (lower && open_layers(rt, lower, e) < 0)
		return -(int)e->code;
	rt->sources = mem_alloc((rt->spec.mounts.n + 1) * sizeof(*rt->sources));
	rt->options = mem_alloc((rt->spec.mounts.n + 1) * sizeof(*rt->options));
	for (size_t i = 0; i < rt->spec.mounts.n; i++)
		if (open_source(rt, i, e) < 0)
			return -(int)e->code;
	return 0;
}

/* After mount(2): the descriptor of what is now on top of the bundle's folder. */
static int reopen_place(struct rt *rt, struct err *e)
{
	CLEANUP(freep) char *path = realpath(rt->bundle, NULL);
	const char *name = path ? strrchr(path, '/') + 1 : "";
	int fd = openat(rt->place_parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "cannot open the container's root");
	if (rt->root >= 0)
		(void)close(rt->root);
	rt->root = fd;
	return 0;
}

static int bind_root(struct rt *rt, struct err *e)
{
	const char *path = rt->spec.root_path;
	CLEANUP(freep)
	char *full = path[0] == '/' ? str_dup(path) : str_fmt("%s/%s", rt->bundle, path);
	struct mnt_at at = {.root = -1, .path = "/", .fd = rt->place};
	struct mount_options o = {.deep = true};
	int fd = -1;

	if (mnt_source(AT_FDCWD, full, true, &fd, e) < 0)
		return -(int)e->code;
	if (mnt_bind(&at, fd, &o, e) < 0) {
		(void)close(fd);
		return -(int)e->code;
	}
	if (!mnt_is_new()) {
		(void)close(fd);
		return reopen_place(rt, e);
	}
	rt->root = fd;
	return 0;
}

/* A tmpfs under the root holds upper and work: a throw-away container needs no disk. */
static int tmpfs_upper(struct rt *rt, const char *upper, struct err *e)
{
	struct mnt_at at = {.root = -1, .path = "/", .fd = rt->place};
	CLEANUP(mount_options_fini) struct mount_options o = {0};

	strs_add(&o.data, "mode=0755");
	if (upper[strlen("tmpfs")] == ':')
		strs_fmt(&o.data, "size=%s", upper + strlen("tmpfs:"));
	if (mnt_fs(&at, "tmpfs", "tmpfs", &o, e) < 0 || reopen_place(rt, e) < 0)
		return -(int)e->code;
	if (mkdirat(rt->root, "upper", 0755) < 0 || mkdirat(rt->root, "work", 0700) < 0)
		return err_sys(e, "cannot prepare the writable layer");
	rt->upper = openat(rt->root, "upper", O_PATH | O_DIRECTORY | O_CLOEXEC);
	rt->work = openat(rt->root, "work", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (rt->upper < 0 || rt->work < 0)
		return err_sys(e, "cannot prepare the writable layer");
	return 0;
}

/* Short names, whatever the layers' paths are: an option string has one page. */
static void overlay_options(const struct rt *rt, struct buf *b)
{
	char name[FD_NAME_MAX];

	buf_str(b, "lowerdir=");
	for (size_t i = 0; i < rt->layers_n; i++)
		buf_fmt(b, "%s%s", i ? ":" : "", mnt_fd_name(rt->layers[i], name));
	if (rt->upper >= 0) {
		buf_fmt(b, ",upperdir=%s", mnt_fd_name(rt->upper, name));
		buf_fmt(b, ",workdir=%s", mnt_fd_name(rt->work, name));
	}
}

static int overlay_root(struct rt *rt, struct err *e)
{
	const char *upper = spec_annotation(&rt->spec, "dlenv.overlay.upper");
	CLEANUP(buf_fini) struct buf options = {0};
	char place[FD_NAME_MAX];

	/* tmpfs has user.* xattrs only since 6.6; overlay in a user namespace wants them. */
	if (upper && str_starts(upper, "tmpfs") && tmpfs_upper(rt, upper, e) < 0)
		return -(int)e->code;
	overlay_options(rt, &options);
	errno = ENODEV;
	if (env_allows("overlay")) {
		CLEANUP(freep)
		char *data = str_fmt("%s%s", options.data, rt->userns ? ",userxattr" : "");

		/* One system call where the new mount API needs one for every option. */
		if (mount("overlay", mnt_fd_name(rt->place, place), "overlay", 0, data) == 0)
			return reopen_place(rt, e);
	}
	if ((errno != EPERM && errno != EINVAL && errno != ENODEV) || rt->o->flags & RT_PREPARE)
		return err_sys(e, "cannot mount the overlay of %zu layers", rt->layers_n);
	dbg("the kernel refused the overlay (errno %d): trying fuse-overlayfs", errno);
	if (fuse_overlay_mount(options.data, rt->place, rt->place_parent, rt->bundle, e) < 0)
		return -(int)e->code;
	return reopen_place(rt, e);
}

int stage_root(struct rt *rt, struct err *e)
{
	/* What we mount must not reach the host; what the host unmounts may reach us. */
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return err_sys(e, "cannot make the mounts private");
	return rt->layers_n ? overlay_root(rt, e) : bind_root(rt, e);
}

int stage_pivot(struct rt *rt, struct err *e)
{
	static const struct {
		const char *name;
		unsigned long flags;
	} rows[] = {
		{"shared", MS_REC | MS_SHARED},	   {"slave", MS_REC | MS_SLAVE},
		{"private", MS_REC | MS_PRIVATE},  {"unbindable", MS_REC | MS_UNBINDABLE},
		{"rshared", MS_REC | MS_SHARED},   {"rslave", MS_REC | MS_SLAVE},
		{"rprivate", MS_REC | MS_PRIVATE}, {"runbindable", MS_REC | MS_UNBINDABLE},
	};
	const char *wanted = rt->spec.linux_.propagation;

	if (fchdir(rt->root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		return err_sys(e, "cannot change to the container's root");
	/* The old root now lies on top of the new one: "." is what pivot_root put there. */
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_sys(e, "cannot leave the host's file tree");
	if (!wanted || !*wanted)
		return 0;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (str_eq(rows[i].name, wanted))
			return mount(NULL, "/", NULL, rows[i].flags, NULL) < 0
				       ? err_sys(e, "cannot set the propagation of the root")
				       : 0;
	return err_set(e, ERR_CONFIG, "linux.rootfsPropagation '%s' does not exist", wanted);
}
