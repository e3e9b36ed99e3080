/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "host/subid.h"
#include "runtime/idmap_write.h"

size_t idmap_around(uint32_t keep, uint32_t start, uint32_t count, struct idmap_row *rows)
{
	uint32_t before = keep < count ? keep : count;
	size_t n = 0;

	if (before)
		rows[n++] = (struct idmap_row){0, start, before};
	rows[n++] = (struct idmap_row){keep, keep, 1};
	if (keep + UINT64_C(1) < count)
		rows[n++] = (struct idmap_row){keep + 1, start + keep + 1, count - keep - 1};
	return n;
}

int idmap_keep(struct idmap *m, const struct user *u, struct err *e)
{
	static const char *const helpers[] = {"newuidmap", "newgidmap"};
	CLEANUP(root_close) struct root r = {.fd = -1};
	struct subid uids;
	struct subid gids;

	*m = (struct idmap){0};
	if (u->uid == 0)
		return 0;
	if (root_open(&r, "/", e) < 0 || subid_find(&r, "/etc/subuid", u, &uids, e) < 0 ||
	    subid_find(&r, "/etc/subgid", u, &gids, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < COUNT(helpers); i++) {
		CLEANUP(freep) char *path = proc_find(helpers[i]);

		if (path)
			continue;
		(void)err_set(e, ERR_PRIV, "the program '%s' is not installed", helpers[i]);
		return err_hint(e, "sudo apt-get install uidmap (or shadow-utils elsewhere)");
	}
	m->uids = idmap_around(u->uid, uids.start, uids.count, m->uid);
	m->gids = idmap_around(u->gid, gids.start, gids.count, m->gid);
	return 0;
}

void idmap_single(struct idmap *m, const struct user *u, uint32_t inside_uid, uint32_t inside_gid)
{
	*m = (struct idmap){
		.uid = {{inside_uid, u->uid, 1}},
		.gid = {{inside_gid, u->gid, 1}},
		.uids = 1,
		.gids = 1,
	};
}

bool idmap_has(const struct idmap_row *rows, size_t n, uint32_t inside)
{
	for (size_t i = 0; i < n; i++)
		if (inside >= rows[i].inside && inside - rows[i].inside < rows[i].count)
			return true;
	return false;
}

bool idmap_is_single(const struct idmap *m)
{
	return geteuid() != 0 && m->uids == 1 && m->gids == 1 && m->uid[0].count == 1 &&
	       m->gid[0].count == 1 && m->uid[0].outside == geteuid() &&
	       m->gid[0].outside == getegid();
}

static int write_file(const char *who, const char *file, const char *text, struct err *e)
{
	CLEANUP(freep) char *path = str_fmt("/proc/%s/%s", who, file);
	CLEANUP(fd_closep) int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t len = strlen(text);

	/* The kernel takes the mapping in one write or not at all. */
	if (fd < 0 || write(fd, text, len) != (ssize_t)len)
		return err_sys(e, "cannot write '%s'", path);
	return 0;
}

static int write_rows(const char *who, const char *file, const struct idmap_row *rows, size_t n,
		      struct err *e)
{
	CLEANUP(buf_fini) struct buf text = {0};

	buf_str(&text, "");
	for (size_t i = 0; i < n; i++)
		buf_fmt(&text, "%u %u %u\n", rows[i].inside, rows[i].outside, rows[i].count);
	return write_file(who, file, text.data, e);
}

int idmap_write_self(const struct idmap *m, struct err *e)
{
	if (write_file("self", "setgroups", "deny", e) < 0 ||
	    write_rows("self", "uid_map", m->uid, m->uids, e) < 0)
		return -(int)e->code;
	return write_rows("self", "gid_map", m->gid, m->gids, e);
}

/* newuidmap PID INSIDE OUTSIDE COUNT ...; *ret_pid is running when it returns. */
static int helper_start(const char *program, pid_t pid, const struct idmap_row *rows, size_t n,
			int errors, pid_t *ret_pid, struct err *e)
{
	CLEANUP(freep) char *path = proc_find(program);
	CLEANUP(strs_fini) struct strs argv = {0};
	char *const env[] = {(char[]){"PATH=/usr/bin:/bin"}, (char[]){"LC_ALL=C"}, NULL};
	posix_spawn_file_actions_t actions;
	int sys;

	if (!path)
		return err_set(e, ERR_PRIV, "the program '%s' is not installed", program);
	strs_add(&argv, program);
	strs_fmt(&argv, "%d", (int)pid);
	for (size_t i = 0; i < n; i++) {
		strs_fmt(&argv, "%u", rows[i].inside);
		strs_fmt(&argv, "%u", rows[i].outside);
		strs_fmt(&argv, "%u", rows[i].count);
	}
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
	sys = posix_spawn(ret_pid, path, &actions, NULL, argv.v, env);
	(void)posix_spawn_file_actions_destroy(&actions);
	if (sys) {
		errno = sys;
		return err_sys(e, "cannot execute '%s'", path);
	}
	return 0;
}

static int helper_failed(const char *program, int status, int errors, struct err *e)
{
	char text[256];
	ssize_t n = read(errors, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	(void)err_set(e, ERR_PRIV, "'%s' refused the id mapping (status %d): %s", program, status,
		      text);
	return err_hint(e, "check /etc/subuid and /etc/subgid, and that '%s' is setuid root",
			program);
}

/* Both setuid helpers at once: together they cost more than all mounts. */
static int write_by_helpers(const struct idmap *m, pid_t pid, struct err *e)
{
	CLEANUP(fd_closep) int reader = -1;
	CLEANUP(fd_closep) int writer = -1;
	int errors[2];
	pid_t helpers[2] = {-1, -1};
	int status[2] = {-1, -1};
	int code;

	if (pipe2(errors, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_sys(e, "cannot make a pipe");
	reader = errors[0];
	writer = errors[1];
	code = helper_start("newuidmap", pid, m->uid, m->uids, writer, &helpers[0], e);
	if (!code)
		code = helper_start("newgidmap", pid, m->gid, m->gids, writer, &helpers[1], e);
	for (int i = 0; i < 2; i++)
		if (helpers[i] > 0)
			status[i] = proc_wait(helpers[i]);
	if (code < 0)
		return code;
	if (status[0])
		return helper_failed("newuidmap", status[0], reader, e);
	if (status[1])
		return helper_failed("newgidmap", status[1], reader, e);
	return 0;
}

int idmap_write(const struct idmap *m, pid_t pid, struct err *e)
{
	char who[16];

	if (geteuid() != 0)
		return write_by_helpers(m, pid, e);
	(void)snprintf(who, sizeof(who), "%d", (int)pid);
	if (write_rows(who, "uid_map", m->uid, m->uids, e) < 0)
		return -(int)e->code;
	return write_rows(who, "gid_map", m->gid, m->gids, e);
}
