/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/str.h"

/* Text on its way to a terminal. */

/* Append s without control characters: what came from outside cannot steer the terminal. */
void text_clean(struct buf *b, const char *s);

/* The same, but tabs and newlines stay: for a text of several lines. */
void text_clean_lines(struct buf *b, const char *s);

/* Append s cleaned and cut to at most cells, "…" at its end when something is missing. */
void text_fit(struct buf *b, const char *s, size_t cells);

/* Append spaces: as many as a text of width cells lacks up to cells. */
void text_pad(struct buf *b, size_t width, size_t cells);
