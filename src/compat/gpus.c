/* SPDX-License-Identifier: Apache-2.0 */
#include "compat/gpus.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "base/str.h"
#include "compat/decode.h"

enum { COL_ID, COL_SUBVENDOR, COL_SUBDEVICE, COL_PRODUCT };

/* An id as the table writes it; 0 as nothing. */
static void hex4(char ret[8], uint32_t id)
{
	ret[0] = '\0';
	if (id)
		(void)snprintf(ret, 8, "%04X", (unsigned int)(id & 0xffff));
}

/* The built-in rows are sorted by id: its first row, or the count. */
static size_t first_row(const char *id)
{
	const struct table *t = gpu_table();
	size_t low = 0;
	size_t high = t->rows;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(table_cell(t, middle, COL_ID), id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < t->rows && str_eq(table_cell(t, low, COL_ID), id) ? low : t->rows;
}

static void find_brand(const struct facts *f, struct gpu_fact *g)
{
	const char *name = g->product;

	if (str_starts(name, "NVIDIA "))
		name += strlen("NVIDIA ");
	for (size_t i = 0; i < f->brands.n; i++) {
		const struct brand_fact *b = &f->brands.v[i];
		char after = str_starts(name, b->word) ? name[strlen(b->word)] : 'x';

		if (!isalnum((unsigned char)after) && str_eq(b->brand, "data-centre"))
			g->data_centre = true;
	}
}

/* A user's row for the board; a subsystem of 0 in the row holds for all. */
static const struct gpu_fact *own_gpu(const struct facts *f, const struct gpu_fact *wanted)
{
	for (size_t i = 0; i < f->own_gpus.n; i++) {
		const struct gpu_fact *g = &f->own_gpus.v[i];

		if (g->id == wanted->id && (!g->subvendor || (g->subvendor == wanted->subvendor &&
							      g->subdevice == wanted->subdevice)))
			return g;
	}
	return NULL;
}

/* Does row a have a higher compute capability than *best, and at most most (or NULL)? */
static bool is_nearer(const char *cell, const struct version *most, struct version *best)
{
	struct version cc = version_in(cell);

	if (!cc.n || version_compare(&cc, best) <= 0 || (most && version_compare(&cc, most) > 0))
		return false;
	*best = cc;
	return true;
}

/* The first row with the highest compute capability that is at most most. */
static void highest(struct facts *f, const struct version *most, struct gpu_fact *ret)
{
	const struct table *t = gpu_table();
	size_t cc_column = table_column(t, "compute_capability");
	struct version best = {0};
	size_t row = 0;

	for (size_t i = 0; i < t->rows; i++)
		if (is_nearer(table_cell(t, i, cc_column), most, &best))
			row = i;
	gpu_row(f, row, ret);
}

static void guess_id(struct facts *f, const struct gpu_fact *wanted, struct gpu_fact *ret)
{
	char id[8];

	hex4(id, wanted->id);
	highest(f, NULL, ret);
	ret->guess = arena_fmt(&f->arena,
			       _("the PCI id %s is not in the table: it is taken for the newest "
				 "architecture there (%s), which needs the open modules"),
			       id, ret->arch);
	ret->product = arena_fmt(&f->arena, "NVIDIA GPU %s", id);
	ret->id = wanted->id;
	ret->last = (struct version){0};
	ret->first = (struct version){0};
	ret->flavours = FLAVOUR_OPEN;
}

/* Of the rows of an id: the one of the subsystem, else the first, which has none where there is. */
static void built_in_gpu(struct facts *f, const struct gpu_fact *wanted, struct gpu_fact *ret)
{
	const struct table *t = gpu_table();
	char id[8];
	char vendor[8];
	char device[8];
	size_t row;

	hex4(id, wanted->id);
	hex4(vendor, wanted->subvendor);
	hex4(device, wanted->subdevice);
	row = first_row(id);
	if (row == t->rows) {
		guess_id(f, wanted, ret);
		return;
	}
	for (size_t i = row; i < t->rows && str_eq(table_cell(t, i, COL_ID), id); i++)
		if (str_eq(table_cell(t, i, COL_SUBVENDOR), vendor) &&
		    str_eq(table_cell(t, i, COL_SUBDEVICE), device))
			row = i;
	gpu_row(f, row, ret);
}

void gpu_by_id(struct facts *f, uint32_t id, uint32_t subvendor, uint32_t subdevice,
	       struct gpu_fact *ret)
{
	const struct gpu_fact wanted = {.id = id, .subvendor = subvendor, .subdevice = subdevice};
	const struct gpu_fact *own = own_gpu(f, &wanted);

	if (own)
		*ret = *own;
	else
		built_in_gpu(f, &wanted, ret);
	if (!ret->product)
		ret->product = "NVIDIA GPU";
	find_brand(f, ret);
}

void gpu_by_capability(struct facts *f, const struct version *cc, struct gpu_fact *ret)
{
	highest(f, cc, ret);
	ret->product = arena_fmt(&f->arena, "sm_%u%u", cc->part[0], cc->part[1]);
	ret->id = 0;
	ret->first = (struct version){0};
	if (version_compare(&ret->cc, cc) != 0)
		ret->guess = arena_fmt(
			&f->arena,
			_("no board of the table has compute capability %u.%u: it is "
			  "taken for %s, the next lower one (%u.%u)"),
			cc->part[0], cc->part[1], ret->arch, ret->cc.part[0], ret->cc.part[1]);
}

/* "sm_89", "sm_120a", "8.9". The last digit of sm_ is the minor. */
static bool capability_text(const char *text, struct version *ret)
{
	size_t digits = strspn(text, "0123456789");
	struct err e;

	if (strncasecmp(text, "sm_", 3) == 0) {
		const char *p = text + 3;

		digits = strspn(p, "0123456789");
		if (digits < 2 || digits > 3 || (p[digits] && !strchr("af", p[digits])) ||
		    (p[digits] && p[digits + 1]))
			return false;
		*ret = (struct version){.n = 2, .part = {0, (uint32_t)(p[digits - 1] - '0')}};
		for (size_t i = 0; i + 1 < digits; i++)
			ret->part[0] = ret->part[0] * 10 + (uint32_t)(p[i] - '0');
		return true;
	}
	return digits && digits <= 2 && text[digits] == '.' &&
	       version_parse(text, "", ret, &e) == 0 && ret->n == 2 && ret->part[1] < 10;
}

/* Four hexadecimal digits. */
static bool id_text(const char *text, uint32_t *ret)
{
	uint32_t id = 0;

	if (strlen(text) != 4 || strspn(text, "0123456789abcdefABCDEF") != 4)
		return false;
	for (const char *p = text; *p; p++)
		id = id << 4 |
		     (uint32_t)(isdigit((unsigned char)*p) ? *p - '0'
							   : tolower((unsigned char)*p) - 'a' + 10);
	*ret = id;
	return true;
}

/* The next word of a name: letters and digits. Its length, and *s is moved behind it. */
static size_t next_word(const char **s, const char **ret)
{
	const char *p = *s;

	while (*p && !isalnum((unsigned char)*p))
		p++;
	*ret = p;
	while (isalnum((unsigned char)*p))
		p++;
	*s = p;
	return (size_t)(p - *ret);
}

static const char *without_maker(const char *name)
{
	static const char *const makers[] = {"NVIDIA ", "GeForce "};

	for (size_t i = 0; i < COUNT(makers); i++)
		if (strncasecmp(name, makers[i], strlen(makers[i])) == 0)
			name += strlen(makers[i]);
	return name;
}

/* Do the words of wanted begin at name? *ret_all when name has no others. */
static bool words_begin(const char *name, const char *wanted, bool *ret_all)
{
	const char *word;
	const char *other;
	size_t n;

	while ((n = next_word(&wanted, &word)))
		if (next_word(&name, &other) != n || strncasecmp(word, other, n) != 0)
			return false;
	*ret_all = next_word(&name, &other) == 0;
	return true;
}

/* The same for people who write RTX4090: wherever wanted has its spaces, it ends with a word. */
static bool letters_begin(const char *name, const char *wanted, bool *ret_all)
{
	const char *word;

	for (; *wanted; wanted++) {
		if (!isalnum((unsigned char)*wanted))
			continue;
		while (*name && !isalnum((unsigned char)*name))
			name++;
		if (tolower((unsigned char)*name) != tolower((unsigned char)*wanted))
			return false;
		name++;
	}
	if (isalnum((unsigned char)*name))
		return false;
	*ret_all = next_word(&name, &word) == 0;
	return true;
}

enum match { NO_MATCH, PART, BEGINNING, WHOLE };

typedef bool begin_fn(const char *name, const char *wanted, bool *ret_all);

static enum match match_name(const char *product, const char *wanted, begin_fn *begins)
{
	const char *name = without_maker(product);
	const char *word;
	bool all;

	if (begins(name, wanted, &all))
		return all ? WHOLE : BEGINNING;
	while (next_word(&name, &word))
		if (begins(name, wanted, &all))
			return PART;
	return NO_MATCH;
}

static bool is_same_chip(const struct gpu_fact *a, const struct gpu_fact *b)
{
	return version_compare(&a->cc, &b->cc) == 0 && a->flavours == b->flavours &&
	       version_compare(&a->last, &b->last) == 0;
}

/* What was found under a name so far. */
struct found {
	enum match best;
	struct gpu_fact gpu;   /* the shortest name of those that match best */
	struct gpu_fact other; /* one of another kind; no product: none. Names are no keys. */
};

static void take(struct found *f, enum match m, const struct gpu_fact *g)
{
	if (m > f->best) {
		*f = (struct found){.best = m, .gpu = *g};
		return;
	}
	if (!is_same_chip(g, &f->gpu))
		f->other = *g;
	else if (strlen(g->product) < strlen(f->gpu.product))
		f->gpu = *g;
}

static void by_name(struct facts *f, const char *wanted, begin_fn *begins, struct found *ret)
{
	const struct table *t = gpu_table();

	for (size_t i = 0; i < f->own_gpus.n; i++) {
		const struct gpu_fact *g = &f->own_gpus.v[i];
		enum match m = g->product ? match_name(g->product, wanted, begins) : NO_MATCH;

		if (m != NO_MATCH && m >= ret->best)
			take(ret, m, g);
	}
	for (size_t i = 0; i < t->rows; i++) {
		enum match m = match_name(table_cell(t, i, COL_PRODUCT), wanted, begins);
		struct gpu_fact g;

		if (m == NO_MATCH || m < ret->best)
			continue;
		gpu_row(f, i, &g);
		take(ret, m, &g);
	}
}

static int name_error(const char *text, const struct gpu_fact *g, const struct gpu_fact *other,
		      struct err *e)
{
	char a[8];
	char b[8];

	hex4(a, g->id);
	hex4(b, other->id);
	(void)err_set(e, ERR_CONFIG, "'%.60s' are several chips: %s is %s, %s is %s", text, a,
		      g->arch, b, other->arch);
	return err_hint(e, "write the PCI id (`lspci -nn -d 10de:`): --gpu %s", a);
}

/* "1080" is the PCI id of one board and part of another's name. */
static int id_error(struct facts *f, const char *text, uint32_t id, const struct found *found,
		    struct err *e)
{
	struct gpu_fact same;

	gpu_by_id(f, id, 0, 0, &same);
	if (same.guess)
		return 0;
	(void)err_set(e, ERR_CONFIG, "'%s' is the PCI id of %s and part of the name %s", text,
		      same.product, found->gpu.product);
	return err_hint(e, "write --gpu 10de:%s, or the whole name", text);
}

int gpu_by_text(struct facts *f, const char *text, struct gpu_fact *ret, struct err *e)
{
	const char *wanted = without_maker(text);
	struct found found = {0};
	struct version cc;
	uint32_t id = 0;
	bool plain = id_text(text, &id);

	if (capability_text(text, &cc)) {
		gpu_by_capability(f, &cc, ret);
		return 0;
	}
	if (*wanted)
		by_name(f, wanted, words_begin, &found);
	if (*wanted && found.best == NO_MATCH && !plain)
		by_name(f, wanted, letters_begin, &found);
	if ((found.best == NO_MATCH && plain) ||
	    (strncasecmp(text, "10de:", 5) == 0 && id_text(text + 5, &id)) ||
	    (strncasecmp(text, "0x", 2) == 0 && id_text(text + 2, &id))) {
		gpu_by_id(f, id, 0, 0, ret);
		return 0;
	}
	if (found.best == NO_MATCH) {
		(void)err_set(e, ERR_ABSENT, "no NVIDIA GPU is called '%.60s'", text);
		return err_hint(e, "write a PCI id such as 2684, or a compute capability such as "
				   "sm_89");
	}
	if (plain && id_error(f, text, id, &found, e) < 0)
		return -(int)e->code;
	if (found.other.product)
		return name_error(text, &found.gpu, &found.other, e);
	*ret = found.gpu;
	find_brand(f, ret);
	return 0;
}
