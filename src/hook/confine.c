/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hook/hook.h"

/* Files of the root belong to anybody; covering one is a mount. */
static const unsigned int kept[] = {CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER,
				    CAP_SYS_ADMIN};

static const struct {
	int what;
	rlim_t limit;
} limits[] = {
	{RLIMIT_CPU, 10},
	{RLIMIT_AS, (rlim_t)1 << 30},
	{RLIMIT_FSIZE, (rlim_t)64 << 20},
	{RLIMIT_NOFILE, 64},
	{RLIMIT_CORE, 0},
};

static void close_others(void)
{
	/* What is opened later must not become a standard stream. */
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)open("/dev/null", O_RDWR);
	if (syscall(SYS_close_range, 3U, ~0U, 0U) == 0)
		return;
	for (int fd = 3; fd < 65536; fd++)
		(void)close(fd);
}

/* The bounding set stays: no program is ever executed, and it could gain nothing. */
static void drop_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};
	uint32_t mask = 0;

	for (size_t i = 0; i < COUNT(kept); i++)
		mask |= UINT32_C(1) << kept[i];
	if (syscall(SYS_capget, &head, data) < 0)
		return;
	data[0].permitted &= mask;
	data[0].effective = data[0].permitted;
	data[0].inheritable = 0;
	data[1] = (struct __user_cap_data_struct){0};
	(void)syscall(SYS_capset, &head, data);
}

void hook_confine(void)
{
	(void)clearenv();
	close_others();
	for (size_t i = 0; i < COUNT(limits); i++) {
		struct rlimit l = {limits[i].limit, limits[i].limit};
		struct rlimit now;

		if (getrlimit(limits[i].what, &now) == 0 && now.rlim_max < l.rlim_max)
			l.rlim_cur = l.rlim_max = now.rlim_max;
		(void)setrlimit(limits[i].what, &l);
	}
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	drop_capabilities();
	(void)umask(022);
}
