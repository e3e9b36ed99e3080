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

static bool pci_file_is(int devices, const char *device, const char *name, const char *prefix)
{
	CLEANUP(freep) char *path = str_fmt("%s/%s", device, name);
	CLEANUP(freep) char *text = NULL;
	struct err e;

	return file_read(devices, path, 64, &text, NULL, &e) == 0 && str_starts(text, prefix);
}

/* Display controllers (class 03) made by NVIDIA (vendor 10de): PCI Code and ID Assignment. */
static void count_gpus(const struct root *r, struct host_summary *s)
{
	CLEANUP(fd_closep) int devices = -1;
	CLEANUP(strs_fini) struct strs names = {0};
	struct err e;

	if (dir_open(r->fd, "sys/bus/pci/devices", &devices, &e) < 0 ||
	    dir_list(devices, ".", &names, &e) < 0)
		return;
	for (size_t i = 0; i < names.n; i++)
		if (pci_file_is(devices, names.v[i], "vendor", "0x10de") &&
		    pci_file_is(devices, names.v[i], "class", "0x03"))
			s->nvidia_gpus++;
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
