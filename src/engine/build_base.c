/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: mmdebstrap runs in its mode for root, inside a user
 * namespace that dlenv made (or as real root). Its own unshare mode would map
 * id k to subid_start + k for every k; dlenv's mapping has the caller's own id
 * in the middle, and a layer must be owned by what environments see.
 *
 * It runs below a PID namespace: /proc can then be mounted without privileges
 * outside, and whatever it started ends with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "engine/build_parts.h"

/* 80 MiB, with packages and lists on the way there. */
enum { BASE_BYTES = 256 << 20 };

struct bootstrap {
	struct build_step *st;
	struct strs argv;
	pid_t parent;
};

/* Process 1 of the namespace. */
static int run_program(const struct bootstrap *bs, struct err *e)
{
	struct proc p = {.argv = (const char *const *)bs->argv.v, .log_fd = STDOUT_FILENO};
	int status = 0;

	if (build_forbid_sync(e) < 0)
		return -(int)e->code;
	if (proc_run(&p, &status, e) < 0) {
		if (e->code == ERR_NOCMD)
			return err_hint(e, "sudo apt-get install mmdebstrap");
		return -(int)e->code;
	}
	if (status)
		return err_set(e, ERR_FAIL, "mmdebstrap failed with status %d", status);
	return 0;
}

/* In the user namespace. */
static int bootstrap(void *arg, struct err *e)
{
	const struct bootstrap *bs = arg;
	int errors[2];
	pid_t self = getpid();
	pid_t pid;
	int code;

	if (!job_die_with(bs->parent))
		return err_set(e, ERR_FAIL, "the build was interrupted");
	(void)umask(022);
	if (unshare(CLONE_NEWPID) < 0 || pipe2(errors, O_CLOEXEC) < 0)
		return err_sys(e, "cannot make a process namespace for the build");
	pid = fork();
	if (pid == 0) {
		/* Seen from the new namespace the parent is process 0. */
		(void)self;
		if (!job_die_with(0) || run_program(bs, e) < 0)
			err_send(errors[1], e);
		_exit(e->code ? 1 : 0);
	}
	(void)close(errors[1]);
	if (pid < 0) {
		(void)err_sys(e, "cannot start mmdebstrap");
	} else {
		code = proc_wait(pid);
		if (err_receive(errors[0], e) == 0 && code)
			(void)err_set(e, ERR_FAIL, "mmdebstrap was killed (status %d)", code);
	}
	(void)close(errors[0]);
	return -(int)e->code;
}

static int enter(void *arg, struct err *e)
{
	struct bootstrap *bs = arg;

	bs->parent = getpid();
	return userns_call(bs->st->b->map, bootstrap, bs, e);
}

/* mmdebstrap's lines tell how far it is; there is nothing finer. */
static int on_line(void *arg, const char *line)
{
	static const struct {
		const char *text;
		const char *phase;
	} rows[] = {
		{"I: running apt-get update", N_("download")},
		{"I: downloading packages", N_("download")},
		{"I: extracting archives", N_("unpack")},
		{"I: installing essential", N_("configure")},
		{"I: installing remaining", N_("configure")},
	};
	const struct build_step *st = arg;

	for (size_t i = 0; i < COUNT(rows); i++)
		if (str_starts(line, rows[i].text))
			build_report(st->b, rows[i].phase, "mmdebstrap", i + 1, COUNT(rows) + 1,
				     PROGRESS_ITEMS);
	return 0;
}

static int write_aside(const struct build_step *st, const char *name, const char *text,
		       struct err *e)
{
	CLEANUP(freep) char *path = str_fmt("%s/%s", st->aside, name);

	return file_write(AT_FDCWD, path, text, strlen(text), 0600, 0, e);
}

static void bootstrap_fini(struct bootstrap *bs)
{
	strs_fini(&bs->argv);
}

int build_base(struct build_step *st, struct err *e)
{
	CLEANUP(bootstrap_fini) struct bootstrap bs = {.st = st};
	struct job j = {.b = st->b, .fn = enter, .arg = &bs, .on_line = on_line, .line_arg = st};
	int code;

	if (build_check_space(st->out->path, BASE_BYTES, e) < 0 ||
	    write_aside(st, "dlenv.sources", st->src->text, e) < 0 ||
	    write_aside(st, "apt.conf", st->src->conf, e) < 0)
		return -(int)e->code;
	strs_add_all(&bs.argv, (const char *const[]){"mmdebstrap", "--mode=root", "--variant=apt",
						     "--format=directory", NULL});
	strs_fmt(&bs.argv, "--aptopt=%s/apt.conf", st->aside);
	if (st->src->keyring)
		strs_fmt(&bs.argv, "--keyring=%s", st->src->keyring);
	for (const char *const *o = build_dpkg_options; *o; o++)
		strs_fmt(&bs.argv, "--dpkgopt=%s", *o);
	strs_add(&bs.argv, "--dpkgopt=force-unsafe-io");
	/* https mirrors need the certificates inside as well. */
	strs_add(&bs.argv, "--include=ca-certificates");
	strs_add(&bs.argv, st->b->suite);
	strs_add(&bs.argv, st->files);
	strs_fmt(&bs.argv, "%s/dlenv.sources", st->aside);
	code = job_run(&j, e);
	trouble_fini(&j.trouble);
	return code;
}
