/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup_limits.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "runtime/cgroup_devices.h"

const char *const cgroup_v1_controllers[] = {"memory", "pids", "cpu", "cpuset", "devices", NULL};

/* A value as text, or NULL when it is not asked for. Negative means unlimited. */
typedef char *value_fn(const struct spec_resources *r);

struct limit {
	const char *controller;
	const char *v1; /* file; NULL: there is none */
	const char *v2;
	value_fn *v1_value;
	value_fn *v2_value;
};

static char *number(int64_t n)
{
	return n ? str_fmt("%" PRId64, n < 0 ? -1 : n) : NULL;
}

static char *number_or_max(int64_t n)
{
	return n < 0 ? str_dup("max") : number(n);
}

static char *memory_v1(const struct spec_resources *r)
{
	return number(r->memory);
}

static char *memory_v2(const struct spec_resources *r)
{
	return number_or_max(r->memory);
}

static char *swap_v1(const struct spec_resources *r)
{
	return number(r->memory_swap);
}

/* v1 counts memory and swap together, v2 swap alone. */
static char *swap_v2(const struct spec_resources *r)
{
	if (r->memory_swap <= 0 || r->memory <= 0)
		return r->memory_swap ? str_dup("max") : NULL;
	return str_fmt("%" PRId64,
		       r->memory_swap > r->memory ? r->memory_swap - r->memory : INT64_C(0));
}

static char *reserve(const struct spec_resources *r)
{
	return number(r->memory_reserve);
}

static char *pids(const struct spec_resources *r)
{
	return number_or_max(r->pids);
}

static char *quota_v1(const struct spec_resources *r)
{
	return number(r->cpu_quota);
}

static char *period_v1(const struct spec_resources *r)
{
	return number((int64_t)r->cpu_period);
}

static char *cpu_v2(const struct spec_resources *r)
{
	enum { PERIOD_US = 100000 };
	uint64_t period = r->cpu_period ? r->cpu_period : PERIOD_US;

	if (!r->cpu_quota && !r->cpu_period)
		return NULL;
	if (r->cpu_quota <= 0)
		return str_fmt("max %" PRIu64, period);
	return str_fmt("%" PRId64 " %" PRIu64, r->cpu_quota, period);
}

static char *shares_v1(const struct spec_resources *r)
{
	return number((int64_t)r->cpu_shares);
}

/* 2 .. 262144 becomes 1 .. 10000, as every runtime converts it. */
static char *weight_v2(const struct spec_resources *r)
{
	enum { SHARES_MIN = 2, SHARES_MAX = 262144, WEIGHT_MAX = 10000 };
	uint64_t n = r->cpu_shares;

	if (!n)
		return NULL;
	n = n < SHARES_MIN ? SHARES_MIN : n > SHARES_MAX ? SHARES_MAX : n;
	return str_fmt("%" PRIu64,
		       1 + (n - SHARES_MIN) * (WEIGHT_MAX - 1) / (SHARES_MAX - SHARES_MIN));
}

static char *cpus(const struct spec_resources *r)
{
	return str_dup(r->cpus);
}

static char *mems(const struct spec_resources *r)
{
	return str_dup(r->mems);
}

static const struct limit limits[] = {
	{"memory", "memory.limit_in_bytes", "memory.max", memory_v1, memory_v2},
	{"memory", "memory.memsw.limit_in_bytes", "memory.swap.max", swap_v1, swap_v2},
	{"memory", "memory.soft_limit_in_bytes", "memory.low", reserve, reserve},
	{"pids", "pids.max", "pids.max", pids, pids},
	{"cpu", "cpu.cfs_period_us", NULL, period_v1, NULL},
	{"cpu", "cpu.cfs_quota_us", "cpu.max", quota_v1, cpu_v2},
	{"cpu", "cpu.shares", "cpu.weight", shares_v1, weight_v2},
	{"cpuset", "cpuset.cpus", "cpuset.cpus", cpus, cpus},
	{"cpuset", "cpuset.mems", "cpuset.mems", mems, mems},
};

bool cgroup_needs(const struct spec_resources *r, const char *controller)
{
	if (str_eq(controller, "devices"))
		return r->devices.n > 0;
	for (size_t i = 0; i < COUNT(limits); i++) {
		CLEANUP(freep) char *v1 = NULL;

		if (!str_eq(limits[i].controller, controller))
			continue;
		v1 = limits[i].v1_value(r);
		if (v1)
			return true;
	}
	return false;
}

bool cgroup_any_limit(const struct spec_resources *r)
{
	for (const char *const *name = cgroup_v1_controllers; *name; name++)
		if (cgroup_needs(r, *name))
			return true;
	return false;
}

static int write_one(const char *dir, const char *file, const char *value, struct err *e)
{
	CLEANUP(freep) char *path = str_fmt("%s/%s", dir, file);
	CLEANUP(fd_closep) int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		return err_sys(e, "cannot write '%s' to '%s'", value, path);
	return 0;
}

/* A new v1 cpuset is empty and takes no process: it starts as its parents are. */
static void cpuset_inherit(const char *dir)
{
	static const char *const files[] = {"cpuset.cpus", "cpuset.mems"};
	CLEANUP(freep) char *part = str_dup(dir);
	struct err ignored;

	for (char *p = part + strlen("/sys/fs/cgroup/cpuset"); p && *p;) {
		CLEANUP(freep) char *above = str_fmt("%.*s", (int)(p - part), part);
		char *next = strchr(p + 1, '/');
		char was = next ? *next : '\0';

		if (next)
			*next = '\0';
		for (size_t i = 0; i < COUNT(files); i++) {
			CLEANUP(freep) char *from = str_fmt("%s/%s", above, files[i]);
			CLEANUP(freep) char *value = NULL;

			if (file_read(AT_FDCWD, from, 1 << 16, &value, NULL, &ignored) == 0)
				(void)!write_one(part, files[i], value, &ignored);
		}
		if (next)
			*next = was;
		p = next;
	}
}

/* v1: /sys/fs/cgroup/CONTROLLER/...; v2: there is one folder for all. */
static const char *dir_of(const struct cgroup *c, const char *controller)
{
	CLEANUP(freep) char *start = str_fmt("/sys/fs/cgroup/%s/", controller);

	if (c->kind == CGROUP_V2)
		return c->dirs.v[0];
	for (size_t i = 0; i < c->dirs.n; i++)
		if (str_starts(c->dirs.v[i], start))
			return c->dirs.v[i];
	return NULL;
}

int cgroup_limits_set(const struct spec_resources *r, const struct cgroup *c, struct err *e)
{
	bool v2 = c->kind == CGROUP_V2;

	if (!v2 && dir_of(c, "cpuset"))
		cpuset_inherit(dir_of(c, "cpuset"));
	for (size_t i = 0; i < COUNT(limits); i++) {
		const char *file = v2 ? limits[i].v2 : limits[i].v1;
		CLEANUP(freep) char *value = NULL;

		if (file)
			value = v2 ? limits[i].v2_value(r) : limits[i].v1_value(r);
		if (!value)
			continue;
		/* Without swap accounting there is no file, and no swap to limit. */
		if (str_starts(file, "memory.memsw") || str_starts(file, "memory.swap")) {
			CLEANUP(freep)
			char *path = str_fmt("%s/%s", dir_of(c, limits[i].controller), file);

			if (access(path, F_OK) < 0)
				continue;
		}
		if (write_one(dir_of(c, limits[i].controller), file, value, e) < 0)
			return -(int)e->code;
	}
	if (!r->devices.n)
		return 0;
	return v2 ? cgroup_devices_v2(r, c->fd, e) : cgroup_devices_v1(r, dir_of(c, "devices"), e);
}
