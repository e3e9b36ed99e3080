/* SPDX-License-Identifier: Apache-2.0 */
/* From a definition to the package lists of its image's layers. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "env/define_keys.h"

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted and each once, so that the same set always gives the same layer. */
static size_t sort_unique(const char **v, size_t n)
{
	size_t kept = 0;

	qsort(v, n, sizeof(*v), by_name);
	for (size_t i = 0; i < n; i++)
		if (!kept || !str_eq(v[kept - 1], v[i]))
			v[kept++] = v[i];
	v[kept] = NULL;
	return kept;
}

/* The names of packages.apt and stack.optional that no preset layer has. */
static size_t own_packages(const struct env_def *d, bool cuda, struct arena *a, const char ***ret)
{
	size_t room = 2;
	size_t n = 0;
	const char **v;

	for (const char *const *p = d->apt; *p; p++)
		room++;
	for (const char *const *p = d->stack.optional; *p; p++)
		room++;
	v = arena_alloc(a, room * sizeof(*v));
	for (const char *const *p = d->apt; *p; p++)
		if (!preset_has_package(d->preset, cuda, *p))
			v[n++] = *p;
	for (const char *const *p = d->stack.optional; *p; p++)
		if (!preset_has_package(d->preset, cuda, optional_package(*p)))
			v[n++] = optional_package(*p);
	if (d->jupyter.enable && !preset_has_package(d->preset, cuda, "jupyterlab"))
		v[n++] = "jupyterlab";
	*ret = v;
	return sort_unique(v, n);
}

int env_def_layers(const struct env_def *d, bool cuda, struct arena *a,
		   const struct build_layer **ret, size_t *ret_n, struct err *e)
{
	const struct build_layer *preset;
	struct build_layer *rows;
	const char **own;
	size_t n;

	if (cuda && !preset_has_cuda(d->preset))
		cuda = false;
	if (d->accelerator == ACCEL_CPU && cuda)
		return err_set(e, ERR_BUG, "the CUDA build for a definition that asks for cpu");
	preset_layers(d->preset, cuda, a, &preset, &n);
	rows = arena_alloc(a, (n + 1) * sizeof(*rows));
	memcpy(rows, preset, n * sizeof(*rows));
	if (own_packages(d, cuda, a, &own))
		rows[n++] = (struct build_layer){.title = "packages", .packages = own};
	*ret = rows;
	*ret_n = n;
	return 0;
}
