/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: the line is "made by dlenv from FINGERPRINT; LIBRARY". The fingerprint tells of
 * another module, boot, GPU or MIG device. The library is the driver's libcuda: when it is gone,
 * the driver was replaced on disk while the old module still runs, which no file below /proc shows.
 */
#include "cdi/fresh.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const char intro[] = "made by dlenv from ";

enum { LINE_MAX_LEN = 16384 };

static char *made_path(const char *path)
{
	return str_fmt("%s.made", path);
}

/* The first line of a file without its newline; false: no file. */
static bool first_line(const char *path, char *line, size_t size)
{
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, line, size - 1);
	line[n > 0 ? n : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return true;
}

enum fresh cdi_fresh(const struct root *machine, const char *path)
{
	char line[LINE_MAX_LEN];
	CLEANUP(freep) char *now = NULL;
	const char *text = line;
	char *library;

	if (!first_line(path, line, sizeof(line)))
		return FRESH_ABSENT;
	if (line[0] == '{') {
		CLEANUP(freep) char *made = made_path(path);

		if (!first_line(made, line, sizeof(line)))
			return FRESH_UNKNOWN;
	}
	text += strspn(text, "# ");
	if (!str_starts(text, intro))
		return FRESH_UNKNOWN;
	text += strlen(intro);
	library = strstr(line, "; ");
	if (!library)
		return STALE;
	*library = '\0';
	library += 2;
	now = nvidia_fingerprint(machine);
	if (!str_eq(now, text))
		return STALE;
	return str_eq(library, "-") || access(library, F_OK) == 0 ? FRESH : STALE;
}

/* Where the machine has the driver's libcuda that is mounted; "-": it is not. */
static const char *library_of(const struct cdi_spec *s)
{
	for (size_t i = 0; i < s->edits.mounts_n; i++) {
		const char *path = s->edits.mounts[i].host_path;
		const char *slash = path ? strrchr(path, '/') : NULL;

		if (slash && str_starts(slash, "/libcuda.so.") && !strchr(path, '\n'))
			return path;
	}
	return "-";
}

int cdi_fresh_write(const struct root *machine, const char *path, enum cdi_format f,
		    const struct cdi_spec *s, struct err *e)
{
	CLEANUP(freep) char *now = nvidia_fingerprint(machine);
	CLEANUP(freep) char *head = str_fmt("%s%s; %s", intro, now, library_of(s));
	CLEANUP(freep) char *text = cdi_spec_text(s, f, f == CDI_YAML ? head : NULL);
	CLEANUP(freep) char *made = made_path(path);
	const char *slash = strrchr(path, '/');

	if (slash && slash > path) {
		CLEANUP(freep) char *folder = str_fmt("%.*s", (int)(slash - path), path);

		if (dir_make(AT_FDCWD, folder, 0755, e) < 0)
			return -(int)e->code;
	}
	if (file_write(AT_FDCWD, path, text, strlen(text), 0644, 0, e) < 0)
		return -(int)e->code;
	if (f == CDI_JSON)
		return file_write(AT_FDCWD, made, head, strlen(head), 0644, 0, e);
	(void)unlink(made); /* it may have been JSON */
	return 0;
}

static bool is_missing(const struct root *machine, const char *path)
{
	CLEANUP(fd_closep) int fd = -1;
	size_t n = strlen(machine->path);
	struct err e = {0};

	/* A specification for a machine below a folder has that folder in its paths. */
	if (n > 1 && str_starts(path, machine->path) && path[n] == '/')
		path += n;
	/* Whoever may not look does not know. */
	return rootfs_open(machine->fd, path, O_PATH, 0, &fd, &e) < 0 && e.code == ERR_ABSENT;
}

/* The first file that the edits need and the machine lacks, or NULL. */
static const char *missing_of(const struct root *machine, const struct cdi_edits *e)
{
	for (size_t i = 0; i < e->mounts_n; i++)
		if (is_missing(machine, e->mounts[i].host_path))
			return e->mounts[i].host_path;
	for (size_t i = 0; i < e->nodes_n; i++) {
		const struct cdi_node *n = &e->nodes[i];
		const char *path = n->host_path ? n->host_path : n->path;

		if (is_missing(machine, path))
			return path;
	}
	for (size_t i = 0; i < e->hooks_n; i++)
		if (is_missing(machine, e->hooks[i].path))
			return e->hooks[i].path;
	return NULL;
}

const char *cdi_missing(const struct root *machine, const struct cdi_spec *s)
{
	const char *path = missing_of(machine, &s->edits);

	for (size_t i = 0; !path && i < s->devices_n; i++)
		path = missing_of(machine, &s->devices[i].edits);
	return path;
}
