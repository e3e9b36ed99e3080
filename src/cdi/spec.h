/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/doc.h"
#include "base/err.h"
#include "base/mem.h"

/*
 * A CDI specification (Container Device Interface, SPEC.md, versions 0.3.0 to 1.1.0) as plain
 * data. It owns an arena; what is added to its edits is put there too.
 */

struct cdi_texts {
	const char **v; /* NULL-terminated, or NULL when n is 0 */
	size_t n;
};

struct cdi_node {
	const char *path;      /* in the container */
	const char *host_path; /* NULL: the same */
	const char *type;      /* "c", "b", "u", "p"; NULL: that of the host's node */
	int64_t major;	       /* -1: those of the host's node */
	int64_t minor;
	int64_t mode;		 /* permission bits; -1: not said */
	const char *permissions; /* of "rwm", or "none"; NULL: "rwm" */
	int64_t uid;		 /* -1: not said */
	int64_t gid;
};

struct cdi_mount {
	const char *host_path;
	const char *container_path;
	const char *type; /* or NULL */
	struct cdi_texts options;
};

struct cdi_hook {
	const char *stage; /* "createContainer" ... */
	const char *path;
	struct cdi_texts args;
	struct cdi_texts env;
	int64_t timeout; /* seconds; 0: none */
};

struct cdi_net {
	const char *host_name;
	const char *name;
};

struct cdi_rdt {
	const char *clos_id;
	const char *l3_schema;
	const char *mem_bw_schema;
	struct cdi_texts schemata;
	bool enable_cmt;
	bool enable_mbm;
	bool enable_monitoring;
};

struct cdi_edits {
	struct cdi_texts env; /* "NAME=VALUE" */
	struct cdi_node *nodes;
	size_t nodes_n;
	struct cdi_mount *mounts;
	size_t mounts_n;
	struct cdi_hook *hooks;
	size_t hooks_n;
	struct cdi_net *nets;
	size_t nets_n;
	struct cdi_rdt *rdt; /* or NULL */
	uint32_t *gids;
	size_t gids_n;
};

struct cdi_device {
	const char *name;
	struct doc_pairs annotations;
	struct cdi_edits edits;
};

struct cdi_spec {
	struct arena arena;
	const char *version; /* "0.5.0" */
	const char *kind;    /* "nvidia.com/gpu" */
	struct doc_pairs annotations;
	struct cdi_device *devices;
	size_t devices_n;
	struct cdi_edits edits; /* of the specification as a whole */
};

void cdi_spec_fini(struct cdi_spec *s);

/* Append one item, all zero (numbers that mean "not said": -1), and return it. */
struct cdi_node *cdi_add_node(struct arena *a, struct cdi_edits *e) MUST_USE;
struct cdi_mount *cdi_add_mount(struct arena *a, struct cdi_edits *e) MUST_USE;
struct cdi_hook *cdi_add_hook(struct arena *a, struct cdi_edits *e) MUST_USE;
struct cdi_net *cdi_add_net(struct arena *a, struct cdi_edits *e) MUST_USE;
struct cdi_device *cdi_add_device(struct cdi_spec *s, const char *name) MUST_USE;
void cdi_add_text(struct arena *a, struct cdi_texts *t, const char *text); /* copied */
void cdi_add_gid(struct arena *a, struct cdi_edits *e, uint32_t gid);	   /* sorted, once each */

/* Append copies of all that src has, without what dst has already in the same words. */
void cdi_edits_add(struct arena *a, struct cdi_edits *dst, const struct cdi_edits *src);
bool cdi_edits_empty(const struct cdi_edits *e);

/*
 * Read a YAML or JSON text (a text whose first letter is "{" is JSON). name is for messages.
 * ERR_PARSE and ERR_CONFIG with NAME:LINE:COL: unknown key, missing or malformed value, and every
 * rule of SPEC.md "CDI JSON Specification"; a version that is newer than 1.1.0 or too old for what
 * is used. ret must be all zero; cdi_spec_fini it, after a failure too.
 */
int cdi_spec_parse(const char *text, size_t len, const char *name, struct cdi_spec *ret,
		   struct err *e) MUST_USE;
/* Every problem that it has, at most 100, in *problems; 0 when there is none. */
struct cdi_problems {
	struct err *items;
	size_t n;
};
size_t cdi_spec_problems(const char *text, size_t len, const char *name, struct cdi_spec *ret,
			 struct cdi_problems *problems);
void cdi_problems_fini(struct cdi_problems *p);

/* The rules that cdi_spec_parse checks, for a specification that was made here. */
int cdi_spec_check(const struct cdi_spec *s, struct err *e) MUST_USE;

/*
 * The lowest version that holds what s uses (SPEC.md "Released versions"). *ret_why (static text,
 * or NULL at the floor) says what needs it: "additionalGids".
 */
const char *cdi_version_needed(const struct cdi_spec *s, const char **ret_why);
/* One of the released versions, or NULL. */
const char *cdi_version_known(const char *version);

enum cdi_format { CDI_YAML, CDI_JSON };
/* As text; head is a comment line that comes first (YAML only), or NULL. The caller's. */
char *cdi_spec_text(const struct cdi_spec *s, enum cdi_format f, const char *head) MUST_USE;
