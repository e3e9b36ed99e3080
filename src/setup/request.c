/* SPDX-License-Identifier: Apache-2.0 */
#include "setup/request.h"

#include "base/str.h"
#include "compat/distro.h"
#include "compat/gpus.h"
#include "host/nvidia.h"
#include "host/os.h"
#include "host/pci.h"

static void read_gpus(const struct root *machine, struct facts *f, struct arena *a,
		      struct machine_request *q)
{
	CLEANUP(pci_gpus_fini) struct pci_gpus gpus = {0};

	pci_gpus_read(machine, &gpus);
	q->gpus = arena_alloc(a, (gpus.n + 1) * sizeof(*q->gpus));
	q->given_away = arena_alloc(a, (gpus.n + 1) * sizeof(*q->given_away));
	for (size_t i = 0; i < gpus.n; i++) {
		const struct pci_gpu *g = &gpus.v[i];

		if (str_eq(g->driver, "vfio-pci"))
			q->given_away[q->given_away_n++] = arena_str(a, g->address);
		else
			gpu_by_id(f, g->device, g->subvendor, g->subdevice,
				  &q->gpus[q->r.gpus_n++]);
	}
	q->r.gpus = q->gpus;
	q->r.no_gpu = q->r.gpus_n == 0;
}

static int read_driver(const struct root *machine, struct arena *a, struct machine_request *q,
		       struct err *e)
{
	CLEANUP(nvidia_fini) struct nvidia n = {0};

	if (nvidia_read(machine, &n, e) < 0)
		return -(int)e->code;
	q->r.loaded = arena_str(a, n.driver);
	q->r.loaded_open = n.open_module;
	if (n.tegra && !q->r.gpus_n) {
		(void)err_set(e, ERR_ABSENT,
			      "this machine's GPU is integrated: its driver and CUDA come with its "
			      "system");
		return err_hint(e, "name another machine's GPU with --gpu");
	}
	if (n.wsl) {
		/* The GPU is on no PCI bus there, and its driver is Windows'. */
		q->r.no_gpu = false;
		q->r.pin[VAR_DISTRO] = "wsl:any";
		q->r.given[VAR_DISTRO] = true;
	}
	return 0;
}

static void read_distro(const struct root *machine, struct arena *a, struct machine_request *q)
{
	CLEANUP(freep) char *pin = NULL;
	struct os_release os;

	os_read(machine, &os);
	if (!os.id[0] || q->r.pin[VAR_DISTRO])
		return;
	pin = distro_pin(&(struct distro_name){.id = os.id, .version = os.version});
	q->r.pin[VAR_DISTRO] = arena_str(a, pin);
	q->r.given[VAR_DISTRO] = true;
	q->r.distro_like = arena_str(a, os.like);
	q->r.codename = arena_str(a, os.codename);
}

int request_read(const struct root *machine, struct facts *f, struct arena *a,
		 struct machine_request *ret, struct err *e)
{
	read_gpus(machine, f, a, ret);
	if (read_driver(machine, a, ret, e) < 0)
		return -(int)e->code;
	read_distro(machine, a, ret);
	return 0;
}
