/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/spec_more.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/json_span.h"
#include "base/str.h"
#include "runtime/caps.h"
#include "runtime/spec_check.h"

#define ROW(name, kind, in, field)                                                                 \
	{                                                                                          \
		.key = (name), .type = (kind), .offset = offsetof(in, field)                       \
	}
#define NEED(name, kind, in, field)                                                                \
	{                                                                                          \
		.key = (name), .type = (kind), .offset = offsetof(in, field),                      \
		.flags = DOC_REQUIRED                                                              \
	}
#define MAP(name, in, field, sub)                                                                  \
	{                                                                                          \
		.key = (name), .type = DOC_AS_MAP, .offset = offsetof(in, field), .rows = (sub)    \
	}
#define LIST(name, in, field, sub, item)                                                           \
	{                                                                                          \
		.key = (name), .type = DOC_AS_LIST, .offset = offsetof(in, field), .rows = (sub),  \
		.item_size = sizeof(item)                                                          \
	}
/* A map whose fields lie in the struct that holds it. */
#define PART(name, sub)                                                                            \
	{                                                                                          \
		.key = (name), .type = DOC_AS_MAP, .offset = 0, .rows = (sub)                      \
	}

static const struct doc_row root_rows[] = {
	ROW("path", DOC_AS_STR, struct spec, root_path),
	ROW("readonly", DOC_AS_BOOL, struct spec, root_readonly),
	{0},
};

static const struct doc_row mount_rows[] = {
	NEED("destination", DOC_AS_STR, struct spec_mount, destination),
	ROW("type", DOC_AS_STR, struct spec_mount, type),
	ROW("source", DOC_AS_STR, struct spec_mount, source),
	ROW("options", DOC_AS_STRS, struct spec_mount, options),
	{0},
};

static const struct doc_row user_rows[] = {
	ROW("uid", DOC_AS_UINT, struct spec_process, uid),
	ROW("gid", DOC_AS_UINT, struct spec_process, gid),
	ROW("umask", DOC_AS_INT, struct spec_process, umask),
	ROW("additionalGids", DOC_AS_STRS, struct spec_process, group_texts),
	{0},
};

static const struct doc_row caps_rows[] = {
	ROW("bounding", DOC_AS_STRS, struct spec_process, cap_names[CAPS_BOUNDING]),
	ROW("effective", DOC_AS_STRS, struct spec_process, cap_names[CAPS_EFFECTIVE]),
	ROW("permitted", DOC_AS_STRS, struct spec_process, cap_names[CAPS_PERMITTED]),
	ROW("inheritable", DOC_AS_STRS, struct spec_process, cap_names[CAPS_INHERITABLE]),
	ROW("ambient", DOC_AS_STRS, struct spec_process, cap_names[CAPS_AMBIENT]),
	{0},
};

static const struct doc_row rlimit_rows[] = {
	NEED("type", DOC_AS_STR, struct spec_rlimit, type),
	NEED("soft", DOC_AS_STR, struct spec_rlimit, soft),
	NEED("hard", DOC_AS_STR, struct spec_rlimit, hard),
	{0},
};

static const struct doc_row process_rows[] = {
	ROW("terminal", DOC_AS_BOOL, struct spec_process, terminal),
	ROW("noNewPrivileges", DOC_AS_BOOL, struct spec_process, no_new_privileges),
	PART("user", user_rows),
	NEED("args", DOC_AS_STRS, struct spec_process, args),
	ROW("env", DOC_AS_STRS, struct spec_process, env),
	NEED("cwd", DOC_AS_STR, struct spec_process, cwd),
	PART("capabilities", caps_rows),
	LIST("rlimits", struct spec_process, rlimits, rlimit_rows, struct spec_rlimit),
	ROW("oomScoreAdj", DOC_AS_STR, struct spec_process, oom_score_adj),
	{0},
};

static const struct doc_row ns_rows[] = {
	NEED("type", DOC_AS_STR, struct spec_ns, type),
	ROW("path", DOC_AS_STR, struct spec_ns, path),
	{0},
};

static const struct doc_row map_rows[] = {
	NEED("containerID", DOC_AS_UINT, struct spec_map, inside),
	NEED("hostID", DOC_AS_UINT, struct spec_map, outside),
	NEED("size", DOC_AS_UINT, struct spec_map, count),
	{0},
};

static const struct doc_row device_rows[] = {
	NEED("path", DOC_AS_STR, struct spec_device, path),
	NEED("type", DOC_AS_STR, struct spec_device, type),
	ROW("major", DOC_AS_INT, struct spec_device, major),
	ROW("minor", DOC_AS_INT, struct spec_device, minor),
	ROW("fileMode", DOC_AS_UINT, struct spec_device, mode),
	ROW("uid", DOC_AS_UINT, struct spec_device, uid),
	ROW("gid", DOC_AS_UINT, struct spec_device, gid),
	{0},
};

static const struct doc_row rule_rows[] = {
	NEED("allow", DOC_AS_BOOL, struct spec_device_rule, allow),
	ROW("type", DOC_AS_STR, struct spec_device_rule, type),
	ROW("access", DOC_AS_STR, struct spec_device_rule, access),
	ROW("major", DOC_AS_STR, struct spec_device_rule, major),
	ROW("minor", DOC_AS_STR, struct spec_device_rule, minor),
	{0},
};

static const struct doc_row memory_rows[] = {
	ROW("limit", DOC_AS_INT, struct spec_resources, memory),
	ROW("swap", DOC_AS_INT, struct spec_resources, memory_swap),
	ROW("reservation", DOC_AS_INT, struct spec_resources, memory_reserve),
	{0},
};

static const struct doc_row pids_rows[] = {
	ROW("limit", DOC_AS_INT, struct spec_resources, pids),
	{0},
};

static const struct doc_row cpu_rows[] = {
	ROW("quota", DOC_AS_INT, struct spec_resources, cpu_quota),
	ROW("period", DOC_AS_UINT, struct spec_resources, cpu_period),
	ROW("shares", DOC_AS_UINT, struct spec_resources, cpu_shares),
	ROW("cpus", DOC_AS_STR, struct spec_resources, cpus),
	ROW("mems", DOC_AS_STR, struct spec_resources, mems),
	{0},
};

static const struct doc_row resources_rows[] = {
	PART("memory", memory_rows),
	PART("pids", pids_rows),
	PART("cpu", cpu_rows),
	LIST("devices", struct spec_resources, devices, rule_rows, struct spec_device_rule),
	{0},
};

static const struct doc_row linux_rows[] = {
	LIST("namespaces", struct spec_linux, namespaces, ns_rows, struct spec_ns),
	LIST("uidMappings", struct spec_linux, uids, map_rows, struct spec_map),
	LIST("gidMappings", struct spec_linux, gids, map_rows, struct spec_map),
	LIST("devices", struct spec_linux, devices, device_rows, struct spec_device),
	ROW("cgroupsPath", DOC_AS_STR, struct spec_linux, cgroup),
	MAP("resources", struct spec_linux, resources, resources_rows),
	ROW("maskedPaths", DOC_AS_STRS, struct spec_linux, masked),
	ROW("readonlyPaths", DOC_AS_STRS, struct spec_linux, readonly),
	ROW("rootfsPropagation", DOC_AS_STR, struct spec_linux, propagation),
	ROW("sysctl", DOC_AS_PAIRS, struct spec_linux, sysctl),
	{0},
};

static const struct doc_row spec_rows[] = {
	NEED("ociVersion", DOC_AS_STR, struct spec, version),
	PART("root", root_rows),
	ROW("hostname", DOC_AS_STR, struct spec, hostname),
	ROW("domainname", DOC_AS_STR, struct spec, domainname),
	ROW("annotations", DOC_AS_PAIRS, struct spec, annotations),
	LIST("mounts", struct spec, mounts, mount_rows, struct spec_mount),
	MAP("process", struct spec, process, process_rows),
	MAP("linux", struct spec, linux_, linux_rows),
	{0},
};

static int groups_take(struct spec *s, struct err *e)
{
	struct spec_process *p = &s->process;
	size_t n = 0;

	while (p->group_texts && p->group_texts[n])
		n++;
	if (n > GROUPS_MAX)
		return err_set(e, ERR_CONFIG, "process.user.additionalGids has %zu entries", n);
	p->groups = arena_alloc(&s->doc.arena, (n + 1) * sizeof(*p->groups));
	for (; p->groups_n < n; p->groups_n++) {
		uint64_t gid;

		if (parse_uint(p->group_texts[p->groups_n], UINT32_MAX - 1, "additionalGids", &gid,
			       e) < 0)
			return -(int)e->code;
		p->groups[p->groups_n] = (uint32_t)gid;
	}
	return 0;
}

static int caps_take(struct spec_process *p, struct err *e)
{
	for (int i = 0; i < CAPS_SETS; i++)
		for (const char **name = p->cap_names[i]; name && *name; name++) {
			int cap = cap_number(*name);

			if (cap < 0)
				return err_set(e, ERR_CONFIG, "unknown capability '%s'", *name);
			p->caps[i] |= UINT64_C(1) << cap;
		}
	return 0;
}

/* The checked arithmetic of R6: no row may wrap around or be cut off. */
static int map_take(const struct doc_list *list, struct idmap_row *rows, size_t *ret_n,
		    struct err *e)
{
	const struct spec_map *m = list->items;

	if (list->n > IDMAP_MAX)
		return err_set(e, ERR_CONFIG, "an id mapping has %zu rows: at most %d are possible",
			       list->n, IDMAP_MAX);
	for (size_t i = 0; i < list->n; i++) {
		if (!m[i].count || m[i].count > UINT32_MAX || m[i].inside > UINT32_MAX ||
		    m[i].outside > UINT32_MAX || m[i].inside + m[i].count > UINT32_MAX ||
		    m[i].outside + m[i].count > UINT32_MAX)
			return err_set(e, ERR_CONFIG, "row %zu of an id mapping is out of range",
				       i);
		rows[i] = (struct idmap_row){(uint32_t)m[i].inside, (uint32_t)m[i].outside,
					     (uint32_t)m[i].count};
	}
	*ret_n = list->n;
	return 0;
}

/*
 * The text without its seccomp section, which is kept apart: reading it costs
 * more than the rest, and is needed only when its filter is not in the cache.
 */
static char *seccomp_cut(const char *text, size_t len, struct spec *s, size_t *ret_len)
{
	static const char *const path[] = {"linux", "seccomp", NULL};
	CLEANUP(buf_fini) struct buf rest = {0};
	size_t start = 0;
	size_t n = 0;

	buf_str(&rest, "");
	if (json_span(text, len, path, &start, &n) && text[start] == '{') {
		s->linux_.seccomp = arena_strn(&s->own, text + start, n);
		buf_add(&rest, text, start);
		buf_str(&rest, "null");
		start += n;
	} else {
		start = 0;
	}
	buf_add(&rest, text + start, len - start);
	*ret_len = rest.len;
	return TAKE(rest.data);
}

static void list_add(struct spec *s, struct doc_list *list, const void *more, size_t n, size_t size)
{
	char *items = arena_alloc(&s->own, (list->n + n) * size + 1);

	if (list->n)
		memcpy(items, list->items, list->n * size);
	if (n)
		memcpy(items + list->n * size, more, n * size);
	*list = (struct doc_list){.items = items, .n = list->n + n};
}

static int spec_decode(struct spec *s, const struct spec_more *more, struct err *e)
{
	s->process.umask = -1;
	if (doc_decode(&s->doc, s->doc.top, spec_rows, DOC_OPEN, s, &s->doc.arena, e) < 0)
		return -(int)e->code;
	if (more) {
		list_add(s, &s->mounts, more->mounts, more->mounts_n, sizeof(*more->mounts));
		list_add(s, &s->linux_.devices, more->devices, more->devices_n,
			 sizeof(*more->devices));
		s->tree = more->tree;
	}
	if (groups_take(s, e) < 0 || caps_take(&s->process, e) < 0)
		return -(int)e->code;
	if (map_take(&s->linux_.uids, s->map.uid, &s->map.uids, e) < 0)
		return err_wrap(e, "linux.uidMappings");
	if (map_take(&s->linux_.gids, s->map.gid, &s->map.gids, e) < 0)
		return err_wrap(e, "linux.gidMappings");
	return spec_check(s, e);
}

int spec_parse(const char *text, size_t len, const char *name, struct spec *ret, struct err *e)
{
	size_t rest_len = 0;
	CLEANUP(freep) char *rest = seccomp_cut(text, len, ret, &rest_len);

	if (doc_json(rest, rest_len, name, &ret->doc, e) < 0)
		return -(int)e->code;
	return spec_decode(ret, NULL, e);
}

int spec_of_json(const struct json_t *config, const char *seccomp, const struct spec_more *more,
		 struct spec *ret, struct err *e)
{
	ret->linux_.seccomp = arena_str(&ret->own, seccomp);
	if (doc_of_json(config, "config.json", &ret->doc, e) < 0)
		return -(int)e->code;
	return spec_decode(ret, more, e);
}

int spec_read(const char *bundle, struct spec *ret, struct err *e)
{
	CLEANUP(freep) char *path = str_fmt("%s/config.json", bundle);
	CLEANUP(freep) char *text = NULL;
	size_t len = 0;

	if (file_read(AT_FDCWD, path, SPEC_MAX, &text, &len, e) < 0)
		return -(int)e->code;
	return spec_parse(text, len, "config.json", ret, e);
}

void spec_fini(struct spec *s)
{
	doc_fini(&s->doc);
	arena_fini(&s->own);
}

const char *spec_annotation(const struct spec *s, const char *key)
{
	for (size_t i = 0; i < s->annotations.n; i++)
		if (str_eq(s->annotations.items[i].key, key))
			return s->annotations.items[i].value;
	return NULL;
}

bool spec_keeps_groups(const struct spec *s)
{
	return str_eq(spec_annotation(s, "run.oci.keep_original_groups"), "1") &&
	       spec_namespace(s, "user");
}

const struct spec_ns *spec_namespace(const struct spec *s, const char *type)
{
	const struct spec_ns *ns = s->linux_.namespaces.items;

	for (size_t i = 0; i < s->linux_.namespaces.n; i++)
		if (str_eq(ns[i].type, type))
			return &ns[i];
	return NULL;
}
