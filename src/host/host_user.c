/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel lets containers do, and the person who asks. */
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/str.h"
#include "host/host_parts.h"
#include "host/subid.h"

void host_probe_security(const struct host_look *k)
{
	struct host *h = k->h;
	int64_t enforce = host_number(k, "/sys/fs/selinux/enforce");

	if (enforce >= 0)
		h->selinux = enforce ? "enforcing" : "permissive";
	h->apparmor_userns =
		host_number(k, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1;
	h->apparmor_profile = root_has(k->r, "/etc/apparmor.d/dlenv");
	h->userns_max = host_number(k, "/proc/sys/user/max_user_namespaces");
	h->userns_clone = (int)host_number(k, "/proc/sys/kernel/unprivileged_userns_clone");
}

void host_probe_cgroup(const struct host_look *k)
{
	struct host *h = k->h;

	if (root_has(k->r, "/sys/fs/cgroup/cgroup.controllers"))
		h->cgroup = "v2";
	else if (root_has(k->r, "/sys/fs/cgroup/unified/cgroup.controllers"))
		h->cgroup = "hybrid";
	else if (root_has(k->r, "/sys/fs/cgroup/memory") || root_has(k->r, "/sys/fs/cgroup/cpu"))
		h->cgroup = "v1";
}

static int64_t count_of(const struct host_look *k, const char *file)
{
	const struct user u = {.uid = k->h->uid, .name = (char *)k->h->user};
	struct subid range;
	struct err e = {0};

	if (subid_find(k->r, file, &u, &range, &e) == 0)
		return range.count;
	return e.code == ERR_PRIV ? 0 : -1;
}

static bool list_has(const char *list, size_t len, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list; p < list + len;) {
		size_t one = strcspn(p, ",\n");

		if (one == n && strncmp(p, name, n) == 0)
			return true;
		p += one + 1;
	}
	return false;
}

/* This process has the group: it was a member when it logged in. */
static bool is_effective(unsigned int gid)
{
	gid_t groups[256];
	int n = getgroups((int)COUNT(groups), groups);

	for (int i = 0; i < n; i++)
		if (groups[i] == gid)
			return true;
	return n < 0 || getgid() == gid;
}

/* NAME:x:GID:MEMBER,MEMBER */
static void group_line(const struct host_look *k, const char *line)
{
	static const char *const wanted[] = {"docker", "render", "video"};
	struct host *h = k->h;

	for (size_t i = 0; i < COUNT(wanted); i++) {
		size_t n = strlen(wanted[i]);
		const char *gid;
		const char *members;
		const char **list;
		unsigned int number = 0;

		if (strncmp(line, wanted[i], n) != 0 || line[n] != ':')
			continue;
		gid = line + n + 1 + strcspn(line + n + 1, ":\n");
		gid += *gid == ':';
		for (members = gid; *members >= '0' && *members <= '9'; members++)
			number = number * 10 + (unsigned int)(*members - '0');
		members += *members == ':';
		if (!list_has(members, strcspn(members, "\n"), h->user))
			continue;
		list = !k->here || is_effective(number) ? &h->groups : &h->groups_later;
		*list = arena_fmt(&h->arena, "%s%s%s", *list ? *list : "", *list ? " " : "",
				  wanted[i]);
	}
}

static void read_delegation(const struct host_look *k)
{
	CLEANUP(freep)
	char *path = str_fmt("/sys/fs/cgroup/user.slice/user-%u.slice/user@%u.service/"
			     "cgroup.controllers",
			     k->h->uid, k->h->uid);

	k->h->delegated = host_line(k, path);
}

/* "user NAME UID" of a recorded machine, else whoever runs dlenv on this one. */
static void find_caller(const struct host_look *k)
{
	const char *line = host_recorded(k, "user");
	const char *space = line ? strchr(line, ' ') : NULL;
	uint64_t uid;
	struct err e;

	if (space && parse_uint(space + 1, UINT32_MAX - 1, "uid", &uid, &e) == 0) {
		k->h->user = arena_strn(&k->h->arena, line, (size_t)(space - line));
		k->h->uid = (uid_t)uid;
	} else if (k->here && k->who) {
		k->h->user = arena_str(&k->h->arena, k->who->name);
		k->h->uid = k->who->uid;
	}
}

void host_probe_caller(const struct host_look *k)
{
	CLEANUP(freep) char *groups = NULL;

	find_caller(k);
	if (!k->h->user)
		return;
	k->h->subuids = count_of(k, "/etc/subuid");
	k->h->subgids = count_of(k, "/etc/subgid");
	read_delegation(k);
	groups = host_text(k, "/etc/group", HOST_LIST);
	for (const char *l = groups; l && *l; l += strcspn(l, "\n"), l += *l == '\n')
		group_line(k, l);
}

static int64_t free_below(const struct host_look *k, const char *path)
{
	CLEANUP(freep) char *key = str_fmt("free %s", path);
	CLEANUP(fd_closep) int fd = -1;
	const char *recorded = host_recorded(k, key);
	struct statvfs s;
	uint64_t n;
	struct err e;

	if (recorded)
		return parse_uint(recorded, INT64_MAX, path, &n, &e) == 0 ? (int64_t)n : -1;
	if (!k->here)
		return -1;
	fd = nv_open(k->r, path, O_PATH | O_DIRECTORY);
	if (fd < 0 || fstatvfs(fd, &s) < 0)
		return -1;
	return (int64_t)(s.f_bavail * s.f_frsize);
}

void host_probe_space(const struct host_look *k)
{
	static const char *const paths[HOST_SPACES] = {"/usr", "/boot", "/var", "/tmp"};

	for (size_t i = 0; i < HOST_SPACES; i++)
		k->h->space[i] = (struct host_space){paths[i], free_below(k, paths[i])};
}
