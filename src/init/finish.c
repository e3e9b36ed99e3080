/* SPDX-License-Identifier: Apache-2.0 */
#include "init/init.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "init/clock.h"

enum { GRACE_MS = 1000, TICK_MS = 10 };

/*
 * To everybody in the namespace. The check is repeated here, where it counts:
 * from any other process this would end all that the caller may signal.
 */
static void send_to_all(int signal)
{
	if (getpid() == 1)
		(void)kill(-1, signal);
}

/*
 * Reap until nobody is left or the time is over. Asking for children is not
 * enough: who was brought in from outside by setns is not one of ours.
 */
static bool wait_until_alone(struct init *in, uint64_t limit_ms)
{
	const struct timespec tick = {.tv_nsec = TICK_MS * 1000000L};
	uint64_t end = clock_ms() + limit_ms;

	for (;;) {
		init_reap(in, clock_ms());
		for (size_t i = 0; i < in->n; i++)
			while (init_copy_output(in, &in->services[i]))
				;
		if (kill(-1, 0) < 0 && errno == ESRCH)
			return true;
		if (clock_ms() >= end)
			return false;
		(void)nanosleep(&tick, NULL);
	}
}

void init_finish(struct init *in)
{
	send_to_all(SIGTERM);
	send_to_all(SIGCONT);
	if (!wait_until_alone(in, GRACE_MS)) {
		send_to_all(SIGKILL);
		/* One that hangs in the kernel goes when the namespace does. */
		if (!wait_until_alone(in, GRACE_MS))
			init_note(in, "some processes did not end");
	}
	init_note(in, "stopped");
	in->is_changed = true;
	init_publish(in, clock_ms());
}
