/* SPDX-License-Identifier: Apache-2.0 */
#include "setup/steps.h"

#include <string.h>

#include "base/i18n.h"
#include "base/str.h"

enum {
	EVERYTHING = SETUP_DRIVER | SETUP_TOOLKIT | SETUP_DOCKER | SETUP_PODMAN | SETUP_DLENV,
};

const struct step setup_steps[] = {
	{.id = "tools",
	 .summary = N_("install what downloads and checks need"),
	 .targets = EVERYTHING,
	 .flags = STEP_FIRST,
	 .plan = tools_plan},
	{.id = "driver",
	 .summary = N_("install NVIDIA's driver"),
	 .targets = SETUP_DRIVER,
	 .flags = STEP_HOST,
	 .done = driver_is_done,
	 .plan = driver_plan},
	{.id = "toolkit",
	 .summary = N_("install the NVIDIA Container Toolkit"),
	 .targets = SETUP_TOOLKIT,
	 .plan = toolkit_plan},
	{.id = "docker",
	 .summary = N_("install Docker"),
	 .targets = SETUP_DOCKER,
	 .plan = docker_plan},
	{.id = "podman",
	 .summary = N_("install Podman"),
	 .targets = SETUP_PODMAN,
	 .plan = podman_plan},
	{.id = "dlenv",
	 .summary = N_("let users run dlenv's own environments"),
	 .targets = SETUP_DLENV,
	 .plan = dlenv_plan},
	/* What may need a reboot comes after what does not need the GPU. */
	{.id = "module",
	 .summary = N_("bring the driver's kernel module up"),
	 .targets = SETUP_DRIVER,
	 .flags = STEP_HOST,
	 .done = module_is_done,
	 .plan = module_plan},
	{.id = "gpu",
	 .summary = N_("give the GPU to the engines"),
	 .targets = SETUP_TOOLKIT | SETUP_DOCKER | SETUP_PODMAN,
	 .plan = gpu_plan},
	{0},
};

const struct step *setup_step(const char *id)
{
	for (const struct step *s = setup_steps; s->id; s++)
		if (str_eq(s->id, id))
			return s;
	return NULL;
}

static int refuse_wsl(struct err *e)
{
	(void)err_set(e, ERR_UNSAT, "this is WSL: the driver of its GPU is Windows'");
	return err_hint(e, "install NVIDIA's driver in Windows; in WSL, name what you need "
			   "besides: dlenv setup docker");
}

static int refuse_container(const struct setup *s, struct err *e)
{
	const char *kind = s->host.place_kind;

	(void)err_set(e, ERR_UNSAT, "this is a container (%s): a driver belongs to its machine",
		      kind ? kind : "container");
	return err_hint(e, "run `dlenv setup driver` outside, then give the container the GPU");
}

static int refuse_image(const struct setup *s, struct err *e)
{
	const char *image = s->host.image;

	(void)err_set(e, ERR_UNSAT,
		      "the system of this machine is an image (%s): packages are not installed "
		      "into it one by one",
		      image);
	if (str_eq(image, "ostree") || root_has(s->root, "/usr/bin/rpm-ostree"))
		return err_hint(e, "layer the packages of the plan for an ordinary machine: "
				   "rpm-ostree install akmod-nvidia xorg-x11-drv-nvidia-cuda, "
				   "with RPM Fusion's repositories");
	if (str_eq(image, "bootc"))
		return err_hint(e, "put the driver and the engine into the image that is booted, "
				   "by its Containerfile");
	if (str_eq(image, "transactional"))
		return err_hint(e, "transactional-update pkg install "
				   "nvidia-open-driver-G07-signed-kmp-meta, then reboot");
	return err_hint(e, "put the driver and the engine into the image, in the way that this "
			   "system has for it");
}

static int refuse_unknown(const struct setup *s, struct err *e)
{
	(void)err_set(e, ERR_UNSAT, "what packages %s %s has is not known", s->host.os.id,
		      s->host.os.version);
	return err_hint(e, "name the distribution that it is most like, e.g. --distro debian:13, "
			   "or install by hand what `dlenv solve` says");
}

/* Steps that are about the machine itself. */
static int check_place(const struct setup *s, const struct step *step, struct err *e)
{
	if (!(step->flags & STEP_HOST))
		return 0;
	if (str_eq(s->host.place, "wsl"))
		return refuse_wsl(e);
	return str_eq(s->host.place, "container") ? refuse_container(s, e) : 0;
}

static bool is_installed(const struct setup *s, const struct op_choice *c)
{
	for (size_t i = 0; c->packages[i]; i++)
		if (!setup_has(s, c->packages[i]))
			return false;
	return true;
}

/* Does it change what is installed? */
static bool changes_packages(const struct setup *s, const struct op *o)
{
	for (size_t i = 0; o->kind == &op_install && i < o->choices_n; i++)
		if (is_installed(s, &o->choices[i]))
			return false;
	return o->kind == &op_install || o->kind == &op_install_file ||
	       o->kind == &op_module_stream;
}

/* What a step wants can only be had where packages can be installed. */
static int check_packages(const struct setup *s, const struct plan *p, size_t from, struct err *e)
{
	for (size_t i = from; i < p->n; i++) {
		if (!changes_packages(s, &p->ops[i]))
			continue;
		if (s->host.image)
			return refuse_image(s, e);
		if (!s->distro || !s->pkg)
			return refuse_unknown(s, e);
	}
	return 0;
}

static int plan_step(struct setup *s, const struct step *step, struct plan *p, struct err *e)
{
	size_t from = p->n;

	if (!(step->targets & s->targets) || (step->done && step->done(s)))
		return 0;
	if (check_place(s, step, e) < 0 || step->plan(s, p, e) < 0 ||
	    check_packages(s, p, from, e) < 0)
		return -(int)e->code;
	for (size_t i = from; i < p->n; i++)
		p->ops[i].step = step->id;
	return 0;
}

/* The operations from there on come before the others. */
static void move_to_front(struct plan *p, size_t from)
{
	size_t n = p->n - from;
	struct op *moved = n && from ? mem_dup(p->ops + from, n * sizeof(*moved)) : NULL;

	if (!moved)
		return;
	memmove(p->ops + n, p->ops, from * sizeof(*moved));
	memcpy(p->ops, moved, n * sizeof(*moved));
	freep(&moved);
}

/* Where setup will stop for an answer, one should know before. */
static void note_keys(const struct setup *s, struct plan *p)
{
	for (size_t i = 0; i < p->n && !s->options->trust; i++) {
		const struct op *o = &p->ops[i];
		const struct key_fact *k =
			o->kind == &op_add_key ? facts_key(s->facts, o->name) : NULL;

		if (k && !key_is_whole(k))
			plan_note(p,
				  _("the fingerprint of the key %s is not known in full: setup "
				    "stops there and shows it, and --trust-key accepts it"),
				  k->id);
	}
}

/* What people should know besides the operations. */
static void add_notes(const struct setup *s, struct plan *p)
{
	const bool kept = s->targets & SETUP_DRIVER && s->host.module &&
			  str_eq(s->answer.part[VAR_ROUTE].text, "installed");

	if (s->targets & SETUP_DRIVER && !s->answer.part[VAR_DRIVER].text)
		plan_note(p, _("there is no NVIDIA GPU here: a driver would have nothing to do"));
	if (kept && !s->options->pin[VAR_DRIVER])
		plan_note(p, _("the driver %s runs and stays; --driver asks for another one"),
			  s->host.module);
	for (size_t i = 0; i < s->answer.notes_n; i++)
		plan_note(p, "%s", s->answer.notes[i]);
	if (s->unfit)
		plan_note(p, _("the GPUs were left out, since nothing goes with them: %s"),
			  s->unfit);
	note_keys(s, p);
	if (!s->unfit && !(s->targets & SETUP_DRIVER) && s->host.gpus.n && !s->host.module &&
	    !str_eq(s->host.place, "container") && !str_eq(s->host.place, "wsl"))
		plan_note(p, _("no driver is loaded: containers can use the GPU after `dlenv setup "
			       "driver`"));
	if (s->host.lock && p->n)
		plan_note(p, _("another package manager is at work (%s): setup waits for it"),
			  s->host.lock);
}

int setup_plan(struct setup *s, struct plan *ret, struct err *e)
{
	CLEANUP(plan_fini) struct plan p = {0};

	for (const struct step *step = setup_steps; step->id; step++)
		if (!(step->flags & STEP_FIRST) && plan_step(s, step, &p, e) < 0)
			return -(int)e->code;
	for (const struct step *step = setup_steps; step->id; step++) {
		size_t from = p.n;

		if (!(step->flags & STEP_FIRST))
			continue;
		if (plan_step(s, step, &p, e) < 0)
			return -(int)e->code;
		move_to_front(&p, from);
	}
	add_notes(s, &p);
	*ret = p;
	p = (struct plan){0};
	return 0;
}
