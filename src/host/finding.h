/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/fs.h"
#include "base/mem.h"

struct nvidia;
struct nvml;

/*
 * What is wrong with a machine, as data: found below cli/, told and repaired by `dlenv doctor` and
 * `dlenv gpu health`. An ID is stable; its row in finding.c is the only place that has its words.
 */

enum finding_level {
	FINDING_NOTE,	 /* good to know: nothing is wrong */
	FINDING_WARNING, /* works, but will fail some day or is slow */
	FINDING_ERROR,	 /* does not work */
};

enum repair_kind { REPAIR_NODE, REPAIR_LINK };

/* What `dlenv doctor --fix` may do: a node or link below the machine's root, made or replaced. */
struct repair {
	const char *id; /* the finding's */
	enum repair_kind kind;
	const char *path;
	const char *target; /* REPAIR_LINK */
	unsigned int major; /* REPAIR_NODE: a character device */
	unsigned int minor;
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

struct finding {
	const char *id; /* "GPU001" */
	enum finding_level level;
	const char *cause;   /* what is wrong, with its subject */
	const char *why;     /* what comes of it */
	const char *fix;     /* what to do */
	const char *command; /* the fix as a command, or NULL */
};

struct findings {
	struct arena arena;
	struct finding *v;
	size_t n;
	size_t room;
	struct repair *repairs;
	size_t repairs_n;
	size_t repairs_room;
};

/*
 * Add the row's finding about a subject and a detail (its cause has %s for them, in this order;
 * "" where it has none). Texts are in the language of the user. An unknown id is a defect.
 */
void finding_add(struct findings *f, const char *id, const char *subject, const char *detail);
/* What mends a finding: a copy is kept, texts and all. */
void finding_repair(struct findings *f, const struct repair *r);
bool finding_is(const struct findings *f, const char *id);
void findings_fini(struct findings *f);

/* Every ID, NULL at the end of the rows: for the manual page's test. */
const char *finding_id(size_t i);

extern const char *const finding_levels[]; /* "note", "warning", "error" */

/*
 * What the kernel and the files of the driver tell; a few milliseconds, no GPU is opened. m, or
 * NULL, knows whether the driver is persistent without its daemon.
 */
void findings_of_driver(const struct root *machine, const struct nvidia *n, const struct nvml *m,
			struct findings *ret);

/* What NVML told (NVML_STATE) of the GPUs' health. */
void findings_of_health(const struct nvml *m, struct findings *ret);

/*
 * Xid messages in the kernel's log, newest of each GPU and number. False: the log may not be read,
 * which is told as a note.
 */
bool findings_of_log(const struct root *machine, struct findings *ret);
