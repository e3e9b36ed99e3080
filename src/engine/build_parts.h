/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/proc.h"
#include "base/str.h"
#include "engine/build.h"
#include "oci/layer.h"
#include "pkg/trouble.h"

/* What the files build*.c share; nobody else includes it. */

/* Where packages come from: chosen once for each build_image(). */
struct sources {
	char *text;	/* deb822, for the build: Signed-By as the host has it */
	char *uri;	/* the main archive */
	char *security; /* or NULL */
	bool updates;	/* SUITE-updates is there */
	char *keyring;	/* the host's Debian keyring, or NULL */
	char *conf;	/* apt.conf text: the host's proxies and the like */
};

/*
 * Find the mirror: b->mirror, else what the host itself uses, else Debian's
 * own. ERR_CONFIG when an address has a password in it, ERR_NET when no mirror
 * answers, ERR_ABSENT when none of them has the suite.
 */
int sources_choose(const struct build *b, struct sources *ret, struct err *e) MUST_USE;
void sources_fini(struct sources *s);

/* The text of a deb822 file for these sources. signed_by is a path or NULL. The caller's. */
char *sources_text(const struct build *b, const struct sources *s, const char *signed_by) MUST_USE;

/*
 * The first archive in a host's apt configuration that serves Debian itself;
 * NULL when there is none. suffix: "" for the archive, "-security" ... The
 * text is the caller's.
 */
struct root;
char *sources_of_host(const struct root *r, const char *suffix) MUST_USE;

/* ERR_CONFIG when the address contains a user name or password. */
int sources_check_uri(const char *uri, struct err *e) MUST_USE;

/* What went wrong, read from the lines that apt and dpkg print. */
struct trouble {
	struct pkg_trouble seen;
	struct strs unknown; /* packages that do not exist */
};

void trouble_line(struct trouble *t, const char *line);
void trouble_fini(struct trouble *t);
/* Turn a failed program into the error that the user can act on; e says what failed. */
int trouble_report(const struct trouble *t, struct err *e);

/* What a run of apt-get says about its size, and how far it is. */
struct apt_output {
	uint64_t download; /* bytes to fetch */
	uint64_t unpacked; /* bytes that the packages will take */
	uint64_t packages;
	uint64_t handled; /* packages unpacked, and once more when configured */
	char name[100];	  /* of the package that was reported last */
};

/* "54.2 MB" and the like in bytes; 0 when it is no size. */
uint64_t apt_output_size(const char *text);
/* A line of `apt-get install --print-uris`. */
void apt_output_line(struct apt_output *a, const char *line);
/* A line of APT::Status-Fd. True when there is something to report: all but ret->step is set. */
bool apt_output_status(struct apt_output *a, const char *line, struct progress_event *ret);

/*
 * A piece of work in a child process whose output is logged and read line by
 * line. The child and what it starts die with this process.
 */
struct job {
	const struct build *b;
	int (*fn)(void *arg, struct err *e); /* in the child */
	void *arg;
	proc_line_fn *on_line;	 /* in this process: output, or NULL */
	proc_line_fn *on_status; /* in this process: what the child writes to descriptor 3 */
	void *line_arg;
	struct trouble trouble;
};

enum { JOB_STATUS_FD = 3 };

/* The child's error; for ERR_FAIL made precise by what was printed. */
int job_run(struct job *j, struct err *e) MUST_USE;

/* In a child: die when the parent does. Returns false when it has gone already. */
bool job_die_with(pid_t parent) MUST_USE;

/* One layer that is being built. */
struct build_step {
	const struct build *b;
	const struct sources *src;
	struct layer_build *out;
	const struct build_layer *def;
	char parent_index[DIGEST_LEN]; /* "" for the base layer */
	const struct strs *lowers;     /* folders of the layers below, bottom first */
	char *files;		       /* out->path "/fs" */
	char *work;		       /* out->path "/work": overlay's */
	char *aside;		       /* out->path "/build": configuration of the build itself */
};

int build_base(struct build_step *st, struct err *e) MUST_USE;	   /* mmdebstrap */
int build_packages(struct build_step *st, struct err *e) MUST_USE; /* apt-get over layers */

/* Make fs/ and work/, owned by the user namespace's root. */
int build_folders(const struct build_step *st, struct err *e) MUST_USE;

/*
 * In the user namespace: remove from fs/ what does not belong in an image, add
 * what does (base layer only), write the index, remove work/ and build/.
 */
int build_settle(void *step, struct err *e) MUST_USE;

/* Make fsync and its relatives succeed at once for this process and what it starts. */
int build_forbid_sync(struct err *e) MUST_USE;
extern const char *const build_sync_calls[];

/* ERR_NOSPC when fewer than bytes are free below path. */
int build_check_space(const char *path, uint64_t bytes, struct err *e) MUST_USE;

/* dpkg's options for what is left out of an image, without "--", NULL-terminated. */
extern const char *const build_dpkg_options[];

void build_report(const struct build *b, const char *phase, const char *note, uint64_t done,
		  uint64_t total, enum progress_unit unit);
