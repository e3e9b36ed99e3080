/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/doc.h"
#include "base/err.h"
#include "base/fs.h"
#include "base/json_edit.h"
#include "base/str.h"

/* One configuration file while it is edited, and the keys that were set, so that they can be
 * undone.
 */

enum engine_format { FORMAT_JSON, FORMAT_TOML };
enum { ENGINE_KEYS = 16, ENGINE_FILE_MAX = 4 << 20 };

struct engine_key {
	char *path[ENGINE_KEYS + 1]; /* NULL-terminated */
	char *value;		     /* what was set, as text */
	char *before;		     /* NULL: there was none */
	size_t kept;		     /* how many keys of the path were there before */
};

struct engine_file {
	char *path; /* below the root; of the file itself where path is a link */
	enum engine_format format;
	char *before; /* NULL: there is no file */
	char *after;  /* NULL: the file is to be removed; set by engine_file_close */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	struct doc original; /* as it was, by its format */
	struct json_edit original_json;
	struct json_edit json;
	struct buf toml;
	struct engine_key *keys;
	size_t keys_n;
	bool exact; /* undo: giving the old bytes back is right */
};

/* Read a file, which may be absent. Links are followed inside the root. */
int engine_file_open(const struct root *r, const char *path, enum engine_format format,
		     struct engine_file *ret, struct err *e) MUST_USE;
void engine_file_fini(struct engine_file *f);

/* Edit and look. Setting what is there already changes nothing. */
int engine_file_set(struct engine_file *f, const char *const *path, const char *value,
		    struct err *e) MUST_USE;
int engine_file_append(struct engine_file *f, const char *const *path, const char *value,
		       struct err *e) MUST_USE;
char *engine_file_value(const struct engine_file *f, const char *const *path) MUST_USE;
bool engine_file_has(const struct engine_file *f, const char *const *path);
/* The text as a tree. */
int engine_file_read(const struct engine_file *f, struct doc *ret, struct err *e) MUST_USE;

/* The edits are complete: fills in after. */
void engine_file_close(struct engine_file *f);
bool engine_file_changes(const struct engine_file *f);

/*
 * Take back keys that were set by an earlier run. What the user has changed since stays, and is
 * named in *notes.
 */
int engine_file_undo(struct engine_file *f, const struct engine_key *keys, size_t n, bool existed,
		     struct strs *notes, struct err *e) MUST_USE;

/* Could a file be written? Asked before anything is. ERR_PRIV, ERR_SYS with a hint. */
int engine_may_write(const struct root *r, const char *path, struct err *e) MUST_USE;
/* Write, or remove, the file. */
int engine_file_write(const struct root *r, const struct engine_file *f, struct err *e) MUST_USE;

/* The folder that holds a path below the root, open; made when make is set. */
int engine_folder(const struct root *r, const char *path, bool make, int *ret_fd,
		  const char **ret_name, struct err *e) MUST_USE;

/* "a.b.c" for messages. The caller's. */
char *engine_spell(const char *const *path) MUST_USE;
void engine_key_fini(struct engine_key *k);
