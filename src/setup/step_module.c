/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From installed packages to a module that runs: built, signed, no other driver on the card. A
 * reboot is asked for only where the running kernel cannot go on.
 */
#include <string.h>

#include "base/i18n.h"
#include "base/str.h"
#include "setup/step_common.h"
#include "setup/steps.h"

#define NOUVEAU_FILE "/etc/modprobe.d/dlenv-nouveau.conf"
#define GRUBBY "/usr/sbin/grubby"
#define NOUVEAU_ARGS "rd.driver.blacklist=nouveau,nova_core modprobe.blacklist=nouveau,nova_core"

/* nouveau has the card, or could take it while the system starts. */
static bool nouveau_has_it(const struct setup *s)
{
	for (size_t i = 0; i < s->host.gpus.n; i++)
		if (pci_driver_is_nouveau(s->host.gpus.v[i].driver))
			return true;
	return s->host.nouveau;
}

static void keep_nouveau_away(const struct setup *s, struct plan *p)
{
	plan_add(p, &(struct op){.kind = &op_write_file,
				 .path = NOUVEAU_FILE,
				 .text = "blacklist nouveau\nblacklist nova_core\n"
					 "options nouveau modeset=0\n",
				 .mode = 0644,
				 .why = _("nouveau would take the card before NVIDIA's driver")});
	/* The Fedora family loads drivers from the initramfs by what the kernel is told. */
	if (step_manager_is(s, "dnf4 dnf5") && (!s->live || root_has(s->root, GRUBBY)))
		plan_add(p, &(struct op){.kind = &op_run,
					 .words = WORDS(p, "grubby", "--update-kernel=ALL",
							"--args=" NOUVEAU_ARGS),
					 .undo = WORDS(p, "grubby", "--update-kernel=ALL",
						       "--remove-args=" NOUVEAU_ARGS),
					 .why = _("the initramfs must not load nouveau either")});
}

static void plan_nouveau(const struct setup *s, struct plan *p)
{
	const struct driver_route *r = driver_route(s);

	if (!nouveau_has_it(s))
		return;
	if (r && r->flags & DRIVER_NOUVEAU)
		keep_nouveau_away(s, p);
	plan_add(p, &(struct op){.kind = &op_initramfs,
				 .why = _("what starts first must know that nouveau is off")});
}

static void plan_reboot(struct plan *p, const char *why)
{
	plan_add(p, &(struct op){.kind = &op_reboot, .why = why});
}

/* Also what CUDA needs besides it: nvidia-uvm comes with it, but nothing loads it. */
static void plan_load(struct plan *p)
{
	plan_add(p, &(struct op){.kind = &op_load_module,
				 .name = "nvidia",
				 .why = _("no reboot is needed: nothing else has the card")});
	plan_add(p, &(struct op){.kind = &op_load_module,
				 .name = "nvidia-uvm",
				 .why = _("CUDA allocates memory through it")});
}

int module_plan(struct setup *s, struct plan *p, struct err *e)
{
	const struct driver_route *r = driver_route(s);
	const char *loaded = s->host.module;

	if (r && r->flags & DRIVER_BUILT_HERE)
		plan_add(p, &(struct op){.kind = &op_wait_module,
					 .name = "nvidia",
					 .why = _("the module is compiled for this kernel first; a "
						  "reboot before its end would leave none")});
	plan_nouveau(s, p);
	if (secure_boot_matters(s) && secure_plan_enrol(s, p, e) < 0)
		return -(int)e->code;
	if (nouveau_has_it(s))
		plan_reboot(p, _("nouveau has the card, and only gives it up with a reboot"));
	else if (loaded)
		plan_reboot(p, arena_fmt(&s->arena,
					 _("the kernel still runs the module of driver %s; the one "
					   "that is installed starts with a reboot"),
					 loaded));
	else
		plan_load(p);
	return 0;
}
