/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <fcntl.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "test.h"

/* A machine of tests/hosts, laid out in a folder; recorded_fini removes it. */
struct recorded {
	char path[40];
	struct root root;
};

static inline void recorded_init(struct recorded *r, const char *name)
{
	const char *tests = getenv("DLENV_TESTS");
	CLEANUP(freep) char *script = str_fmt("%s/bed/host.sh", tests);
	CLEANUP(freep) char *machine = str_fmt("%s/hosts/%s/machine", tests, name);
	const char *argv[] = {script, machine, r->path, NULL};
	struct proc p = {.argv = argv};
	struct err e = {0};
	int status = -1;

	*r = (struct recorded){.path = "/tmp/dlenv-recorded.XXXXXX"};
	assert_non_null(mkdtemp(r->path));
	assert_int_equal(proc_run(&p, &status, &e), 0);
	assert_int_equal(status, 0);
	assert_int_equal(root_open(&r->root, r->path, &e), 0);
}

/* A file of it, as a text; NULL: it goes. */
static inline void recorded_put(struct recorded *r, const char *path, const char *text)
{
	CLEANUP(freep) char *full = str_fmt("%s%s", r->path, path);
	CLEANUP(freep) char *folder = str_dup(full);
	struct err e = {0};

	*strrchr(folder, '/') = '\0';
	if (!text) {
		assert_int_equal(tree_remove(AT_FDCWD, full, &e), 0);
		return;
	}
	assert_int_equal(dir_make(AT_FDCWD, folder, 0755, &e), 0);
	assert_int_equal(file_write(AT_FDCWD, full, text, strlen(text), 0644, 0, &e), 0);
}

static inline void recorded_fini(struct recorded *r)
{
	struct err e = {0};

	root_close(&r->root);
	assert_int_equal(tree_remove(AT_FDCWD, r->path, &e), 0);
}
