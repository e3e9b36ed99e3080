/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/spec_check.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* Present and not empty, these are an error: ignoring one would be a surprise. */
static const char *const refused[] = {
	"hooks",
	"vm",
	"windows",
	"solaris",
	"zos",
	"freebsd",
	"process.apparmorProfile",
	"process.selinuxLabel",
	"process.scheduler",
	"process.ioPriority",
	"process.execCPUAffinity",
	"linux.intelRdt",
	"linux.personality",
	"linux.timeOffsets",
	"linux.netDevices",
	"linux.memoryPolicy",
	"linux.mountLabel",
	"linux.resources.blockIO",
	"linux.resources.hugepageLimits",
	"linux.resources.network",
	"linux.resources.rdma",
	"linux.resources.unified",
	"linux.resources.cpu.realtimeRuntime",
	"linux.resources.cpu.idle",
	"linux.resources.cpu.burst",
	/* Still in the document only when it is not an object, or its key has escapes. */
	"linux.seccomp",
};

static const struct doc_node *find(const struct doc_node *n, const char *path)
{
	while (n && *path) {
		size_t len = strcspn(path, ".");
		CLEANUP(freep) char *key = str_fmt("%.*s", (int)len, path);

		n = n->kind == DOC_MAP ? doc_get(n, key) : NULL;
		path += len + (path[len] == '.');
	}
	return n;
}

static bool is_empty(const struct doc_node *n)
{
	switch (n->kind) {
	case DOC_NULL:
		return true;
	case DOC_LIST:
	case DOC_MAP:
		/* A map of empty lists ("hooks": {"prestart": []}) asks for nothing. */
		for (const struct doc_node *c = n->first; c; c = c->next)
			if (!is_empty(c))
				return false;
		return true;
	case DOC_STRING:
		return !*n->text;
	case DOC_NUMBER:
		return str_eq(n->text, "0");
	case DOC_BOOL:
		return str_eq(n->text, "false");
	}
	return false;
}

static int refuse_unsupported(const struct spec *s, struct err *e)
{
	for (size_t i = 0; i < COUNT(refused); i++) {
		const struct doc_node *n = find(s->doc.top, refused[i]);

		if (n && !is_empty(n))
			return doc_err(&s->doc, n, e, "'%s' is not supported by this runtime",
				       refused[i]);
	}
	return 0;
}

static int check_namespaces(const struct spec *s, struct err *e)
{
	static const char *const known[] = {"mount",   "pid",	 "ipc",	 "uts",
					    "network", "cgroup", "user", NULL};
	const struct spec_ns *ns = s->linux_.namespaces.items;

	for (size_t i = 0; i < s->linux_.namespaces.n; i++) {
		size_t k = 0;

		while (known[k] && !str_eq(known[k], ns[i].type))
			k++;
		if (!known[k])
			return err_set(e, ERR_CONFIG, "namespaces of type '%s' are not supported",
				       ns[i].type);
		for (size_t j = 0; j < i; j++)
			if (str_eq(ns[i].type, ns[j].type))
				return err_set(e, ERR_CONFIG, "the namespace '%s' is listed twice",
					       ns[i].type);
	}
	ns = spec_namespace(s, "mount");
	if (!ns || ns->path)
		return err_set(e, ERR_CONFIG,
			       "a container needs a mount namespace of its own: add it to "
			       "linux.namespaces");
	if (spec_namespace(s, "user") ? 0 : s->map.uids || s->map.gids)
		return err_set(e, ERR_CONFIG, "id mappings need a namespace of type 'user'");
	if ((s->hostname || s->domainname) && !spec_namespace(s, "uts"))
		return err_set(e, ERR_CONFIG, "a host name needs a namespace of type 'uts'");
	return 0;
}

static int check_process(const struct spec *s, struct err *e)
{
	const struct spec_process *p = &s->process;

	if (!p->args || !p->args[0] || !*p->args[0])
		return err_set(e, ERR_CONFIG, "process.args is empty");
	if (p->cwd[0] != '/')
		return err_set(e, ERR_CONFIG, "process.cwd '%s' is not absolute", p->cwd);
	if (p->uid >= UINT32_MAX || p->gid >= UINT32_MAX)
		return err_set(e, ERR_CONFIG, "process.user is out of range");
	if (p->umask > 0777)
		return err_set(e, ERR_CONFIG, "process.user.umask is out of range");
	return 0;
}

static int check_mounts(const struct spec *s, struct err *e)
{
	const struct spec_mount *m = s->mounts.items;

	for (size_t i = 0; i < s->mounts.n; i++)
		if (m[i].destination[0] != '/')
			return err_set(e, ERR_CONFIG, "the mount destination '%s' is not absolute",
				       m[i].destination);
	return 0;
}

int spec_check(const struct spec *s, struct err *e)
{
	if (!str_starts(s->version, "1."))
		return err_set(e, ERR_CONFIG, "ociVersion '%s' is not supported: 1.x is",
			       s->version);
	if (!s->root_path && !spec_annotation(s, "dlenv.overlay.lower"))
		return err_set(e, ERR_CONFIG, "neither root.path nor an overlay is given");
	if (!s->process.args)
		return err_set(e, ERR_CONFIG, "process.args is missing");
	if (check_process(s, e) < 0 || check_namespaces(s, e) < 0 || check_mounts(s, e) < 0)
		return -(int)e->code;
	return refuse_unsupported(s, e);
}
