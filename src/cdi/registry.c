/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: every file of every folder is read once. A device belongs to the file of the
 * highest priority that has it; two such files are a conflict, and then nobody may use the device,
 * whatever lower folders say.
 */
#include "cdi/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/i18n.h"

enum { SPEC_MAX = 4 << 20, FILES_MAX = 1024 };

const char *const cdi_default_dirs[] = {"/etc/cdi", "/var/run/cdi", NULL};

void cdi_registry_fini(struct cdi_registry *g)
{
	for (size_t i = 0; i < g->files_n; i++) {
		freep(&g->files[i].path);
		cdi_spec_fini(&g->files[i].spec);
	}
	freep(&g->files);
	g->files_n = 0;
}

/* The text of a regular file; what is in it is not trusted, nor is that it is a file. */
static int text_read(const struct root *r, const char *path, struct buf *ret, struct err *e)
{
	CLEANUP(fd_closep) int fd = -1;
	struct stat st;

	if (rootfs_open(r->fd, path, O_RDONLY | O_NONBLOCK, 0, &fd, e) < 0)
		return -(int)e->code;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "cannot read '%s'", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_PARSE, "'%s' is not a regular file", path);
	ret->max = SPEC_MAX;
	buf_add(ret, "", 0);
	if (read_all(fd, ret) < 0)
		return err_sys(e, "cannot read '%s'", path);
	if (ret->full)
		return err_set(e, ERR_PARSE, "'%s' is larger than %d bytes", path, SPEC_MAX);
	return 0;
}

static void add_file(const struct root *r, struct cdi_registry *g, const char *dir,
		     const char *name, size_t priority)
{
	CLEANUP(buf_fini) struct buf text = {0};
	struct cdi_file *f;

	g->files = mem_resize(g->files, (g->files_n + 1) * sizeof(*g->files));
	f = &g->files[g->files_n++];
	*f = (struct cdi_file){.path = str_fmt("%s/%s", dir, name), .priority = priority};
	if (text_read(r, f->path, &text, &f->err) == 0 &&
	    cdi_spec_parse(text.data, text.len, f->path, &f->spec, &f->err) < 0)
		cdi_spec_fini(&f->spec);
}

static bool is_spec(int dir, const char *name)
{
	struct stat st;

	if (!str_ends(name, ".json") && !str_ends(name, ".yaml"))
		return false;
	return fstatat(dir, name, &st, 0) < 0 || !S_ISDIR(st.st_mode);
}

/* Folders that were read: /var/run is a link to /run, and people name both. */
struct seen {
	dev_t dev;
	ino_t ino;
};

static int read_folder(const struct root *r, const char *dir, size_t priority, struct seen *seen,
		       struct cdi_registry *g, struct err *e)
{
	CLEANUP(strs_fini) struct strs names = {0};
	CLEANUP(fd_closep) int fd = -1;
	struct stat st;

	if (rootfs_open(r->fd, dir, O_RDONLY | O_DIRECTORY, 0, &fd, e) < 0)
		return e->code == ERR_ABSENT ? 0 : -(int)e->code;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "cannot open the folder '%s'", dir);
	for (size_t i = 0; i < priority; i++)
		if (seen[i].dev == st.st_dev && seen[i].ino == st.st_ino)
			return 0;
	seen[priority] = (struct seen){st.st_dev, st.st_ino};
	if (dir_list(fd, ".", &names, e) < 0)
		return err_wrap(e, "cannot list the folder '%s'", dir);
	for (size_t i = 0; i < names.n; i++) {
		if (!is_spec(fd, names.v[i]))
			continue;
		if (g->files_n == FILES_MAX)
			return err_set(e, ERR_CONFIG, "'%s' has more than %d specifications", dir,
				       FILES_MAX);
		add_file(r, g, dir, names.v[i], priority);
	}
	return 0;
}

int cdi_registry_read(const struct root *r, const char *const *dirs, struct cdi_registry *ret,
		      struct err *e)
{
	CLEANUP(cdi_registry_fini) struct cdi_registry g = {0};
	CLEANUP(freep) struct seen *seen = NULL;
	size_t n = 0;

	while (dirs[n])
		n++;
	seen = mem_alloc((n + 1) * sizeof(*seen));
	for (size_t i = 0; i < n; i++)
		if (read_folder(r, dirs[i], i, seen, &g, e) < 0)
			return -(int)e->code;
	*ret = g;
	g = (struct cdi_registry){0};
	return 0;
}

/* A device of a file that can be used. */
struct entry {
	const struct cdi_file *file;
	const char *device;
};

/* By kind and name; of the same name, the file that counts comes first. */
static int by_name(const void *a, const void *b)
{
	const struct entry *x = a;
	const struct entry *y = b;
	int order = strcmp(x->file->spec.kind, y->file->spec.kind);

	if (!order)
		order = strcmp(x->device, y->device);
	if (order)
		return order;
	if (x->file->priority != y->file->priority)
		return x->file->priority > y->file->priority ? -1 : 1;
	return strcmp(x->file->path, y->file->path);
}

static bool same_name(const struct entry *a, const struct entry *b)
{
	return str_eq(a->file->spec.kind, b->file->spec.kind) && str_eq(a->device, b->device);
}

static struct entry *entries_sorted(const struct cdi_registry *g, size_t *ret_n)
{
	struct entry *list;
	size_t n = 0;

	for (size_t i = 0; i < g->files_n; i++)
		n += g->files[i].err.code ? 0 : g->files[i].spec.devices_n;
	list = mem_alloc((n + 1) * sizeof(*list));
	*ret_n = n;
	n = 0;
	for (size_t i = 0; i < g->files_n; i++)
		for (size_t d = 0; !g->files[i].err.code && d < g->files[i].spec.devices_n; d++)
			list[n++] = (struct entry){&g->files[i], g->files[i].spec.devices[d].name};
	qsort(list, n, sizeof(*list), by_name);
	return list;
}

void cdi_registry_names(const struct cdi_registry *g, struct strs *ret, struct strs *conflicts)
{
	size_t n = 0;
	CLEANUP(freep) struct entry *list = entries_sorted(g, &n);

	for (size_t i = 0; i < n; i++) {
		const struct entry *x = &list[i];

		if (i && same_name(x, x - 1))
			continue;
		if (i + 1 < n && same_name(x, x + 1) && x[0].file->priority == x[1].file->priority)
			strs_fmt(conflicts, _("CDI device '%s=%s' is in '%s' and in '%s'"),
				 x->file->spec.kind, x->device, x[0].file->path, x[1].file->path);
		else
			strs_fmt(ret, "%s=%s", x->file->spec.kind, x->device);
	}
}

/* The file and the device that a name stands for; *ret_other: a second file that claims it. */
static const struct cdi_device *find(const struct cdi_registry *g, const char *kind,
				     const char *device, size_t *ret_file,
				     const struct cdi_file **ret_other)
{
	const struct cdi_device *found = NULL;

	*ret_other = NULL;
	for (size_t i = 0; i < g->files_n; i++) {
		const struct cdi_file *f = &g->files[i];
		bool same = found && g->files[*ret_file].priority == f->priority;

		if (f->err.code || !str_eq(f->spec.kind, kind))
			continue;
		for (size_t d = 0; d < f->spec.devices_n; d++) {
			if (!str_eq(f->spec.devices[d].name, device))
				continue;
			if (same) {
				*ret_other = f;
				break;
			}
			found = &f->spec.devices[d];
			*ret_file = i;
			*ret_other = NULL;
			break;
		}
	}
	return found;
}

/* "0, 1, all": the devices of a name's kind, as many as fit. */
static void names_of_kind(const struct strs *names, const char *name, struct buf *ret)
{
	enum { ROOM = 150 };
	size_t kind_len = strcspn(name, "=") + 1;

	for (size_t i = 0; i < names->n; i++) {
		if (strncmp(names->v[i], name, kind_len) != 0)
			continue;
		if (ret->len + strlen(names->v[i]) > ROOM) {
			buf_str(ret, ret->len ? ", ..." : "...");
			return;
		}
		buf_fmt(ret, "%s%s", ret->len ? ", " : "", names->v[i] + kind_len);
	}
}

/* What a name could have been: the devices of its kind, or the nearest name. */
static void hint_names(const struct cdi_registry *g, const char *name, struct err *e)
{
	CLEANUP(buf_fini) struct buf list = {0};
	CLEANUP(strs_fini) struct strs conflicts = {0};
	CLEANUP(strs_fini) struct strs names = {0};
	const char *near;

	cdi_registry_names(g, &names, &conflicts);
	if (!names.n) {
		(void)err_hint(e, "describe the GPUs first: `dlenv cdi refresh`");
		return;
	}
	names_of_kind(&names, name, &list);
	near = list.len ? NULL : word_nearest(name, (const char *const *)names.v, names.n);
	if (list.len)
		(void)err_hint(e, "devices of this kind: %s", list.data);
	else if (near)
		(void)err_hint(e, "did you mean '%s'?", near);
	else
		(void)err_hint(e, "`dlenv cdi list` shows the devices that there are");
}

static int say_missing(const struct cdi_registry *g, const struct strs *missing, struct err *e)
{
	CLEANUP(buf_fini) struct buf list = {.max = 200};
	const struct cdi_file *bad = NULL;
	struct err why;

	for (size_t i = 0; i < missing->n; i++)
		buf_fmt(&list, "%s'%s'", i ? ", " : "", missing->v[i]);
	if (missing->n == 1)
		(void)err_set(e, ERR_ABSENT, "there is no CDI device %s", list.data);
	else
		(void)err_set(e, ERR_ABSENT, "there are no CDI devices %s", list.data);
	for (size_t i = 0; i < g->files_n && !bad; i++)
		bad = g->files[i].err.code ? &g->files[i] : NULL;
	if (!bad) {
		hint_names(g, missing->v[0], e);
		return -(int)e->code;
	}
	/* What is missing may be in the file that could not be used. */
	why = bad->err;
	(void)err_wrap(&why, "%s; a file cannot be used", e->msg);
	(void)err_set(e, ERR_ABSENT, "%s", why.msg);
	if (why.hint[0])
		return err_hint(e, "%s", why.hint);
	return err_hint(e, "`dlenv cdi validate` shows what is wrong with the file");
}

int cdi_registry_edits(const struct cdi_registry *g, const char *const *names, struct arena *a,
		       struct cdi_edits *ret, struct err *e)
{
	CLEANUP(freep) bool *taken = mem_alloc((g->files_n + 1) * sizeof(*taken));
	CLEANUP(strs_fini) struct strs missing = {0};
	struct cdi_edits edits = {0};

	for (; *names; names++) {
		CLEANUP(freep) char *kind = NULL;
		const struct cdi_device *d;
		const struct cdi_file *other;
		struct cdi_name name;
		size_t at = 0;

		if (cdi_name_parse(a, *names, &name, e) < 0)
			return -(int)e->code;
		kind = str_fmt("%s/%s", name.vendor, name.class_);
		d = find(g, kind, name.device, &at, &other);
		if (other) {
			(void)err_set(e, ERR_ABSENT, "CDI device '%s' is in '%s' and in '%s'",
				      *names, g->files[at].path, other->path);
			return err_hint(e, "remove one of the two files");
		}
		if (!d) {
			strs_add(&missing, *names);
			continue;
		}
		if (!taken[at])
			cdi_edits_add(a, &edits, &g->files[at].spec.edits);
		taken[at] = true;
		cdi_edits_add(a, &edits, &d->edits);
	}
	if (missing.n)
		return say_missing(g, &missing, e);
	*ret = edits;
	return 0;
}
