/* SPDX-License-Identifier: Apache-2.0 */
#include "host/finding.h"

#include <string.h>

#include "base/i18n.h"
#include "base/str.h"

const char *const finding_levels[] = {
	[FINDING_NOTE] = "note", [FINDING_WARNING] = "warning", [FINDING_ERROR] = "error", NULL};

struct row {
	const char *id;
	enum finding_level level;
	const char *cause; /* %s: the subject, then the detail */
	const char *why;
	const char *fix;
	const char *command; /* may have %s for the subject */
};

/* In the order of the manual page. A number is never given away again. */
static const struct row rows[] = {
	{"GPU001", FINDING_ERROR, N_("the device node '%s' is missing"),
	 N_("containers cannot use the GPU; outside, the driver's programs make it if they may"),
	 N_("make it; `nvidia-modprobe -u -c 0` at boot does so too"), "sudo dlenv doctor --fix"},
	{"GPU002", FINDING_WARNING, N_("the kernel module '%s' is not loaded"),
	 N_("CUDA cannot start without it"), N_("load it"), "sudo modprobe nvidia-uvm"},
	{"GPU003", FINDING_ERROR, N_("the device node '%s' is for another device (%s)"),
	 N_("its numbers changed since it was made: programs open the wrong device"),
	 N_("make it anew"), "sudo dlenv doctor --fix"},
	{"GPU004", FINDING_WARNING, N_("links in /dev/char are missing, such as '%s'"),
	 N_("containers of engines that use systemd's cgroups lose their GPUs at the next "
	    "`systemctl daemon-reload`"),
	 N_("make the links; after a reboot they are needed again"), "sudo dlenv doctor --fix"},
	{"GPU005", FINDING_ERROR,
	 N_("the driver's libraries are of version %s, but its loaded module is %s"),
	 N_("every program fails with 'Driver/library version mismatch'"),
	 N_("reboot, or unload the module and load it again"), "sudo reboot"},
	{"GPU006", FINDING_WARNING, N_("libraries of two driver versions are installed: %s and %s"),
	 N_("which one a program finds depends on its search path"),
	 N_("remove the one that does not belong to the module"), NULL},
	{"GPU007", FINDING_ERROR, N_("the driver is incomplete: '%s' is missing"),
	 N_("the module is loaded, but programs cannot use it"),
	 N_("install the driver's user-space part of the module's version again"), NULL},
	{"GPU008", FINDING_ERROR, N_("the GPU %s has no driver: no NVIDIA module is loaded"),
	 N_("the driver's libraries are installed, but there is nothing to talk to"),
	 N_("load the module; if that fails, it was not built for this kernel"),
	 "sudo modprobe nvidia"},
	{"GPU009", FINDING_ERROR, N_("the GPU %s has no driver: none is installed"),
	 N_("programs run on the processor alone"), N_("install NVIDIA's driver"),
	 "sudo dlenv setup driver"},
	{"GPU010", FINDING_ERROR, N_("the GPU %s is driven by '%s'"),
	 N_("NVIDIA's driver cannot take it, and CUDA cannot use it"),
	 N_("install NVIDIA's driver, keep that module from loading, and reboot"),
	 "sudo dlenv setup driver"},
	{"GPU011", FINDING_NOTE, N_("the GPU %s is kept for virtual machines ('%s')"),
	 N_("containers on this machine cannot use it"),
	 N_("bind it to the module nvidia to use it here"), NULL},
	{"GPU012", FINDING_NOTE, N_("the driver is not persistent"),
	 N_("the first program that opens an idle GPU waits for seconds"),
	 N_("start NVIDIA's persistence daemon"),
	 "sudo systemctl enable --now nvidia-persistenced"},
	{"GPU013", FINDING_NOTE, N_("the GPU %s is excluded from use"),
	 N_("whoever loads the module asked for it (NVreg_ExcludedGpus)"),
	 N_("remove it from the module's options and load the module again"), NULL},
	{"GPU014", FINDING_WARNING, N_("the module does not know the UUID of the GPU %s"),
	 N_("it did not start: containers can ask for it by number only"),
	 N_("look at the kernel's log for its address"), NULL},
	{"GPU015", FINDING_ERROR, N_("WSL: '%s' is missing"),
	 N_("Windows' driver gives its libraries to WSL there"),
	 N_("install NVIDIA's driver for Windows, then run `wsl --update` in Windows"), NULL},
	{"GPU016", FINDING_WARNING, N_("WSL: a Linux driver is installed (%s)"),
	 N_("its libraries hide those of Windows' driver"),
	 N_("remove it: WSL needs no driver inside"), NULL},
	{"GPU017", FINDING_NOTE, N_("the device node '%s' is missing"),
	 N_("containers cannot use it for displays; computing does not need it"),
	 N_("make it; `nvidia-modprobe -m` at boot does so too"), "sudo dlenv doctor --fix"},
	{"GPU101", FINDING_ERROR, N_("Xid %s: the GPU failed"),
	 N_("it needs a reset, or is broken"),
	 N_("reset the GPU or reboot; when it comes again, look at power, cooling and the slot"),
	 "sudo nvidia-smi --gpu-reset"},
	{"GPU102", FINDING_WARNING, N_("Xid %s: a program failed on the GPU"),
	 N_("most such messages come from a program's own mistakes"),
	 N_("look at the program first"), NULL},
	{"GPU103", FINDING_ERROR, N_("the GPU %s counted %s uncorrectable memory errors"),
	 N_("results since the driver was loaded may be wrong"),
	 N_("reset the GPU; have it replaced when they come again"), "sudo nvidia-smi --gpu-reset"},
	{"GPU104", FINDING_WARNING, N_("the GPU %s has memory that waits to be retired"),
	 N_("it is replaced by spare memory at the next reset"), N_("reset the GPU"),
	 "sudo nvidia-smi --gpu-reset"},
	{"GPU105", FINDING_WARNING, N_("the GPU %s is slowed down: %s"),
	 N_("it computes slower than it could"), N_("look at its cooling and its power supply"),
	 NULL},
	{"GPU106", FINDING_WARNING, N_("the GPU %s uses fewer PCIe lanes than it has: %s"),
	 N_("copies to and from it are slower"),
	 N_("look at the slot that it is in, and at its seat"), NULL},
	{"GPU107", FINDING_ERROR, N_("%s GPUs cannot be reached any more"),
	 N_("they fell off the bus"), N_("reboot; when it comes again, look at power and the slot"),
	 "sudo reboot"},
	{"GPU108", FINDING_NOTE, N_("the kernel's log cannot be read: %s"),
	 N_("whether a GPU reported an error (Xid) is not known"), N_("look as root"),
	 "sudo dlenv gpu health"},
	{"GPU109", FINDING_ERROR, N_("NVML does not answer: %s"),
	 N_("temperature, memory errors and the rest of a GPU's health are not known"),
	 N_("see what else is found here"), NULL},
	{"HOST001", FINDING_ERROR, N_("this machine's architecture is %s"),
	 N_("NVIDIA's driver for PCs, and what dlenv knows of it, is for x86_64"),
	 N_("use an x86_64 machine, or what its maker gives for it"), NULL},
	{"HOST002", FINDING_WARNING, N_("the distribution '%s' is not known"),
	 N_("where its driver and engines come from is not known either"),
	 N_("see what is known, and name the nearest one: dlenv solve --distro"), NULL},
	{"HOST003", FINDING_WARNING, N_("the distribution is out of support: %s (%s)"),
	 N_("it gets no security updates, and vendors drop its packages without notice"),
	 N_("upgrade to a release that is maintained"), NULL},
	{"HOST004", FINDING_NOTE, N_("this is a container (%s)"),
	 N_("it has its host's kernel: a driver can be installed on the host only"),
	 N_("look at the host: dlenv doctor there"), NULL},
	{"HOST005", FINDING_NOTE, N_("this is WSL: Windows has the driver"),
	 N_("a Linux driver inside would hide it; only the toolkit and engines are installed here"),
	 N_("install or update NVIDIA's driver in Windows"), NULL},
	{"HOST006", FINDING_NOTE, N_("this system's files come as an image (%s)"),
	 N_("packages are layered or built into the image: the usual package commands do not "
	    "apply"),
	 N_("use the system's own way, or an image with NVIDIA's driver"), NULL},
	{"HOST007", FINDING_WARNING, N_("the headers of the running kernel %s are missing"),
	 N_("what builds NVIDIA's module for each kernel cannot build it for this one"),
	 N_("install the headers of exactly this kernel"), NULL},
	{"HOST008", FINDING_NOTE, N_("the headers of the running kernel %s are missing"),
	 N_("a driver that is built on this machine needs them"),
	 N_("install them before the driver, or take a prebuilt module"), NULL},
	{"HOST009", FINDING_WARNING, N_("nouveau is loaded beside NVIDIA's module for this kernel"),
	 N_("whichever takes the GPU first keeps it"),
	 N_("keep nouveau from loading, build the initial RAM disk anew and reboot"),
	 "sudo dlenv setup driver"},
	{"HOST010", FINDING_ERROR,
	 N_("Secure Boot is on, and NVIDIA's module is installed but not loaded"),
	 N_("the kernel loads no module whose signer it does not know"),
	 N_("enrol the key that signed it, then confirm at the machine's screen during boot"),
	 "sudo mokutil --import %s"},
	{"HOST011", FINDING_WARNING, N_("a key waits to be enrolled at the next boot"),
	 N_("modules signed with it do not load until then"),
	 N_("reboot with a person at the machine's screen: Enroll MOK, Continue, Yes, password"),
	 "sudo reboot"},
	{"HOST012", FINDING_WARNING, N_("NVIDIA's driver has two sources: %s and %s"),
	 N_("an update mixes their packages, and the driver stops working"),
	 N_("choose one and disable the other"), NULL},
	{"HOST013", FINDING_WARNING, N_("the package manager is busy: '%s' is held"),
	 N_("nothing can be installed until it is free"),
	 N_("wait until the other program, such as automatic updates, is done"), NULL},
	{"HOST014", FINDING_WARNING, N_("'%s' has no 65536 subordinate ids (%s)"),
	 N_("containers without root have a single user id: most packages do not install"),
	 N_("grant a range that nobody else has"), "sudo dlenv setup dlenv --user %s"},
	{"HOST015", FINDING_WARNING, N_("user namespaces are forbidden (wanted: %s)"),
	 N_("containers without root cannot start"), N_("allow them"), "sudo dlenv setup dlenv"},
	{"HOST016", FINDING_WARNING,
	 N_("AppArmor gives no rights in user namespaces to programs without a profile"),
	 N_("containers without root fail at /proc/self/uid_map"), N_("give dlenv a profile"),
	 "sudo dlenv setup dlenv"},
	{"HOST017", FINDING_NOTE, N_("cgroups are of the old kind (%s)"),
	 N_("containers without root have no limits for memory and processors"),
	 N_("boot with systemd.unified_cgroup_hierarchy=1"), NULL},
	{"HOST018", FINDING_NOTE, N_("these controllers are not given to '%s': %s"),
	 N_("containers without root have no such limits"),
	 N_("let systemd delegate them to users (Delegate= of user@.service)"), NULL},
	{"HOST019", FINDING_NOTE, N_("podman %s is older than 4.1"),
	 N_("it knows no CDI: `--device nvidia.com/gpu=all` does not work"),
	 N_("use Docker, or a newer podman"), NULL},
	{"HOST020", FINDING_WARNING,
	 N_("%s cannot read what the NVIDIA Container Toolkit %s writes"),
	 N_("containers fail with 'unresolvable CDI devices': the groups of nodes need CDI 0.7.0"),
	 N_("write the specification with dlenv, or keep the toolkit at 1.18.2"),
	 "sudo dlenv cdi generate --output=/etc/cdi/nvidia.yaml"},
	{"HOST021", FINDING_WARNING, N_("'%s' has only %s free"),
	 N_("installing or building a driver fails half-way, or images do not fit"),
	 N_("make room"), NULL},
	{"HOST022", FINDING_WARNING, N_("the old repository of NVIDIA's toolkit is set up: '%s'"),
	 N_("it conflicts with the new one (Signed-By) or brings old versions"),
	 N_("remove the file"), "sudo rm %s"},
	{"HOST023", FINDING_NOTE, N_("'%s' belongs to the groups %s from the next login on"),
	 N_("this session does not have their rights yet"), N_("log out and in again"), NULL},
	{"HOST024", FINDING_ERROR, N_("no single driver serves both %s and %s"),
	 N_("the newest needs a branch or module flavour that the oldest does not have"),
	 N_("give one of them to another machine, or to a virtual one"), NULL},
	{"HOST025", FINDING_ERROR, N_("the loaded driver %s does not know the GPU %s"),
	 N_("its branch or module flavour is not for that architecture"),
	 N_("install one that fits it"), "sudo dlenv setup driver"},
	{"HOST026", FINDING_NOTE, N_("the GPU %s is not in the tables (%s)"),
	 N_("it is taken for the newest architecture: that is a guess"),
	 N_("use a newer dlenv, or add it to /etc/dlenv/facts/gpus.tsv"), NULL},
	{"HOST027", FINDING_NOTE, N_("Secure Boot is on"),
	 N_("a driver's module that is built on this machine loads after its key was enrolled, "
	    "which "
	    "needs a person at the machine's screen"),
	 N_("prefer modules that the distribution signed"), NULL},
	{"CDI001", FINDING_WARNING, N_("the CDI specification '%s' is stale"),
	 N_("it was made for another driver, GPU or MIG layout: containers fail or miss GPUs"),
	 N_("make it anew"), "sudo dlenv cdi generate --output=%s"},
	{"CDI002", FINDING_ERROR, N_("the CDI specification '%s' cannot be used: %s"),
	 N_("engines ignore it, or refuse every device"), N_("mend or remove it"), NULL},
	{"CDI003", FINDING_ERROR, "%s", N_("engines refuse it"), N_("remove one of the files"),
	 NULL},
	{"CDI004", FINDING_WARNING, N_("the CDI specification '%s' needs '%s', which is not there"),
	 N_("containers that ask for its devices do not start"),
	 N_("make the specification anew, with the program that made it or with dlenv"),
	 "sudo dlenv cdi generate --output=%s"},
};

const char *finding_id(size_t i)
{
	return i < COUNT(rows) ? rows[i].id : NULL;
}

static const struct row *row_of(const char *id)
{
	for (size_t i = 0; i < COUNT(rows); i++)
		if (str_eq(rows[i].id, id))
			return &rows[i];
	err_bug("no finding '%s'", id);
}

/* Room for one more of n things of a size; the old ones move along. */
static void *grow(struct arena *a, void *old, size_t n, size_t *room, size_t size)
{
	void *grown;

	if (n < *room)
		return old;
	*room = *room ? 2 * *room : 16;
	grown = arena_alloc(a, *room * size);
	if (n)
		memcpy(grown, old, n * size);
	return grown;
}

void finding_add(struct findings *f, const char *id, const char *subject, const char *detail)
{
	const struct row *r = row_of(id);

	f->v = grow(&f->arena, f->v, f->n, &f->room, sizeof(*f->v));
	f->v[f->n++] = (struct finding){
		.id = r->id,
		.level = r->level,
		.cause = arena_fmt(&f->arena, tr(r->cause), subject, detail),
		.why = tr(r->why),
		.fix = tr(r->fix),
		.command = r->command ? arena_fmt(&f->arena, r->command, subject) : NULL,
	};
}

void finding_repair(struct findings *f, const struct repair *r)
{
	struct repair *new;

	f->repairs =
		grow(&f->arena, f->repairs, f->repairs_n, &f->repairs_room, sizeof(*f->repairs));
	new = &f->repairs[f->repairs_n++];
	*new = *r;
	new->path = arena_str(&f->arena, r->path);
	new->target = arena_str(&f->arena, r->target);
}

bool finding_is(const struct findings *f, const char *id)
{
	for (size_t i = 0; i < f->n; i++)
		if (str_eq(f->v[i].id, id))
			return true;
	return false;
}

void findings_fini(struct findings *f)
{
	arena_fini(&f->arena);
	*f = (struct findings){0};
}
