/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/json_edit.h"
#include "base/mem.h"
#include "base/str.h"
#include "cdi/spec.h"

/* The parts of cdi_apply. */

/* Lists are compared with each other; a longer one is not meant seriously. */
enum { APPLY_LIST_MAX = 8192 };

/* A configuration that is being edited. */
struct apply {
	struct json_edit j;
	struct arena arena;
};

/* A path into the configuration; numbers are AT(i). */
#define PATH(...) ((const char *const[]){__VA_ARGS__, NULL})
struct apply_index {
	char text[24];
};
struct apply_index apply_index(size_t i);
#define AT(i) (apply_index(i).text)

/* Elements of a list of at most APPLY_LIST_MAX. ERR_PARSE names what is longer. */
int apply_count(const struct apply *a, const char *const *path, const char *what, size_t *ret,
		struct err *e) MUST_USE;
/* A string, in the arena; NULL when there is none. */
const char *apply_string(struct apply *a, const char *const *path);
/* A number, or fallback when there is none that fits. */
int64_t apply_number(const struct apply *a, const char *const *path, int64_t fallback);

/* Members of an object in b, which begins with "{"; a list that is empty is left out. */
void apply_put_text(struct buf *b, const char *key, const char *value);
void apply_put_number(struct buf *b, const char *key, int64_t value);
void apply_put_texts(struct buf *b, const char *key, const struct cdi_texts *t);

int apply_mounts(struct apply *a, const struct cdi_edits *edits, struct err *e) MUST_USE;
int apply_nodes(struct apply *a, const struct cdi_edits *edits, struct err *e) MUST_USE;
