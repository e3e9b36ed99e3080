/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/toolkit_config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/doc.h"
#include "base/i18n.h"
#include "base/json_edit.h"
#include "base/toml.h"

enum { CONFIG_MAX = 1 << 20, KEYS_DEEP = 4, KEYS_MAX = 48 };

const char *const toolkit_mode_names[] = {"auto", "cdi", "jit-cdi", "csv", "legacy", NULL};
static const char *const compat_names[] = {"ldconfig", "mount", "hook", "disabled", NULL};

/* What a key is on this machine, as TOML; NULL: what its row says. */
typedef const char *machine_fn(const struct root *r);

/* Ubuntu's /sbin/ldconfig is a shell script. */
static const char *ldconfig_here(const struct root *r)
{
	return root_has(r, "/sbin/ldconfig.real") ? "\"@/sbin/ldconfig.real\"" : NULL;
}

/* SUSE gives the GPU's nodes to the group video. */
static const char *user_here(const struct root *r)
{
	CLEANUP(freep) char *release = NULL;
	struct err ignored;

	if (root_read(r, "/etc/os-release", CONFIG_MAX, &release, &ignored) < 0)
		return NULL;
	return strstr(release, "suse") ? "\"root:video\"" : NULL;
}

struct row {
	const char *key;
	enum doc_type type;
	size_t offset;
	const char *value; /* the default as TOML; NULL: there is none */
	bool quiet;	   /* the default's file has it as a comment only */
	const char *example;
	const char *const *names;
	machine_fn *here;
};

#define FIELD(member) offsetof(struct toolkit_config, member)
#define CLI "nvidia-container-cli."
#define RUNTIME "nvidia-container-runtime."
#define FEATURE(text, member)                                                                      \
	{                                                                                          \
		"features." text, DOC_AS_BOOL, FIELD(features.member), "false", true               \
	}

/* Sorted by table, as the file is written. */
static const struct row rows[] = {
	{"accept-nvidia-visible-devices-as-volume-mounts", DOC_AS_BOOL,
	 FIELD(accept_devices_as_volume_mounts), "false", true},
	{"accept-nvidia-visible-devices-envvar-when-unprivileged", DOC_AS_BOOL,
	 FIELD(accept_devices_envvar_when_unprivileged), "true", true},
	{"disable-require", DOC_AS_BOOL, FIELD(disable_require), "false"},
	{"supported-driver-capabilities", DOC_AS_STR, FIELD(supported_driver_capabilities),
	 "\"compat32,compute,display,graphics,ngx,utility,video\""},
	{"swarm-resource", DOC_AS_STR, FIELD(swarm_resource), .example = "\"DOCKER_RESOURCE_GPU\""},

	FEATURE("allow-cuda-compat-libs-from-container", allow_cuda_compat_libs_from_container),
	FEATURE("allow-ldconfig-from-container", allow_ldconfig_from_container),
	FEATURE("allow-unknown-oci-spec-fields", allow_unknown_oci_spec_fields),
	FEATURE("disable-cuda-compat-lib-hook", disable_cuda_compat_lib_hook),
	FEATURE("disable-imex-channel-creation", disable_imex_channel_creation),
	FEATURE("ignore-imex-channel-requests", ignore_imex_channel_requests),
	FEATURE("no-additional-gids-for-device-nodes", no_additional_gids_for_device_nodes),

	{CLI "debug", DOC_AS_STR, FIELD(cli.debug),
	 .example = "\"/var/log/nvidia-container-toolkit.log\""},
	{CLI "environment", DOC_AS_STRS, FIELD(cli.environment), "[]"},
	{CLI "ldcache", DOC_AS_STR, FIELD(cli.ldcache), .example = "\"/etc/ld.so.cache\""},
	{CLI "ldconfig", DOC_AS_STR, FIELD(cli.ldconfig), "\"@/sbin/ldconfig\"",
	 .here = ldconfig_here},
	{CLI "load-kmods", DOC_AS_BOOL, FIELD(cli.load_kmods), "true"},
	{CLI "no-cgroups", DOC_AS_BOOL, FIELD(cli.no_cgroups), "false", true},
	{CLI "no-pivot", DOC_AS_BOOL, FIELD(cli.no_pivot), "false", true},
	{CLI "path", DOC_AS_STR, FIELD(cli.path), .example = "\"/usr/bin/nvidia-container-cli\""},
	{CLI "root", DOC_AS_STR, FIELD(cli.root), .example = "\"/run/nvidia/driver\""},
	{CLI "user", DOC_AS_STR, FIELD(cli.user), .example = "\"root:video\"", .here = user_here},

	{RUNTIME "debug", DOC_AS_STR, FIELD(runtime.debug),
	 .example = "\"/var/log/nvidia-container-runtime.log\""},
	{RUNTIME "log-level", DOC_AS_STR, FIELD(runtime.log_level), "\"info\""},
	{RUNTIME "mode", DOC_AS_ENUM, FIELD(runtime.mode), "\"auto\"", .names = toolkit_mode_names},
	{RUNTIME "runtimes", DOC_AS_STRS, FIELD(runtime.runtimes), "[\"runc\", \"crun\"]"},
	{RUNTIME "modes.cdi.annotation-prefixes", DOC_AS_STRS,
	 FIELD(runtime.cdi_annotation_prefixes), "[\"cdi.k8s.io/\"]"},
	{RUNTIME "modes.cdi.default-kind", DOC_AS_STR, FIELD(runtime.cdi_default_kind),
	 "\"nvidia.com/gpu\""},
	{RUNTIME "modes.cdi.spec-dirs", DOC_AS_STRS, FIELD(runtime.cdi_spec_dirs),
	 "[\"/etc/cdi\", \"/var/run/cdi\"]"},
	{RUNTIME "modes.csv.compat-container-root", DOC_AS_STR,
	 FIELD(runtime.csv_compat_container_root), "\"/usr/local/cuda/compat_orin\"", true},
	{RUNTIME "modes.csv.mount-spec-path", DOC_AS_STR, FIELD(runtime.csv_mount_spec_path),
	 "\"/etc/nvidia-container-runtime/host-files-for-container.d\""},
	{RUNTIME "modes.jit-cdi.nvcdi-disable-hooks", DOC_AS_STRS, FIELD(runtime.jit_disable_hooks),
	 "[]", true},
	{RUNTIME "modes.jit-cdi.nvcdi-feature-flags", DOC_AS_STRS, FIELD(runtime.jit_feature_flags),
	 "[]", true},
	{RUNTIME "modes.legacy.cuda-compat-mode", DOC_AS_ENUM, FIELD(runtime.cuda_compat_mode),
	 "\"ldconfig\"", .names = compat_names},

	{"nvidia-container-runtime-hook.path", DOC_AS_STR, FIELD(hook_path),
	 "\"nvidia-container-runtime-hook\""},
	{"nvidia-container-runtime-hook.skip-mode-detection", DOC_AS_BOOL,
	 FIELD(hook_skip_mode_detection), "false"},
	{"nvidia-ctk.path", DOC_AS_STR, FIELD(ctk_path), "\"nvidia-ctk\""},
};

char *toolkit_config_path(void)
{
	static const char below_config[] = "nvidia-container-runtime/config.toml";
	const char *path = getenv("NVIDIA_CTK_CONFIG_FILE_PATH");
	const char *config = getenv("XDG_CONFIG_HOME");

	if (path && *path)
		return str_dup(path);
	return str_fmt("%s/%s", config && *config ? config : "/etc", below_config);
}

/* A row's key in parts, NULL-terminated; they belong to the arena. */
static const char **split(struct arena *a, const char *key)
{
	const char **v = arena_alloc(a, (KEYS_DEEP + 1) * sizeof(*v));
	size_t n = 0;

	while (n < KEYS_DEEP) {
		size_t len = strcspn(key, ".");

		v[n++] = arena_strn(a, key, len);
		if (!key[len])
			break;
		key += len + 1;
	}
	return v;
}

/* The table that a key is in, and the key's last part. A table that is no table is an error. */
static int find_table(const struct doc *d, const char **parts, const struct doc_node **ret,
		      struct err *e)
{
	const struct doc_node *t = d->top;

	for (; parts[1] && t; parts++) {
		t = doc_get(t, *parts);
		if (t && t->kind != DOC_MAP)
			return doc_err(d, t, e, "'%s' must be a table", *parts);
	}
	*ret = t;
	return 0;
}

static int decode_row(const struct doc *d, const struct row *row, struct toolkit_config *ret,
		      struct err *e)
{
	const char **parts = split(&ret->arena, row->key);
	const char *last = strrchr(row->key, '.');
	const struct doc_row one[] = {{.key = last ? last + 1 : row->key,
				       .type = row->type,
				       .offset = row->offset,
				       .names = row->names},
				      {0}};
	const struct doc_node *table = NULL;

	if (find_table(d, parts, &table, e) < 0)
		return -(int)e->code;
	return table ? doc_decode(d, table, one, DOC_OPEN, ret, &ret->arena, e) : 0;
}

static int decode_text(const char *text, size_t len, const char *name, struct doc *d,
		       struct toolkit_config *ret, struct err *e)
{
	if (toml_read(text, len, name, d, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (decode_row(d, &rows[i], ret, e) < 0)
			return -(int)e->code;
	return 0;
}

static const struct row *find_row(const char *key)
{
	for (size_t i = 0; i < COUNT(rows); i++)
		if (str_eq(rows[i].key, key))
			return &rows[i];
	return NULL;
}

/* Is there a key below this one? */
static bool is_table(const char *key)
{
	size_t n = strlen(key);

	for (size_t i = 0; i < COUNT(rows); i++)
		if (str_starts(rows[i].key, key) && rows[i].key[n] == '.')
			return true;
	return false;
}

static void list_unknown(const struct doc *d, const struct doc_node *map, const char *prefix,
			 struct strs *warnings)
{
	for (const struct doc_node *n = map->first; n; n = n->next) {
		CLEANUP(freep) char *key = str_fmt("%s%s", prefix, n->key);
		CLEANUP(freep) char *inner = str_fmt("%s.", key);

		if (n->kind == DOC_MAP && is_table(key))
			list_unknown(d, n, inner, warnings);
		else if (!find_row(key))
			strs_fmt(warnings, _("%s:%d:%d: unknown key '%s'"), d->name, n->key_line,
				 n->key_col, key);
	}
}

static void put_table(struct buf *b, const char *key, char **table)
{
	const char *dot = strrchr(key, '.');
	CLEANUP(freep) char *mine = str_fmt("%.*s", dot ? (int)(dot - key) : 0, key);

	if (str_eq(mine, *table))
		return;
	freep(table);
	*table = TAKE(mine);
	buf_fmt(b, "%s[%s]\n", b->len ? "\n" : "", *table);
}

static const char *last_part(const char *key)
{
	const char *dot = strrchr(key, '.');

	return dot ? dot + 1 : key;
}

/* quiet: what the rows say is a comment is one; otherwise all that has a value is written. */
static char *default_text(const struct root *r, bool quiet)
{
	CLEANUP(freep) char *table = str_dup("");
	struct buf b = {0};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *row = &rows[i];
		const char *here = r && row->here ? row->here(r) : NULL;
		const char *value = here ? here : row->value;

		if (!value && !quiet)
			continue;
		put_table(&b, row->key, &table);
		buf_fmt(&b, "%s%s = %s\n", !value || (quiet && row->quiet) ? "#" : "",
			last_part(row->key), value ? value : row->example);
	}
	return b.data;
}

char *toolkit_config_default_text(const struct root *r)
{
	return default_text(r, true);
}

static int read_file(const struct root *r, const char *path, struct toolkit_config *ret,
		     struct strs *warnings, struct err *e)
{
	CLEANUP(buf_fini) struct buf text = {.max = CONFIG_MAX};
	CLEANUP(fd_closep) int fd = -1;
	CLEANUP(doc_fini) struct doc d = {0};
	struct err why = {0};

	if (rootfs_open(r->fd, path, O_RDONLY | O_NONBLOCK, 0, &fd, &why) < 0) {
		if (why.code == ERR_ABSENT)
			return 0;
		*e = why;
		return -(int)e->code;
	}
	buf_add(&text, "", 0);
	if (read_all(fd, &text) < 0)
		return err_sys(e, "cannot read '%s'", path);
	if (text.full)
		return err_set(e, ERR_PARSE, "'%s' is larger than %zu bytes", path,
			       (size_t)CONFIG_MAX);
	if (decode_text(text.data, text.len, path, &d, ret, e) < 0)
		return -(int)e->code;
	if (warnings)
		list_unknown(&d, d.top, "", warnings);
	return 0;
}

int toolkit_config_read(const struct root *r, const char *path, struct toolkit_config *ret,
			struct strs *warnings, struct err *e)
{
	CLEANUP(toolkit_config_fini) struct toolkit_config c = {0};
	CLEANUP(freep) char *defaults = default_text(r, false);
	CLEANUP(doc_fini) struct doc d = {0};

	if (decode_text(defaults, strlen(defaults), "defaults", &d, &c, e) < 0 ||
	    read_file(r, path, &c, warnings, e) < 0)
		return -(int)e->code;
	*ret = c;
	c = (struct toolkit_config){0};
	return 0;
}

void toolkit_config_fini(struct toolkit_config *c)
{
	arena_fini(&c->arena);
	*c = (struct toolkit_config){0};
}

static int unknown_key(const char *key, struct err *e)
{
	const char *known[KEYS_MAX];
	const char *near;
	size_t n = 0;

	for (; n < COUNT(rows) && n < KEYS_MAX; n++)
		known[n] = rows[n].key;
	near = word_nearest(key, known, n);
	(void)err_set(e, ERR_CONFIG, "unknown key '%s'", key);
	return near ? err_hint(e, "did you mean '%s'?", near)
		    : err_hint(e, "`nvidia-ctk config default` shows the keys");
}

/* A list's elements, which colons part. */
static void put_list(struct buf *b, const char *value)
{
	buf_str(b, "[");
	while (*value) {
		size_t n = strcspn(value, ":");
		CLEANUP(buf_fini) struct buf one = {0};
		CLEANUP(freep) char *quoted = NULL;

		buf_add(&one, value, n);
		quoted = json_quote(one.data);
		buf_fmt(b, "%s%s", quoted, value[n] ? ", " : "");
		value += n + (value[n] == ':');
	}
	buf_str(b, "]");
}

/* A rule's value as TOML. JSON's strings are TOML's too, but for the escaped slash, which no one
 * writes. */
static int spell_value(const struct row *row, const char *value, struct buf *ret, struct err *e)
{
	CLEANUP(freep) char *quoted = NULL;

	if (row->type == DOC_AS_BOOL) {
		value = value ? value : "true";
		if (!str_eq(value, "true") && !str_eq(value, "false"))
			return err_set(e, ERR_CONFIG, "'%s' must be true or false", row->key);
		buf_str(ret, value);
		return 0;
	}
	if (!value)
		return err_set(e, ERR_CONFIG, "'%s' needs a value", row->key);
	if (row->type == DOC_AS_STRS) {
		put_list(ret, value);
		return 0;
	}
	for (size_t i = 0; row->names && !str_eq(row->names[i], value); i++)
		if (!row->names[i])
			return err_set(e, ERR_CONFIG, "'%s' cannot be '%s'", row->key, value);
	quoted = json_quote(value);
	buf_str(ret, quoted);
	return 0;
}

int toolkit_config_set(struct buf *text, const char *rule, struct err *e)
{
	size_t n = strcspn(rule, "=");
	CLEANUP(freep) char *key = str_fmt("%.*s", (int)n, rule);
	CLEANUP(buf_fini) struct buf value = {0};
	CLEANUP(arena_fini) struct arena a = {0};
	const struct row *row = find_row(key);

	if (!row)
		return unknown_key(key, e);
	if (spell_value(row, rule[n] ? rule + n + 1 : NULL, &value, e) < 0)
		return -(int)e->code;
	return toml_set(text, split(&a, key), value.data, e);
}
