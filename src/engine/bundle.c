/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: config.json is put together section by section, each by one
 * function that returns a new JSON value; the top-level table names them. The
 * sections are those of the OCI runtime specification 1.2 (config.md and
 * config-linux.md).
 */
#include "engine/container.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "cdi/tree.h"
#include "runtime/runtime.h"
#include "runtime/spec_more.h"

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

static void mount_add(json_t *list, const char *type, const char *source, const char *at,
		      const char *options)
{
	json_t *words = json_array();
	const char *p = options;

	while (p && *p) {
		size_t n = strcspn(p, ",");

		(void)json_array_append_new(words, json_stringn(p, n));
		p += n + (p[n] == ',');
	}
	(void)json_array_append_new(list,
				    json_pack("{s:s, s:s, s:s, s:o}", "destination", at, "type",
					      type, "source", source, "options", words));
}

/* What the kernel has to show, in every container. */
static void mount_own(const struct container *c, json_t *list)
{
	CLEANUP(freep)
	char *shm = str_fmt("nosuid,noexec,nodev,mode=1777,size=%llu", (unsigned long long)c->shm);

	mount_add(list, "proc", "proc", "/proc", "nosuid,noexec,nodev");
	mount_add(list, "tmpfs", "tmpfs", "/dev", "nosuid,strictatime,mode=755,size=65536k");
	mount_add(list, "devpts", "devpts", "/dev/pts",
		  "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5");
	/* DataLoader workers and NCCL need more than the usual 64 MiB. */
	mount_add(list, "tmpfs", "shm", "/dev/shm", shm);
	mount_add(list, "mqueue", "mqueue", "/dev/mqueue", "nosuid,noexec,nodev");
	/* sysfs can be mounted only by the owner of the network namespace. */
	if (c->net == NET_HOST)
		mount_add(list, "bind", "/sys", "/sys", "rbind,nosuid,noexec,nodev,ro");
	else
		mount_add(list, "sysfs", "sysfs", "/sys", "nosuid,noexec,nodev,ro");
	mount_add(list, "cgroup", "cgroup", "/sys/fs/cgroup", "nosuid,noexec,nodev,relatime,ro");
}

static json_t *section_mounts(const struct container *c)
{
	json_t *list = json_array();

	if (!c->bare)
		mount_own(c, list);
	for (const struct mount *m = c->mounts; m; m = m->next) {
		if (m->kind == MOUNT_EXACT)
			continue;
		if (m->kind == MOUNT_TMPFS)
			mount_add(list, "tmpfs", "tmpfs", m->at, m->options);
		else
			mount_add(list, "bind", m->source, m->at,
				  m->read_only ? "rbind,ro,nosuid,nodev,rprivate"
					       : "rbind,nosuid,nodev,rprivate");
	}
	return list;
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

static json_t *section_linux(const struct container *c)
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
	json_t *linux_part =
		json_pack("{s:o, s:o, s:o, s:o, s:s}", "namespaces", namespaces(c), "maskedPaths",
			  strings(masked), "readonlyPaths", strings(read_only), "resources",
			  resources(c), "cgroupsPath", cgroup);

	if (c->map->uids) {
		(void)json_object_set_new(linux_part, "uidMappings",
					  mappings(c->map->uid, c->map->uids));
		(void)json_object_set_new(linux_part, "gidMappings",
					  mappings(c->map->gid, c->map->gids));
	}
	return linux_part;
}

static json_t *section_annotations(const struct container *c)
{
	CLEANUP(buf_fini) struct buf lower = {0};
	json_t *list;
	size_t n = 0;

	while (c->lowers[n])
		n++;
	while (n > 0) {
		buf_str(&lower, c->lowers[--n]);
		if (n > 0)
			buf_str(&lower, ":");
	}
	list = c->upper ? json_pack("{s:s, s:s, s:s}", "dlenv.overlay.lower", lower.data,
				    "dlenv.overlay.upper", c->upper, "dlenv.overlay.work", c->work)
			: json_pack("{s:s, s:s}", "dlenv.overlay.lower", lower.data,
				    "dlenv.overlay.upper", "tmpfs");
	/* The name that podman and crun agreed on for the same. */
	if (c->keep_groups)
		(void)json_object_set_new(list, "run.oci.keep_original_groups", json_string("1"));
	return list;
}

json_t *bundle_json(const struct container *c)
{
	json_t *top = json_pack("{s:s, s:o, s:o, s:o, s:o}", "ociVersion", "1.2.0", "process",
				section_process(c), "mounts", section_mounts(c), "linux",
				section_linux(c), "annotations", section_annotations(c));

	if (!top)
		err_bug("config.json has a section that is not JSON");
	if (c->hostname)
		(void)json_object_set_new(top, "hostname", json_string(c->hostname));
	return top;
}

/* --- what a driver brings --- */

static json_t *devices(const struct container *c)
{
	json_t *list = json_array();

	for (const struct node *n = c->nodes; n; n = n->next) {
		const char type[] = {n->type, '\0'};

		(void)json_array_append_new(
			list, json_pack("{s:s, s:s, s:I, s:I, s:i, s:I, s:I}", "path", n->path,
					"type", type, "major", (json_int_t)n->major, "minor",
					(json_int_t)n->minor, "fileMode", (int)n->mode, "uid",
					(json_int_t)n->uid, "gid", (json_int_t)n->gid));
	}
	return list;
}

/* What config.json has no place for. */
static void annotate(const struct container *c, json_t *list)
{
	CLEANUP(freep) char *tree = c->tree ? tree_text(c->tree) : NULL;

	if (tree)
		(void)json_object_set_new(list, "dlenv.tree", json_string(tree));
	for (const struct node *n = c->nodes; n; n = n->next) {
		CLEANUP(freep) char *key = str_fmt("dlenv.node.%s", n->path);

		if (n->host_path && !str_eq(n->host_path, n->path))
			(void)json_object_set_new(list, key, json_string(n->host_path));
	}
}

void bundle_complete(const struct container *c, json_t *config)
{
	json_t *mounts = json_object_get(config, "mounts");

	for (const struct mount *m = c->mounts; m; m = m->next)
		if (m->kind == MOUNT_EXACT)
			mount_add(mounts, m->type, m->source, m->at, m->options);
	if (c->nodes)
		(void)json_object_set_new(json_object_get(config, "linux"), "devices", devices(c));
	annotate(c, json_object_get(config, "annotations"));
}

/* "a,b" as a list of its own. */
static const char **words(struct arena *a, const char *text)
{
	char *rest = arena_str(a, text ? text : "");
	const char **v = arena_alloc(a, (strlen(rest) / 2 + 2) * sizeof(*v));
	size_t n = 0;

	while (*rest) {
		size_t len = strcspn(rest, ",");

		v[n++] = rest;
		rest += len;
		if (*rest)
			*rest++ = '\0';
	}
	return v;
}

static struct spec_mount *more_mounts(struct container *c, size_t *ret_n)
{
	struct spec_mount *list;
	const char *last = NULL;
	size_t n = 0;

	for (const struct mount *m = c->mounts; m; m = m->next)
		n += m->kind == MOUNT_EXACT;
	list = arena_alloc(&c->arena, (n + 1) * sizeof(*list));
	*ret_n = n;
	n = 0;
	for (const struct mount *m = c->mounts; m; m = m->next) {
		if (m->kind != MOUNT_EXACT)
			continue;
		list[n] = (struct spec_mount){
			.destination = m->at,
			.type = m->type,
			.source = m->source,
			/* Most have the same. */
			.options = last && str_eq(last, m->options) ? list[n - 1].options
								    : words(&c->arena, m->options),
		};
		last = m->options;
		n++;
	}
	return list;
}

void bundle_more(struct container *c, struct spec_more *ret)
{
	struct spec_device *devices;
	size_t n = 0;

	for (const struct node *node = c->nodes; node; node = node->next)
		n++;
	devices = arena_alloc(&c->arena, (n + 1) * sizeof(*devices));
	*ret = (struct spec_more){.devices = devices, .devices_n = n, .tree = c->tree};
	for (const struct node *node = c->nodes; node; node = node->next)
		*devices++ = (struct spec_device){
			.path = node->path,
			.type = arena_strn(&c->arena, &node->type, 1),
			.major = node->major,
			.minor = node->minor,
			.mode = node->mode,
			.uid = node->uid,
			.gid = node->gid,
			.host_path = node->host_path,
		};
	ret->mounts = more_mounts(c, &ret->mounts_n);
}

/* --- writing --- */

/*
 * The filter is most of the document, and its compiled form is looked up by its text: that is put
 * in as it is. Inside a string of JSON the quotes would be escaped, so this stands there once.
 */
static const char filter_place[] = "@";
static const char filter_mark[] = "\"seccomp\":\"@\"";

static void put_filter(const char *text, struct buf *ret)
{
	const char *mark = strstr(text, filter_mark);

	buf_add(ret, text, (size_t)(mark - text));
	buf_fmt(ret, "\"seccomp\":%s", rt_default_seccomp_json());
	buf_str(ret, mark + strlen(filter_mark));
}

int bundle_save(json_t *config, const char *dir, struct err *e)
{
	json_t *linux_part = json_object_get(config, "linux");
	CLEANUP(freep) char *path = str_fmt("%s/config.json", dir);
	CLEANUP(freep) char *text = NULL;
	CLEANUP(buf_fini) struct buf all = {0};

	(void)json_object_set_new(linux_part, "seccomp", json_string(filter_place));
	text = json_dumps(config, JSON_SORT_KEYS | JSON_COMPACT);
	if (!text)
		err_bug("config.json has a section that is not JSON");
	put_filter(text, &all);
	return file_write(AT_FDCWD, path, all.data, all.len, 0600, 0, e);
}

int bundle_write(const struct container *c, const char *dir, struct err *e)
{
	json_t *config = bundle_json(c);
	int code;

	bundle_complete(c, config);
	code = bundle_save(config, dir, e);
	json_decref(config);
	return code;
}
