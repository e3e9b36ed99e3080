/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "env/define.h"

/*
 * The keys of a definition as rows, and what the files that read one share:
 * define.c (rows), layers.c and locate.c (where values come from), validate.c (single
 * values), lists.c (mounts and services), values.c (dlenv config), template.c (init). Nobody else
 * includes this.
 */

struct loader;
struct def_key;

/* Look at a value, and store it unless the row's type already did. 0 or -code in l->e. */
typedef int def_take_fn(struct loader *l, const struct def_key *k, const struct doc_node *n);

enum def_key_flags {
	KEY_PROJECT = 1 << 0, /* only in a project's file */
	KEY_LATER = 1 << 1,   /* known, but nothing does it yet: help says what to do instead */
	KEY_PAIRS = 1 << 2,   /* any keys below it */
};

struct def_key {
	const char *path;	  /* "run.shm"; a row of type DOC_AS_MAP opens a group */
	const char *env;	  /* "DLENV_SHM", or NULL */
	enum doc_type type;	  /* DOC_AS_NODE: take stores the value */
	size_t offset;		  /* in struct env_def */
	const char *const *names; /* DOC_AS_ENUM */
	const char *word;	  /* numbers: this word instead means word_value */
	uint64_t word_value;
	uint64_t min; /* numbers: bounds; max 0: none */
	uint64_t max;
	unsigned int flags;
	def_take_fn *take;
	const char *fallback; /* the default as one writes it, or NULL: none */
	const char *example;  /* for the template, where the default says too little */
	const char *help;     /* English, for the template */
};

extern const struct def_key def_keys[]; /* ends with a row without path */

struct slot {
	const char *value;
	const char *origin;
};

struct loader {
	const struct def_sources *src;
	struct env_def *def;
	struct slot *slots;   /* one for each row of def_keys */
	const char **origins; /* one for each of def->run.env */
	/* Of the layer that is being read: */
	const struct doc *doc;
	const char *base; /* what relative paths are relative to, or NULL: not allowed */
	bool positions;	  /* its nodes know their lines */
	bool project;
	struct err *e;
};

/* layers.c */
const struct def_key *def_key_find(const char *path);
struct slot *def_slot(struct loader *l, const char *path);

/* locate.c: def->file and def->folder */
int def_locate(struct loader *l);

/* values.c */
const char *def_origin(struct loader *l, const struct doc_node *n);
const char *def_render(struct arena *a, const struct doc_node *n);
void def_list_values(struct loader *l);

/* validate.c; each is a def_take_fn of a row */
def_take_fn take_schema, take_number, take_cpus, take_env;
def_take_fn check_name, check_preset, check_gpu, check_devices, check_driver_root, check_stack,
	check_optional, check_apt;
def_take_fn check_zone, check_locale, check_keys, check_bind, check_proxy, check_no_proxy;
def_take_fn check_certificates, check_suite, check_mirror, check_caches;

/* lists.c */
def_take_fn take_mounts, take_services;
void caches_to_mounts(struct loader *l); /* once all layers are read */

/* Shared by validate.c and lists.c. */
bool is_variable_name(const char *s);
/* The whole of s consists of letters from set. */
bool is_made_of(const char *s, const char *set);
/* doc_err that says ERR_UNSAT. */
int def_unsat(struct loader *l, const struct doc_node *n, const char *fmt, ...) FORMAT(3, 4);
/* "~" and relative paths made absolute; NULL (with an error) for a relative one without base. */
const char *host_path(struct loader *l, const struct doc_node *n, const char *path);
/* Packages that stack.optional stands for, or NULL: not in Debian 13. */
const char *optional_package(const char *name);
