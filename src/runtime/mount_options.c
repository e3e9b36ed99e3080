/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mount_options.h"

#include <string.h>
#include <sys/mount.h>

enum kind {
	ATTR_SET,
	ATTR_CLEAR,
	DEEP_SET,
	DEEP_CLEAR,
	PROPAGATE,
	PROPAGATE_DEEP,
	BIND,
	RBIND,
	NOTHING,
	REFUSED
};

struct option {
	const char *name;
	enum kind kind;
	uint64_t value;
};

/*
 * runtime-spec config.md "Linux mount options". What is not here belongs to the
 * file system. relatime is what the kernel does anyway; asking for it in a user
 * namespace would be refused on a mount whose atime setting is locked.
 */
static const struct option table[] = {
	{"ro", ATTR_SET, MOUNT_ATTR_RDONLY},
	{"rw", ATTR_CLEAR, MOUNT_ATTR_RDONLY},
	{"nosuid", ATTR_SET, MOUNT_ATTR_NOSUID},
	{"suid", ATTR_CLEAR, MOUNT_ATTR_NOSUID},
	{"nodev", ATTR_SET, MOUNT_ATTR_NODEV},
	{"dev", ATTR_CLEAR, MOUNT_ATTR_NODEV},
	{"noexec", ATTR_SET, MOUNT_ATTR_NOEXEC},
	{"exec", ATTR_CLEAR, MOUNT_ATTR_NOEXEC},
	{"noatime", ATTR_SET, MOUNT_ATTR_NOATIME},
	{"strictatime", ATTR_SET, MOUNT_ATTR_STRICTATIME},
	{"nodiratime", ATTR_SET, MOUNT_ATTR_NODIRATIME},
	{"diratime", ATTR_CLEAR, MOUNT_ATTR_NODIRATIME},
	{"nosymfollow", ATTR_SET, MOUNT_ATTR_NOSYMFOLLOW},
	{"symfollow", ATTR_CLEAR, MOUNT_ATTR_NOSYMFOLLOW},
	{"atime", NOTHING, 0},
	{"relatime", NOTHING, 0},
	{"norelatime", NOTHING, 0},
	{"nostrictatime", NOTHING, 0},
	{"defaults", NOTHING, 0},
	{"async", NOTHING, 0},
	{"loud", NOTHING, 0},
	{"silent", NOTHING, 0},
	{"nomand", NOTHING, 0},
	{"noiversion", NOTHING, 0},
	{"rro", DEEP_SET, MOUNT_ATTR_RDONLY},
	{"rrw", DEEP_CLEAR, MOUNT_ATTR_RDONLY},
	{"rnosuid", DEEP_SET, MOUNT_ATTR_NOSUID},
	{"rsuid", DEEP_CLEAR, MOUNT_ATTR_NOSUID},
	{"rnodev", DEEP_SET, MOUNT_ATTR_NODEV},
	{"rdev", DEEP_CLEAR, MOUNT_ATTR_NODEV},
	{"rnoexec", DEEP_SET, MOUNT_ATTR_NOEXEC},
	{"rexec", DEEP_CLEAR, MOUNT_ATTR_NOEXEC},
	{"rnoatime", DEEP_SET, MOUNT_ATTR_NOATIME},
	{"rstrictatime", DEEP_SET, MOUNT_ATTR_STRICTATIME},
	{"rnodiratime", DEEP_SET, MOUNT_ATTR_NODIRATIME},
	{"rnosymfollow", DEEP_SET, MOUNT_ATTR_NOSYMFOLLOW},
	{"rrelatime", NOTHING, 0},
	{"private", PROPAGATE, MS_PRIVATE},
	{"slave", PROPAGATE, MS_SLAVE},
	{"shared", PROPAGATE, MS_SHARED},
	{"unbindable", PROPAGATE, MS_UNBINDABLE},
	{"rprivate", PROPAGATE_DEEP, MS_PRIVATE},
	{"rslave", PROPAGATE_DEEP, MS_SLAVE},
	{"rshared", PROPAGATE_DEEP, MS_SHARED},
	{"runbindable", PROPAGATE_DEEP, MS_UNBINDABLE},
	{"bind", BIND, 0},
	{"rbind", RBIND, 0},
	{"remount", REFUSED, 0},
	{"idmap", REFUSED, 0},
	{"ridmap", REFUSED, 0},
	{"tmpcopyup", REFUSED, 0},
	{"mand", REFUSED, 0},
	{"iversion", REFUSED, 0},
};

static int apply(struct mount_options *o, const struct option *row, struct err *e)
{
	switch (row->kind) {
	case ATTR_SET:
		o->set |= row->value;
		o->clear &= ~row->value;
		break;
	case ATTR_CLEAR:
		o->clear |= row->value;
		o->set &= ~row->value;
		break;
	case DEEP_SET:
		o->deep_set |= row->value;
		break;
	case DEEP_CLEAR:
		o->deep_clear |= row->value;
		break;
	case PROPAGATE:
	case PROPAGATE_DEEP:
		o->propagation = row->value;
		o->propagation_deep = row->kind == PROPAGATE_DEEP;
		break;
	case BIND:
	case RBIND:
		o->bind = true;
		o->deep |= row->kind == RBIND;
		break;
	case NOTHING:
		break;
	case REFUSED:
		return err_set(e, ERR_CONFIG, "the mount option '%s' is not supported", row->name);
	}
	return 0;
}

int mount_options_parse(const char *const *options, struct mount_options *ret, struct err *e)
{
	struct mount_options o = {0};

	for (; options && *options; options++) {
		size_t i = 0;

		while (i < COUNT(table) && !str_eq(table[i].name, *options))
			i++;
		if (i == COUNT(table)) {
			strs_add(&o.data, *options);
		} else if (apply(&o, &table[i], e) < 0) {
			mount_options_fini(&o);
			return -(int)e->code;
		}
	}
	*ret = o;
	return 0;
}

void mount_options_fini(struct mount_options *o)
{
	strs_fini(&o->data);
}
