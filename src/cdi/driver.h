/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "cdi/spec.h"

/*
 * The files of NVIDIA's driver below a root: libraries, programs, configuration, firmware and
 * sockets, each with the capabilities (enum cdi_caps) that want it. Links are followed inside the
 * root only.
 */

enum driver_kind {
	DRIVER_LIBRARY,
	DRIVER_PROGRAM,
	DRIVER_CONFIG,
	DRIVER_FIRMWARE,
	DRIVER_SOCKET,
};

struct driver_file {
	enum driver_kind kind;
	unsigned int caps;
	const char *path; /* below the root; no link on the way leaves it */
	const char *at;	  /* in the container */
};

struct driver_link {
	unsigned int caps;
	const char *target;
	const char *at; /* in the container */
};

struct driver {
	struct arena arena;
	const char *version;
	struct cdi_texts folders; /* of libraries */
	struct driver_file *files;
	size_t files_n;
	struct driver_link *links;
	size_t links_n;
};

enum driver_flags {
	DRIVER_NO_IPC = 1 << 0,
	DRIVER_NO_CONFIG = 1 << 1,     /* nor what graphics want besides their libraries */
	DRIVER_EXPLICIT_LIBS = 1 << 2, /* libEGL.so and others that have no version, too */
};

struct driver_query {
	const struct root *root;
	const char *loaded; /* version of the kernel module, or NULL */
	unsigned int caps;  /* what none of these wants is left out */
	unsigned int flags;
	const char *const *config_paths;  /* NULL: /etc, /usr/local/share, /usr/share */
	const char *const *library_paths; /* looked at first; or NULL */
	const char *cache; /* folder to keep the answer in as long as it is true; or NULL */
};

/*
 * Find them. *notes gets a line for what is odd: several versions, libraries of another version
 * than the module, a part that is missing. ERR_ABSENT: no driver there. driver_fini frees *ret.
 */
int driver_read(const struct driver_query *q, struct driver *ret, struct strs *notes, struct err *e)
	MUST_USE;
void driver_fini(struct driver *d);

/* A library's capabilities by the part of its name before ".so"; CAP_ALL when it is unknown. */
unsigned int driver_library_caps(const char *name);
