/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose a process is. An environment's processes share the PID namespace of its first one; whoever
 * may not read namespaces (another user's process) is found by the chain of its parents. Containers
 * of other engines are told by the name that engine gives their cgroup.
 */
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/gpu_view.h"
#include "cli/site.h"

enum { PARENTS_MAX = 64, SMALL = 8192, ID_LETTERS = 12 };

/* A running environment. */
struct home {
	const char *name;
	int64_t init;
	char *ns; /* its PID namespace, or NULL */
};

struct homes {
	struct arena arena;
	struct home *v;
	size_t n;
};

static char *proc_text(const struct root *r, int64_t pid, const char *file)
{
	CLEANUP(freep) char *path = str_fmt("/proc/%lld/%s", (long long)pid, file);
	char *text = NULL;
	struct err e;

	return root_read(r, path, SMALL, &text, &e) < 0 ? NULL : text;
}

static char *pid_namespace(const struct root *r, int64_t pid)
{
	CLEANUP(freep) char *path = str_fmt("proc/%lld/ns/pid", (long long)pid);
	char link[64];
	ssize_t n = readlinkat(r->fd, path, link, sizeof(link) - 1);

	if (n <= 0)
		return NULL;
	link[n] = '\0';
	return str_dup(link);
}

/* "Key:\tNUMBER" of /proc/PID/status; -1: not there. */
static int64_t status_number(const char *text, const char *key)
{
	const char *at = text ? strstr(text, key) : NULL;
	int64_t value = 0;
	size_t n;

	if (!at)
		return -1;
	at += strlen(key);
	at += strspn(at, " \t");
	for (n = 0; at[n] >= '0' && at[n] <= '9' && n < 15; n++)
		value = value * 10 + (at[n] - '0');
	return n ? value : -1;
}

static const char *home_of(const struct root *r, const struct homes *h, int64_t pid)
{
	CLEANUP(freep) char *ns = h->n ? pid_namespace(r, pid) : NULL;

	for (size_t i = 0; ns && i < h->n; i++)
		if (str_eq(h->v[i].ns, ns))
			return h->v[i].name;
	for (int up = 0; h->n && up < PARENTS_MAX && pid > 1; up++) {
		CLEANUP(freep) char *status = proc_text(r, pid, "status");

		for (size_t i = 0; i < h->n; i++)
			if (h->v[i].init == pid)
				return h->v[i].name;
		pid = status_number(status, "\nPPid:");
	}
	return NULL;
}

char *gpu_cgroup_owner(const char *text)
{
	static const struct {
		const char *mark;
		const char *engine;
	} marks[] = {
		{"/docker-", "docker"},
		{"/docker/", "docker"},
		{"/libpod-", "podman"},
		{"/libpod_parent/libpod-", "podman"},
		{"/cri-containerd-", "containerd"},
		{"/crio-", "cri-o"},
	};

	for (size_t i = 0; i < COUNT(marks); i++) {
		const char *at = strstr(text, marks[i].mark);
		size_t n;

		if (!at)
			continue;
		at += strlen(marks[i].mark);
		n = strspn(at, "0123456789abcdef");
		if (n >= ID_LETTERS)
			return str_fmt("%s:%.*s", marks[i].engine, ID_LETTERS, at);
	}
	return NULL;
}

static void homes_read(struct cli *c, struct homes *h)
{
	CLEANUP(site_close) struct site s = {.store = {.fd = -1}};
	CLEANUP(strs_fini) struct strs names = {0};
	struct err ignored;

	/* Who may not have environments has none. */
	if (cli_site(c, &s, &ignored) < 0 || env_list(&s, &names, &ignored) < 0)
		return;
	h->v = arena_alloc(&h->arena, names.n * sizeof(*h->v));
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP(env_close) struct env v = {.lock = -1};
		CLEANUP(running_fini) struct running r = {0};

		if (env_open(&v, &s, names.v[i], 0, &ignored) < 0 ||
		    env_running(&v, &r, &ignored) < 0)
			continue;
		h->v[h->n++] = (struct home){
			.name = arena_str(&h->arena, names.v[i]),
			.init = r.init.pid,
			.ns = pid_namespace(s.machine, r.init.pid),
		};
	}
}

static void homes_fini(struct homes *h)
{
	for (size_t i = 0; i < h->n; i++)
		freep(&h->v[i].ns);
	arena_fini(&h->arena);
}

static const char *user_name(struct arena *a, const struct cli *c, int64_t uid)
{
	if (uid < 0)
		return NULL;
	if (c->user.name && uid == (int64_t)c->user.uid)
		return arena_str(a, c->user.name);
	return uid == 0 ? "root" : arena_fmt(a, "%lld", (long long)uid);
}

static void fill(struct cli *c, const struct root *r, const struct homes *h, struct arena *a,
		 struct gpu_process *p)
{
	CLEANUP(freep) char *comm = proc_text(r, p->pid, "comm");
	CLEANUP(freep) char *status = proc_text(r, p->pid, "status");
	CLEANUP(freep) char *cgroup = proc_text(r, p->pid, "cgroup");
	CLEANUP(freep) char *owner = cgroup ? gpu_cgroup_owner(cgroup) : NULL;
	const char *home = home_of(r, h, p->pid);

	if (comm)
		p->command = arena_strn(a, comm, strcspn(comm, "\n"));
	p->user = user_name(a, c, status_number(status, "\nUid:"));
	p->environment = arena_str(a, home ? home : owner);
}

void gpu_view_owners(struct cli *c, const struct root *machine, struct gpu_view *v)
{
	CLEANUP(homes_fini) struct homes h = {0};

	if (!v->processes_n)
		return;
	homes_read(c, &h);
	for (size_t i = 0; i < v->processes_n; i++)
		fill(c, machine, &h, &v->arena, &v->processes[i]);
}
