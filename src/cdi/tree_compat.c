/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CUDA's forward compatibility: an image may bring a newer libcuda, which says in a note on which
 * drivers it runs. It is read, never mounted from (CVE-2024-0132): what comes of it is that its
 * folder is the loader's first.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/doc.h"
#include "base/fs.h"
#include "base/version.h"
#include "cdi/elf.h"
#include "cdi/tree_parts.h"

enum { NOTE_MAX = 64 << 10, NAMES_MAX = 4096, NOTE_HEADER = 12 };

#define COMPAT_ROOT "/usr/local/cuda/compat"
static const char prefix[] = "libcuda.so.";
static const char note_section[] = ".note.cuda.fwd_compatibility";
static const char note_owner[] = "NVIDIA Corporation";

static const struct doc_row note_rows[] = {
	{.key = "CUDA Version", .type = DOC_AS_STR, .offset = offsetof(struct compat_note, cuda)},
	{.key = "Driver", .type = DOC_AS_STRS, .offset = offsetof(struct compat_note, drivers)},
	{0},
};

static uint32_t u32(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

int compat_note_parse(const char *data, size_t len, struct arena *a, struct compat_note *ret,
		      struct err *e)
{
	CLEANUP(doc_fini) struct doc d = {0};
	struct compat_note note = {0};
	uint64_t name_len = len < NOTE_HEADER ? 0 : u32(data);
	uint64_t text_at = NOTE_HEADER + ((name_len + 3) & ~UINT64_C(3));
	uint64_t text_len = len < NOTE_HEADER ? 0 : u32(data + 4);

	if (len < NOTE_HEADER || text_at > len || text_len > len - text_at ||
	    name_len != sizeof(note_owner) ||
	    memcmp(data + NOTE_HEADER, note_owner, sizeof(note_owner)) != 0)
		return err_set(e, ERR_PARSE, "the compatibility note is not NVIDIA's");
	/* It may be filled up with zeros. */
	text_len = strnlen(data + text_at, (size_t)text_len);
	if (doc_json(data + text_at, (size_t)text_len, "note", &d, e) < 0 ||
	    doc_decode(&d, d.top, note_rows, DOC_OPEN, &note, a, e) < 0)
		return -(int)e->code;
	*ret = note;
	return 0;
}

/* The version of the only libcuda.so.X.Y of the folder; NULL when there is none, or several. */
static char *library_find(int dir, struct err *e)
{
	CLEANUP(freep) char *found = NULL;
	const struct dirent *ent;
	size_t names = 0;
	DIR *d;

	d = fdopendir(dir);
	if (!d) {
		(void)err_sys(e, "cannot read the folder '%s'", COMPAT_ROOT);
		fd_closep(&dir);
		return NULL;
	}
	while ((ent = readdir(d)) && names++ < NAMES_MAX) {
		const char *version = ent->d_name + strlen(prefix);

		if (!str_starts(ent->d_name, prefix) || !strchr(version, '.'))
			continue;
		if (found) {
			freep(&found);
			break;
		}
		found = str_dup(version);
	}
	(void)closedir(d);
	return TAKE(found);
}

static bool is_newer(const char *a, const char *b)
{
	struct version x;
	struct version y;
	struct err ignored;

	return version_parse(a, "", &x, &ignored) == 0 && version_parse(b, "", &y, &ignored) == 0 &&
	       version_compare(&x, &y) > 0;
}

static bool has_major(const char *const *majors, const char *version)
{
	size_t n = strcspn(version, ".");

	for (; majors && *majors; majors++)
		if (strlen(*majors) == n && strncmp(*majors, version, n) == 0)
			return true;
	return false;
}

static bool is_newer_major(const char *a, const char *b)
{
	struct version x;
	struct version y;
	struct err ignored;

	return version_parse(a, "", &x, &ignored) == 0 && version_parse(b, "", &y, &ignored) == 0 &&
	       x.part[0] > y.part[0];
}

/* The rules of NVIDIA's forward compatibility. */
static bool is_wanted(const struct tree_edits *t, const char *version,
		      const struct compat_note *note)
{
	if (!note)
		return t->compat_driver && is_newer_major(version, t->compat_driver);
	if (t->compat_driver)
		return has_major((const char *const *)note->drivers, t->compat_driver) &&
		       is_newer(version, t->compat_driver);
	return note->cuda && is_newer(note->cuda, t->compat_cuda);
}

static bool decide(const struct tree_edits *t, int fd, const char *version)
{
	CLEANUP(arena_fini) struct arena a = {0};
	CLEANUP(freep) char *text = NULL;
	struct compat_note note = {0};
	struct elf elf = {0};
	struct err e = {0};
	size_t len = 0;

	if (elf_read(fd, &elf, &e) < 0 || !elf.is_library)
		return false;
	if (elf_section(fd, note_section, NOTE_MAX, &text, &len, &e) < 0)
		return e.code == ERR_ABSENT && is_wanted(t, version, NULL);
	return compat_note_parse(text, len, &a, &note, &e) == 0 && is_wanted(t, version, &note);
}

const char *tree_compat(const struct tree_place *p, const struct tree_edits *t)
{
	const char *folder = t->compat_root ? t->compat_root : COMPAT_ROOT;
	CLEANUP(fd_closep) int descriptors = -1;
	CLEANUP(fd_closep) int library = -1;
	CLEANUP(fd_closep) int file = -1;
	CLEANUP(fd_closep) int dir = -1;
	CLEANUP(freep) char *version = NULL;
	CLEANUP(freep) char *name = NULL;
	struct err ignored;
	int again;

	if ((!t->compat_driver && !t->compat_cuda) ||
	    rootfs_open(p->root, folder, O_RDONLY | O_DIRECTORY, 0, &dir, &ignored) < 0)
		return NULL;
	again = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	if (again < 0)
		return NULL;
	version = library_find(again, &ignored);
	if (!version)
		return NULL;
	name = str_fmt("%s%s", prefix, version);
	library = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	descriptors = tree_descriptors();
	if (library < 0 || tree_reopen(descriptors, library, name, &file, &ignored) < 0)
		return NULL;
	return decide(t, file, version) ? folder : NULL;
}
