/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <seccomp.h>
#include <sys/prctl.h>

#include "engine/build_parts.h"

/*
 * dpkg syncs each file and each line of its database. A layer that is not
 * finished is thrown away after a crash, so one syncfs at the end is enough;
 * a filter that lets these calls succeed without doing anything spares the rest.
 */
const char *const build_sync_calls[] = {"fsync",  "fdatasync",	     "sync",
					"syncfs", "sync_file_range", NULL};

static void release(scmp_filter_ctx *ctx)
{
	if (*ctx)
		seccomp_release(*ctx);
}

int build_forbid_sync(struct err *e)
{
	CLEANUP(release) scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int code = ctx ? 0 : -ENOMEM;

	/* apt's maintainer scripts change users by setuid programs: keep those working. */
	if (!code)
		code = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);
	for (const char *const *name = build_sync_calls; !code && *name; name++)
		code = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(0), seccomp_syscall_resolve_name(*name),
					0);
	if (!code)
		code = seccomp_load(ctx);
	errno = -code;
	return code ? err_sys(e, "cannot install the build's system call filter") : 0;
}
