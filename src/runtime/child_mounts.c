/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: mounts are made in the order of config.json. Rows say how a
 * type of file system is treated; what is not in the table is mounted as it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "runtime/idmap_write.h"
#include "runtime/mnt.h"
#include "runtime/rt.h"

/* One mount on its way. */
struct job {
	struct rt *rt;
	const struct spec_mount *m;
	struct mount_options o;
	struct mnt_at at;
	int source;		  /* bind, else -1 */
	struct rootfs_near *near; /* for a driver's many files in a few folders */
};

struct type_row {
	const char *type;
	int (*mount)(struct job *j, struct err *e);
	bool real; /* the destination must be a real folder, not a link of the image (R3) */
};

static int mount_plain(struct job *j, struct err *e)
{
	return mnt_fs(&j->at, j->m->type, j->m->source, &j->o, e);
}

/* Where a file system may not be mounted anew, the host's is shown. */
static int mount_host(struct job *j, const char *path, struct err *e)
{
	CLEANUP(fd_closep) int source = -1;
	struct mount_options o = j->o;

	o.deep = true;
	o.data = (struct strs){0};
	if (mnt_source(AT_FDCWD, path, true, &source, e) < 0)
		return -(int)e->code;
	return mnt_bind(&j->at, source, &o, e);
}

static int mount_proc(struct job *j, struct err *e)
{
	CLEANUP(fd_closep) int fd = -1;
	struct statfs st;

	if (mount_plain(j, e) < 0) {
		if (e->sys == EPERM)
			(void)err_hint(e, "a user namespace may mount /proc only where the host "
					  "shows all of its own: not inside a container with "
					  "masked paths");
		return -(int)e->code;
	}
	if (rootfs_open(j->rt->root, j->m->destination, O_PATH, 0, &fd, e) < 0)
		return -(int)e->code;
	if (fstatfs(fd, &st) < 0 || st.f_type != PROC_SUPER_MAGIC)
		return err_set(e, ERR_RUNTIME, "'%s' did not become a proc file system",
			       j->m->destination);
	j->rt->has_proc |= str_eq(below(j->m->destination), "proc");
	return 0;
}

/* Only the owner of the network namespace may mount sysfs. */
static int mount_sysfs(struct job *j, struct err *e)
{
	if (j->rt->spawn.flags & CLONE_NEWNET || !j->rt->userns) {
		int code = mount_plain(j, e);

		if (code == 0 || !j->rt->userns)
			return code;
	}
	return mount_host(j, "/sys", e);
}

static int mount_mqueue(struct job *j, struct err *e)
{
	if (mount_plain(j, e) == 0)
		return 0;
	if (!j->rt->userns || e->sys != EPERM)
		return -(int)e->code;
	return mount_host(j, "/dev/mqueue", e);
}

/* gid=5 (tty) is what programs expect, where such a group exists inside. */
static int mount_devpts(struct job *j, struct err *e)
{
	struct strs kept = {0};

	for (size_t i = 0; i < j->o.data.n; i++) {
		struct err ignored;
		uint64_t gid;

		if (j->rt->userns && str_starts(j->o.data.v[i], "gid=") &&
		    (parse_uint(j->o.data.v[i] + 4, UINT32_MAX, "gid", &gid, &ignored) < 0 ||
		     !idmap_has(j->rt->spec.map.gid, j->rt->spec.map.gids, (uint32_t)gid)))
			continue;
		strs_add(&kept, j->o.data.v[i]);
	}
	strs_fini(&j->o.data);
	j->o.data = kept;
	return mount_plain(j, e);
}

static int cgroup_v1_one(struct job *j, const char *controller, struct err *e)
{
	CLEANUP(freep) char *path = str_fmt("%s/%s", j->m->destination, controller);
	struct mount_options o = {.set = j->o.set | MOUNT_ATTR_RDONLY};
	struct mnt_at at = {.root = j->rt->root, .path = path, .fd = -1};
	int code;

	if (rootfs_place(j->rt->root, path, true, &at.fd, e) < 0)
		return -(int)e->code;
	strs_add(&o.data, controller);
	code = mnt_fs(&at, "cgroup", "cgroup", &o, e);
	strs_fini(&o.data);
	(void)close(at.fd);
	return code;
}

/*
 * Always read-only (CVE-2023-25809, CVE-2022-0492). On v1 the hierarchies that
 * tell a program its limits; without a cgroup namespace there is nothing to
 * show that is the container's own, so the folder stays empty.
 */
static int mount_cgroup(struct job *j, struct err *e)
{
	static const char *const shown[] = {"cpu", "cpuset", "memory", "pids"};
	enum cgroup_kind kind = cgroup_kind();
	struct mount_options ro = {.set = j->o.set | MOUNT_ATTR_RDONLY};
	bool own = j->rt->new_cgroupns;
	int code;

	if (kind == CGROUP_V2 && (own || !j->rt->userns) &&
	    mnt_fs(&j->at, "cgroup2", "cgroup", &ro, e) == 0)
		return 0;
	strs_add(&ro.data, "mode=0755");
	if (kind != CGROUP_V1 || !j->rt->cgroup.dirs.n)
		ro.set |= MOUNT_ATTR_RDONLY;
	else
		ro.set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	code = mnt_fs(&j->at, "tmpfs", "cgroup", &ro, e);
	strs_fini(&ro.data);
	if (code < 0 || ro.set & MOUNT_ATTR_RDONLY)
		return code;
	for (size_t i = 0; own && i < COUNT(shown); i++) {
		struct err ignored;

		if (cgroup_v1_one(j, shown[i], &ignored) < 0)
			dbg("cgroup %s is not shown: %s", shown[i], ignored.msg);
	}
	return mnt_make_readonly(j->rt->root, j->m->destination, e);
}

static int mount_bind(struct job *j, struct err *e)
{
	return mnt_bind(&j->at, j->source, &j->o, e);
}

static const struct type_row types[] = {
	{"bind", mount_bind, false},	 {"proc", mount_proc, true},
	{"sysfs", mount_sysfs, true},	 {"devpts", mount_devpts, true},
	{"mqueue", mount_mqueue, true},	 {"cgroup", mount_cgroup, true},
	{"cgroup2", mount_cgroup, true}, {NULL, mount_plain, false},
};

/*
 * Nothing may lie on parts of /proc but what lxcfs provides: what is written or
 * masked there must be the kernel's own file (CVE-2019-16884 and its kin).
 */
static int check_below_proc(const struct job *j, struct err *e)
{
	static const char *const harmless[] = {"proc/cpuinfo", "proc/diskstats", "proc/meminfo",
					       "proc/stat",    "proc/swaps",	 "proc/uptime",
					       "proc/loadavg", "proc/slabinfo",	 "proc/net/dev"};
	const char *path = below(j->m->destination);
	struct statfs st;

	if (str_eq(path, "proc") || str_eq(path, "proc/")) {
		if (j->source < 0 && str_eq(j->m->type, "proc"))
			return 0;
		if (j->source >= 0 && fstatfs(j->source, &st) == 0 && st.f_type == PROC_SUPER_MAGIC)
			return 0;
		return err_set(e, ERR_CONFIG, "only a proc file system may be mounted on '/proc'");
	}
	if (!str_starts(path, "proc/"))
		return 0;
	for (size_t i = 0; i < COUNT(harmless); i++)
		if (str_eq(path, harmless[i]))
			return 0;
	return err_set(e, ERR_CONFIG, "nothing may be mounted on '%s'", j->m->destination);
}

static bool source_is_dir(int fd)
{
	struct stat st;

	return fd < 0 || (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode));
}

static int place(struct job *j, struct err *e)
{
	const char *path = j->m->destination;

	if (!source_is_dir(j->source))
		return rootfs_place_near(j->rt->root, path, j->near, &j->at.fd, e);
	/* It may cover the folder that is open. */
	rootfs_near_close(j->near);
	return rootfs_place(j->rt->root, path, true, &j->at.fd, e);
}

static int mount_one(struct job *j, struct err *e)
{
	const struct spec_mount *m = j->m;
	const char *type = j->source >= 0 ? "bind" : m->type;
	const struct type_row *row = types;
	int real = -1;

	if (!type)
		return err_set(e, ERR_CONFIG, "the mount has no type");
	while (row->type && !str_eq(row->type, type))
		row++;
	if (check_below_proc(j, e) < 0 || place(j, e) < 0)
		return -(int)e->code;
	/* /dev as well: nodes and links are made in it. */
	if (row->real || str_eq(below(m->destination), "dev")) {
		if (rootfs_open(j->rt->root, m->destination, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0,
				&real, e) < 0)
			return err_set(e, ERR_CONFIG, "'%s' of the image is not a real folder",
				       m->destination);
		(void)close(j->at.fd);
		j->at.fd = real;
	}
	return row->mount(j, e);
}

int stage_mounts(struct rt *rt, struct err *e)
{
	const struct spec_mount *m = rt->spec.mounts.items;
	CLEANUP(rootfs_near_close) struct rootfs_near near = {.fd = -1};

	for (size_t i = 0; i < rt->spec.mounts.n; i++) {
		struct job j = {
			.near = &near,
			.rt = rt,
			.m = &m[i],
			.at = {.root = rt->root, .path = m[i].destination, .fd = -1},
			.source = rt->sources[i],
			.o = rt->options[i],
		};
		int code = mount_one(&j, e);

		mount_options_fini(&j.o);
		fd_closep(&j.at.fd);
		fd_closep(&rt->sources[i]);
		if (code < 0)
			return err_wrap(e, "mount '%s'", m[i].destination);
	}
	return 0;
}
