/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "setup/op_parts.h"
#include "test.h"

/* A machine in a folder of its own, and an executor that works on it. */
struct box {
	char folder[32];
	char state[48];
	struct root root;
	struct facts facts;
	struct executor x;
};

static void box_make(struct box *b)
{
	struct err e = {0};
	char root[48];

	*b = (struct box){.folder = "/tmp/dlenv-setup-XXXXXX"};
	assert_non_null(mkdtemp(b->folder));
	(void)snprintf(root, sizeof(root), "%s/root", b->folder);
	(void)snprintf(b->state, sizeof(b->state), "%s/state", b->folder);
	assert_int_equal(mkdir(root, 0755), 0);
	assert_int_equal(mkdir(b->state, 0700), 0);
	assert_int_equal(root_open(&b->root, root, &e), 0);
	assert_int_equal(facts_load(&b->facts, (const char *const[]){NULL}, &e), 0);
	b->x = (struct executor){
		.root = &b->root, .facts = &b->facts, .state = b->state, .number = 3, .log_fd = -1};
	b->x.state_fd = open(b->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(b->x.state_fd > 0);
}

static void box_remove(struct box *b)
{
	struct err e = {0};

	fd_closep(&b->x.state_fd);
	strs_fini(&b->x.notes);
	strs_fini(&b->x.packages);
	arena_fini(&b->x.arena);
	facts_fini(&b->facts);
	root_close(&b->root);
	assert_int_equal(tree_remove(AT_FDCWD, b->folder, &e), 0);
}

static void UNUSED box_put(const struct box *b, const char *path, const char *text, mode_t mode)
{
	CLEANUP(freep) char *folder = str_dup(below(path));
	struct err e = {0};

	*strrchr(folder, '/') = '\0';
	assert_int_equal(dir_make(b->root.fd, folder, 0755, &e), 0);
	if (file_write(b->root.fd, below(path), text, strlen(text), mode, 0, &e) < 0)
		fail_msg("%s", e.msg);
}

static void UNUSED box_expect(const struct box *b, const char *path, const char *text)
{
	CLEANUP(freep) char *now = NULL;
	struct err e = {0};

	if (!text) {
		assert_false(root_has(&b->root, path));
		return;
	}
	if (file_read(b->root.fd, below(path), OP_FILE_MAX, &now, NULL, &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(now, text);
}
