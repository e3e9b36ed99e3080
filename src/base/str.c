/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Most texts are short: they are formatted once. */
enum { SHORT = 512 };

static char *format(const char *fmt, va_list args)
{
	char small[SHORT];
	va_list again;
	char *text;
	int n;

	va_copy(again, args);
	n = vsnprintf(small, sizeof(small), fmt, again);
	va_end(again);
	if (n < 0)
		err_bug("cannot format a text");
	if (n < SHORT)
		return mem_dup(small, (size_t)n + 1);
	text = mem_alloc((size_t)n + 1);
	(void)vsnprintf(text, (size_t)n + 1, fmt, args);
	return text;
}

char *str_fmt(const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	text = format(fmt, args);
	va_end(args);
	return text;
}

char *str_dup(const char *s)
{
	return s ? mem_dup(s, strlen(s) + 1) : NULL;
}

bool str_eq(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s);
	size_t m = strlen(suffix);

	return n >= m && strcmp(s + n - m, suffix) == 0;
}

/* One UTF-8 letter from *s; a wrong byte counts as a letter of its own. */
static uint32_t next_letter(const unsigned char **s)
{
	uint32_t c = *(*s)++;
	int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;

	if (more)
		c &= 0x3fU >> more;
	for (; more && (**s & 0xc0) == 0x80; more--)
		c = c << 6 | (*(*s)++ & 0x3f);
	return c;
}

/* The blocks of letters that take two cells (Unicode East Asian Width W and F). */
static bool is_wide(uint32_t c)
{
	static const uint32_t wide[][2] = {
		{0x1100, 0x115f},   {0x2e80, 0x303e}, {0x3041, 0x33ff}, {0x3400, 0x4dbf},
		{0x4e00, 0x9fff},   {0xa000, 0xa4cf}, {0xac00, 0xd7a3}, {0xf900, 0xfaff},
		{0xfe30, 0xfe6f},   {0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1f64f},
		{0x20000, 0x3fffd},
	};

	for (size_t i = 0; i < COUNT(wide); i++)
		if (c >= wide[i][0] && c <= wide[i][1])
			return true;
	return false;
}

size_t str_width(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t cells = 0;

	while (*p) {
		uint32_t c = next_letter(&p);

		if (c >= 0x300 && c <= 0x36f)
			continue; /* combining marks take no cell */
		cells += is_wide(c) ? 2 : 1;
	}
	return cells;
}

size_t str_utf8(const char *p, const char *end)
{
	const unsigned char *s = (const unsigned char *)p; /* RFC 3629 */
	size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	unsigned char low = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
	unsigned char high = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;

	if (s[0] < 0xc2 || s[0] > 0xf4 || (size_t)(end - p) < n || s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

bool str_list_has(const char *list, char sep, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; *p;) {
		size_t one = (size_t)(strchrnul(p, sep) - p);

		if (one == n && strncmp(p, word, n) == 0)
			return true;
		p += one + (p[one] == sep);
	}
	return false;
}

size_t str_distance(const char *a, const char *b)
{
	enum { LONGEST = 64 };
	size_t n = strnlen(a, LONGEST);
	size_t m = strnlen(b, LONGEST);
	size_t row[LONGEST + 1];

	for (size_t j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[m];
}

void buf_add(struct buf *b, const void *data, size_t n)
{
	if (b->max && b->len + n > b->max) {
		n = b->max - b->len;
		b->full = true;
	}
	if (b->len + n + 1 > b->cap) {
		b->cap = (b->len + n + 1) * 2;
		b->data = mem_resize(b->data, b->cap);
	}
	if (n)
		memcpy(b->data + b->len, data, n);
	b->len += n;
	b->data[b->len] = '\0';
}

void buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_fmt(struct buf *b, const char *fmt, ...)
{
	CLEANUP(freep) char *text = NULL;
	char small[SHORT];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(small, sizeof(small), fmt, args);
	va_end(args);
	if (n >= 0 && n < SHORT) {
		buf_add(b, small, (size_t)n);
		return;
	}
	va_start(args, fmt);
	text = format(fmt, args);
	va_end(args);
	buf_str(b, text);
}

void buf_hex(struct buf *b, uint64_t value)
{
	char digits[16];
	size_t n = sizeof(digits);

	do {
		digits[--n] = "0123456789abcdef"[value & 15];
		value >>= 4;
	} while (value);
	buf_add(b, digits + n, sizeof(digits) - n);
}

void buf_shell(struct buf *b, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_./:@%+,=-";

	if (*word && word[strspn(word, plain)] == '\0') {
		buf_str(b, word);
		return;
	}
	buf_str(b, "'");
	for (; *word; word++)
		if (*word == '\'')
			buf_str(b, "'\\''");
		else
			buf_add(b, word, 1);
	buf_str(b, "'");
}

void buf_fini(struct buf *b)
{
	free(b->data);
	*b = (struct buf){.max = b->max};
}

static void strs_own(struct strs *l, char *s)
{
	/* Room doubles, so it is full whenever n is a power of two. */
	if ((l->n & (l->n + 1)) == 0)
		l->v = mem_resize(l->v, (2 * l->n + 2) * sizeof(*l->v));
	l->v[l->n++] = s;
	l->v[l->n] = NULL;
}

void strs_add(struct strs *l, const char *s)
{
	strs_own(l, str_dup(s));
}

void strs_fmt(struct strs *l, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	strs_own(l, format(fmt, args));
	va_end(args);
}

void strs_add_all(struct strs *l, const char *const *v)
{
	for (; *v; v++)
		strs_add(l, *v);
}

bool strs_has(const struct strs *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (str_eq(l->v[i], s))
			return true;
	return false;
}

void strs_fini(struct strs *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct strs){0};
}

int parse_uint(const char *s, uint64_t max, const char *what, uint64_t *ret, struct err *e)
{
	uint64_t value = 0;
	const char *p = s;

	for (; *p >= '0' && *p <= '9'; p++) {
		uint64_t digit = (uint64_t)(*p - '0');

		if (value > (UINT64_MAX - digit) / 10)
			break;
		value = value * 10 + digit;
	}
	if (p == s || *p || value > max)
		return err_set(e, ERR_PARSE, "%s '%s' is not a whole number from 0 to %llu", what,
			       s, (unsigned long long)max);
	*ret = value;
	return 0;
}

int parse_size(const char *s, uint64_t *ret, struct err *e)
{
	static const char units[] = "KMGT";
	size_t digits = strspn(s, "0123456789");
	CLEANUP(freep) char *number = str_fmt("%.*s", (int)(digits < 20 ? digits : 20), s);
	const char *unit = s + digits;
	unsigned int shift = 0;
	uint64_t value = 0;

	if (*unit && strchr(units, toupper((unsigned char)*unit))) {
		const char *at = strchr(units, toupper((unsigned char)*unit));

		shift = 10 * (unsigned int)(at - units + 1);
		unit++;
	}
	if (str_eq(unit, "iB") || str_eq(unit, "B"))
		unit = "";
	if (!digits || *unit || parse_uint(number, UINT64_MAX >> shift, "size", &value, e) < 0) {
		(void)err_set(e, ERR_PARSE, "'%s' is not a size", s);
		return err_hint(e, "write a number with K, M, G or T, such as 8G");
	}
	*ret = value << shift;
	return 0;
}

char *str_size(uint64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1000 && unit + 1 < COUNT(units)) {
		value /= 1024;
		unit++;
	}
	return str_fmt(unit && value < 10 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

int parse_decimal(const char *s, const char *what, double *ret, struct err *e)
{
	enum { DIGITS_MAX = 15 }; /* what a double holds exactly */
	double value = 0;
	double unit = 1;
	size_t digits = 0;
	const char *point = NULL;
	const char *p = s;

	for (; (*p >= '0' && *p <= '9') || (*p == '.' && !point); p++) {
		if (*p == '.') {
			point = p;
			continue;
		}
		value = value * 10 + (*p - '0');
		unit *= point ? 10 : 1;
		digits++;
	}
	if (*p || !digits || digits > DIGITS_MAX)
		return err_set(e, ERR_PARSE, "%s '%s' is not a number such as 2 or 1.5", what, s);
	*ret = value / unit;
	return 0;
}
