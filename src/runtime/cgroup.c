/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <time.h>
#include <unistd.h>

#include "base/env.h"
#include "base/fs.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "runtime/cgroup_limits.h"

#define TOP "/sys/fs/cgroup"

enum cgroup_kind cgroup_kind(void)
{
	struct statfs st;

	if (!env_allows("cgroup") || statfs(TOP, &st) < 0)
		return CGROUP_NONE;
	if (st.f_type == CGROUP2_SUPER_MAGIC)
		return CGROUP_V2;
	return access(TOP "/memory", F_OK) == 0 || access(TOP "/pids", F_OK) == 0 ? CGROUP_V1
										  : CGROUP_NONE;
}

/* Our own folder in the unified tree: what a manager may have delegated to us. */
static char *own_v2(void)
{
	CLEANUP(freep) char *text = NULL;
	struct err ignored;
	char *line;

	if (file_read(AT_FDCWD, "/proc/self/cgroup", 1 << 16, &text, NULL, &ignored) < 0)
		return str_dup("");
	line = strstr(text, "0::");
	if (!line)
		return str_dup("");
	line[strcspn(line, "\n")] = '\0';
	return str_dup(str_eq(line + 3, "/") ? "" : line + 3);
}

/*
 * cgroupsPath below the tree's top. Others than root only have what was
 * delegated to them. "slice:prefix:name" is how systemd's managers write it.
 */
static char *path_below(const char *path, enum cgroup_kind kind)
{
	CLEANUP(freep) char *base = kind == CGROUP_V2 && geteuid() != 0 ? own_v2() : str_dup("");
	CLEANUP(strs_fini) struct strs part = {0};
	const char *p = path;

	while (strchr(path, ':') && part.n < 3) {
		size_t n = strcspn(p, ":");

		strs_fmt(&part, "%.*s", (int)n, p);
		p += n + (p[n] == ':');
	}
	if (part.n)
		return str_fmt("%s/%s/%s-%s", base, *part.v[0] ? part.v[0] : "system.slice",
			       part.v[1], part.v[2]);
	return str_fmt("%s/%s", base, below(path));
}

/* No component may leave the tree. */
static bool path_is_plain(const char *path)
{
	for (const char *p = path; *p;) {
		size_t n = strcspn(p, "/");

		if (n == 2 && p[0] == '.' && p[1] == '.')
			return false;
		p += n + (p[n] == '/');
	}
	return true;
}

static int dirs_add(const struct spec *s, struct cgroup *c, struct err *e)
{
	CLEANUP(freep) char *path = path_below(s->linux_.cgroup, c->kind);

	if (!path_is_plain(path))
		return err_set(e, ERR_CONFIG, "linux.cgroupsPath '%s' leaves the cgroup tree",
			       s->linux_.cgroup);
	if (c->kind == CGROUP_V2) {
		strs_fmt(&c->dirs, TOP "%s", path);
		return 0;
	}
	for (const char *const *name = cgroup_v1_controllers; *name; name++)
		if (cgroup_needs(&s->linux_.resources, *name))
			strs_fmt(&c->dirs, TOP "/%s%s", *name, path);
	return 0;
}

/* Controllers have to be switched on at every level above. Failing shows when a limit is set. */
static void enable_controllers(const struct spec_resources *r, const char *dir)
{
	CLEANUP(freep) char *part = str_dup(dir);

	for (char *p = part + strlen(TOP); (p = strchr(p, '/')); p++) {
		*p = '\0';
		for (const char *const *name = cgroup_v1_controllers; *name; name++) {
			CLEANUP(freep) char *file = str_fmt("%s/cgroup.subtree_control", part);
			CLEANUP(freep) char *word = str_fmt("+%s", *name);
			CLEANUP(fd_closep) int fd = -1;

			if (!cgroup_needs(r, *name) || str_eq(*name, "devices"))
				continue;
			fd = open(file, O_WRONLY | O_CLOEXEC);
			if (fd >= 0)
				(void)!write(fd, word, strlen(word));
		}
		*p = '/';
	}
}

static int make_dir(const char *dir, struct err *e)
{
	/* Usually only the last level is missing. */
	if (mkdir(dir, 0755) == 0 || errno == EEXIST)
		return 0;
	if (errno != ENOENT)
		return err_sys(e, "cannot create the cgroup '%s'", dir);
	return dir_make(AT_FDCWD, dir, 0755, e);
}

static int make_all(const struct spec *s, struct cgroup *c, struct err *e)
{
	c->own = true;
	for (size_t i = 0; i < c->dirs.n; i++)
		if (make_dir(c->dirs.v[i], e) < 0)
			return -(int)e->code;
	if (c->kind == CGROUP_V2) {
		enable_controllers(&s->linux_.resources, c->dirs.v[0]);
		c->fd = open(c->dirs.v[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (c->fd < 0)
			return err_sys(e, "cannot open the cgroup '%s'", c->dirs.v[0]);
	}
	return cgroup_limits_set(&s->linux_.resources, c, e);
}

static void warn_unlimited(const struct spec *s, cgroup_warn_fn *warn, void *arg, const char *why)
{
	CLEANUP(freep) char *text = NULL;

	if (!warn || !cgroup_any_limit(&s->linux_.resources))
		return;
	text = str_fmt(_("resource limits are not in force: %s; run as root, or have an "
			 "administrator delegate cgroup controllers to this user (systemd: "
			 "Delegate=yes for user@.service)"),
		       why);
	warn(arg, text);
}

int cgroup_make(const struct spec *s, cgroup_warn_fn *warn, void *arg, struct cgroup *ret,
		struct err *e)
{
	CLEANUP(cgroup_fini) struct cgroup c = {.kind = cgroup_kind(), .fd = -1};
	struct err why;

	*ret = (struct cgroup){.fd = -1};
	if (!s->linux_.cgroup || !*s->linux_.cgroup)
		return 0;
	if (c.kind == CGROUP_NONE) {
		warn_unlimited(s, warn, arg, _("no cgroup file system is mounted"));
		return 0;
	}
	if (dirs_add(s, &c, e) < 0)
		return -(int)e->code;
	if (!c.dirs.n)
		return 0;
	if (make_all(s, &c, &why) < 0) {
		cgroup_remove(&c);
		/* Root asked for a limit that this machine cannot set: that is an error. */
		if (geteuid() == 0 && why.sys != EROFS && cgroup_any_limit(&s->linux_.resources)) {
			*e = why;
			if (e->sys == ENOENT) {
				e->code = ERR_RUNTIME;
				(void)err_hint(e, "this machine has no cgroup controller for "
						  "it: leave the limit out");
			}
			return -(int)e->code;
		}
		warn_unlimited(s, warn, arg, why.msg);
		return 0;
	}
	*ret = c;
	c = (struct cgroup){.fd = -1};
	return 0;
}

void cgroup_find(const struct spec *s, struct cgroup *ret)
{
	struct cgroup c = {.kind = cgroup_kind(), .fd = -1};
	struct err ignored;

	*ret = c;
	if (!s->linux_.cgroup || !*s->linux_.cgroup || c.kind == CGROUP_NONE)
		return;
	if (dirs_add(s, &c, &ignored) < 0)
		return;
	if (c.kind == CGROUP_V2 && c.dirs.n)
		c.fd = open(c.dirs.v[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*ret = c;
}

int cgroup_join(const struct cgroup *c, pid_t pid, struct err *e)
{
	for (size_t i = 0; i < c->dirs.n; i++) {
		CLEANUP(freep) char *file = str_fmt("%s/cgroup.procs", c->dirs.v[i]);
		CLEANUP(freep) char *text = str_fmt("%d", (int)pid);
		CLEANUP(fd_closep) int fd = open(file, O_WRONLY | O_CLOEXEC);

		if (fd < 0 || write(fd, text, strlen(text)) < 0)
			return err_sys(e, "cannot enter the cgroup '%s'", c->dirs.v[i]);
	}
	return 0;
}

/* The last process of a cgroup leaves it a moment after it was waited for. */
static int remove_dir(const char *dir)
{
	enum { TRIES = 50, PAUSE_NS = 2000000 };
	struct timespec pause = {.tv_nsec = PAUSE_NS};

	for (int i = 0; i < TRIES; i++) {
		if (rmdir(dir) == 0 || errno == ENOENT)
			return 0;
		if (errno != EBUSY)
			return -1;
		(void)nanosleep(&pause, NULL);
	}
	return -1;
}

void cgroup_remove(struct cgroup *c)
{
	for (size_t i = 0; c->own && i < c->dirs.n; i++)
		(void)remove_dir(c->dirs.v[i]);
	c->own = false;
}

void cgroup_fini(struct cgroup *c)
{
	strs_fini(&c->dirs);
	fd_closep(&c->fd);
}

static void kill_all(const char *dir)
{
	CLEANUP(freep) char *kill_file = str_fmt("%s/cgroup.kill", dir);
	CLEANUP(freep) char *procs = str_fmt("%s/cgroup.procs", dir);
	CLEANUP(freep) char *text = NULL;
	CLEANUP(fd_closep) int fd = open(kill_file, O_WRONLY | O_CLOEXEC);
	struct err ignored;
	char *save = NULL;

	if (fd >= 0 && write(fd, "1", 1) == 1)
		return;
	if (file_read(AT_FDCWD, procs, 1 << 20, &text, NULL, &ignored) < 0)
		return;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		uint64_t pid;

		if (parse_uint(line, INT32_MAX, "pid", &pid, &ignored) == 0 && pid > 0)
			(void)kill((pid_t)pid, SIGKILL);
	}
}

int cgroup_sweep(const char *path, struct err *e)
{
	enum cgroup_kind kind = cgroup_kind();
	CLEANUP(freep) char *rest = path_below(path, kind);
	CLEANUP(strs_fini) struct strs dirs = {0};

	if (kind == CGROUP_V2)
		strs_fmt(&dirs, TOP "%s", rest);
	else if (kind == CGROUP_V1)
		for (const char *const *name = cgroup_v1_controllers; *name; name++)
			strs_fmt(&dirs, TOP "/%s%s", *name, rest);
	for (size_t i = 0; i < dirs.n; i++) {
		if (access(dirs.v[i], F_OK) < 0)
			continue;
		kill_all(dirs.v[i]);
		if (remove_dir(dirs.v[i]) < 0)
			return err_sys(e, "cannot remove the cgroup '%s'", dirs.v[i]);
	}
	return 0;
}
