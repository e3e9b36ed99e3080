/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/i18n.h"
#include "base/str.h"
#include "cdi/spec.h"

const char *cdi_version_known(const char *version)
{
	static const char *const released[] = {"0.3.0", "0.4.0", "0.5.0", "0.6.0",
					       "0.7.0", "0.8.0", "1.0.0", "1.1.0"};

	/* Readers in Go take a leading "v" away. */
	if (version && version[0] == 'v')
		version++;
	for (size_t i = 0; i < sizeof(released) / sizeof(released[0]); i++)
		if (str_eq(released[i], version))
			return released[i];
	return NULL;
}

typedef bool edits_test(const struct cdi_edits *e);

static bool any_edits(const struct cdi_spec *s, edits_test *test)
{
	for (size_t i = 0; i < s->devices_n; i++)
		if (test(&s->devices[i].edits))
			return true;
	return test(&s->edits);
}

static bool has_nets(const struct cdi_edits *e)
{
	return e->nets_n;
}

static bool has_new_rdt(const struct cdi_edits *e)
{
	return e->rdt && (e->rdt->schemata.n || e->rdt->enable_monitoring);
}

static bool has_rdt(const struct cdi_edits *e)
{
	return e->rdt;
}

static bool has_gids(const struct cdi_edits *e)
{
	return e->gids_n;
}

static bool has_host_path(const struct cdi_edits *e)
{
	for (size_t i = 0; i < e->nodes_n; i++)
		if (e->nodes[i].host_path)
			return true;
	return false;
}

static bool has_mount_type(const struct cdi_edits *e)
{
	for (size_t i = 0; i < e->mounts_n; i++)
		if (e->mounts[i].type)
			return true;
	return false;
}

static bool uses_annotations(const struct cdi_spec *s)
{
	for (size_t i = 0; i < s->devices_n; i++)
		if (s->devices[i].annotations.n)
			return true;
	return s->annotations.n;
}

static bool uses_dot_in_class(const struct cdi_spec *s)
{
	const char *class_ = s->kind ? strchr(s->kind, '/') : NULL;

	return class_ && strchr(class_, '.');
}

static bool uses_names_without_letter(const struct cdi_spec *s)
{
	for (size_t i = 0; i < s->devices_n; i++) {
		char c = s->devices[i].name ? s->devices[i].name[0] : 'a';

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z'))
			return true;
	}
	return false;
}

/* What a version brought, the newest first. */
static const struct {
	const char *version;
	const char *why;
	edits_test *in_edits;
	bool (*in_spec)(const struct cdi_spec *s);
} features[] = {
	{"1.1.0", "netDevices", .in_edits = has_nets},
	{"1.1.0", "intelRdt.schemata, intelRdt.enableMonitoring", .in_edits = has_new_rdt},
	{"0.7.0", "additionalGids", .in_edits = has_gids},
	{"0.7.0", "intelRdt", .in_edits = has_rdt},
	{"0.6.0", "annotations", .in_spec = uses_annotations},
	{"0.6.0", N_("a dot in the class"), .in_spec = uses_dot_in_class},
	{"0.5.0", N_("a device name that begins with a digit"),
	 .in_spec = uses_names_without_letter},
	{"0.5.0", "deviceNodes.hostPath", .in_edits = has_host_path},
	{"0.4.0", "mounts.type", .in_edits = has_mount_type},
};

const char *cdi_version_needed(const struct cdi_spec *s, const char **ret_why)
{
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		if (features[i].in_edits ? !any_edits(s, features[i].in_edits)
					 : !features[i].in_spec(s))
			continue;
		*ret_why = features[i].why;
		return features[i].version;
	}
	*ret_why = NULL;
	return "0.3.0";
}
