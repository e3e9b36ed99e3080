/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dlenv's own engine. How this works: run/containers/ID/ holds config.json,
 * which the runtime carries out, and state.json, which names the processes
 * that stay (with their start times and the boot, so that a number that was
 * used again is never taken for ours). Nobody watches: whether a container
 * runs is asked of the kernel each time.
 */
#include "engine/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/doc.h"
#include "base/fs.h"
#include "base/log.h"
#include "engine/net.h"
#include "runtime/spec_more.h"

enum { STATE_MAX = 65536, KILLED_MS = 5000 };

char *engine_run_dir(const struct engine *en, const char *id)
{
	return str_fmt("%s/containers/%s", en->paths->run, id);
}

void running_fini(struct running *r)
{
	freep(&r->bundle);
}

static char *boot_id(void)
{
	char *text = NULL;
	struct err e;

	if (file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &text, NULL, &e) < 0)
		return str_dup("unknown");
	text[strcspn(text, "\n")] = '\0';
	return text;
}

struct state {
	const char *boot;
	uint64_t pid;
	uint64_t start;
	uint64_t net_pid;
	uint64_t net_start;
	uint64_t net_mode;
};

static const struct doc_row state_rows[] = {
	{.key = "boot",
	 .type = DOC_AS_STR,
	 .offset = offsetof(struct state, boot),
	 .flags = DOC_REQUIRED},
	{.key = "pid",
	 .type = DOC_AS_UINT,
	 .offset = offsetof(struct state, pid),
	 .flags = DOC_REQUIRED},
	{.key = "start",
	 .type = DOC_AS_UINT,
	 .offset = offsetof(struct state, start),
	 .flags = DOC_REQUIRED},
	{.key = "net_pid", .type = DOC_AS_UINT, .offset = offsetof(struct state, net_pid)},
	{.key = "net_start", .type = DOC_AS_UINT, .offset = offsetof(struct state, net_start)},
	{.key = "net_mode", .type = DOC_AS_UINT, .offset = offsetof(struct state, net_mode)},
	{0},
};

static int state_save(const char *dir, const struct running *r, struct err *e)
{
	CLEANUP(freep) char *boot = boot_id();
	CLEANUP(freep) char *path = str_fmt("%s/state.json", dir);
	CLEANUP(freep) char *text = NULL;
	json_t *top = json_pack("{s:s, s:I, s:I, s:I, s:I, s:i}", "boot", boot, "pid",
				(json_int_t)r->init.pid, "start", (json_int_t)r->init.start_time,
				"net_pid", (json_int_t)r->net.pid, "net_start",
				(json_int_t)r->net.start_time, "net_mode", (int)r->net_mode);

	text = json_dumps(top, JSON_SORT_KEYS);
	json_decref(top);
	return file_write(AT_FDCWD, path, text, strlen(text), 0600, 0, e);
}

static int state_load(const char *dir, struct running *ret, struct err *e)
{
	CLEANUP(freep) char *path = str_fmt("%s/state.json", dir);
	CLEANUP(freep) char *boot = boot_id();
	CLEANUP(freep) char *text = NULL;
	CLEANUP(doc_fini) struct doc d = {0};
	CLEANUP(arena_fini) struct arena a = {0};
	struct state s = {0};
	size_t len;

	if (file_read(AT_FDCWD, path, STATE_MAX, &text, &len, e) < 0 ||
	    doc_json(text, len, path, &d, e) < 0 ||
	    doc_decode(&d, d.top, state_rows, DOC_OPEN, &s, &a, e) < 0)
		return -(int)e->code;
	if (!str_eq(s.boot, boot) || s.pid > INT32_MAX || s.net_pid > INT32_MAX ||
	    s.net_mode > NET_NONE)
		return err_set(e, ERR_ABSENT, "'%s' is of an earlier boot", path);
	*ret = (struct running){
		.init = {.pid = (pid_t)s.pid, .start_time = s.start},
		.net = {.pid = (pid_t)s.net_pid, .start_time = s.net_start},
		.net_mode = (enum net_mode)s.net_mode,
	};
	return 0;
}

static int own_find(struct engine *en, const char *id, struct running *ret, struct err *e)
{
	CLEANUP(freep) char *dir = engine_run_dir(en, id);
	struct running r = {0};

	if (state_load(dir, &r, e) < 0 || !rt_alive(&r.init))
		return err_set(e, ERR_ABSENT, "'%s' is not running", id);
	r.bundle = TAKE(dir);
	*ret = r;
	return 0;
}

/*
 * A running container of this user whose user namespace a new one can join:
 * that saves newuidmap and newgidmap, the dearest part of a rootless start.
 */
static pid_t userns_to_join(struct engine *en)
{
	CLEANUP(freep) char *dir = engine_run_dir(en, "");
	CLEANUP(strs_fini) struct strs ids = {0};
	struct err e;

	if (!en->map.uids || dir_list(AT_FDCWD, dir, &ids, &e) < 0)
		return 0;
	for (size_t i = 0; i < ids.n; i++) {
		CLEANUP(running_fini) struct running r = {0};

		if (own_find(en, ids.v[i], &r, &e) == 0 && idmap_matches(&en->map, r.init.pid))
			return r.init.pid;
	}
	return 0;
}

struct starting {
	struct container *c;
	const char *dir;
	json_t *config;
	struct spec_more more;
	struct running *r;
};

static bool needs_helper(const struct container *c)
{
	return c->net == NET_PASTA || c->net == NET_SLIRP;
}

static int attach_network(struct starting *g, pid_t pid, struct err *e)
{
	const struct container *c = g->c;

	return needs_helper(c)
		       ? net_attach(c->net, pid, c->map->uids > 0, c->ports, g->dir, &g->r->net, e)
		       : 0;
}

/*
 * Called while the container's process makes its mounts: what need not be there before them is
 * written here. A throw-away container's file has no driver in it: nobody enters it.
 */
static int record(void *arg, pid_t pid, struct err *e)
{
	struct starting *g = arg;

	if (bundle_save(g->config, g->dir, e) < 0)
		return -(int)e->code;
	json_decref(g->config);
	g->config = NULL;
	return attach_network(g, pid, e);
}

/*
 * Recorded before the first process is let go: if we are killed now it dies
 * with us, if we are killed later it can be found.
 */
static int record_start(void *arg, pid_t pid, struct err *e)
{
	struct starting *g = arg;

	g->r->init = (struct rt_process_id){.pid = pid, .start_time = rt_start_time(pid)};
	bundle_complete(g->c, g->config);
	return record(g, pid, e) < 0 ? -(int)e->code : state_save(g->dir, g->r, e);
}

static int bundle_prepare(struct engine *en, struct starting *g, struct err *e)
{
	g->c->map = &en->map;
	if (dir_make(AT_FDCWD, g->dir, 0700, e) < 0)
		return -(int)e->code;
	g->config = bundle_json(g->c);
	bundle_more(g->c, &g->more);
	return 0;
}

static struct rt_opts options(struct engine *en, struct starting *g)
{
	return (struct rt_opts){
		.bundle = g->dir,
		.config = g->config,
		.more = &g->more,
		.seccomp = rt_default_seccomp_json(),
		.id = g->c->id,
		.seccomp_cache = en->seccomp_cache,
		.userns_pid = userns_to_join(en),
		.stdio = {-1, -1, -1},
		.on_warning = en->warn,
		.on_warning_arg = en->warn_arg,
		.on_created = record,
		.on_created_arg = g,
	};
}

static void bundle_remove(const char *dir, const char *id)
{
	struct err e;

	if (tree_remove(AT_FDCWD, dir, &e) < 0)
		dbg("%s: %s", id, e.msg);
}

/* The network's helper does not notice that its container has gone. */
static void stop_helper(const struct running *r, const char *id)
{
	struct err e;

	if (r->net.pid && rt_alive(&r->net) && rt_kill(&r->net, SIGTERM, &e) < 0)
		dbg("%s: %s", id, e.msg);
}

/* What is left of a start, successful or not. */
static void starting_fini(struct starting *g)
{
	json_decref(g->config);
	g->config = NULL;
}

static int own_start(struct engine *en, struct container *c, struct running *ret, struct err *e)
{
	CLEANUP(freep) char *dir = engine_run_dir(en, c->id);
	struct running r = {.net_mode = c->net};
	CLEANUP(starting_fini) struct starting g = {.c = c, .dir = dir, .r = &r};
	struct rt_opts o;

	if (bundle_prepare(en, &g, e) < 0)
		return -(int)e->code;
	o = options(en, &g);
	o.flags = RT_DETACH;
	o.on_created = record_start;
	if (rt_start(&o, &r.init, e) < 0) {
		stop_helper(&r, c->id);
		bundle_remove(dir, c->id);
		return -(int)e->code;
	}
	r.bundle = TAKE(dir);
	*ret = r;
	return 0;
}

static int own_run(struct engine *en, struct container *c, int *ret_status, struct err *e)
{
	CLEANUP(freep) char *dir = engine_run_dir(en, c->id);
	struct running r = {.net_mode = c->net};
	CLEANUP(starting_fini) struct starting g = {.c = c, .dir = dir, .r = &r};
	struct rt_opts o;
	int code;

	if (bundle_prepare(en, &g, e) < 0)
		return -(int)e->code;
	o = options(en, &g);
	o.flags = RT_FORWARD;
	code = rt_run(&o, ret_status, e);
	stop_helper(&r, c->id);
	bundle_remove(dir, c->id);
	return code;
}

/* A warning is enough to fail. The first is kept. */
static void note_warning(void *arg, const char *text)
{
	struct err *why = arg;

	if (!why->code)
		(void)err_set(why, ERR_RUNTIME, "%s", text);
}

static int own_prepare(struct engine *en, struct container *c, struct err *e)
{
	CLEANUP(freep) char *dir = engine_run_dir(en, c->id);
	CLEANUP(starting_fini) struct starting g = {.c = c, .dir = dir};
	struct err why = {0};
	struct rt_opts o;
	int status = 0;
	int code;

	if (bundle_prepare(en, &g, e) < 0)
		return -(int)e->code;
	o = options(en, &g);
	o.flags = RT_PREPARE;
	o.on_created = NULL;
	o.on_warning = note_warning;
	o.on_warning_arg = &why;
	code = rt_run(&o, &status, e);
	bundle_remove(dir, c->id);
	if (code < 0)
		return code;
	if (why.code) {
		*e = why;
		return -(int)e->code;
	}
	return status ? err_set(e, ERR_RUNTIME, "a container's root was not prepared") : 0;
}

static int own_exec(struct engine *en, const char *id, const struct running *r,
		    const struct command_in *cmd, int *ret_status, struct err *e)
{
	struct rt_exec x = {
		.target = r->init,
		.bundle = r->bundle,
		.seccomp_cache = en->seccomp_cache,
		.id = id,
		.args = cmd->args,
		.env = cmd->env,
		.cwd = cmd->cwd,
		.uid = cmd->uid,
		.gid = cmd->gid,
		.groups = cmd->groups,
		.groups_n = cmd->groups_n,
		.tty = cmd->tty,
		.stdio = {-1, -1, -1},
	};

	return rt_exec(&x, ret_status, e);
}

static int stop_init(const struct running *r, int timeout_ms, struct err *e)
{
	if (rt_kill(&r->init, SIGTERM, e) < 0 && e->code != ERR_ABSENT)
		return -(int)e->code;
	if (rt_wait_gone(&r->init, timeout_ms, e) == 0)
		return 0;
	if (rt_kill(&r->init, SIGKILL, e) < 0 && e->code != ERR_ABSENT)
		return -(int)e->code;
	return rt_wait_gone(&r->init, KILLED_MS, e);
}

static int own_stop(struct engine *en, const char *id, int timeout_ms, struct err *e)
{
	CLEANUP(freep) char *dir = engine_run_dir(en, id);
	CLEANUP(running_fini) struct running r = {0};

	if (state_load(dir, &r, e) == 0) {
		if (rt_alive(&r.init) && stop_init(&r, timeout_ms, e) < 0)
			return -(int)e->code;
		stop_helper(&r, id);
	}
	if (rt_cleanup(id, e) < 0)
		dbg("%s: %s", id, e->msg);
	bundle_remove(dir, id);
	return 0;
}

static const struct engine_ops own_ops = {
	.name = "dlenv",
	.summary = "no daemon",
	.start = own_start,
	.run = own_run,
	.prepare = own_prepare,
	.find = own_find,
	.exec = own_exec,
	.stop = own_stop,
};

int engine_open(struct engine *en, const struct paths *p, const struct user *u, struct err *e)
{
	*en = (struct engine){.ops = &own_ops, .paths = p, .user = u};
	if (u->uid != 0 && (userns_check(e) < 0 || idmap_keep(&en->map, u, e) < 0))
		return -(int)e->code;
	en->seccomp_cache = str_fmt("%s/seccomp", p->cache);
	return dir_make(AT_FDCWD, en->seccomp_cache, 0700, e);
}

void engine_close(struct engine *en)
{
	freep(&en->seccomp_cache);
}
