/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One walk over the specification writes both forms, in the order in which CDI documents are
 * commonly read: version, kind, annotations, devices, common edits. In YAML a text is left without
 * quotes only if no reader of YAML 1.1 or 1.2 could take it for anything but a text; quoted, it is
 * written as in JSON, which YAML understands.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "cdi/spec.h"

enum { DEPTH_MAX = 12 };

/* An open list or map. */
struct level {
	bool is_list;
	bool is_flow; /* YAML: a list in one line */
	bool is_empty;
};

struct out {
	struct buf text;
	enum cdi_format format;
	struct level levels[DEPTH_MAX];
	size_t depth;
	bool after_dash; /* YAML: the line has its "- ", and the first key of a map follows it */
};

/* The bytes of a letter that YAML does not let stand: C1 controls, line separators, the BOM. */
static bool is_unprintable(const unsigned char *p)
{
	if (p[0] == 0xc2)
		return p[1] >= 0x80 && p[1] < 0xa0;
	if (p[0] == 0xe2 && p[1] == 0x80)
		return p[2] == 0xa8 || p[2] == 0xa9;
	return p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf;
}

static void put_quoted(struct buf *b, const char *s)
{
	static const char special[] = "\"\\\n\t\r\b\f";
	static const char letters[] = "\"\\ntrbf";

	buf_str(b, "\"");
	for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
		const char *at = strchr(special, *p);

		if (at) {
			buf_fmt(b, "\\%c", letters[at - special]);
		} else if (*p < 0x20 || *p == 0x7f) {
			buf_fmt(b, "\\u%04x", *p);
		} else if (*p == 0xc2 && is_unprintable(p)) {
			buf_fmt(b, "\\u%04x", p[1]);
			p++;
		} else if (is_unprintable(p)) {
			buf_fmt(b, "\\u%04x",
				(p[0] & 0xfU) << 12 | (p[1] & 0x3fU) << 6 | (p[2] & 0x3fU));
			p += 2;
		} else {
			buf_add(b, p, 1);
		}
	}
	buf_str(b, "\"");
}

/* Words that YAML 1.1 takes for a boolean or for nothing. */
static bool is_yaml_word(const char *s)
{
	static const char *const words[] = {"y",   "n",	   "yes",   "no",  "on",
					    "off", "true", "false", "null"};

	for (size_t i = 0; i < COUNT(words); i++)
		if (strcasecmp(s, words[i]) == 0)
			return true;
	return false;
}

static bool is_plain(const char *s)
{
	const char *first = s;
	size_t len = strlen(s);

	if (first[0] == '-' && first[1] == '-')
		first += 2;
	if (!isalpha((unsigned char)*first) && *s != '/')
		return false;
	for (const char *p = s; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("/._=:,+@-", *p))
			return false;
	return s[len - 1] != ':' && !is_yaml_word(s);
}

static void put_text(struct out *o, const char *s)
{
	bool flow = o->levels[o->depth - 1].is_flow;

	if (o->format == CDI_YAML && is_plain(s) && !(flow && strchr(s, ',')))
		buf_str(&o->text, s);
	else
		put_quoted(&o->text, s);
}

static void put_line(struct out *o, size_t depth)
{
	buf_str(&o->text, "\n");
	for (size_t i = 0; i < depth; i++)
		buf_add(&o->text, "  ", 2);
}

/* YAML: a list is as deep as its key, what is in a map one level deeper. */
static size_t yaml_depth(const struct out *o)
{
	size_t maps = 0;

	for (size_t i = 0; i < o->depth; i++)
		maps += !o->levels[i].is_list;
	return maps - 1;
}

/* The place of the next entry of the open list or map, and its key. */
static void put_entry(struct out *o, const char *key)
{
	struct level *l = &o->levels[o->depth - 1];

	if (o->format == CDI_YAML && l->is_flow) {
		buf_str(&o->text, l->is_empty ? "" : ", ");
	} else if (o->format == CDI_JSON) {
		if (!l->is_empty)
			buf_str(&o->text, ",");
		put_line(o, o->depth);
		if (key) {
			put_quoted(&o->text, key);
			buf_str(&o->text, ": ");
		}
	} else {
		if (!o->after_dash && o->text.len)
			put_line(o, yaml_depth(o));
		o->after_dash = l->is_list;
		if (l->is_list) {
			buf_str(&o->text, "- ");
		} else {
			put_text(o, key);
			buf_str(&o->text, ":");
		}
	}
	l->is_empty = false;
}

static void open_level(struct out *o, bool is_list)
{
	if (o->depth == DEPTH_MAX)
		err_bug("too many levels in a CDI document");
	if (o->format == CDI_JSON)
		buf_str(&o->text, is_list ? "[" : "{");
	o->levels[o->depth++] = (struct level){.is_list = is_list, .is_empty = true};
}

static void close_level(struct out *o)
{
	const struct level *l = &o->levels[--o->depth];

	o->after_dash = false;
	if (o->format == CDI_JSON) {
		if (!l->is_empty)
			put_line(o, o->depth);
		buf_str(&o->text, l->is_list ? "]" : "}");
	} else if (l->is_flow) {
		buf_str(&o->text, "]");
	} else if (l->is_empty) {
		buf_str(&o->text, l->is_list ? " []" : " {}");
	}
}

static void open_at(struct out *o, const char *key, bool is_list)
{
	put_entry(o, key);
	open_level(o, is_list);
}

static void put_space(struct out *o)
{
	if (o->format == CDI_YAML && !o->levels[o->depth - 1].is_list)
		buf_str(&o->text, " ");
	o->after_dash = false;
}

static void put_member(struct out *o, const char *key, const char *value)
{
	if (!value)
		return;
	put_entry(o, key);
	put_space(o);
	put_text(o, value);
}

static void put_number(struct out *o, const char *key, int64_t value)
{
	if (value < 0)
		return;
	put_entry(o, key);
	put_space(o);
	buf_fmt(&o->text, "%lld", (long long)value);
}

static void put_flag(struct out *o, const char *key, bool value)
{
	if (!value)
		return;
	put_entry(o, key);
	put_space(o);
	buf_str(&o->text, "true");
}

static void put_texts(struct out *o, const char *key, const struct cdi_texts *t)
{
	if (!t->n)
		return;
	open_at(o, key, true);
	for (size_t i = 0; i < t->n; i++)
		put_member(o, NULL, t->v[i]);
	close_level(o);
}

/* Short words: in YAML a line of them. */
static void put_words(struct out *o, const char *key, const struct cdi_texts *t)
{
	if (!t->n)
		return;
	open_at(o, key, true);
	if (o->format == CDI_YAML) {
		o->levels[o->depth - 1].is_flow = true;
		buf_str(&o->text, " [");
	}
	for (size_t i = 0; i < t->n; i++)
		put_member(o, NULL, t->v[i]);
	close_level(o);
}

static void put_pairs(struct out *o, const char *key, const struct doc_pairs *pairs)
{
	if (!pairs->n)
		return;
	open_at(o, key, false);
	for (size_t i = 0; i < pairs->n; i++)
		put_member(o, pairs->items[i].key, pairs->items[i].value);
	close_level(o);
}

static void put_nodes(struct out *o, const struct cdi_edits *e)
{
	if (!e->nodes_n)
		return;
	open_at(o, "deviceNodes", true);
	for (size_t i = 0; i < e->nodes_n; i++) {
		const struct cdi_node *n = &e->nodes[i];

		open_at(o, NULL, false);
		put_member(o, "path", n->path);
		put_member(o, "hostPath", n->host_path);
		put_member(o, "type", n->type);
		put_number(o, "major", n->major);
		put_number(o, "minor", n->minor);
		put_number(o, "fileMode", n->mode);
		put_member(o, "permissions", n->permissions);
		put_number(o, "uid", n->uid);
		put_number(o, "gid", n->gid);
		close_level(o);
	}
	close_level(o);
}

static void put_mounts(struct out *o, const struct cdi_edits *e)
{
	if (!e->mounts_n)
		return;
	open_at(o, "mounts", true);
	for (size_t i = 0; i < e->mounts_n; i++) {
		open_at(o, NULL, false);
		put_member(o, "hostPath", e->mounts[i].host_path);
		put_member(o, "containerPath", e->mounts[i].container_path);
		put_member(o, "type", e->mounts[i].type);
		put_words(o, "options", &e->mounts[i].options);
		close_level(o);
	}
	close_level(o);
}

static void put_hooks(struct out *o, const struct cdi_edits *e)
{
	if (!e->hooks_n)
		return;
	open_at(o, "hooks", true);
	for (size_t i = 0; i < e->hooks_n; i++) {
		open_at(o, NULL, false);
		put_member(o, "hookName", e->hooks[i].stage);
		put_member(o, "path", e->hooks[i].path);
		put_texts(o, "args", &e->hooks[i].args);
		put_texts(o, "env", &e->hooks[i].env);
		put_number(o, "timeout", e->hooks[i].timeout ? e->hooks[i].timeout : -1);
		close_level(o);
	}
	close_level(o);
}

static void put_nets(struct out *o, const struct cdi_edits *e)
{
	if (!e->nets_n)
		return;
	open_at(o, "netDevices", true);
	for (size_t i = 0; i < e->nets_n; i++) {
		open_at(o, NULL, false);
		put_member(o, "hostInterfaceName", e->nets[i].host_name);
		put_member(o, "name", e->nets[i].name);
		close_level(o);
	}
	close_level(o);
}

static void put_rdt(struct out *o, const struct cdi_rdt *r)
{
	open_at(o, "intelRdt", false);
	put_member(o, "closID", r->clos_id);
	put_member(o, "l3CacheSchema", r->l3_schema);
	put_member(o, "memBwSchema", r->mem_bw_schema);
	put_texts(o, "schemata", &r->schemata);
	put_flag(o, "enableCMT", r->enable_cmt);
	put_flag(o, "enableMBM", r->enable_mbm);
	put_flag(o, "enableMonitoring", r->enable_monitoring);
	close_level(o);
}

static void put_edits(struct out *o, const struct cdi_edits *e)
{
	if (cdi_edits_empty(e))
		return;
	open_at(o, "containerEdits", false);
	put_texts(o, "env", &e->env);
	put_nodes(o, e);
	put_mounts(o, e);
	put_hooks(o, e);
	put_nets(o, e);
	if (e->rdt)
		put_rdt(o, e->rdt);
	if (e->gids_n) {
		open_at(o, "additionalGids", true);
		for (size_t i = 0; i < e->gids_n; i++)
			put_number(o, NULL, e->gids[i]);
		close_level(o);
	}
	close_level(o);
}

static void put_spec(struct out *o, const struct cdi_spec *s)
{
	open_level(o, false);
	put_member(o, "cdiVersion", s->version);
	put_member(o, "kind", s->kind);
	put_pairs(o, "annotations", &s->annotations);
	open_at(o, "devices", true);
	for (size_t i = 0; i < s->devices_n; i++) {
		open_at(o, NULL, false);
		put_member(o, "name", s->devices[i].name);
		put_pairs(o, "annotations", &s->devices[i].annotations);
		put_edits(o, &s->devices[i].edits);
		close_level(o);
	}
	close_level(o);
	put_edits(o, &s->edits);
	close_level(o);
	buf_str(&o->text, "\n");
}

char *cdi_spec_text(const struct cdi_spec *s, enum cdi_format f, const char *head)
{
	struct out o = {.format = f};

	if (f == CDI_YAML) {
		if (head)
			buf_fmt(&o.text, "# %s\n", head);
		buf_str(&o.text, "---");
	}
	put_spec(&o, s);
	return o.text.data;
}
