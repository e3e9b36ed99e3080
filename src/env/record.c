/* SPDX-License-Identifier: Apache-2.0 */
#include "env/env.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/doc.h"
#include "base/fs.h"
#include "base/lock.h"
#include "base/mem.h"
#include "env/gpu.h"

enum { RECORD_MAX = 1 << 20 };

char *env_path(const struct env *v, const char *name)
{
	return str_fmt("%s/%s", v->dir, name);
}

/* What env.json holds, as it is decoded. */
struct stored {
	const char *project;
	const char *preset;
	const char *accelerator;
	const char *network;
	const char **layers;
	const char **settings;
	const char *gpu;
	const char *driver;
	struct doc_list gpus; /* struct gpu_card */
	const char **variables;
	const char **gpu_places;
	uint64_t jupyter_port;
	int64_t created;
};

#define CARD(member)                                                                               \
	.key = #member, .type = DOC_AS_STR, .offset = offsetof(struct gpu_card, member),           \
	.flags = DOC_REQUIRED

static const struct doc_row card_rows[] = {
	{CARD(name)},
	{CARD(uuid)},
	{CARD(model)},
	{0},
};

#define STORED(member, as) .key = #member, .type = (as), .offset = offsetof(struct stored, member)

static const struct doc_row stored_rows[] = {
	{STORED(project, DOC_AS_STR), .flags = DOC_REQUIRED},
	{STORED(preset, DOC_AS_STR), .flags = DOC_REQUIRED},
	{STORED(accelerator, DOC_AS_STR), .flags = DOC_REQUIRED},
	{STORED(network, DOC_AS_STR)},
	{STORED(layers, DOC_AS_STRS), .flags = DOC_REQUIRED},
	{STORED(settings, DOC_AS_STRS)},
	{STORED(gpu, DOC_AS_STR)},
	{STORED(driver, DOC_AS_STR)},
	{STORED(gpus, DOC_AS_LIST), .rows = card_rows, .item_size = sizeof(struct gpu_card)},
	{STORED(variables, DOC_AS_STRS)},
	{STORED(gpu_places, DOC_AS_STRS)},
	{STORED(jupyter_port, DOC_AS_UINT)},
	{STORED(created, DOC_AS_INT)},
	{0},
};

void env_record_forget_gpus(struct env_record *r)
{
	for (size_t i = 0; i < r->gpus_n; i++) {
		free((char *)r->gpus[i].name);
		free((char *)r->gpus[i].uuid);
		free((char *)r->gpus[i].model);
	}
	freep(&r->gpus);
	r->gpus_n = 0;
	freep(&r->gpu);
	freep(&r->driver);
	strs_fini(&r->variables);
}

void env_record_setting(struct env_record *r, const char *setting)
{
	struct strs kept = {0};
	size_t n;

	/* Which option it came from matters only when it was given. */
	if (str_starts(setting, "--"))
		setting += strlen("--");
	n = strcspn(setting, "=") + 1;
	for (size_t i = 0; i < r->settings.n; i++)
		if (strncmp(r->settings.v[i], setting, n) != 0)
			strs_add(&kept, r->settings.v[i]);
	strs_add(&kept, setting);
	strs_fini(&r->settings);
	r->settings = kept;
}

static void record_fini(struct env_record *r)
{
	env_record_forget_gpus(r);
	strs_fini(&r->gpu_places);
	freep(&r->project);
	freep(&r->preset);
	freep(&r->accelerator);
	freep(&r->network);
	strs_fini(&r->layers);
	strs_fini(&r->settings);
	*r = (struct env_record){0};
}

static void take_gpus(struct env_record *r, const struct stored *s)
{
	const struct gpu_card *cards = s->gpus.items;

	r->gpu = str_dup(s->gpu);
	r->driver = str_dup(s->driver);
	r->gpus = mem_alloc((s->gpus.n + 1) * sizeof(*r->gpus));
	for (; r->gpus_n < s->gpus.n; r->gpus_n++)
		r->gpus[r->gpus_n] = (struct gpu_card){
			.name = str_dup(cards[r->gpus_n].name),
			.uuid = str_dup(cards[r->gpus_n].uuid),
			.model = str_dup(cards[r->gpus_n].model),
		};
	if (s->variables)
		strs_add_all(&r->variables, s->variables);
	if (s->gpu_places)
		strs_add_all(&r->gpu_places, s->gpu_places);
}

static int record_load(struct env *v, struct err *e)
{
	CLEANUP(freep) char *path = env_path(v, "env.json");
	CLEANUP(freep) char *text = NULL;
	CLEANUP(doc_fini) struct doc d = {0};
	CLEANUP(arena_fini) struct arena a = {0};
	struct stored s = {0};
	size_t len;

	if (file_read(AT_FDCWD, path, RECORD_MAX, &text, &len, e) < 0)
		return -(int)e->code;
	if (doc_json(text, len, path, &d, e) < 0 ||
	    doc_decode(&d, d.top, stored_rows, DOC_OPEN, &s, &a, e) < 0 ||
	    s.jupyter_port > UINT16_MAX) {
		(void)err_wrap(e, "the record of the environment '%s' is damaged", v->name);
		return err_hint(e, "`dlenv rm %s` removes it, `dlenv up` makes a new one", v->name);
	}
	v->rec = (struct env_record){
		.project = str_dup(s.project),
		.preset = str_dup(s.preset),
		.accelerator = str_dup(s.accelerator),
		.network = str_dup(s.network),
		.jupyter_port = (uint16_t)s.jupyter_port,
		.created = s.created,
	};
	strs_add_all(&v->rec.layers, s.layers);
	if (s.settings)
		strs_add_all(&v->rec.settings, s.settings);
	take_gpus(&v->rec, &s);
	return 0;
}

static json_t *json_list(const struct strs *l)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->n; i++)
		(void)json_array_append_new(list, json_string(l->v[i]));
	return list;
}

json_t *env_gpus_json(const struct env_record *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->gpus_n; i++)
		(void)json_array_append_new(
			list, json_pack("{s:s, s:s, s:s}", "name", r->gpus[i].name, "uuid",
					r->gpus[i].uuid, "model", r->gpus[i].model));
	return list;
}

int env_record_save(struct env *v, struct err *e)
{
	CLEANUP(freep) char *path = env_path(v, "env.json");
	CLEANUP(freep) char *text = NULL;
	json_t *top = json_pack(
		"{s:s, s:s, s:s, s:s?, s:o, s:o, s:i, s:I}", "project", v->rec.project, "preset",
		v->rec.preset, "accelerator", v->rec.accelerator, "network", v->rec.network,
		"layers", json_list(&v->rec.layers), "settings", json_list(&v->rec.settings),
		"jupyter_port", (int)v->rec.jupyter_port, "created", (json_int_t)v->rec.created);

	if (!top)
		return err_set(e, ERR_CONFIG, "the folder '%s' has a name that is not UTF-8",
			       v->rec.project);
	(void)json_object_set_new(top, "gpus", env_gpus_json(&v->rec));
	(void)json_object_set_new(top, "variables", json_list(&v->rec.variables));
	(void)json_object_set_new(top, "gpu_places", json_list(&v->rec.gpu_places));
	if (v->rec.gpu)
		(void)json_object_set_new(top, "gpu", json_string(v->rec.gpu));
	if (v->rec.driver)
		(void)json_object_set_new(top, "driver", json_string(v->rec.driver));
	if (!v->rec.network)
		(void)json_object_del(top, "network");
	text = json_dumps(top, JSON_SORT_KEYS | JSON_INDENT(2));
	json_decref(top);
	if (file_write(AT_FDCWD, path, text, strlen(text), 0600, FILE_SYNC, e) < 0)
		return -(int)e->code;
	v->exists = true;
	return 0;
}

int env_list(struct site *s, struct strs *ret, struct err *e)
{
	CLEANUP(strs_fini) struct strs names = {0};

	if (dir_list(s->store.fd, "envs", &names, e) < 0)
		return e->code == ERR_ABSENT ? 0 : -(int)e->code;
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP(freep) char *record = str_fmt("envs/%s/env.json", names.v[i]);

		if (file_exists(s->store.fd, record))
			strs_add(ret, names.v[i]);
	}
	return 0;
}

int env_layers_used(struct site *s, struct strs *ret, struct err *e)
{
	CLEANUP(strs_fini) struct strs names = {0};

	if (env_list(s, &names, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP(env_close) struct env v = {.lock = -1};

		if (env_open(&v, s, names.v[i], 0, e) < 0)
			return -(int)e->code;
		for (size_t k = 0; k < v.rec.layers.n; k++)
			strs_add(ret, v.rec.layers.v[k]);
	}
	return 0;
}

static int absent(struct env *v, struct err *e)
{
	CLEANUP(strs_fini) struct strs names = {0};
	CLEANUP(buf_fini) struct buf all = {.max = 150};
	struct err ignored;

	(void)err_set(e, ERR_ABSENT, "there is no environment '%s'", v->name);
	if (env_list(v->site, &names, &ignored) < 0 || !names.n)
		return err_hint(e, "`dlenv up` makes one");
	for (size_t i = 0; i < names.n; i++)
		buf_fmt(&all, "%s%s", i ? ", " : "", names.v[i]);
	return err_hint(e, "there are: %s", all.data);
}

struct waiting {
	const struct progress *progress;
	const char *name;
};

static void say_waiting(void *arg)
{
	const struct waiting *w = arg;

	progress_report(w->progress,
			&(struct progress_event){.step = "wait",
						 .phase = "another dlenv is at work on",
						 .note = w->name});
}

/* Control groups are named by it: another user's or folder's environment of that name is another
 * one. */
static char *container_id(const struct site *s, const char *name)
{
	CLEANUP(freep) char *where = str_fmt("%u %s", (unsigned int)s->user->uid, s->paths->data);
	char digest[DIGEST_LEN];

	digest_bytes(where, strlen(where), digest);
	return str_fmt("env-%s-%.8s", name, digest);
}

int env_open(struct env *v, struct site *s, const char *name, unsigned int flags, struct err *e)
{
	*v = (struct env){.site = s, .lock = -1};
	if (env_name_check(name, e) < 0)
		return -(int)e->code;
	v->name = str_dup(name);
	v->id = container_id(s, name);
	v->dir = str_fmt("%s/envs/%s", s->paths->data, name);
	if (flags & ENV_LOCK) {
		CLEANUP(freep) char *lock = str_fmt("locks/env-%s", name);
		struct waiting w = {s->progress, v->name};

		if (lock_take(s->store.fd, lock, 0, say_waiting, &w, &v->lock, e) < 0)
			return -(int)e->code;
	}
	if (record_load(v, e) < 0) {
		if (e->code == ERR_ABSENT)
			return flags & ENV_MUST_EXIST ? absent(v, e) : 0;
		if (!(flags & ENV_DAMAGED))
			return -(int)e->code;
	}
	v->exists = true;
	return 0;
}

void env_close(struct env *v)
{
	record_fini(&v->rec);
	freep(&v->name);
	freep(&v->id);
	freep(&v->dir);
	fd_closep(&v->lock);
}

int env_running(struct env *v, struct running *ret, struct err *e)
{
	struct engine *en = &v->site->engine;

	return en->ops->find(en, v->id, ret, e);
}

int site_open(struct site *s, const struct root *machine, const struct paths *p,
	      const struct user *u, const struct progress *pr, struct err *e)
{
	*s = (struct site){
		.machine = machine, .paths = p, .user = u, .progress = pr, .store = {.fd = -1}};
	if (host_summarise(machine, &s->host, e) < 0 || store_open(&s->store, p, e) < 0)
		return -(int)e->code;
	return engine_open(&s->engine, p, u, e);
}

void site_close(struct site *s)
{
	engine_close(&s->engine);
	store_close(&s->store);
}
