/* SPDX-License-Identifier: Apache-2.0 */
#include "init/status.h"

#include <fcntl.h>

#include "base/fs.h"
#include "base/str.h"

static const char *const state_words[] = {
	[SERVICE_BACKOFF] = "backoff", [SERVICE_STARTING] = "starting",
	[SERVICE_RUNNING] = "running", [SERVICE_STOPPING] = "stopping",
	[SERVICE_STOPPED] = "stopped", [SERVICE_FAILED] = "failed",
};

static const char *const health_words[] = {
	[HEALTH_UNKNOWN] = "unknown",
	[HEALTH_OK] = "ok",
	[HEALTH_BAD] = "bad",
};

static void add_service(struct buf *b, const struct service *s)
{
	buf_fmt(b, "service %s state=%s pid=%d restarts=%u health=%s exit=", s->name,
		state_words[s->state], (int)s->pid, s->starts ? s->starts - 1 : 0,
		health_words[s->probe.health]);
	if (s->exit < 0)
		buf_str(b, "-");
	else
		buf_fmt(b, "%d", s->exit);
	buf_fmt(b, " since=%lld lost=%llu\n", (long long)s->since, (unsigned long long)s->log.lost);
}

int status_write(const char *path, const struct service *services, size_t n, const char *error,
		 struct err *e)
{
	CLEANUP(buf_fini) struct buf b = {0};

	if (error)
		buf_fmt(&b, "init error %s\n", error);
	else
		buf_fmt(&b, "init pid=1 services=%zu\n", n);
	for (size_t i = 0; i < n; i++)
		add_service(&b, &services[i]);
	return file_write(AT_FDCWD, path, b.data, b.len, 0644, 0, e);
}
