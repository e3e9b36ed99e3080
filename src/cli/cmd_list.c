/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "cli/cmds.h"
#include "cli/output.h"
#include "cli/site.h"
#include "env/gpu.h"
#include "env/jupyter.h"

enum { MAX_SERVICES = 64 };

struct env_row {
	char *name;
	const char *state;
	char *preset;
	char *accelerator;
	char *project;
	uint64_t port;
	int64_t created;
};

static const struct column env_columns[] = {
	{"name", N_("NAME"), COL_STR, offsetof(struct env_row, name), 0},
	{"state", N_("STATE"), COL_STR, offsetof(struct env_row, state), 0},
	{"preset", N_("PRESET"), COL_STR, offsetof(struct env_row, preset), 0},
	{"accelerator", N_("FOR"), COL_STR, offsetof(struct env_row, accelerator), 0},
	{"jupyter_port", N_("JUPYTER"), COL_UINT, offsetof(struct env_row, port), 0},
	{"created", N_("CREATED"), COL_TIME, offsetof(struct env_row, created), 0},
	{"project", N_("PROJECT"), COL_STR, offsetof(struct env_row, project), 0},
	{0},
};

static void row_fill(struct env_row *row, struct env *v)
{
	CLEANUP(running_fini) struct running r = {0};
	struct err e;

	*row = (struct env_row){
		.name = str_dup(v->name),
		.state = env_running(v, &r, &e) == 0 ? "running" : "stopped",
		.preset = str_dup(v->rec.preset),
		.accelerator = str_dup(v->rec.accelerator),
		.project = str_dup(v->rec.project),
		.port = v->rec.jupyter_port,
		.created = v->rec.created,
	};
}

static void row_fini(struct env_row *row)
{
	freep(&row->name);
	freep(&row->preset);
	freep(&row->accelerator);
	freep(&row->project);
}

int cmd_ls(struct cli *c, struct err *e)
{
	CLEANUP(site_close) struct site s = {.store = {.fd = -1}};
	CLEANUP(strs_fini) struct strs names = {0};
	CLEANUP(freep) struct env_row *rows = NULL;
	size_t n = 0;

	if (cli_site(c, &s, e) < 0 || env_list(&s, &names, e) < 0)
		return -(int)e->code;
	rows = mem_alloc((names.n + 1) * sizeof(*rows));
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP(env_close) struct env v = {.lock = -1};

		/* A damaged one must not hide the others. */
		if (env_open(&v, &s, names.v[i], 0, e) < 0)
			cli_warn(c, "%s", e->msg);
		else
			row_fill(&rows[n++], &v);
	}
	cli_table(c, env_columns, rows, n, sizeof(*rows));
	for (size_t i = 0; i < n; i++)
		row_fini(&rows[i]);
	return 0;
}

/* A process that stays on the host for an environment. */
struct process_row {
	const char *what;
	uint64_t pid;
	uint64_t private_bytes;
};

static const struct column process_columns[] = {
	{"process", N_("PROCESS"), COL_STR, offsetof(struct process_row, what), 0},
	{"pid", N_("PID"), COL_UINT, offsetof(struct process_row, pid), 0},
	{"private_bytes", N_("PRIVATE"), COL_SIZE, offsetof(struct process_row, private_bytes), 0},
	{0},
};

static const struct column service_columns[] = {
	{"service", N_("SERVICE"), COL_CHARS, offsetof(struct service_status, name), 0},
	{"state", N_("STATE"), COL_CHARS, offsetof(struct service_status, state), 0},
	{"health", N_("HEALTH"), COL_CHARS, offsetof(struct service_status, health), 0},
	{"restarts", N_("RESTARTS"), COL_UINT, offsetof(struct service_status, restarts), 0},
	{0},
};

/* What a process has for itself and no page cache holds (smaps_rollup); 0 when we may not know. */
static uint64_t private_memory(pid_t pid)
{
	static const char key[] = "Private_Dirty:";
	CLEANUP(freep) char *path = str_fmt("/proc/%d/smaps_rollup", (int)pid);
	CLEANUP(freep) char *text = NULL;
	uint64_t kib = 0;
	struct err e;
	const char *at;

	if (file_read(AT_FDCWD, path, 8192, &text, NULL, &e) < 0)
		return 0;
	at = strstr(text, key);
	for (at = at ? at + strcspn(at, "0123456789") : ""; *at >= '0' && *at <= '9'; at++)
		kib = kib * 10 + (uint64_t)(*at - '0');
	return kib * 1024;
}

static size_t processes(const struct running *r, struct process_row rows[2])
{
	size_t n = 0;

	rows[n++] = (struct process_row){"dlenv-init", (uint64_t)r->init.pid,
					 private_memory(r->init.pid)};
	if (r->net.pid)
		rows[n++] = (struct process_row){r->net_mode == NET_PASTA ? "pasta" : "slirp4netns",
						 (uint64_t)r->net.pid, private_memory(r->net.pid)};
	return n;
}

static bool has_service(const struct service_status *rows, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(rows[i].name, name))
			return true;
	return false;
}

static int say_running(struct cli *c, struct env *v, const struct running *r, struct err *e)
{
	struct service_status services[MAX_SERVICES];
	struct process_row stay[2];
	size_t services_n = 0;
	size_t stay_n = processes(r, stay);
	CLEANUP(freep) char *link = NULL;
	CLEANUP(freep) char *gpus = env_gpus_text(&v->rec);

	if (env_services(v, services, COUNT(services), &services_n, e) < 0 && e->code != ERR_ABSENT)
		return -(int)e->code;
	if (has_service(services, services_n, "jupyter") && jupyter_link(v, &link, e) < 0)
		return -(int)e->code;
	if (c->g.json) {
		cli_answer(c, json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s?, s:o, s:o, s:o}", "name",
					v->name, "state", "running", "project", v->rec.project,
					"preset", v->rec.preset, "network", v->rec.network,
					"jupyter", link, "gpus", env_gpus_json(&v->rec), "services",
					column_json_list(service_columns, services, services_n,
							 sizeof(services[0])),
					"processes",
					column_json_list(process_columns, stay, stay_n,
							 sizeof(stay[0]))));
		return 0;
	}
	cli_print(c, _("%s is running: preset %s for %s, network %s, project %s"), v->name,
		  v->rec.preset, v->rec.accelerator, v->rec.network, v->rec.project);
	cli_print(c, "  %-9s ssh dlenv.%s", "ssh", v->name);
	if (link)
		cli_print(c, "  %-9s %s", "jupyter", link);
	if (gpus)
		cli_print(c, "  %-9s %s", "gpu", gpus);
	cli_print(c, "%s", "");
	if (services_n) {
		cli_table(c, service_columns, services, services_n, sizeof(services[0]));
		cli_print(c, "%s", "");
	}
	cli_table(c, process_columns, stay, stay_n, sizeof(stay[0]));
	return 0;
}

int cmd_status(struct cli *c, struct err *e)
{
	CLEANUP(site_close) struct site s = {.store = {.fd = -1}};
	CLEANUP(env_close) struct env v = {.lock = -1};
	CLEANUP(running_fini) struct running r = {0};

	if (cli_site(c, &s, e) < 0 || cli_env(c, &s, ENV_MUST_EXIST, &v, e) < 0)
		return -(int)e->code;
	if (env_running(&v, &r, e) == 0)
		return say_running(c, &v, &r, e);
	cli_print(c, _("%s is stopped: preset %s for %s, project %s (`dlenv start %s` starts it)"),
		  v.name, v.rec.preset, v.rec.accelerator, v.rec.project, v.name);
	cli_answer(c, json_pack("{s:s, s:s, s:s, s:s}", "name", v.name, "state", "stopped",
				"project", v.rec.project, "preset", v.rec.preset));
	return 0;
}
