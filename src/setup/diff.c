/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: what both texts begin and end with is set aside; of the rest the longest common
 * subsequence of lines is taken, unless it is so long that one block does as well.
 */
#include "setup/diff.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { AROUND = 3, TABLE_MAX = 4 << 20 };

struct lines {
	const char **v; /* n + 1 of them: each line's beginning, and the text's end */
	size_t n;
};

/* What becomes of the lines, in order: kept, removed, added. */
struct script {
	char *ops; /* ' ', '-', '+' */
	size_t n;
};

struct diff {
	struct lines a;
	struct lines b;
	struct script s;
};

static struct lines split(const char *text)
{
	const char *end = text + strlen(text);
	struct lines l = {0};
	size_t room = 2;

	for (const char *p = text; p < end; p++)
		room += *p == '\n';
	l.v = mem_alloc(room * sizeof(*l.v));
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));

		l.v[l.n++] = text;
		text = newline ? newline + 1 : end;
	}
	l.v[l.n] = end;
	return l;
}

static bool same(const struct lines *a, size_t i, const struct lines *b, size_t k)
{
	size_t n = (size_t)(a->v[i + 1] - a->v[i]);

	return n == (size_t)(b->v[k + 1] - b->v[k]) && memcmp(a->v[i], b->v[k], n) == 0;
}

static void add_ops(struct script *s, char op, size_t n)
{
	memset(s->ops + s->n, op, n);
	s->n += n;
}

/* The lines from..a_to and from..b_to by their longest common subsequence. */
static void compare(const struct lines *a, const struct lines *b, size_t from, size_t a_to,
		    size_t b_to, struct script *s)
{
	size_t n = a_to - from;
	size_t m = b_to - from;
	size_t row = m + 1;
	CLEANUP(freep) uint32_t *len = NULL;
	size_t i = 0;
	size_t k = 0;

	if ((n + 1) > TABLE_MAX / row) {
		add_ops(s, '-', n);
		add_ops(s, '+', m);
		return;
	}
	len = mem_alloc((n + 1) * row * sizeof(*len));
	for (size_t x = n; x-- > 0;) {
		for (size_t y = m; y-- > 0;) {
			uint32_t down = len[(x + 1) * row + y];
			uint32_t right = len[x * row + y + 1];

			if (same(a, from + x, b, from + y))
				len[x * row + y] = len[(x + 1) * row + y + 1] + 1;
			else
				len[x * row + y] = down > right ? down : right;
		}
	}
	while (i < n && k < m) {
		if (same(a, from + i, b, from + k)) {
			add_ops(s, ' ', 1);
			i++;
			k++;
		} else if (len[(i + 1) * row + k] >= len[i * row + k + 1]) {
			add_ops(s, '-', 1);
			i++;
		} else {
			add_ops(s, '+', 1);
			k++;
		}
	}
	add_ops(s, '-', n - i);
	add_ops(s, '+', m - k);
}

static struct script make_script(const struct lines *a, const struct lines *b)
{
	struct script s = {.ops = mem_alloc(a->n + b->n + 1)};
	size_t head = 0;
	size_t tail = 0;

	while (head < a->n && head < b->n && same(a, head, b, head))
		head++;
	while (tail < a->n - head && tail < b->n - head &&
	       same(a, a->n - tail - 1, b, b->n - tail - 1))
		tail++;
	add_ops(&s, ' ', head);
	compare(a, b, head, a->n - tail, b->n - tail, &s);
	add_ops(&s, ' ', tail);
	return s;
}

static void put_line(struct buf *ret, char op, const struct lines *l, size_t i)
{
	size_t n = (size_t)(l->v[i + 1] - l->v[i]);

	buf_add(ret, &op, 1);
	buf_add(ret, l->v[i], n);
	if (!n || l->v[i][n - 1] != '\n')
		buf_str(ret, "\n\\ No newline at end of file\n");
}

/* The operations from..to, which begin at the lines i and k. */
static void put_hunk(struct buf *ret, const struct diff *d, size_t from, size_t to, size_t i,
		     size_t k)
{
	const char *ops = d->s.ops;
	size_t removed = 0;
	size_t added = 0;

	for (size_t x = from; x < to; x++) {
		removed += ops[x] != '+';
		added += ops[x] != '-';
	}
	buf_fmt(ret, "@@ -%zu,%zu +%zu,%zu @@\n", i + (removed > 0), removed, k + (added > 0),
		added);
	for (size_t x = from; x < to; x++) {
		if (ops[x] == '+')
			put_line(ret, '+', &d->b, k++);
		else
			put_line(ret, ops[x], &d->a, i++);
		k += ops[x] == ' ';
	}
}

/* Where a hunk ends that has its first change at x: changes that are near go along. */
static size_t hunk_end(const struct script *s, size_t x)
{
	size_t last = x;

	for (; x < s->n && x <= last + (size_t)(2 * AROUND); x++)
		if (s->ops[x] != ' ')
			last = x;
	return last + AROUND + 1 < s->n ? last + AROUND + 1 : s->n;
}

static void put_hunks(struct buf *ret, const struct diff *d)
{
	const struct script *s = &d->s;
	size_t i = 0; /* lines of a and b in front of operation x */
	size_t k = 0;
	size_t x = 0;

	while (x < s->n) {
		size_t from;
		size_t to;

		if (s->ops[x] == ' ') {
			i++;
			k++;
			x++;
			continue;
		}
		from = x > AROUND ? x - AROUND : 0;
		to = hunk_end(s, x);
		put_hunk(ret, d, from, to, i - (x - from), k - (x - from));
		for (; x < to; x++) {
			i += s->ops[x] != '+';
			k += s->ops[x] != '-';
		}
	}
}

void diff_unified(const char *path, const char *before, const char *after, struct buf *ret)
{
	struct diff d = {.a = split(before ? before : ""), .b = split(after ? after : "")};

	d.s = make_script(&d.a, &d.b);
	buf_fmt(ret, "--- %s\n", before ? path : "/dev/null");
	buf_fmt(ret, "+++ %s\n", after ? path : "/dev/null");
	put_hunks(ret, &d);
	free(d.s.ops);
	free(d.a.v);
	free(d.b.v);
}
