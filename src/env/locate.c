/* SPDX-License-Identifier: Apache-2.0 */
/* Which dlenv.yaml, and so which project folder. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "env/define_keys.h"

static const char file_name[] = "dlenv.yaml";

/* A folder that anybody may write to can hold a file that somebody left for us to find. */
static int refuse_planted(const char *folder, const char *path, const struct stat *file,
			  struct err *e)
{
	struct stat st;

	if (file->st_uid == geteuid() || file->st_uid == 0 || stat(folder, &st) < 0 ||
	    !(st.st_mode & S_IWOTH))
		return 0;
	(void)err_set(e, ERR_PRIV, "'%s' belongs to somebody else, in a folder that all may write",
		      path);
	return err_hint(e, "copy it into a folder of your own if you trust it, and work there");
}

/* The nearest dlenv.yaml at cwd or above: its folder, or NULL when there is none. */
static int find_folder(struct loader *l, char **ret)
{
	CLEANUP(freep) char *folder = str_dup(l->src->cwd);

	for (bool here = true;; here = false) {
		CLEANUP(freep)
		char *path = str_fmt("%s/%s", str_eq(folder, "/") ? "" : folder, file_name);
		char *slash = strrchr(folder, '/');
		struct stat st;

		if (stat(path, &st) == 0) {
			if (refuse_planted(folder, path, &st, l->e) < 0)
				return -(int)l->e->code;
			*ret = TAKE(folder);
			return 0;
		}
		if (here && errno != ENOENT && errno != ENOTDIR) {
			(void)err_sys(l->e, "cannot look for '%s'", path);
			return err_hint(l->e, "run dlenv in a folder that you may read");
		}
		if (!slash || !folder[1])
			return 0;
		*(slash == folder ? slash + 1 : slash) = '\0';
	}
}

/* The file named by src->file: def->file and def->folder. */
static int locate_named(struct loader *l)
{
	struct arena *a = &l->def->arena;
	char real[PATH_MAX];
	char *slash;
	CLEANUP(freep)
	char *path = l->src->file[0] == '/' ? str_dup(l->src->file)
					    : str_fmt("%s/%s", l->src->cwd, l->src->file);

	if (!realpath(path, real)) {
		(void)err_sys(l->e, "cannot open '%s'", l->src->file);
		return err_hint(l->e, "`dlenv init` writes a definition");
	}
	l->def->file = arena_str(a, real);
	slash = strrchr(real, '/');
	slash[slash == real] = '\0';
	l->def->folder = arena_str(a, real);
	return 0;
}

int def_locate(struct loader *l)
{
	CLEANUP(freep) char *folder = NULL;
	struct arena *a = &l->def->arena;

	if (l->src->file)
		return locate_named(l);
	l->def->folder = arena_str(a, l->src->cwd);
	if (find_folder(l, &folder) < 0)
		return -(int)l->e->code;
	if (!folder)
		return 0;
	l->def->folder = arena_str(a, folder);
	l->def->file = arena_fmt(a, "%s/%s", str_eq(folder, "/") ? "" : folder, file_name);
	return 0;
}
