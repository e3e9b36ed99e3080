/* SPDX-License-Identifier: Apache-2.0 */
#include "base/signals.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

void signals_default(void)
{
	enum { KERNEL_SET = 8 }; /* bytes of the kernel's signal set: 64 signals */
	/* The kernel's struct sigaction: handler, flags, restorer, mask; all zero is SIG_DFL. */
	static const unsigned long defaults[4] = {0};

	for (int sig = 1; sig < NSIG; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			(void)syscall(SYS_rt_sigaction, sig, defaults, NULL, KERNEL_SET);
}
