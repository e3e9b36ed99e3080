/* SPDX-License-Identifier: Apache-2.0 */
#include "init/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"

/* A user namespace made without privilege (a single id) never lets groups change. */
static bool groups_are_fixed(void)
{
	CLEANUP(fd_closep) int fd = open("/proc/self/setgroups", O_RDONLY | O_CLOEXEC);
	char word[8] = "";

	return fd >= 0 && read(fd, word, sizeof(word) - 1) > 0 && str_starts(word, "deny");
}

static int take_ids(const struct conf_service *def, struct err *e)
{
	uid_t uid[3];
	gid_t gid[3];
	bool is_asked = !def->keep_groups &&
			(def->uid != CONF_NO_ID || def->gid != CONF_NO_ID || def->n_groups);

	/* Also without a group in the list: those of dlenv-init must not stay. */
	if (is_asked && setgroups(def->n_groups, def->groups) < 0 && !groups_are_fixed())
		return err_sys(e, "cannot set the groups");
	if (getresgid(&gid[0], &gid[1], &gid[2]) < 0 || getresuid(&uid[0], &uid[1], &uid[2]) < 0)
		return err_sys(e, "cannot read the ids");
	if (def->gid != CONF_NO_ID &&
	    (gid[0] != def->gid || gid[1] != def->gid || gid[2] != def->gid) &&
	    setresgid(def->gid, def->gid, def->gid) < 0)
		return err_sys(e, "cannot become group %u", def->gid);
	if (def->uid != CONF_NO_ID &&
	    (uid[0] != def->uid || uid[1] != def->uid || uid[2] != def->uid) &&
	    setresuid(def->uid, def->uid, def->uid) < 0)
		return err_sys(e, "cannot become user %u", def->uid);
	return 0;
}

static const char *path_of(char *const *env)
{
	for (; *env; env++)
		if (str_starts(*env, "PATH="))
			return *env + strlen("PATH=");
	return "/usr/local/bin:/usr/bin:/bin";
}

/*
 * execvp() with the PATH of the service instead of our own, and without its
 * way of handing a file that is no program to a shell. Returns with errno.
 */
static void exec_in_path(const struct conf_service *def)
{
	const char *name = def->argv[0];
	const char *path = path_of(def->env);
	int sys = ENOENT;

	if (strchr(name, '/')) {
		(void)execve(name, def->argv, def->env);
		return;
	}
	for (const char *p = path; p; p = strchr(p, ':')) {
		char file[PATH_MAX];
		int n;

		p += *p == ':';
		n = (int)strcspn(p, ":");
		/* An empty element would mean the current folder: never here. */
		if (!n || snprintf(file, sizeof(file), "%.*s/%s", n, p, name) >= PATH_MAX)
			continue;
		(void)execve(file, def->argv, def->env);
		if (errno != ENOENT && errno != ENOTDIR)
			sys = errno;
	}
	errno = sys;
}

static void take_outputs(int out_fd)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	/* dup2 leaves the flag close-on-exec behind. */
	if (null >= 0)
		(void)dup2(null, STDIN_FILENO);
	else
		(void)close(STDIN_FILENO);
	(void)dup2(out_fd, STDOUT_FILENO);
	(void)dup2(out_fd, STDERR_FILENO);
}

static void child_run(const struct conf_service *def, int out_fd)
{
	struct err e;
	sigset_t none;
	int status = 126;

	(void)setsid();
	take_outputs(out_fd);
	(void)umask(022);
	if (take_ids(def, &e) == 0) {
		if (chdir(def->cwd) < 0) {
			(void)err_sys(&e, "cannot change to the folder '%s'", def->cwd);
		} else {
			/* Not earlier: a signal must not meet the child while it is still init. */
			(void)sigemptyset(&none);
			(void)sigprocmask(SIG_SETMASK, &none, NULL);
			exec_in_path(def);
			status = errno == ENOENT || errno == ENOTDIR ? 127 : 126;
			(void)err_sys(&e, "cannot run '%s'", def->argv[0]);
		}
	}
	(void)dprintf(STDERR_FILENO, "dlenv-init: %s\n", e.msg);
	_exit(status);
}

int spawn(const struct conf_service *def, int out_fd, pid_t *ret, struct err *e)
{
	pid_t pid = fork();

	if (pid < 0)
		return err_sys(e, "cannot make a process");
	if (pid == 0)
		child_run(def, out_fd);
	*ret = pid;
	return 0;
}
