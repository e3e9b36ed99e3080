/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cmds.h"
#include "cli/findings.h"
#include "cli/gpu_view.h"
#include "cli/output.h"
#include "cli/site.h"

int cmd_gpu_ls(struct cli *c, struct err *e)
{
	CLEANUP(gpu_view_fini) struct gpu_view v = {0};

	if (gpu_view_read(c, &v, e) < 0)
		return -(int)e->code;
	gpu_view_warn(c, &v);
	if (c->g.json)
		cli_answer(c, gpu_view_json(&v));
	else if (v.lines_n)
		gpu_view_print(c, &v);
	else
		cli_note(c, _("no NVIDIA GPU: %s (`dlenv doctor` looks closer)"), v.why.msg);
	return 0;
}

/* What is asked of each GPU, for the answer. */
struct health_row {
	const char *pci;
	int64_t temperature;
	int64_t watts;
	int64_t throttle;
	int64_t pcie_width;
	int64_t pcie_width_max;
	int64_t pcie_gen;
	int64_t pcie_gen_max;
	int64_t ecc_corrected;
	int64_t ecc_uncorrected;
	int64_t retired_pages;
	int64_t persistence;
};

static const struct column health_columns[] = {
	{"pci", "GPU", COL_STR, offsetof(struct health_row, pci), 0},
	{"temperature", "°C", COL_MAYBE, offsetof(struct health_row, temperature), 0},
	{"watts", "W", COL_MAYBE, offsetof(struct health_row, watts), 0},
	{"throttle", N_("CLOCKS"), COL_MAYBE, offsetof(struct health_row, throttle), COL_JSON_ONLY},
	{"pcie_width", N_("LANES"), COL_MAYBE, offsetof(struct health_row, pcie_width), 0},
	{"pcie_width_max", N_("OF"), COL_MAYBE, offsetof(struct health_row, pcie_width_max), 0},
	{"pcie_gen", "PCIE", COL_MAYBE, offsetof(struct health_row, pcie_gen), 0},
	{"pcie_gen_max", N_("OF"), COL_MAYBE, offsetof(struct health_row, pcie_gen_max), 0},
	{"ecc_corrected", N_("CORRECTED"), COL_MAYBE, offsetof(struct health_row, ecc_corrected),
	 0},
	{"ecc_uncorrected", N_("UNCORRECTED"), COL_MAYBE,
	 offsetof(struct health_row, ecc_uncorrected), 0},
	{"retired_pages", N_("RETIRED"), COL_MAYBE, offsetof(struct health_row, retired_pages), 0},
	{"persistence", N_("PERSISTENT"), COL_MAYBE, offsetof(struct health_row, persistence),
	 COL_JSON_ONLY},
	{0},
};

static struct health_row *health_rows(const struct gpu_view *v)
{
	struct health_row *rows = mem_alloc((v->nvml.gpus_n + 1) * sizeof(*rows));

	for (size_t i = 0; i < v->nvml.gpus_n; i++) {
		const struct nvml_gpu *g = &v->nvml.gpus[i];

		rows[i] = (struct health_row){
			.pci = g->pci,
			.temperature = g->temperature,
			.watts = g->power_mw >= 0 ? g->power_mw / 1000 : -1,
			.throttle = g->throttle,
			.pcie_width = g->pcie_width,
			.pcie_width_max = g->pcie_width_max,
			.pcie_gen = g->pcie_gen,
			.pcie_gen_max = g->pcie_gen_max,
			.ecc_corrected = g->ecc_corrected,
			.ecc_uncorrected = g->ecc_uncorrected,
			.retired_pages = g->retired_pages,
			.persistence = g->persistence,
		};
	}
	return rows;
}

int cmd_gpu_health(struct cli *c, struct err *e)
{
	CLEANUP(gpu_view_fini) struct gpu_view v = {0};
	CLEANUP(findings_fini) struct findings f = {0};
	CLEANUP(freep) struct health_row *rows = NULL;
	const struct root *machine = NULL;

	if (cli_machine(c, &machine, e) < 0 || gpu_view_read(c, &v, e) < 0)
		return -(int)e->code;
	findings_of_driver(machine, &v.nvidia, v.has_nvml ? &v.nvml : NULL, &f);
	if (v.has_nvml)
		findings_of_health(&v.nvml, &f);
	else if (v.lines_n)
		finding_add(&f, "GPU109", v.why.msg, "");
	if (v.lines_n)
		(void)findings_of_log(machine, &f);
	rows = health_rows(&v);
	if (!c->g.json && v.nvml.gpus_n)
		cli_table(c, health_columns, rows, v.nvml.gpus_n, sizeof(*rows));
	findings_print(c, &f);
	if (!f.n)
		cli_print(c, _("nothing is wrong"));
	cli_answer(c,
		   json_pack("{s:s?, s:o, s:o}", "driver", v.nvidia.driver, "gpus",
			     column_json_list(health_columns, rows, v.nvml.gpus_n, sizeof(*rows)),
			     "findings", findings_json(&f)));
	return findings_result(&f, e);
}
