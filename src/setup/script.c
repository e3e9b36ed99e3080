/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: the operations write their lines first; then the functions whose names occur in
 * them, and in functions that are taken along, are put at the beginning. @INSTALL@ and @REMOVE@ in
 * a function stand for the package manager's own command.
 */
#include "setup/script.h"

#include <ctype.h>
#include <string.h>

#include "base/i18n.h"
#include "config.h"
#include "host/os.h"
#include "setup/op_parts.h"
#include "setup/script_functions.h"
#include "setup/setup.h"

enum { FUNCTIONS_MAX = 64 };

static void put_words(struct script *s, const char *const *argv)
{
	for (size_t i = 0; argv[i]; i++) {
		buf_str(&s->text, i ? " " : "");
		buf_shell(&s->text, argv[i]);
	}
	buf_str(&s->text, "\n");
}

void script_line(struct script *s, const char *const *argv)
{
	put_words(s, argv);
}

void script_line_as(struct script *s, const char *user, const char *const *argv)
{
	if (user) {
		buf_str(&s->text, "as_user ");
		buf_shell(&s->text, user);
		buf_str(&s->text, " ");
	}
	put_words(s, argv);
}

/* Does a line of the text consist of this word? */
static bool has_line(const char *text, const char *word)
{
	for (; *text; text += strcspn(text, "\n"), text += *text == '\n')
		if (strcspn(text, "\n") == strlen(word) && str_starts(text, word))
			return true;
	return false;
}

void script_text(struct script *s, const char *text)
{
	CLEANUP(freep) char *end = str_dup("END");

	for (unsigned int i = 2; has_line(text, end); i++) {
		freep(&end);
		end = str_fmt("END%u", i);
	}
	buf_fmt(&s->text, "<<'%s'\n%s%s\n", end, text, end);
}

void script_command(struct script *s, enum pkg_action action, const char *const *packages)
{
	struct arena a = {0};
	const char *const *argv = s->x->pkg ? pkg_command(s->x->pkg, action, packages, &a) : NULL;

	if (argv)
		script_line(s, argv);
	arena_fini(&a);
}

static bool is_letter(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static bool mentions(const char *text, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = text; (p = strstr(p, name)); p += n)
		if ((p == text || !is_letter(p[-1])) && !is_letter(p[n]))
			return true;
	return false;
}

/* The manager's own row of a function, or the one for all. */
static bool is_for(const struct script_function *f, const struct executor *x)
{
	const char *manager = x->pkg ? pkg_name(x->pkg) : "";

	if (f->manager)
		return str_eq(f->manager, manager);
	for (const struct script_function *o = script_functions; o->name; o++)
		if (str_eq(o->name, f->name) && o->manager && str_eq(o->manager, manager))
			return false;
	return true;
}

/* A command without packages: its beginning. */
static void put_command(const struct executor *x, enum pkg_action action, struct buf *ret)
{
	static const char *const none[] = {NULL};
	struct arena a = {0};
	const char *const *argv = x->pkg ? pkg_command(x->pkg, action, none, &a) : NULL;

	for (size_t i = 0; argv && argv[i]; i++)
		buf_fmt(ret, "%s%s", i ? " " : "", argv[i]);
	arena_fini(&a);
}

static void put_function(const struct script_function *f, const struct executor *x, struct buf *ret)
{
	const char *p = f->text;

	buf_str(ret, "\n");
	while (*p) {
		size_t n = strcspn(p, "@");

		if (str_starts(p, "@INSTALL@")) {
			put_command(x, PKG_INSTALL, ret);
			p += strlen("@INSTALL@");
		} else if (str_starts(p, "@REMOVE@")) {
			put_command(x, PKG_REMOVE, ret);
			p += strlen("@REMOVE@");
		} else {
			buf_add(ret, p, n ? n : 1);
			p += n ? n : 1;
		}
	}
}

static void put_functions(const struct script *s, struct buf *ret)
{
	bool taken[FUNCTIONS_MAX] = {false};
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < FUNCTIONS_MAX && script_functions[i].name; i++) {
			const struct script_function *f = &script_functions[i];
			bool used = mentions(s->text.data, f->name);

			if (taken[i] || !is_for(f, s->x))
				continue;
			for (size_t k = 0; k < FUNCTIONS_MAX && script_functions[k].name; k++)
				used = used ||
				       (taken[k] && mentions(script_functions[k].text, f->name));
			taken[i] = used;
			more = more || used;
		}
	}
	for (size_t i = 0; i < FUNCTIONS_MAX && script_functions[i].name; i++)
		if (taken[i])
			put_function(&script_functions[i], s->x, ret);
}

/* Translated, and a line each: a newline in it would be a command. */
static void put_comment(struct buf *ret, const char *text)
{
	buf_str(ret, "# ");
	for (; *text; text++)
		buf_add(ret, *text == '\n' || *text == '\r' ? " " : text, 1);
	buf_str(ret, "\n");
}

static void put_head(const struct executor *x, struct buf *ret)
{
	CLEANUP(freep) char *made = NULL;
	struct os_release os;

	os_read(x->root, &os);
	made = str_fmt(_("Made by dlenv %s for this machine: %s %s."), DLENV_VERSION, os.name,
		       os.version);
	buf_str(ret, "#!/bin/sh\n");
	put_comment(ret, _("What `dlenv setup` does, for a machine without dlenv. Run it as root; "
			   "it may be run again."));
	put_comment(ret, made);
	buf_str(ret, "set -eu\numask 022\nexport LC_ALL=C\n");
	if (x->pkg && str_eq(pkg_name(x->pkg), "apt"))
		buf_str(ret, "export DEBIAN_FRONTEND=noninteractive\n");
	buf_str(ret,
		"[ \"$(id -u)\" = 0 ] || { echo \"$0: only root can do this\" >&2; exit 6; }\n");
}

static void put_step(struct script *s, const char *id)
{
	const struct step *step = setup_step(id);

	buf_fmt(&s->text, "\n\n# ==== %s\n", step ? tr(step->summary) : id ? id : "-");
}

/* A failure of what is optional must not end the script. */
static void put_optional(struct script *s, const struct op *o)
{
	struct script inner = {.x = s->x};
	char *rest;

	buf_str(&inner.text, "");
	o->kind->script(o, &inner);
	rest = inner.text.data;
	if (*rest) {
		buf_str(&s->text, "{\n");
		buf_str(&s->text, rest);
		buf_str(&s->text, "} || warn 'this did not work, and is left out'\n");
	}
	buf_fini(&inner.text);
}

static void put_op(struct script *s, const struct op *o, bool done)
{
	CLEANUP(buf_fini) struct buf line = {0};

	buf_str(&line, "");
	o->kind->show(o, s->x, &line);
	buf_str(&s->text, "\n");
	put_comment(&s->text, line.data);
	if (done) {
		put_comment(&s->text, _("(done already)"));
		return;
	}
	if (o->why)
		put_comment(&s->text, o->why);
	if (o->flags & OP_OPTIONAL)
		put_optional(s, o);
	else
		o->kind->script(o, s);
}

int plan_script(struct plan *p, struct executor *x, struct buf *ret, struct err *e)
{
	const int *states = plan_states(p, x);
	struct script s = {.x = x};

	buf_str(&s.text, "");
	for (size_t i = 0; i < p->n; i++) {
		const struct op *o = &p->ops[i];

		if (!o->kind->script) {
			buf_fini(&s.text);
			return err_set(e, ERR_UNSAT, "a script cannot do this: %s", o->kind->name);
		}
		if (!i || !str_eq(o->step, p->ops[i - 1].step))
			put_step(&s, o->step);
		put_op(&s, o, states[i] == OP_DONE);
	}
	put_head(x, ret);
	put_functions(&s, ret);
	buf_str(ret, s.text.data);
	buf_str(ret, p->notes_n ? "\n" : "");
	for (size_t i = 0; i < p->notes_n; i++)
		put_comment(ret, p->notes[i]);
	buf_fini(&s.text);
	return 0;
}
