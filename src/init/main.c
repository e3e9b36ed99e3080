/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dlenv-init: process 1 of an environment.
 *
 * How this works: all signals are blocked and read from a descriptor, so one
 * loop waits for everything: signals, the earliest deadline (one timer), the
 * output of services, connections of probes. A turn of the loop first tells the
 * truth in the status file and waits, then serves the descriptors and what is
 * due, and signals last, because only a signal can change which services there
 * are. Idle means that nothing wakes it up but the probes. It ends only when it
 * is told to.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/signals.h"
#include "init/clock.h"
#include "init/init.h"

#define DEFAULT_CONF "/run/dlenv/init.conf"

enum { SIGNALS, TIMER, FIRST_SERVICE };

/* Hold nothing of whoever started us: a terminal, a pipe that somebody reads to its end. */
static void let_go_of_caller(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
		(void)dup2(null, fd);
	if (null > STDERR_FILENO)
		(void)close(null);
	(void)syscall(SYS_close_range, 3U, ~0U, 0U);
	(void)chdir("/");
	(void)umask(022);
}

static int open_descriptors(struct init *in, struct err *e)
{
	sigset_t all;

	signals_default();
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	in->signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (in->signal_fd < 0)
		return err_sys(e, "cannot read signals");
	in->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (in->timer_fd < 0)
		return err_sys(e, "cannot make a timer");
	return 0;
}

/* Make the timer ready for the earliest deadline; without one it rests. */
static void set_timer(const struct init *in)
{
	struct itimerspec at = {0};
	uint64_t due = in->status_ms;

	for (size_t i = 0; i < in->n; i++)
		if (service_due(&in->services[i]) < due)
			due = service_due(&in->services[i]);
	if (due != SERVICE_NEVER) {
		/* All zero would mean "off". A deadline before the first millisecond is over. */
		at.it_value.tv_sec = (time_t)(due / 1000);
		at.it_value.tv_nsec = (long)(due % 1000) * 1000000 + 1;
	}
	(void)timerfd_settime(in->timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

static nfds_t collect(const struct init *in, struct pollfd *fds)
{
	fds[SIGNALS] = (struct pollfd){.fd = in->signal_fd, .events = POLLIN};
	fds[TIMER] = (struct pollfd){.fd = in->timer_fd, .events = POLLIN};
	for (size_t i = 0; i < in->n; i++) {
		const struct service *s = &in->services[i];

		fds[FIRST_SERVICE + 2 * i] = (struct pollfd){.fd = s->out[0], .events = POLLIN};
		fds[FIRST_SERVICE + 2 * i + 1] =
			(struct pollfd){.fd = s->probe.fd, .events = POLLOUT};
	}
	return FIRST_SERVICE + 2 * in->n;
}

static void take_signal(struct init *in, uint32_t signal, uint64_t now)
{
	switch (signal) {
	case SIGTERM:
	case SIGINT:
		init_stop(in, now);
		break;
	case SIGHUP:
		init_load(in);
		break;
	case SIGUSR1:
		for (size_t i = 0; i < in->n && !in->is_stopping; i++)
			service_retry(&in->services[i], now);
		break;
	default:
		break;
	}
}

static void take_signals(struct init *in, uint64_t now)
{
	struct signalfd_siginfo info;

	while (read(in->signal_fd, &info, sizeof(info)) == sizeof(info))
		take_signal(in, info.ssi_signo, now);
	/* Several children may be behind one SIGCHLD. */
	init_reap(in, now);
}

static bool is_over(const struct init *in)
{
	for (size_t i = 0; i < in->n; i++)
		if (in->services[i].pid)
			return false;
	return in->is_stopping;
}

static void turn(struct init *in)
{
	struct pollfd fds[FIRST_SERVICE + 2 * INIT_SLOTS];
	uint64_t expirations;
	uint64_t now;

	init_publish(in, clock_ms());
	set_timer(in);
	if (poll(fds, collect(in, fds), -1) < 0)
		return;
	now = clock_ms();
	if (fds[TIMER].revents)
		(void)!read(in->timer_fd, &expirations, sizeof(expirations));
	for (size_t i = 0; i < in->n; i++) {
		if (fds[FIRST_SERVICE + 2 * i].revents)
			(void)init_copy_output(in, &in->services[i]);
		init_turn(in, &in->services[i], fds[FIRST_SERVICE + 2 * i + 1].revents != 0, now);
	}
	if (fds[SIGNALS].revents)
		take_signals(in, now);
	init_sweep(in);
}

int main(int argc, char **argv)
{
	/* On the heap, where pages of unused slots are never touched. */
	CLEANUP(freep) struct init *in = NEW(struct init);
	struct err e = {0};

	in->path = argc > 1 ? argv[1] : DEFAULT_CONF;
	in->log = LOGFILE_EMPTY;
	in->status_ms = SERVICE_NEVER;
	/* At the end it kills all processes that it can see. */
	if (getpid() != 1 || argc > 2 || in->path[0] != '/') {
		(void)dprintf(STDERR_FILENO,
			      "usage: dlenv-init [CONFIG]   as process 1 of a pid namespace, with "
			      "an absolute path\n");
		return 2;
	}
	let_go_of_caller();
	if (open_descriptors(in, &e) < 0)
		return 1;
	init_load(in);
	while (!is_over(in))
		turn(in);
	init_finish(in);
	return 0;
}
