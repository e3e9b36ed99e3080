/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nvidia-container-runtime: an OCI runtime that edits config.json on `create` and `run` and becomes
 * the real one.
 *
 * How this works: every other command only looks up the real runtime and executes it: engines call
 * this program many times in a container's life, and a container must be able to die however
 * wrong our configuration has become. The names nvidia-container-runtime.cdi and .legacy fix the
 * mode.
 */
#include "hook/shim.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "hook/describe.h"
#include "hook/engines.h"
#include "hook/hook.h"
#include "hook/say.h"

#define PROGRAM "nvidia-container-runtime"
#define SYSTEM_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

char *shim_beside(const char *name)
{
	char own[PATH_MAX] = "";
	ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);
	const char *slash = n > 0 ? strrchr(own, '/') : NULL;

	return slash ? str_fmt("%.*s/%s", (int)(slash - own), own, name)
		     : str_fmt("/usr/bin/%s", name);
}

/* A program that can be executed and is not this one: a link to ourselves would go round for ever.
 */
static bool is_usable(const char *path)
{
	struct stat own;
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0 &&
	       !(stat("/proc/self/exe", &own) == 0 && own.st_dev == st.st_dev &&
		 own.st_ino == st.st_ino);
}

static char *find_in(const char *name, const char *path)
{
	while (path && *path) {
		size_t n = strcspn(path, ":");
		CLEANUP(freep) char *file = str_fmt("%.*s/%s", (int)n, path, name);

		if (n && is_usable(file))
			return TAKE(file);
		path += n + (path[n] == ':');
	}
	return NULL;
}

/* The first of the configured runtimes that is there. The caller's. */
static char *low_level_runtime(const struct toolkit_config *c, struct err *e)
{
	static const char *const standard[] = {"runc", "crun", NULL};
	const char *const *runtimes = (const char *const *)c->runtime.runtimes;
	CLEANUP(buf_fini) struct buf names = {0};

	for (const char *const *r = runtimes ? runtimes : standard; *r; r++) {
		CLEANUP(freep) char *path = NULL;

		buf_fmt(&names, "%s'%s'", names.len ? ", " : "", *r);
		if (strchr(*r, '/') && is_usable(*r))
			return str_dup(*r);
		if (strchr(*r, '/'))
			continue;
		path = find_in(*r, getenv("PATH"));
		if (!path)
			path = find_in(*r, SYSTEM_PATH);
		if (path)
			return TAKE(path);
	}
	(void)err_set(e, ERR_NOCMD, "there is no low-level runtime: looked for %.300s",
		      names.data ? names.data : "none");
	(void)err_hint(e, "install runc or crun, or name one in nvidia-container-runtime.runtimes "
			  "of config.toml");
	return NULL;
}

static enum toolkit_mode mode_of(const char *program, const struct toolkit_config *c)
{
	if (str_ends(program, ".cdi"))
		return TOOLKIT_CDI;
	if (str_ends(program, ".legacy"))
		return TOOLKIT_LEGACY;
	return (enum toolkit_mode)c->runtime.mode;
}

static int edit(const char *program, const struct shim_args *args, const struct toolkit_config *c,
		struct err *e)
{
	CLEANUP(strs_fini) struct strs notes = {0};
	int code = shim_create(args, c, mode_of(program, c), &notes, e);

	if (c->runtime.debug)
		say_to_debug(PROGRAM, c->runtime.debug, &notes, e);
	return code;
}

/* Everything but creating a container has to work with a configuration that cannot be read. */
static int configure(const struct shim_args *args, struct toolkit_config *c, struct err *e)
{
	struct err failed = {0};

	if (engines_config(NULL, c, &failed) == 0)
		return 0;
	if (args->creates) {
		*e = failed;
		return -(int)e->code;
	}
	*c = (struct toolkit_config){0};
	return 0;
}

int shim_main(int argc, char **argv)
{
	CLEANUP(toolkit_config_fini) struct toolkit_config c = {0};
	CLEANUP(freep) char *runtime = NULL;
	struct shim_args args;
	struct err e = {0};

	(void)argc;
	shim_args_read(argv, &args);
	if (configure(&args, &c, &e) == 0 && (runtime = low_level_runtime(&c, &e)) &&
	    (!args.creates || edit(argv[0], &args, &c, &e) == 0)) {
		argv[0] = runtime;
		/* main ignores it, which the runtime would inherit. */
		(void)signal(SIGPIPE, SIG_DFL);
		(void)execv(runtime, argv);
		(void)err_sys(&e, "cannot execute '%s'", runtime);
	}
	if (args.log)
		say_to_log(PROGRAM, args.log, args.log_json, &e);
	hook_say_err(&e);
	return err_status(e.code);
}
