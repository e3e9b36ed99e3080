/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/gpu_view.h"

#include "cli/output.h"
#include "cli/site.h"

static const struct column line_columns[] = {
	{"index", "GPU", COL_STR, offsetof(struct gpu_line, index), 0},
	{"product", N_("PRODUCT"), COL_STR, offsetof(struct gpu_line, product), 0},
	{"memory_used", N_("USED"), COL_MAYBE_SIZE, offsetof(struct gpu_line, memory_used), 0},
	{"memory", N_("MEMORY"), COL_MAYBE_SIZE, offsetof(struct gpu_line, memory), 0},
	{"percent", N_("BUSY%"), COL_MAYBE, offsetof(struct gpu_line, percent), 0},
	{"temperature", "°C", COL_MAYBE, offsetof(struct gpu_line, temperature), 0},
	{"watts", "W", COL_MAYBE, offsetof(struct gpu_line, watts), 0},
	{"processes", N_("PROCESSES"), COL_MAYBE, offsetof(struct gpu_line, processes), 0},
	{"pci", N_("BUS"), COL_STR, offsetof(struct gpu_line, pci), 0},
	{"uuid", "UUID", COL_STR, offsetof(struct gpu_line, uuid), 0},
	{0},
};

static const struct column gpu_process_columns[] = {
	{"gpu", "GPU", COL_STR, offsetof(struct gpu_process, gpu), 0},
	{"pid", N_("PID"), COL_MAYBE, offsetof(struct gpu_process, pid), 0},
	{"environment", N_("ENVIRONMENT"), COL_STR, offsetof(struct gpu_process, environment), 0},
	{"user", N_("USER"), COL_STR, offsetof(struct gpu_process, user), 0},
	{"memory", N_("MEMORY"), COL_MAYBE_SIZE, offsetof(struct gpu_process, memory), 0},
	{"kind", N_("KIND"), COL_STR, offsetof(struct gpu_process, kind), 0},
	{"command", N_("COMMAND"), COL_STR, offsetof(struct gpu_process, command), 0},
	{0},
};

static int64_t known(uint64_t value)
{
	return value && value <= INT64_MAX ? (int64_t)value : -1;
}

static const struct nvml_gpu *nvml_of(const struct gpu_view *v, const struct nv_gpu *g)
{
	for (size_t i = 0; i < v->nvml.gpus_n; i++)
		if (str_eq(v->nvml.gpus[i].pci, g->pci))
			return &v->nvml.gpus[i];
	return NULL;
}

/* The MIG device that a process runs on, or the GPU itself. */
static const char *place_of(struct gpu_view *v, const struct nvml_gpu *g,
			    const struct nvml_process *p, const char *index)
{
	for (size_t i = 0; p->gi >= 0 && i < g->migs_n; i++)
		if ((int)g->migs[i].gi == p->gi && (p->ci < 0 || (int)g->migs[i].ci == p->ci))
			return arena_fmt(&v->arena, "%s:%d", index, g->migs[i].index);
	return index;
}

static void add_processes(struct gpu_view *v, const struct nvml_gpu *g, const char *index)
{
	for (size_t i = 0; i < g->processes_n; i++) {
		const struct nvml_process *p = &g->processes[i];

		v->processes[v->processes_n++] = (struct gpu_process){
			.gpu = place_of(v, g, p, index),
			.pid = p->pid,
			.memory = p->memory > INT64_MAX ? -1 : (int64_t)p->memory,
			.kind = p->graphics ? "graphics" : "compute",
		};
	}
}

static void add_gpu(struct gpu_view *v, const struct nv_gpu *k, const struct nvml_gpu *g)
{
	struct gpu_line *l = &v->lines[v->lines_n++];
	int index = k ? k->index : (int)(g - v->nvml.gpus);

	*l = (struct gpu_line){
		.index = index < 0 ? "-" : arena_fmt(&v->arena, "%d", index),
		.product = g && g->name ? g->name
			   : k		? k->model
					: NULL,
		.uuid = g && g->uuid ? g->uuid
			: k	     ? k->uuid
				     : NULL,
		.pci = k ? k->pci : g->pci,
		.memory = g ? known(g->memory) : -1,
		.memory_used = g && g->memory ? (int64_t)g->memory_used : -1,
		.percent = g ? g->gpu_percent : -1,
		.temperature = g ? g->temperature : -1,
		.watts = g && g->power_mw >= 0 ? g->power_mw / 1000 : -1,
		.processes = g ? (int64_t)g->processes_n : -1,
	};
	if (g)
		add_processes(v, g, l->index);
}

/* Without NVML a MIG device has no index, and no UUID. */
static void add_mig(struct gpu_view *v, const char *gpu, const struct nv_mig *k,
		    const struct nvml_mig *m)
{
	int index = m ? m->index : k->index;
	const char *name = m ? m->name : NULL;

	v->lines[v->lines_n++] = (struct gpu_line){
		.index = index < 0 ? arena_fmt(&v->arena, "%s:?", gpu)
				   : arena_fmt(&v->arena, "%s:%d", gpu, index),
		.product = name ? arena_fmt(&v->arena, "MIG %s", name)
				: arena_fmt(&v->arena, "MIG gi%u/ci%u", m ? m->gi : k->gi,
					    m ? m->ci : k->ci),
		.uuid = m ? m->uuid : k->uuid,
		.memory = m ? known(m->memory) : -1,
		.memory_used = m && m->memory ? (int64_t)m->memory_used : -1,
		.percent = -1,
		.temperature = -1,
		.watts = -1,
		.processes = -1,
	};
}

static void add_migs(struct gpu_view *v, size_t gpu, const struct nvml_gpu *g)
{
	const char *index = v->lines[v->lines_n - 1].index;

	for (size_t i = 0; g && i < g->migs_n; i++)
		add_mig(v, index, NULL, &g->migs[i]);
	for (size_t i = 0; !g && i < v->nvidia.migs_n; i++)
		if (v->nvidia.migs[i].gpu == gpu)
			add_mig(v, index, &v->nvidia.migs[i], NULL);
}

static void make_lines(struct gpu_view *v)
{
	size_t lines = v->nvidia.gpus_n + v->nvidia.migs_n + v->nvml.gpus_n;
	size_t processes = 0;

	for (size_t i = 0; i < v->nvml.gpus_n; i++) {
		lines += v->nvml.gpus[i].migs_n;
		processes += v->nvml.gpus[i].processes_n;
	}
	v->lines = arena_alloc(&v->arena, lines * sizeof(*v->lines));
	v->processes = arena_alloc(&v->arena, processes * sizeof(*v->processes));
	for (size_t i = 0; i < v->nvidia.gpus_n; i++) {
		const struct nvml_gpu *g = nvml_of(v, &v->nvidia.gpus[i]);

		add_gpu(v, &v->nvidia.gpus[i], g);
		add_migs(v, i, g);
	}
	/* WSL and sandboxes have no /proc/driver/nvidia. */
	for (size_t i = 0; !v->nvidia.gpus_n && i < v->nvml.gpus_n; i++) {
		add_gpu(v, NULL, &v->nvml.gpus[i]);
		add_migs(v, 0, &v->nvml.gpus[i]);
	}
}

/* A driver that is not persistent starts its GPUs one after the other. */
static int patience_ms(const struct nvidia *n)
{
	enum { LEAST = 10000, EACH = 4000 };

	return LEAST + EACH * (int)n->gpus_n;
}

int gpu_view_read(struct cli *c, struct gpu_view *ret, struct err *e)
{
	const struct root *machine = NULL;
	struct gpu_view v = {0};

	if (cli_machine(c, &machine, e) < 0 || nvidia_read(machine, &v.nvidia, e) < 0)
		return -(int)e->code;
	/* Sandboxes show the nodes, but not what the kernel says of them. */
	if (!v.nvidia.gpus_n && !v.nvidia.wsl && !v.nvidia.tegra &&
	    !root_has(machine, "/dev/nvidiactl"))
		(void)err_set(&v.why, ERR_ABSENT, "no NVIDIA driver is loaded");
	else
		v.has_nvml = nvml_ask(machine->path, NVML_NAMES | NVML_STATE,
				      patience_ms(&v.nvidia), &v.nvml, &v.why) == 0;
	if (v.has_nvml)
		nvidia_complete(&v.nvidia, &v.nvml);
	make_lines(&v);
	gpu_view_owners(c, machine, &v);
	*ret = v;
	return 0;
}

void gpu_view_fini(struct gpu_view *v)
{
	nvidia_fini(&v->nvidia);
	nvml_fini(&v->nvml);
	arena_fini(&v->arena);
	*v = (struct gpu_view){0};
}

void gpu_view_warn(struct cli *c, const struct gpu_view *v)
{
	if (!v->has_nvml && v->lines_n)
		cli_warn(c, _("memory, load and processes are not known: %s"), v->why.msg);
	if (v->nvml.lost)
		cli_warn(c, _("GPUs that cannot be reached any more: %zu (see `dlenv gpu health`)"),
			 v->nvml.lost);
}

json_t *gpu_view_json(const struct gpu_view *v)
{
	return json_pack("{s:s?, s:s?, s:o, s:o}", "driver", v->nvidia.driver, "cuda", v->nvml.cuda,
			 "gpus",
			 column_json_list(line_columns, v->lines, v->lines_n, sizeof(*v->lines)),
			 "processes",
			 column_json_list(gpu_process_columns, v->processes, v->processes_n,
					  sizeof(*v->processes)));
}

void gpu_view_print(struct cli *c, const struct gpu_view *v)
{
	cli_table(c, line_columns, v->lines, v->lines_n, sizeof(*v->lines));
	if (!v->processes_n || c->g.quiet)
		return;
	cli_print(c, "%s", "");
	cli_table(c, gpu_process_columns, v->processes, v->processes_n, sizeof(*v->processes));
}
