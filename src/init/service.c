/* SPDX-License-Identifier: Apache-2.0 */
#include "init/service.h"

#include <stdio.h>

#include "base/fs.h"
#include "init/clock.h"

static void enter(struct service *s, enum service_state state, uint64_t due_ms)
{
	s->state = state;
	s->due_ms = due_ms;
	s->since = clock_unix();
}

void service_init(struct service *s, const struct conf_service *def, uint64_t now)
{
	*s = (struct service){
		.def = def,
		.exit = -1,
		.healthy_ms = SERVICE_NEVER,
		.out = {-1, -1},
		.log = LOGFILE_EMPTY,
		.probe = PROBE_EMPTY,
	};
	(void)snprintf(s->name, sizeof(s->name), "%s", def->name);
	enter(s, SERVICE_BACKOFF, now);
}

void service_fini(struct service *s)
{
	probe_stop(&s->probe);
	logfile_close(&s->log);
	fd_closep(&s->out[0]);
	fd_closep(&s->out[1]);
}

void service_started(struct service *s, pid_t pid, uint64_t now)
{
	s->pid = pid;
	s->starts++;
	enter(s, SERVICE_STARTING, SERVICE_NEVER);
	probe_start(&s->probe, s->def, now);
	service_health(s, now);
}

/* 0.2 s after the first failure, twice as long after each further one. */
static uint64_t backoff_ms(unsigned int failures)
{
	uint64_t wait = BACKOFF_FIRST_MS;

	for (unsigned int i = 1; i < failures && wait < BACKOFF_MAX_MS; i++)
		wait *= 2;
	return wait < BACKOFF_MAX_MS ? wait : BACKOFF_MAX_MS;
}

/* It ended by itself: what does its restart policy say? True: the rest of its group must go. */
static bool follow_policy(struct service *s, uint64_t now)
{
	enum conf_restart policy = s->def->restart;

	if (s->exit == 0 && policy != RESTART_ALWAYS) {
		s->failures = 0;
		enter(s, SERVICE_STOPPED, SERVICE_NEVER);
		return false;
	}
	s->failures++;
	if (policy == RESTART_NO || s->failures >= FAILURES_MAX)
		enter(s, SERVICE_FAILED, SERVICE_NEVER);
	else
		enter(s, SERVICE_BACKOFF, now + backoff_ms(s->failures));
	return true;
}

bool service_ended(struct service *s, int exit, uint64_t now)
{
	bool was_told = s->state == SERVICE_STOPPING;

	if (s->healthy_ms != SERVICE_NEVER && now - s->healthy_ms >= HEALTHY_MS)
		s->failures = 0;
	probe_stop(&s->probe);
	s->healthy_ms = SERVICE_NEVER;
	s->pid = 0;
	s->exit = exit;
	if (!was_told)
		return follow_policy(s, now);
	s->failures = 0;
	if (s->again && s->def)
		enter(s, SERVICE_BACKOFF, now);
	else
		enter(s, SERVICE_STOPPED, SERVICE_NEVER);
	return true;
}

bool service_stop(struct service *s, bool again, uint64_t now)
{
	s->again = again;
	if (s->state == SERVICE_STOPPING)
		return false; /* its time does not start anew */
	if (s->pid) {
		probe_stop(&s->probe);
		s->healthy_ms = SERVICE_NEVER;
		enter(s, SERVICE_STOPPING, now + s->def->stop_ms);
		return true;
	}
	s->failures = 0;
	if (again)
		enter(s, SERVICE_BACKOFF, now);
	else if (s->state == SERVICE_BACKOFF)
		enter(s, SERVICE_STOPPED, SERVICE_NEVER);
	return false;
}

void service_retry(struct service *s, uint64_t now)
{
	if (s->state != SERVICE_FAILED && s->state != SERVICE_BACKOFF)
		return;
	s->failures = 0;
	enter(s, SERVICE_BACKOFF, now);
}

void service_health(struct service *s, uint64_t now)
{
	if (s->probe.health != HEALTH_OK) {
		s->healthy_ms = SERVICE_NEVER;
		return;
	}
	s->healthy_ms = now;
	if (s->state == SERVICE_STARTING)
		enter(s, SERVICE_RUNNING, SERVICE_NEVER);
}

uint64_t service_due(const struct service *s)
{
	return s->due_ms < s->probe.due_ms ? s->due_ms : s->probe.due_ms;
}
