/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "base/str.h"
#include "host/finding.h"
#include "host/nvml.h"

/* nvmlClocksEventReason*; those that are part of ordinary work (idle, power cap, ...) have no row.
 */
static const struct {
	int64_t bit;
	const char *text;
} reasons[] = {
	{0x08, N_("the hardware protects itself")},
	{0x20, N_("too hot")},
	{0x40, N_("far too hot")},
	{0x80, N_("the power supply asks for less")},
};

static void throttling(struct findings *f, const struct nvml_gpu *g, const char *name)
{
	CLEANUP(buf_fini) struct buf text = {0};

	for (size_t i = 0; g->throttle > 0 && i < COUNT(reasons); i++)
		if (g->throttle & reasons[i].bit)
			buf_fmt(&text, "%s%s", text.len ? ", " : "", tr(reasons[i].text));
	if (text.len)
		finding_add(f, "GPU105", name, text.data);
}

void findings_of_health(const struct nvml *m, struct findings *ret)
{
	char text[64];

	if (m->lost) {
		(void)snprintf(text, sizeof(text), "%zu", m->lost);
		finding_add(ret, "GPU107", text, "");
	}
	for (size_t i = 0; i < m->gpus_n; i++) {
		const struct nvml_gpu *g = &m->gpus[i];
		const char *name = g->pci ? g->pci : "?";

		if (g->ecc_uncorrected > 0) {
			(void)snprintf(text, sizeof(text), "%lld", (long long)g->ecc_uncorrected);
			finding_add(ret, "GPU103", name, text);
		}
		if (g->retired_pages > 0)
			finding_add(ret, "GPU104", name, "");
		throttling(ret, g, name);
		if (g->pcie_width > 0 && g->pcie_width < g->pcie_width_max) {
			(void)snprintf(text, sizeof(text), "x%lld < x%lld",
				       (long long)g->pcie_width, (long long)g->pcie_width_max);
			finding_add(ret, "GPU106", name, text);
		}
	}
}
