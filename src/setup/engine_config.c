/* SPDX-License-Identifier: Apache-2.0 */
#include "setup/engine_config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/json_edit.h"
#include "base/mem.h"
#include "base/proc.h"
#include "setup/diff.h"
#include "setup/engine_parts.h"

const char *const engine_names[] = {"docker", "podman", "containerd", "crio", NULL};

static int docker_plan(struct engine_plan *p, const struct engine_row *row, struct err *e);
static int podman_plan(struct engine_plan *p, const struct engine_row *row, struct err *e);

static const struct engine_row rows[] = {
	{.name = "docker",
	 .config = "/etc/docker/daemon.json",
	 .format = FORMAT_JSON,
	 .service = "docker.service",
	 .plan = docker_plan},
	{.name = "podman",
	 .config = "/etc/containers/oci/hooks.d/oci-nvidia-hook.json",
	 .format = FORMAT_JSON,
	 .plan = podman_plan},
	{.name = "containerd",
	 .config = "/etc/containerd/config.toml",
	 .drop_in = "/etc/containerd/conf.d/99-nvidia.toml",
	 .format = FORMAT_TOML,
	 .service = "containerd.service",
	 .plan = containerd_plan},
	{.name = "crio",
	 .config = "/etc/crio/crio.conf",
	 .drop_in = "/etc/crio/crio.conf.d/99-nvidia.toml",
	 .format = FORMAT_TOML,
	 .service = "crio.service",
	 .plan = crio_plan},
};

const struct engine_row *engine_row_of(const char *name, struct err *e)
{
	for (size_t i = 0; i < COUNT(rows); i++)
		if (str_eq(rows[i].name, name))
			return &rows[i];
	(void)err_set(e, ERR_USAGE, "'%s' is no engine that dlenv can configure", name);
	(void)err_hint(e, "name one of: docker, podman, containerd, crio");
	return NULL;
}

int engine_plan_file(struct engine_plan *p, const char *path, enum engine_format format,
		     struct engine_file **ret, struct err *e)
{
	struct engine_file f = {0};

	if (engine_file_open(p->root, path, format, &f, e) < 0)
		return -(int)e->code;
	p->files = mem_resize(p->files, (p->files_n + 1) * sizeof(*p->files));
	p->files[p->files_n] = f;
	*ret = &p->files[p->files_n++];
	return 0;
}

static int set_quoted(struct engine_file *f, const char *const *path, const char *text,
		      struct err *e)
{
	CLEANUP(freep) char *quoted = json_quote(text);

	return engine_file_set(f, path, quoted, e);
}

static int docker_plan(struct engine_plan *p, const struct engine_row *row, struct err *e)
{
	const char *name = engine_runtime_name(p);
	const char *const runtime[] = {"runtimes", name, "path", NULL};
	const char *const args[] = {"runtimes", name, "args", NULL};
	const char *const cdi[] = {"features", "cdi", NULL};
	const char *const first[] = {"default-runtime", NULL};
	CLEANUP(freep) char *path = engine_runtime_path(p);
	struct engine_file *f = NULL;

	if (engine_plan_file(p, p->options->config ? p->options->config : row->config, row->format,
			     &f, e) < 0 ||
	    set_quoted(f, runtime, path, e) < 0)
		return -(int)e->code;
	if (!engine_file_has(f, args) && engine_file_set(f, args, "[]", e) < 0)
		return -(int)e->code;
	if (p->options->cdi != SWITCH_OFF && engine_file_set(f, cdi, "true", e) < 0)
		return -(int)e->code;
	return p->options->make_default ? set_quoted(f, first, name, e) : 0;
}

/* A hook as engines read it from their hooks.d (oci-hooks(5)). */
static int podman_hook(struct engine_plan *p, const struct engine_row *row, struct err *e)
{
	static const char hook[] =
		"{\"path\":\"%s\",\"args\":[\"nvidia-container-runtime-hook\",\"prestart\"],"
		"\"env\":[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"]}";
	static const char when[] = "{\"always\":true,\"commands\":[\".*\"]}";
	CLEANUP(freep) char *shim = engine_runtime_path(p);
	CLEANUP(freep) char *program = str_fmt("%s-hook", shim);
	CLEANUP(freep) char *value = str_fmt(hook, program);
	struct engine_file *f = NULL;

	if (engine_plan_file(p, p->options->config ? p->options->config : row->config, row->format,
			     &f, e) < 0 ||
	    engine_file_set(f, (const char *const[]){"version", NULL}, "\"1.0.0\"", e) < 0 ||
	    engine_file_set(f, (const char *const[]){"hook", NULL}, value, e) < 0 ||
	    engine_file_set(f, (const char *const[]){"when", NULL}, when, e) < 0)
		return -(int)e->code;
	return engine_file_set(f, (const char *const[]){"stages", NULL}, "[\"prestart\"]", e);
}

/* Podman needs nothing but a specification where it looks for one. */
static int podman_plan(struct engine_plan *p, const struct engine_row *row, struct err *e)
{
	static const char *const folders[] = {"/etc/cdi", "/var/run/cdi", "/run/cdi"};
	bool found = false;

	strs_add(&p->notes, _("podman 4.1 and later needs no configuration: it reads the CDI "
			      "specifications in /etc/cdi and /var/run/cdi"));
	for (size_t i = 0; i < COUNT(folders) && !found; i++) {
		CLEANUP(strs_fini) struct strs names = {0};
		CLEANUP(fd_closep) int fd = -1;
		struct err ignored = {0};

		if (rootfs_open(p->root->fd, folders[i], O_RDONLY | O_DIRECTORY, 0, &fd, &ignored) <
			    0 ||
		    dir_list(fd, ".", &names, &ignored) < 0)
			continue;
		for (size_t k = 0; k < names.n; k++)
			found = found || str_ends(names.v[k], ".yaml") ||
				str_ends(names.v[k], ".json");
	}
	if (!found)
		strs_add(&p->notes, _("there is no specification yet: write one with "
				      "`dlenv cdi generate --output /etc/cdi/nvidia.yaml`"));
	return p->options->hook ? podman_hook(p, row, e) : 0;
}

int engine_path(const struct root *r, const char *path, struct arena *a, const char **ret,
		struct err *e)
{
	CLEANUP(freep) char *here = NULL;

	*ret = path;
	if (!path || !*path || *path == '/')
		return 0;
	if (!str_eq(r->path, "/")) {
		(void)err_set(e, ERR_USAGE, "'%s' does not begin with a slash", path);
		return err_hint(e, "with --root, files are named as they lie in that machine");
	}
	here = realpath(".", NULL);
	if (!here)
		return err_sys(e, "cannot see the current folder");
	*ret = arena_fmt(a, "%s/%s", here, path);
	return 0;
}

void engine_plan_fini(struct engine_plan *p)
{
	for (size_t i = 0; i < p->files_n; i++)
		engine_file_fini(&p->files[i]);
	for (size_t i = 0; i < p->links_n; i++) {
		free(p->links[i].path);
		free(p->links[i].target);
	}
	free(p->files);
	free(p->links);
	strs_fini(&p->notes);
	*p = (struct engine_plan){0};
}

int engine_plan(const struct root *r, const struct engine_options *o, struct engine_plan *ret,
		struct err *e)
{
	CLEANUP(engine_plan_fini) struct engine_plan p = {.root = r, .options = o};
	const struct engine_row *row = engine_row_of(o->engine, e);

	if (!row)
		return -(int)e->code;
	p.service = row->service;
	engine_links_plan(&p);
	if (row->plan(&p, row, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < p.files_n; i++)
		engine_file_close(&p.files[i]);
	*ret = p;
	p = (struct engine_plan){0};
	return 0;
}

size_t engine_changes(const struct engine_plan *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->files_n; i++)
		n += engine_file_changes(&p->files[i]);
	return n;
}

struct engine_change engine_change_at(const struct engine_plan *p, size_t i)
{
	const struct engine_file *f = p->files;

	for (;; f++)
		if (engine_file_changes(f) && !i--)
			return (struct engine_change){f->path, f->before, f->after};
}

bool engine_is_done(const struct engine_plan *p)
{
	return !engine_changes(p) && !p->links_n;
}

char *engine_diff(const struct engine_plan *p)
{
	struct buf b = {0};

	buf_str(&b, "");
	for (size_t i = 0; i < engine_changes(p); i++) {
		struct engine_change c = engine_change_at(p, i);

		diff_unified(c.path, c.before, c.after, &b);
	}
	return b.data;
}

int engine_restart(const struct engine_plan *p, struct err *e)
{
	/* An ordinary user's daemon (a rootless Docker) is run by the user's own systemd. */
	const char *const argv[] = {"systemctl", geteuid() ? "--user" : "--system", "restart",
				    p->service, NULL};
	CLEANUP(buf_fini) struct buf last = {.max = 400};
	const struct proc restart = {.argv = argv, .last = &last};
	int status;

	if (!p->service)
		return 0;
	if (!str_eq(p->root->path, "/") || !root_has(p->root, "/run/systemd/system")) {
		(void)err_set(e, ERR_ABSENT, "'%s' cannot be restarted: systemd does not run here",
			      p->service);
		return err_hint(e, "restart the daemon in the way this machine does it");
	}
	if (proc_run(&restart, &status, e) < 0)
		return -(int)e->code;
	if (!status)
		return 0;
	(void)err_set(e, ERR_FAIL, "'%s' did not restart: %s", p->service,
		      last.data ? last.data : "");
	return err_hint(e,
			"see `systemctl status %s`; `dlenv configure --undo` takes the change "
			"back",
			p->service);
}
