/* SPDX-License-Identifier: Apache-2.0 */
/*
 * install: the first choice whose packages are all there or to be had.
 *
 * Which choice counts: the choices of an operation do the same thing, so a machine that has all
 * packages of any of them needs nothing more, also where an earlier one has become available since:
 * one driver is not put over another one by a second run. There is one exception. When a choice is
 * an earlier one with less (or other versions) in it, that earlier one is what was wanted: the
 * machine is done only when it cannot be had.
 */
#include <string.h>

#include "base/i18n.h"
#include "setup/op_packages.h"
#include "setup/op_parts.h"
#include "setup/script.h"

static bool all_installed(const struct executor *x, const char *const *packages)
{
	for (size_t i = 0; packages[i]; i++)
		if (!op_has_package(x, packages[i]))
			return false;
	return true;
}

/* *ret: the first that is neither installed nor to be had; NULL: all are. */
static int look_up(const struct executor *x, const char *const *packages, const char **ret,
		   struct err *e)
{
	for (size_t i = 0; packages[i]; i++) {
		CLEANUP(freep) char *version = NULL;
		struct err none = {0};

		if (op_has_package(x, packages[i]) ||
		    pkg_candidate(x->pkg, packages[i], &version, &none) == 0)
			continue;
		if (none.code != ERR_ABSENT) {
			*e = none;
			return -(int)e->code;
		}
		*ret = packages[i];
		return 0;
	}
	*ret = NULL;
	return 0;
}

/* Every name of b is in a. */
static bool covers(const char *const *a, const char *const *b)
{
	for (; *b; b++) {
		size_t n = strcspn(*b, "=");
		size_t i = 0;

		while (a[i] && (strcspn(a[i], "=") != n || strncmp(a[i], *b, n) != 0))
			i++;
		if (!a[i])
			return false;
	}
	return true;
}

/* Choice i is installed: is there an earlier one with more in it that could be? */
static int is_enough(const struct op *o, struct executor *x, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		const char *lacking = NULL;
		struct err ignored = {0};

		if (!covers(o->choices[k].packages, o->choices[i].packages))
			continue;
		if (!x->live || !x->pkg)
			return -1;
		if (look_up(x, o->choices[k].packages, &lacking, &ignored) == 0 && !lacking)
			return 0;
	}
	return 1;
}

static int install_done(const struct op *o, struct executor *x)
{
	if (!x->packages_known)
		return -1;
	for (size_t i = 0; i < o->choices_n; i++)
		if (all_installed(x, o->choices[i].packages))
			return is_enough(o, x, i);
	return 0;
}

static int choose(const struct op *o, struct executor *x, const char *const **ret, struct err *e)
{
	CLEANUP(buf_fini) struct buf lacking = {.max = 300};

	buf_str(&lacking, "");
	for (size_t i = 0; i < o->choices_n; i++) {
		const char *one = NULL;

		if (look_up(x, o->choices[i].packages, &one, e) < 0)
			return -(int)e->code;
		if (!one) {
			*ret = o->choices[i].packages;
			return 0;
		}
		buf_fmt(&lacking, "%s'%s'", lacking.len ? ", " : "", one);
	}
	(void)err_set(e, ERR_ABSENT, "no repository of this machine has %s", lacking.data);
	return err_hint(e, "see which repositories are enabled: `%s`", pkg_repos_command(x->pkg));
}

static int install_chosen(const struct op *o, struct executor *x, struct err *e)
{
	CLEANUP(strs_fini) struct strs words = {0};
	const char *const *packages = o->choices[0].packages;

	/* Asking costs dnf a second a package. Of a single choice the manager itself says the same.
	 */
	if (o->choices_n > 1 && choose(o, x, &packages, e) < 0)
		return -(int)e->code;
	/* Those that are there stay as they are: no upgrade, no mark. */
	for (size_t i = 0; packages[i]; i++)
		if (!op_has_package(x, packages[i]))
			strs_add(&words, packages[i]);
	return words.n ? package_do(x, PKG_INSTALL, (const char *const *)words.v, e) : 0;
}

static int install_apply(const struct op *o, struct executor *x, struct err *e)
{
	CLEANUP(buf_fini) struct buf what = {.max = 200};
	bool fresh = false;
	int code;

	if (!x->pkg)
		return err_set(e, ERR_UNSAT, "no package manager is known here");
	if (lists_are_old(x)) {
		if (refresh_lists(x, e) < 0)
			return -(int)e->code;
		fresh = true;
	}
	code = install_chosen(o, x, e);
	/* Servers may have newer packages than those that the lists name. */
	if ((code == -ERR_NET || code == -ERR_ABSENT) && !fresh) {
		struct err again = {0};

		if (refresh_lists(x, &again) == 0)
			code = install_chosen(o, x, e);
	}
	if (code == 0)
		return 0;
	op_show_words(o->choices[0].packages, &what);
	return err_wrap(e, "cannot install %s", what.data);
}

static void install_show(const struct op *o, const struct executor *x, struct buf *ret)
{
	CLEANUP(buf_fini) struct buf words = {0};
	size_t i = 0;

	/* The one that is there, if there is one. */
	while (i < o->choices_n && !(x->packages_known && all_installed(x, o->choices[i].packages)))
		i++;
	op_show_words(o->choices[i < o->choices_n ? i : 0].packages, &words);
	if (i < o->choices_n || o->choices_n == 1)
		buf_fmt(ret, _("install %s"), words.data);
	else
		buf_fmt(ret, _("install %s, or the next best that is to be had"), words.data);
}

/* Names and versions as the manager's own command takes them: the end of that command. */
static void script_set(struct script *s, const char *const *packages)
{
	struct arena a = {0};
	const char *const *argv = pkg_command(s->x->pkg, PKG_INSTALL, packages, &a);
	size_t skip = 0;

	while (argv && argv[skip])
		skip++;
	for (size_t n = 0; packages[n] && skip; n++)
		skip--;
	for (argv = argv ? argv + skip : packages; *argv; argv++) {
		buf_shell(&s->text, *argv);
		buf_str(&s->text, argv[1] ? " " : "");
	}
	arena_fini(&a);
}

/* install_first a b -- c: the first set whose packages all exist. */
static void install_script(const struct op *o, struct script *s)
{
	if (o->choices_n == 1) {
		script_command(s, PKG_INSTALL, o->choices[0].packages);
		return;
	}
	buf_str(&s->text, "install_first");
	for (size_t i = 0; i < o->choices_n; i++) {
		buf_str(&s->text, i ? " -- \\\n\t" : " \\\n\t");
		script_set(s, o->choices[i].packages);
	}
	buf_str(&s->text, "\n");
}

const struct op_kind op_install = {
	.name = "install",
	.done = install_done,
	.before = packages_before,
	.apply = install_apply,
	.after = packages_after,
	.undo = packages_undo,
	.show = install_show,
	.script = install_script,
};
