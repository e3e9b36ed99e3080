/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"

/*
 * The configuration of NVIDIA's toolkit, config.toml, which our programs under its names obey.
 * Fields are named as the keys; what is no longer meaningful here (no-pivot, for instance) is read
 * all the same, so that nobody's file is wrong.
 */

enum toolkit_mode { TOOLKIT_AUTO, TOOLKIT_CDI, TOOLKIT_JIT_CDI, TOOLKIT_CSV, TOOLKIT_LEGACY };
enum toolkit_compat { COMPAT_LDCONFIG, COMPAT_MOUNT, COMPAT_HOOK, COMPAT_DISABLED };

extern const char *const toolkit_mode_names[]; /* NULL-terminated, in the order of the enum */

struct toolkit_config {
	struct arena arena;
	bool accept_devices_as_volume_mounts;
	bool accept_devices_envvar_when_unprivileged;
	bool disable_require;
	const char *supported_driver_capabilities; /* "compute,utility" */
	const char *swarm_resource;		   /* names of variables, or NULL */
	struct {
		bool allow_cuda_compat_libs_from_container;
		bool allow_ldconfig_from_container;
		bool allow_unknown_oci_spec_fields;
		bool disable_cuda_compat_lib_hook;
		bool disable_imex_channel_creation;
		bool ignore_imex_channel_requests;
		bool no_additional_gids_for_device_nodes;
	} features;
	struct { /* nvidia-container-cli */
		const char *debug;
		const char **environment;
		const char *ldcache;
		const char *ldconfig; /* '@' in front: the host's */
		bool load_kmods;
		bool no_cgroups;
		bool no_pivot;
		const char *path;
		const char *root; /* driver root, or NULL */
		const char *user;
	} cli;
	struct {		   /* nvidia-container-runtime */
		const char *debug; /* log file, or NULL */
		const char *log_level;
		int mode;	       /* enum toolkit_mode */
		const char **runtimes; /* NULL-terminated, as the other lists */
		const char **cdi_annotation_prefixes;
		const char *cdi_default_kind;
		const char **cdi_spec_dirs;
		const char *csv_mount_spec_path;
		const char *csv_compat_container_root;
		const char **jit_feature_flags;
		const char **jit_disable_hooks;
		int cuda_compat_mode; /* enum toolkit_compat */
	} runtime;
	const char *hook_path;
	bool hook_skip_mode_detection;
	const char *ctk_path;
};

/*
 * Where it lies: $NVIDIA_CTK_CONFIG_FILE_PATH, else nvidia-container-runtime/config.toml below
 * $XDG_CONFIG_HOME or /etc. The text is the caller's.
 */
char *toolkit_config_path(void) MUST_USE;

/*
 * Read it below r; no file means the defaults. Keys that nobody knows are listed in *warnings (may
 * be NULL). ERR_PARSE, ERR_CONFIG with the position. toolkit_config_fini frees *ret.
 */
int toolkit_config_read(const struct root *r, const char *path, struct toolkit_config *ret,
			struct strs *warnings, struct err *e) MUST_USE;
void toolkit_config_fini(struct toolkit_config *c);

/*
 * The defaults as a file, for `nvidia-ctk config default`. What a key is without being written is a
 * comment. r: whose ldconfig and distribution count. The text is the caller's.
 */
char *toolkit_config_default_text(const struct root *r) MUST_USE;

/*
 * One rule of `nvidia-ctk config --set`: "KEY=VALUE", lists with colons, "KEY" alone means true.
 * The rest of the text stays. ERR_CONFIG names an unknown key with its nearest, or a wrong value.
 */
int toolkit_config_set(struct buf *text, const char *rule, struct err *e) MUST_USE;
