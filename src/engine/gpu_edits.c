/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CDI edits put into a container of our own engine: no hook is run; what hooks would do is made by
 * the runtime (dlenv.tree), and a hook that we do not know is refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/i18n.h"
#include "cdi/tree.h"
#include "engine/gpu_parts.h"

enum { GROUP_FILE_MAX = 1 << 20 };

/* The name of a group of the machine; its number when it has none. The text is the caller's. */
static char *group_name(const struct root *r, gid_t gid)
{
	CLEANUP(freep) char *text = NULL;
	CLEANUP(freep) char *number = str_fmt(":%u:", (unsigned int)gid);
	char *save = NULL;
	struct err e;

	if (root_read(r, "/etc/group", GROUP_FILE_MAX, &text, &e) < 0)
		return str_fmt("%u", (unsigned int)gid);
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		char *password = strchr(l, ':');
		char *id = password ? strchr(password + 1, ':') : NULL;

		if (id && str_starts(id, number))
			return str_fmt("%.*s", (int)(password - l), l);
	}
	return str_fmt("%u", (unsigned int)gid);
}

/* May the caller, who is the user inside, open the node? And is it a group that lets him? */
static void check_access(const struct gpu_want *w, const char *host, const struct stat *st,
			 struct container *c)
{
	CLEANUP(freep) char *group = NULL;

	if (faccessat(AT_FDCWD, host, R_OK | W_OK, AT_EACCESS) == 0) {
		if ((st->st_mode & 06) != 06 && st->st_uid != geteuid())
			c->keep_groups = true;
		return;
	}
	if (errno != EACCES)
		return;
	group = group_name(w->machine, st->st_gid);
	if ((st->st_mode & 060) == 060 && st->st_gid)
		gpu_warn(w,
			 _("you may not open '%s': `sudo usermod -aG %s $USER`, then log in anew"),
			 host, group);
	else
		gpu_warn(w, _("you may not open '%s': only root may"), host);
}

static char type_of(mode_t mode)
{
	return S_ISCHR(mode) ? 'c' : S_ISBLK(mode) ? 'b' : S_ISFIFO(mode) ? 'p' : '\0';
}

/* SPEC.md: what is not said of a node is taken from the host's. seen: it has just been looked at.
 */
static int put_node(const struct gpu_want *w, const struct cdi_node *n, bool seen,
		    struct container *c, struct err *e)
{
	const char *host = n->host_path ? n->host_path : n->path;
	struct node own = {.path = n->path, .host_path = host};
	bool told = seen && n->type && n->major >= 0 && n->minor >= 0 && n->mode >= 0;
	struct stat st = {0};

	if (!str_starts(n->path, "/dev/"))
		return err_set(e, ERR_CONFIG, "the device '%s' is not below /dev", n->path);
	if ((!told || w->userns) && stat(host, &st) < 0) {
		(void)err_sys(e, "cannot read the device '%s'", host);
		return err_hint(e, "`dlenv gpu health` says what is missing");
	}
	own.type = n->type && n->type[0] != 'u' ? n->type[0] : n->type ? 'c' : type_of(st.st_mode);
	if (!own.type)
		return err_set(e, ERR_CONFIG, "'%s' is not a device", host);
	own.major = n->major >= 0 ? (uint32_t)n->major : major(st.st_rdev);
	own.minor = n->minor >= 0 ? (uint32_t)n->minor : minor(st.st_rdev);
	own.mode = n->mode >= 0 ? (uint32_t)n->mode & 0777 : st.st_mode & 0777;
	own.uid = n->uid >= 0 ? (uint32_t)n->uid : c->uid;
	own.gid = n->gid >= 0 ? (uint32_t)n->gid : c->gid;
	if (w->userns)
		check_access(w, host, &st, c);
	container_node(c, &own);
	return 0;
}

static void put_mount(const struct cdi_mount *m, struct container *c)
{
	CLEANUP(buf_fini) struct buf options = {0};
	bool bind = false;

	buf_str(&options, "");
	for (size_t i = 0; i < m->options.n; i++) {
		buf_str(&options, i ? "," : "");
		buf_str(&options, m->options.v[i]);
		bind |= str_eq(m->options.v[i], "bind") || str_eq(m->options.v[i], "rbind");
	}
	/* A mount without a type and without options is a bind mount, too. */
	container_mount(c, m->type && !bind ? m->type : "bind", m->host_path, m->container_path,
			options.data);
}

static void put_variable(const char *variable, struct container *c)
{
	size_t n = strcspn(variable, "=") + 1;

	for (size_t i = 0; i < c->more_env.n; i++)
		if (strncmp(c->more_env.v[i], variable, n) == 0) {
			free(c->more_env.v[i]);
			c->more_env.v[i] = str_dup(variable);
			return;
		}
	strs_add(&c->more_env, variable);
}

static int put_hooks(const struct cdi_edits *edits, struct container *c, struct err *e)
{
	CLEANUP(strs_fini) struct strs unknown = {0};
	struct tree_edits *tree;

	if (!edits->hooks_n)
		return 0;
	tree = arena_alloc(&c->arena, sizeof(*tree));
	if (tree_from_hooks(edits->hooks, edits->hooks_n, &c->arena, tree, &unknown, e) < 0)
		return -(int)e->code;
	if (unknown.n) {
		(void)err_set(e, ERR_CONFIG, "the hook '%s' of a CDI file is not known",
			      unknown.v[0]);
		return err_hint(e, "dlenv runs no programs of the host for a container; podman or "
				   "docker can use this device");
	}
	if (!tree_is_empty(tree))
		c->tree = tree;
	return 0;
}

static int refuse_others(const struct cdi_edits *edits, struct err *e)
{
	const char *what = edits->nets_n ? "netDevices" : edits->rdt ? "intelRdt" : NULL;

	if (!what)
		return 0;
	(void)err_set(e, ERR_CONFIG, "a CDI file asks for '%s', which dlenv cannot do", what);
	return err_hint(e, "podman or docker with a newer runtime can use this device");
}

int gpu_put(const struct gpu_want *w, const struct cdi_edits *edits, size_t seen,
	    struct container *c, struct err *e)
{
	if (refuse_others(edits, e) < 0 || put_hooks(edits, c, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < edits->nodes_n; i++)
		if (put_node(w, &edits->nodes[i], i < seen, c, e) < 0)
			return -(int)e->code;
	for (size_t i = 0; i < edits->mounts_n; i++)
		put_mount(&edits->mounts[i], c);
	for (size_t i = 0; i < edits->env.n; i++)
		put_variable(edits->env.v[i], c);
	/* In a user namespace the host's groups have no number: keep_groups stands for them. */
	for (size_t i = 0; !w->userns && i < edits->gids_n; i++)
		container_group(c, edits->gids[i]);
	return 0;
}
