/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "env/define.h"
#include "test.h"

/* A home with a project in it, made anew for each test. */
struct place {
	char top[64];
	char *home;
	char *project; /* HOME/My Project */
	char *user;    /* folder of the user's config.yaml */
	char *system;
};

static inline void put(const char *folder, const char *name, const char *text)
{
	CLEANUP(freep) char *path = str_fmt("%s/%s", folder, name);
	struct err e;

	assert_int_equal(file_write(AT_FDCWD, path, text, strlen(text), 0644, 0, &e), 0);
}

static inline void place_init(struct place *p)
{
	const char *folders[4];
	struct err e;

	strcpy(p->top, "/tmp/test_define.XXXXXX");
	assert_non_null(mkdtemp(p->top));
	p->home = str_fmt("%s/home", p->top);
	p->project = str_fmt("%s/home/My Project", p->top);
	p->user = str_fmt("%s/config", p->top);
	p->system = str_fmt("%s/etc", p->top);
	folders[0] = p->home;
	folders[1] = p->project;
	folders[2] = p->user;
	folders[3] = p->system;
	for (size_t i = 0; i < COUNT(folders); i++)
		assert_int_equal(dir_make(AT_FDCWD, folders[i], 0755, &e), 0);
}

static inline void place_fini(struct place *p)
{
	struct err e;

	assert_int_equal(tree_remove(AT_FDCWD, p->top, &e), 0);
	freep(&p->home);
	freep(&p->project);
	freep(&p->user);
	freep(&p->system);
}

static inline struct def_sources sources(const struct place *p)
{
	return (struct def_sources){
		.cwd = p->project, .home = p->home, .user = p->user, .system = p->system};
}

/* Load the project with this dlenv.yaml (NULL: none). */
static inline int load(const struct place *p, const char *text, struct env_def *d, struct err *e)
{
	struct def_sources s = sources(p);

	if (text)
		put(p->project, "dlenv.yaml", text);
	return env_def_load(&s, d, e);
}
