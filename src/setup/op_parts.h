/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdint.h>
#include <time.h>

#include "base/str.h"
#include "setup/execute.h"
#include "setup/op.h"

/* What the files of operations (op_*.c) share. Inside setup/ only. */

/* The fields of struct op beside step, why and flags, which every kind has. */
enum op_field {
	FIELD_PATH = 1 << 0,
	FIELD_TEXT = 1 << 1,
	FIELD_URL = 1 << 2,
	FIELD_NAME = 1 << 3,
	FIELD_USER = 1 << 4,
	FIELD_WORDS = 1 << 5,
	FIELD_UNDO = 1 << 6,
	FIELD_CHOICES = 1 << 7,
	FIELD_MODE = 1 << 8,
};

/* A row of op.c. */
struct op_row {
	const struct op_kind *kind;
	unsigned int has;   /* enum op_field: may be there */
	unsigned int needs; /* of these: has to be */
};
/* By number, up to NULL; and by kind: NULL is no kind of ours. */
const struct op_row *op_row_at(size_t i);
const struct op_row *op_row_of(const struct op_kind *kind);

/*
 * Files of the machine (paths below x->root). ERR_ABSENT: there is none; ERR_PARSE: larger than
 * OP_FILE_MAX. The text is the caller's; ret_len may be NULL.
 */
enum { OP_FILE_MAX = 4 << 20 };
int op_read(const struct executor *x, const char *path, char **ret, size_t *ret_len, struct err *e)
	MUST_USE;
/* By rename, synced; folders that are missing are made (0755). */
int op_write(const struct executor *x, const char *path, const void *data, size_t len, mode_t mode,
	     struct err *e) MUST_USE;

/* Remove what a writer that was killed left beside the file. op_write and op_restore do it. */
void op_sweep(const struct executor *x, const char *path);

/*
 * For before and undo of what changes a file: keep it under STATE/kept/N (with mode and owner), or
 * note that there is none and which folders are missing. op_restore puts it back, or removes the
 * file and those folders where they are empty. digest: of what the operation left there
 * (digest_bytes); when somebody has changed it since, it stays and is noted. NULL: whatever it is.
 */
int op_keep(struct executor *x, const char *path, json_t **ret, struct err *e) MUST_USE;
int op_restore(struct executor *x, const char *path, const char *digest, const json_t *before,
	       struct err *e) MUST_USE;
/* The folders on the way to path that are missing, innermost first, added to a list of texts. */
void op_missing_folders(const struct executor *x, const char *path, json_t *list);
/* Remove those of them that are empty. */
void op_remove_folders(const struct executor *x, const json_t *list);
/* A text of our own beside these, STATE/kept/N/NAME: *ret_path counts from STATE. */
int op_keep_text(struct executor *x, const char *name, const char *text, char **ret_path,
		 struct err *e) MUST_USE;

/* Whether "name" or "name=version" is installed, by x->packages. */
bool op_has_package(const struct executor *x, const char *package);
/* Nanoseconds, to compare times. */
static inline int64_t time_ns(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

/* "a, b, c" for show. */
void op_show_words(const char *const *words, struct buf *ret);
