/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mnt_old.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"

static unsigned long flags_of_attributes(uint64_t attr)
{
	static const struct {
		uint64_t attr;
		unsigned long flag;
	} rows[] = {
		{MOUNT_ATTR_RDONLY, MS_RDONLY},		{MOUNT_ATTR_NOSUID, MS_NOSUID},
		{MOUNT_ATTR_NODEV, MS_NODEV},		{MOUNT_ATTR_NOEXEC, MS_NOEXEC},
		{MOUNT_ATTR_NOATIME, MS_NOATIME},	{MOUNT_ATTR_STRICTATIME, MS_STRICTATIME},
		{MOUNT_ATTR_NODIRATIME, MS_NODIRATIME},
	};
	unsigned long flags = 0;

	for (size_t i = 0; i < COUNT(rows); i++)
		if (attr & rows[i].attr)
			flags |= rows[i].flag;
	return flags;
}

int mnt_old_fs(const struct mnt_at *at, const char *type, const char *source,
	       const struct mount_options *o, struct err *e)
{
	CLEANUP(buf_fini) struct buf data = {0};
	char name[FD_NAME_MAX];

	buf_str(&data, "");
	for (size_t i = 0; i < o->data.n; i++)
		buf_fmt(&data, "%s%s", i ? "," : "", o->data.v[i]);
	if (mount(source ? source : type, mnt_fd_name(at->fd, name), type,
		  flags_of_attributes(o->set | o->deep_set), data.data) < 0)
		return err_sys(e, "cannot mount a file system of type '%s' on '%s'", type,
			       at->path);
	return 0;
}

/* The flags that a mount has: in a user namespace they are locked and must be repeated. */
static unsigned long flags_now(int fd)
{
	static const struct {
		unsigned long has;
		unsigned long flag;
	} rows[] = {
		{ST_RDONLY, MS_RDONLY},	    {ST_NOSUID, MS_NOSUID},
		{ST_NODEV, MS_NODEV},	    {ST_NOEXEC, MS_NOEXEC},
		{ST_NOATIME, MS_NOATIME},   {ST_NODIRATIME, MS_NODIRATIME},
		{ST_RELATIME, MS_RELATIME},
	};
	unsigned long flags = 0;
	struct statvfs st;

	if (fstatvfs(fd, &st) == 0)
		for (size_t i = 0; i < COUNT(rows); i++)
			if (st.f_flag & rows[i].has)
				flags |= rows[i].flag;
	return flags;
}

static int remount(int fd, const char *path, unsigned long set, unsigned long clear, struct err *e)
{
	unsigned long flags = (flags_now(fd) & ~clear) | set;
	char name[FD_NAME_MAX];

	if (set & (MS_NOATIME | MS_STRICTATIME))
		flags &= ~(unsigned long)MS_RELATIME;
	if (mount(NULL, mnt_fd_name(fd, name), NULL, MS_REMOUNT | MS_BIND | flags, NULL) < 0)
		return err_sys(e, "cannot set the mount options of '%s'", path);
	return 0;
}

/* \040 and the like, as /proc/self/mountinfo writes them; in place. */
static void unescape(char *s)
{
	char *out = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
			*out++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*out++ = *s++;
		}
	}
	*out = '\0';
}

/* Every mount below the one that fd is the root of, for kernels without AT_RECURSIVE. */
static int remount_below(int fd, const char *path, unsigned long set, unsigned long clear,
			 struct err *e)
{
	enum { MOUNTINFO_MAX = 8 << 20 };
	CLEANUP(freep) char *text = NULL;
	char name[FD_NAME_MAX];
	char top[PATH_MAX];
	ssize_t n = readlink(mnt_fd_name(fd, name), top, sizeof(top) - 1);
	char *save = NULL;

	if (n < 0)
		return err_sys(e, "cannot find the mounts below '%s'", path);
	top[n] = '\0';
	if (file_read(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text, NULL, e) < 0)
		return -(int)e->code;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *at = line;
		CLEANUP(fd_closep) int below_fd = -1;

		/* Field 5 is the mount point. */
		for (int i = 0; i < 4 && at; i++)
			at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL;
		if (!at)
			continue;
		at[strcspn(at, " ")] = '\0';
		unescape(at);
		if (strncmp(at, top, (size_t)n) != 0 || at[n] != '/')
			continue;
		below_fd = open(at, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (below_fd < 0)
			return err_sys(e, "cannot find the mounts below '%s'", path);
		if (remount(below_fd, at, set, clear, e) < 0)
			return -(int)e->code;
	}
	return 0;
}

int mnt_old_remount(int fd, const char *path, const struct mount_options *o, struct err *e)
{
	return remount(fd, path, flags_of_attributes(o->set), flags_of_attributes(o->clear), e);
}

int mnt_old_attributes(const struct mnt_at *at, const struct mount_options *o, struct err *e)
{
	unsigned long set = flags_of_attributes(o->set);
	unsigned long clear = flags_of_attributes(o->clear);
	unsigned long deep = flags_of_attributes(o->deep_set) | (o->deep ? set : 0);
	unsigned long propagation = o->propagation | (o->propagation_deep ? MS_REC : 0);
	CLEANUP(fd_closep) int fd = -1;
	char name[FD_NAME_MAX];

	if (!set && !clear && !deep && !o->deep_clear && !o->propagation)
		return 0;
	/* The attributes are those of the new mount, which has to be opened anew. */
	if (rootfs_open(at->root, at->path, O_PATH, 0, &fd, e) < 0)
		return -(int)e->code;
	if (o->propagation && mount(NULL, mnt_fd_name(fd, name), NULL, propagation, NULL) < 0)
		return err_sys(e, "cannot set the propagation of '%s'", at->path);
	if ((set || clear) && remount(fd, at->path, set, clear, e) < 0)
		return -(int)e->code;
	if (deep || o->deep_clear)
		return remount_below(fd, at->path, deep, flags_of_attributes(o->deep_clear), e);
	return 0;
}

int mnt_old_bind(const struct mnt_at *at, int source, const struct mount_options *o, struct err *e)
{
	char from[FD_NAME_MAX];
	char to[FD_NAME_MAX];

	if (mount(mnt_fd_name(source, from), mnt_fd_name(at->fd, to), NULL,
		  MS_BIND | (o->deep ? MS_REC : 0), NULL) < 0)
		return err_sys(e, "cannot mount on '%s'", at->path);
	return mnt_old_attributes(at, o, e);
}
