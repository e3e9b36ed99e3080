/* SPDX-License-Identifier: Apache-2.0 */
#include "host/summary.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "host/os.h"
#include "host/pci.h"

enum { SMALL_FILE = 1 << 20 };

static void read_os(const struct root *r, struct host_summary *s)
{
	struct os_release os;
	const char *name = os.name;

	os_read(r, &os);
	if (str_starts(os.name, "Debian"))
		name = "Debian";
	(void)snprintf(s->os, sizeof(s->os), "%.40s%s%.20s", *name ? name : "Linux",
		       os.version[0] ? " " : "", os.version);
}

static void read_memory(const struct root *r, struct host_summary *s)
{
	CLEANUP(freep) char *text = NULL;
	struct err e;
	const char *p;
	uint64_t kib = 0;

	if (root_read(r, "/proc/meminfo", SMALL_FILE, &text, &e) < 0)
		return;
	p = strstr(text, "MemTotal:");
	for (p = p ? p + strcspn(p, "0123456789") : ""; *p >= '0' && *p <= '9'; p++)
		kib = kib * 10 + (uint64_t)(*p - '0');
	s->memory = kib * 1024;
}

static void count_gpus(const struct root *r, struct host_summary *s)
{
	struct pci_gpus gpus = {0};

	pci_gpus_read(r, &gpus);
	s->nvidia_gpus = (unsigned int)gpus.n;
	pci_gpus_fini(&gpus);
}

/* Where no PCI is seen (containers, WSL), the driver's own list still counts. */
static void read_driver(const struct root *r, struct host_summary *s)
{
	CLEANUP(freep) char *text = NULL;
	CLEANUP(strs_fini) struct strs gpus = {0};
	struct err e;
	size_t n;

	if (root_read(r, "/sys/module/nvidia/version", SMALL_FILE, &text, &e) < 0)
		return;
	n = strcspn(text, "\n");
	(void)snprintf(s->driver, sizeof(s->driver), "%.*s", (int)(n < 31 ? n : 31), text);
	if (!s->nvidia_gpus && dir_list(r->fd, "proc/driver/nvidia/gpus", &gpus, &e) == 0)
		s->nvidia_gpus = (unsigned int)gpus.n;
}

static unsigned int usable_cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		return (unsigned int)CPU_COUNT(&set);
	return (unsigned int)sysconf(_SC_NPROCESSORS_ONLN);
}

int host_summarise(const struct root *r, struct host_summary *ret, struct err *e)
{
	struct utsname uts;

	*ret = (struct host_summary){0};
	if (uname(&uts) < 0)
		return err_sys(e, "cannot read the machine's architecture");
	(void)snprintf(ret->arch, sizeof(ret->arch), "%.31s", uts.machine);
	read_os(r, ret);
	read_memory(r, ret);
	count_gpus(r, ret);
	read_driver(r, ret);
	ret->cpus = usable_cpus();
	return 0;
}
