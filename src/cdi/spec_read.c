/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: the text becomes a tree (base/doc.h), the tree is decoded by rows into the
 * specification, and the specification is checked. A map that cannot be decoded as a whole is
 * decoded entry by entry, so that each of its mistakes is found.
 *
 * The JSON reader is fast but keeps no positions. JSON with a mistake in it is therefore read a
 * second time as YAML, of which it is a part, to say where the mistake stands.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "base/str.h"
#include "cdi/spec_check.h"

enum { PROBLEMS_MAX = 100 };

struct reader {
	struct cdi_check check;
	const struct doc *doc;
	struct arena *arena; /* of the specification */
};

#define ROW(name, kind, in, field)                                                                 \
	{                                                                                          \
		.key = (name), .type = (kind), .offset = offsetof(in, field)                       \
	}

/* As written: numbers and lists are read by their own functions. */
struct raw_node {
	const char *path;
	const char *host_path;
	const char *type;
	const char *permissions;
	const struct doc_node *major;
	const struct doc_node *minor;
	const struct doc_node *mode;
	const struct doc_node *uid;
	const struct doc_node *gid;
};

struct raw_mount {
	const char *host_path;
	const char *container_path;
	const char *type;
	const struct doc_node *options;
};

struct raw_hook {
	const char *stage;
	const char *path;
	const struct doc_node *args;
	const struct doc_node *env;
	const struct doc_node *timeout;
};

struct raw_rdt {
	struct cdi_rdt rdt;
	const struct doc_node *schemata;
};

struct raw_edits {
	const struct doc_node *env;
	const struct doc_node *nodes;
	const struct doc_node *mounts;
	const struct doc_node *hooks;
	const struct doc_node *nets;
	const struct doc_node *rdt;
	const struct doc_node *gids;
};

struct raw_device {
	const char *name;
	struct doc_pairs annotations;
	const struct doc_node *edits;
};

struct raw_spec {
	const char *version;
	const char *kind;
	struct doc_pairs annotations;
	const struct doc_node *devices;
	const struct doc_node *edits;
};

static const struct doc_row node_rows[] = {
	ROW("path", DOC_AS_STR, struct raw_node, path),
	ROW("hostPath", DOC_AS_STR, struct raw_node, host_path),
	ROW("type", DOC_AS_STR, struct raw_node, type),
	ROW("major", DOC_AS_NODE, struct raw_node, major),
	ROW("minor", DOC_AS_NODE, struct raw_node, minor),
	ROW("fileMode", DOC_AS_NODE, struct raw_node, mode),
	ROW("permissions", DOC_AS_STR, struct raw_node, permissions),
	ROW("uid", DOC_AS_NODE, struct raw_node, uid),
	ROW("gid", DOC_AS_NODE, struct raw_node, gid),
	{0},
};

static const struct doc_row mount_rows[] = {
	ROW("hostPath", DOC_AS_STR, struct raw_mount, host_path),
	ROW("containerPath", DOC_AS_STR, struct raw_mount, container_path),
	ROW("type", DOC_AS_STR, struct raw_mount, type),
	ROW("options", DOC_AS_NODE, struct raw_mount, options),
	{0},
};

static const struct doc_row hook_rows[] = {
	ROW("hookName", DOC_AS_STR, struct raw_hook, stage),
	ROW("path", DOC_AS_STR, struct raw_hook, path),
	ROW("args", DOC_AS_NODE, struct raw_hook, args),
	ROW("env", DOC_AS_NODE, struct raw_hook, env),
	ROW("timeout", DOC_AS_NODE, struct raw_hook, timeout),
	{0},
};

static const struct doc_row net_rows[] = {
	ROW("hostInterfaceName", DOC_AS_STR, struct cdi_net, host_name),
	ROW("name", DOC_AS_STR, struct cdi_net, name),
	{0},
};

static const struct doc_row rdt_rows[] = {
	ROW("closID", DOC_AS_STR, struct raw_rdt, rdt.clos_id),
	ROW("l3CacheSchema", DOC_AS_STR, struct raw_rdt, rdt.l3_schema),
	ROW("memBwSchema", DOC_AS_STR, struct raw_rdt, rdt.mem_bw_schema),
	ROW("schemata", DOC_AS_NODE, struct raw_rdt, schemata),
	ROW("enableCMT", DOC_AS_BOOL, struct raw_rdt, rdt.enable_cmt),
	ROW("enableMBM", DOC_AS_BOOL, struct raw_rdt, rdt.enable_mbm),
	ROW("enableMonitoring", DOC_AS_BOOL, struct raw_rdt, rdt.enable_monitoring),
	{0},
};

static const struct doc_row edits_rows[] = {
	ROW("env", DOC_AS_NODE, struct raw_edits, env),
	ROW("deviceNodes", DOC_AS_NODE, struct raw_edits, nodes),
	ROW("mounts", DOC_AS_NODE, struct raw_edits, mounts),
	ROW("hooks", DOC_AS_NODE, struct raw_edits, hooks),
	ROW("netDevices", DOC_AS_NODE, struct raw_edits, nets),
	ROW("intelRdt", DOC_AS_NODE, struct raw_edits, rdt),
	ROW("additionalGids", DOC_AS_NODE, struct raw_edits, gids),
	{0},
};

static const struct doc_row device_rows[] = {
	ROW("name", DOC_AS_STR, struct raw_device, name),
	ROW("annotations", DOC_AS_PAIRS, struct raw_device, annotations),
	ROW("containerEdits", DOC_AS_NODE, struct raw_device, edits),
	{0},
};

static const struct doc_row spec_rows[] = {
	ROW("cdiVersion", DOC_AS_STR, struct raw_spec, version),
	ROW("kind", DOC_AS_STR, struct raw_spec, kind),
	ROW("annotations", DOC_AS_PAIRS, struct raw_spec, annotations),
	ROW("devices", DOC_AS_NODE, struct raw_spec, devices),
	ROW("containerEdits", DOC_AS_NODE, struct raw_spec, edits),
	{0},
};

/* The whole map, or else what of it can be decoded. */
static void map_take(struct reader *r, const struct doc_node *map, const struct doc_row *rows,
		     void *target)
{
	struct err e;

	if (doc_decode(r->doc, map, rows, 0, target, r->arena, &e) == 0)
		return;
	if (map->kind != DOC_MAP) {
		cdi_wrong_err(&r->check, &e);
		return;
	}
	for (const struct doc_node *n = map->first; n; n = n->next) {
		/* Rows may keep the node itself. */
		struct doc_node *entry = arena_alloc(r->arena, sizeof(*entry));
		struct doc_node one = {.kind = DOC_MAP, .first = entry, .n = 1};

		*entry = *n;
		entry->next = NULL;
		if (doc_decode(r->doc, &one, rows, 0, target, r->arena, &e) < 0)
			cdi_wrong_err(&r->check, &e);
	}
}

static void refuse(struct reader *r, const struct doc_node *n, const char *fmt, const char *key)
{
	struct err e;

	(void)doc_err(r->doc, n, &e, fmt, key);
	cdi_wrong_err(&r->check, &e);
}

/* The first entry of a list, NULL when there is none; anything else is a mistake. */
static const struct doc_node *list_first(struct reader *r, const struct doc_node *n,
					 const char *key)
{
	if (!n || n->kind == DOC_NULL)
		return NULL;
	if (n->kind == DOC_LIST)
		return n->first;
	refuse(r, n, N_("'%s' must be a list"), key);
	return NULL;
}

static void texts_take(struct reader *r, const struct doc_node *n, const char *key,
		       struct cdi_texts *ret)
{
	for (n = list_first(r, n, key); n; n = n->next) {
		if (n->kind == DOC_LIST || n->kind == DOC_MAP) {
			refuse(r, n, N_("'%s' must be a list of single values"), key);
			return;
		}
		cdi_add_text(r->arena, ret, n->text);
	}
}

/*
 * A whole number as Go's readers take it: 0x and 0o, and a leading zero makes it octal too, which
 * is what people mean by "fileMode: 0660".
 */
static bool number_parse(const char *s, uint64_t max, uint64_t *ret)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t value = 0;
	uint64_t base = 10;

	if (s[0] == '0' && s[1] == 'x')
		base = 16;
	else if (s[0] == '0' && s[1])
		base = 8;
	if (base != 10)
		s += s[1] == 'x' || s[1] == 'o' ? 2 : 1;
	if (!*s)
		return false;
	for (; *s; s++) {
		char c = *s >= 'A' && *s <= 'F' ? (char)(*s - 'A' + 'a') : *s;
		const char *digit = strchr(digits, c);

		if (!digit || (uint64_t)(digit - digits) >= base)
			return false;
		value = value * base + (uint64_t)(digit - digits);
		if (value > max)
			return false;
	}
	*ret = value;
	return true;
}

static void number_take(struct reader *r, const struct doc_node *n, const char *key, int64_t *ret)
{
	uint64_t value = 0;

	if (!n || n->kind == DOC_NULL)
		return;
	if (n->kind != DOC_NUMBER || !number_parse(n->text, UINT32_MAX, &value)) {
		refuse(r, n, N_("'%s' must be a whole number, 0 or more"), key);
		return;
	}
	*ret = (int64_t)value;
}

/* A value that is empty is one that is not said. */
static const char *said(const char *s)
{
	return s && s[0] ? s : NULL;
}

static void node_take(struct reader *r, const struct doc_node *n, struct cdi_edits *e)
{
	struct cdi_node *to = cdi_add_node(r->arena, e);
	struct raw_node raw = {0};

	map_take(r, n, node_rows, &raw);
	to->path = said(raw.path);
	to->host_path = said(raw.host_path);
	to->type = said(raw.type);
	to->permissions = said(raw.permissions);
	number_take(r, raw.major, "major", &to->major);
	number_take(r, raw.minor, "minor", &to->minor);
	number_take(r, raw.mode, "fileMode", &to->mode);
	number_take(r, raw.uid, "uid", &to->uid);
	number_take(r, raw.gid, "gid", &to->gid);
}

static void mount_take(struct reader *r, const struct doc_node *n, struct cdi_edits *e)
{
	struct cdi_mount *to = cdi_add_mount(r->arena, e);
	struct raw_mount raw = {0};

	map_take(r, n, mount_rows, &raw);
	to->host_path = said(raw.host_path);
	to->container_path = said(raw.container_path);
	to->type = said(raw.type);
	texts_take(r, raw.options, "options", &to->options);
}

static void hook_take(struct reader *r, const struct doc_node *n, struct cdi_edits *e)
{
	struct cdi_hook *to = cdi_add_hook(r->arena, e);
	struct raw_hook raw = {0};

	map_take(r, n, hook_rows, &raw);
	to->stage = said(raw.stage);
	to->path = said(raw.path);
	texts_take(r, raw.args, "args", &to->args);
	texts_take(r, raw.env, "env", &to->env);
	number_take(r, raw.timeout, "timeout", &to->timeout);
}

static void net_take(struct reader *r, const struct doc_node *n, struct cdi_edits *e)
{
	struct cdi_net *to = cdi_add_net(r->arena, e);

	map_take(r, n, net_rows, to);
	to->host_name = said(to->host_name);
	to->name = said(to->name);
}

static void rdt_take(struct reader *r, const struct doc_node *n, struct cdi_edits *e)
{
	struct raw_rdt raw = {0};

	if (!n || n->kind == DOC_NULL)
		return;
	map_take(r, n, rdt_rows, &raw);
	texts_take(r, raw.schemata, "schemata", &raw.rdt.schemata);
	e->rdt = arena_alloc(r->arena, sizeof(*e->rdt));
	*e->rdt = raw.rdt;
	e->rdt->clos_id = said(raw.rdt.clos_id);
	e->rdt->l3_schema = said(raw.rdt.l3_schema);
	e->rdt->mem_bw_schema = said(raw.rdt.mem_bw_schema);
}

static void gids_take(struct reader *r, const struct doc_node *n, struct cdi_edits *e)
{
	enum { GIDS_MAX = 4096 };

	if (n && n->n > GIDS_MAX) {
		refuse(r, n, N_("'%s' is too long"), "additionalGids");
		return;
	}
	for (n = list_first(r, n, "additionalGids"); n; n = n->next) {
		int64_t gid = -1;

		number_take(r, n, "additionalGids", &gid);
		if (gid >= 0)
			cdi_add_gid(r->arena, e, (uint32_t)gid);
	}
}

typedef void item_take(struct reader *r, const struct doc_node *n, struct cdi_edits *e);

static void items_take(struct reader *r, const struct doc_node *list, const char *key,
		       item_take *take, struct cdi_edits *e)
{
	for (list = list_first(r, list, key); list; list = list->next)
		take(r, list, e);
}

static void edits_take(struct reader *r, const struct doc_node *n, struct cdi_edits *e)
{
	struct raw_edits raw = {0};

	if (!n || n->kind == DOC_NULL)
		return;
	map_take(r, n, edits_rows, &raw);
	texts_take(r, raw.env, "env", &e->env);
	items_take(r, raw.nodes, "deviceNodes", node_take, e);
	items_take(r, raw.mounts, "mounts", mount_take, e);
	items_take(r, raw.hooks, "hooks", hook_take, e);
	items_take(r, raw.nets, "netDevices", net_take, e);
	rdt_take(r, raw.rdt, e);
	gids_take(r, raw.gids, e);
}

static void devices_take(struct reader *r, const struct doc_node *n, struct cdi_spec *s)
{
	for (n = list_first(r, n, "devices"); n; n = n->next) {
		struct cdi_device *d = cdi_add_device(s, NULL);
		struct raw_device raw = {0};

		map_take(r, n, device_rows, &raw);
		d->name = said(raw.name);
		d->annotations = raw.annotations;
		edits_take(r, raw.edits, &d->edits);
	}
}

/* In YAML a plain "null" or "~" is written out; to a reader of CDI it is nothing. */
static void nulls_clear(struct doc_node *n)
{
	for (; n; n = n->next) {
		if (n->kind == DOC_NULL)
			n->text = "";
		nulls_clear(n->first);
	}
}

static void read_tree(struct doc *doc, struct cdi_spec *s, struct cdi_problems *problems,
		      size_t max)
{
	struct reader r = {.check = {.doc = doc, .problems = problems, .max = max},
			   .doc = doc,
			   .arena = &s->arena};
	const struct doc_node *version = doc_get(doc->top, "cdiVersion");
	struct raw_spec raw = {0};

	nulls_clear(doc->top);
	/* What a version from the future has in it is not ours to judge. */
	if (version && version->kind != DOC_LIST && version->kind != DOC_MAP && version->text[0])
		cdi_check_version(&r.check, version->text);
	if (problems->n)
		return;
	map_take(&r, doc->top, spec_rows, &raw);
	s->version = said(raw.version);
	s->kind = said(raw.kind);
	s->annotations = raw.annotations;
	devices_take(&r, raw.devices, s);
	edits_take(&r, raw.edits, &s->edits);
	cdi_check(&r.check, s);
}

static bool is_json(const char *text, size_t len)
{
	size_t at = 0;

	while (at < len && strchr(" \t\r\n", text[at]) && text[at])
		at++;
	return at < len && text[at] == '{';
}

typedef int doc_reader(const char *text, size_t len, const char *name, struct doc *ret,
		       struct err *e);

struct source {
	const char *text;
	size_t len;
	const char *name;
};

static void read_as(doc_reader *reader, const struct source *in, struct cdi_spec *s,
		    struct cdi_problems *problems, size_t max)
{
	struct cdi_check c = {.problems = problems, .max = max};
	CLEANUP(doc_fini) struct doc doc = {0};
	struct err e;

	if (reader(in->text, in->len, in->name, &doc, &e) < 0)
		cdi_wrong_err(&c, &e);
	else
		read_tree(&doc, s, problems, max);
}

static void read_text(const struct source *in, struct cdi_spec *s, struct cdi_problems *problems,
		      size_t max)
{
	CLEANUP(cdi_problems_fini) struct cdi_problems placed = {0};
	CLEANUP(cdi_spec_fini) struct cdi_spec again = {0};
	struct cdi_problems first;

	if (!is_json(in->text, in->len)) {
		read_as(doc_yaml, in, s, problems, max);
		return;
	}
	read_as(doc_json, in, s, problems, max);
	if (!problems->n || problems->items[0].code != ERR_CONFIG)
		return;
	read_as(doc_yaml, in, &again, &placed, max);
	if (!placed.n || placed.items[0].code != ERR_CONFIG)
		return;
	first = *problems;
	*problems = placed;
	placed = first;
}

size_t cdi_spec_problems(const char *text, size_t len, const char *name, struct cdi_spec *ret,
			 struct cdi_problems *problems)
{
	read_text(&(struct source){text, len, name}, ret, problems, PROBLEMS_MAX);
	return problems->n;
}

int cdi_spec_parse(const char *text, size_t len, const char *name, struct cdi_spec *ret,
		   struct err *e)
{
	CLEANUP(cdi_problems_fini) struct cdi_problems p = {0};

	read_text(&(struct source){text, len, name}, ret, &p, 1);
	if (!p.n)
		return 0;
	*e = p.items[0];
	return -(int)e->code;
}
