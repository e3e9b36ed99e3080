/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_scan.h"

#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "base/mem.h"

struct scan {
	const char *text;
	const char *p;
	const char *end;
	struct json_items *items;
	const char *name;
	struct err *e;
};

enum letter { PLAIN, QUOTE, ESCAPE, CONTROL, MANY /* a UTF-8 sequence begins, or a wrong byte */ };

static enum letter letter_kind(unsigned char c)
{
	if (c >= 0x80)
		return MANY;
	if (c < 0x20)
		return CONTROL;
	return c == '"' ? QUOTE : c == '\\' ? ESCAPE : PLAIN;
}

static int wrong(struct scan *s, const char *what)
{
	const char *line = s->text;
	int row = 1;
	int col = 1;

	for (const char *p = s->text; p < s->p; p++) {
		if (*p == '\n') {
			row++;
			line = p + 1;
		}
	}
	for (const char *p = line; p < s->p; p++)
		col += (*p & 0xc0) != 0x80;
	return err_set(s->e, ERR_PARSE, "%s:%d:%d: %s", s->name, row, col, what);
}

static void skip_space(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r'))
		s->p++;
}

static int hex4(const char *p, const char *end)
{
	int value = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = p[i];

		if (c >= '0' && c <= '9')
			value = value << 4 | (c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			value = value << 4 | ((c | 32) - 'a' + 10);
		else
			return -1;
	}
	return value;
}

/* The letter of \uXXXX at p (behind the 'u'), with its second half; *n: bytes taken. -1: none. */
static int32_t escaped_letter(const char *p, const char *end, size_t *n)
{
	int high = hex4(p, end);
	int low;

	*n = 4;
	if (high < 0xd800 || high > 0xdfff)
		return high;
	*n = 10;
	if (high > 0xdbff || end - p < 10 || p[4] != '\\' || p[5] != 'u')
		return -1;
	low = hex4(p + 6, end);
	if (low < 0xdc00 || low > 0xdfff)
		return -1;
	return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

static int scan_escape(struct scan *s)
{
	size_t n;

	if (s->end - s->p < 2)
		return wrong(s, _("the text ends within a string"));
	if (s->p[1] == 'u') {
		if (escaped_letter(s->p + 2, s->end, &n) < 0)
			return wrong(s, _("'\\u' without the four digits of a letter"));
		s->p += 2 + n;
		return 0;
	}
	if (!strchr("\"\\/bfnrt", s->p[1]) || !s->p[1])
		return wrong(s, _("JSON has no such '\\' sequence"));
	s->p += 2;
	return 0;
}

/* A string with its quotes. */
static int scan_string(struct scan *s)
{
	const char *from = s->p++;
	size_t n;

	while (s->p < s->end) {
		switch (letter_kind((unsigned char)*s->p)) {
		case PLAIN:
			s->p++;
			break;
		case QUOTE:
			s->p++;
			return 0;
		case ESCAPE:
			if (scan_escape(s) < 0)
				return -(int)s->e->code;
			break;
		case CONTROL:
			return wrong(s, _("a control character within a string"));
		case MANY:
			n = str_utf8(s->p, s->end);
			if (!n)
				return wrong(s, _("a byte that is not UTF-8"));
			s->p += n;
			break;
		}
	}
	s->p = from;
	return wrong(s, _("the string that begins here has no end"));
}

static bool scan_digits(struct scan *s)
{
	const char *from = s->p;

	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return s->p > from;
}

static int scan_number(struct scan *s)
{
	const char *from = s->p;
	const char *digits;
	bool ok;

	if (*s->p == '-')
		s->p++;
	digits = s->p;
	ok = scan_digits(s) && !(*digits == '0' && s->p - digits > 1);
	if (ok && s->p < s->end && *s->p == '.') {
		s->p++;
		ok = scan_digits(s);
	}
	if (ok && s->p < s->end && (*s->p | 32) == 'e') {
		s->p++;
		if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
			s->p++;
		ok = scan_digits(s);
	}
	if (ok)
		return 0;
	s->p = from;
	return wrong(s, _("not a JSON number"));
}

static int scan_word(struct scan *s)
{
	static const char *const words[] = {"true", "false", "null"};

	for (size_t i = 0; i < COUNT(words); i++) {
		size_t n = strlen(words[i]);

		if ((size_t)(s->end - s->p) >= n && memcmp(s->p, words[i], n) == 0) {
			s->p += n;
			return 0;
		}
	}
	if (s->p >= s->end)
		return wrong(s, _("the text ends where a value is expected"));
	if (*s->p == '#' || *s->p == '/')
		return wrong(s, _("JSON has no comments"));
	if (s->p == s->text && (unsigned char)*s->p == 0xef)
		return wrong(s, _("JSON does not begin with a byte order mark"));
	return wrong(s, _("a value is expected here"));
}

static uint32_t new_item(struct json_items *l)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 256;
		l->v = mem_resize(l->v, l->cap * sizeof(*l->v));
	}
	if (!l->n)
		l->v[l->n++] = (struct json_item){0}; /* number 0 means none */
	l->v[l->n] = (struct json_item){0};
	return l->n++;
}

static uint32_t hash_of(const char *s, size_t n)
{
	uint32_t h = 2166136261U; /* FNV-1a */

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 16777619U;
	return h;
}

uint32_t json_key_hash(const char *key)
{
	return hash_of(key, strlen(key));
}

static uint32_t raw_hash(const char *raw, size_t len)
{
	CLEANUP(buf_fini) struct buf plain = {0};

	if (!memchr(raw, '\\', len))
		return hash_of(raw + 1, len - 2);
	json_unescape(raw + 1, len - 2, &plain);
	return hash_of(plain.data, plain.len);
}

/* Two keys with their quotes, in some order that is the same every time; 0: the same text. */
static int compare_keys(const char *a, size_t n, const char *b, size_t m)
{
	CLEANUP(buf_fini) struct buf x = {0};
	CLEANUP(buf_fini) struct buf y = {0};

	json_unescape(a + 1, n - 2, &x);
	json_unescape(b + 1, m - 2, &y);
	if (x.len != y.len)
		return x.len < y.len ? -1 : 1;
	return memcmp(x.data, y.data, x.len);
}

bool json_key_is(const char *raw, size_t len, const char *key)
{
	CLEANUP(buf_fini) struct buf plain = {0};
	size_t n = strlen(key);

	if (!memchr(raw, '\\', len))
		return len == n + 2 && memcmp(raw + 1, key, n) == 0;
	json_unescape(raw + 1, len - 2, &plain);
	return plain.len == n && memcmp(plain.data, key, n) == 0;
}

struct key_order {
	const struct json_item *item;
	const char *at; /* the object's text */
};

static int by_key(const void *a, const void *b)
{
	const struct key_order *x = a;
	const struct key_order *y = b;

	if (x->item->hash != y->item->hash)
		return x->item->hash < y->item->hash ? -1 : 1;
	return compare_keys(x->at + x->item->key, x->item->key_len, y->at + y->item->key,
			    y->item->key_len);
}

static int twice(struct scan *s, const struct key_order *a, const struct key_order *b)
{
	const struct json_item *later = a->item->key > b->item->key ? a->item : b->item;

	s->p = a->at + later->key;
	return wrong(s, _("this key is there twice"));
}

/* Sorted, so that a hostile object with a million keys is no work either. */
static int check_many_keys(struct scan *s, const struct json_item *object, const char *at)
{
	CLEANUP(freep) struct key_order *v = mem_alloc(object->n * sizeof(*v));
	uint32_t i = object->first;

	for (size_t k = 0; k < object->n; k++, i = s->items->v[i].next)
		v[k] = (struct key_order){&s->items->v[i], at};
	qsort(v, object->n, sizeof(*v), by_key);
	for (size_t k = 1; k < object->n; k++)
		if (by_key(&v[k - 1], &v[k]) == 0)
			return twice(s, &v[k - 1], &v[k]);
	return 0;
}

static int check_keys(struct scan *s, const struct json_item *object, const char *at)
{
	enum { FEW = 16 };
	const struct json_item *v = s->items->v;

	if (object->n > FEW)
		return check_many_keys(s, object, at);
	for (uint32_t i = object->first; i; i = v[i].next) {
		for (uint32_t k = object->first; k != i; k = v[k].next) {
			struct key_order x = {&v[k], at};
			struct key_order y = {&v[i], at};

			if (v[k].hash == v[i].hash && by_key(&x, &y) == 0)
				return twice(s, &x, &y);
		}
	}
	return 0;
}

static int scan_value(struct scan *s, size_t level, const char *from, uint32_t *ret);

/* A key with its colon, up to the value. */
static int scan_key(struct scan *s, const char *from, struct json_item *ret)
{
	const char *key = s->p;

	if (s->p >= s->end)
		return wrong(s, _("the text ends within an object or a list"));
	if (*s->p == '#' || *s->p == '/')
		return wrong(s, _("JSON has no comments"));
	if (*s->p != '"')
		return wrong(s, _("a key in double quotes is expected here"));
	if (scan_string(s) < 0)
		return -(int)s->e->code;
	ret->key = (uint32_t)(key - from);
	ret->key_len = (uint32_t)(s->p - key);
	ret->hash = raw_hash(key, ret->key_len);
	skip_space(s);
	if (s->p >= s->end || *s->p != ':')
		return wrong(s, _("':' is expected behind a key"));
	s->p++;
	skip_space(s);
	return 0;
}

static int scan_member(struct scan *s, size_t level, const char *from, bool keyed, uint32_t *ret)
{
	struct json_item key = {0};

	if (keyed && scan_key(s, from, &key) < 0)
		return -(int)s->e->code;
	if (scan_value(s, level, from, ret) < 0)
		return -(int)s->e->code;
	s->items->v[*ret].key = key.key;
	s->items->v[*ret].key_len = key.key_len;
	s->items->v[*ret].hash = key.hash;
	return 0;
}

/* An object or a list; self is its item, whose address may change while others are added. */
static int scan_members(struct scan *s, size_t level, uint32_t self)
{
	const char *from = s->p;
	bool keyed = *s->p++ == '{';
	char last = keyed ? '}' : ']';
	uint32_t before = 0;
	uint32_t item = 0;

	skip_space(s);
	if (s->p < s->end && *s->p == last) {
		s->p++;
		return 0;
	}
	for (;;) {
		if (scan_member(s, level, from, keyed, &item) < 0)
			return -(int)s->e->code;
		if (before)
			s->items->v[before].next = item;
		else
			s->items->v[self].first = item;
		before = item;
		s->items->v[self].n++;
		skip_space(s);
		if (s->p >= s->end)
			return wrong(s, _("the text ends within an object or a list"));
		if (*s->p == last)
			break;
		if (*s->p == '#' || *s->p == '/')
			return wrong(s, _("JSON has no comments"));
		if (*s->p != ',')
			return wrong(s, _("',' or the end of the object or list is expected here"));
		s->p++;
		skip_space(s);
	}
	s->p++;
	return keyed ? check_keys(s, &s->items->v[self], from) : 0;
}

static int scan_value(struct scan *s, size_t level, const char *from, uint32_t *ret)
{
	uint32_t self = new_item(s->items);
	const char *start = s->p;
	char c = s->p < s->end ? *s->p : '\0';
	int code;

	if (c == '"')
		code = scan_string(s);
	else if (c == '-' || (c >= '0' && c <= '9'))
		code = scan_number(s);
	else if (c != '{' && c != '[')
		code = scan_word(s);
	else if (level >= JSON_LEVELS)
		code = wrong(s, _("more than 64 levels"));
	else
		code = scan_members(s, level + 1, self);
	if (code < 0)
		return code;
	s->items->v[self].start = (uint32_t)(start - from);
	s->items->v[self].len = (uint32_t)(s->p - start);
	*ret = self;
	return 0;
}

int json_scan(struct json_items *l, const char *text, size_t len, size_t level, const char *name,
	      uint32_t *ret, struct err *e)
{
	struct scan s = {
		.text = text, .p = text, .end = text + len, .items = l, .name = name, .e = e};

	skip_space(&s);
	if (scan_value(&s, level, text, ret) < 0)
		return -(int)e->code;
	skip_space(&s);
	if (s.p < s.end)
		return wrong(&s, *s.p == '#' || *s.p == '/'
					 ? _("JSON has no comments")
					 : _("something stands behind the JSON value"));
	return 0;
}

static void add_letter(struct buf *b, uint32_t c)
{
	char s[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char heads[] = {0, 0, 0xc0, 0xe0, 0xf0};

	for (size_t i = n; i-- > 1; c >>= 6)
		s[i] = (char)(0x80 | (c & 0x3f));
	s[0] = (char)(heads[n] | c);
	buf_add(b, s, n);
}

void json_unescape(const char *raw, size_t len, struct buf *ret)
{
	static const char from[] = "\"\\/bfnrt";
	static const char to[] = "\"\\/\b\f\n\r\t";
	const char *end = raw + len;

	buf_add(ret, "", 0);
	while (raw < end) {
		const char *slash = memchr(raw, '\\', (size_t)(end - raw));
		size_t n;

		buf_add(ret, raw, (size_t)((slash ? slash : end) - raw));
		if (!slash)
			return;
		if (slash[1] == 'u') {
			add_letter(ret, (uint32_t)escaped_letter(slash + 2, end, &n));
			raw = slash + 2 + n;
		} else {
			buf_add(ret, &to[strchr(from, slash[1]) - from], 1);
			raw = slash + 2;
		}
	}
}
