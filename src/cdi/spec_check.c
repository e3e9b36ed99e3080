/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/spec_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "base/str.h"
#include "base/version.h"

/* A step further down. */
#define AT(above, name) (&(struct cdi_place){.up = (above), .key = (name)})
#define AT_ITEM(above, number) (&(struct cdi_place){.up = (above), .index = (number)})

/* SPEC.md and Kubernetes' limit for the annotations of one object. */
enum { ANNOTATIONS_MAX = 256 << 10, LABEL_MAX = 63, DOMAIN_MAX = 253 };

/* The place's node; what is missing counts as what it is missing from. */
static const struct doc_node *node_at(const struct doc *doc, const struct cdi_place *at)
{
	const struct doc_node *up;
	const struct doc_node *n;

	if (!at || !at->up)
		up = doc->top;
	else
		up = node_at(doc, at->up);
	if (!at || !up)
		return up;
	if (at->key) {
		n = doc_get(up, at->key);
		return n ? n : up;
	}
	n = up->first;
	for (size_t i = 0; n && i < at->index; i++)
		n = n->next;
	return n ? n : up;
}

static void place_text(const struct cdi_place *at, struct buf *b)
{
	if (at->up)
		place_text(at->up, b);
	if (at->key)
		buf_fmt(b, "%s%s", b->len ? "." : "", at->key);
	else
		buf_fmt(b, "[%zu]", at->index);
}

void cdi_problems_fini(struct cdi_problems *p)
{
	freep(&p->items);
	p->n = 0;
}

void cdi_wrong_err(struct cdi_check *c, const struct err *e)
{
	struct cdi_problems *p = c->problems;

	if (p->n >= c->max)
		return;
	p->items = mem_resize(p->items, (p->n + 1) * sizeof(*p->items));
	p->items[p->n++] = *e;
}

void cdi_wrong(struct cdi_check *c, const struct cdi_place *at, const char *hint, const char *fmt,
	       ...)
{
	CLEANUP(buf_fini) struct buf place = {.max = 200};
	struct err e = {0};
	char what[300];
	va_list args;

	if (c->problems->n >= c->max)
		return;
	va_start(args, fmt);
	(void)vsnprintf(what, sizeof(what), tr(fmt), args);
	va_end(args);
	if (c->doc && at && at->at_key) {
		(void)doc_err_key(c->doc, node_at(c->doc, at), &e, "%s", what);
	} else if (c->doc) {
		(void)doc_err(c->doc, node_at(c->doc, at), &e, "%s", what);
	} else {
		buf_str(&place, "");
		if (at)
			place_text(at, &place);
		e.code = ERR_CONFIG;
		(void)snprintf(e.msg, sizeof(e.msg), "%s%s%s", place.data, place.len ? ": " : "",
			       what);
	}
	if (hint)
		(void)err_hint(&e, "%s", tr(hint));
	cdi_wrong_err(c, &e);
}

void cdi_check_version(struct cdi_check *c, const char *version)
{
	static const char *const all = N_("released are 0.3.0, 0.4.0, 0.5.0, 0.6.0, 0.7.0, 0.8.0, "
					  "1.0.0 and 1.1.0");
	const struct version newest = {.n = 3, .part = {1, 1, 0}};
	const struct version oldest = {.n = 3, .part = {0, 3, 0}};
	const struct cdi_place *at = AT(NULL, "cdiVersion");
	struct version v = {0};
	struct err e;

	if (!version) {
		cdi_wrong(c, at, all, N_("'%s' is missing"), at->key);
		return;
	}
	if (cdi_version_known(version))
		return;
	/* What is no version at all is neither too new nor too old. */
	if (version_parse(version + (version[0] == 'v'), "cdiVersion", &v, &e) < 0)
		v = oldest;
	if (version_compare(&v, &newest) > 0)
		cdi_wrong(c, at,
			  N_("update dlenv, or write the specification for version 1.1.0 or older"),
			  N_("CDI version %s is newer than 1.1.0, the newest known here"), version);
	else if (version_compare(&v, &oldest) < 0)
		cdi_wrong(c, at, all, N_("CDI version %s is older than 0.3.0, the first one read"),
			  version);
	else
		cdi_wrong(c, at, all, N_("'%s' is not a version of CDI"), version);
}

/* Declared, and enough for what is used. */
static void check_version(struct cdi_check *c, const struct cdi_spec *s)
{
	const char *why = NULL;
	const char *needed = cdi_version_needed(s, &why);
	const char *known = cdi_version_known(s->version);
	struct version have = {0};
	struct version need = {0};
	struct err e;

	cdi_check_version(c, s->version);
	if (!known || version_parse(known, "cdiVersion", &have, &e) < 0 ||
	    version_parse(needed, "cdiVersion", &need, &e) < 0)
		return;
	if (version_compare(&have, &need) < 0)
		cdi_wrong(
			c, AT(NULL, "cdiVersion"),
			N_("declare the version that is needed; readers refuse the file otherwise"),
			N_("CDI version %s is too low: %s came with %s"), s->version, tr(why),
			needed);
}

static void check_kind(struct cdi_check *c, const struct cdi_spec *s)
{
	CLEANUP(arena_fini) struct arena a = {0};
	const struct cdi_place *at = AT(NULL, "kind");
	const char *slash = s->kind ? strchr(s->kind, '/') : NULL;
	const char *vendor;
	const char *rule;

	if (!s->kind) {
		cdi_wrong(c, at, N_("write VENDOR/CLASS, such as nvidia.com/gpu"),
			  N_("'%s' is missing"), at->key);
		return;
	}
	if (!slash) {
		cdi_wrong(c, at, N_("write VENDOR/CLASS, such as nvidia.com/gpu"),
			  N_("the kind '%s' has no class"), s->kind);
		return;
	}
	vendor = arena_strn(&a, s->kind, (size_t)(slash - s->kind));
	rule = cdi_name_rule(CDI_VENDOR, vendor);
	if (rule)
		cdi_wrong(c, at, NULL, rule, vendor);
	rule = cdi_name_rule(CDI_CLASS, slash + 1);
	if (rule)
		cdi_wrong(c, at, NULL, rule, slash + 1);
}

static bool all_of(const char *s, size_t n, const char *letters)
{
	return strspn(s, letters) >= n;
}

/* A Kubernetes qualified name: [DNS domain "/"] label; Go's readers compare in lower case. */
static bool annotation_key_is_valid(const char *key)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	static const char label[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	const char *slash = strchr(key, '/');
	const char *name = slash ? slash + 1 : key;
	size_t len = strlen(name);

	if (slash) {
		size_t n = (size_t)(slash - key);

		if (!n || n > DOMAIN_MAX || !all_of(key, n, label) || memchr(key, '_', n))
			return false;
		for (const char *p = key; p < slash; p++)
			if (*p == '.' && (p == key || p[1] == '.' || p[1] == '-' || p[-1] == '-'))
				return false;
		if (!all_of(key, 1, letters) || !all_of(slash - 1, 1, letters))
			return false;
	}
	return len && len <= LABEL_MAX && all_of(name, len, label) && all_of(name, 1, letters) &&
	       all_of(name + len - 1, 1, letters);
}

static void check_annotations(struct cdi_check *c, const struct cdi_place *up,
			      const struct doc_pairs *pairs)
{
	const struct cdi_place *at = AT(up, "annotations");
	size_t total = 0;

	for (size_t i = 0; i < pairs->n; i++) {
		const struct doc_pair *p = &pairs->items[i];
		struct cdi_place key = {.up = at, .key = p->key, .at_key = true};

		total += strlen(p->key) + strlen(p->value);
		if (!annotation_key_is_valid(p->key))
			cdi_wrong(
				c, &key,
				N_("write NAME or DOMAIN/NAME: letters, digits, '-', '_' and '.', "
				   "at most 63 of them"),
				N_("'%.100s' cannot be the name of an annotation"), p->key);
	}
	if (total > ANNOTATIONS_MAX)
		cdi_wrong(c, at, NULL, N_("the annotations are larger than 256 KiB"));
}

/* What was read is UTF-8; a path that a folder was listed for need not be, and has no spelling. */
static void check_utf8(struct cdi_check *c, const struct cdi_place *at, const char *text)
{
	const char *end = text + strlen(text);

	if (c->doc)
		return;
	for (const char *p = text; p < end;) {
		size_t n = (unsigned char)*p < 0x80 ? 1 : str_utf8(p, end);

		if (!n) {
			cdi_wrong(c, at, N_("rename the file"), N_("'%.150s' is not UTF-8"), text);
			return;
		}
		p += n;
	}
}

static void check_env(struct cdi_check *c, const struct cdi_place *at, const struct cdi_texts *env)
{
	for (size_t i = 0; i < env->n; i++)
		if (env->v[i][0] == '=' || !strchr(env->v[i], '='))
			cdi_wrong(c, AT_ITEM(at, i), N_("write NAME=VALUE"),
				  N_("'%.100s' is not a variable with its value"), env->v[i]);
}

/* A path that must be there and begin with a slash. */
static void check_path(struct cdi_check *c, const struct cdi_place *up, const char *key,
		       const char *path)
{
	if (!path || !path[0])
		cdi_wrong(c, AT(up, key), NULL, N_("'%s' is missing"), key);
	else
		check_utf8(c, AT(up, key), path);
	if (path && path[0] && path[0] != '/')
		cdi_wrong(c, AT(up, key), N_("write the path from the root, with a leading '/'"),
			  N_("'%.150s' is not an absolute path"), path);
}

static void check_range(struct cdi_check *c, const struct cdi_place *up, const char *key,
			int64_t value)
{
	if (value != -1 && (value < 0 || value > UINT32_MAX))
		cdi_wrong(c, AT(up, key), NULL, N_("'%s' must be a whole number, 0 or more"), key);
}

static void check_node(struct cdi_check *c, const struct cdi_place *at, const struct cdi_node *n)
{
	check_path(c, at, "path", n->path);
	if (n->host_path)
		check_path(c, at, "hostPath", n->host_path);
	if (n->type && (strlen(n->type) != 1 || !strchr("bcup", n->type[0])))
		cdi_wrong(c, AT(at, "type"), N_("write one of: b, c, u, p"),
			  N_("a device node cannot be of the type '%s'"), n->type);
	if (n->permissions && !str_eq(n->permissions, "none") &&
	    n->permissions[strspn(n->permissions, "rwm")])
		cdi_wrong(c, AT(at, "permissions"),
			  N_("write letters of 'rwm' (read, write, make), or 'none'"),
			  N_("'%s' are not the permissions of a device node"), n->permissions);
	check_range(c, at, "major", n->major);
	check_range(c, at, "minor", n->minor);
	check_range(c, at, "fileMode", n->mode);
	check_range(c, at, "uid", n->uid);
	check_range(c, at, "gid", n->gid);
}

static void check_mount(struct cdi_check *c, const struct cdi_place *at, const struct cdi_mount *m)
{
	if (!m->host_path)
		cdi_wrong(c, AT(at, "hostPath"), NULL, N_("'%s' is missing"), "hostPath");
	else
		check_utf8(c, AT(at, "hostPath"), m->host_path);
	check_path(c, at, "containerPath", m->container_path);
}

static void check_hook(struct cdi_check *c, const struct cdi_place *at, const struct cdi_hook *h)
{
	static const char *const stages[] = {"prestart",       "createRuntime", "createContainer",
					     "startContainer", "poststart",	"poststop"};
	bool known = false;

	for (size_t i = 0; i < COUNT(stages); i++)
		known = known || str_eq(stages[i], h->stage);
	if (!h->stage)
		cdi_wrong(c, AT(at, "hookName"), NULL, N_("'%s' is missing"), "hookName");
	else if (!known)
		cdi_wrong(c, AT(at, "hookName"),
			  N_("write one of: prestart, createRuntime, createContainer, "
			     "startContainer, poststart, poststop"),
			  N_("there is no hook stage '%s'"), h->stage);
	check_path(c, at, "path", h->path);
	check_env(c, AT(at, "env"), &h->env);
	for (size_t i = 0; i < h->args.n; i++)
		check_utf8(c, AT_ITEM(AT(at, "args"), i), h->args.v[i]);
	if (h->timeout < 0)
		cdi_wrong(c, AT(at, "timeout"), NULL, N_("'%s' must be a whole number, 0 or more"),
			  "timeout");
}

/* An interface may be taken once, and a name given once. */
static int by_host_name(const void *a, const void *b)
{
	const struct cdi_net *x = a;
	const struct cdi_net *y = b;

	return strcmp(x->host_name, y->host_name);
}

static int by_net_name(const void *a, const void *b)
{
	const struct cdi_net *x = a;
	const struct cdi_net *y = b;

	return strcmp(x->name, y->name);
}

static void check_nets(struct cdi_check *c, const struct cdi_place *at, const struct cdi_edits *e)
{
	CLEANUP(freep) struct cdi_net *nets = mem_alloc((e->nets_n + 1) * sizeof(*nets));

	for (size_t i = 0; i < e->nets_n; i++) {
		const struct cdi_place *item = AT_ITEM(at, i);

		nets[i] = e->nets[i];
		if (!nets[i].host_name)
			cdi_wrong(c, AT(item, "hostInterfaceName"), NULL, N_("'%s' is missing"),
				  "hostInterfaceName");
		if (!nets[i].name)
			cdi_wrong(c, AT(item, "name"), NULL, N_("'%s' is missing"), "name");
		if (!nets[i].host_name || !nets[i].name)
			return;
	}
	qsort(nets, e->nets_n, sizeof(*nets), by_host_name);
	for (size_t i = 1; i < e->nets_n; i++)
		if (str_eq(nets[i].host_name, nets[i - 1].host_name))
			cdi_wrong(c, at, NULL, N_("the network interface '%s' is taken twice"),
				  nets[i].host_name);
	qsort(nets, e->nets_n, sizeof(*nets), by_net_name);
	for (size_t i = 1; i < e->nets_n; i++)
		if (str_eq(nets[i].name, nets[i - 1].name))
			cdi_wrong(c, at, NULL,
				  N_("two network interfaces would be named '%s' in the container"),
				  nets[i].name);
}

static void check_rdt(struct cdi_check *c, const struct cdi_place *at, const struct cdi_rdt *r,
		      const char *version)
{
	const char *id = r->clos_id;

	if (id && !str_eq(id, "/") &&
	    (strlen(id) >= 4096 || str_eq(id, ".") || str_eq(id, "..") || strpbrk(id, "/\n")))
		cdi_wrong(c, AT(at, "closID"), NULL, N_("'%.100s' cannot be a closID"), id);
	if (!str_eq(cdi_version_known(version), "1.1.0"))
		return;
	if (r->enable_cmt)
		cdi_wrong(c, AT(at, "enableCMT"), N_("write 'enableMonitoring' instead"),
			  N_("'%s' was taken out of CDI with 1.1.0"), "enableCMT");
	if (r->enable_mbm)
		cdi_wrong(c, AT(at, "enableMBM"), N_("write 'enableMonitoring' instead"),
			  N_("'%s' was taken out of CDI with 1.1.0"), "enableMBM");
}

static void check_edits(struct cdi_check *c, const struct cdi_place *up, const struct cdi_edits *e,
			const char *version)
{
	const struct cdi_place *at = AT(up, "containerEdits");

	check_env(c, AT(at, "env"), &e->env);
	for (size_t i = 0; i < e->nodes_n; i++)
		check_node(c, AT_ITEM(AT(at, "deviceNodes"), i), &e->nodes[i]);
	for (size_t i = 0; i < e->mounts_n; i++)
		check_mount(c, AT_ITEM(AT(at, "mounts"), i), &e->mounts[i]);
	for (size_t i = 0; i < e->hooks_n; i++)
		check_hook(c, AT_ITEM(AT(at, "hooks"), i), &e->hooks[i]);
	check_nets(c, AT(at, "netDevices"), e);
	if (e->rdt)
		check_rdt(c, AT(at, "intelRdt"), e->rdt, version);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void check_devices(struct cdi_check *c, const struct cdi_spec *s)
{
	const struct cdi_place *at = AT(NULL, "devices");
	CLEANUP(freep) const char **names = mem_alloc((s->devices_n + 1) * sizeof(*names));

	if (!s->devices_n)
		cdi_wrong(c, at, NULL, N_("there is not a single device"));
	for (size_t i = 0; i < s->devices_n; i++) {
		const struct cdi_device *d = &s->devices[i];
		const struct cdi_place *item = AT_ITEM(at, i);
		const char *rule = d->name ? cdi_name_rule(CDI_DEVICE, d->name) : NULL;

		names[i] = d->name ? d->name : "";
		if (!d->name)
			cdi_wrong(c, AT(item, "name"), NULL, N_("'%s' is missing"), "name");
		if (rule)
			cdi_wrong(c, AT(item, "name"), NULL, rule, d->name);
		check_annotations(c, item, &d->annotations);
		check_edits(c, item, &d->edits, s->version);
		if (cdi_edits_empty(&d->edits))
			cdi_wrong(c, item, N_("give it containerEdits, or leave the device out"),
				  N_("the device '%s' changes nothing in a container"), names[i]);
	}
	qsort(names, s->devices_n, sizeof(*names), by_name);
	for (size_t i = 1; i < s->devices_n; i++)
		if (names[i][0] && str_eq(names[i], names[i - 1]))
			cdi_wrong(c, at, N_("each name may be given once"),
				  N_("there are two devices '%s'"), names[i]);
}

void cdi_check(struct cdi_check *c, const struct cdi_spec *s)
{
	check_version(c, s);
	check_kind(c, s);
	check_annotations(c, NULL, &s->annotations);
	check_devices(c, s);
	check_edits(c, NULL, &s->edits, s->version);
}

int cdi_spec_check(const struct cdi_spec *s, struct err *e)
{
	CLEANUP(cdi_problems_fini) struct cdi_problems p = {0};
	struct cdi_check c = {.problems = &p, .max = 1};

	cdi_check(&c, s);
	if (!p.n)
		return 0;
	*e = p.items[0];
	return -(int)e->code;
}
