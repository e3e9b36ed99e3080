/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/apply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cdi/apply_parts.h"

enum { CONFIG_MAX = 16 << 20 };

static void apply_fini(struct apply *a)
{
	json_edit_close(&a->j);
	arena_fini(&a->arena);
}

struct apply_index apply_index(size_t i)
{
	struct apply_index index;

	(void)snprintf(index.text, sizeof(index.text), "%zu", i);
	return index;
}

int apply_count(const struct apply *a, const char *const *path, const char *what, size_t *ret,
		struct err *e)
{
	*ret = json_edit_count(&a->j, path);
	if (*ret > APPLY_LIST_MAX)
		return err_set(e, ERR_PARSE, "config.json: '%s' has more than %d entries", what,
			       APPLY_LIST_MAX);
	return 0;
}

const char *apply_string(struct apply *a, const char *const *path)
{
	CLEANUP(freep) char *text = json_edit_string(&a->j, path);

	return arena_str(&a->arena, text);
}

int64_t apply_number(const struct apply *a, const char *const *path, int64_t fallback)
{
	CLEANUP(freep) char *text = NULL;
	const char *raw;
	struct err ignored;
	uint64_t value;
	size_t len;

	if (!json_edit_find(&a->j, path, &raw, &len))
		return fallback;
	text = str_fmt("%.*s", (int)len, raw);
	if (parse_uint(text, INT64_MAX, "number", &value, &ignored) < 0)
		return fallback;
	return (int64_t)value;
}

static void put_key(struct buf *b, const char *key)
{
	buf_fmt(b, "%s\"%s\": ", b->len > 1 ? ", " : "", key);
}

void apply_put_text(struct buf *b, const char *key, const char *value)
{
	CLEANUP(freep) char *quoted = NULL;

	if (!value)
		return;
	quoted = json_quote(value);
	put_key(b, key);
	buf_str(b, quoted);
}

void apply_put_number(struct buf *b, const char *key, int64_t value)
{
	put_key(b, key);
	buf_fmt(b, "%lld", (long long)value);
}

void apply_put_texts(struct buf *b, const char *key, const struct cdi_texts *t)
{
	if (!t->n)
		return;
	put_key(b, key);
	for (size_t i = 0; i < t->n; i++) {
		CLEANUP(freep) char *quoted = json_quote(t->v[i]);

		buf_fmt(b, "%s%s", i ? ", " : "[", quoted);
	}
	buf_str(b, "]");
}

/* Do two "NAME=VALUE" have the same name? */
static bool same_name(const char *a, const char *b)
{
	size_t n = strcspn(a, "=");

	return a[n] && strncmp(a, b, n + 1) == 0;
}

/* The first variable of the name gets the value, later ones go; without one it becomes the last. */
static int set_variable(struct apply *a, struct cdi_texts *have, const char *text, struct err *e)
{
	CLEANUP(freep) char *quoted = json_quote(text);
	size_t first = have->n;

	for (size_t i = have->n; i--;)
		first = same_name(text, have->v[i]) ? i : first;
	if (first == have->n) {
		cdi_add_text(&a->arena, have, text);
		return json_edit_append(&a->j, PATH("process", "env"), quoted, e);
	}
	for (size_t i = have->n; --i > first;) {
		if (!same_name(text, have->v[i]))
			continue;
		if (json_edit_remove(&a->j, PATH("process", "env", AT(i)), e) < 0)
			return -(int)e->code;
		memmove(have->v + i, have->v + i + 1, (have->n - i) * sizeof(*have->v));
		have->n--;
	}
	return json_edit_set(&a->j, PATH("process", "env", AT(first)), quoted, e);
}

static int apply_env(struct apply *a, const struct cdi_edits *edits, struct err *e)
{
	struct cdi_texts have = {0};
	size_t n;

	if (!edits->env.n)
		return 0;
	if (apply_count(a, PATH("process", "env"), "process.env", &n, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < n; i++) {
		const char *text = apply_string(a, PATH("process", "env", AT(i)));

		cdi_add_text(&a->arena, &have, text ? text : "");
	}
	for (size_t i = 0; i < edits->env.n; i++)
		if (set_variable(a, &have, edits->env.v[i], e) < 0)
			return -(int)e->code;
	return 0;
}

static int apply_hooks(struct apply *a, const struct cdi_edits *edits, struct err *e)
{
	for (size_t i = 0; i < edits->hooks_n; i++) {
		CLEANUP(buf_fini) struct buf b = {0};
		const struct cdi_hook *h = &edits->hooks[i];

		buf_str(&b, "{");
		apply_put_text(&b, "path", h->path);
		apply_put_texts(&b, "args", &h->args);
		apply_put_texts(&b, "env", &h->env);
		if (h->timeout)
			apply_put_number(&b, "timeout", h->timeout);
		buf_str(&b, "}");
		if (json_edit_append(&a->j, PATH("hooks", h->stage), b.data, e) < 0)
			return -(int)e->code;
	}
	return 0;
}

/* NVIDIA's hook of the time before CDI would do the same work once more. */
static int drop_nvidia(struct apply *a, struct err *e)
{
	static const char *const programs[] = {"nvidia-container-runtime-hook",
					       "nvidia-container-toolkit"};

	for (size_t i = json_edit_count(&a->j, PATH("hooks", "prestart")); i--;) {
		const char *path = apply_string(a, PATH("hooks", "prestart", AT(i), "path"));
		const char *slash = path ? strrchr(path, '/') : NULL;
		const char *name = slash ? slash + 1 : path;

		if (!str_eq(name, programs[0]) && !str_eq(name, programs[1]))
			continue;
		if (json_edit_remove(&a->j, PATH("hooks", "prestart", AT(i)), e) < 0)
			return -(int)e->code;
	}
	return 0;
}

static int apply_gids(struct apply *a, const struct cdi_edits *edits, struct err *e)
{
	const char *const *path = PATH("process", "user", "additionalGids");
	struct cdi_edits have = {0};
	size_t n;

	if (!edits->gids_n)
		return 0;
	if (apply_count(a, path, "process.user.additionalGids", &n, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < n; i++) {
		int64_t gid = apply_number(a, PATH("process", "user", "additionalGids", AT(i)), -1);

		if (gid >= 0 && gid <= UINT32_MAX)
			cdi_add_gid(&a->arena, &have, (uint32_t)gid);
	}
	for (size_t i = 0; i < edits->gids_n; i++) {
		size_t before = have.gids_n;

		cdi_add_gid(&a->arena, &have, edits->gids[i]);
		if (!edits->gids[i] || have.gids_n == before)
			continue;
		if (json_edit_append(&a->j, path, AT(edits->gids[i]), e) < 0)
			return -(int)e->code;
	}
	return 0;
}

static int apply_nets(struct apply *a, const struct cdi_edits *edits, struct err *e)
{
	for (size_t i = 0; i < edits->nets_n; i++) {
		CLEANUP(buf_fini) struct buf b = {0};

		buf_str(&b, "{");
		apply_put_text(&b, "name", edits->nets[i].name);
		buf_str(&b, "}");
		if (json_edit_set(&a->j, PATH("linux", "netDevices", edits->nets[i].host_name),
				  b.data, e) < 0)
			return -(int)e->code;
	}
	return 0;
}

static void put_flag(struct buf *b, const char *key, bool value)
{
	if (!value)
		return;
	put_key(b, key);
	buf_str(b, "true");
}

static int apply_rdt(struct apply *a, const struct cdi_edits *edits, struct err *e)
{
	CLEANUP(buf_fini) struct buf b = {0};
	const struct cdi_rdt *r = edits->rdt;

	if (!r)
		return 0;
	buf_str(&b, "{");
	apply_put_text(&b, "closID", r->clos_id);
	apply_put_texts(&b, "schemata", &r->schemata);
	apply_put_text(&b, "l3CacheSchema", r->l3_schema);
	apply_put_text(&b, "memBwSchema", r->mem_bw_schema);
	put_flag(&b, "enableCMT", r->enable_cmt);
	put_flag(&b, "enableMBM", r->enable_mbm);
	put_flag(&b, "enableMonitoring", r->enable_monitoring);
	buf_str(&b, "}");
	return json_edit_set(&a->j, PATH("linux", "intelRdt"), b.data, e);
}

static int edits_bounded(const struct cdi_edits *d, struct err *e)
{
	if (d->env.n <= APPLY_LIST_MAX && d->nodes_n <= APPLY_LIST_MAX &&
	    d->mounts_n <= APPLY_LIST_MAX && d->hooks_n <= APPLY_LIST_MAX &&
	    d->nets_n <= APPLY_LIST_MAX)
		return 0;
	return err_set(e, ERR_CONFIG, "the CDI devices ask for more than %d entries of one kind",
		       APPLY_LIST_MAX);
}

static int apply_all(struct apply *a, const struct cdi_edits *edits, unsigned int flags,
		     struct err *e)
{
	if (flags & APPLY_DROP_NVIDIA && drop_nvidia(a, e) < 0)
		return -(int)e->code;
	if (apply_env(a, edits, e) < 0 || apply_nodes(a, edits, e) < 0 ||
	    apply_nets(a, edits, e) < 0 || apply_mounts(a, edits, e) < 0)
		return -(int)e->code;
	if (!(flags & APPLY_NO_HOOKS) && apply_hooks(a, edits, e) < 0)
		return -(int)e->code;
	if (apply_rdt(a, edits, e) < 0)
		return -(int)e->code;
	return apply_gids(a, edits, e);
}

int cdi_apply(const char *text, size_t len, const struct cdi_edits *edits, unsigned int flags,
	      char **ret, struct err *e)
{
	CLEANUP(apply_fini) struct apply a = {0};

	if (edits_bounded(edits, e) < 0 ||
	    json_edit_open(&a.j, text, len, CONFIG_MAX, "config.json", e) < 0)
		return -(int)e->code;
	if (!apply_string(&a, PATH("ociVersion")))
		return err_set(e, ERR_PARSE,
			       "config.json: 'ociVersion' is missing: no configuration of a "
			       "container");
	if (apply_all(&a, edits, flags, e) < 0)
		return -(int)e->code;
	*ret = TAKE(a.j.text.data);
	return 0;
}
