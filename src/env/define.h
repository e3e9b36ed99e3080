/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/doc.h"
#include "engine/container.h"
#include "env/presets.h"

/*
 * What an environment shall be: dlenv.yaml and the layers around it. Lowest
 * first: built-in defaults, /etc/dlenv/config.yaml, the user's config.yaml, the
 * project's dlenv.yaml, DLENV_* variables, --set on the command line. Maps are
 * merged key by key; a list of a higher layer replaces that of a lower one.
 */

enum def_accelerator { ACCEL_AUTO, ACCEL_CPU, ACCEL_CUDA };
enum def_mount_kind { DEF_HOST, DEF_VOLUME, DEF_CACHE };
enum def_restart { RESTART_ALWAYS, RESTART_ON_FAILURE, RESTART_NO };

struct def_mount {
	enum def_mount_kind kind;
	const char *source; /* DEF_HOST: absolute path, exists; else the volume's or cache's name */
	const char *at;	    /* absolute path inside; "~" is already the user's home */
	bool read_only;
};

struct def_service {
	const char *name;	/* as an environment's name; never "jupyter" */
	const char *const *run; /* argument vector */
	const char *cwd;	/* absolute path inside, or NULL: the project folder */
	struct doc_pairs env;
	int restart;	    /* enum def_restart */
	const char *health; /* "tcp ADDRESS PORT" or "unix PATH" as dlenv-init takes it, or NULL */
};

/* One effective key for `dlenv config --origin`. */
struct def_value {
	const char *key;    /* "run.shm"; for pairs "run.env.NAME" */
	const char *value;  /* as one writes it in the file */
	const char *origin; /* "default", "/p/dlenv.yaml:3:6", "DLENV_SHM", "--set" */
};

struct env_def {
	struct arena arena; /* owns everything below */
	const char *name;   /* [a-z0-9][a-z0-9_.-]{0,62} */
	const char *folder; /* project folder, absolute */
	const char *file;   /* its dlenv.yaml, or NULL when there is none */
	const char *preset_name;
	const struct preset *preset;
	const char *const *apt;	    /* packages.apt, NULL-terminated: "NAME" or "NAME=VERSION" */
	int accelerator;	    /* enum def_accelerator */
	const char *gpu;	    /* "auto", or as gpu_request_parse reads it */
	const char *const *devices; /* names of other CDI devices, NULL-terminated */
	const char *driver_root;    /* where the NVIDIA driver lies on the machine */

	struct {
		const char *python; /* NULL: what the suite has; else checked to be just that */
		const char *cuda;
		const char *cudnn;
		const char *torch;
		const char *const *optional; /* checked: packaged ones only */
	} stack;

	struct {
		uint64_t shm;		  /* bytes, 0: automatic */
		struct {		  /* RLIM_INFINITY for unlimited */
			uint64_t memlock; /* bytes */
			uint64_t stack;	  /* bytes */
			uint64_t nofile;
		} ulimits;
		const char *tz;	  /* "host" or a zone's name */
		const char *lang; /* "host" or a locale's name */
		int network;	  /* enum net_mode, may be NET_AUTO */
		uint64_t memory;  /* bytes, 0: no limit */
		double cpus;	  /* 0: no limit */
		uint64_t pids;	  /* 0: no limit */
		struct doc_pairs env;
	} run;

	struct def_mount *mounts; /* caches are among them, the project folder is not */
	size_t mounts_n;
	const char *const *caches;
	struct {
		bool enable;
		const char *const *keys; /* "agent" or absolute paths of public keys */
		bool forward_agent;
	} ssh;

	struct {
		bool enable;
		uint64_t port;	  /* 0: 8888 or the next free one */
		const char *bind; /* a loopback address */
	} jupyter;

	struct def_service *services;
	size_t services_n;

	struct {
		const char *http; /* "host" (copy the caller's variable), "none" or a URL */
		const char *https;
		const char *no; /* "host", "none" or a list with commas */
	} proxy;
	const char *const *ca_certificates; /* {"host"}, {"none"} or absolute paths */

	struct {
		const char *suite;  /* "trixie" */
		const char *mirror; /* or NULL: the host's own source */
	} image;

	struct def_value *values; /* every effective key */
	size_t values_n;
};

struct def_sources {
	const char *cwd;	  /* absolute: the search for dlenv.yaml starts here, upwards */
	const char *file;	  /* this file instead of searching, or NULL */
	const char *system;	  /* folder of the system's config.yaml: "/etc/dlenv"; or NULL */
	const char *user;	  /* folder of the user's config.yaml: paths.config; or NULL */
	const char *home;	  /* for "~" */
	const char *const *env;	  /* NAME=VALUE: environ; or NULL */
	const char *const *flags; /* "run.shm=8G" of --set, "--gpu=0" of an option; or NULL */
};

/*
 * Read and check the whole definition. Without a dlenv.yaml: environment
 * "default" with preset torch, its folder is cwd. ERR_PARSE and ERR_CONFIG name
 * file:line:col; ERR_UNSAT when Debian 13 does not have what is asked for;
 * ERR_ABSENT when file is missing. env_def_fini frees *ret, after a failure too.
 */
int env_def_load(const struct def_sources *s, struct env_def *ret, struct err *e) MUST_USE;
void env_def_fini(struct env_def *d);

/* The rule for the key name. ERR_CONFIG with what is allowed. */
int env_name_check(const char *name, struct err *e) MUST_USE;

/*
 * The layers of its image, bottom first: the preset's, then packages.apt and
 * stack.optional when there are any. cuda: the CUDA builds (nonfree is needed).
 * The rows belong to a.
 */
int env_def_layers(const struct env_def *d, bool cuda, struct arena *a,
		   const struct build_layer **ret, size_t *ret_n, struct err *e) MUST_USE;

/*
 * What `dlenv init` writes: every key explained, those without a value of their
 * own commented out. name and preset may be NULL. The text is the caller's.
 */
char *env_def_template(const char *name, const char *preset) MUST_USE;
