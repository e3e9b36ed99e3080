/* SPDX-License-Identifier: Apache-2.0 */
/* What `dlenv config` shows: each value as one writes it, and where it came from. */
#include <string.h>

#include "base/str.h"
#include "env/define_keys.h"

const char *def_origin(struct loader *l, const struct doc_node *n)
{
	int line = n->key_line ? n->key_line : n->line;
	int col = n->key_line ? n->key_col : n->col;

	if (!line || !l->positions)
		return arena_str(&l->def->arena, l->doc->name);
	return arena_fmt(&l->def->arena, "%s:%d:%d", l->doc->name, line, col);
}

/*
 * Does a letter begin here that YAML takes for the end of a line, or refuses to
 * read as it is? Then its length in bytes, and its number.
 */
static size_t odd_letter(const char *s, unsigned int *ret)
{
	const unsigned char *c = (const unsigned char *)s;
	unsigned int letter;

	if ((c[0] & 0xe0) == 0xc0 && c[1]) {
		letter = (c[0] & 0x1fU) << 6 | (c[1] & 0x3fU);
		*ret = letter;
		return letter <= 0x9f ? 2 : 0;
	}
	if ((c[0] & 0xf0) != 0xe0 || !c[1] || !c[2])
		return 0;
	letter = (c[0] & 0x0fU) << 12 | (c[1] & 0x3fU) << 6 | (c[2] & 0x3fU);
	*ret = letter;
	if (letter == 0x2028 || letter == 0x2029 || letter == 0xfeff || letter >= 0xfffe)
		return 3;
	return 0;
}

static void quote(struct buf *b, const char *s)
{
	unsigned int letter = 0;
	size_t n;

	buf_str(b, "\"");
	for (; *s; s += n ? n : 1) {
		n = odd_letter(s, &letter);
		if (n)
			buf_fmt(b, "\\u%04x", letter);
		else if (*s == '"' || *s == '\\')
			buf_fmt(b, "\\%c", *s);
		else if ((unsigned char)*s < ' ' || *s == 0x7f)
			buf_fmt(b, "\\x%02x", (unsigned int)(unsigned char)*s);
		else
			buf_add(b, s, 1);
	}
	buf_str(b, "\"");
}

/* A scalar as one writes it between brackets: quoted when it would be read differently. */
static void render_scalar(struct buf *b, const struct doc_node *n)
{
	static const char special[] = "#:{}[],&*!|>'\"%@`\\";
	CLEANUP(arena_fini) struct arena a = {0};
	bool plain =
		n->kind != DOC_STRING ||
		(n->text[0] && !n->text[strcspn(n->text, special)] && !strchr(" -?", n->text[0]) &&
		 !str_ends(n->text, " ") && doc_scalar(&a, n->text)->kind == DOC_STRING);

	for (const unsigned char *c = (const unsigned char *)n->text; *c; c++)
		plain &= *c > 0x1f && *c < 0x7f;
	if (plain)
		buf_str(b, n->text);
	else
		quote(b, n->text);
}

/* As one line of YAML. The reader allows 64 levels, so recursion ends. */
static void render(struct buf *b, const struct doc_node *n)
{
	bool map = n->kind == DOC_MAP;

	if (n->kind != DOC_LIST && !map) {
		render_scalar(b, n);
		return;
	}
	buf_str(b, map ? "{" : "[");
	for (const struct doc_node *c = n->first; c; c = c->next) {
		if (c != n->first)
			buf_str(b, ", ");
		if (map) {
			struct doc_node key = {.kind = DOC_STRING, .text = c->key};

			render_scalar(b, &key);
			buf_str(b, ": ");
		}
		render(b, c);
	}
	buf_str(b, map ? "}" : "]");
}

/* Would this text, alone on its line, be read as it is? */
static bool stands_alone(const char *s)
{
	if (!*s || strchr("[{\"", *s))
		return false;
	for (; *s; s++)
		if ((unsigned char)*s < ' ')
			return false;
	return true;
}

const char *def_render(struct arena *a, const struct doc_node *n)
{
	CLEANUP(buf_fini) struct buf b = {0};

	buf_str(&b, "");
	/* A text alone on its line needs quotes only when it looks like something else. */
	if (n->kind == DOC_LIST || n->kind == DOC_MAP)
		render(&b, n);
	else if (n->kind == DOC_STRING && !stands_alone(n->text))
		quote(&b, n->text);
	else
		buf_str(&b, n->text);
	return arena_str(a, b.data);
}

/* The slots as rows for `dlenv config --origin`. */
void def_list_values(struct loader *l)
{
	struct env_def *d = l->def;
	size_t room = d->run.env.n;
	const struct def_key *k;

	for (k = def_keys; k->path; k++)
		room++;
	d->values = arena_alloc(&d->arena, room * sizeof(*d->values));
	for (k = def_keys; k->path; k++) {
		struct slot *s = &l->slots[k - def_keys];

		if (s->origin && !(k->flags & KEY_PAIRS))
			d->values[d->values_n++] = (struct def_value){k->path, s->value, s->origin};
		if (!(k->flags & KEY_PAIRS))
			continue;
		for (size_t i = 0; i < d->run.env.n; i++) {
			struct doc_node value = {.kind = DOC_STRING,
						 .text = d->run.env.items[i].value};

			d->values[d->values_n++] = (struct def_value){
				arena_fmt(&d->arena, "%s.%s", k->path, d->run.env.items[i].key),
				def_render(&d->arena, &value), l->origins[i]};
		}
	}
}
