/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operation wait-module. akmods builds in the background after its package is installed, dkms
 * within the installation; either may have failed without the package manager noticing. So: as
 * long as one of them is at work, wait; then start it once ourselves; then say what its log says.
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/proc.h"
#include "setup/execute_parts.h"
#include "setup/op_module.h"
#include "setup/op_parts.h"
#include "setup/script.h"

enum { TICK_MS = 500, BEGIN_S = 3, LONGEST_S = 20 * 60, LOG_TAIL = 64 << 10 };

static const struct builder {
	const char *program;
	const char *sources; /* there is something for it to build */
	const char *kernel;  /* the option that names one */
	const char *verb;
	const char *logs;     /* of builds: folders below it are looked into */
	const char *log_name; /* the end of a log's name */
} builders[] = {
	{"akmods", "/usr/src/akmods", "--kernels", NULL, "/var/cache/akmods", ".log"},
	{"dkms", "/var/lib/dkms", "-k", "autoinstall", "/var/lib/dkms", "make.log"},
};

static int wait_done(const struct op *o, struct executor *x)
{
	CLEANUP(freep) char *kernel = module_kernel(x->root);
	int there = kernel ? module_is_installed(x->root, kernel, o->name) : -1;

	return x->live && there < 0 ? 0 : there;
}

/* Some process of that name runs. */
static bool runs(const char *const *names)
{
	DIR *d = opendir("/proc");
	const struct dirent *ent;
	bool found = false;

	while (d && !found && (ent = readdir(d))) {
		CLEANUP(freep) char *path = str_fmt("/proc/%s/comm", ent->d_name);
		CLEANUP(freep) char *comm = NULL;
		struct err e;

		if (ent->d_name[0] < '1' || ent->d_name[0] > '9' ||
		    file_read(AT_FDCWD, path, 64, &comm, NULL, &e) < 0)
			continue;
		comm[strcspn(comm, "\n")] = '\0';
		for (size_t i = 0; names[i]; i++)
			found = found || str_eq(comm, names[i]);
	}
	if (d)
		(void)closedir(d);
	return found;
}

static void say_waiting(struct executor *x, const char *kernel, int64_t since)
{
	CLEANUP(freep)
	char *text = str_fmt(_("the module is being built for kernel %s: %d min"), kernel,
			     (int)(since / 60));

	executor_say(x, text);
}

/* Until nothing builds any more, or the module is there. */
static int wait_for_others(const struct op *o, struct executor *x, const char *kernel,
			   struct err *e)
{
	static const char *const names[] = {"akmods", "akmodsbuild", "dkms", NULL};
	int64_t start = mono_ms();

	for (;;) {
		struct pollfd p = {.fd = x->signal_fd, .events = POLLIN};
		int64_t since = (mono_ms() - start) / 1000;

		if (module_is_installed(x->root, kernel, o->name) == 1)
			return 0;
		if (since >= BEGIN_S && !runs(names))
			return 0;
		if (since > LONGEST_S)
			return err_set(e, ERR_FAIL,
				       "the module '%s' is still not built after %d minutes",
				       o->name, LONGEST_S / 60);
		if (executor_is_stopped(x))
			return executor_stopped_err(x, e);
		say_waiting(x, kernel, since);
		(void)poll(&p, 1, TICK_MS);
	}
}

static bool has_entries(const struct root *r, const char *path)
{
	CLEANUP(strs_fini) struct strs names = {0};
	CLEANUP(fd_closep) int fd = -1;
	struct err e = {0};

	return rootfs_open(r->fd, path, O_RDONLY | O_DIRECTORY, 0, &fd, &e) == 0 &&
	       dir_list(fd, ".", &names, &e) == 0 && names.n > 0;
}

/* What has something to build here, or NULL. */
static const struct builder *builder_of(const struct executor *x)
{
	for (size_t i = 0; i < COUNT(builders); i++) {
		CLEANUP(freep) char *program = proc_find(builders[i].program);

		if (program && has_entries(x->root, builders[i].sources))
			return &builders[i];
	}
	return NULL;
}

static void build(struct executor *x, const struct builder *b, const char *kernel)
{
	const char *const akmods[] = {b->program, b->kernel, kernel, NULL};
	const char *const dkms[] = {b->program, b->verb, b->kernel, kernel, NULL};
	struct err why = {0};

	/* Whether it worked, the module tells. */
	if (executor_run(x, b->verb ? dkms : akmods, NULL, &why) < 0)
		executor_say(x, why.msg);
}

struct newest {
	char *path;
	int64_t time; /* ns */
	const char *end;
};

static void look_for_log(int dir, const char *path, int depth, struct newest *ret)
{
	CLEANUP(strs_fini) struct strs names = {0};
	CLEANUP(fd_closep) int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err e = {0};

	if (fd < 0 || dir_list(fd, ".", &names, &e) < 0)
		return;
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP(freep) char *below_it = str_fmt("%s/%s", path, names.v[i]);
		struct stat st;

		if (fstatat(fd, names.v[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth > 0)
			look_for_log(dir, below_it, depth - 1, ret);
		if (!S_ISREG(st.st_mode) || !str_ends(names.v[i], ret->end) ||
		    (ret->path && time_ns(&st.st_mtim) <= ret->time))
			continue;
		freep(&ret->path);
		ret->path = TAKE(below_it);
		ret->time = time_ns(&st.st_mtim);
	}
}

/* The first line that names an error in the end of a log, else its last one. For free(). */
static char *log_words(int dir, const char *path)
{
	static const char *const words[] = {"error:",  "Error!",      "No space left", "ERROR",
					    "*** No ", "cannot find", "not found"};
	CLEANUP(fd_closep) int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	CLEANUP(buf_fini) struct buf text = {.max = LOG_TAIL};
	const char *last = NULL;
	char *save = NULL;
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);

	if (size < 0 || lseek(fd, size > LOG_TAIL ? size - LOG_TAIL : 0, SEEK_SET) < 0 ||
	    read_all(fd, &text) < 0)
		return NULL;
	buf_str(&text, "");
	for (char *l = strtok_r(text.data, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		last = l;
		for (size_t i = 0; i < COUNT(words); i++)
			if (strstr(l, words[i]))
				return str_fmt("%.200s", l);
	}
	return last ? str_fmt("%.200s", last) : NULL;
}

static int build_failed(const struct op *o, struct executor *x, const struct builder *b,
			const char *kernel, struct err *e)
{
	CLEANUP(freep) char *headers = str_fmt("/lib/modules/%s/build/Makefile", kernel);
	struct newest log = {.end = b->log_name};
	CLEANUP(freep) char *words = NULL;

	look_for_log(x->root->fd, below(b->logs), 4, &log);
	if (log.path)
		words = log_words(x->root->fd, log.path);
	if (!root_has(x->root, headers)) {
		(void)err_set(e, ERR_FAIL,
			      "the module '%s' cannot be built: the headers of the running "
			      "kernel %s are not installed",
			      o->name, kernel);
		(void)err_hint(e, "upgrade the kernel, reboot into it, then: dlenv setup --resume");
	} else if (words && strstr(words, "No space left")) {
		(void)err_set(e, ERR_NOSPC, "the module '%s' cannot be built: %s", o->name, words);
	} else {
		(void)err_set(e, ERR_FAIL, "the module '%s' could not be built for kernel %s: %s",
			      o->name, kernel, words ? words : b->program);
		(void)err_hint(e,
			       "this driver may not know this kernel: take a newer one (--driver), "
			       "or boot an older kernel; the whole log: /%s",
			       log.path ? log.path : below(b->logs));
	}
	freep(&log.path);
	return -(int)e->code;
}

static int no_builder(const struct op *o, const char *kernel, struct err *e)
{
	(void)err_set(e, ERR_FAIL,
		      "there is no module '%s' for kernel %s, and nothing here that builds one",
		      o->name, kernel);
	return err_hint(e, "its packages may be for a newer kernel: upgrade, reboot, then "
			   "`dlenv setup --resume`");
}

static int wait_apply(const struct op *o, struct executor *x, struct err *e)
{
	CLEANUP(freep) char *kernel = module_kernel(x->root);
	CLEANUP(freep) char *other = NULL;
	const struct builder *b;

	if (!kernel)
		return err_set(e, ERR_FAIL, "the running kernel has no name");
	if (wait_for_others(o, x, kernel, e) < 0)
		return -(int)e->code;
	if (module_is_installed(x->root, kernel, o->name) == 1)
		return 0;
	b = builder_of(x);
	if (b)
		build(x, b, kernel);
	if (module_is_installed(x->root, kernel, o->name) == 1)
		return 0;
	/* A kernel that was upgraded on the way has it: what comes next asks for the reboot. */
	other = module_other_kernel(x->root, kernel, o->name);
	if (other)
		return 0;
	return b ? build_failed(o, x, b, kernel, e) : no_builder(o, kernel, e);
}

static void wait_show(const struct op *o, const struct executor *x, struct buf *ret)
{
	(void)x;
	buf_fmt(ret, _("wait until the kernel module %s is built (up to 20 minutes)"), o->name);
}

static void wait_script(const struct op *o, struct script *s)
{
	script_line(s, (const char *const[]){"wait_for_module", o->name, NULL});
}

const struct op_kind op_wait_module = {
	.name = "wait-module",
	.done = wait_done,
	.apply = wait_apply,
	.show = wait_show,
	.script = wait_script,
};
