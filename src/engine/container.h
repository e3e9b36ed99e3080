/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/str.h"
#include "runtime/idmap.h"

/*
 * What a container shall be, in the engine's words. Texts are borrowed from
 * whoever fills it in; the lists belong to the arena.
 */

struct tree_edits;

enum mount_kind { MOUNT_BIND, MOUNT_TMPFS, MOUNT_EXACT };

struct mount {
	enum mount_kind kind;
	const char *type;    /* MOUNT_EXACT: as config.json has it */
	const char *source;  /* MOUNT_BIND: path on the host */
	const char *at;	     /* path inside; missing folders are made */
	const char *options; /* further comma-separated options, or NULL; MOUNT_EXACT: all */
	bool read_only;
	struct mount *next;
};

/* A device node inside. Where nodes cannot be made the host's is shown, if it is this device. */
struct node {
	const char *path;      /* below /dev */
	const char *host_path; /* NULL: the same */
	char type;	       /* 'c', 'b' or 'p' */
	uint32_t major;
	uint32_t minor;
	uint32_t mode; /* permission bits */
	uint32_t uid;
	uint32_t gid;
	struct node *next;
};

struct limit {
	const char *name; /* OCI: RLIMIT_NOFILE ... */
	uint64_t soft;	  /* RLIM_INFINITY for unlimited */
	uint64_t hard;
	struct limit *next;
};

enum net_mode { NET_AUTO, NET_HOST, NET_PASTA, NET_SLIRP, NET_NONE };

struct container {
	struct arena arena;
	const char *id;		   /* names the cgroup and the run folder */
	const char *hostname;	   /* NULL: the host's UTS namespace */
	const char *const *lowers; /* layer folders, bottom first, NULL-terminated */
	const char *upper;	   /* folder, or NULL for a tmpfs that goes with the container */
	const char *work;
	const char *const *args;
	const char *const *env;
	const char *cwd;
	uint32_t uid;
	uint32_t gid;
	const uint32_t *groups;
	size_t groups_n;
	struct mount *mounts; /* in the order in which they are made */
	struct mount **mounts_end;
	struct node *nodes; /* in order */
	struct node **nodes_end;
	struct strs more_env;	       /* NAME=VALUE besides env, whose names it replaces */
	const struct tree_edits *tree; /* what is made inside before anything runs; or NULL */
	bool bare;		       /* no file systems besides mounts: a root to be prepared */
	bool keep_groups;	       /* the caller's supplementary groups stay (user namespace) */
	struct limit *limits;
	const struct idmap *map; /* no rows: the host's user namespace */
	enum net_mode net;	 /* resolved: never NET_AUTO */
	const uint16_t *ports; /* loopback TCP ports forwarded inwards, zero-terminated; or NULL */
	uint64_t shm;	       /* bytes of /dev/shm */
	uint64_t memory;       /* bytes, 0: no limit */
	uint64_t pids;	       /* 0: no limit */
	double cpus;	       /* 0: no limit */
};

/* An empty container on the heap of its own arena; container_fini frees it all. */
void container_init(struct container *c);
void container_fini(struct container *c);

/* Append a mount; the texts are copied. */
void container_bind(struct container *c, const char *source, const char *at, bool read_only);
void container_tmpfs(struct container *c, const char *at, const char *options);
/* Append a mount in config.json's own words; options: with commas. */
void container_mount(struct container *c, const char *type, const char *source, const char *at,
		     const char *options);
/* Append a device node, in place of one of the same path; its texts are copied. */
void container_node(struct container *c, const struct node *n);
/* Supplementary groups besides c->groups, once each. */
void container_group(struct container *c, uint32_t gid);
void container_limit(struct container *c, const char *name, uint64_t soft, uint64_t hard);

/*
 * Its config.json (OCI runtime-spec 1.2), which src/runtime/ then carries out, without
 * linux.seccomp (rt_default_seccomp_json()) and what bundle_more has. To be released with
 * json_decref.
 */
struct json_t;
struct spec_more;
struct json_t *bundle_json(const struct container *c) MUST_USE;
/* Its nodes, MOUNT_EXACTs and tree; they live as long as c. */
void bundle_more(struct container *c, struct spec_more *ret);
/* Add all that to what bundle_json gave. */
void bundle_complete(const struct container *c, struct json_t *config);
/* Write dir/config.json with linux.seccomp. */
int bundle_save(struct json_t *config, const char *dir, struct err *e) MUST_USE;
/* Without a start in this process. */
int bundle_write(const struct container *c, const char *dir, struct err *e) MUST_USE;
