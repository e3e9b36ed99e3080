/* SPDX-License-Identifier: Apache-2.0 */
#include "init/probe.h"

#include <errno.h>
#include <unistd.h>

#include "base/fs.h"

void probe_start(struct probe *p, const struct conf_service *def, uint64_t now)
{
	probe_stop(p);
	p->since_ms = now;
	p->wait_ms = PROBE_FIRST_MS;
	if (def->health_len)
		p->due_ms = now + p->wait_ms;
	else
		p->health = HEALTH_OK;
}

void probe_stop(struct probe *p)
{
	fd_closep(&p->fd);
	*p = PROBE_EMPTY;
}

static uint64_t next_wait(const struct probe *p, uint64_t now)
{
	if (p->health == HEALTH_OK)
		return PROBE_OK_MS;
	if (now - p->since_ms >= 60000)
		return PROBE_BAD_MS;
	return p->wait_ms * 2 < PROBE_STARTING_MS ? p->wait_ms * 2 : PROBE_STARTING_MS;
}

static bool judge(struct probe *p, bool is_ok, uint64_t now)
{
	enum health was = p->health;

	fd_closep(&p->fd);
	/* While it starts, a refused connection is no bad sign yet. */
	if (is_ok)
		p->health = HEALTH_OK;
	else if (was == HEALTH_OK || now - p->since_ms >= 60000)
		p->health = HEALTH_BAD;
	if (is_ok)
		p->since_ms = now;
	else if (was == HEALTH_OK)
		p->wait_ms = PROBE_FIRST_MS;
	p->wait_ms = next_wait(p, now);
	p->due_ms = now + p->wait_ms;
	return p->health != was;
}

static bool open_connection(struct probe *p, const struct conf_service *def, uint64_t now)
{
	int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

	p->fd = socket(def->health.ss_family, type, 0);
	if (p->fd < 0)
		return judge(p, false, now);
	if (connect(p->fd, (const struct sockaddr *)&def->health, def->health_len) == 0)
		return judge(p, true, now);
	if (errno != EINPROGRESS)
		return judge(p, false, now);
	p->due_ms = now + PROBE_LIMIT_MS;
	return false;
}

bool probe_turn(struct probe *p, const struct conf_service *def, bool is_ready, uint64_t now)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (p->fd >= 0 && is_ready)
		return judge(p,
			     getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && !error,
			     now);
	if (now < p->due_ms)
		return false;
	return p->fd >= 0 ? judge(p, false, now) : open_connection(p, def, now);
}
