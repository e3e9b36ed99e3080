/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/*
 * The answer as JSON. Each object of a list is a line of its own, because the reader takes lines of
 * limited length.
 */
struct out {
	FILE *file;
	bool comma; /* something stands before on this level */
};

/* key may be NULL: an element of a list. */
void out_open(struct out *o, const char *key, char bracket);
void out_close(struct out *o, char bracket);
void out_text(struct out *o, const char *key, const char *text); /* NULL or "": null */
void out_number(struct out *o, const char *key, long long value);
void out_bool(struct out *o, const char *key, bool value);
