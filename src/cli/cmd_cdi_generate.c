/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/env.h"
#include "cdi/fresh.h"
#include "cdi/generate.h"
#include "cdi/readers.h"
#include "cli/cmds.h"
#include "cli/output.h"
#include "cli/site.h"
#include "host/nvml.h"

/* The names are those of `nvidia-ctk cdi generate`. */
struct generate_options {
	const char *output;
	int format;
	int mode;
	const char *driver_root;
	const char *dev_root;
	const char **naming;
	const char **ids;
	const char *vendor;
	const char *class_;
	bool no_all;
	const char **disable_hook;
	const char **enable_hook;
	const char *hook_path;
	const char *ldconfig_path;
	const char **config_paths;
	const char **library_paths;
	const char **csv_files;
	const char **csv_ignore;
	const char **features;
	bool peer_hooks;
	const char *capabilities;
	const char *max_version;
	bool force; /* refresh only */
};

enum { FORMAT_BY_NAME, FORMAT_YAML, FORMAT_JSON };
static const char *const formats[] = {"auto", "yaml", "json", NULL};

static const char default_output[] = "/var/run/cdi/nvidia.yaml";

#define OF(member, name, letter, kind) OPTION(struct generate_options, member, name, letter, kind)
#define SHARED_OPTIONS                                                                             \
	{OF(output, "output", 'o', OPT_STR), .arg = "FILE",                                        \
	 .help = N_("write to this file, whole or not at all")},                                   \
		{OF(format, "format", 0, OPT_ENUM), .arg = "FORMAT", .names = formats,             \
		 .help = N_("yaml or json; else by the file's name")},                             \
		{OF(mode, "mode", 0, OPT_ENUM), .arg = "MODE", .names = cdi_mode_names,            \
		 .help = N_(                                                                       \
			 "what to describe: auto, nvml (the ordinary driver), gds and others")},   \
		{OF(driver_root, "driver-root", 0, OPT_STR), .arg = "DIR",                         \
		 .help = N_("where the driver's files are")},                                      \
		{OF(dev_root, "dev-root", 0, OPT_STR), .arg = "DIR",                               \
		 .help = N_("where /dev is; else below the driver's root")},                       \
		{OF(naming, "device-name-strategy", 0, OPT_STRS), .arg = "HOW",                    \
		 .help = N_("name devices by index, uuid or type-index; several are allowed")},    \
		{OF(ids, "device-id", 0, OPT_STRS), .arg = "ID",                                   \
		 .help = N_("describe only this GPU: an index, GPU:MIG, UUID, all or none")},      \
		{OF(vendor, "vendor", 0, OPT_STR), .arg = "NAME",                                  \
		 .help = N_("vendor in the devices' names")},                                      \
		{OF(class_, "class", 0, OPT_STR), .arg = "NAME",                                   \
		 .help = N_("class in the devices' names")},                                       \
		{OF(no_all, "no-all-device", 0, OPT_FLAG),                                         \
		 .help = N_("no device that is all others together")},                             \
		{OF(disable_hook, "disable-hook", 0, OPT_STRS), .arg = "HOOK",                     \
		 .help = N_("leave out what this hook does, or all of them")},                     \
		{OF(enable_hook, "enable-hook", 0, OPT_STRS), .arg = "HOOK",                       \
		 .help = N_("have what this hook does, whatever --disable-hook says")},            \
		{OF(hook_path, "nvidia-cdi-hook-path", 0, OPT_STR), .arg = "FILE",                 \
		 .help = N_("the program that hooks run")},                                        \
		{OF(ldconfig_path, "ldconfig-path", 0, OPT_STR), .arg = "FILE",                    \
		 .help = N_("with --peer-hooks: the ldconfig that the hook is told of")},          \
		{OF(config_paths, "config-search-path", 0, OPT_STRS), .arg = "DIR",                \
		 .help = N_("look for configuration here instead of the usual folders")},          \
		{OF(library_paths, "library-search-path", 0, OPT_STRS), .arg = "DIR",              \
		 .help = N_("look for libraries here first")},                                     \
		{OF(csv_files, "csv.file", 0, OPT_STRS), .arg = "FILE",                            \
		 .help = N_("Tegra: take this list instead of the installed ones")},               \
		{OF(csv_ignore, "csv.ignore-pattern", 0, OPT_STRS), .arg = "PATTERN",              \
		 .help = N_("Tegra: links not to copy")},                                          \
		{OF(features, "feature-flag", 0, OPT_STRS), .arg = "NAME",                         \
		 .help = N_("switch a feature of NVIDIA's generator on by its name")},             \
		{OF(peer_hooks, "peer-hooks", 0, OPT_FLAG),                                        \
		 .help = N_("write the hooks that NVIDIA's programs understand")},                 \
		{OF(capabilities, "capabilities", 0, OPT_STR), .arg = "LIST",                      \
		 .help = N_("only what these need: compute, utility, video, graphics ...")},       \
	{                                                                                          \
		OF(max_version, "max-version", 0, OPT_STR),                                        \
			.arg = "VERSION",                                                          \
			.help = N_(                                                                \
				"what the readers understand; else what the installed engines do") \
	}

const struct option_row cdi_generate_options[] = {SHARED_OPTIONS, {0}};
const struct option_row cdi_refresh_options[] = {
	SHARED_OPTIONS,
	{OF(force, "force", 'f', OPT_FLAG), .help = N_("write it even if it still holds")},
	{0},
};

/* What is read, open as long as the command runs. */
struct machine {
	const struct root *host;
	struct root driver;
	struct root dev;
	struct nvidia nvidia;
};

static void machine_fini(struct machine *m)
{
	nvidia_fini(&m->nvidia);
	root_close(&m->dev);
	root_close(&m->driver);
}

/* A root by the user's path: absolute and without links, because it becomes part of what is
 * written. */
static int open_root(const char *path, struct root *ret, struct err *e)
{
	char real[PATH_MAX];

	if (!realpath(path, real))
		return err_sys(e, "cannot open '%s'", path);
	return root_open(ret, real, e);
}

/* Only NVML knows the names of MIG devices, and UUIDs that the module has not read yet. */
static void complete(struct cli *c, struct machine *m, const char *driver_root)
{
	CLEANUP(nvml_fini) struct nvml nvml = {0};
	struct err why = {0};
	bool wanted = m->nvidia.migs_n > 0;

	for (size_t i = 0; i < m->nvidia.gpus_n; i++)
		wanted |= m->nvidia.gpus[i].index >= 0 && !m->nvidia.gpus[i].uuid;
	if (!wanted)
		return;
	if (nvml_ask(driver_root, NVML_NAMES, 0, &nvml, &why) < 0) {
		cli_warn(c, _("NVML does not name the MIG devices: %s"), why.msg);
		return;
	}
	nvidia_complete(&m->nvidia, &nvml);
}

static int machine_open(struct cli *c, const struct generate_options *o, struct machine *m,
			struct err *e)
{
	const char *driver_root;

	if (cli_machine(c, &m->host, e) < 0)
		return -(int)e->code;
	driver_root = o->driver_root ? o->driver_root : m->host->path;
	if (open_root(driver_root, &m->driver, e) < 0 ||
	    open_root(o->dev_root ? o->dev_root : driver_root, &m->dev, e) < 0 ||
	    nvidia_read(m->host, &m->nvidia, e) < 0)
		return -(int)e->code;
	if (o->mode == CDI_MODE_AUTO || o->mode == CDI_MODE_NVML)
		complete(c, m, m->driver.path);
	return 0;
}

static const struct {
	const char *name;
	unsigned int naming;
} strategies[] = {{"index", NAME_INDEX}, {"uuid", NAME_UUID}, {"type-index", NAME_TYPE_INDEX}};

/* Those without a flag are about how NVIDIA's generator finds things: here they change nothing. */
static int take_names(const struct generate_options *o, struct cdi_generate *g, struct err *e)
{
	for (const char **name = o->naming; name && *name; name++) {
		size_t i = 0;

		while (i < COUNT(strategies) && !str_eq(strategies[i].name, *name))
			i++;
		if (i == COUNT(strategies)) {
			(void)err_set(e, ERR_USAGE, "no way to name devices is called '%s'", *name);
			return err_hint(e, "there are index, uuid and type-index");
		}
		g->naming |= strategies[i].naming;
	}
	for (const char **name = o->features; name && *name; name++) {
		unsigned int flag = 0;

		if (!cdi_feature(*name, &flag)) {
			(void)err_set(e, ERR_USAGE, "no feature is called '%s'", *name);
			return err_hint(e, "dlenv-cdi(1) lists them");
		}
		g->flags |= flag;
	}
	return 0;
}

static int generate(struct cli *c, const struct generate_options *o, const struct machine *m,
		    struct cdi_spec *ret, struct err *e)
{
	CLEANUP(strs_fini) struct strs notes = {0};
	bool is_this = str_eq(m->host->path, "/");
	/* NVIDIA's program does not know the hook that does everything at once. */
	CLEANUP(freep)
	char *hook = is_this && !o->peer_hooks ? env_libexec("dlenv-toolkit", "hook") : NULL;
	struct cdi_generate g = {
		.driver = &m->driver,
		.dev = &m->dev,
		.host = &m->nvidia,
		.mode = (enum cdi_mode)o->mode,
		.flags = (o->no_all ? GEN_NO_ALL : 0) | (o->peer_hooks ? GEN_PEER_HOOKS : 0),
		.vendor = o->vendor,
		.class_ = o->class_,
		.ids = o->ids,
		.hook_path = o->hook_path ? o->hook_path : hook,
		.ldconfig_path = o->ldconfig_path,
		.config_search_paths = o->config_paths,
		.library_search_paths = o->library_paths,
		.csv_files = o->csv_files,
		.csv_ignore = o->csv_ignore,
		.disabled_hooks = o->disable_hook,
		.enabled_hooks = o->enable_hook,
		.max_version = o->max_version,
	};

	if (take_names(o, &g, e) < 0 ||
	    (o->capabilities && cdi_caps_parse(o->capabilities, &g.caps, e) < 0))
		return -(int)e->code;
	if (o->max_version && !cdi_version_known(o->max_version))
		return err_set(e, ERR_USAGE, "there is no CDI version '%s'", o->max_version);
	/* Another machine's engines cannot be asked. */
	if (!o->max_version && is_this)
		g.max_version = cdi_readers_version(c->paths.cache);
	if (cdi_generate(&g, ret, &notes, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < notes.n; i++)
		cli_warn(c, "%s", notes.v[i]);
	return 0;
}

static enum cdi_format format_of(const struct generate_options *o, const char *path)
{
	if (o->format != FORMAT_BY_NAME)
		return o->format == FORMAT_JSON ? CDI_JSON : CDI_YAML;
	return path && str_ends(path, ".json") ? CDI_JSON : CDI_YAML;
}

static int write_file(struct cli *c, const struct generate_options *o, const char *path,
		      const struct machine *m, const struct cdi_spec *s, struct err *e)
{
	if (cdi_fresh_write(m->host, path, format_of(o, path), s, e) < 0)
		return -(int)e->code;
	cli_note(c, _("'%s' describes %zu devices of %s, CDI %s"), path, s->devices_n, s->kind,
		 s->version);
	cli_answer(c, json_pack("{s:s, s:s, s:s, s:I, s:b}", "path", path, "kind", s->kind,
				"cdiVersion", s->version, "devices", (json_int_t)s->devices_n,
				"written", 1));
	return 0;
}

int cmd_cdi_generate(struct cli *c, struct err *e)
{
	const struct generate_options *o = c->opt;
	CLEANUP(machine_fini) struct machine m = {.driver = {.fd = -1}, .dev = {.fd = -1}};
	CLEANUP(cdi_spec_fini) struct cdi_spec s = {0};
	CLEANUP(freep) char *text = NULL;

	if (machine_open(c, o, &m, e) < 0 || generate(c, o, &m, &s, e) < 0)
		return -(int)e->code;
	if (o->output && *o->output)
		return write_file(c, o, o->output, &m, &s, e);
	text = cdi_spec_text(&s, c->g.json ? CDI_JSON : format_of(o, NULL), NULL);
	if (c->g.json) {
		cli_answer(c, json_loads(text, 0, NULL));
		return 0;
	}
	/* Not a line for people: as it is. */
	if (write_all(STDOUT_FILENO, text, strlen(text)) < 0)
		return err_sys(e, "cannot write to the standard output");
	return 0;
}

static bool has_gpu(const struct nvidia *n)
{
	for (size_t i = 0; i < n->gpus_n; i++)
		if (n->gpus[i].index >= 0)
			return true;
	return n->wsl || n->tegra;
}

/* No GPU is no failure of a unit that runs at boot; what we once wrote of one is a lie by now. */
static int nothing_to_describe(struct cli *c, const char *path, enum fresh fresh, struct err *e)
{
	if ((fresh == FRESH || fresh == STALE) && unlink(path) < 0)
		return err_sys(e, "cannot remove '%s'", path);
	if (fresh == FRESH || fresh == STALE)
		cli_note(c, _("this machine has no GPU any more: '%s' is removed"), path);
	else
		cli_note(c, _("this machine has no GPU to describe"));
	cli_answer(c, json_pack("{s:s, s:b}", "path", path, "written", 0));
	return 0;
}

int cmd_cdi_refresh(struct cli *c, struct err *e)
{
	const struct generate_options *o = c->opt;
	const char *path = o->output ? o->output : default_output;
	CLEANUP(machine_fini) struct machine m = {.driver = {.fd = -1}, .dev = {.fd = -1}};
	CLEANUP(cdi_spec_fini) struct cdi_spec s = {0};
	enum fresh fresh;

	if (cli_machine(c, &m.host, e) < 0)
		return -(int)e->code;
	fresh = cdi_fresh(m.host, path);
	if (!o->force && fresh == FRESH) {
		cli_answer(c, json_pack("{s:s, s:b}", "path", path, "written", 0));
		return 0;
	}
	if (machine_open(c, o, &m, e) < 0)
		return -(int)e->code;
	if (o->mode == CDI_MODE_AUTO && !o->ids && !has_gpu(&m.nvidia))
		return nothing_to_describe(c, path, fresh, e);
	if (generate(c, o, &m, &s, e) < 0)
		return -(int)e->code;
	return write_file(c, o, path, &m, &s, e);
}
