/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/doc.h"
#include "base/err.h"
#include "runtime/idmap.h"

/*
 * A config.json as a plain struct: runtime-spec 1.2, config.md and
 * config-linux.md, as far as doc/design/runtime.md lists it. Texts and lists
 * live in the document's arena; a list of texts is NULL-terminated or NULL.
 */

enum { GROUPS_MAX = 1024, SPEC_MAX = 4 << 20 };

struct spec_mount {
	const char *destination; /* absolute */
	const char *type;	 /* NULL when bind, by its options */
	const char *source;	 /* a relative one is relative to the bundle */
	const char **options;
};

struct spec_ns {
	const char *type;
	const char *path; /* join this one; NULL: make one */
};

struct spec_map {
	uint64_t inside;
	uint64_t outside;
	uint64_t count;
};

struct spec_device {
	const char *path;
	const char *type; /* "c", "u", "b" or "p" */
	int64_t major;
	int64_t minor;
	uint64_t mode; /* 0: 0666 */
	uint64_t uid;
	uint64_t gid;
	const char *host_path; /* where the machine has it; NULL: the annotation dlenv.node.PATH */
};

struct spec_device_rule {
	bool allow;
	const char *type; /* "a", "c", "b" or NULL */
	const char *access;
	const char *major; /* NULL: any */
	const char *minor;
};

struct spec_rlimit {
	const char *type;
	const char *soft; /* as text: RLIM_INFINITY does not fit a JSON integer */
	const char *hard;
};

enum cap_set {
	CAPS_BOUNDING,
	CAPS_EFFECTIVE,
	CAPS_PERMITTED,
	CAPS_INHERITABLE,
	CAPS_AMBIENT,
	CAPS_SETS
};

struct spec_process {
	bool terminal;
	bool no_new_privileges;
	uint64_t uid;
	uint64_t gid;
	int64_t umask; /* -1: 022 */
	const char **group_texts;
	uint32_t *groups;
	size_t groups_n;
	const char **args;
	const char **env;
	const char *cwd;
	const char **cap_names[CAPS_SETS];
	uint64_t caps[CAPS_SETS];
	struct doc_list rlimits; /* struct spec_rlimit */
	const char *oom_score_adj;
};

struct spec_resources {
	int64_t memory;		/* bytes; 0: not limited */
	int64_t memory_swap;	/* memory and swap together, bytes; 0: not limited */
	int64_t memory_reserve; /* bytes; 0: none */
	int64_t pids;
	int64_t cpu_quota; /* microseconds a period */
	uint64_t cpu_period;
	uint64_t cpu_shares;
	const char *cpus;
	const char *mems;
	struct doc_list devices; /* struct spec_device_rule */
};

struct spec_linux {
	struct doc_list namespaces; /* struct spec_ns */
	struct doc_list uids;	    /* struct spec_map */
	struct doc_list gids;
	struct doc_list devices; /* struct spec_device */
	const char *cgroup;
	struct spec_resources resources;
	const char *seccomp; /* the section's text; NULL: none */
	const char **masked;
	const char **readonly;
	const char *propagation;
	struct doc_pairs sysctl;
};

struct spec {
	struct doc doc;
	struct arena own;
	const char *version;
	const char *hostname;
	const char *domainname;
	const char *root_path;
	bool root_readonly;
	struct doc_pairs annotations;
	struct doc_list mounts; /* struct spec_mount */
	struct spec_process process;
	struct spec_linux linux_;
	struct idmap map;	       /* of uids and gids */
	const struct tree_edits *tree; /* NULL: the annotation dlenv.tree */
};

/*
 * Read bundle/config.json. ERR_CONFIG for what is wrong, and for a field that
 * the specification has but this runtime does not carry out (R9).
 */
int spec_read(const char *bundle, struct spec *ret, struct err *e) MUST_USE;

/* The same from a text (name is for messages); ret must be all zero. */
int spec_parse(const char *text, size_t len, const char *name, struct spec *ret, struct err *e)
	MUST_USE;
void spec_fini(struct spec *s);

/* The value of an annotation, or NULL. */
const char *spec_annotation(const struct spec *s, const char *key);

/* Do the caller's supplementary groups stay? A user namespace has no numbers for them. */
bool spec_keeps_groups(const struct spec *s);

/* The namespace entry of a type ("mount", "pid" ...), or NULL: the caller's is shared. */
const struct spec_ns *spec_namespace(const struct spec *s, const char *type);
