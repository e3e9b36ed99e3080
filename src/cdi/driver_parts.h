/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/stat.h>
#include <time.h>

#include "cdi/driver.h"
#include "cdi/generate.h"

/* What the files that read a driver share. */

/* A name in a folder of libraries. */
struct lib_name {
	const char *name;
	bool link;
};

/* A folder that was listed: of its names only those that may be the driver's. */
struct lib_folder {
	const char *path; /* below the root, without links */
	bool searched;	  /* came from the list of folders, not from a link */
	bool narrow;	  /* of 32-bit libraries */
	bool of_driver;	  /* holds libraries of the driver's version */
	dev_t dev;
	ino_t ino;
	int fd;
	struct lib_name *names;
	size_t names_n;
};

enum { FOLDERS_MAX = 64 };

struct finder {
	const struct driver_query *q;
	struct driver *d;
	struct strs *notes;
	char *prefix; /* of the root in /proc/self/fd; "" for "/" */
	bool live;    /* the root is "/": the kernel itself stays inside */
	struct lib_folder folders[FOLDERS_MAX];
	size_t folders_n;
	bool keeps;	  /* the answer is kept: look-ups are noted */
	struct strs seen; /* paths, behind '=' for those of which more than the name counts */
};

/* Note a look-up (itself: the file was read, or its mode counts). */
void find_seen(struct finder *f, const char *path, bool itself);
/* An answer that was kept and is still true is taken. */
bool driver_kept(struct finder *f);
/* Keep it; started: the time before the first look-up. */
void driver_keep(struct finder *f, time_t started);

/* Libraries that are linked to by their whole file name: no link to them is missing. */
bool driver_library_is_inner(const char *name);

/* "550.163.01" of a name with ".so." before it: digits and at least one dot; else NULL. */
const char *lib_version(const char *name);
/* libGL.so and others that installations older than GLVND have, without a version. */
bool lib_is_explicit(const char *name);

/* Add to d, unless a file of that place, or a link, is there already. */
void driver_add_file(struct driver *d, const struct driver_file *f);
void driver_add_link(struct driver *d, unsigned int caps, const char *target, const char *at);

/* Open below the root, or -1. */
int find_open(struct finder *f, const char *path, int flags);
/* The path that an open descriptor has below the root (arena); NULL when /proc does not tell. */
const char *find_path_of(struct finder *f, int fd);

/* FOLDER/NAME, and the folder of a path that has at least one slash (arena). */
const char *find_join(struct finder *f, const struct lib_folder *folder, const char *name);
const char *find_parent(struct finder *f, const char *path);

/*
 * What path leads to: its path without links (arena), or NULL. The live root's is path itself:
 * whoever mounts it follows the same links.
 */
const char *find_place(struct finder *f, const char *path, struct stat *ret);
/* The same, and links are resolved on the live root, too. */
const char *find_real(struct finder *f, const char *path, struct stat *ret);

/* The folder and all its names that may be the driver's; NULL when it is not there. */
struct lib_folder *find_folder(struct finder *f, const char *path);
/* libcuda.so's version and folders, by search paths and the loader's cache. */
int find_version(struct finder *f, struct err *e) MUST_USE;
void find_libraries(struct finder *f);
void find_library_links(struct finder *f);

void find_programs(struct finder *f);
void find_configs(struct finder *f);
void find_xorg(struct finder *f);
void find_firmware(struct finder *f);
void find_sockets(struct finder *f);
