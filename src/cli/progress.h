/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/progress.h"
#include "cli/command.h"

/*
 * Draws what libraries report through struct progress. On a terminal the
 * running step is one line that is redrawn, and a finished one stays; plain
 * prints lines; JSON prints one object a line.
 */

struct renderer_config {
	enum progress_mode mode; /* not PROGRESS_AUTO */
	int fd;			 /* borrowed */
	bool color;
	unsigned int width;	 /* cells; 0: ask the terminal each time */
	int64_t (*now_ms)(void); /* NULL: the monotonic clock */
};

struct renderer *renderer_new(const struct renderer_config *config) MUST_USE;
void renderer_free(struct renderer **r); /* ends the line that is drawn */

/* Valid as long as the renderer. */
const struct progress *renderer_progress(struct renderer *r);

/* The permanent line of a step that is done: as an event with finished set. */
void renderer_step(struct renderer *r, const char *id, const char *text);

/* Take the drawn line away before something else is printed; the next report draws it again. */
void renderer_clear(struct renderer *r);

/* Leave the drawn line as it is and go to the next: before an error. */
void renderer_end_line(struct renderer *r);

/* What PROGRESS_AUTO means for stderr, and whether to use colour there. */
enum progress_mode progress_choose(const struct cli_globals *g);
bool color_choose(const struct cli_globals *g);
