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

enum { SMALL_FILE = 1 << 20 };

/* The value of KEY= in an os-release(5) text, without quotes; "" when absent. */
static void os_value(const char *text, const char *key, char *ret, size_t size)
{
	size_t n = strlen(key);

	ret[0] = '\0';
	for (const char *l = text; l; l = strchr(l, '\n') ? strchr(l, '\n') + 1 : NULL) {
		const char *v = l + n + 1;
		size_t len;

		if (strncmp(l, key, n) != 0 || l[n] != '=')
			continue;
		len = strcspn(v, "\n");
		if (len >= 2 && (*v == '"' || *v == '\'')) {
			v++;
			len -= 2;
		}
		(void)snprintf(ret, size, "%.*s", (int)(len < size ? len : size - 1), v);
		return;
	}
}

static void read_os(const struct root *r, struct host_summary *s)
{
	CLEANUP(freep) char *text = NULL;
	char name[40];
	char version[20];
	struct err e;

	(void)snprintf(s->os, sizeof(s->os), "Linux");
	if (root_read(r, "/etc/os-release", SMALL_FILE, &text, &e) < 0 &&
	    root_read(r, "/usr/lib/os-release", SMALL_FILE, &text, &e) < 0)
		return;
	os_value(text, "NAME", name, sizeof(name));
	os_value(text, "VERSION_ID", version, sizeof(version));
	if (str_starts(name, "Debian"))
		(void)snprintf(name, sizeof(name), "Debian");
	(void)snprintf(s->os, sizeof(s->os), "%s%s%s", name[0] ? name : "Linux",
		       version[0] ? " " : "", version);
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
