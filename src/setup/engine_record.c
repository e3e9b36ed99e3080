/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: STATE/ENGINE.json says which files were changed, which keys were set to what and
 * what they were before, and the digest of each file as it was left; STATE/ENGINE.N is the Nth file
 * as it was. Undoing gives those bytes back where the file is as it was left, and else takes the
 * keys back one by one. Configuring again keeps what the first record says was before.
 */
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/i18n.h"
#include "base/json.h"
#include "base/lock.h"
#include "base/mem.h"
#include "setup/engine_parts.h"

enum { RECORD_MAX = 8 << 20, RECORD_VERSION = 1 };

static const char *state_of(const struct engine_plan *p)
{
	return p->options->state ? p->options->state : "/var/lib/dlenv/configure";
}

static int open_state(const struct engine_plan *p, bool make, int *ret_fd, struct err *e)
{
	CLEANUP(freep) char *below_it = str_fmt("%s/x", state_of(p));
	const char *name = NULL;

	return engine_folder(p->root, below_it, make, ret_fd, &name, e);
}

static char *record_name(const struct engine_plan *p)
{
	return str_fmt("%s.json", p->options->engine);
}

static json_t *key_json(const struct engine_key *k)
{
	json_t *path = json_array();

	for (size_t i = 0; k->path[i]; i++)
		(void)json_array_append_new(path, json_string(k->path[i]));
	return json_pack("{s:o, s:s?, s:s?, s:i}", "path", path, "value", k->value, "before",
			 k->before, "kept", (int)k->kept);
}

static json_t *file_json(const struct engine_file *f, const char *backup)
{
	char digest[DIGEST_LEN];
	json_t *keys = json_array();

	digest_bytes(f->after ? f->after : "", f->after ? strlen(f->after) : 0, digest);
	for (size_t i = 0; i < f->keys_n; i++)
		(void)json_array_append_new(keys, key_json(&f->keys[i]));
	return json_pack("{s:s, s:s, s:b, s:b, s:s, s:s?, s:i, s:o}", "path", f->path, "format",
			 f->format == FORMAT_JSON ? "json" : "toml", "existed", f->before != NULL,
			 "exact", f->exact, "left", digest, "backup", backup, "mode", (int)f->mode,
			 "keys", keys);
}

/* What a record says of one file. */
struct old_file {
	json_t *json; /* borrowed */
	const char *path;
	bool existed;
	bool exact;
	const char *left;
	const char *backup; /* or NULL */
};

static bool old_file_of(json_t *j, struct old_file *ret)
{
	int existed;
	int exact;

	*ret = (struct old_file){.json = j};
	if (json_unpack(j, "{s:s, s:b, s:b, s:s}", "path", &ret->path, "existed", &existed, "exact",
			&exact, "left", &ret->left) < 0)
		return false;
	ret->backup = json_string_value(json_object_get(j, "backup"));
	ret->existed = existed;
	ret->exact = exact;
	return true;
}

static int wrong_record(const struct engine_plan *p, struct err *e)
{
	(void)err_set(e, ERR_PARSE, "the record '%s/%s.json' cannot be read", state_of(p),
		      p->options->engine);
	return err_hint(e, "move it away: then nothing that was done before can be undone");
}

/* The record, or NULL where there is none. */
static int load(const struct engine_plan *p, int state, json_t **ret, struct err *e)
{
	CLEANUP(freep) char *name = record_name(p);
	CLEANUP(freep) char *text = NULL;
	struct err why = {0};
	json_error_t wrong;
	int version = 0;

	*ret = NULL;
	if (file_read(state, name, RECORD_MAX, &text, NULL, &why) < 0) {
		if (why.code == ERR_ABSENT)
			return 0;
		*e = why;
		return -(int)e->code;
	}
	*ret = json_loads(text, JSON_REJECT_DUPLICATES, &wrong);
	if (*ret && json_unpack(*ret, "{s:i}", "version", &version) == 0 &&
	    version == RECORD_VERSION)
		return 0;
	json_decref(*ret);
	*ret = NULL;
	return wrong_record(p, e);
}

static json_t *old_entry(json_t *record, const char *path, struct old_file *ret)
{
	json_t *files = json_object_get(record, "files");
	json_t *f;
	size_t i;

	json_array_foreach(files, i, f)
	{
		if (old_file_of(f, ret) && str_eq(ret->path, path))
			return f;
	}
	return NULL;
}

/* The keys of a record's file; the caller frees them. */
static size_t old_keys(const struct old_file *old, struct engine_key **ret)
{
	json_t *keys = json_object_get(old->json, "keys");
	struct engine_key *v = mem_alloc((json_array_size(keys) + 1) * sizeof(*v));
	size_t n = 0;
	json_t *j;
	size_t i;

	json_array_foreach(keys, i, j)
	{
		json_t *path = json_object_get(j, "path");
		size_t len = json_array_size(path);

		if (!len || len > ENGINE_KEYS)
			continue;
		for (size_t k = 0; k < len; k++) {
			const char *key = json_string_value(json_array_get(path, k));

			v[n].path[k] = str_dup(key ? key : "");
		}
		v[n].value = str_dup(json_string_value(json_object_get(j, "value")));
		v[n].before = str_dup(json_string_value(json_object_get(j, "before")));
		v[n++].kept = (size_t)json_integer_value(json_object_get(j, "kept"));
	}
	*ret = v;
	return n;
}

static void free_keys(struct engine_key *v, size_t n)
{
	while (n)
		engine_key_fini(&v[--n]);
	free(v);
}

static bool is_as_left(const struct old_file *old, const char *text)
{
	char digest[DIGEST_LEN];

	digest_bytes(text ? text : "", text ? strlen(text) : 0, digest);
	return str_eq(digest, old->left);
}

static bool same_path(const struct engine_key *a, const struct engine_key *b)
{
	size_t i = 0;

	while (a->path[i] && str_eq(a->path[i], b->path[i]))
		i++;
	return !a->path[i] && !b->path[i];
}

/* Configured again: of a key that both runs set, the first one knows what was before. */
static void merge_keys(struct engine_file *f, const struct old_file *old)
{
	struct engine_key *keys = NULL;
	size_t n = old_keys(old, &keys);
	struct engine_key *all = mem_alloc((n + f->keys_n + 1) * sizeof(*all));

	memcpy(all, keys, n * sizeof(*all));
	for (size_t i = 0; i < f->keys_n; i++) {
		size_t k = 0;

		while (k < n && !same_path(&all[k], &f->keys[i]))
			k++;
		if (k < n) {
			free(all[k].value);
			all[k].value = TAKE(f->keys[i].value);
			engine_key_fini(&f->keys[i]);
		} else {
			all[n++] = f->keys[i];
		}
	}
	free(keys);
	free(f->keys);
	f->keys = all;
	f->keys_n = n;
}

/* Take a file into the record; its backup is written unless an earlier one still holds. */
static int put_file(const struct engine_plan *p, int state, json_t *record, json_t *files,
		    struct engine_file *f, struct err *e)
{
	CLEANUP(freep) char *backup = str_fmt("%s.%zu", p->options->engine, json_array_size(files));
	struct old_file old;
	bool again = old_entry(record, f->path, &old) != NULL;

	f->exact = true;
	if (again) {
		f->exact = old.exact && is_as_left(&old, f->before);
		merge_keys(f, &old);
		(void)json_array_append_new(files, file_json(f, old.existed ? old.backup : NULL));
		(void)json_object_set_new(json_array_get(files, json_array_size(files) - 1),
					  "existed", json_boolean(old.existed));
		return 0;
	}
	if (f->before &&
	    file_write(state, backup, f->before, strlen(f->before), 0600, FILE_SYNC, e) < 0)
		return -(int)e->code;
	(void)json_array_append_new(files, file_json(f, f->before ? backup : NULL));
	return 0;
}

/* Files of the record that this run does not change stay in it. */
static void keep_others(json_t *record, json_t *files, const struct engine_plan *p)
{
	json_t *old = json_object_get(record, "files");
	json_t *j;
	size_t i;

	json_array_foreach(old, i, j)
	{
		const char *path = json_string_value(json_object_get(j, "path"));
		bool mine = false;

		for (size_t k = 0; k < p->files_n; k++)
			mine = mine || (engine_file_changes(&p->files[k]) &&
					str_eq(p->files[k].path, path));
		if (!mine)
			(void)json_array_append(files, j);
	}
}

static json_t *links_json(const struct engine_plan *p, json_t *record)
{
	json_t *old = json_object_get(record, "links");
	json_t *links = old ? json_deep_copy(old) : json_array();

	for (size_t i = 0; i < p->links_n; i++)
		(void)json_array_append_new(links, json_pack("{s:s, s:s}", "path", p->links[i].path,
							     "target", p->links[i].target));
	return links;
}

static int write_record(const struct engine_plan *p, int state, json_t *record, struct err *e)
{
	CLEANUP(freep) char *name = record_name(p);
	CLEANUP(json_unrefp) json_t *files = json_array();
	CLEANUP(json_unrefp) json_t *new = NULL;

	keep_others(record, files, p);
	for (size_t i = 0; i < p->files_n; i++)
		if (engine_file_changes(&p->files[i]) &&
		    put_file(p, state, record, files, &p->files[i], e) < 0)
			return -(int)e->code;
	new = json_pack("{s:i, s:s, s:O, s:o}", "version", RECORD_VERSION, "engine",
			p->options->engine, "files", files, "links", links_json(p, record));
	return json_write_file(state, name, new, 0600, FILE_SYNC, e);
}

int engine_record_write(const struct engine_plan *p, struct err *e)
{
	CLEANUP(json_unrefp) json_t *record = NULL;
	CLEANUP(fd_closep) int state = -1;

	if (open_state(p, true, &state, e) < 0 || load(p, state, &record, e) < 0)
		return -(int)e->code;
	return write_record(p, state, record, e);
}

int engine_record_remove(const struct engine_plan *p, struct err *e)
{
	CLEANUP(freep) char *name = record_name(p);
	CLEANUP(json_unrefp) json_t *record = NULL;
	CLEANUP(fd_closep) int state = -1;
	json_t *j;
	size_t i;

	if (open_state(p, false, &state, e) < 0 || load(p, state, &record, e) < 0)
		return -(int)e->code;
	json_array_foreach(json_object_get(record, "files"), i, j)
	{
		const char *backup = json_string_value(json_object_get(j, "backup"));

		if (backup && !strchr(backup, '/'))
			(void)unlinkat(state, backup, 0);
	}
	if (unlinkat(state, name, 0) < 0)
		return err_sys(e, "cannot remove the record '%s'", name);
	return 0;
}

/* What undoing makes of one file. */
static int plan_file(struct engine_plan *p, int state, const struct old_file *old, struct err *e)
{
	const char *format = json_string_value(json_object_get(old->json, "format"));
	struct engine_key *keys = NULL;
	struct engine_file *f = NULL;
	size_t n;
	int code;

	if (engine_plan_file(p, old->path, str_eq(format, "json") ? FORMAT_JSON : FORMAT_TOML, &f,
			     e) < 0)
		return -(int)e->code;
	if (old->exact && is_as_left(old, f->before)) {
		if (!old->existed)
			return 0;
		if (old->backup && !strchr(old->backup, '/'))
			return file_read(state, old->backup, ENGINE_FILE_MAX, &f->after, NULL, e);
	}
	n = old_keys(old, &keys);
	code = f->before ? engine_file_undo(f, keys, n, old->existed, &p->notes, e) : 0;
	free_keys(keys, n);
	return code;
}

static void plan_links(struct engine_plan *p, json_t *record)
{
	const char *path;
	const char *target;
	json_t *j;
	size_t i;

	json_array_foreach(json_object_get(record, "links"), i, j)
	{
		if (json_unpack(j, "{s:s, s:s}", "path", &path, "target", &target) == 0)
			engine_link_add(p, path, target);
	}
}

int engine_plan_undo(const struct root *r, const struct engine_options *o, struct engine_plan *ret,
		     struct err *e)
{
	CLEANUP(engine_plan_fini) struct engine_plan p = {.root = r, .options = o, .undo = true};
	const struct engine_row *row = engine_row_of(o->engine, e);
	CLEANUP(json_unrefp) json_t *record = NULL;
	CLEANUP(fd_closep) int state = -1;
	struct err why = {0};
	struct old_file old;
	json_t *j;
	size_t i;

	if (!row)
		return -(int)e->code;
	p.service = row->service;
	if (open_state(&p, false, &state, &why) == 0 && load(&p, state, &record, e) < 0)
		return -(int)e->code;
	if (!record)
		return err_set(e, ERR_ABSENT,
			       "nothing was configured for '%s' that could be undone", o->engine);
	json_array_foreach(json_object_get(record, "files"), i, j)
	{
		if (!old_file_of(j, &old))
			return wrong_record(&p, e);
		if (plan_file(&p, state, &old, e) < 0)
			return -(int)e->code;
	}
	plan_links(&p, record);
	*ret = p;
	p = (struct engine_plan){0};
	return 0;
}

static int apply(struct engine_plan *p, struct err *e)
{
	if (!p->undo && engine_record_write(p, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < p->files_n; i++)
		if (engine_file_changes(&p->files[i]) &&
		    engine_file_write(p->root, &p->files[i], e) < 0)
			return -(int)e->code;
	if (!p->undo)
		return engine_links_make(p, e);
	if (engine_links_remove(p, e) < 0)
		return -(int)e->code;
	return engine_record_remove(p, e);
}

int engine_apply(struct engine_plan *p, struct err *e)
{
	CLEANUP(fd_closep) int state = -1;
	CLEANUP(fd_closep) int lock = -1;

	if (!p->undo && engine_is_done(p))
		return 0;
	for (size_t i = 0; i < p->files_n; i++)
		if (engine_file_changes(&p->files[i]) &&
		    engine_may_write(p->root, p->files[i].path, e) < 0)
			return -(int)e->code;
	if (open_state(p, true, &state, e) < 0 ||
	    lock_take(state, "lock", 0, NULL, NULL, &lock, e) < 0)
		return e->code == ERR_PRIV || e->sys
			       ? err_hint(e, "run this as root: sudo dlenv configure ...")
			       : -(int)e->code;
	return apply(p, e);
}
