/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/repair.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/str.h"

char *repair_text(const struct repair *r)
{
	if (r->kind == REPAIR_LINK)
		return str_fmt(_("make the link '%s' to '%s'"), r->path, r->target);
	return str_fmt(_("make the device node '%s' (%u:%u)"), r->path, r->major, r->minor);
}

/* The folder of a path below the root, which is made when it is missing. */
static int folder_open(const struct root *machine, const char *path, int *ret, struct err *e)
{
	CLEANUP(freep) char *folder = str_dup(path);
	CLEANUP(fd_closep) int above = -1;
	char *slash = strrchr(folder, '/');
	const char *name;

	*slash = '\0';
	if (rootfs_open(machine->fd, folder, O_PATH | O_DIRECTORY, 0, ret, e) == 0)
		return 0;
	if (e->code != ERR_ABSENT)
		return -(int)e->code;
	slash = strrchr(folder, '/');
	name = slash ? slash + 1 : folder;
	if (rootfs_open(machine->fd, "/dev", O_PATH | O_DIRECTORY, 0, &above, e) < 0)
		return -(int)e->code;
	if (mkdirat(above, name, 0755) < 0 && errno != EEXIST)
		return err_sys(e, "cannot create the folder '%s'", folder);
	return rootfs_open(machine->fd, folder, O_PATH | O_DIRECTORY, 0, ret, e);
}

static int make_node(int folder, const char *name, const struct repair *r, struct err *e)
{
	mode_t mask = umask(0);
	int result = mknodat(folder, name, S_IFCHR | r->mode, makedev(r->major, r->minor));
	int sys = errno;

	(void)umask(mask);
	errno = sys;
	if (result < 0)
		return err_sys(e, "cannot make the device node '%s'", r->path);
	if (fchownat(folder, name, r->uid, r->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "cannot set who may open '%s'", r->path);
	return 0;
}

int repair_do(const struct root *machine, const struct repair *r, struct err *e)
{
	CLEANUP(fd_closep) int folder = -1;
	const char *name = strrchr(r->path, '/') + 1;
	struct stat st;

	if (folder_open(machine, r->path, &folder, e) < 0)
		return -(int)e->code;
	/* What stands in the place is a node or link with the wrong numbers, never a folder. */
	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && unlinkat(folder, name, 0) < 0)
		return err_sys(e, "cannot remove '%s'", r->path);
	if (r->kind == REPAIR_NODE)
		return make_node(folder, name, r, e);
	if (symlinkat(r->target, folder, name) < 0)
		return err_sys(e, "cannot make the link '%s'", r->path);
	return 0;
}
