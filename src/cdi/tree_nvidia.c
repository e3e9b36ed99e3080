/* SPDX-License-Identifier: Apache-2.0 */
/* Small files that the driver's libraries look at inside a container. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cover.h"
#include "base/fs.h"
#include "base/i18n.h"
#include "cdi/tree_parts.h"

enum { PARAMS_MAX = 64 << 10, MINOR_MAX = 63 };

#define PARAMS "/proc/driver/nvidia/params"
#define PROFILE "/etc/nvidia/nvidia-application-profiles-rc.d/10-container.conf"

/* The host's text with ModifyDeviceFiles switched off; false: it is off, or is not there. */
static bool params_change(char *text)
{
	static const char on[] = "ModifyDeviceFiles: 1";
	char *at = text;

	while ((at = strstr(at, on))) {
		char *end = at + strlen(on);

		if ((at == text || at[-1] == '\n') && (*end == '\n' || !*end)) {
			end[-1] = '0';
			return true;
		}
		at = end;
	}
	return false;
}

static int params_cover(const struct tree_place *p, struct err *e)
{
	CLEANUP(buf_fini) struct buf text = {.max = PARAMS_MAX};
	CLEANUP(fd_closep) int fd = -1;
	struct statfs st;

	if (read_all(p->params, &text) < 0)
		return err_sys(e, "cannot read '%s'", PARAMS);
	if (!text.len || text.full || strlen(text.data) != text.len || !params_change(text.data))
		return 0;
	if (rootfs_open(p->root, PARAMS, O_PATH | O_NOFOLLOW, 0, &fd, e) < 0)
		return e->code == ERR_ABSENT ? 0 : -(int)e->code;
	/* R3: only the kernel's file is covered, not one that an image brought. */
	if (fstatfs(fd, &st) < 0 || st.f_type != PROC_SUPER_MAGIC)
		return err_set(e, ERR_RUNTIME, "'%s' is not a file of the proc file system",
			       PARAMS);
	return cover_file(p->root, fd, text.data, text.len, 0444, e);
}

void tree_make_params(const struct tree_place *p)
{
	struct err e = {0};

	if (p->params >= 0 && params_cover(p, &e) < 0)
		tree_warn(p, "%s", e.msg);
}

/* nvidiactl and nvidia-uvm are no GPUs. */
uint64_t tree_gpu_bit(const char *name, unsigned int minor)
{
	size_t n = strlen("nvidia");

	if (!str_starts(name, "nvidia") || !name[n] || minor > MINOR_MAX ||
	    strspn(name + n, "0123456789") != strlen(name + n))
		return 0;
	return UINT64_C(1) << minor;
}

/* The GPUs that the container sees, by minor number. */
static int gpus_mask(const struct tree_place *p, uint64_t *ret, struct err *e)
{
	const struct dirent *ent;
	uint64_t mask = 0;
	int fd = -1;
	DIR *d;

	if (rootfs_open(p->root, "/dev", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, e) < 0)
		return -(int)e->code;
	d = fdopendir(fd);
	if (!d) {
		(void)err_sys(e, "cannot read the folder '%s'", "/dev");
		fd_closep(&fd);
		return -(int)e->code;
	}
	while ((ent = readdir(d))) {
		struct stat st;

		if (tree_gpu_bit(ent->d_name, 0) &&
		    fstatat(fd, ent->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISCHR(st.st_mode))
			mask |= tree_gpu_bit(ent->d_name, minor(st.st_rdev));
	}
	(void)closedir(d);
	*ret = mask;
	return 0;
}

void tree_make_profile(const struct tree_place *p, const struct tree_edits *t)
{
	CLEANUP(freep) char *text = NULL;
	uint64_t mask = 0;
	struct err e = {0};

	if (t->gpus) {
		mask = *t->gpus;
	} else if (gpus_mask(p, &mask, &e) < 0) {
		tree_warn(p, "%s", e.msg);
		return;
	}
	text = str_fmt("{\"profiles\": [{\"name\": \"_container_\", \"settings\": "
		       "[\"EGLVisibleDGPUDevices\", 0x%llx]}], \"rules\": [{\"pattern\": [], "
		       "\"profile\": \"_container_\"}]}\n",
		       (unsigned long long)mask);
	if (tree_put(p, PROFILE, text, strlen(text), 0444, &e) < 0)
		tree_warn(p, _("EGL may show GPUs that are not the container's: %s"), e.msg);
}
