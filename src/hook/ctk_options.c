/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "hook/ctk.h"

static void *slot_of(void *target, const struct ctk_option *o)
{
	return (char *)target + o->offset;
}

/* Append to a NULL-terminated list in the arena. */
static void list_add(struct arena *a, const char *const **slot, const char *text, size_t n)
{
	size_t have = 0;
	const char **v;

	while (*slot && (*slot)[have])
		have++;
	v = arena_alloc(a, (have + 2) * sizeof(*v));
	if (have)
		memcpy(v, *slot, have * sizeof(*v));
	v[have] = arena_strn(a, text, n);
	*slot = v;
}

static void list_split(struct arena *a, const char *const **slot, const char *text)
{
	for (;;) {
		size_t n = strcspn(text, ",");

		if (n)
			list_add(a, slot, text, n);
		if (!text[n])
			return;
		text += n + 1;
	}
}

/* The words of Go's strconv.ParseBool. */
static int bool_of(const char *text, bool *ret)
{
	static const char *const words[] = {"1", "t", "T", "true",  "TRUE",  "True",
					    "0", "f", "F", "false", "FALSE", "False"};

	for (size_t i = 0; i < COUNT(words); i++)
		if (str_eq(text, words[i])) {
			*ret = i < COUNT(words) / 2;
			return 0;
		}
	return -1;
}

static int take(const struct ctk_option *o, const char *value, void *target, struct arena *a,
		struct err *e)
{
	void *slot = slot_of(target, o);

	switch (o->type) {
	case CTK_BOOL:
		if (bool_of(value, slot) < 0)
			return err_set(e, ERR_USAGE, "--%.*s is true or false, not '%.64s'",
				       (int)strcspn(o->names, " "), o->names, value);
		break;
	case CTK_STR:
		*(const char **)slot = arena_str(a, value);
		break;
	case CTK_LIST:
		list_split(a, slot, value);
		break;
	case CTK_ALL:
		list_add(a, slot, value, strlen(value));
		break;
	}
	return 0;
}

/* The words of a text with spaces between, one after the other. */
static const char *word_next(const char *p, size_t *n)
{
	p += strspn(p, " ");
	*n = strcspn(p, " ");
	return *n ? p : NULL;
}

static const struct ctk_option *row_of(const struct ctk_option *rows, const char *name, size_t len)
{
	size_t n = 0;

	for (; rows && rows->names; rows++)
		for (const char *p = word_next(rows->names, &n); p; p = word_next(p + n, &n))
			if (n == len && strncmp(p, name, n) == 0)
				return rows;
	return NULL;
}

static int read_variables(const struct ctk_option *rows, void *target, struct arena *a,
			  struct err *e)
{
	size_t n = 0;

	for (; rows && rows->names; rows++)
		for (const char *p = rows->env ? word_next(rows->env, &n) : NULL; p;
		     p = word_next(p + n, &n)) {
			CLEANUP(freep) char *name = str_fmt("%.*s", (int)n, p);
			const char *value = secure_getenv(name);

			if (!value || !*value)
				continue;
			if (take(rows, value, target, a, e) < 0)
				return err_wrap(e, "%s", name);
			break;
		}
	return 0;
}

/* The lists of variables are defaults: the first on the command line replaces them. */
static void forget(const struct ctk_option *o, void *target)
{
	if (o->type == CTK_LIST || o->type == CTK_ALL)
		*(const char *const **)slot_of(target, o) = NULL;
}

static int read_one(const struct ctk_option *o, char ***argv, void *target, struct arena *a,
		    struct err *e)
{
	const char *word = **argv;
	const char *equals = strchr(word, '=');

	if (equals)
		return take(o, equals + 1, target, a, e);
	if (o->type == CTK_BOOL)
		return take(o, "true", target, a, e);
	if (!(*argv)[1])
		return err_set(e, ERR_USAGE, "%s needs a value", word);
	return take(o, *++*argv, target, a, e);
}

int ctk_options_read(const struct ctk_option *rows, char ***argv, void *target, struct arena *a,
		     struct err *e)
{
	CLEANUP(freep) bool *seen = NULL;
	size_t rows_n = 0;

	while (rows && rows[rows_n].names)
		rows_n++;
	seen = mem_alloc(rows_n + 1);
	if (read_variables(rows, target, a, e) < 0)
		return -(int)e->code;
	for (; **argv && (**argv)[0] == '-' && (**argv)[1]; ++*argv) {
		const char *name = **argv + 1 + ((**argv)[1] == '-');
		const struct ctk_option *o;

		if (!*name) { /* "--" */
			++*argv;
			return 0;
		}
		o = row_of(rows, name, strcspn(name, "="));
		if (!o) {
			(void)err_set(e, ERR_USAGE, "there is no option '%.64s'", **argv);
			return err_hint(e, "--help lists them");
		}
		if (!seen[o - rows])
			forget(o, target);
		seen[o - rows] = true;
		if (read_one(o, argv, target, a, e) < 0)
			return -(int)e->code;
	}
	return 0;
}
