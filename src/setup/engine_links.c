/* SPDX-License-Identifier: Apache-2.0 */
/* The names by which engines look for NVIDIA's programs. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/mem.h"
#include "setup/engine_parts.h"

/* Where links are made: on the PATH that systemd gives to services. */
static const char links_folder[] = "/usr/local/bin";

static const char *const names[] = {"nvidia-cdi-hook", "nvidia-container-runtime-hook",
				    "nvidia-container-runtime", "nvidia-ctk"};

/* A program of that name on the PATH of services; NULL: there is none. */
static char *find_program(const struct root *r, const char *name)
{
	static const char *const folders[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
					      "/usr/bin",	 "/sbin",	   "/bin"};

	for (size_t i = 0; i < COUNT(folders); i++) {
		CLEANUP(freep) char *path = str_fmt("%s/%s", folders[i], name);
		CLEANUP(fd_closep) int fd = -1;
		struct err ignored;
		struct stat st;

		if (rootfs_open(r->fd, path, O_PATH, 0, &fd, &ignored) == 0 &&
		    fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_mode & 0111)
			return TAKE(path);
	}
	return NULL;
}

/* A link's text below the root, or NULL. */
static char *link_text(const struct root *r, const char *path)
{
	CLEANUP(fd_closep) int folder = -1;
	const char *name = NULL;
	struct err ignored;
	char text[PATH_MAX];
	ssize_t n;

	if (engine_folder(r, path, false, &folder, &name, &ignored) < 0)
		return NULL;
	n = readlinkat(folder, name, text, sizeof(text) - 1);
	if (n < 0)
		return NULL;
	text[n] = '\0';
	return str_dup(text);
}

void engine_link_add(struct engine_plan *p, const char *path, const char *target)
{
	p->links = mem_resize(p->links, (p->links_n + 1) * sizeof(*p->links));
	p->links[p->links_n++] =
		(struct engine_link){.path = str_dup(path), .target = str_dup(target)};
}

void engine_links_plan(struct engine_plan *p)
{
	struct err why = {0};

	if (p->options->toolkit &&
	    engine_may_write(p->root, "/usr/local/bin/nvidia-cdi-hook", &why) < 0) {
		strs_fmt(&p->notes,
			 _("'%s' cannot be written: no links to dlenv's programs are made there"),
			 links_folder);
		return;
	}
	for (size_t i = 0; p->options->toolkit && i < COUNT(names); i++) {
		CLEANUP(freep) char *there = find_program(p->root, names[i]);
		CLEANUP(freep) char *path = str_fmt("%s/%s", links_folder, names[i]);
		CLEANUP(freep) char *is = link_text(p->root, path);

		if (str_eq(is, p->options->toolkit))
			continue;
		if (there)
			strs_fmt(&p->notes, _("'%s' is there already and is used as it is"), there);
		else
			engine_link_add(p, path, p->options->toolkit);
	}
}

char *engine_runtime_path(const struct engine_plan *p)
{
	static const char name[] = "nvidia-container-runtime";
	char *there;

	if (p->options->runtime_path)
		return str_dup(p->options->runtime_path);
	there = find_program(p->root, name);
	return there ? there : str_fmt("%s/%s", links_folder, name);
}

int engine_links_make(const struct engine_plan *p, struct err *e)
{
	for (size_t i = 0; i < p->links_n; i++) {
		const struct engine_link *l = &p->links[i];
		CLEANUP(fd_closep) int folder = -1;
		const char *name = NULL;
		struct stat st;

		if (engine_folder(p->root, l->path, true, &folder, &name, e) < 0)
			return -(int)e->code;
		/* What is there leads nowhere, or it would have been found. */
		if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode))
			(void)unlinkat(folder, name, 0);
		if (symlinkat(l->target, folder, name) < 0)
			return err_sys(e, "cannot make the link '%s'", l->path);
	}
	return 0;
}

int engine_links_remove(const struct engine_plan *p, struct err *e)
{
	for (size_t i = 0; i < p->links_n; i++) {
		const struct engine_link *l = &p->links[i];
		CLEANUP(freep) char *is = link_text(p->root, l->path);
		CLEANUP(fd_closep) int folder = -1;
		const char *name = NULL;

		if (!str_eq(is, l->target))
			continue;
		if (engine_folder(p->root, l->path, false, &folder, &name, e) < 0)
			return -(int)e->code;
		if (unlinkat(folder, name, 0) < 0 && errno != ENOENT)
			return err_sys(e, "cannot remove the link '%s'", l->path);
	}
	return 0;
}
