/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a container see a prepared layer as it is? Not when something is mounted over a part of it,
 * or when an environment's own changes lie over it: an `ldconfig` that was run inside, a link that
 * was removed. All doubt counts as yes: then the tree is made again on top of it, which is right
 * whatever lies below.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fs.h"
#include "cdi/tree.h"
#include "engine/gpu_parts.h"
#include "oci/index.h"

/* --- mounts --- */

static bool is_below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	while (n > 1 && folder[n - 1] == '/')
		n--;
	return strncmp(path, folder, n) == 0 && (!path[n] || path[n] == '/');
}

/* On a merged system /lib is /usr/lib. */
static const char *short_of(const char *path)
{
	return str_starts(path, "/usr/") ? path + strlen("/usr") : path;
}

static bool covers(const char *at, const char *path)
{
	return is_below(path, at) || is_below(short_of(path), short_of(at));
}

static bool mount_covers(const char *at, const struct tree_edits *t)
{
	static const char *const files[] = {"/etc/ld.so.cache", "/etc/ld.so.conf.d", "/etc/nvidia"};

	for (size_t i = 0; i < COUNT(files); i++)
		if (covers(at, files[i]) || covers(files[i], at))
			return true;
	for (size_t i = 0; i < t->links_n; i++)
		if (covers(at, t->links[i].at))
			return true;
	/* A library that somebody mounts beside the driver's is added as well. */
	for (size_t i = 0; i < t->folders.n; i++)
		if (covers(at, t->folders.v[i]) || covers(t->folders.v[i], at))
			return true;
	return false;
}

/* --- changes --- */

/* Was the folder made anew by somebody, so that it hides those below, or moved here? */
static bool is_own_folder(int fd)
{
	static const char *const marks[] = {"trusted.overlay.opaque", "user.overlay.opaque",
					    "trusted.overlay.redirect", "user.overlay.redirect"};

	for (size_t i = 0; i < COUNT(marks); i++)
		if (fgetxattr(fd, marks[i], NULL, 0) >= 0 || (errno != ENODATA && errno != ENOTSUP))
			return true;
	return false;
}

/*
 * Folders come before what is in them: when a name is looked up, those above it are known to be
 * folders, or not to be there.
 */
static bool is_changed(int upper, const struct index *x)
{
	const char *absent = NULL;

	for (size_t i = 0; i < x->n; i++) {
		const struct index_entry *entry = &x->v[i];
		CLEANUP(fd_closep) int fd = -1;

		if (absent && is_below(entry->path, absent))
			continue;
		fd = openat(upper, entry->path,
			    (S_ISDIR(entry->mode) ? O_RDONLY | O_DIRECTORY : O_PATH) | O_NOFOLLOW |
				    O_CLOEXEC);
		if (fd < 0 && errno == ENOENT) {
			absent = entry->path;
			continue;
		}
		if (fd < 0 || !S_ISDIR(entry->mode) || (i > 0 && is_own_folder(fd)))
			return true;
	}
	return false;
}

bool gpu_layer_is_covered(const struct store *s, const char *id, const struct tree_edits *t,
			  const struct container *c)
{
	CLEANUP(index_fini) struct index x = {0};
	CLEANUP(freep) char *path = str_fmt("layers/%s/index", id);
	CLEANUP(freep) char *text = NULL;
	CLEANUP(fd_closep) int upper = -1;
	size_t len = 0;
	struct err e;

	for (const struct mount *m = c->mounts; m; m = m->next)
		if (m->kind != MOUNT_EXACT && mount_covers(m->at, t))
			return true;
	if (!c->upper)
		return false;
	return dir_open(AT_FDCWD, c->upper, &upper, &e) < 0 ||
	       file_read(s->fd, path, INDEX_TEXT_MAX, &text, &len, &e) < 0 ||
	       index_parse(text, len, &x, &e) < 0 || is_changed(upper, &x);
}
