/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/env.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/signals.h"
#include "base/str.h"

enum { INTERPRETERS_MAX = 5, LINE = 256 };

int own_program(struct own_program *ret, struct err *e)
{
	struct stat st;

	if (stat("/proc/self/exe", &st) < 0)
		return err_sys(e, "cannot find the program that runs");
	*ret = (struct own_program){st.st_dev, st.st_ino};
	return 0;
}

/* The interpreter of a script, cut out of its first line in place; NULL: not a script. */
static char *interpreter(const char *path, char line[LINE])
{
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, line, LINE - 1);
	char *p;

	if (n < 2 || line[0] != '#' || line[1] != '!')
		return NULL;
	line[n] = '\0';
	p = line + 2 + strspn(line + 2, " \t");
	p[strcspn(p, " \t\n")] = '\0';
	return p;
}

static bool leads_to_us(const char *path, const struct own_program *own)
{
	char line[2][LINE];
	struct stat st;

	for (int i = 0; path && i < INTERPRETERS_MAX; i++) {
		if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
			return false;
		if (st.st_dev == own->dev && st.st_ino == own->ino)
			return true;
		path = interpreter(path, line[i % 2]);
	}
	return false;
}

static int failed(const char *name, int sys, struct err *e)
{
	enum err_code code = sys == ENOENT || sys == ENOTDIR ? ERR_NOCMD : ERR_NOEXEC;

	errno = sys;
	(void)err_sys(e, "cannot execute '%s'", name);
	e->code = code;
	if (code == ERR_NOCMD)
		return err_hint(e, "a script whose interpreter is missing gives this message too");
	return -(int)code;
}

static int try(const char *path, const char *const *args, const char *const *env,
	       const struct own_program *own, struct err *e)
{
	static const char *const none[] = {NULL};

	if (leads_to_us(path, own))
		return err_set(e, ERR_NOEXEC, "'%s' is the runtime itself", path);
	(void)execve(path, (char *const *)args, (char *const *)(env ? env : none));
	return failed(args[0], errno, e);
}

int command_exec(const char *const *args, const char *const *env, const struct own_program *own,
		 struct err *e)
{
	const char *path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	int found = ENOENT;

	if (strchr(args[0], '/'))
		return try(args[0], args, env, own, e);
	for (const char *const *v = env; v && *v; v++)
		if (str_starts(*v, "PATH="))
			path = *v + strlen("PATH=");
	for (const char *p = path; *p;) {
		size_t n = strcspn(p, ":");
		CLEANUP(freep)
		char *file = n ? str_fmt("%.*s/%s", (int)n, p, args[0]) : str_fmt("./%s", args[0]);

		if (access(file, F_OK) == 0 && try(file, args, env, own, e) < 0) {
			if (e->code != ERR_NOCMD && e->sys != EACCES)
				return -(int)e->code;
			found = e->sys == EACCES ? EACCES : found;
		}
		p += n + (p[n] == ':');
	}
	return failed(args[0], found, e);
}

int command_cwd(const char *cwd, struct err *e)
{
	char path[PATH_MAX];

	if (chdir(cwd) < 0)
		return err_sys(e, "cannot enter the folder '%s'", cwd);
	/* The system call writes "(unreachable)..." for what is not below our root. */
	if (syscall(SYS_getcwd, path, sizeof(path)) < 0 || path[0] != '/')
		return err_set(e, ERR_CONFIG, "the folder '%s' does not lie in the container", cwd);
	return 0;
}

static int close_by_list(int first, int keep, struct err *e)
{
	CLEANUP(strs_fini) struct strs names = {0};

	/* Before Linux 5.9. The list is read first: closing would change it. */
	if (dir_list(AT_FDCWD, "/proc/self/fd", &names, e) < 0)
		return err_wrap(e, "cannot list the open descriptors");
	for (size_t i = 0; i < names.n; i++) {
		struct err ignored;
		uint64_t fd;

		if (parse_uint(names.v[i], INT_MAX, "fd", &fd, &ignored) == 0 && (int)fd >= first &&
		    (int)fd != keep)
			(void)close((int)fd);
	}
	return 0;
}

int command_close(int preserve, int *keep, struct err *e)
{
	int first = 3 + (preserve > 0 ? preserve : 0);

	/* It may have got the number of one that the caller promised but did not open. */
	if (*keep < first)
		*keep = fcntl(*keep, F_DUPFD_CLOEXEC, first);
	if (*keep < 0)
		return err_sys(e, "cannot prepare the descriptors");
	for (int fd = 3; fd < first; fd++)
		(void)fcntl(fd, F_SETFD, 0);
	if (env_allows("closerange") &&
	    (*keep == first || syscall(SYS_close_range, first, *keep - 1, 0) == 0) &&
	    syscall(SYS_close_range, *keep + 1, ~0U, 0) == 0)
		return 0;
	return close_by_list(first, *keep, e);
}

void command_signals(void)
{
	sigset_t none;

	signals_default();
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}
