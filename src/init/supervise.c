/* SPDX-License-Identifier: Apache-2.0 */
#include "init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "init/clock.h"
#include "init/spawn.h"
#include "init/status.h"

enum {
	CHUNK = CONF_LOG_MIN / 2, /* of a service's output */
	STATUS_RETRY_MS = 10000,  /* while the status file cannot be written */
};

void init_note(struct init *in, const char *fmt, ...)
{
	const struct logplace place = {in->conf.log_dir, "init", in->conf.log_max};
	char line[sizeof(struct err) + CLOCK_TEXT];
	size_t room = sizeof(line) - 1; /* the newline has its place */
	size_t used = CLOCK_TEXT;
	va_list args;
	int n;

	clock_text(clock_unix(), line);
	line[CLOCK_TEXT - 1] = ' ';
	va_start(args, fmt);
	n = vsnprintf(line + used, room - used, fmt, args);
	va_end(args);
	if (n > 0)
		used += (size_t)n < room - used ? (size_t)n : room - used - 1;
	line[used++] = '\n';
	logfile_write(&in->log, &place, line, used);
}

bool init_copy_output(struct init *in, struct service *s)
{
	const struct logplace place = {in->conf.log_dir, s->name, in->conf.log_max};
	char chunk[CHUNK];
	ssize_t n = s->out[0] < 0 ? -1 : read(s->out[0], chunk, sizeof(chunk));
	uint64_t lost = s->log.lost;

	if (n <= 0)
		return false;
	logfile_write(&s->log, &place, chunk, (size_t)n);
	/* The first loss only: the file system may be full because of such writes. */
	if (!lost && s->log.lost)
		in->is_changed = true;
	return true;
}

/* To a whole service. Its child may not have made the group yet: then it is alone. */
static void send_signal(const struct service *s, int signal)
{
	if (kill(-s->pid, signal) < 0 && errno == ESRCH)
		(void)kill(s->pid, signal);
}

static void tell_to_end(const struct service *s)
{
	send_signal(s, SIGTERM);
	/* A stopped process takes a signal when it is continued. */
	send_signal(s, SIGCONT);
}

/*
 * The pipe is made once and both ends stay open here: then neither a restart
 * nor the end of the service breaks it for children that the service left.
 */
static int make_pipe(struct service *s, struct err *e)
{
	if (s->out[0] >= 0)
		return 0;
	/* The writing end stays blocking: programs do not expect otherwise of their stdout. */
	if (pipe2(s->out, O_CLOEXEC) < 0)
		return err_sys(e, "cannot make a pipe");
	if (fcntl(s->out[0], F_SETFL, O_NONBLOCK) < 0)
		return err_sys(e, "cannot prepare a pipe");
	return 0;
}

static void start(struct init *in, struct service *s, uint64_t now)
{
	struct err e;
	pid_t pid = 0;

	if (make_pipe(s, &e) == 0 && spawn(s->def, s->out[1], &pid, &e) == 0) {
		service_started(s, pid, now);
		init_note(in, "%s: started, process %d", s->name, (int)pid);
	} else {
		init_note(in, "%s: %s", s->name, e.msg);
		(void)service_ended(s, 126, now);
	}
	in->is_changed = true;
}

void init_turn(struct init *in, struct service *s, bool is_ready, uint64_t now)
{
	if (s->due_ms <= now && s->state == SERVICE_BACKOFF) {
		start(in, s, now);
	} else if (s->due_ms <= now && s->state == SERVICE_STOPPING) {
		s->due_ms = SERVICE_NEVER;
		init_note(in, "%s: did not end in time, killed", s->name);
		send_signal(s, SIGKILL);
	}
	if (s->pid && s->def && probe_turn(&s->probe, s->def, is_ready, now)) {
		service_health(s, now);
		init_note(in, "%s: %s", s->name,
			  s->probe.health == HEALTH_OK ? "healthy" : "not healthy");
		in->is_changed = true;
	}
}

static void service_reap(struct init *in, struct service *s, const siginfo_t *info, uint64_t now)
{
	bool is_exit = info->si_code == CLD_EXITED;

	init_note(in, "%s: %s %d", s->name, is_exit ? "exit status" : "killed by signal",
		  info->si_status);
	/* The process is not waited for yet, so its group's number cannot mean another one. */
	if (service_ended(s, is_exit ? info->si_status : 128 + info->si_status, now))
		(void)kill(-info->si_pid, SIGKILL);
	if (s->state == SERVICE_FAILED)
		init_note(in, "%s: given up", s->name);
	in->is_changed = true;
}

void init_reap(struct init *in, uint64_t now)
{
	for (;;) {
		siginfo_t info = {0};

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
			return;
		for (size_t i = 0; i < in->n; i++)
			if (in->services[i].pid == info.si_pid)
				service_reap(in, &in->services[i], &info, now);
		(void)waitpid(info.si_pid, NULL, WNOHANG);
	}
}

static void stop_one(struct init *in, struct service *s, bool again, uint64_t now)
{
	if (service_stop(s, again, now))
		tell_to_end(s);
	in->is_changed = true;
}

void init_stop(struct init *in, uint64_t now)
{
	if (in->is_stopping)
		return;
	in->is_stopping = true;
	init_note(in, "told to stop");
	for (size_t i = 0; i < in->n; i++)
		stop_one(in, &in->services[i], false, now);
}

static struct service *slot_of(struct init *in, const char *name)
{
	for (size_t i = 0; i < in->n; i++)
		if (str_eq(in->services[i].name, name))
			return &in->services[i];
	return NULL;
}

/* From the old configuration to the new one; services may point into either until the end. */
static void apply(struct init *in, const struct conf *new, uint64_t now)
{
	for (size_t i = 0; i < in->n; i++) {
		struct service *s = &in->services[i];
		const struct conf_service *def = conf_find(new, s->name);

		if (!def || !s->def || def->digest != s->def->digest)
			stop_one(in, s, def != NULL, now);
		s->def = def;
	}
	for (const struct conf_service *def = new->services; def; def = def->next) {
		if (slot_of(in, def->name))
			continue;
		if (in->n == INIT_SLOTS)
			init_note(in, "%s: not started, too many services are still ending",
				  def->name);
		else
			service_init(&in->services[in->n++], def, now);
	}
}

void init_load(struct init *in)
{
	struct conf new;
	struct err e = {0};
	bool is_first = !in->conf.log_dir;

	if (in->is_stopping)
		return;
	if (conf_load(in->path, &new, &e) < 0) {
		if (is_first)
			conf_defaults(in->path, &in->conf);
		if (is_first || in->conf_err.code)
			in->conf_err = e;
		init_note(in, is_first ? "no services: %s" : "configuration unchanged: %s", e.msg);
		in->is_changed = true;
		return;
	}
	apply(in, &new, clock_ms());
	conf_fini(&in->conf);
	in->conf = new;
	in->conf_err = (struct err){0};
	in->is_changed = true;
	/* They may be elsewhere now. */
	logfile_close(&in->log);
	for (size_t i = 0; i < in->n; i++)
		logfile_close(&in->services[i].log);
	init_note(in, "configuration read, %zu services", new.n_services);
}

void init_sweep(struct init *in)
{
	size_t kept = 0;

	for (size_t i = 0; i < in->n; i++) {
		struct service *s = &in->services[i];

		if (!s->def && !s->pid) {
			while (init_copy_output(in, s))
				;
			service_fini(s);
			in->is_changed = true;
			continue;
		}
		if (kept != i)
			in->services[kept] = *s;
		kept++;
	}
	in->n = kept;
}

void init_publish(struct init *in, uint64_t now)
{
	struct err e = {0};

	if (!in->is_changed && now < in->status_ms)
		return;
	in->is_changed = false;
	in->status_ms = SERVICE_NEVER;
	if (status_write(in->conf.status, in->services, in->n,
			 in->conf_err.code ? in->conf_err.msg : NULL, &e) < 0) {
		in->status_ms = now + STATUS_RETRY_MS;
		if (!in->status_is_broken)
			init_note(in, "%s", e.msg);
	}
	in->status_is_broken = e.code != 0;
}
