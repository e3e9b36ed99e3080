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
