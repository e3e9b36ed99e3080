/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `dlenv setup`: read the machine, choose, plan, and then one of the rows of modes[]: show the
 * plan, write it as a script, or carry it out and prove it. What --plan prints is what is carried
 * out.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmds.h"
#include "cli/output.h"
#include "cli/setup_parts.h"
#include "cli/site.h"

#define PIN(variable, name) OPTION(struct setup_cli_options, pin[variable], name, 0, OPT_STR)

const struct option_row setup_options[] = {
	{OPTION(struct setup_cli_options, plan, "plan", 'p', OPT_FLAG),
	 .help = N_("show what would be done, and change nothing")},
	{OPTION(struct setup_cli_options, script, "script", 0, OPT_STR), .arg = "FILE",
	 .help = N_("write a shell script that does the same without dlenv (-: to stdout)")},
	{OPTION(struct setup_cli_options, resume, "resume", 0, OPT_FLAG),
	 .help = N_("go on with a run that was interrupted, or waited for a reboot")},
	{OPTION(struct setup_cli_options, undo, "undo", 0, OPT_FLAG),
	 .help = N_("take back what was done, or the part of it that is named")},
	{OPTION(struct setup_cli_options, verify, "verify", 0, OPT_FLAG),
	 .help = N_("prove the set-up, up to a GPU in a container")},
	{OPTION(struct setup_cli_options, user, "user", 'u', OPT_STR), .arg = "NAME",
	 .help = N_("who will use it; otherwise who called sudo")},
	{PIN(VAR_DRIVER, "driver"), .arg = "VERSION",
	 .help = N_("a branch of the driver, open or proprietary: 580-open")},
	{PIN(VAR_ROUTE, "route"), .arg = "NAME",
	 .help = N_("where the driver comes from: cuda-repo, archive, distro ...")},
	{PIN(VAR_CUDA, "cuda"), .arg = "VERSION",
	 .help = N_("a CUDA release that the driver has to run")},
	{PIN(VAR_TORCH, "torch"), .arg = "VERSION",
	 .help = N_("a PyTorch release that the driver has to run")},
	{PIN(VAR_TOOLKIT, "toolkit"), .arg = "VERSION",
	 .help = N_("a release of the NVIDIA Container Toolkit, or builtin")},
	{PIN(VAR_DISTRO, "distro"), .arg = "DISTRO",
	 .help = N_("the distribution that this one is most like: debian:13")},
	{OPTION(struct setup_cli_options, rootless, "rootless", 0, OPT_FLAG),
	 .help = N_("docker: a daemon of the user's own")},
	{OPTION(struct setup_cli_options, trust, "trust-key", 0, OPT_STRS), .arg = "KEY",
	 .help = N_("accept this key of a repository")},
	{OPTION(struct setup_cli_options, reboot, "reboot", 0, OPT_FLAG),
	 .help = N_("reboot by itself where one is needed")},
	{OPTION(struct setup_cli_options, no_network, "offline", 0, OPT_FLAG),
	 .help = N_("prove only what needs no network")},
	{0},
};

static void job_fini(struct setup_job *j)
{
	executor_close(&j->x);
	plan_fini(&j->plan);
	setup_fini(&j->setup);
	facts_fini(&j->facts);
	*j = (struct setup_job){0};
}

static int read_job(struct setup_job *j, struct err *e)
{
	if (setup_read(&j->setup, j->machine, j->live, &j->facts, &j->o, e) < 0)
		return -(int)e->code;
	/* A recorded machine says whose it is. */
	if (!j->live && !j->o.user && j->setup.host.user && j->setup.host.uid != 0)
		j->o.user = j->setup.host.user;
	return 0;
}

/* What earlier runs left in the state folder counts, too. */
static void look(struct setup_job *j)
{
	executor_look(&j->x, &j->setup);
	j->x.state = arena_str(&j->x.arena, j->state);
}

static int make_plan(struct setup_job *j, struct err *e)
{
	if (read_job(j, e) < 0 || setup_choose(&j->setup, e) < 0 ||
	    setup_plan(&j->setup, &j->plan, e) < 0)
		return -(int)e->code;
	look(j);
	(void)plan_states(&j->plan, &j->x);
	return 0;
}

static int show_plan(struct cli *c, struct setup_job *j, struct err *e)
{
	if (make_plan(j, e) < 0)
		return -(int)e->code;
	setup_say_plan(c, j);
	cli_answer(c, setup_plan_json(j));
	return 0;
}

static int write_script(struct cli *c, struct setup_job *j, struct err *e)
{
	const struct setup_cli_options *o = c->opt;
	CLEANUP(buf_fini) struct buf text = {0};

	buf_str(&text, "");
	if (make_plan(j, e) < 0 || plan_script(&j->plan, &j->x, &text, e) < 0)
		return -(int)e->code;
	if (!str_eq(o->script, "-")) {
		if (file_write(AT_FDCWD, o->script, text.data, text.len, 0755, 0, e) < 0)
			return -(int)e->code;
		cli_note(c, _("written: %s"), o->script);
	} else if (!c->g.json &&
		   (fwrite(text.data, 1, text.len, stdout) != text.len || fflush(stdout) != 0)) {
		return err_sys(e, "cannot write the script");
	}
	cli_answer(c, json_pack("{s:s}", "script", text.data));
	return 0;
}

/* What the executor had to say, and it is closed: it holds the lock. */
static void close_executor(struct cli *c, struct setup_job *j)
{
	setup_say_notes(c, &j->x.notes);
	executor_close(&j->x);
}

static int prove(struct cli *c, struct setup_job *j, struct err *e)
{
	CLEANUP(ladder_fini) struct ladder l = {0};
	json_t *data;

	if (verify(&j->x, &j->setup, &l, e) < 0)
		return -(int)e->code;
	setup_say_ladder(c, &l);
	data = j->plan.n ? setup_plan_json(j) : json_object();
	(void)json_object_set_new(data, "ladder", setup_ladder_json(&l));
	(void)json_object_set_new(data, "notes", setup_notes_json(&j->x.notes));
	cli_answer(c, data);
	return setup_ladder_result(&l, e);
}

/* An earlier run that is not through; what it asked for goes to *ret, in the arena of x. */
static int unfinished(struct setup_job *j, struct executor *x, struct setup_options *ret,
		      struct err *e)
{
	*x = (struct executor){.root = j->machine,
			       .live = j->live,
			       .state = j->state,
			       .state_fd = -1,
			       .log_fd = -1,
			       .lock_fd = -1,
			       .signal_fd = -1};
	return execute_unfinished(x, ret, e);
}

static int warn_of_unfinished(struct cli *c, struct setup_job *j, bool *ret, struct err *e)
{
	CLEANUP(executor_close) struct executor x = {0};
	struct setup_options before = {0};
	struct err why = {0};

	*ret = unfinished(j, &x, &before, &why) == 0;
	if (*ret)
		cli_warn(c, _("an earlier run is not through: `dlenv setup --resume` goes on with "
			      "it, `dlenv setup --undo` takes it back"));
	if (*ret || why.code == ERR_ABSENT)
		return 0;
	*e = why;
	return -(int)e->code;
}

/* Under the lock: the plan that was shown, then the proof. */
static int carry_out(struct cli *c, struct setup_job *j, struct err *e)
{
	int code;

	executor_close(&j->x);
	if (executor_open(&j->x, &j->setup, j->state, c->progress, e) < 0)
		return -(int)e->code;
	code = execute(&j->x, &j->plan, &j->o, e);
	j->plan.states = NULL; /* another machine now */
	if (code == 0)
		code = prove(c, j, e);
	close_executor(c, j);
	return code;
}

static int apply(struct cli *c, struct setup_job *j, bool goes_on, struct err *e)
{
	if (make_plan(j, e) < 0)
		return -(int)e->code;
	setup_say_plan(c, j);
	if (!j->plan.todo && !goes_on) {
		cli_answer(c, setup_plan_json(j));
		return 0;
	}
	if (j->plan.todo && cli_ask(c, e, _("Carry this out?")) < 0)
		return -(int)e->code;
	return carry_out(c, j, e);
}

static int set_up(struct cli *c, struct setup_job *j, struct err *e)
{
	bool goes_on = false;

	if (geteuid() != 0)
		return setup_needs_root(e);
	if (warn_of_unfinished(c, j, &goes_on, e) < 0)
		return -(int)e->code;
	return apply(c, j, goes_on, e);
}

static int prove_only(struct cli *c, struct setup_job *j, struct err *e)
{
	int code;

	if (read_job(j, e) < 0)
		return -(int)e->code;
	if (!j->o.targets)
		j->setup.targets |= (j->setup.host.docker ? SETUP_DOCKER : 0) |
				    (j->setup.host.podman ? SETUP_PODMAN : 0);
	executor_look(&j->x, &j->setup);
	code = prove(c, j, e);
	close_executor(c, j);
	return code;
}

static int go_on(struct cli *c, struct setup_job *j, struct err *e)
{
	CLEANUP(executor_close) struct executor x = {0};
	const struct setup_options given = j->o;
	struct err why = {0};

	if (geteuid() != 0)
		return setup_needs_root(e);
	if (c->args_n)
		return err_set(e, ERR_USAGE,
			       "--resume goes on with what was asked for before: it "
			       "takes no targets");
	if (unfinished(j, &x, &j->o, &why) < 0) {
		if (why.code != ERR_ABSENT) {
			*e = why;
			return -(int)e->code;
		}
		cli_note(c, _("no run waits to go on; this is how the machine is:"));
		return prove_only(c, j, e);
	}
	setup_wish_more(c, &given, &j->o);
	return apply(c, j, true, e);
}

static int take_back(struct cli *c, struct setup_job *j, struct err *e)
{
	const struct setup_cli_options *o = c->opt;
	CLEANUP(buf_fini) struct buf text = {0};
	unsigned int targets = j->o.targets;
	bool looks = o->plan || c->g.dry_run;
	int code;

	if (geteuid() != 0)
		return setup_needs_root(e);
	if (read_job(j, e) < 0)
		return -(int)e->code;
	look(j);
	buf_str(&text, "");
	if (undo_text(&j->x, targets, &text, e) < 0)
		return -(int)e->code;
	if (text.len)
		cli_print(c, "%.*s", (int)text.len - 1, text.data);
	if (looks) {
		cli_answer(c, json_pack("{s:s}", "undo", text.data));
		return 0;
	}
	if (cli_ask(c, e, _("Take this back?")) < 0)
		return -(int)e->code;
	executor_close(&j->x);
	if (executor_open(&j->x, &j->setup, j->state, c->progress, e) < 0)
		return -(int)e->code;
	code = execute_undo(&j->x, targets, e);
	close_executor(c, j);
	if (code == 0)
		cli_note(c, _("what was done is taken back"));
	return code;
}

/* The first row whose option was given. */
static const struct mode {
	const char *name;
	size_t given; /* of a bool or a text in struct setup_cli_options */
	bool text;
	bool elsewhere; /* on another machine's files, too */
	int (*run)(struct cli *c, struct setup_job *j, struct err *e);
} modes[] = {
	{"--undo", offsetof(struct setup_cli_options, undo), false, false, take_back},
	{"--resume", offsetof(struct setup_cli_options, resume), false, false, go_on},
	{"--verify", offsetof(struct setup_cli_options, verify), false, false, prove_only},
	{"--script", offsetof(struct setup_cli_options, script), true, true, write_script},
	{"--plan", offsetof(struct setup_cli_options, plan), false, true, show_plan},
};
static const struct mode default_mode = {.name = NULL, .run = set_up};

static bool is_given(const struct setup_cli_options *o, const struct mode *m)
{
	const void *at = (const char *)o + m->given;

	return m->text ? *(const char *const *)at != NULL : *(const bool *)at;
}

static int find_mode(const struct cli *c, const struct mode **ret, struct err *e)
{
	const struct setup_cli_options *o = c->opt;

	*ret = &default_mode;
	for (size_t i = 0; i < COUNT(modes); i++) {
		bool looks = modes[i].run == show_plan;

		if (!is_given(o, &modes[i]) && !(looks && c->g.dry_run))
			continue;
		/* What would be taken back can be shown, too. */
		if ((*ret)->name && !(looks && (*ret)->run == take_back))
			return err_set(e, ERR_USAGE, "%s and %s exclude each other", (*ret)->name,
				       modes[i].name);
		if (!(*ret)->name)
			*ret = &modes[i];
	}
	return 0;
}

int cmd_setup(struct cli *c, struct err *e)
{
	CLEANUP(job_fini) struct setup_job j = {0};
	const struct mode *mode;

	if (find_mode(c, &mode, e) < 0 || setup_wish(c, &j, e) < 0)
		return -(int)e->code;
	if (!j.live && !mode->elsewhere) {
		(void)err_set(e, ERR_USAGE, "'%s' is another machine: nothing is changed there",
			      j.machine->path);
		return err_hint(e, "--plan and --script show what would be done");
	}
	if (cli_facts(c, &j.facts, e) < 0)
		return -(int)e->code;
	return mode->run(c, &j, e);
}
