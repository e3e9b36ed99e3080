/* SPDX-License-Identifier: Apache-2.0 */
/* Modes that describe device nodes by their names alone. */
#include <string.h>

#include "cdi/generate_parts.h"

enum { IMEX_CHANNELS = 1 << 20, CHANNELS_MAX = 4096 };

static bool has_prefix(const char *name, const char *const *prefixes)
{
	for (; *prefixes; prefixes++)
		if (str_starts(name, *prefixes))
			return true;
	return false;
}

/* Nodes of a folder by the beginnings of their names, less others. How many there are. */
static size_t add_nodes(struct maker *m, struct making_device *d, const char *folder,
			const char *const *prefixes, const char *const *without)
{
	CLEANUP(strs_fini) struct strs names = {0};
	size_t n = 0;

	make_list(m, folder, &names);
	for (size_t i = 0; i < names.n; i++)
		if (has_prefix(names.v[i], prefixes) &&
		    !(without && has_prefix(names.v[i], without)))
			n += make_node(m, &d->edits, arena_fmt(m->a, "%s/%s", folder, names.v[i]));
	return n;
}

int make_management(struct maker *m, struct err *e)
{
	static const char *const in_dev[] = {"nvidia", NULL};
	static const char *const not [] = {"nvidia-fs", "nvidia-nvswitch", "nvidia-nvlink", NULL};
	static const char *const in_caps[] = {"nvidia-cap", NULL};
	static const char *const channels[] = {"channel", NULL};
	struct making_device *d = make_device(m, "all");
	size_t n = add_nodes(m, d, "/dev", in_dev, not );

	n += add_nodes(m, d, "/dev/nvidia-caps", in_caps, NULL);
	n += add_nodes(m, d, "/dev/nvidia-caps-imex-channels", channels, NULL);
	if (!n)
		return err_set(e, ERR_ABSENT, "no node of NVIDIA's driver is in '%s/dev'",
			       m->dev_prefix);
	return make_driver(m, DRIVER_NO_CONFIG, e);
}

/* One device "all" with nodes of one folder. */
static int make_simple(struct maker *m, const char *folder, const char *const *prefixes,
		       const char *what, struct err *e)
{
	struct making_device *d = make_device(m, "all");

	if (add_nodes(m, d, folder, prefixes, NULL))
		return 0;
	return err_set(e, ERR_ABSENT, "no node of %s is in '%s%s'", what, m->dev_prefix, folder);
}

int make_gds(struct maker *m, struct err *e)
{
	static const char *const prefixes[] = {"nvidia-fs", NULL};
	struct making_device *d;

	if (make_simple(m, "/dev", prefixes, "GPUDirect Storage", e) < 0)
		return -(int)e->code;
	d = &m->devices[0];
	(void)make_found(m, &d->edits, "/run/udev", true);
	(void)make_found(m, &d->edits, "/etc/cufile.json", false);
	return 0;
}

int make_mofed(struct maker *m, struct err *e)
{
	static const char *const prefixes[] = {"uverbs", "rdma_cm", NULL};

	return make_simple(m, "/dev/infiniband", prefixes, "InfiniBand", e);
}

int make_gdrcopy(struct maker *m, struct err *e)
{
	static const char *const prefixes[] = {"gdrdrv", NULL};

	return make_simple(m, "/dev", prefixes, "GDRCopy", e);
}

int make_nvswitch(struct maker *m, struct err *e)
{
	static const char *const prefixes[] = {"nvidia-nvswitch", NULL};

	return make_simple(m, "/dev", prefixes, "NVSwitch", e);
}

/* A channel's numbers are found when it is used: it may be made later than this. */
static int add_channel(struct maker *m, const char *number, struct err *e)
{
	struct making_device *d;
	struct cdi_node *n;
	uint64_t id = 0;

	if (parse_uint(number, IMEX_CHANNELS - 1, "IMEX channel", &id, e) < 0)
		return -(int)e->code;
	d = make_device(m, arena_fmt(m->a, "%llu", (unsigned long long)id));
	n = cdi_add_node(m->a, &d->edits);
	n->path = arena_fmt(m->a, "/dev/nvidia-caps-imex-channels/channel%llu",
			    (unsigned long long)id);
	n->host_path = arena_fmt(m->a, "%s%s", m->dev_prefix, n->path);
	n->permissions = "rwm";
	return 0;
}

int make_imex(struct maker *m, struct err *e)
{
	CLEANUP(strs_fini) struct strs names = {0};
	size_t prefix = strlen("channel");

	for (const char *const *id = m->g->ids; id && *id && !str_eq(*id, "all"); id++)
		if (add_channel(m, *id, e) < 0)
			return -(int)e->code;
	if (m->devices_n)
		return 0;
	make_list(m, "/dev/nvidia-caps-imex-channels", &names);
	for (size_t i = 0; i < names.n && i < CHANNELS_MAX; i++)
		if (str_starts(names.v[i], "channel") && add_channel(m, names.v[i] + prefix, e) < 0)
			return -(int)e->code;
	if (!m->devices_n)
		return err_set(e, ERR_ABSENT, "no IMEX channel is in '%s%s'", m->dev_prefix,
			       "/dev/nvidia-caps-imex-channels");
	return 0;
}
