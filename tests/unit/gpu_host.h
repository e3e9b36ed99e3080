/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "test.h"

/*
 * A machine that tests/bed/gpu-host.sh wrote, removed again by gpu_host_fini. The build sets
 * DLENV_TESTS to the folder tests/.
 */
struct gpu_host {
	char path[64];
	struct root root;
};

/* args: options with spaces between them. */
static inline void gpu_host_init(struct gpu_host *h, const char *args)
{
	CLEANUP(freep) char *script = str_fmt("%s/bed/gpu-host.sh", getenv("DLENV_TESTS"));
	CLEANUP(strs_fini) struct strs argv = {0};
	struct proc p = {.env = (const char *const[]){"GPU_HOST_MINORS=2", NULL}};
	struct err e = {0};
	int status = -1;

	strcpy(h->path, "/tmp/dlenv-test-host.XXXXXX");
	assert_non_null(mkdtemp(h->path));
	strs_add(&argv, script);
	strs_add(&argv, h->path);
	assert_non_null(args);
	for (args += strspn(args, " \n"); *args; args += strspn(args, " \n")) {
		strs_fmt(&argv, "%.*s", (int)strcspn(args, " \n"), args ? args : "");
		args += strcspn(args, " \n");
	}
	p.argv = (const char *const *)argv.v;
	assert_int_equal(proc_run(&p, &status, &e), 0);
	assert_int_equal(status, 0);
	assert_int_equal(root_open(&h->root, h->path, &e), 0);
}

/* Write a file of the machine, with its folders. */
static inline void gpu_host_put(struct gpu_host *h, const char *path, const char *text)
{
	CLEANUP(freep) char *full = str_fmt("%s/%s", h->path, path);
	CLEANUP(freep) char *folder = str_dup(full);
	struct err e = {0};

	*strrchr(folder, '/') = '\0';
	assert_int_equal(dir_make(AT_FDCWD, folder, 0755, &e), 0);
	assert_int_equal(file_write(AT_FDCWD, full, text, strlen(text), 0644, 0, &e), 0);
}

static inline void gpu_host_drop(struct gpu_host *h, const char *path)
{
	CLEANUP(freep) char *full = str_fmt("%s/%s", h->path, path);
	struct err e = {0};

	assert_int_equal(tree_remove(AT_FDCWD, full, &e), 0);
}

static inline void gpu_host_fini(struct gpu_host *h)
{
	struct err e = {0};

	root_close(&h->root);
	assert_int_equal(tree_remove(AT_FDCWD, h->path, &e), 0);
}
