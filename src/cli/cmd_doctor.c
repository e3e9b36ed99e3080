/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `dlenv doctor`: each provider looks at one side of the machine and adds its findings; what can be
 * mended without risk is a repair, which --fix carries out. A new side is a row and a function.
 */
#include <stdlib.h>

#include "base/env.h"
#include "base/str.h"
#include "cli/cmds.h"
#include "cli/doctor.h"
#include "cli/findings.h"
#include "cli/output.h"
#include "cli/repair.h"
#include "cli/site.h"

struct doctor_options {
	bool fix;
};

const struct option_row doctor_options[] = {
	{OPTION(struct doctor_options, fix, "fix", 0, OPT_FLAG),
	 .help = N_("make missing device nodes and links")},
	{0},
};

int doctor_driver(struct patient *p, struct findings *f, struct err *e)
{
	(void)e;
	findings_of_driver(p->machine, &p->nvidia, NULL, f);
	return 0;
}

static const struct provider {
	const char *name;
	int (*look)(struct patient *p, struct findings *f, struct err *e);
} providers[] = {
	{"host", doctor_host},
	{"driver", doctor_driver},
	{"cdi", doctor_cdi},
};

static int look(struct patient *p, struct findings *f, struct err *e)
{
	for (size_t i = 0; i < COUNT(providers); i++)
		if (providers[i].look(p, f, e) < 0)
			return err_wrap(e, "doctor: %s", providers[i].name);
	return 0;
}

static int fix(struct cli *c, const struct patient *p, const struct findings *f, struct err *e)
{
	for (size_t i = 0; i < f->repairs_n; i++) {
		CLEANUP(freep) char *text = repair_text(&f->repairs[i]);

		if (!c->g.dry_run && repair_do(p->machine, &f->repairs[i], e) < 0)
			return e->code == ERR_PRIV
				       ? err_hint(e, "only root may: sudo dlenv doctor --fix")
				       : -(int)e->code;
		cli_note(c, "%s", text);
	}
	return 0;
}

static void tell(struct cli *c, struct patient *p, const struct findings *f)
{
	const struct nvidia *n = &p->nvidia;

	host_print(c, p);
	findings_print(c, f);
	if (!f->n && n->driver)
		cli_print(c, _("nothing is wrong: NVIDIA driver %s, GPUs: %zu"), n->driver,
			  n->gpus_n);
	else if (!f->n)
		cli_print(c, _("nothing is wrong: this machine has no NVIDIA GPU"));
	cli_answer(c, json_pack("{s:s?, s:I, s:o, s:o}", "driver", n->driver, "gpus",
				(json_int_t)n->gpus_n, "findings", findings_json(f), "host",
				host_json(p)));
}

/* The user's own tables, as paths_init would place them, which makes folders. NULL: none. */
static char *facts_folder(const struct user *who)
{
	const char *config = getenv("DLENV_CONFIG");
	const char *xdg = getenv("XDG_CONFIG_HOME");

	if (config && *config)
		return str_fmt("%s/facts", config);
	if (!who->name || who->uid == 0)
		return NULL;
	if (xdg && *xdg == '/')
		return str_fmt("%s/dlenv/facts", xdg);
	return str_fmt("%s/.config/dlenv/facts", who->home);
}

static int examine(struct cli *c, struct patient *p, struct err *e)
{
	CLEANUP(user_fini) struct user who = {0};
	CLEANUP(freep) char *own = NULL;
	struct err nobody = {0};
	bool known = user_init(&who, &nobody) == 0;
	const char *folders[] = {"/etc/dlenv/facts", NULL, NULL};

	folders[1] = own = facts_folder(&who);
	if (cli_machine(c, &p->machine, e) < 0 || nvidia_read(p->machine, &p->nvidia, e) < 0 ||
	    facts_load(&p->facts, folders, e) < 0)
		return -(int)e->code;
	/* Somebody without a name or a home is told what does not depend on them. */
	host_read(p->machine, known ? &who : NULL, &p->host);
	return 0;
}

static void patient_fini(struct patient *p)
{
	host_fini(&p->host);
	facts_fini(&p->facts);
	nvidia_fini(&p->nvidia);
}

int cmd_doctor(struct cli *c, struct err *e)
{
	const struct doctor_options *o = c->opt;
	CLEANUP(findings_fini) struct findings f = {0};
	CLEANUP(findings_fini) struct findings left = {0};
	CLEANUP(patient_fini) struct patient p = {0};
	struct findings *told = &f;

	if (examine(c, &p, e) < 0 || look(&p, &f, e) < 0)
		return -(int)e->code;
	if (o->fix && fix(c, &p, &f, e) < 0)
		return -(int)e->code;
	if (o->fix && !c->g.dry_run) {
		told = &left;
		if (look(&p, told, e) < 0)
			return -(int)e->code;
	}
	tell(c, &p, told);
	return findings_result(told, e);
}
