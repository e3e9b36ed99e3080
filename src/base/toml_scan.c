/* SPDX-License-Identifier: Apache-2.0 */
#include "base/toml_scan.h"

#include <string.h>

#include "base/i18n.h"

struct toml_scan toml_scan_of(const char *text, size_t len, const char *name, struct err *e)
{
	return (struct toml_scan){.text = text,
				  .p = text,
				  .end = text + len,
				  .name = name,
				  .e = e,
				  .counted = text,
				  .row = 1,
				  .col = 1};
}

void toml_position(struct toml_scan *s, int *ret_line, int *ret_col)
{
	for (; s->counted < s->p; s->counted++) {
		if (*s->counted == '\n') {
			s->row++;
			s->col = 1;
		} else {
			s->col += (*s->counted & 0xc0) != 0x80;
		}
	}
	*ret_line = s->row;
	*ret_col = s->col;
}

int toml_wrong(struct toml_scan *s, const char *what)
{
	struct toml_scan fresh = toml_scan_of(s->text, 0, s->name, s->e);
	int line;
	int col;

	fresh.p = s->p;
	toml_position(&fresh, &line, &col);
	return err_set(s->e, ERR_PARSE, "%s:%d:%d: %s", s->name, line, col, tr(what));
}

void toml_space(struct toml_scan *s)
{
	while (toml_at(s, ' ') || toml_at(s, '\t'))
		s->p++;
}

/* A letter of a comment or a string: what TOML allows there. */
static int scan_letter(struct toml_scan *s)
{
	unsigned char c = (unsigned char)*s->p;
	size_t n = 1;

	if ((c < 0x20 && c != '\t') || c == 0x7f)
		return toml_wrong(s, N_("a control character"));
	if (c >= 0x80)
		n = str_utf8(s->p, s->end);
	if (!n)
		return toml_wrong(s, N_("a byte that is not UTF-8"));
	s->p += n;
	return 0;
}

/* "\n" or "\r\n". */
static bool take_newline(struct toml_scan *s)
{
	if (toml_at(s, '\r') && s->end - s->p > 1 && s->p[1] == '\n')
		s->p++;
	if (!toml_at(s, '\n'))
		return false;
	s->p++;
	return true;
}

static bool at_newline(const struct toml_scan *s)
{
	return toml_at(s, '\n') || (toml_at(s, '\r') && s->end - s->p > 1 && s->p[1] == '\n');
}

static int scan_comment(struct toml_scan *s)
{
	if (!toml_at(s, '#'))
		return 0;
	while (s->p < s->end && !at_newline(s))
		if (scan_letter(s) < 0)
			return -(int)s->e->code;
	return 0;
}

int toml_line_end(struct toml_scan *s)
{
	toml_space(s);
	if (scan_comment(s) < 0)
		return -(int)s->e->code;
	if (s->p < s->end && !take_newline(s))
		return toml_wrong(s, N_("the end of the line is expected here"));
	return 0;
}

int toml_blank(struct toml_scan *s)
{
	do {
		toml_space(s);
		if (scan_comment(s) < 0)
			return -(int)s->e->code;
	} while (take_newline(s));
	return 0;
}

bool toml_is_bare(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

int toml_key(struct toml_scan *s, struct buf *ret)
{
	const char *from = s->p;

	buf_add(ret, "", 0);
	if (toml_at(s, '"') || toml_at(s, '\'')) {
		if (s->end - s->p > 2 && s->p[1] == *s->p && s->p[2] == *s->p)
			return toml_wrong(s, N_("a key cannot have several lines"));
		return toml_string(s, ret);
	}
	while (s->p < s->end && toml_is_bare(*s->p))
		s->p++;
	if (s->p == from)
		return toml_wrong(s, N_("a key is expected here"));
	buf_add(ret, from, (size_t)(s->p - from));
	return 0;
}

static void add_letter(struct buf *b, uint32_t c)
{
	static const unsigned char heads[] = {0, 0, 0xc0, 0xe0, 0xf0};
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	char s[4];

	for (size_t i = n; i-- > 1; c >>= 6)
		s[i] = (char)(0x80 | (c & 0x3f));
	s[0] = (char)(heads[n] | c);
	buf_add(b, s, n);
}

/* \uXXXX and \UXXXXXXXX; s->p is behind the letter u. */
static int scan_code(struct toml_scan *s, int digits, struct buf *ret)
{
	const char *from = s->p - 2;
	uint32_t c = 0;

	for (; digits; digits--, s->p++) {
		static const char hex[] = "0123456789abcdefABCDEF";
		const char *at = s->p < s->end && *s->p ? strchr(hex, *s->p) : NULL;

		if (!at) {
			s->p = from;
			return toml_wrong(s, N_("too few hexadecimal digits behind '\\u'"));
		}
		c = c << 4 | (uint32_t)(at - hex < 16 ? at - hex : at - hex - 6);
	}
	if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) || !c) {
		s->p = from;
		return toml_wrong(s, N_("there is no such letter"));
	}
	add_letter(ret, c);
	return 0;
}

/* A backslash at the end of a line takes all space up to the next letter away. */
static int scan_joint(struct toml_scan *s)
{
	const char *from = s->p - 1;

	toml_space(s);
	if (!take_newline(s)) {
		s->p = from;
		return toml_wrong(s, N_("TOML has no such '\\' sequence"));
	}
	do
		toml_space(s);
	while (take_newline(s));
	return 0;
}

static int scan_escape(struct toml_scan *s, bool lines, struct buf *ret)
{
	static const char from[] = "\"\\bfnrt";
	static const char to[] = "\"\\\b\f\n\r\t";
	const char *at;

	s->p++;
	if (s->p >= s->end)
		return toml_wrong(s, N_("the text ends within a string"));
	if (*s->p == 'u' || *s->p == 'U') {
		s->p++;
		return scan_code(s, s->p[-1] == 'u' ? 4 : 8, ret);
	}
	at = *s->p ? strchr(from, *s->p) : NULL;
	if (at) {
		s->p++;
		buf_add(ret, &to[at - from], 1);
		return 0;
	}
	if (lines)
		return scan_joint(s);
	s->p--;
	return toml_wrong(s, N_("TOML has no such '\\' sequence"));
}

static int no_end(struct toml_scan *s, const char *from)
{
	s->p = from;
	return toml_wrong(s, N_("the string that begins here has no end"));
}

static int scan_one_line(struct toml_scan *s, struct buf *ret)
{
	const char *from = s->p;
	char quote = *s->p++;

	for (;;) {
		const char *letter = s->p;

		if (s->p >= s->end || at_newline(s))
			return no_end(s, from);
		if (*s->p == quote)
			break;
		if (*s->p == '\\' && quote == '"') {
			if (scan_escape(s, false, ret) < 0)
				return -(int)s->e->code;
			continue;
		}
		if (scan_letter(s) < 0)
			return -(int)s->e->code;
		buf_add(ret, letter, (size_t)(s->p - letter));
	}
	s->p++;
	return 0;
}

/* How many of a letter stand in a row. */
static size_t run_of(const struct toml_scan *s, char c)
{
	const char *p = s->p;

	while (p < s->end && *p == c)
		p++;
	return (size_t)(p - s->p);
}

static int scan_lines(struct toml_scan *s, struct buf *ret)
{
	const char *from = s->p;
	char quote = *s->p;

	s->p += 3;
	(void)take_newline(s);
	while (s->p < s->end) {
		const char *letter = s->p;
		size_t quotes = run_of(s, quote);
		int code = 0;

		if (quotes >= 3) {
			/* Up to two quotes may stand right before the three that end it. */
			size_t text = quotes > 5 ? 2 : quotes - 3;

			buf_add(ret, s->p, text);
			s->p += text + 3;
			return 0;
		}
		if (take_newline(s)) {
			buf_str(ret, "\n");
			continue;
		}
		if (*s->p == '\\' && quote == '"') {
			code = scan_escape(s, true, ret);
		} else {
			code = scan_letter(s);
			buf_add(ret, letter, (size_t)(s->p - letter));
		}
		if (code < 0)
			return code;
	}
	return no_end(s, from);
}

int toml_string(struct toml_scan *s, struct buf *ret)
{
	buf_add(ret, "", 0);
	return run_of(s, *s->p) >= 3 ? scan_lines(s, ret) : scan_one_line(s, ret);
}
