/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "cdi/ldcache.h"
#include "cdi/tree.h"

/* Inside cdi/tree: what its files know of each other. */

void tree_add_mode(struct arena *a, struct tree_edits *t, const char *path, uint32_t mode);

/* Counts, lengths and control characters of texts that came from outside. */
int tree_check(const struct tree_edits *t, struct err *e) MUST_USE;
/* The same, where *t was *checked before more was added. */
int tree_check_more(const struct tree_edits *t, const struct tree_edits *checked, struct err *e)
	MUST_USE;

void tree_warn(const struct tree_place *p, const char *fmt, ...) FORMAT(2, 3);

/* tree_fs.c: opening and writing. */

/* A path cut at its last slash; both parts are the caller's. */
void tree_split(const char *path, char **ret_folder, char **ret_name);

/*
 * Does what was opened at path lie on the root's own mount, or on that of /dev, which is the
 * container's? What else is mounted there belongs to somebody, whom we do not write to.
 */
bool tree_is_own(const struct tree_place *p, const char *path, int fd);

/* A folder to make something in, O_PATH, made when it is missing. ERR_PRIV: not the root's own. */
int tree_folder(const struct tree_place *p, const char *path, int *ret_fd, struct err *e) MUST_USE;

/*
 * Open a regular file of the image to read it. ERR_ABSENT when there is none, ERR_PARSE for what is
 * no such file: a fifo or device, whose opening could block or act, or a file of the kernel.
 */
int tree_open(const struct tree_place *p, const char *path, int *ret_fd, struct err *e) MUST_USE;
/* The same for what an O_PATH descriptor shows; descriptors is from tree_descriptors. */
int tree_reopen(int descriptors, int fd, const char *path, int *ret_fd, struct err *e) MUST_USE;
/* /proc/self/fd of the host, or -1. The caller's. */
int tree_descriptors(void);
/* All of it, at most max bytes. */
int tree_read(const struct tree_place *p, const char *path, size_t max, char **ret, size_t *ret_len,
	      struct err *e) MUST_USE;

/*
 * Make the file at path have these bytes: by rename, or where it cannot be written (a read-only
 * root, somebody's mount) by covering it.
 */
int tree_put(const struct tree_place *p, const char *path, const void *data, size_t len,
	     mode_t mode, struct err *e) MUST_USE;

bool tree_has(const struct tree_place *p, const char *path);

/* Parts; what fails there is optional and warned about. */
void tree_make_links(const struct tree_place *p, const struct tree_edits *t);	/* tree_links.c */
void tree_make_modes(const struct tree_place *p, const struct tree_edits *t);	/* tree_links.c */
void tree_make_params(const struct tree_place *p);				/* tree_nvidia.c */
void tree_make_profile(const struct tree_place *p, const struct tree_edits *t); /* tree_nvidia.c */
void tree_make_loader(const struct tree_place *p, const struct tree_edits *t);	/* tree_ldcache.c */

/* The folder of the image's own CUDA libraries, if they are to come first; else NULL. */
const char *tree_compat(const struct tree_place *p, const struct tree_edits *t);

/* What a compatibility library says of itself (section .note.cuda.fwd_compatibility). */
struct compat_note {
	const char *cuda;     /* "12.4", or NULL */
	const char **drivers; /* major versions on which it runs; NULL-terminated, or NULL */
};
int compat_note_parse(const char *data, size_t len, struct arena *a, struct compat_note *ret,
		      struct err *e) MUST_USE;
