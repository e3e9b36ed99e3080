/* SPDX-License-Identifier: Apache-2.0 */
#include "compat/match.h"

bool version_begins(const struct version *v, const struct version *prefix)
{
	if (!v->n || !prefix->n)
		return false;
	for (size_t i = 0; i < prefix->n; i++)
		if ((i < v->n ? v->part[i] : 0) != prefix->part[i])
			return false;
	return true;
}

bool ranges_hold(const struct ranges *r, const struct version *v)
{
	for (size_t i = 0; i < r->n; i++)
		if (version_compare(v, &r->v[i].low) >= 0 &&
		    (version_compare(v, &r->v[i].high) <= 0 || version_begins(v, &r->v[i].high)))
			return true;
	return false;
}

bool capability_runs(const struct version *code, const struct version *cc)
{
	return code->part[0] == cc->part[0] && version_compare(code, cc) <= 0;
}

bool capabilities_hold(const struct capabilities *c, const struct version *cc)
{
	for (size_t i = 0; i < c->n; i++)
		if (capability_runs(&c->v[i], cc))
			return true;
	return (c->ptx || c->open) && version_compare(&c->v[c->n - 1], cc) <= 0;
}
