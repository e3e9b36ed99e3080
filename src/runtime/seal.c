/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/env.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "runtime/runtime.h"

void rt_seal(char *const *argv)
{
	struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
	const char *name = strrchr(argv[0], '/');
	CLEANUP(fd_closep) int fd = -1;
	CLEANUP(freep) char *program = NULL;
	struct statvfs st;

	if (geteuid() != 0)
		return;
	if (statvfs("/proc/self/exe", &st) == 0 && st.f_flag & ST_RDONLY) {
		/* Its name was a descriptor's number (before Linux 6.14). */
		(void)prctl(PR_SET_NAME, name ? name + 1 : argv[0], 0, 0, 0);
		return;
	}
	if (!env_allows("newmount"))
		return;
	fd = open_tree(AT_FDCWD, "/proc/self/exe", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (fd < 0 || mount_setattr(fd, "", AT_EMPTY_PATH, &read_only, sizeof(read_only)) < 0)
		return;
	program = env_program();
	(void)setenv("DLENV_PROGRAM", program, 1);
	(void)syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
	dbg("cannot run from a read-only copy");
}
