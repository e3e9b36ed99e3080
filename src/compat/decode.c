/* SPDX-License-Identifier: Apache-2.0 */
#include "compat/decode.h"

#include <string.h>

#include "base/i18n.h"
#include "base/str.h"

enum { LIST_MAX = 64, ID_DIGITS = 4 };

static int wrong(const struct cell_row *row, const char *text, const char *want, struct err *e)
{
	return err_set(e, ERR_PARSE, "'%.60s' in column '%s' is not %s", text, row->column, want);
}

static int decode_hex(const struct cell_row *row, const char *text, uint32_t *ret, struct err *e)
{
	static const char digits[] = "0123456789abcdef";
	uint32_t value = 0;

	if (strlen(text) > ID_DIGITS)
		return wrong(row, text, _("a PCI id of four hexadecimal digits"), e);
	for (const char *p = text; *p; p++) {
		char letter = (char)(*p >= 'A' && *p <= 'F' ? *p + ('a' - 'A') : *p);
		const char *at = strchr(digits, letter);

		if (!at)
			return wrong(row, text, _("a PCI id of four hexadecimal digits"), e);
		value = value << 4 | (uint32_t)(at - digits);
	}
	*ret = value;
	return 0;
}

/* The part up to a separator (0: all), as a version. *s is left behind the separator. */
static bool next_version(const char **s, char separator, struct version *ret)
{
	const char *end = separator ? strchr(*s, separator) : NULL;
	size_t n = end ? (size_t)(end - *s) : strlen(*s);
	char text[64];
	struct err e;

	if (n >= sizeof(text))
		return false;
	memcpy(text, *s, n);
	text[n] = '\0';
	*s = end ? end + 1 : *s + n;
	return version_parse(text, "", ret, &e) == 0;
}

static int decode_version(const struct cell_row *row, const char *text, struct version *ret,
			  struct err *e)
{
	struct version v = {0};
	const char *p = text;

	if (*text && !next_version(&p, '\0', &v)) {
		if (row->type == CELL_VERSION)
			return wrong(row, text, _("a version"), e);
		v.n = 0;
	}
	*ret = v;
	return 0;
}

static int decode_ranges(const struct cell_row *row, const char *text, struct ranges *ret,
			 struct arena *a, struct err *e)
{
	struct ranges r = {0};
	struct version_range found[LIST_MAX];
	const char *p = text;

	while (*p) {
		size_t n = strcspn(p, ",");
		char one[64];
		const char *q = one;

		if (n >= sizeof(one) || r.n == LIST_MAX)
			return wrong(row, text, _("a list such as 12.0-12.6,12.8"), e);
		memcpy(one, p, n);
		one[n] = '\0';
		p += n + (p[n] == ',');
		if (!next_version(&q, '-', &found[r.n].low))
			return wrong(row, text, _("a list such as 12.0-12.6,12.8"), e);
		found[r.n].high = found[r.n].low;
		if (strchr(one, '-') && !next_version(&q, '\0', &found[r.n].high))
			return wrong(row, text, _("a list such as 12.0-12.6,12.8"), e);
		r.n++;
	}
	if (r.n) {
		r.v = arena_alloc(a, r.n * sizeof(*r.v));
		memcpy(r.v, found, r.n * sizeof(*r.v));
	}
	*ret = r;
	return 0;
}

static int decode_capabilities(const struct cell_row *row, const char *text,
			       struct capabilities *ret, struct arena *a, struct err *e)
{
	struct capabilities c = {.ptx = str_ends(text, "+PTX")};
	struct version found[LIST_MAX];
	char list[256];
	size_t n = strlen(text);
	const char *p = list;

	if (n >= sizeof(list))
		return wrong(row, text, _("a list such as 7.5;8.0;9.0+PTX"), e);
	memcpy(list, text, n + 1);
	if (c.ptx)
		list[n - 4] = '\0';
	else if (n && list[n - 1] == '+') {
		c.open = true;
		list[n - 1] = '\0';
	}
	while (*p) {
		if (c.n == LIST_MAX || !next_version(&p, ';', &found[c.n]))
			return wrong(row, text, _("a list such as 7.5;8.0;9.0+PTX"), e);
		c.n++;
	}
	if ((c.ptx || c.open) && !c.n)
		return wrong(row, text, _("a list such as 7.5;8.0;9.0+PTX"), e);
	if (c.n) {
		c.v = arena_alloc(a, c.n * sizeof(*c.v));
		memcpy(c.v, found, c.n * sizeof(*c.v));
	}
	*ret = c;
	return 0;
}

static int decode_flavours(const struct cell_row *row, const char *text, unsigned int *ret,
			   struct err *e)
{
	static const struct {
		const char *text;
		unsigned int flavours;
	} words[] = {
		{"y", FLAVOUR_OPEN | FLAVOUR_PROPRIETARY},
		{"n", FLAVOUR_PROPRIETARY},
		{"required", FLAVOUR_OPEN},
		{"both", FLAVOUR_OPEN | FLAVOUR_PROPRIETARY},
		{"proprietary", FLAVOUR_PROPRIETARY},
		{"open", FLAVOUR_OPEN},
	};
	enum { MODULE_WORDS = 3 };
	bool modules = row->type == CELL_MODULES;

	for (size_t i = 0; i < COUNT(words); i++)
		if (str_eq(words[i].text, text) && modules == (i < MODULE_WORDS)) {
			*ret = words[i].flavours;
			return 0;
		}
	return wrong(row, text, modules ? "y, n, required" : "both, open, proprietary", e);
}

int cell_decode(const struct cell_row *row, const char *text, void *item, struct arena *a,
		struct err *e)
{
	void *at = (char *)item + row->offset;

	switch (row->type) {
	case CELL_STR:
		*(const char **)at = text;
		return 0;
	case CELL_HEX:
		return decode_hex(row, text, at, e);
	case CELL_VERSION:
	case CELL_VERSION_OR_NAME:
		return decode_version(row, text, at, e);
	case CELL_RANGES:
		return decode_ranges(row, text, at, a, e);
	case CELL_CAPABILITIES:
		return decode_capabilities(row, text, at, a, e);
	case CELL_MODULES:
	case CELL_FLAVOURS:
		return decode_flavours(row, text, at, e);
	}
	return err_set(e, ERR_BUG, "an unknown kind of cell");
}
