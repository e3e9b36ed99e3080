/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/process_id.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/env.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/cgroup.h"

int process_start_time(const char *stat, uint64_t *ret, struct err *e)
{
	enum { FIRST = 3, START = 22 };
	/* The name in parentheses may hold anything, even a parenthesis. */
	const char *p = strrchr(stat, ')');
	char number[24];
	size_t n;

	for (int field = FIRST - 1; p && field < START; field++)
		p = strchr(p + 1, ' ');
	if (!p)
		return err_set(e, ERR_PARSE, "a process's state cannot be read");
	n = strcspn(++p, " \n");
	if (n >= sizeof(number))
		return err_set(e, ERR_PARSE, "a process's state cannot be read");
	memcpy(number, p, n);
	number[n] = '\0';
	return parse_uint(number, UINT64_MAX, "start time", ret, e);
}

/* A zombie has ended, even when nobody has waited for it yet. */
static bool is_zombie(const char *stat)
{
	const char *p = strrchr(stat, ')');

	return p && p[1] == ' ' && (p[2] == 'Z' || p[2] == 'X');
}

int process_id(pid_t pid, struct rt_process_id *ret, struct err *e)
{
	CLEANUP(freep) char *path = str_fmt("/proc/%d/stat", (int)pid);
	CLEANUP(freep) char *text = NULL;
	struct err why;
	uint64_t start = 0;

	if (file_read(AT_FDCWD, path, 4096, &text, NULL, &why) < 0 || is_zombie(text))
		return err_set(e, ERR_ABSENT, "the process %d has gone", (int)pid);
	if (process_start_time(text, &start, e) < 0)
		return -(int)e->code;
	*ret = (struct rt_process_id){.pid = pid, .start_time = start};
	return 0;
}

uint64_t rt_start_time(pid_t pid)
{
	struct rt_process_id id = {0};
	struct err ignored;

	return process_id(pid, &id, &ignored) < 0 ? 0 : id.start_time;
}

bool rt_alive(const struct rt_process_id *id)
{
	struct rt_process_id now = {0};
	struct err ignored;

	return id->pid > 0 && process_id(id->pid, &now, &ignored) == 0 &&
	       now.start_time == id->start_time;
}

int process_open(const struct rt_process_id *id, int *ret_pidfd, struct err *e)
{
	CLEANUP(fd_closep) int fd = -1;

	errno = ENOSYS;
	if (env_allows("pidfd"))
		fd = (int)syscall(SYS_pidfd_open, id->pid, 0);
	if (fd < 0 && errno == ESRCH)
		return err_set(e, ERR_ABSENT, "the process %d has gone", (int)id->pid);
	if (fd < 0)
		return err_sys(e, "cannot open the process %d", (int)id->pid);
	/* Checked while the descriptor holds the number: it cannot be another one now. */
	if (!rt_alive(id))
		return err_set(e, ERR_ABSENT, "the process %d has gone", (int)id->pid);
	*ret_pidfd = TAKE(fd);
	return 0;
}

int rt_kill(const struct rt_process_id *id, int sig, struct err *e)
{
	CLEANUP(fd_closep) int fd = -1;
	int code = process_open(id, &fd, e);

	/* Before 5.3 the window between check and kill has to be lived with. */
	if (code < 0 && e->sys == ENOSYS) {
		if (!rt_alive(id))
			return err_set(e, ERR_ABSENT, "the process %d has gone", (int)id->pid);
		code = kill(id->pid, sig) < 0 ? -1 : 0;
	} else if (code < 0) {
		return code;
	} else {
		code = (int)syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0);
	}
	if (code < 0 && errno == ESRCH)
		return err_set(e, ERR_ABSENT, "the process %d has gone", (int)id->pid);
	if (code < 0)
		return err_sys(e, "cannot send a signal to the process %d", (int)id->pid);
	return 0;
}

int rt_wait_gone(const struct rt_process_id *id, int timeout_ms, struct err *e)
{
	enum { STEP_MS = 20 };
	CLEANUP(fd_closep) int fd = -1;
	struct pollfd p;

	if (process_open(id, &fd, e) < 0) {
		if (e->code == ERR_ABSENT)
			return 0;
		for (int waited = 0; e->sys == ENOSYS && waited < timeout_ms; waited += STEP_MS) {
			if (!rt_alive(id))
				return 0;
			(void)poll(NULL, 0, STEP_MS);
		}
		if (e->sys != ENOSYS)
			return -(int)e->code;
		return err_set(e, ERR_BUSY, "the process %d has not ended", (int)id->pid);
	}
	p = (struct pollfd){.fd = fd, .events = POLLIN};
	if (poll(&p, 1, timeout_ms) == 1)
		return 0;
	return err_set(e, ERR_BUSY, "the process %d has not ended within %d ms", (int)id->pid,
		       timeout_ms);
}

int process_check_name(const char *id, struct err *e)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.-";

	if (!*id || id[strspn(id, letters)] || str_eq(id, ".") || str_eq(id, ".."))
		return err_set(e, ERR_USAGE, "'%s' cannot be a container's name", id);
	return 0;
}

int rt_cleanup(const char *id, struct err *e)
{
	CLEANUP(freep) char *path = str_fmt("/dlenv/%s", id);

	if (process_check_name(id, e) < 0)
		return -(int)e->code;
	return cgroup_sweep(path, e);
}
