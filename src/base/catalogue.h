/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* What tools/po2c.py makes of the po files at build time. */

struct tr_entry {
	const char *id;
	const char *text;
};

struct tr_catalogue {
	const char *lang;		/* the po file's name: "zh_TW" */
	const struct tr_entry *entries; /* sorted by the bytes of id */
	size_t n;
};

extern const struct tr_catalogue tr_catalogues[];
extern const size_t tr_catalogues_n;
