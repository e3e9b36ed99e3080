/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: what the kernel shows decides; NVML (seconds, where the driver is not persistent)
 * is asked only when a MIG device is named or a requirement is still open after all that is
 * known. The chosen GPUs are described by cdi_generate, without `all` and by one name each, and
 * what the specification says of the whole and of each device is put together.
 */
#include "hook/describe.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cdi/driver.h"
#include "cdi/tree.h"
#include "host/nvml.h"

enum { NVML_MS = 10000 };

const char *machine_path(void)
{
	const char *path = secure_getenv("DLENV_ROOT");

	return path && *path ? path : NULL;
}

int machine_open(const char *path, const char *driver_root, struct machine *ret, struct err *e)
{
	const char *root = path ? path : "/";

	ret->root.fd = -1;
	ret->driver.fd = -1;
	if (root_open(&ret->root, root, e) < 0)
		return err_wrap(e, "cannot read the machine");
	if (root_open(&ret->driver, driver_root && *driver_root ? driver_root : root, e) < 0) {
		(void)err_wrap(e, "cannot open the driver's root");
		return err_hint(e, "it is nvidia-container-cli.root of config.toml");
	}
	return nvidia_read(&ret->root, &ret->host, e);
}

void machine_close(struct machine *m)
{
	nvidia_fini(&m->host);
	root_close(&m->driver);
	root_close(&m->root);
}

/* The edits of a specification and of all of its devices together. */
static void edits_of_spec(struct arena *a, struct cdi_edits *dst, const struct cdi_spec *s)
{
	cdi_edits_add(a, dst, &s->edits);
	for (size_t i = 0; i < s->devices_n; i++)
		cdi_edits_add(a, dst, &s->devices[i].edits);
}

void edits_keep_caps(struct cdi_edits *e, unsigned int caps)
{
	size_t kept = 0;

	for (size_t i = 0; i < e->mounts_n; i++) {
		const char *slash = strrchr(e->mounts[i].container_path, '/');
		const char *name = slash ? slash + 1 : e->mounts[i].container_path;

		if (!strstr(name, ".so.") || driver_library_caps(name) & caps)
			e->mounts[kept++] = e->mounts[i];
	}
	e->mounts_n = kept;
}

void edits_drop_nodes(struct cdi_edits *e)
{
	e->nodes_n = 0;
	e->gids_n = 0;
}

/* Facts about GPUs for a wish; asked is whether m holds any. */
struct choice {
	struct machine *m;
	const struct gpu_request *q;
	struct nvml nvml;
	bool asked;
};

static int ask_nvml(struct choice *c, const char *hint, struct err *e)
{
	if (nvml_ask(c->m->driver.path, NVML_NAMES, NVML_MS, &c->nvml, e) < 0) {
		(void)err_wrap(e, "cannot tell GPUs apart");
		return e->hint[0] ? -(int)e->code : err_hint(e, "%s", hint);
	}
	c->asked = true;
	nvidia_complete(&c->m->host, &c->nvml);
	return 0;
}

static const struct nvml *nvml_of(const struct choice *c)
{
	return c->asked ? &c->nvml : NULL;
}

/* ids NULL: all GPUs. */
static int require(struct choice *c, const char *const *ids, struct err *e)
{
	static const char *const all[] = {"all", NULL};
	struct err failed = {0};
	bool open = false;

	if (!ids)
		ids = all;
	if (gpu_request_check(c->q, &c->m->host, nvml_of(c), ids, &open, e) < 0)
		return -(int)e->code;
	if (!open || c->asked)
		return 0;
	if (ask_nvml(c,
		     "NVIDIA_DISABLE_REQUIRE=1 starts the container without checking what its "
		     "image requires",
		     &failed) < 0) {
		/* Nobody is kept from working by what cannot be known; of a GPU that hangs one
		 * wants to hear. */
		if (failed.code != ERR_BUSY)
			return 0;
		*e = failed;
		return -(int)e->code;
	}
	return gpu_request_check(c->q, &c->m->host, nvml_of(c), ids, &open, e);
}

static int wish_chosen(struct choice *c, const struct toolkit_config *conf, struct arena *a,
		       const char *const **ret, struct err *e)
{
	if (gpu_request_needs_nvml(c->q) &&
	    ask_nvml(c, "NVML alone knows MIG devices: `nvidia-smi -L` has to list them", e) < 0)
		return -(int)e->code;
	if (gpu_request_choose(c->q, &c->m->host, nvml_of(c), a, ret, e) < 0)
		return -(int)e->code;
	return conf->disable_require ? 0 : require(c, *ret, e);
}

int describe_requirements(const struct describe *d, struct err *e)
{
	struct choice choice = {.m = d->m, .q = &d->w->q};
	int code = d->c->disable_require ? 0 : require(&choice, NULL, e);

	nvml_fini(&choice.nvml);
	return code;
}

const struct root *machine_dev(const struct machine *m)
{
	return root_has(&m->driver, "dev/nvidiactl") ? &m->driver : &m->root;
}

/* One specification of those that the wish needs, added to ret. */
static int add_mode(struct cdi_generate *g, struct arena *a, struct cdi_edits *ret,
		    struct strs *notes, struct err *e)
{
	struct cdi_spec s = {0};
	int code = cdi_generate(g, &s, notes, e);

	if (code == 0)
		edits_of_spec(a, ret, &s);
	cdi_spec_fini(&s);
	return code;
}

static int add_gated(const struct cdi_generate *base, const struct gpu_request *q, struct arena *a,
		     struct cdi_edits *ret, struct strs *notes, struct err *e)
{
	struct cdi_generate g = *base;

	for (const char *const *name = q->modes; name && *name; name++) {
		size_t mode = 0;

		while (cdi_mode_names[mode] && !str_eq(cdi_mode_names[mode], *name))
			mode++;
		g.mode = (enum cdi_mode)mode;
		g.ids = NULL;
		if (add_mode(&g, a, ret, notes, e) < 0)
			return err_wrap(e, "the container asks for '%s'", *name);
	}
	if (!q->imex || !*q->imex)
		return 0;
	g.mode = CDI_MODE_IMEX;
	g.ids = q->imex;
	if (add_mode(&g, a, ret, notes, e) < 0)
		return err_wrap(e, "the container asks for IMEX channels");
	return 0;
}

/* The node of one of the driver's capabilities that are not a GPU's: "config", "monitor". */
static int add_capability(const struct machine *m, const char *name, struct arena *a,
			  struct cdi_edits *ret, struct err *e)
{
	enum { MINORS_MAX = 1 << 20, MINOR_MAX = (1 << 20) - 1 };
	CLEANUP(freep) char *text = NULL;
	size_t n = strlen(name);

	if (root_read(&m->root, "proc/driver/nvidia-caps/mig-minors", MINORS_MAX, &text, e) < 0)
		return err_wrap(e, "the container asks to manage MIG");
	for (const char *l = text; l; l = strchr(l, '\n')) {
		CLEANUP(freep) char *number = NULL;
		struct cdi_node *node;
		uint64_t minor;

		l += *l == '\n';
		if (strncmp(l, name, n) != 0 || l[n] != ' ')
			continue;
		number = str_fmt("%.*s", (int)strcspn(l + n + 1, "\n"), l + n + 1);
		if (parse_uint(number, MINOR_MAX, "minor", &minor, e) < 0)
			return -(int)e->code;
		node = cdi_add_node(a, ret);
		node->path = arena_fmt(a, "/dev/nvidia-caps/nvidia-cap%" PRIu64, minor);
		node->host_path = arena_fmt(
			a, "%s%s", str_eq(m->root.path, "/") ? "" : m->root.path, node->path);
		return 0;
	}
	return err_set(e, ERR_ABSENT, "the driver knows no MIG capability '%s'", name);
}

static unsigned int generate_flags(const struct toolkit_config *c)
{
	unsigned int flags = GEN_NO_ALL | GEN_UNNAMED |
			     (c->features.no_additional_gids_for_device_nodes ? GEN_NO_GIDS : 0);

	for (const char **f = c->runtime.jit_feature_flags; f && *f; f++) {
		unsigned int flag = 0;

		(void)cdi_feature(*f, &flag);
		flags |= flag;
	}
	return flags;
}

/* What the administrator allows: all that is asked for, but for `all` what there is. */
static int allowed_caps(const struct toolkit_config *c, unsigned int asked, unsigned int *ret,
			struct err *e)
{
	unsigned int supported = CAP_ALL;

	if (c->supported_driver_capabilities &&
	    cdi_caps_parse(c->supported_driver_capabilities, &supported, e) < 0)
		return err_wrap(e, "supported-driver-capabilities");
	if (asked != CAP_ALL && asked & ~supported) {
		(void)err_set(
			e, ERR_CONFIG,
			"the container asks for driver capabilities that are not allowed here");
		return err_hint(e, "allowed are: %.150s", c->supported_driver_capabilities);
	}
	*ret = asked & supported;
	return 0;
}

/* Hooks that do several things in several processes become one. */
static int join_hooks(const char *program, struct arena *a, struct cdi_edits *x, struct err *e)
{
	CLEANUP(strs_fini) struct strs unknown = {0};
	struct tree_edits t = {0};
	struct cdi_hook *h;

	if (x->hooks_n < 2)
		return 0;
	if (tree_from_hooks(x->hooks, x->hooks_n, a, &t, &unknown, e) < 0)
		return -(int)e->code;
	/* None but ours are made here; should there be others, all stay. */
	if (unknown.n || tree_is_empty(&t))
		return 0;
	h = &x->hooks[0];
	h->path = arena_str(a, program);
	h->args = (struct cdi_texts){0};
	cdi_add_text(a, &h->args, "nvidia-cdi-hook");
	tree_to_args(&t, a, &h->args);
	x->hooks_n = 1;
	return 0;
}

int describe(const struct describe *d, struct arena *a, struct cdi_edits *ret, struct err *e)
{
	const struct gpu_request *q = &d->w->q;
	struct choice choice = {.m = d->m, .q = q};
	struct cdi_generate g = {
		.driver = &d->m->driver,
		.dev = machine_dev(d->m),
		.host = &d->m->host,
		.mode = d->mode,
		.naming = NAME_INDEX,
		.flags = generate_flags(d->c),
		.hook_path = d->hook,
		.disabled_hooks = (const char *const *)d->c->runtime.jit_disable_hooks,
	};
	int code = allowed_caps(d->c, q->caps, &g.caps, e);

	if (code == 0)
		code = wish_chosen(&choice, d->c, a, &g.ids, e);
	if (code == 0)
		code = add_mode(&g, a, ret, d->notes, e);
	if (code == 0 && d->w->none)
		edits_drop_nodes(ret);
	if (code == 0)
		code = add_gated(&g, q, a, ret, d->notes, e);
	if (code == 0 && q->mig_config)
		code = add_capability(d->m, "config", a, ret, e);
	if (code == 0 && q->mig_monitor)
		code = add_capability(d->m, "monitor", a, ret, e);
	if (code == 0 && d->hook)
		code = join_hooks(d->hook, a, ret, e);
	nvml_fini(&choice.nvml);
	return code;
}
