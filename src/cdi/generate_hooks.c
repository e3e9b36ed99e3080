/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: what is to be done inside a container is one struct tree_edits. It becomes one
 * hook of ours that does all of it, or the separate ones that NVIDIA's toolkit writes, in its
 * order. The user's --disable-hook and --enable-hook go by NVIDIA's names in both forms.
 */
#include <string.h>

#include "cdi/generate_parts.h"

static const char default_path[] = "/usr/bin/nvidia-cdi-hook";

static bool lists(const char *const *list, const char *name)
{
	for (; list && *list; list++)
		if (str_eq(*list, name))
			return true;
	return false;
}

bool make_wants_hook(const struct maker *m, const char *name)
{
	if (lists(m->g->enabled_hooks, name))
		return true;
	if (lists(m->g->disabled_hooks, name) || lists(m->g->disabled_hooks, "all"))
		return false;
	return !str_eq(name, "chmod");
}

/* A hook with the words before its name; more are appended. */
static struct cdi_hook *add_hook(struct maker *m, struct cdi_edits *edits, const char *name)
{
	const char *path = m->g->hook_path ? m->g->hook_path : default_path;
	const char *slash = strrchr(path, '/');
	const char *file = slash ? slash + 1 : path;
	/* Our program goes by the name that it is called by. */
	const char *program = str_eq(file, "dlenv-toolkit") ? "nvidia-cdi-hook" : file;
	struct cdi_hook *h = cdi_add_hook(m->a, edits);

	h->stage = "createContainer";
	h->path = arena_str(m->a, path);
	cdi_add_text(m->a, &h->args, program);
	if (str_eq(program, "nvidia-ctk"))
		cdi_add_text(m->a, &h->args, "hook");
	if (name)
		cdi_add_text(m->a, &h->args, name);
	/* Runtimes give a hook without a list the container's own environment. */
	cdi_add_text(m->a, &h->env, "NVIDIA_CTK_DEBUG=false");
	return h;
}

/* What the user does not want is taken out. */
static struct tree_edits wanted(const struct maker *m, const struct tree_edits *tree)
{
	struct tree_edits t = *tree;

	if (!make_wants_hook(m, "create-symlinks"))
		t.links_n = 0;
	if (!make_wants_hook(m, "update-ldcache"))
		t.folders.n = 0;
	if (!make_wants_hook(m, "enable-cuda-compat"))
		t.compat_driver = t.compat_cuda = t.compat_root = NULL;
	if (!make_wants_hook(m, "disable-device-node-modification"))
		t.params = false;
	if (!make_wants_hook(m, "update-application-profile"))
		t.profile = false;
	if (!make_wants_hook(m, "chmod"))
		t.modes_n = 0;
	return t;
}

static bool is_for_graphics(const struct tree_link *l)
{
	return str_ends(l->at, "/nvidia-drm_gbm.so") ||
	       str_ends(l->at, "/libnvidia-vulkan-producer.so") ||
	       str_ends(l->at, "/libglxserver_nvidia.so");
}

static void peer_links(struct maker *m, struct cdi_edits *edits, const struct tree_edits *t,
		       bool graphics)
{
	struct cdi_hook *h = NULL;

	for (size_t i = 0; i < t->links_n; i++) {
		const struct tree_link *l = &t->links[i];

		if (is_for_graphics(l) != graphics)
			continue;
		if (!h)
			h = add_hook(m, edits, "create-symlinks");
		cdi_add_text(m->a, &h->args, "--link");
		cdi_add_text(m->a, &h->args, arena_fmt(m->a, "%s::%s", l->target, l->at));
	}
}

static void peer_compat(struct maker *m, struct cdi_edits *edits, const struct tree_edits *t)
{
	struct cdi_hook *h;

	if (!t->compat_driver && !t->compat_cuda)
		return;
	h = add_hook(m, edits, "enable-cuda-compat");
	if (t->compat_driver)
		cdi_add_text(m->a, &h->args,
			     arena_fmt(m->a, "--host-driver-version=%s", t->compat_driver));
	if (t->compat_cuda)
		cdi_add_text(m->a, &h->args,
			     arena_fmt(m->a, "--host-cuda-version=%s", t->compat_cuda));
	if (t->compat_root)
		cdi_add_text(m->a, &h->args,
			     arena_fmt(m->a, "--cuda-compat-container-root=%s", t->compat_root));
}

static void peer_folders(struct maker *m, struct cdi_edits *edits, const struct tree_edits *t)
{
	struct cdi_hook *h;

	if (!t->folders.n)
		return;
	h = add_hook(m, edits, "update-ldcache");
	if (m->g->ldconfig_path) {
		cdi_add_text(m->a, &h->args, "--ldconfig-path");
		cdi_add_text(m->a, &h->args, m->g->ldconfig_path);
	}
	for (size_t i = 0; i < t->folders.n; i++) {
		cdi_add_text(m->a, &h->args, "--folder");
		cdi_add_text(m->a, &h->args, t->folders.v[i]);
	}
}

static void peer_modes(struct maker *m, struct cdi_edits *edits, const struct tree_edits *t)
{
	struct cdi_hook *h;

	if (!t->modes_n)
		return;
	h = add_hook(m, edits, "chmod");
	cdi_add_text(m->a, &h->args, "--mode");
	cdi_add_text(m->a, &h->args, arena_fmt(m->a, "%o", t->modes[0].mode));
	for (size_t i = 0; i < t->modes_n; i++) {
		cdi_add_text(m->a, &h->args, "--path");
		cdi_add_text(m->a, &h->args, t->modes[i].path);
	}
}

static void peer_hooks(struct maker *m, struct cdi_edits *edits, const struct tree_edits *t)
{
	peer_links(m, edits, t, true);
	peer_links(m, edits, t, false);
	peer_compat(m, edits, t);
	peer_folders(m, edits, t);
	if (t->params)
		(void)add_hook(m, edits, "disable-device-node-modification");
	if (t->profile)
		(void)add_hook(m, edits, "update-application-profile");
	peer_modes(m, edits, t);
}

void make_hooks(struct maker *m, struct cdi_edits *edits, const struct tree_edits *tree)
{
	struct tree_edits t = wanted(m, tree);
	struct cdi_hook *h;

	if (tree_is_empty(&t))
		return;
	if (m->g->flags & GEN_PEER_HOOKS) {
		peer_hooks(m, edits, &t);
		return;
	}
	h = add_hook(m, edits, NULL);
	tree_to_args(&t, m->a, &h->args);
}

void make_tree_add(struct maker *m, struct tree_edits *dst, const struct tree_edits *src)
{
	struct tree_edits t = wanted(m, src);

	for (size_t i = 0; i < t.links_n; i++) {
		bool there = false;

		for (size_t j = 0; j < dst->links_n && !there; j++)
			there = str_eq(dst->links[j].at, t.links[i].at);
		if (!there)
			(void)tree_add_link(m->a, dst, t.links[i].target, t.links[i].at);
	}
	for (size_t i = 0; i < t.folders.n; i++)
		cdi_add_text(m->a, &dst->folders, t.folders.v[i]);
	if (t.compat_driver || t.compat_cuda) {
		dst->compat_driver = t.compat_driver;
		dst->compat_cuda = t.compat_cuda;
		dst->compat_root = t.compat_root;
	}
	dst->params |= t.params;
	dst->profile |= t.profile;
	if (t.modes_n) {
		dst->modes = t.modes;
		dst->modes_n = t.modes_n;
	}
}
