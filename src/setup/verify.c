/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: the rungs are tried from below. Those of the GPU need one; those of an engine are
 * tried for the engines that were asked for. A rung looks or runs a program, and says what it saw;
 * one that fails does not keep the next ones from being tried, because they may tell more.
 */
#include "setup/verify.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/env.h"
#include "base/i18n.h"
#include "setup/verify_parts.h"

enum { PROGRAM_MS = 600000, TEXT_MAX = 1024 };

enum rung_flags { OF_GPU = 1 << 0 };

static const struct row {
	const char *id;
	const char *summary;  /* N_() marked */
	unsigned int flags;   /* enum rung_flags */
	unsigned int targets; /* 0: all */
	rung_fn *stand;
} rows[] = {
	{"bus", N_("the GPU is on the bus, and NVIDIA's driver has it"), OF_GPU, 0, rung_bus},
	{"module", N_("the kernel module is loaded, of the right kind"), OF_GPU, 0, rung_module},
	{"nodes", N_("the device nodes are there"), OF_GPU, 0, rung_nodes},
	{"versions", N_("module and libraries are of one version"), OF_GPU, 0, rung_versions},
	{"smi", N_("nvidia-smi sees the GPU"), OF_GPU, 0, rung_smi},
	{"cuda", N_("CUDA computes on the GPU"), OF_GPU, 0, rung_cuda},
	{"ids", N_("the user has subordinate ids and user namespaces"), 0,
	 SETUP_DLENV | SETUP_PODMAN, rung_ids},
	{"cdi", N_("the description of the GPU (CDI) holds, and is read"), OF_GPU,
	 SETUP_TOOLKIT | SETUP_DOCKER | SETUP_PODMAN, rung_cdi},
	{"docker", N_("docker runs a container"), 0, SETUP_DOCKER, rung_docker},
	{"docker-gpu", N_("docker gives a container the GPU"), OF_GPU, SETUP_DOCKER,
	 rung_docker_gpu},
	{"docker-user", N_("docker does so for the user"), OF_GPU, SETUP_DOCKER, rung_docker_user},
	{"podman", N_("podman runs a container"), 0, SETUP_PODMAN, rung_podman},
	{"podman-gpu", N_("podman gives a container the GPU"), OF_GPU, SETUP_PODMAN,
	 rung_podman_gpu},
	{"podman-user", N_("podman does so for the user"), OF_GPU, SETUP_PODMAN, rung_podman_user},
};

static const char *format(struct climb *c, const char *fmt, va_list args)
{
	char text[TEXT_MAX];

	(void)vsnprintf(text, sizeof(text), fmt, args);
	return arena_str(&c->l->arena, text);
}

enum rung_state rung_holds(struct climb *c, struct rung *r, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	r->detail = format(c, fmt, args);
	va_end(args);
	return RUNG_HOLDS;
}

enum rung_state rung_skipped(struct climb *c, struct rung *r, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	r->detail = format(c, fmt, args);
	va_end(args);
	return RUNG_SKIPPED;
}

enum rung_state rung_fails(struct climb *c, struct rung *r, const char *fix, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	r->detail = format(c, fmt, args);
	va_end(args);
	r->fix = arena_str(&c->l->arena, fix);
	return RUNG_FAILS;
}

int climb_run(struct climb *c, const char *const *argv, const char *user, struct buf *said,
	      struct err *e)
{
	const struct executor_program program = {
		.argv = argv, .user = user, .said = said, .timeout_ms = PROGRAM_MS};

	return executor_run_with(c->x, &program, e);
}

static bool has_gpu(const struct climb *c)
{
	return c->nvidia.driver || c->nvidia.wsl || c->nvidia.tegra || c->s->host.gpus.n;
}

static void stand(struct climb *c, const struct row *row)
{
	struct rung r = {.id = row->id, .summary = tr(row->summary)};

	if (row->targets && !(row->targets & c->s->targets))
		return;
	executor_say(c->x, r.summary);
	if (row->flags & OF_GPU && !has_gpu(c))
		r.state = rung_skipped(c, &r, "%s", _("this machine has no NVIDIA GPU"));
	else
		r.state = row->stand(c, &r);
	c->l->v = arena_grow(&c->l->arena, c->l->v, c->l->n, sizeof(*c->l->v));
	c->l->v[c->l->n++] = r;
}

/* Setup has changed the machine since. */
static int read_anew(struct climb *c, struct err *e)
{
	CLEANUP(user_fini) struct user who = {0};
	const char *user = c->s->options->user;

	if (c->s->live && user && user_find(user, &who, e) < 0)
		return -(int)e->code;
	host_fini(&c->s->host);
	host_read(c->s->root, who.name ? &who : NULL, &c->s->host);
	return nvidia_read(c->s->root, &c->nvidia, e);
}

int verify(struct executor *x, struct setup *s, struct ladder *ret, struct err *e)
{
	struct climb c = {.x = x, .s = s, .l = ret};
	int code = read_anew(&c, e);

	x->step = "verify";
	x->of = COUNT(rows);
	for (size_t i = 0; code == 0 && i < COUNT(rows); i++) {
		x->at = i + 1;
		if (executor_is_stopped(x))
			code = executor_stopped_err(x, e);
		else
			stand(&c, &rows[i]);
	}
	engine_tidy(&c);
	strs_fini(&c.borrowed);
	nvidia_fini(&c.nvidia);
	return code;
}

void ladder_fini(struct ladder *l)
{
	arena_fini(&l->arena);
	*l = (struct ladder){0};
}
