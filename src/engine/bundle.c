/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: config.json is put together section by section, each by one
 * function. The sections are those of the OCI runtime specification 1.2 (config.md
 * and config-linux.md). Those that a GPU's driver makes long are written as text,
 * the rest becomes jansson's values first.
 */
#include "engine/container.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/json_edit.h"
#include "runtime/runtime.h"

static json_t *strings(const char *const *v)
{
	json_t *list = json_array();

	for (; v && *v; v++)
		(void)json_array_append_new(list, json_string(*v));
	return list;
}

/* env, and what is added to it; an added name replaces one of env. */
static json_t *environment(const struct container *c)
{
	json_t *list = json_array();

	for (const char *const *v = c->env; v && *v; v++) {
		size_t n = strcspn(*v, "=") + 1;
		bool replaced = false;

		for (size_t i = 0; i < c->more_env.n; i++)
			replaced |= strncmp(c->more_env.v[i], *v, n) == 0;
		if (!replaced)
			(void)json_array_append_new(list, json_string(*v));
	}
	for (size_t i = 0; i < c->more_env.n; i++)
		(void)json_array_append_new(list, json_string(c->more_env.v[i]));
	return list;
}

static json_t *section_process(const struct container *c)
{
	json_t *groups = json_array();
	json_t *limits = json_array();

	for (size_t i = 0; i < c->groups_n; i++)
		(void)json_array_append_new(groups, json_integer(c->groups[i]));
	for (const struct limit *l = c->limits; l; l = l->next)
		(void)json_array_append_new(limits, json_pack("{s:s, s:I, s:I}", "type", l->name,
							      "soft", (json_int_t)l->soft, "hard",
							      (json_int_t)l->hard));
	return json_pack("{s:o, s:o, s:s, s:b, s:{s:i, s:i, s:o}, s:o, s:{s:o, s:o, s:o}}", "args",
			 strings(c->args), "env", environment(c), "cwd", c->cwd, "noNewPrivileges",
			 0, "user", "uid", (int)c->uid, "gid", (int)c->gid, "additionalGids",
			 groups, "rlimits", limits, "capabilities", "bounding",
			 strings(rt_default_caps), "effective", strings(rt_default_caps),
			 "permitted", strings(rt_default_caps));
}

/* A member of an object; before it stands what separates it. */
static void put_text(struct buf *b, const char *before, const char *key, const char *value)
{
	buf_str(b, before);
	json_put(b, key);
	buf_str(b, ":");
	json_put(b, value);
}

/* A jansson value, which is given up. */
static void put_value(struct buf *b, json_t *value)
{
	CLEANUP(freep) char *text = value ? json_dumps(value, JSON_SORT_KEYS | JSON_COMPACT) : NULL;

	if (!text)
		err_bug("config.json has a section that is not JSON");
	json_decref(value);
	buf_str(b, text);
}

static void mount_add(struct buf *b, const char *type, const char *source, const char *at,
		      const char *options)
{
	put_text(b, b->data[b->len - 1] == '[' ? "{" : ",{", "destination", at);
	buf_str(b, ",\"options\":[");
	for (const char *p = options; p && *p;) {
		CLEANUP(freep) char *word = str_fmt("%.*s", (int)strcspn(p, ","), p);

		buf_str(b, p == options ? "" : ",");
		json_put(b, word);
		p += strcspn(p, ",");
		p += *p == ',';
	}
	put_text(b, "],", "source", source);
	put_text(b, ",", "type", type);
	buf_str(b, "}");
}

static void section_mounts(const struct container *c, struct buf *b)
{
	CLEANUP(freep)
	char *shm = str_fmt("nosuid,noexec,nodev,mode=1777,size=%llu", (unsigned long long)c->shm);

	buf_str(b, "[");
	mount_add(b, "proc", "proc", "/proc", "nosuid,noexec,nodev");
	mount_add(b, "tmpfs", "tmpfs", "/dev", "nosuid,strictatime,mode=755,size=65536k");
	mount_add(b, "devpts", "devpts", "/dev/pts",
		  "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5");
	/* DataLoader workers and NCCL need more than the usual 64 MiB. */
	mount_add(b, "tmpfs", "shm", "/dev/shm", shm);
	mount_add(b, "mqueue", "mqueue", "/dev/mqueue", "nosuid,noexec,nodev");
	/* sysfs can be mounted only by the owner of the network namespace. */
	if (c->net == NET_HOST)
		mount_add(b, "bind", "/sys", "/sys", "rbind,nosuid,noexec,nodev,ro");
	else
		mount_add(b, "sysfs", "sysfs", "/sys", "nosuid,noexec,nodev,ro");
	mount_add(b, "cgroup", "cgroup", "/sys/fs/cgroup", "nosuid,noexec,nodev,relatime,ro");
	for (const struct mount *m = c->mounts; m; m = m->next) {
		if (m->kind == MOUNT_EXACT)
			mount_add(b, m->type, m->source, m->at, m->options);
		else if (m->kind == MOUNT_TMPFS)
			mount_add(b, "tmpfs", "tmpfs", m->at, m->options);
		else
			mount_add(b, "bind", m->source, m->at,
				  m->read_only ? "rbind,ro,nosuid,nodev,rprivate"
					       : "rbind,nosuid,nodev,rprivate");
	}
	buf_str(b, "]");
}

static json_t *mappings(const struct idmap_row *rows, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(list, json_pack("{s:I, s:I, s:I}", "containerID",
							    (json_int_t)rows[i].inside, "hostID",
							    (json_int_t)rows[i].outside, "size",
							    (json_int_t)rows[i].count));
	return list;
}

static json_t *resources(const struct container *c)
{
	enum { PERIOD_US = 100000 };
	json_t *r = json_object();

	if (c->memory)
		(void)json_object_set_new(r, "memory",
					  json_pack("{s:I}", "limit", (json_int_t)c->memory));
	if (c->pids)
		(void)json_object_set_new(r, "pids",
					  json_pack("{s:I}", "limit", (json_int_t)c->pids));
	if (c->cpus > 0)
		(void)json_object_set_new(r, "cpu",
					  json_pack("{s:I, s:I}", "quota",
						    (json_int_t)(c->cpus * PERIOD_US), "period",
						    (json_int_t)PERIOD_US));
	return r;
}

static json_t *namespaces(const struct container *c)
{
	json_t *list = json_array();
	const struct {
		const char *type;
		bool wanted;
	} rows[] = {
		{"mount", true},
		{"pid", true},
		{"ipc", true},
		{"uts", c->hostname != NULL},
		{"cgroup", true},
		{"network", c->net != NET_HOST},
		{"user", c->map->uids > 0},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (rows[i].wanted)
			(void)json_array_append_new(list, json_pack("{s:s}", "type", rows[i].type));
	return list;
}

static void put_devices(const struct container *c, struct buf *b)
{
	const char *before = "[";

	for (const struct node *n = c->nodes; n; n = n->next) {
		const char type[] = {n->type, '\0'};

		buf_fmt(b, "%s{\"fileMode\":%u,\"gid\":%u,\"major\":%u,\"minor\":%u,\"uid\":%u",
			before, n->mode, n->gid, n->major, n->minor, n->uid);
		put_text(b, ",", "path", n->path);
		put_text(b, ",", "type", type);
		buf_str(b, "}");
		before = ",";
	}
	buf_str(b, "]");
}

static void section_linux(const struct container *c, struct buf *b)
{
	static const char *const masked[] = {"/proc/acpi",	    "/proc/asound",
					     "/proc/kcore",	    "/proc/keys",
					     "/proc/latency_stats", "/proc/timer_list",
					     "/proc/timer_stats",   "/proc/sched_debug",
					     "/proc/scsi",	    "/proc/interrupts",
					     "/sys/firmware",	    "/sys/devices/virtual/powercap",
					     "/sys/fs/selinux",	    NULL};
	static const char *const read_only[] = {
		"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL};
	CLEANUP(freep) char *cgroup = str_fmt("/dlenv/%s", c->id);
	json_t *rest =
		json_pack("{s:o, s:o, s:o, s:o, s:s}", "namespaces", namespaces(c), "maskedPaths",
			  strings(masked), "readonlyPaths", strings(read_only), "resources",
			  resources(c), "cgroupsPath", cgroup);
	size_t start;

	if (c->map->uids) {
		(void)json_object_set_new(rest, "uidMappings", mappings(c->map->uid, c->map->uids));
		(void)json_object_set_new(rest, "gidMappings", mappings(c->map->gid, c->map->gids));
	}
	buf_str(b, "{\"seccomp\":");
	buf_str(b, rt_default_seccomp_json());
	if (c->nodes) {
		buf_str(b, ",\"devices\":");
		put_devices(c, b);
	}
	/* The rest is never empty: its bracket becomes the comma. */
	start = b->len;
	put_value(b, rest);
	b->data[start] = ',';
}

/* What config.json has no place for. */
static void section_annotations(const struct container *c, struct buf *b)
{
	CLEANUP(buf_fini) struct buf lower = {0};
	size_t n = 0;

	while (c->lowers[n])
		n++;
	while (n > 0) {
		buf_str(&lower, c->lowers[--n]);
		if (n > 0)
			buf_str(&lower, ":");
	}
	put_text(b, "{", "dlenv.overlay.lower", lower.data ? lower.data : "");
	put_text(b, ",", "dlenv.overlay.upper", c->upper ? c->upper : "tmpfs");
	if (c->upper)
		put_text(b, ",", "dlenv.overlay.work", c->work);
	if (c->tree)
		put_text(b, ",", "dlenv.tree", c->tree);
	/* The name that podman and crun agreed on for the same. */
	if (c->keep_groups)
		put_text(b, ",", "run.oci.keep_original_groups", "1");
	for (const struct node *node = c->nodes; node; node = node->next) {
		CLEANUP(freep) char *key = str_fmt("dlenv.node.%s", node->path);

		if (node->host_path && !str_eq(node->host_path, node->path))
			put_text(b, ",", key, node->host_path);
	}
	buf_str(b, "}");
}

int bundle_write(const struct container *c, const char *dir, struct err *e)
{
	CLEANUP(freep) char *path = str_fmt("%s/config.json", dir);
	CLEANUP(buf_fini) struct buf b = {0};

	buf_str(&b, "{\"annotations\":");
	section_annotations(c, &b);
	if (c->hostname)
		put_text(&b, ",", "hostname", c->hostname);
	buf_str(&b, ",\"linux\":");
	section_linux(c, &b);
	buf_str(&b, ",\"mounts\":");
	section_mounts(c, &b);
	put_text(&b, ",", "ociVersion", "1.2.0");
	buf_str(&b, ",\"process\":");
	put_value(&b, section_process(c));
	buf_str(&b, "}");
	return file_write(AT_FDCWD, path, b.data, b.len, 0600, 0, e);
}
