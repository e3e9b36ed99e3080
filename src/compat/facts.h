/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compat/match.h"
#include "compat/table.h"

/* What is known of GPUs, drivers, CUDA, frameworks, images, distributions: the rows of data/. */

/* Where a fact stands. Each row begins with one. */
struct fact {
	const char *table; /* "cuda" */
	const char *row;   /* its key: "12.8.1", "torch/2.7/cu128" */
	const char *source;
	const char *date; /* of the table; NULL: a user's table that has none */
	const char *file; /* a user's table; NULL: built in */
};

enum flavour { FLAVOUR_OPEN = 1 << 0, FLAVOUR_PROPRIETARY = 1 << 1 };

struct gpu_fact {
	struct fact from;
	uint32_t id, subvendor, subdevice;
	const char *product, *chip, *arch;
	struct version cc;
	unsigned int flavours; /* enum flavour */
	struct version last;   /* last driver branch; n 0: the current one */
	struct version first;  /* first release of the open modules with this board */
	const char *guess;     /* not NULL: what is assumed, and why (translated) */
	bool data_centre;
};

struct cuda_fact {
	struct fact from;
	struct version release, driver, minor_driver, cc_min, cc_max;
	const char *compat_package;
	struct ranges compat_branches;
};

struct cudnn_fact {
	struct fact from;
	struct version version, driver, cc_min, cc_max;
	struct ranges toolkits;
	const char *package;
};

struct framework_fact {
	struct fact from;
	const char *project, *variant, *python, *cudnn, *packages, *status, *evidence;
	const char *release_text;
	struct version release; /* n 0: the row has a name instead */
	struct version driver;
	struct ranges cuda; /* n 0: a build without CUDA */
	struct capabilities cc;
};

struct image_fact {
	struct fact from;
	const char *tag, *flavour, *extra, *os, *status;
	struct version cuda;
};

struct distro_fact {
	struct fact from;
	const char *id, *version, *codename, *family, *package_manager, *cuda_repo_dir;
	const char *docker_route, *docker_repo, *podman_version, *podman_cdi, *lifecycle;
};

struct route_fact {
	struct fact from;
	const char *id, *version, *route, *branches, *packages, *note;
	unsigned int flavours;
};

struct branch_fact {
	struct fact from;
	const char *kind; /* production, lts, ended, legacy, new */
	struct version branch, newest;
};

struct toolkit_fact {
	struct fact from;
	const char *version_text, *docker, *podman; /* features that the engine must have */
	struct version version;			    /* n 0: builtin */
};

struct engine_fact {
	struct fact from;
	const char *engine, *feature;
	struct version version;
};

struct brand_fact {
	struct fact from;
	const char *word, *brand;
};

/* An OpenPGP key of a repository, for setup. */
struct key_fact {
	struct fact from;
	const char *id, *url;
	const char *fingerprint; /* 40 digits; fewer: its end is all that is known; "": nothing */
	const char *note;
};

#define FACT_LIST(type)                                                                            \
	struct {                                                                                   \
		type *v;                                                                           \
		size_t n;                                                                          \
	}

struct facts {
	struct arena arena;
	FACT_LIST(struct gpu_fact) own_gpus; /* a user's; the built-in ones are looked up */
	FACT_LIST(struct cuda_fact) cuda;
	FACT_LIST(struct cudnn_fact) cudnn;
	FACT_LIST(struct framework_fact) frameworks;
	FACT_LIST(struct image_fact) images;
	FACT_LIST(struct distro_fact) distros;
	FACT_LIST(struct route_fact) routes;
	FACT_LIST(struct branch_fact) branches;
	FACT_LIST(struct toolkit_fact) toolkits;
	FACT_LIST(struct engine_fact) engines;
	FACT_LIST(struct brand_fact) brands;
	FACT_LIST(struct key_fact) keys;
};

/*
 * All tables. A row of FOLDER/TABLE.tsv takes the place of the one with the same key, or is
 * added; later folders win, missing ones are nothing. ERR_PARSE with FILE:LINE.
 */
int facts_load(struct facts *ret, const char *const *folders, struct err *e) MUST_USE;
/* One table's text, as if it were such a file. ERR_ABSENT: there is no table of that name. */
int facts_add(struct facts *f, const char *table, const char *text, size_t len, const char *file,
	      struct err *e) MUST_USE;
void facts_fini(struct facts *f);

/* The row of a key, or NULL. */
const struct key_fact *facts_key(const struct facts *f, const char *id);
/* Its fingerprint is known in full. */
bool key_is_whole(const struct key_fact *k);
