/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nvidia-cdi-hook and `nvidia-ctk hook`: what a createContainer hook has to make in a container's
 * root. It runs in the container's mount namespace, before pivot_root, with the rights of the
 * runtime; so nothing of the image is trusted (cdi/tree.h), and nothing is asked of the
 * environment.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "cdi/tree.h"
#include "config.h"
#include "hook/hook.h"

enum { HELPED = 1 };

static void help(void)
{
	(void)printf(
		"nvidia-cdi-hook " DLENV_VERSION
		" (dlenv): makes what a container needs to find the "
		"driver.\n"
		"The container's state (OCI) is read from stdin.\n\n"
		"  apply                             all of the following, as options\n"
		"  create-symlinks                   --link TARGET::LINK ...\n"
		"  update-ldcache                    --folder FOLDER ...\n"
		"  enable-cuda-compat                --host-driver-version=V "
		"[--host-cuda-version=V]\n"
		"                                    [--cuda-compat-container-root=FOLDER]\n"
		"  disable-device-node-modification  (apply: --params)\n"
		"  update-application-profile        (apply: --profile)\n"
		"  chmod                             --mode MODE --path PATH ... (apply: --chmod "
		"MODE::PATH)\n");
}

/* 1 when there is nothing more to do. */
static int answer(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (str_eq(argv[i], "--version") || str_eq(argv[i], "-v")) {
			(void)printf("nvidia-cdi-hook version " DLENV_VERSION " (dlenv)\n");
			return HELPED;
		}
		if (str_eq(argv[i], "--help") || str_eq(argv[i], "-h") ||
		    (i == 1 && str_eq(argv[i], "help"))) {
			help();
			return HELPED;
		}
	}
	if (argc > 1)
		return 0;
	help();
	return HELPED;
}

static void say(void *arg UNUSED, const char *text)
{
	hook_say("%s", text);
}

static int make(const struct tree_edits *t, struct err *e)
{
	CLEANUP(arena_fini) struct arena a = {0};
	CLEANUP(fd_closep) int root = -1;
	CLEANUP(fd_closep) int params = -1;
	struct tree_place p = {.params = -1, .warn = say};
	struct hook_state state = {0};

	if (hook_state_read(0, &a, &state, e) < 0)
		return -(int)e->code;
	if (t->params)
		params = open("/proc/driver/nvidia/params", O_RDONLY | O_CLOEXEC);
	root = open(state.root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_sys(e, "cannot open the container's root '%s'", state.root);
	/* The folder that it was started in may be the image's. */
	if (chdir("/") < 0)
		return err_sys(e, "cannot leave the folder");
	p.root = root;
	p.params = params;
	p.mounts = state.mounts;
	return tree_make(&p, t, e);
}

int run_cdi_hook(int argc, char **argv)
{
	CLEANUP(arena_fini) struct arena a = {0};
	struct tree_edits t = {0};
	struct err e = {0};

	hook_confine();
	if (answer(argc, argv) == HELPED)
		return 0;
	if (tree_from_args((const char *const *)argv, &a, &t, &e) < 0) {
		hook_say_err(&e);
		/* A specification from the future: the container can do without. */
		return e.code == ERR_ABSENT ? 0 : err_status(e.code);
	}
	if (tree_is_empty(&t))
		return 0;
	if (make(&t, &e) < 0) {
		hook_say_err(&e);
		return err_status(e.code);
	}
	return 0;
}
