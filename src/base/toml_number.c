/* SPDX-License-Identifier: Apache-2.0 */
/* TOML's numbers, booleans, dates and times. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "base/toml_scan.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits with single underscores between them, copied without these. False: there are none. */
static bool take_digits(const char **p, const char *digits, struct buf *ret)
{
	const char *from = *p;

	while (**p && strchr(digits, **p)) {
		buf_add(ret, *p, 1);
		(*p)++;
		if (**p == '_' && (*p)[1] && strchr(digits, (*p)[1]))
			(*p)++;
	}
	return *p > from;
}

/* 0x, 0o and 0b; the tree has them in decimal. */
static bool read_based(const char *p, struct buf *ret)
{
	static const struct {
		char letter;
		int base;
		const char *digits;
	} bases[] = {{'x', 16, "0123456789abcdefABCDEF"}, {'o', 8, "01234567"}, {'b', 2, "01"}};
	CLEANUP(buf_fini) struct buf plain = {0};
	unsigned long long value;

	for (size_t i = 0; i < COUNT(bases); i++) {
		if (p[0] != '0' || p[1] != bases[i].letter)
			continue;
		p += 2;
		if (!take_digits(&p, bases[i].digits, &plain) || *p)
			return false;
		errno = 0;
		value = strtoull(plain.data, NULL, bases[i].base);
		if (errno || value > INT64_MAX)
			return false;
		buf_fmt(ret, "%llu", value);
		return true;
	}
	return false;
}

/* [+-]digits, then for floats a fraction, an exponent, or both. */
static bool read_decimal(const char *p, struct buf *ret)
{
	static const char digits[] = "0123456789";
	const char *whole;
	bool is_float = false;

	if (*p == '-')
		buf_str(ret, "-");
	p += *p == '-' || *p == '+';
	if (str_eq(p, "inf") || str_eq(p, "nan")) {
		buf_str(ret, p);
		return true;
	}
	whole = p;
	if (!take_digits(&p, digits, ret) || (*whole == '0' && p > whole + 1))
		return false;
	if (*p == '.') {
		p++;
		buf_str(ret, ".");
		is_float = true;
		if (!take_digits(&p, digits, ret))
			return false;
	}
	if (*p == 'e' || *p == 'E') {
		buf_str(ret, "e");
		p++;
		if (*p == '-' || *p == '+')
			buf_add(ret, p++, 1);
		is_float = true;
		if (!take_digits(&p, digits, ret))
			return false;
	}
	errno = 0;
	if (!is_float && !*p)
		(void)strtoll(ret->data, NULL, 10);
	return !*p && !errno;
}

/* Exactly two digits from low to high. */
static bool two(const char **p, int low, int high, int *ret)
{
	const char *s = *p;
	int n;

	if (!is_digit(s[0]) || !is_digit(s[1]))
		return false;
	n = (s[0] - '0') * 10 + (s[1] - '0');
	*p += 2;
	*ret = n;
	return n >= low && n <= high;
}

static bool letter(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

static bool read_date(const char **p)
{
	static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int century;
	int year;
	int month;
	int day;

	if (!two(p, 0, 99, &century) || !two(p, 0, 99, &year) || !letter(p, '-') ||
	    !two(p, 1, 12, &month) || !letter(p, '-') || !two(p, 1, days[month - 1], &day))
		return false;
	year += century * 100;
	return month != 2 || day < 29 || (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

static bool read_time(const char **p)
{
	int n;

	if (!two(p, 0, 23, &n) || !letter(p, ':') || !two(p, 0, 59, &n) || !letter(p, ':') ||
	    !two(p, 0, 59, &n))
		return false;
	if (letter(p, '.')) {
		if (!is_digit(**p))
			return false;
		while (is_digit(**p))
			(*p)++;
	}
	return true;
}

static bool read_zone(const char **p)
{
	int n;

	if (!**p || letter(p, 'Z') || letter(p, 'z'))
		return true;
	return (letter(p, '+') || letter(p, '-')) && two(p, 0, 23, &n) && letter(p, ':') &&
	       two(p, 0, 59, &n);
}

static bool read_moment(const char *p)
{
	if (p[2] == ':')
		return read_time(&p) && !*p;
	if (!read_date(&p))
		return false;
	if (!*p)
		return true;
	return (letter(&p, 'T') || letter(&p, 't') || letter(&p, ' ')) && read_time(&p) &&
	       read_zone(&p) && !*p;
}

static bool is_word_letter(char c)
{
	return toml_is_bare(c) || c == '+' || c == '.' || c == ':';
}

/* The text up to the next space, comma or bracket; a date and its time may have one space. */
static void take_word(struct toml_scan *s, struct buf *ret)
{
	const char *from = s->p;

	while (s->p < s->end && is_word_letter(*s->p))
		s->p++;
	if (s->p - from == 10 && from[4] == '-' && s->end - s->p > 2 && *s->p == ' ' &&
	    is_digit(s->p[1])) {
		s->p++;
		while (s->p < s->end && is_word_letter(*s->p))
			s->p++;
	}
	buf_add(ret, from, (size_t)(s->p - from));
}

int toml_scalar(struct toml_scan *s, enum doc_kind *ret, struct buf *ret_text)
{
	CLEANUP(buf_fini) struct buf word = {0};
	CLEANUP(buf_fini) struct buf plain = {0};
	const char *from = s->p;
	bool ok = false;

	take_word(s, &word);
	buf_add(&plain, "", 0);
	if (str_eq(word.data, "true") || str_eq(word.data, "false")) {
		*ret = DOC_BOOL;
		ok = true;
		buf_str(&plain, word.data);
	} else if (word.len > 4 && is_digit(word.data[0]) && is_digit(word.data[1]) &&
		   (word.data[2] == ':' || word.data[4] == '-')) {
		*ret = DOC_STRING;
		ok = read_moment(word.data);
		buf_str(&plain, word.data);
	} else {
		*ret = DOC_NUMBER;
		ok = read_based(word.data, &plain) || read_decimal(word.data, &plain);
	}
	if (ok) {
		buf_add(ret_text, plain.data, plain.len);
		return 0;
	}
	s->p = from;
	if (!word.len)
		return toml_wrong(s, N_("a value is expected here"));
	if (is_digit(*from) || *from == '+' || *from == '-')
		return toml_wrong(s, N_("not a number, date or time that TOML knows"));
	return toml_wrong(s, N_("a text has to stand in quotes"));
}
