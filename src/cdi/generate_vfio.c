/* SPDX-License-Identifier: Apache-2.0 */
/* GPUs that are given to virtual machines: bound to vfio-pci, one group of the IOMMU each. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cdi/generate_parts.h"

static const char folder[] = "/sys/bus/pci/devices";

enum { SMALL = 256 };

/* A file of a PCI device without its newline; "" when there is none. */
static const char *attribute(struct maker *m, const char *pci, const char *name)
{
	CLEANUP(freep) char *text = NULL;
	struct err ignored = {0};

	if (root_read(m->dev, arena_fmt(m->a, "%s/%s/%s", folder, pci, name), SMALL, &text,
		      &ignored) < 0)
		return "";
	text[strcspn(text, "\n")] = '\0';
	return arena_str(m->a, text);
}

/* The last component of what a link of a PCI device leads to; "" when there is none. */
static const char *link_name(struct maker *m, const char *pci, const char *name)
{
	CLEANUP(fd_closep) int fd = -1;
	struct err ignored = {0};
	char target[SMALL * 4];
	const char *slash;
	ssize_t n;

	if (rootfs_open(m->dev->fd, arena_fmt(m->a, "%s/%s/%s", folder, pci, name),
			O_PATH | O_NOFOLLOW, 0, &fd, &ignored) < 0)
		return "";
	n = readlinkat(fd, "", target, sizeof(target) - 1);
	if (n <= 0)
		return "";
	target[n] = '\0';
	slash = strrchr(target, '/');
	return arena_str(m->a, slash ? slash + 1 : target);
}

static bool is_gpu(struct maker *m, const char *pci)
{
	const char *class_ = attribute(m, pci, "class");

	return str_eq(attribute(m, pci, "vendor"), "0x10de") &&
	       (str_eq(class_, "0x030000") || str_eq(class_, "0x030200"));
}

int make_vfio(struct maker *m, struct err *e)
{
	CLEANUP(strs_fini) struct strs names = {0};
	size_t index = 0;

	make_list(m, folder, &names);
	for (size_t i = 0; i < names.n; i++) {
		const char *pci = names.v[i];
		const char *group;
		struct cdi_edits edits = {0};

		if (!is_gpu(m, pci) || !str_starts(link_name(m, pci, "driver"), "vfio"))
			continue;
		group = link_name(m, pci, "iommu_group");
		if (!*group || !make_node(m, &edits, arena_fmt(m->a, "/dev/vfio/%s", group)))
			continue;
		make_device(m, arena_fmt(m->a, "%zu", index++))->edits = edits;
		make_device(m, pci)->edits = edits;
	}
	if (!index) {
		(void)err_set(e, ERR_ABSENT, "no NVIDIA GPU is bound to vfio-pci");
		return err_hint(
			e, "only GPUs that a virtual machine may take are described by this mode");
	}
	if (!make_node(m, &m->common, "/dev/vfio/vfio"))
		return err_set(e, ERR_ABSENT, "there is no '%s/dev/vfio/vfio'", m->dev_prefix);
	return 0;
}
