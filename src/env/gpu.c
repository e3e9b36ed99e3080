/* SPDX-License-Identifier: Apache-2.0 */
#include "env/gpu.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/log.h"
#include "env/inside.h"

/* What is asked for: by the key, and by NVIDIA's variables among run.env. */
struct asked {
	struct gpu_request key;
	struct gpu_request variables;
	bool is_auto;
};

static void asked_fini(struct asked *q)
{
	gpu_request_fini(&q->key);
	gpu_request_fini(&q->variables);
}

static int read_request(const struct env_def *d, struct asked *ret, struct err *e)
{
	CLEANUP(strs_fini) struct strs env = {0};
	bool named = false;

	ret->is_auto = str_eq(d->gpu, "auto");
	for (size_t i = 0; i < d->run.env.n; i++) {
		bool devices = str_eq(d->run.env.items[i].key, "NVIDIA_VISIBLE_DEVICES");

		if (devices && !ret->is_auto)
			continue;
		named |= devices;
		strs_fmt(&env, "%s=%s", d->run.env.items[i].key, d->run.env.items[i].value);
	}
	if (!named)
		strs_add(&env, "NVIDIA_VISIBLE_DEVICES=all");
	if (gpu_request_from_env((const char *const *)env.v, false, &ret->variables, e) < 0)
		return err_wrap(e, "%s", "run.env");
	return ret->is_auto ? 0 : gpu_request_parse(d->gpu, &ret->key, e);
}

/* Cheaper than reading the driver: most machines have none. */
static bool has_nvidia(const struct site *s)
{
	return s->host.nvidia_gpus || s->host.driver[0] || root_has(s->machine, "/dev/dxg") ||
	       root_has(s->machine, "/etc/nv_tegra_release");
}

static struct gpu_want want(const struct site *s, const struct env_def *d)
{
	return (struct gpu_want){
		.machine = s->machine,
		.driver_root = d->driver_root,
		.cache = s->paths ? s->paths->cache : NULL,
		.devices = d->devices,
		.userns = s->engine.map.uids > 0,
		.warn = s->engine.warn,
		.warn_arg = s->engine.warn_arg,
	};
}

static int give(struct site *s, const struct env_def *d, const struct asked *q, struct container *c,
		struct gpu_given *ret, struct err *e)
{
	struct gpu_want w = want(s, d);
	struct err why = {0};

	w.request = q->is_auto ? &q->variables : &q->key;
	w.extra = &q->variables;
	if (q->is_auto && !has_nvidia(s))
		w.request = NULL;
	if (!w.request || !q->is_auto)
		return gpu_give(&w, c, ret, e);
	if (gpu_give(&w, c, ret, &why) == 0)
		return 0;
	/* Devices that were named are no matter of taste: what fails then is theirs, too. */
	w.request = NULL;
	gpu_given_fini(ret);
	if (gpu_give(&w, c, ret, e) < 0)
		return -(int)e->code;
	if (w.warn) {
		CLEANUP(freep)
		char *text = str_fmt(_("it goes on without a GPU: %s"), why.msg);

		w.warn(w.warn_arg, text);
		if (why.hint[0])
			w.warn(w.warn_arg, why.hint);
	}
	return 0;
}

static void record(struct env_record *r, const struct env_def *d, const struct gpu_given *g,
		   const struct container *c)
{
	env_record_forget_gpus(r);
	r->gpu = str_dup(d->gpu);
	r->driver = g->cards_n ? str_dup(g->driver) : NULL;
	r->gpus = mem_alloc((g->cards_n + 1) * sizeof(*r->gpus));
	for (size_t i = 0; i < g->cards_n; i++)
		r->gpus[r->gpus_n++] = (struct gpu_card){.name = str_dup(g->cards[i].name),
							 .uuid = str_dup(g->cards[i].uuid),
							 .model = str_dup(g->cards[i].model)};
	if (c->more_env.v)
		strs_add_all(&r->variables, (const char *const *)c->more_env.v);
	for (const struct mount *m = c->mounts; m; m = m->next)
		if (m->kind == MOUNT_EXACT)
			strs_add(&r->gpu_places, m->at);
}

struct places {
	const char *upper;
	const struct strs *gone;
};

/* An empty file that was made as a mount point, if it still is one. */
static void remove_place(int upper, const char *path)
{
	CLEANUP(freep) char *folder = str_dup(path);
	char *name = strrchr(folder, '/');
	CLEANUP(fd_closep) int dir = -1;
	struct stat st;
	struct err e;

	if (!name)
		return;
	*name++ = '\0';
	if (rootfs_open(upper, *folder ? folder : "/", O_PATH | O_DIRECTORY, 0, &dir, &e) == 0 &&
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size == 0)
		(void)unlinkat(dir, name, 0);
}

static int remove_places(void *arg, struct err *e)
{
	const struct places *p = arg;
	CLEANUP(fd_closep) int upper = -1;

	if (dir_open(AT_FDCWD, p->upper, &upper, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < p->gone->n; i++)
		remove_place(upper, p->gone->v[i]);
	return 0;
}

/*
 * Mount points of files that are not mounted any more (an older driver's) would be found as empty
 * libraries.
 */
static void clean(struct site *s, const struct env *v, const struct strs *before)
{
	CLEANUP(freep) char *upper = env_path(v, "upper");
	CLEANUP(strs_fini) struct strs gone = {0};
	struct places p = {.upper = upper, .gone = &gone};
	struct err e = {0};

	for (size_t i = 0; i < before->n; i++)
		if (before->v[i][0] == '/' && !strs_has(&v->rec.gpu_places, before->v[i]))
			strs_add(&gone, before->v[i]);
	if (gone.n && userns_call(&s->engine.map, remove_places, &p, &e) < 0)
		dbg("gpu: old mount points stay: %s", e.msg);
}

int env_gpu_give(struct site *s, struct env *v, const struct env_def *d, struct container *c,
		 struct err *e)
{
	CLEANUP(asked_fini) struct asked q = {0};
	CLEANUP(gpu_given_fini) struct gpu_given given = {0};
	CLEANUP(strs_fini) struct strs before = {0};

	if (read_request(d, &q, e) < 0 || give(s, d, &q, c, &given, e) < 0)
		return -(int)e->code;
	if (!v)
		return 0;
	before = v->rec.gpu_places;
	v->rec.gpu_places = (struct strs){0};
	record(&v->rec, d, &given, c);
	v->keep_groups = c->keep_groups;
	clean(s, v, &before);
	return 0;
}

int env_gpu_limit(const struct env *v, const struct env_def *d, const char *request,
		  struct strs *vars, struct err *e)
{
	CLEANUP(gpu_request_fini) struct gpu_request q = {0};
	CLEANUP(strs_fini) struct strs ids = {0};
	CLEANUP(buf_fini) struct buf list = {0};
	CLEANUP(freep) char *cuda = NULL;
	CLEANUP(freep) char *nvidia = NULL;
	struct gpu_want w = want(v->site, d);

	if (gpu_request_parse(request, &q, e) < 0)
		return -(int)e->code;
	w.request = &q;
	if (q.any && !v->rec.gpus_n) {
		(void)err_set(e, ERR_ABSENT, "the environment '%s' has no GPU", v->name);
		return err_hint(e, "`dlenv stop %s`, then `dlenv up --gpu %s` gives it some",
				v->name, request);
	}
	if (gpu_pick(&w, v->rec.gpus, v->rec.gpus_n, &ids, e) < 0)
		return -(int)e->code;
	buf_str(&list, "");
	for (size_t i = 0; i < ids.n; i++)
		buf_fmt(&list, "%s%s", i ? "," : "", ids.v[i]);
	cuda = str_fmt("CUDA_VISIBLE_DEVICES=%s", list.data);
	nvidia = str_fmt("NVIDIA_VISIBLE_DEVICES=%s", ids.n ? list.data : "void");
	inside_set(vars, cuda);
	inside_set(vars, nvidia);
	return 0;
}

char *env_gpus_text(const struct env_record *r)
{
	CLEANUP(buf_fini) struct buf text = {.max = 400};

	if (!r->gpus_n)
		return NULL;
	for (size_t i = 0; i < r->gpus_n; i++)
		buf_fmt(&text, "%s%s%s%s", i ? ", " : "", r->gpus[i].name,
			r->gpus[i].model[0] ? " " : "", r->gpus[i].model);
	return r->driver ? str_fmt(_("%s (driver %s)"), text.data, r->driver) : str_dup(text.data);
}
