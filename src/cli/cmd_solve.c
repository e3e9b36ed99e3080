/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdio.h>

#include "cli/cmds.h"
#include "cli/output.h"
#include "cli/site.h"
#include "compat/answer.h"
#include "compat/gpus.h"
#include "setup/request.h"

/* For the options alone: pin is by enum solve_var. */
struct solve_options {
	const char **gpu;
	const char *pin[VARS];
	bool explain;
};

#define PIN(variable, name) OPTION(struct solve_options, pin[variable], name, 0, OPT_STR)

const struct option_row solve_options[] = {
	{OPTION(struct solve_options, gpu, "gpu", 'g', OPT_STRS), .arg = "GPU",
	 .help = N_("a name, a PCI id, sm_XX or none, instead of this machine's")},
	{PIN(VAR_DISTRO, "distro"), .arg = "DISTRO",
	 .help = N_("a distribution instead of this machine's, or any")},
	{PIN(VAR_DRIVER, "driver"), .arg = "VERSION",
	 .help = N_("a branch or version, open, proprietary, or loaded")},
	{PIN(VAR_CUDA, "cuda"), .arg = "VERSION", .help = N_("a CUDA release")},
	{PIN(VAR_CUDNN, "cudnn"), .arg = "VERSION", .help = N_("a cuDNN release")},
	{PIN(VAR_TORCH, "torch"), .arg = "VERSION",
	 .help = N_("a PyTorch release, such as 2.6 or 2.6+cu124; cpu; any; none")},
	{PIN(VAR_RAPIDS, "rapids"), .arg = "VERSION", .help = N_("RAPIDS too: a release, or any")},
	{PIN(VAR_CUPY, "cupy"), .arg = "VERSION", .help = N_("CuPy too: a release, or any")},
	{PIN(VAR_DALI, "dali"), .arg = "VERSION", .help = N_("DALI too: a build, or any")},
	{PIN(VAR_IMAGE, "image"), .arg = "TAG", .help = N_("a tag of nvidia/cuda, or none")},
	{PIN(VAR_ENGINE, "engine"), .arg = "ENGINE",
	 .help = N_("dlenv, docker or podman, with a version: podman:4.9.3")},
	{PIN(VAR_TOOLKIT, "toolkit"), .arg = "VERSION",
	 .help = N_("a release of the NVIDIA Container Toolkit, or builtin")},
	{PIN(VAR_ROUTE, "route"), .arg = "NAME",
	 .help = N_("where the driver comes from: cuda-repo, archive, distro ...")},
	{OPTION(struct solve_options, explain, "explain", 'e', OPT_FLAG),
	 .help = N_("say the rule and the fact behind each part")},
	{0},
};

static int ask_about(struct cli *c, struct facts *f, const char *const *names,
		     struct machine_request *q, struct err *e)
{
	size_t n = 0;

	while (names[n])
		n++;
	q->gpus = arena_alloc(&c->arena, (n + 1) * sizeof(*q->gpus));
	q->r.gpus = q->gpus;
	for (size_t i = 0; i < n; i++) {
		if (str_eq(names[i], "none")) {
			q->r.no_gpu = true;
			continue;
		}
		if (gpu_by_text(f, names[i], &q->gpus[q->r.gpus_n], e) < 0)
			return -(int)e->code;
		q->r.gpus_n++;
	}
	if (q->r.no_gpu && q->r.gpus_n)
		return err_set(e, ERR_USAGE, "--gpu none and another GPU exclude each other");
	return 0;
}

/* A GPU that is named is another machine's, so nothing of this one's is looked at. */
static int read_machine(struct cli *c, struct facts *f, struct machine_request *q, struct err *e)
{
	const struct root *machine;

	if (cli_machine(c, &machine, e) < 0 || request_read(machine, f, &c->arena, q, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < q->given_away_n; i++)
		cli_warn(c, _("the GPU %s is given to virtual machines (vfio-pci): it is left out"),
			 q->given_away[i]);
	return 0;
}

static void say_gpus(struct cli *c, const struct machine_request *q)
{
	for (size_t i = 0; i < q->r.gpus_n; i++) {
		const struct gpu_fact *g = &q->gpus[i];

		if (g->cc.n)
			cli_print(c, "%-9s%s: %s, %u.%u", "gpu", g->product, g->arch, g->cc.part[0],
				  g->cc.part[1]);
		else
			cli_print(c, "%-9s%s", "gpu", g->product);
	}
	if (q->r.no_gpu)
		cli_print(c, "%-9s-", "gpu");
}

static json_t *gpus_json(const struct machine_request *q)
{
	json_t *list = json_array();

	for (size_t i = 0; i < q->r.gpus_n; i++) {
		const struct gpu_fact *g = &q->gpus[i];
		char id[8];
		char cc[24];

		(void)snprintf(id, sizeof(id), "%04x", g->id & 0xffff);
		(void)snprintf(cc, sizeof(cc), "%u.%u", g->cc.part[0], g->cc.part[1]);
		(void)json_array_append_new(
			list, json_pack("{s:s, s:s*, s:s, s:s*, s:b}", "product", g->product, "id",
					g->id ? id : NULL, "architecture", g->arch ? g->arch : "",
					"compute_capability", g->cc.n ? cc : NULL, "guess",
					g->guess != NULL));
	}
	return list;
}

static json_t *dates_json(void)
{
	json_t *o = json_object();

	for (size_t i = 0; i < tables_n; i++)
		(void)json_object_set_new(o, tables[i].name, json_string(tables[i].date));
	return o;
}

static int say(struct cli *c, const struct machine_request *q, const struct solve_answer *a,
	       bool explain, struct err *e)
{
	CLEANUP(buf_fini) struct buf text = {0};
	CLEANUP(freep) char *conflict = answer_conflict(a);
	json_t *data;

	if (c->g.json) {
		data = answer_json(a);
		(void)json_object_set_new(data, "gpus", gpus_json(q));
		(void)json_object_set_new(data, "tables", dates_json());
		cli_answer(c, data);
		return a->fits ? 0 : err_status(ERR_UNSAT);
	}
	say_gpus(c, q);
	answer_text(a, explain ? ANSWER_REASONS : 0, &text);
	if (text.len)
		text.data[text.len - 1] = '\0'; /* cli_print ends the line */
	cli_print(c, "%s", text.data ? text.data : "");
	if (a->fits)
		return 0;
	(void)err_set(e, ERR_UNSAT, "nothing fits: %.400s", conflict);
	return a->ways_n ? err_hint(e, "%s", a->ways[0].text) : -(int)e->code;
}

int cmd_solve(struct cli *c, struct err *e)
{
	const struct solve_options *o = c->opt;
	CLEANUP(facts_fini) struct facts f = {0};
	CLEANUP(answer_fini) struct solve_answer a = {0};
	struct machine_request q = {0};

	for (size_t var = 0; var < VARS; var++)
		q.r.pin[var] = o->pin[var];
	if (cli_facts(c, &f, e) < 0 ||
	    (o->gpu ? ask_about(c, &f, (const char *const *)o->gpu, &q, e)
		    : read_machine(c, &f, &q, e)) < 0)
		return -(int)e->code;
	if (solve(&f, &q.r, o->explain || c->g.json ? SOLVE_EXPLAIN : 0, &a, e) < 0)
		return -(int)e->code;
	return say(c, &q, &a, o->explain, e);
}
