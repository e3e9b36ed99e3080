/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Where in a JSON text the value at a path of keys lies (path is
 * NULL-terminated), without reading the document: a seccomp section is most of
 * a config.json, and its compiled form is looked up by its text. False when
 * there is none, when a key on the way is written with escapes, or when the text
 * is not JSON: then the reader of the whole text decides.
 */
bool json_span(const char *text, size_t len, const char *const *path, size_t *ret_start,
	       size_t *ret_len);
