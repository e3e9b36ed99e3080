/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>

#include "base/str.h"
#include "cdi/fresh.h"
#include "cdi/registry.h"
#include "cli/doctor.h"

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

static const char *missing_file(const struct root *machine, const struct cdi_spec *s)
{
	const char *path = missing_of(machine, &s->edits);

	for (size_t i = 0; !path && i < s->devices_n; i++)
		path = missing_of(machine, &s->devices[i].edits);
	return path;
}

/* Specifications of other programs have no fingerprint: what they name must be there. */
static void look_at_file(const struct patient *p, const struct cdi_file *file, struct findings *f)
{
	CLEANUP(freep) char *full = str_fmt("%s/%s", p->machine->path, below(file->path));
	const char *missing;

	if (file->err.code) {
		finding_add(f, "CDI002", file->path, file->err.msg);
		return;
	}
	if (cdi_fresh(p->machine, full) == STALE) {
		finding_add(f, "CDI001", file->path, "");
		return;
	}
	missing = missing_file(p->machine, &file->spec);
	if (missing)
		finding_add(f, "CDI004", file->path, missing);
}

int doctor_cdi(struct patient *p, struct findings *f, struct err *e)
{
	CLEANUP(cdi_registry_fini) struct cdi_registry g = {0};
	CLEANUP(strs_fini) struct strs names = {0};
	CLEANUP(strs_fini) struct strs conflicts = {0};

	if (cdi_registry_read(p->machine, cdi_default_dirs, &g, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < g.files_n; i++)
		look_at_file(p, &g.files[i], f);
	cdi_registry_names(&g, &names, &conflicts);
	for (size_t i = 0; i < conflicts.n; i++)
		finding_add(f, "CDI003", conflicts.v[i], "");
	return 0;
}
