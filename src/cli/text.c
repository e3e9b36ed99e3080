/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/text.h"

#include <string.h>

/* The bytes of the UTF-8 letter at s. */
static size_t letter_len(const char *s)
{
	size_t n = 1;

	if ((s[0] & 0xc0) != 0xc0)
		return 1;
	while (n < 4 && (s[n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* C0, DEL, and C1, which a terminal in 8-bit mode takes for escapes. */
static bool is_control(const char *s, size_t len)
{
	unsigned char c = (unsigned char)s[0];

	if (c < 0x20 || c == 0x7f)
		return true;
	if (len == 2)
		return c == 0xc2 && (unsigned char)s[1] < 0xa0;
	return len == 1 && c >= 0x80;
}

static void clean(struct buf *b, const char *s, const char *allowed)
{
	while (*s) {
		size_t n = letter_len(s);

		if (is_control(s, n) && !strchr(allowed, *s))
			buf_str(b, "?");
		else
			buf_add(b, s, n);
		s += n;
	}
}

void text_clean(struct buf *b, const char *s)
{
	clean(b, s, "");
}

void text_clean_lines(struct buf *b, const char *s)
{
	clean(b, s, "\t\n");
}

void text_fit(struct buf *b, const char *s, size_t cells)
{
	CLEANUP(buf_fini) struct buf cleaned = {0};
	size_t used = 0;
	const char *p;

	text_clean(&cleaned, s);
	p = cleaned.data ? cleaned.data : "";
	if (str_width(p) <= cells) {
		buf_str(b, p);
		return;
	}
	while (*p) {
		size_t n = letter_len(p);
		char letter[5] = {0};

		memcpy(letter, p, n);
		used += str_width(letter);
		if (used + 1 > cells)
			break;
		buf_add(b, p, n);
		p += n;
	}
	if (cells)
		buf_str(b, "…");
}

void text_pad(struct buf *b, size_t width, size_t cells)
{
	for (; width < cells; width++)
		buf_str(b, " ");
}
