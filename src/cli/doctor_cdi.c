/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "cdi/fresh.h"
#include "cdi/registry.h"
#include "cli/doctor.h"

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
	missing = cdi_missing(p->machine, &file->spec);
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
