/* SPDX-License-Identifier: Apache-2.0 */
/* nvidia-ctk cdi generate, list, transform root. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "cdi/fresh.h"
#include "cdi/generate.h"
#include "cdi/readers.h"
#include "cdi/registry.h"
#include "cdi/toolkit_config.h"
#include "cdi/transform.h"
#include "hook/ctk.h"
#include "hook/describe.h"
#include "hook/engines.h"
#include "hook/hook.h"
#include "hook/shim.h"

#define SYSTEM_CACHE "/var/cache/dlenv"
#define VAR(name) "NVIDIA_CTK_CDI_GENERATE_" name

struct generate {
	const char *output;
	const char *format;
	const char *mode;
	const char *driver_root;
	const char *dev_root;
	const char *const *naming;
	const char *hook_path;
	const char *ldconfig_path;
	const char *const *config_search_paths;
	const char *const *library_search_paths;
	const char *vendor;
	const char *class_;
	const char *const *csv_files;
	const char *const *csv_ignore;
	const char *csv_compat_root;
	const char *const *disabled_hooks;
	const char *const *enabled_hooks;
	const char *const *features;
	bool no_all;
	const char *const *ids;
};

#define ROW(names, type, member, ...)                                                              \
	{                                                                                          \
		names, type, offsetof(struct generate, member), __VA_ARGS__                        \
	}

static const struct ctk_option generate_options[] = {
	ROW("output", CTK_STR, output, "NVIDIA_CTK_CDI_OUTPUT_FILE_PATH " VAR("OUTPUT_FILE_PATH"),
	    "FILE", "where the specification goes; without it, to stdout"),
	ROW("format", CTK_STR, format, VAR("OUTPUT_FORMAT"), "yaml|json",
	    "its format; without it, what the file's name says"),
	ROW("mode discovery-mode", CTK_STR, mode, VAR("MODE"), "MODE", "what to describe"),
	ROW("driver-root", CTK_STR, driver_root, "NVIDIA_CTK_DRIVER_ROOT " VAR("DRIVER_ROOT"),
	    "FOLDER", "where the driver's files are"),
	ROW("dev-root", CTK_STR, dev_root, "NVIDIA_CTK_DEV_ROOT " VAR("DEV_ROOT"), "FOLDER",
	    "where /dev is; without it, the driver's root"),
	ROW("device-name-strategy", CTK_LIST, naming,
	    VAR("DEVICE_NAME_STRATEGIES") " " VAR("DEVICE_NAME_STRATEGY"), "index|uuid|type-index",
	    "how devices are named"),
	ROW("nvidia-cdi-hook-path nvidia-ctk-path", CTK_STR, hook_path,
	    "NVIDIA_CTK_CDI_HOOK_PATH " VAR("HOOK_PATH"), "FILE", "the hook's program"),
	ROW("ldconfig-path", CTK_STR, ldconfig_path, VAR("LDCONFIG_PATH"), "FILE",
	    "passed on to the hook, which needs none"),
	ROW("config-search-path", CTK_LIST, config_search_paths, VAR("CONFIG_SEARCH_PATHS"),
	    "FOLDER", "where configuration is looked for"),
	ROW("library-search-path", CTK_LIST, library_search_paths, VAR("LIBRARY_SEARCH_PATHS"),
	    "FOLDER", "where libraries are looked for (csv)"),
	ROW("vendor", CTK_STR, vendor, VAR("VENDOR"), "NAME", "the vendor: nvidia.com"),
	ROW("class", CTK_STR, class_, VAR("CLASS"), "NAME", "the class: gpu"),
	ROW("csv.file", CTK_LIST, csv_files, VAR("CSV_FILES"), "FILE", "the files of mode csv"),
	ROW("csv.ignore-pattern", CTK_LIST, csv_ignore, VAR("CSV_IGNORE_PATTERNS"), "PATTERN",
	    "links that mode csv leaves out"),
	ROW("csv.compat-container-root", CTK_STR, csv_compat_root, VAR("CSV_COMPAT_CONTAINER_ROOT"),
	    "FOLDER", "where a container has CUDA's compatibility libraries"),
	ROW("disable-hook disable-hooks", CTK_LIST, disabled_hooks, VAR("DISABLED_HOOKS"), "NAME",
	    "leave a hook out; all leaves out every one"),
	ROW("enable-hook enable-hooks", CTK_LIST, enabled_hooks, VAR("ENABLED_HOOKS"), "NAME",
	    "put a hook in"),
	ROW("feature-flag feature-flags", CTK_LIST, features, VAR("FEATURE_FLAGS"), "NAME",
	    "switch a feature on"),
	ROW("no-all-device", CTK_BOOL, no_all, VAR("NO_ALL_DEVICE"), NULL, "no device `all`"),
	ROW("device-id device-ids device devices", CTK_LIST, ids, VAR("DEVICE_IDS"), "ID",
	    "the GPUs: index, GPU:MIG, UUID, all, none"),
	{0},
};

/* The position of a text in a NULL-terminated list; its length when it is not there. */
static size_t word_index(const char *const *words, const char *text)
{
	size_t i = 0;

	while (words[i] && !str_eq(words[i], text))
		i++;
	return i;
}

static int no_such(const char *what, const char *text, const char *const *words, struct err *e)
{
	CLEANUP(buf_fini) struct buf list = {0};

	for (; *words; words++)
		buf_fmt(&list, "%s%s", list.len ? ", " : "", *words);
	(void)err_set(e, ERR_USAGE, "there is no %s '%.64s'", what, text);
	return err_hint(e, "known: %.200s", list.data);
}

static int take_mode(const struct generate *o, struct cdi_generate *g, struct err *e)
{
	const char *mode = o->mode ? o->mode : "auto";
	size_t i = word_index(cdi_mode_names, mode);

	if (!cdi_mode_names[i])
		return no_such("mode", mode, cdi_mode_names, e);
	g->mode = (enum cdi_mode)i;
	return 0;
}

static int take_naming(const struct generate *o, struct cdi_generate *g, struct err *e)
{
	static const char *const names[] = {"index", "uuid", "type-index", NULL};

	for (const char *const *s = o->naming; s && *s; s++) {
		size_t i = word_index(names, *s);

		if (!names[i])
			return no_such("way to name devices", *s, names, e);
		g->naming |= 1U << i;
	}
	return 0;
}

/* Names that are not known change nothing here: they switch what this program does not do. */
static void take_features(const struct generate *o, struct cdi_generate *g)
{
	for (const char *const *f = o->features; f && *f; f++) {
		unsigned int flag = 0;

		(void)cdi_feature(*f, &flag);
		g->flags |= flag;
	}
	if (o->no_all)
		g->flags |= GEN_NO_ALL;
}

static int take_format(const struct generate *o, enum cdi_format *ret, struct err *e)
{
	static const char *const names[] = {"yaml", "json", NULL};
	const char *format = o->format && *o->format			 ? o->format
			     : o->output && str_ends(o->output, ".json") ? "json"
									 : "yaml";
	size_t i = word_index(names, format);

	if (!names[i])
		return no_such("format", format, names, e);
	*ret = i ? CDI_JSON : CDI_YAML;
	return 0;
}

static int write_spec(const struct generate *o, const struct machine *m, enum cdi_format format,
		      const struct cdi_spec *s, struct err *e)
{
	CLEANUP(freep) char *text = NULL;

	if (o->output && *o->output && !str_eq(o->output, "-"))
		return cdi_fresh_write(&m->root, o->output, format, s, e);
	text = cdi_spec_text(s, format, NULL);
	return ctk_output(NULL, text, strlen(text), e);
}

static int generate_with(const struct ctk_call *c, const struct generate *o,
			 const struct machine *m, const struct root *dev, struct err *e)
{
	CLEANUP(cdi_spec_fini) struct cdi_spec s = {0};
	CLEANUP(strs_fini) struct strs notes = {0};
	CLEANUP(freep) char *hook = shim_beside("nvidia-cdi-hook");
	enum cdi_format format = CDI_YAML;
	struct cdi_generate g = {
		.driver = &m->driver,
		.dev = dev,
		.host = &m->host,
		.vendor = o->vendor,
		.class_ = o->class_,
		.ids = o->ids,
		.hook_path = o->hook_path ? o->hook_path : hook,
		.ldconfig_path = o->ldconfig_path,
		.config_search_paths = o->config_search_paths,
		.library_search_paths = o->library_search_paths,
		.csv_files = o->csv_files,
		.csv_ignore = o->csv_ignore,
		.disabled_hooks = o->disabled_hooks,
		.enabled_hooks = o->enabled_hooks,
	};

	/* A machine elsewhere has its readers elsewhere too. */
	if (!machine_path())
		g.max_version = cdi_readers_version(geteuid() == 0 ? SYSTEM_CACHE : NULL);
	take_features(o, &g);
	if (take_mode(o, &g, e) < 0 || take_naming(o, &g, e) < 0 ||
	    take_format(o, &format, e) < 0 || cdi_generate(&g, &s, &notes, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < notes.n && !c->quiet; i++)
		hook_say("%s", notes.v[i]);
	return write_spec(o, m, format, &s, e);
}

static int run_generate(struct ctk_call *c, struct err *e)
{
	const struct generate *o = c->options;
	CLEANUP(toolkit_config_fini) struct toolkit_config conf = {0};
	CLEANUP(machine_close) struct machine m = {.root.fd = -1, .driver.fd = -1};
	CLEANUP(root_close) struct root dev = {.fd = -1};

	if (engines_config(c->config, &conf, e) < 0 ||
	    machine_open(machine_path(), o->driver_root ? o->driver_root : conf.cli.root, &m, e) <
		    0)
		return -(int)e->code;
	if (o->dev_root && root_open(&dev, o->dev_root, e) < 0)
		return -(int)e->code;
	return generate_with(c, o, &m, o->dev_root ? &dev : machine_dev(&m), e);
}

struct list {
	const char *const *dirs;
};

static const struct ctk_option list_options[] = {
	{"spec-dir", CTK_LIST, offsetof(struct list, dirs), "NVIDIA_CTK_CDI_SPEC_DIRS", "FOLDER",
	 "where specifications are: /etc/cdi, /var/run/cdi"},
	{0},
};

static int run_list(struct ctk_call *c, struct err *e)
{
	const struct list *o = c->options;
	CLEANUP(cdi_registry_fini) struct cdi_registry g = {0};
	CLEANUP(root_close) struct root r = {.fd = -1};
	CLEANUP(strs_fini) struct strs names = {0};
	CLEANUP(strs_fini) struct strs conflicts = {0};
	CLEANUP(buf_fini) struct buf text = {0};

	if (root_open(&r, machine_path() ? machine_path() : "/", e) < 0 ||
	    cdi_registry_read(&r, o->dirs ? o->dirs : cdi_default_dirs, &g, e) < 0)
		return -(int)e->code;
	cdi_registry_names(&g, &names, &conflicts);
	for (size_t i = 0; i < g.files_n; i++)
		if (g.files[i].err.code)
			hook_say("%s", g.files[i].err.msg);
	for (size_t i = 0; i < conflicts.n; i++)
		hook_say("'%s' is in two files of the same folder: neither counts", conflicts.v[i]);
	if (!c->quiet)
		hook_say("Found %zu CDI devices", names.n);
	for (size_t i = 0; i < names.n; i++)
		buf_fmt(&text, "%s\n", names.v[i]);
	return ctk_output(NULL, text.data ? text.data : "", text.len, e);
}

struct transform {
	const char *from;
	const char *to;
	const char *relative_to;
	const char *input;
	const char *output;
};

static const struct ctk_option transform_options[] = {
	{"from", CTK_STR, offsetof(struct transform, from), NULL, "FOLDER",
	 "the root that is there"},
	{"to", CTK_STR, offsetof(struct transform, to), NULL, "FOLDER", "the root that it becomes"},
	{"relative-to", CTK_STR, offsetof(struct transform, relative_to), NULL, "host|container",
	 "which paths"},
	{"input", CTK_STR, offsetof(struct transform, input), NULL, "FILE",
	 "the specification; -, as without it, is stdin"},
	{"output", CTK_STR, offsetof(struct transform, output), NULL, "FILE",
	 "where it goes; without it, to stdout"},
	{0},
};

static int read_input(const char *path, struct buf *ret, struct err *e)
{
	CLEANUP(fd_closep) int fd = -1;

	ret->max = 4 << 20;
	if (path && *path && !str_eq(path, "-")) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return err_sys(e, "cannot open '%s'", path);
	}
	if (read_all(fd < 0 ? STDIN_FILENO : fd, ret) < 0)
		return err_sys(e, "cannot read the specification");
	if (ret->full)
		return err_set(e, ERR_PARSE, "the specification is larger than 4 MiB");
	return 0;
}

static int run_transform(struct ctk_call *c, struct err *e)
{
	const struct transform *o = c->options;
	CLEANUP(cdi_spec_fini) struct cdi_spec s = {0};
	CLEANUP(buf_fini) struct buf in = {0};
	CLEANUP(freep) char *text = NULL;
	bool container = str_eq(o->relative_to, "container");
	enum cdi_format format;

	if (!o->from || !o->to)
		return err_set(e, ERR_USAGE, "--from and --to name the two roots");
	if (o->relative_to && !container && !str_eq(o->relative_to, "host"))
		return err_set(e, ERR_USAGE, "--relative-to is host or container");
	if (read_input(o->input, &in, e) < 0 ||
	    cdi_spec_parse(in.data ? in.data : "", in.len, o->input ? o->input : "stdin", &s, e) <
		    0)
		return -(int)e->code;
	format =
		(o->output && str_ends(o->output, ".json")) ||
				(!o->output && in.len && in.data[strspn(in.data, " \t\r\n")] == '{')
			? CDI_JSON
			: CDI_YAML;
	cdi_transform_root(&s, o->from, o->to, container ? CDI_CONTAINER : CDI_HOST);
	text = cdi_spec_text(&s, format, NULL);
	return ctk_output(o->output, text, strlen(text), e);
}

static const struct ctk_command transform_commands[] = {
	{.name = "root",
	 .summary = "put a specification's paths below another root",
	 .options = transform_options,
	 .options_size = sizeof(struct transform),
	 .run = run_transform},
	{0},
};

const struct ctk_command ctk_cdi[] = {
	{.name = "generate",
	 .summary = "describe the machine's GPUs",
	 .options = generate_options,
	 .options_size = sizeof(struct generate),
	 .run = run_generate},
	{.name = "list",
	 .summary = "print the devices of the machine's specifications",
	 .options = list_options,
	 .options_size = sizeof(struct list),
	 .run = run_list},
	{.name = "transform", .summary = "change a specification", .sub = transform_commands},
	{0},
};
