/* SPDX-License-Identifier: Apache-2.0 */
/* The rungs below containers: bus, module, nodes, libraries, nvidia-smi, CUDA. */
#include <string.h>
#include <unistd.h>

#include "base/env.h"
#include "base/i18n.h"
#include "compat/gpus.h"
#include "setup/verify_parts.h"

#define INSTALL "sudo dlenv setup driver"

enum { SAID_MAX = 16 << 10 };

/* Its driver is Windows' or the board's: what is on PCI says nothing. */
static bool is_special(const struct climb *c)
{
	return c->nvidia.wsl || c->nvidia.tegra;
}

enum rung_state rung_bus(struct climb *c, struct rung *r)
{
	const struct pci_gpus *g = &c->s->host.gpus;
	size_t ours = 0;

	if (is_special(c))
		return rung_skipped(c, r, "%s", _("this machine's GPU is not on the PCI bus"));
	for (size_t i = 0; i < g->n; i++) {
		const char *driver = g->v[i].driver;

		if (str_eq(driver, "vfio-pci"))
			continue;
		if (!driver)
			return rung_fails(c, r, c->nvidia.driver ? "dlenv doctor" : INSTALL,
					  _("no driver has the GPU %s"), g->v[i].address);
		if (!str_eq(driver, "nvidia"))
			return rung_fails(c, r, "sudo systemctl reboot", _("%s has the GPU %s"),
					  driver, g->v[i].address);
		ours++;
	}
	if (!ours)
		return rung_skipped(c, r, "%s", _("all GPUs are given to virtual machines"));
	return rung_holds(c, r, _("GPUs: %zu"), ours);
}

/* A GPU that the loaded kind of module does not run, or NULL. */
static const char *wrong_kind(struct climb *c)
{
	unsigned int has = c->nvidia.open_module ? FLAVOUR_OPEN : FLAVOUR_PROPRIETARY;
	const struct pci_gpus *g = &c->s->host.gpus;

	for (size_t i = 0; i < g->n; i++) {
		struct gpu_fact fact = {0};

		if (str_eq(g->v[i].driver, "vfio-pci"))
			continue;
		gpu_by_id(c->s->facts, g->v[i].device, g->v[i].subvendor, g->v[i].subdevice, &fact);
		if (!(fact.flavours & has))
			return fact.product;
	}
	return NULL;
}

enum rung_state rung_module(struct climb *c, struct rung *r)
{
	const char *kind = c->nvidia.open_module ? "open" : "proprietary";
	const char *wrong;

	if (c->nvidia.wsl)
		return rung_skipped(c, r, "%s", _("in WSL the kernel module is Windows'"));
	if (!c->nvidia.driver)
		return rung_fails(c, r, INSTALL, "%s", _("NVIDIA's module is not loaded"));
	wrong = wrong_kind(c);
	if (wrong)
		return rung_fails(c, r, INSTALL, _("the %s modules do not run %s"), kind, wrong);
	return rung_holds(c, r, "%s, %s", c->nvidia.driver, kind);
}

enum rung_state rung_nodes(struct climb *c, struct rung *r)
{
	static const char *const common[] = {"/dev/nvidiactl", "/dev/nvidia-uvm",
					     "/dev/nvidia-uvm-tools"};
	size_t n = 0;

	if (c->nvidia.wsl)
		return root_has(c->s->root, "/dev/dxg")
			       ? rung_holds(c, r, "/dev/dxg")
			       : rung_fails(c, r, "wsl --update", _("'%s' is missing"), "/dev/dxg");
	if (c->nvidia.tegra)
		return rung_skipped(c, r, "%s", _("this machine's GPU has nodes of its own"));
	for (size_t i = 0; i < COUNT(common); i++)
		if (!root_has(c->s->root, common[i]))
			return rung_fails(c, r, "sudo dlenv doctor --fix", _("'%s' is missing"),
					  common[i]);
	for (size_t i = 0; i < c->nvidia.gpus_n; i++) {
		const struct nv_gpu *g = &c->nvidia.gpus[i];
		CLEANUP(freep) char *path = str_fmt("/dev/nvidia%d", g->minor);

		if (g->minor < 0 || g->index < 0)
			continue;
		if (!root_has(c->s->root, path))
			return rung_fails(c, r, "sudo dlenv doctor --fix", _("'%s' is missing"),
					  path);
		n++;
	}
	return n ? rung_holds(c, r, _("GPUs with a node: %zu"), n)
		 : rung_fails(c, r, "dlenv doctor", "%s", _("the driver knows no GPU"));
}

enum rung_state rung_versions(struct climb *c, struct rung *r)
{
	const char *libraries = c->s->host.libraries;

	if (is_special(c))
		return rung_skipped(c, r, "%s", _("this machine's driver comes in one piece"));
	if (!c->nvidia.driver)
		return rung_skipped(c, r, "%s", _("NVIDIA's module is not loaded"));
	if (!libraries)
		return rung_fails(c, r, INSTALL, "%s", _("the driver's libraries are not there"));
	if (strchr(libraries, ' '))
		return rung_fails(c, r, "dlenv doctor", _("libraries of several versions: %s"),
				  libraries);
	if (!str_eq(libraries, c->nvidia.driver))
		return rung_fails(c, r, "sudo systemctl reboot",
				  _("the module is %s, the libraries are %s"), c->nvidia.driver,
				  libraries);
	return rung_holds(c, r, "%s", libraries);
}

/* "GPU 0: NVIDIA ..." lines. Its status is 0 also when it finds none. */
static size_t count_gpus(const struct buf *said)
{
	size_t n = 0;

	for (const char *l = said->data; l && *l; l += strcspn(l, "\n"), l += *l == '\n')
		n += str_starts(l, "GPU ");
	return n;
}

static const char *first_line(struct climb *c, const struct buf *said)
{
	return said->data ? arena_strn(&c->l->arena, said->data, strcspn(said->data, "\n")) : "";
}

enum rung_state rung_smi(struct climb *c, struct rung *r)
{
	static const char wsl[] = "/usr/lib/wsl/lib/nvidia-smi";
	const char *const argv[] = {c->nvidia.wsl && root_has(c->s->root, wsl) ? wsl : "nvidia-smi",
				    "-L", NULL};
	CLEANUP(buf_fini) struct buf said = {.max = SAID_MAX};
	struct err e = {0};

	if (!c->s->live)
		return rung_skipped(c, r, "%s", _("this is another machine"));
	if (climb_run(c, argv, NULL, &said, &e) < 0)
		return e.code == ERR_NOCMD
			       ? rung_fails(c, r, INSTALL, "%s", _("nvidia-smi is not installed"))
			       : rung_fails(c, r, "dlenv doctor", "%s", e.msg);
	if (!count_gpus(&said))
		return rung_fails(c, r, "dlenv doctor", "%s", first_line(c, &said));
	return rung_holds(c, r, "%s", first_line(c, &said));
}

/* As the user, who has to be able to open the nodes; what is told is about the memory, too. */
enum rung_state rung_cuda(struct climb *c, struct rung *r)
{
	CLEANUP(freep) char *helper = env_libexec("dlenv-nvml", "nvml");
	const char *const argv[] = {helper, "--cuda", NULL};
	CLEANUP(buf_fini) struct buf said = {.max = SAID_MAX};
	const char *user = geteuid() == 0 ? c->s->options->user : NULL;
	struct err e = {0};

	if (!c->s->live)
		return rung_skipped(c, r, "%s", _("this is another machine"));
	if (!helper)
		return rung_fails(c, r, NULL, "%s", _("dlenv-nvml, which tries it, is missing"));
	/* The user may not be able to enter the folder that a build lies in. */
	if (climb_run(c, argv, user, &said, &e) < 0)
		return rung_fails(c, r, "dlenv doctor", "%s",
				  said.len ? first_line(c, &said) : e.msg);
	return rung_holds(c, r, "%s", first_line(c, &said));
}
