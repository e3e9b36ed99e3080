/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apt waits for locks when it is told to, rpm's programs give up at once: so all are waited for
 * here, before a manager is started, and whoever holds one is named. A manager that finds another
 * one in its way all the same is started again (pkg.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "pkg/pkg_parts.h"

enum { POLL_MS = 200, NOBODY = -1 };

/* The process with a lock on the file, NOBODY, or 0: one that cannot be seen from here. */
static pid_t holder_of(const char *path)
{
	CLEANUP(fd_closep) int fd = open(path, O_RDWR | O_CLOEXEC);
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fd < 0 || fcntl(fd, F_GETLK, &l) < 0 || l.l_type == F_UNLCK)
		return NOBODY;
	return l.l_pid > 0 ? l.l_pid : 0;
}

/* "'apt-get' (process 812)". The text is the caller's. */
static char *holder_name(pid_t pid)
{
	CLEANUP(freep) char *path = str_fmt("/proc/%d/comm", pid);
	CLEANUP(freep) char *name = NULL;
	struct err ignored = {0};

	if (!pid || file_read(AT_FDCWD, path, 64, &name, NULL, &ignored) < 0)
		return str_dup(_("a process that cannot be seen from here"));
	name[strcspn(name, "\n")] = '\0';
	return str_fmt(_("'%s' (process %d)"), name, (int)pid);
}

bool pkg_lock_is_held(const struct pkg_manager *m)
{
	for (const char *const *path = m->locks; *path; path++)
		if (holder_of(*path) != NOBODY)
			return true;
	return false;
}

static void tell(const struct pkg_run *run, pid_t pid, const char *path)
{
	CLEANUP(freep) char *who = holder_name(pid);
	CLEANUP(freep) char *line = str_fmt(_("waiting for %s, which holds '%s'"), who, path);

	if (run->on_line)
		(void)run->on_line(run->arg, line);
}

int pkg_lock_wait(const struct pkg_manager *m, const struct pkg_run *run, int64_t until_ms,
		  struct err *e)
{
	bool told = false;

	for (const char *const *path = m->locks; *path;) {
		pid_t pid = holder_of(*path);

		if (pid == NOBODY) {
			path++;
			continue;
		}
		if (mono_ms() + POLL_MS >= until_ms) {
			CLEANUP(freep) char *who = holder_name(pid);

			(void)err_set(e, ERR_BUSY, "%s holds '%s'", who, *path);
			return err_hint(e, "wait until it has ended, then run it again");
		}
		if (!told)
			tell(run, pid, *path);
		told = true;
		(void)usleep(POLL_MS * 1000);
	}
	return 0;
}
