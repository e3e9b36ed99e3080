/* SPDX-License-Identifier: Apache-2.0 */
#include "box.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../unit/test.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"

enum { PATIENCE_MS = 10000 };

static const char *program;

void box_program(const char *path)
{
	program = path;
}

void pause_ms(unsigned int ms)
{
	const struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};

	(void)nanosleep(&t, NULL);
}

uint64_t time_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

const char *box_refusal(unsigned int flags)
{
	pid_t pid;
	int status;

	if (flags & BOX_IDS && geteuid() != 0)
		return "only root may give a namespace several ids";
	pid = fork();
	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS) < 0);
	(void)waitpid(pid, &status, 0);
	return status ? "user namespaces are forbidden here" : NULL;
}

void box_open(struct box *b)
{
	*b = (struct box){.dir = "/tmp/dlenv-init-XXXXXX"};
	assert_non_null(mkdtemp(b->dir));
	assert_int_equal(chmod(b->dir, 0755), 0);
}

void box_close(struct box *b)
{
	struct err e;

	if (b->outer) {
		(void)kill(b->init, SIGKILL);
		(void)waitpid(b->outer, NULL, 0);
	}
	assert_int_equal(tree_remove(AT_FDCWD, b->dir, &e), 0);
}

void box_configure(const struct box *b, const char *conf)
{
	CLEANUP(freep) char *path = str_fmt("%s/init.conf", b->dir);
	struct buf text = {0};
	struct err e;

	for (; *conf; conf++) {
		if (*conf == '@')
			buf_str(&text, b->dir);
		else
			buf_add(&text, conf, 1);
	}
	assert_int_equal(file_write(AT_FDCWD, path, text.data, text.len, 0644, 0, &e), 0);
	buf_fini(&text);
}

static void write_proc(pid_t pid, const char *file, const char *text)
{
	CLEANUP(freep) char *path = str_fmt("/proc/%d/%s", (int)pid, file);
	CLEANUP(fd_closep) int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void run_init(const struct box *b, unsigned int flags)
{
	CLEANUP(freep) char *conf = str_fmt("%s/init.conf", b->dir);
	CLEANUP(freep) char *log = str_fmt("%s/log", b->dir);

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("proc", "/proc", "proc", 0, NULL) < 0)
		_exit(90);
	if (flags & BOX_TINY_LOG &&
	    (mkdir(log, 0755) < 0 || mount("tmpfs", log, "tmpfs", 0, "size=16k") < 0))
		_exit(91);
	(void)execl(program, "dlenv-init", conf, NULL);
	_exit(92);
}

/* In the child: report that the namespaces are there, wait for the maps, then run. */
static void run_outer(const struct box *b, unsigned int flags, int up, int down)
{
	char go;
	pid_t pid;
	int status;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS) < 0 || write(up, "u", 1) != 1 ||
	    read(down, &go, 1) != 1)
		_exit(80);
	pid = fork();
	if (pid == 0)
		run_init(b, flags);
	if (pid < 0 || write(up, &pid, sizeof(pid)) != sizeof(pid) ||
	    waitpid(pid, &status, 0) != pid)
		_exit(81);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

void box_start(struct box *b, unsigned int flags, const char *conf)
{
	int up[2];
	int down[2];
	char byte;

	box_configure(b, conf);
	assert_int_equal(pipe2(up, O_CLOEXEC), 0);
	assert_int_equal(pipe2(down, O_CLOEXEC), 0);
	b->outer = fork();
	assert_true(b->outer >= 0);
	if (b->outer == 0)
		run_outer(b, flags, up[1], down[0]);
	assert_int_equal(read(up[0], &byte, 1), 1);
	if (flags & BOX_IDS) {
		write_proc(b->outer, "uid_map", "0 0 65536\n");
		write_proc(b->outer, "gid_map", "0 0 65536\n");
	} else {
		CLEANUP(freep) char *uids = str_fmt("0 %u 1\n", geteuid());
		CLEANUP(freep) char *gids = str_fmt("0 %u 1\n", getegid());

		write_proc(b->outer, "setgroups", "deny");
		write_proc(b->outer, "uid_map", uids);
		write_proc(b->outer, "gid_map", gids);
	}
	assert_int_equal(write(down[1], "g", 1), 1);
	assert_int_equal(read(up[0], &b->init, sizeof(b->init)), sizeof(b->init));
	for (int i = 0; i < 2; i++) {
		(void)close(up[i]);
		(void)close(down[i]);
	}
	box_wait(b, "status", "init ");
}

void box_signal(const struct box *b, int signal)
{
	assert_int_equal(kill(b->init, signal), 0);
}

int box_stop(struct box *b)
{
	int status;

	box_signal(b, SIGTERM);
	assert_int_equal(waitpid(b->outer, &status, 0), b->outer);
	b->outer = 0;
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

char *box_text(const struct box *b, const char *file)
{
	CLEANUP(freep) char *path = str_fmt("%s/%s", b->dir, file);
	char *text = NULL;
	struct err e;

	if (file_read(AT_FDCWD, path, 1 << 24, &text, NULL, &e) < 0)
		return str_dup("");
	return text;
}

void box_wait(const struct box *b, const char *file, const char *text)
{
	uint64_t end = time_ms() + PATIENCE_MS;

	for (;;) {
		CLEANUP(freep) char *now = box_text(b, file);

		if (strstr(now, text))
			return;
		if (time_ms() > end)
			fail_msg("'%s' is not in %s, which is '%s'", text, file, now);
		pause_ms(5);
	}
}

long box_value(const struct box *b, const char *name, const char *key)
{
	CLEANUP(freep) char *text = box_text(b, "status");
	CLEANUP(freep) char *start = str_fmt("service %s ", name);
	CLEANUP(freep) char *word = str_fmt(" %s=", key);
	const char *at = strstr(text, start);

	at = at ? strstr(at, word) : NULL;
	if (!at)
		fail_msg("no %s of %s in '%s'", key, name, text);
	return strtol(at + strlen(word), NULL, 10);
}

static bool is_child_of(const char *pid, pid_t parent)
{
	CLEANUP(freep) char *path = str_fmt("/proc/%s/stat", pid);
	CLEANUP(freep) char *stat = NULL;
	struct err e;
	const char *at;

	if (file_read(AT_FDCWD, path, 4096, &stat, NULL, &e) < 0)
		return false;
	at = strrchr(stat, ')');
	return at && strtol(at + strlen(") S "), NULL, 10) == parent;
}

int box_children(const struct box *b)
{
	DIR *d = opendir("/proc");
	const struct dirent *ent;
	int n = 0;

	assert_non_null(d);
	while ((ent = readdir(d)))
		if (ent->d_name[0] >= '0' && ent->d_name[0] <= '9')
			n += is_child_of(ent->d_name, b->init);
	(void)closedir(d);
	return n;
}
