/* SPDX-License-Identifier: Apache-2.0 */
/* The rungs of container engines. Images are fetched for the proof, and given back. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/env.h"
#include "base/i18n.h"
#include "cdi/fresh.h"
#include "cdi/readers.h"
#include "cdi/registry.h"
#include "setup/verify_parts.h"

#define HELLO "docker.io/library/hello-world:latest"
/* Has a C library for nvidia-smi, which comes from this machine. */
#define PLAIN "docker.io/library/ubuntu:latest"
#define ALL_GPUS "nvidia.com/gpu=all"

enum { SAID_MAX = 16 << 10, SUBIDS = 65536 };

/* A cure with what it is about. */
static const char *command(struct climb *c, const char *text, const char *about)
{
	return arena_fmt(&c->l->arena, "%s %s", text, about);
}

enum rung_state rung_ids(struct climb *c, struct rung *r)
{
	const struct host *h = &c->s->host;
	const char *user = c->s->options->user;

	if (!user)
		return rung_skipped(c, r, "%s", _("nobody in particular will use it: --user NAME"));
	if (h->userns_max == 0 || h->userns_clone == 0)
		return rung_fails(c, r, "dlenv doctor", "%s",
				  _("the kernel forbids user namespaces"));
	if (h->subuids < SUBIDS || h->subgids < SUBIDS)
		return rung_fails(c, r, command(c, "sudo dlenv setup dlenv --user", user),
				  _("%s has %lld subordinate user ids and %lld group ids"), user,
				  (long long)(h->subuids < 0 ? 0 : h->subuids),
				  (long long)(h->subgids < 0 ? 0 : h->subgids));
	return rung_holds(c, r, _("%s: %lld user ids, %lld group ids"), user, (long long)h->subuids,
			  (long long)h->subgids);
}

/* The file that describes all GPUs, or NULL. */
static const struct cdi_file *file_of_all(const struct cdi_registry *g)
{
	for (size_t i = g->files_n; i-- > 0;) {
		const struct cdi_spec *s = &g->files[i].spec;

		if (g->files[i].err.code || !str_eq(s->kind, "nvidia.com/gpu"))
			continue;
		for (size_t j = 0; j < s->devices_n; j++)
			if (str_eq(s->devices[j].name, "all"))
				return &g->files[i];
	}
	return NULL;
}

/* An engine of this machine that does not read the specification's version, or NULL. */
static const char *not_read_by(const struct climb *c, const struct cdi_spec *s)
{
	static const struct {
		const char *name;
		unsigned int target;
		size_t at;
	} engines[] = {
		{"docker", SETUP_DOCKER, offsetof(struct host, docker)},
		{"podman", SETUP_PODMAN, offsetof(struct host, podman)},
	};
	struct version own = version_in(s->version);

	for (size_t i = 0; i < COUNT(engines); i++) {
		const char *v = *(const char *const *)((const char *)&c->s->host + engines[i].at);
		const char *reads = v && *v && c->s->targets & engines[i].target
					    ? cdi_reader_version(engines[i].name, v)
					    : s->version;
		struct version newest = version_in(reads ? reads : "");

		if (version_compare(&own, &newest) > 0)
			return engines[i].name;
	}
	return NULL;
}

enum rung_state rung_cdi(struct climb *c, struct rung *r)
{
	static const char fix[] = "sudo dlenv cdi refresh";
	CLEANUP(cdi_registry_fini) struct cdi_registry g = {0};
	CLEANUP(freep) char *full = NULL;
	const struct cdi_file *file;
	const char *missing;
	const char *engine;
	struct err e = {0};
	struct stat st;

	if (cdi_registry_read(c->s->root, cdi_default_dirs, &g, &e) < 0)
		return rung_fails(c, r, NULL, "%s", e.msg);
	file = file_of_all(&g);
	if (!file)
		return rung_fails(c, r, "sudo dlenv cdi generate -o /etc/cdi/nvidia.yaml",
				  _("no file describes %s"), ALL_GPUS);
	full = str_fmt("%s/%s", c->s->root->path, below(file->path));
	if (cdi_fresh(c->s->root, full) == STALE)
		return rung_fails(c, r, fix, _("'%s' is of another driver or other GPUs"),
				  file->path);
	missing = cdi_missing(c->s->root, &file->spec);
	if (missing)
		return rung_fails(c, r, command(c, "sudo dlenv cdi generate -o", file->path),
				  _("'%s' needs '%s', which is not there"), file->path, missing);
	if (stat(full, &st) == 0 && !(st.st_mode & S_IROTH))
		return rung_fails(c, r, command(c, "sudo chmod a+r", file->path),
				  _("users may not read '%s'"), file->path);
	engine = not_read_by(c, &file->spec);
	if (engine)
		return rung_fails(c, r, fix, _("'%s' is of CDI %s, which this %s does not read"),
				  file->path, file->spec.version, engine);
	return rung_holds(c, r, "%s, CDI %s", file->path, file->spec.version);
}

/* An engine and who calls it. */
struct engine {
	const char *name;
	const char *user; /* NULL: root */
};

/* "docker", and for a user's own daemon where that listens. */
static void begin(const struct climb *c, const struct engine *g, struct strs *ret)
{
	CLEANUP(user_fini) struct user u = {0};
	struct err e = {0};

	strs_add(ret, g->name);
	if (!str_eq(g->name, "docker") || !g->user || !c->s->options->rootless ||
	    user_find(g->user, &u, &e) < 0)
		return;
	strs_add(ret, "--host");
	strs_fmt(ret, "unix:///run/user/%u/docker.sock", (unsigned int)u.uid);
}

static int engine_do(struct climb *c, const struct engine *g, const char *const *words,
		     struct buf *said, struct err *e)
{
	CLEANUP(strs_fini) struct strs argv = {0};
	CLEANUP(buf_fini) struct buf own = {.max = SAID_MAX};

	begin(c, g, &argv);
	strs_add_all(&argv, words);
	return climb_run(c, (const char *const *)argv.v, g->user, said ? said : &own, e);
}

static bool has_image(struct climb *c, const struct engine *g, const char *image)
{
	const char *const words[] = {"image", "inspect", "--format", "{{.Id}}", image, NULL};
	struct err e = {0};

	return engine_do(c, g, words, NULL, &e) == 0;
}

/* An image that is here, or is fetched; false: r says why there is none. */
static bool need_image(struct climb *c, const struct engine *g, const char *image, struct rung *r,
		       enum rung_state *ret)
{
	const char *const pull[] = {"pull", "--quiet", image, NULL};
	struct err e = {0};

	if (has_image(c, g, image))
		return true;
	if (c->s->options->no_network) {
		*ret = rung_skipped(c, r, _("'%s' is not here, and --offline fetches nothing"),
				    image);
		return false;
	}
	if (engine_do(c, g, pull, NULL, &e) < 0) {
		*ret = rung_skipped(c, r, _("the image cannot be fetched: %s"), e.msg);
		return false;
	}
	strs_fmt(&c->borrowed, "%s %s %s", g->name, g->user ? g->user : "", image);
	return true;
}

void engine_tidy(struct climb *c)
{
	for (size_t i = 0; i < c->borrowed.n; i++) {
		char *rest = c->borrowed.v[i];
		const char *name = strsep(&rest, " ");
		const char *user = strsep(&rest, " ");
		const struct engine g = {.name = name, .user = *user ? user : NULL};
		const char *const words[] = {"image", "rm", rest, NULL};
		struct err e = {0};

		if (engine_do(c, &g, words, NULL, &e) < 0)
			executor_note(c->x, _("the image '%s' stays: %s"), rest, e.msg);
	}
}

/* The engine is there and answers. */
static bool answers(struct climb *c, const struct engine *g, struct rung *r, enum rung_state *ret)
{
	const char *const words[] = {"info", NULL};
	struct err e = {0};

	if (!c->s->live) {
		*ret = rung_skipped(c, r, "%s", _("this is another machine"));
		return false;
	}
	if (engine_do(c, g, words, NULL, &e) == 0)
		return true;
	if (e.code == ERR_NOCMD)
		*ret = rung_fails(c, r,
				  str_eq(g->name, "docker") ? "sudo dlenv setup docker"
							    : "sudo dlenv setup podman",
				  _("%s is not installed"), g->name);
	else if (g->user && strstr(e.msg, "permission denied"))
		*ret = rung_fails(c, r, command(c, "sudo dlenv setup docker --user", g->user),
				  _("%s may not talk to %s"), g->user, g->name);
	else
		*ret = rung_fails(c, r,
				  str_eq(g->name, "docker") ? "sudo systemctl start docker"
							    : "dlenv doctor",
				  "%s", e.msg);
	return false;
}

/* Root's engine; or that of the caller, who is not root. */
static enum rung_state run_hello(struct climb *c, const struct engine *g, struct rung *r)
{
	const char *const words[] = {"run", "--rm", HELLO, NULL};
	enum rung_state state = RUNG_SKIPPED;
	struct err e = {0};

	if (!answers(c, g, r, &state) || !need_image(c, g, HELLO, r, &state))
		return state;
	if (engine_do(c, g, words, NULL, &e) < 0)
		return rung_fails(c, r, "dlenv doctor", "%s", e.msg);
	return rung_holds(c, r, "%s", HELLO);
}

static enum rung_state run_gpu(struct climb *c, const struct engine *g, struct rung *r)
{
	const char *const of_docker[] = {"run", "--rm",	      "--gpus", "all",
					 PLAIN, "nvidia-smi", "-L",	NULL};
	const char *const of_podman[] = {"run",	       "--rm",	 "--security-opt=label=disable",
					 "--device",   ALL_GPUS, PLAIN,
					 "nvidia-smi", "-L",	 NULL};
	/* Without root Docker's older way to a GPU, which --gpus may be, finds no program. */
	bool docker = str_eq(g->name, "docker") && !(g->user && c->s->options->rootless);
	CLEANUP(buf_fini) struct buf said = {.max = SAID_MAX};
	enum rung_state state = RUNG_SKIPPED;
	const char *line;
	struct err e = {0};

	if (!answers(c, g, r, &state) || !need_image(c, g, PLAIN, r, &state))
		return state;
	if (engine_do(c, g, docker ? of_docker : of_podman, &said, &e) < 0)
		return rung_fails(c, r,
				  docker ? "sudo dlenv configure docker --restart"
					 : "sudo dlenv cdi refresh",
				  "%s", e.msg);
	line = said.data ? strstr(said.data, "GPU ") : NULL;
	if (!line)
		return rung_fails(c, r, "dlenv doctor", "%s", _("no GPU is seen in the container"));
	return rung_holds(c, r, "%.*s", (int)strcspn(line, "\n"), line);
}

/* Rootless docker and users' podmans are theirs alone: there root has nothing to prove. */
static enum rung_state as_root(struct climb *c, struct rung *r, const char *name,
			       enum rung_state (*run)(struct climb *, const struct engine *,
						      struct rung *))
{
	const char *user = c->s->options->user;
	bool own = c->s->options->rootless && user && str_eq(name, "docker");
	const struct engine g = {.name = name, .user = own && geteuid() == 0 ? user : NULL};

	return run(c, &g, r);
}

/* logind makes it with a person's first session; engines without root live in it. */
static bool has_session(const struct climb *c, const char *name)
{
	CLEANUP(user_fini) struct user u = {0};
	CLEANUP(freep) char *path = NULL;
	struct err e = {0};

	if (user_find(name, &u, &e) < 0)
		return false;
	path = str_fmt("/run/user/%u", (unsigned int)u.uid);
	return root_has(c->s->root, path) || !root_has(c->s->root, "/run/systemd/system");
}

static enum rung_state as_user(struct climb *c, struct rung *r, const char *name)
{
	const struct engine g = {.name = name, .user = c->s->options->user};

	if (!g.user)
		return rung_skipped(c, r, "%s", _("nobody in particular will use it: --user NAME"));
	if (str_eq(name, "podman") && !has_session(c, g.user))
		return rung_skipped(c, r, _("%s is not logged in"), g.user);
	return run_gpu(c, &g, r);
}

enum rung_state rung_docker(struct climb *c, struct rung *r)
{
	return as_root(c, r, "docker", run_hello);
}

enum rung_state rung_docker_gpu(struct climb *c, struct rung *r)
{
	return as_root(c, r, "docker", run_gpu);
}

enum rung_state rung_docker_user(struct climb *c, struct rung *r)
{
	return as_user(c, r, "docker");
}

enum rung_state rung_podman(struct climb *c, struct rung *r)
{
	return as_root(c, r, "podman", run_hello);
}

enum rung_state rung_podman_gpu(struct climb *c, struct rung *r)
{
	return as_root(c, r, "podman", run_gpu);
}

enum rung_state rung_podman_user(struct climb *c, struct rung *r)
{
	return as_user(c, r, "podman");
}
