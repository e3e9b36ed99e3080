/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a package manager did beyond what it was asked for (dependencies, conflicts) is seen by
 * comparing what is installed before and after. The list from before is a file of its own
 * (STATE/kept/N/packages): the journal stays readable.
 */
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "setup/execute_parts.h"
#include "setup/op_packages.h"
#include "setup/op_parts.h"

static int on_line(void *arg, const char *line)
{
	executor_say(arg, line);
	return 0;
}

struct pkg_run package_run(struct executor *x)
{
	return (struct pkg_run){.log_fd = x->log_fd,
				.on_line = on_line,
				.wake_fd = x->signal_fd,
				.on_wake = executor_wake,
				.arg = x};
}

int package_do(struct executor *x, enum pkg_action action, const char *const *packages,
	       struct err *e)
{
	const struct pkg_run run = package_run(x);
	unsigned int outcome = 0;
	struct err late = {0};
	int code;

	if (!x->pkg)
		return err_set(e, ERR_UNSAT, "no package manager is known here");
	code = pkg_do(x->pkg, action, packages, &run, &outcome, e);
	if (outcome & PKG_REBOOT)
		executor_note(x, _("the package manager says that this machine should be "
				   "rebooted"));
	/* One that failed may have done a part. */
	if (executor_packages(x, code < 0 ? &late : e) < 0 && !code)
		return -(int)e->code;
	return code;
}

char *package_name(const char *package)
{
	return str_fmt("%.*s", (int)strcspn(package, "="), package);
}

static bool same_name(const char *a, const char *b)
{
	size_t n = strcspn(a, "=");

	return n == strcspn(b, "=") && !strncmp(a, b, n);
}

/* rpm's "1.18.2" may leave the release open: "1.18.2-1". */
static bool is_version(const char *version, const char *wanted)
{
	return str_eq(version, wanted) ||
	       (str_starts(version, wanted) && version[strlen(wanted)] == '-');
}

bool op_has_package(const struct executor *x, const char *package)
{
	const char *wanted = strchr(package, '=');

	/* Of kernels several are there, so all are looked at. */
	for (size_t i = 0; i < x->packages.n; i++) {
		const char *version = strchr(x->packages.v[i], '=');

		if (version && same_name(x->packages.v[i], package) &&
		    (!wanted || is_version(version + 1, wanted + 1)))
			return true;
	}
	return false;
}

void op_show_words(const char *const *words, struct buf *ret)
{
	for (size_t i = 0; words && words[i]; i++)
		buf_fmt(ret, "%s%s", i ? ", " : "", words[i]);
}

int packages_before(const struct op *o, struct executor *x, json_t **ret, struct err *e)
{
	CLEANUP(buf_fini) struct buf text = {0};
	CLEANUP(freep) char *path = NULL;

	(void)o;
	buf_str(&text, "");
	for (size_t i = 0; i < x->packages.n; i++)
		buf_fmt(&text, "%s\n", x->packages.v[i]);
	if (op_keep_text(x, "packages", text.data, &path, e) < 0)
		return -(int)e->code;
	*ret = json_pack("{s:s}", "packages", path);
	return 0;
}

static int read_snapshot(const struct executor *x, const json_t *before, struct strs *ret,
			 struct err *e)
{
	const char *path = json_string_value(json_object_get(before, "packages"));
	CLEANUP(freep) char *text = NULL;
	char *rest;

	if (!path)
		return err_set(e, ERR_PARSE, "the journal does not say what was installed before");
	if (file_read(x->state_fd, path, OP_FILE_MAX, &text, NULL, e) < 0)
		return err_wrap(e, "cannot see what was installed before");
	rest = text;
	for (char *line; (line = strsep(&rest, "\n"));)
		if (*line)
			strs_add(ret, line);
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Those of a that b lacks, as they are written. */
static void missing(const struct strs *a, const struct strs *b, struct strs *ret)
{
	CLEANUP(freep) const char **sorted = mem_alloc((b->n + 1) * sizeof(*sorted));

	if (b->n)
		memcpy(sorted, b->v, b->n * sizeof(*sorted));
	qsort(sorted, b->n, sizeof(*sorted), by_text);
	for (size_t i = 0; i < a->n; i++)
		if (!bsearch(&a->v[i], sorted, b->n, sizeof(*sorted), by_text))
			strs_add(ret, a->v[i]);
}

json_t *packages_changes(const struct strs *was, const struct strs *now)
{
	CLEANUP(strs_fini) struct strs gone = {0};
	CLEANUP(strs_fini) struct strs come = {0};
	json_t *added = json_array();
	json_t *removed = json_array();
	json_t *upgraded = json_array();

	missing(was, now, &gone);
	missing(now, was, &come);
	/* Of a package that may be there several times (kernels), one more is added. */
	for (size_t i = 0; i < come.n; i++) {
		size_t k = 0;

		while (k < gone.n && !same_name(gone.v[k], come.v[i]))
			k++;
		if (k == gone.n)
			(void)json_array_append_new(added, json_string(come.v[i]));
		else
			(void)json_array_append_new(
				upgraded, json_sprintf("%s -> %s", gone.v[k],
						       come.v[i] + strcspn(come.v[i], "=") + 1));
	}
	for (size_t i = 0; i < gone.n; i++) {
		size_t k = 0;

		while (k < come.n && !same_name(gone.v[i], come.v[k]))
			k++;
		if (k == come.n)
			(void)json_array_append_new(removed, json_string(gone.v[i]));
	}
	return json_pack("{s:o, s:o, s:o}", "added", added, "removed", removed, "upgraded",
			 upgraded);
}

int packages_after(const struct op *o, struct executor *x, const json_t *before, json_t **ret,
		   struct err *e)
{
	CLEANUP(strs_fini) struct strs was = {0};

	(void)o;
	if (read_snapshot(x, before, &was, e) < 0 || executor_packages(x, e) < 0)
		return -(int)e->code;
	*ret = packages_changes(&was, &x->packages);
	return 0;
}

/* How many versions of it are there? */
static size_t count(const struct strs *list, const char *package)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		n += same_name(list->v[i], package);
	return n;
}

static int remove_added(struct executor *x, const json_t *added, struct err *e)
{
	CLEANUP(strs_fini) struct strs words = {0};

	for (size_t i = 0; i < json_array_size(added); i++) {
		const char *package = json_string_value(json_array_get(added, i));
		CLEANUP(freep) char *name = package ? package_name(package) : NULL;
		size_t n = name ? count(&x->packages, name) : 0;

		/* It may have been upgraded since, and goes all the same; or been removed. */
		if (n == 1)
			strs_add(&words, name);
		else if (n > 1 && strs_has(&x->packages, package))
			strs_add(&words, package);
	}
	if (!words.n)
		return 0;
	return package_do(x, PKG_REMOVE, (const char *const *)words.v, e) < 0
		       ? err_wrap(e, "cannot remove the packages that were added")
		       : 0;
}

/* What had to go comes back in the same version, where that is still to be had. */
static void bring_back(struct executor *x, const json_t *removed)
{
	CLEANUP(strs_fini) struct strs words = {0};
	struct err e = {0};

	for (size_t i = 0; i < json_array_size(removed); i++) {
		const char *package = json_string_value(json_array_get(removed, i));
		CLEANUP(freep) char *version = NULL;
		struct err none = {0};

		if (!package || op_has_package(x, package))
			continue;
		if (!x->pkg || pkg_candidate(x->pkg, package, &version, &none) < 0)
			executor_note(x,
				      _("'%s' was removed, and its version is not to be had "
					"any more"),
				      package);
		else
			strs_add(&words, package);
	}
	if (words.n && package_do(x, PKG_INSTALL, (const char *const *)words.v, &e) < 0)
		for (size_t i = 0; i < words.n; i++)
			executor_note(x, _("'%s' was removed, and did not come back: %s"),
				      words.v[i], e.msg);
}

static void note_upgrades(struct executor *x, const json_t *upgraded)
{
	for (size_t i = 0; i < json_array_size(upgraded); i++) {
		const char *text = json_string_value(json_array_get(upgraded, i));

		if (text)
			executor_note(x, _("this upgrade stays: %s"), text);
	}
}

int packages_undo(const struct op *o, struct executor *x, const json_t *before, const json_t *after,
		  struct err *e)
{
	json_t *found = NULL;
	int code;

	if (executor_packages(x, e) < 0)
		return -(int)e->code;
	if (!after && packages_after(o, x, before, &found, e) < 0)
		return -(int)e->code;
	after = after ? after : found;
	code = remove_added(x, json_object_get(after, "added"), e);
	if (code == 0) {
		bring_back(x, json_object_get(after, "removed"));
		note_upgrades(x, json_object_get(after, "upgraded"));
	}
	json_decref(found);
	return code;
}
