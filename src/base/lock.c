/* SPDX-License-Identifier: Apache-2.0 */
#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fs.h"

int lock_take(int dir, const char *path, unsigned int flags, void (*on_wait)(void *arg), void *arg,
	      int *ret_fd, struct err *e)
{
	CLEANUP(fd_closep)
	int fd = openat(dir, path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	int how = flags & LOCK_SHARED ? LOCK_SH : LOCK_EX;

	if (fd < 0)
		return err_sys(e, "cannot open the lock '%s'", path);
	if (flock(fd, how | LOCK_NB) == 0) {
		*ret_fd = TAKE(fd);
		return 0;
	}
	if (errno != EWOULDBLOCK)
		return err_sys(e, "cannot lock '%s'", path);
	if (flags & LOCK_TRY)
		return err_set(e, ERR_BUSY, "another dlenv is at work on '%s'", path);
	if (on_wait)
		on_wait(arg);
	while (flock(fd, how) < 0)
		if (errno != EINTR)
			return err_sys(e, "cannot lock '%s'", path);
	*ret_fd = TAKE(fd);
	return 0;
}
