/* SPDX-License-Identifier: Apache-2.0 */
/* The operation configure: an engine is told of the GPU, as `dlenv configure` does it. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/env.h"
#include "base/i18n.h"
#include "setup/engine_config.h"
#include "setup/execute_parts.h"
#include "setup/op_parts.h"
#include "setup/script.h"

/* A user's own daemon has its file in the home; it is the user who writes there. */
static char *users_config(const struct op *o)
{
	CLEANUP(user_fini) struct user u = {0};
	struct err e = {0};

	if (!o->user || user_find(o->user, &u, &e) < 0)
		return NULL;
	return str_fmt("%s/.config/%s/daemon.json", u.home, o->name);
}

/* `dlenv configure` keeps its record beside ours. */
static char *record_folder(const struct executor *x)
{
	const char *slash = x->state ? strrchr(x->state, '/') : NULL;

	return slash ? str_fmt("%.*s/configure", (int)(slash - x->state), x->state) : NULL;
}

static int configure_done(const struct op *o, struct executor *x)
{
	CLEANUP(engine_plan_fini) struct engine_plan p = {0};
	CLEANUP(freep) char *config = users_config(o);
	CLEANUP(freep) char *toolkit = o->user ? NULL : env_libexec("dlenv-toolkit", "hook");
	const struct engine_options options = {
		.engine = o->name, .config = config, .toolkit = toolkit};
	struct err e = {0};

	if (o->user && !x->live)
		return -1;
	return engine_plan(x->root, &options, &p, &e) == 0 && engine_is_done(&p);
}

/* The folders of its files that are not there yet, each before what it lies in. */
static int configure_before(const struct op *o, struct executor *x, json_t **ret, struct err *e)
{
	CLEANUP(engine_plan_fini) struct engine_plan p = {0};
	CLEANUP(freep) char *config = users_config(o);
	const struct engine_options options = {.engine = o->name, .config = config};
	json_t *made;

	if (engine_plan(x->root, &options, &p, e) < 0)
		return -(int)e->code;
	made = json_array();
	for (size_t i = 0; i < engine_changes(&p); i++)
		op_missing_folders(x, engine_change_at(&p, i).path, made);
	*ret = json_pack("{s:o}", "made", made);
	return 0;
}

static int as_user(const struct op *o, struct executor *x, bool undo, struct err *e)
{
	CLEANUP(freep) char *program = env_program();
	CLEANUP(freep) char *config = users_config(o);
	const char *const argv[] = {
		program, "configure", o->name, "--config", config, undo ? "--undo" : NULL, NULL};

	return config ? executor_run(x, argv, o->user, e)
		      : err_set(e, ERR_ABSENT, "there is no user '%s'", o->user);
}

static int configure_apply(const struct op *o, struct executor *x, struct err *e)
{
	CLEANUP(engine_plan_fini) struct engine_plan p = {0};
	CLEANUP(freep) char *toolkit = env_libexec("dlenv-toolkit", "hook");
	CLEANUP(freep) char *state = record_folder(x);
	const struct engine_options options = {
		.engine = o->name, .toolkit = toolkit, .state = x->live ? state : NULL};

	if (o->user)
		return as_user(o, x, false, e);
	if (engine_plan(x->root, &options, &p, e) < 0)
		return -(int)e->code;
	return engine_apply(&p, e);
}

static int take_back(const struct op *o, struct executor *x, struct err *e)
{
	CLEANUP(engine_plan_fini) struct engine_plan p = {0};
	CLEANUP(freep) char *state = record_folder(x);
	const struct engine_options options = {.engine = o->name, .state = x->live ? state : NULL};
	int code = o->user ? as_user(o, x, true, e) : engine_plan_undo(x->root, &options, &p, e);

	return code < 0 || o->user ? code : engine_apply(&p, e);
}

static int configure_undo(const struct op *o, struct executor *x, const json_t *before,
			  const json_t *after, struct err *e)
{
	struct err why = {0};
	int code = take_back(o, x, &why);

	(void)after;
	/* ERR_ABSENT: it was not begun, or somebody has taken it back already. */
	if (code < 0 && code != -ERR_ABSENT && !(o->user && strstr(why.msg, "status 12"))) {
		*e = why;
		return code;
	}
	op_remove_folders(x, json_object_get(before, "made"));
	return 0;
}

static void configure_show(const struct op *o, const struct executor *x, struct buf *ret)
{
	(void)x;
	if (o->user)
		buf_fmt(ret, _("configure %s of %s for the GPU"), o->name, o->user);
	else
		buf_fmt(ret, _("configure %s for the GPU"), o->name);
}

/* What is left of it without dlenv: CDI, which the engine is told to use. */
static void configure_script(const struct op *o, struct script *s)
{
	CLEANUP(engine_plan_fini) struct engine_plan p = {0};
	CLEANUP(freep) char *config = users_config(o);
	/* dlenv's own programs are not there: what is called so is NVIDIA's. */
	const struct engine_options options = {.engine = o->name,
					       .config = config,
					       .runtime_path = "/usr/bin/nvidia-container-runtime"};
	struct err e = {0};

	if (engine_plan(s->x->root, &options, &p, &e) < 0)
		return;
	for (size_t i = 0; i < engine_changes(&p); i++) {
		struct engine_change c = engine_change_at(&p, i);

		buf_str(&s->text, "write_file ");
		buf_shell(&s->text, c.path);
		buf_str(&s->text, " 0644 ");
		script_text(s, c.after);
	}
}

const struct op_kind op_configure = {
	.name = "configure",
	.done = configure_done,
	.before = configure_before,
	.apply = configure_apply,
	.undo = configure_undo,
	.show = configure_show,
	.script = configure_script,
};
