/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/fuse_overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/mnt.h"

enum { WAIT_MS = 10000, STEP_MS = 2 };

static int unusable(struct err *e, const char *why)
{
	(void)err_set(e, ERR_PRIV, "the kernel does not permit overlay mounts here, and %s", why);
	return err_hint(e, "sudo apt-get install fuse-overlayfs; /dev/fuse must be readable and "
			   "writable for this user");
}

static bool is_mounted(int parent, const char *base, dev_t before)
{
	struct stat st;

	/* fuse-overlayfs shows another device number than the folder that it covers. */
	return fstatat(parent, base, &st, 0) == 0 && st.st_dev != before;
}

static NORETURN void run(const char *program, const char *options, int place)
{
	char target[FD_NAME_MAX];
	const char *argv[] = {program, "-f", "-o", options, mnt_fd_name(place, target), NULL};
	char *const env[] = {(char[]){"PATH=/usr/bin:/bin"}, (char[]){"LC_ALL=C"}, NULL};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* Layers are named by descriptors: they have to stay open. The rest goes away. */
	for (int fd = 3; fd < 1024; fd++) {
		int flags = fcntl(fd, F_GETFD);

		if (flags >= 0 && fd != null && (fcntl(fd, F_GETFL) & O_PATH))
			(void)fcntl(fd, F_SETFD, 0);
	}
	(void)dup2(null, 0);
	(void)dup2(null, 1);
	(void)dup2(null, 2);
	(void)execve(program, (char *const *)argv, env);
	_exit(127);
}

int fuse_overlay_mount(const char *options, int place, int parent, const char *name, struct err *e)
{
	CLEANUP(freep) char *program = proc_find("fuse-overlayfs");
	CLEANUP(freep) char *path = realpath(name, NULL);
	const char *base = path ? strrchr(path, '/') + 1 : name;
	struct timespec pause = {.tv_nsec = STEP_MS * 1000000L};
	struct stat before;
	pid_t pid;

	if (!program)
		return unusable(e, "fuse-overlayfs is not installed");
	if (access("/dev/fuse", R_OK | W_OK) < 0)
		return unusable(e, "/dev/fuse cannot be used");
	if (fstatat(parent, base, &before, 0) < 0)
		return err_sys(e, "cannot mount the overlay");
	pid = fork();
	if (pid == 0)
		run(program, options, place);
	if (pid < 0)
		return err_sys(e, "cannot start '%s'", program);
	for (int waited = 0; waited < WAIT_MS; waited += STEP_MS) {
		if (is_mounted(parent, base, before.st_dev))
			return 0;
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return unusable(e, "fuse-overlayfs failed");
		(void)nanosleep(&pause, NULL);
	}
	(void)kill(pid, SIGKILL);
	return unusable(e, "fuse-overlayfs did not answer");
}
