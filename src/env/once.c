/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Throw-away containers: `dlenv run`. The writable layer is a tmpfs that goes
 * with the container. Without a terminal the command is the container's first
 * process; with one, dlenv-init is, and the command is entered with a terminal
 * of the container's own.
 */
#include "env/env.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/gpu_layer.h"
#include "engine/net.h"
#include "engine/user_layer.h"
#include "env/gpu.h"
#include "env/inside.h"
#include "env/services.h"

static char *fresh_id(void)
{
	unsigned int random = 0;

	(void)!getrandom(&random, sizeof(random), 0);
	return str_fmt("run-%d-%08x", (int)getpid(), random);
}

static int with_terminal(struct site *s, struct container *c, int *ret_status, struct err *e)
{
	static const char *const init[] = {"/run/dlenv-init", NULL};
	struct engine *en = &s->engine;
	CLEANUP(freep) char *program = NULL;
	CLEANUP(running_fini) struct running r = {0};
	struct command_in cmd = {.args = c->args,
				 .env = c->env,
				 .cwd = c->cwd,
				 .uid = c->uid,
				 .gid = c->gid,
				 .tty = true};
	struct err ignored;
	int code;

	if (services_init_program(&program, e) < 0)
		return -(int)e->code;
	container_bind(c, program, init[0], true);
	c->args = init;
	c->cwd = "/";
	c->uid = 0;
	c->gid = 0;
	if (en->ops->start(en, c, &r, e) < 0)
		return -(int)e->code;
	code = en->ops->exec(en, c->id, &r, &cmd, ret_status, e);
	if (en->ops->stop(en, c->id, 2000, &ignored) < 0)
		dbg("%s", ignored.msg);
	return code;
}

int env_run_once(struct site *s, const struct env_def *d, const struct enter *n, int *ret_status,
		 struct err *e)
{
	struct engine *en = &s->engine;
	CLEANUP(image_fini) struct image img = {0};
	CLEANUP(container_fini) struct container c;
	CLEANUP(strs_fini) struct strs lowers = {0};
	CLEANUP(layer_fini) struct layer own = {0};
	CLEANUP(strs_fini) struct strs vars = {0};
	CLEANUP(freep) char *id = fresh_id();
	CLEANUP(freep) char *cwd = n->cwd ? str_dup(n->cwd) : inside_cwd(s, d);
	struct user_layer l = {.store = &s->store, .user = s->user, .map = &en->map, .image = &img};
	struct gpu_layer driver = {.engine = en, .store = &s->store, .below = &own};
	/* Attaching pasta takes longer than all the rest; auto means it for environments only. */
	enum net_mode network =
		d->run.network == NET_AUTO ? NET_HOST : (enum net_mode)d->run.network;
	const char *why = NULL;
	bool cuda;

	container_init(&c);
	if (env_image(s, d, false, &img, &cuda, e) < 0 ||
	    user_layer_stack(&l, &lowers, &own, e) < 0 || net_choose(network, &c.net, &why, e) < 0)
		return -(int)e->code;
	container_tmpfs(&c, "/run", "nosuid,nodev,mode=755");
	c.uid = n->root ? 0 : s->user->uid;
	c.gid = n->root ? 0 : s->user->gid;
	if (inside_fill(s, NULL, d, &c, e) < 0 || env_gpu_give(s, NULL, d, &c, e) < 0)
		return -(int)e->code;
	gpu_layer_add(&driver, &c, &lowers);
	inside_variables(s, NULL, d, &vars);
	inside_terminal(&vars);
	for (size_t i = 0; i < c.more_env.n; i++)
		inside_set(&vars, c.more_env.v[i]);
	c.id = id;
	c.hostname = d->preset_name;
	c.lowers = (const char *const *)lowers.v;
	c.args = n->args;
	c.env = (const char *const *)vars.v;
	c.cwd = cwd;
	if (n->tty)
		return with_terminal(s, &c, ret_status, e);
	return en->ops->run(en, &c, ret_status, e);
}
