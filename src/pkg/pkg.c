/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: a manager is a row (apt.c, dnf.c, zypper.c) of words and functions. Here is what
 * they have in common: a command is put together, other managers' locks are waited for, what is
 * printed is watched for known troubles (trouble.c), and the exit status has the last word.
 */
#include "pkg/pkg.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "pkg/pkg_parts.h"

static const struct pkg_manager *const managers[] = {&pkg_apt, &pkg_dnf4, &pkg_dnf5, &pkg_zypper};

/* The distribution's own mark; on the way from there to here nothing may be lost. */
static const char reboot_mark[] = "/run/reboot-required";

enum { LOCK_MS = 10 * 60 * 1000, AGAIN_MS = 1000 };

const struct pkg_manager *pkg_manager(const char *name)
{
	for (size_t i = 0; i < COUNT(managers); i++)
		if (str_eq(managers[i]->name, name))
			return managers[i];
	return NULL;
}

const char *pkg_name(const struct pkg_manager *m)
{
	return m->name;
}

const char *pkg_repos_command(const struct pkg_manager *m)
{
	return m->repos_command;
}

const struct pkg_lists *pkg_lists(const struct pkg_manager *m)
{
	return &m->lists;
}

/* "docker-ce=5:28" as this manager writes it. */
static void add_packages(const struct pkg_manager *m, enum pkg_action action,
			 const char *const *packages, struct strs *ret)
{
	for (; packages && *packages; packages++) {
		const char *version = strchr(*packages, '=');

		/* Nothing but an installation takes a version. */
		if (version && action == PKG_INSTALL)
			strs_fmt(ret, "%.*s%c%s", (int)(version - *packages), *packages, m->join,
				 version + 1);
		else
			strs_fmt(ret, "%.*s", (int)strcspn(*packages, "="), *packages);
	}
}

const char *const *pkg_command(const struct pkg_manager *m, enum pkg_action action,
			       const char *const *packages, struct arena *a)
{
	CLEANUP(strs_fini) struct strs l = {0};
	const char **ret;

	if (!m->verbs[action].words)
		return NULL;
	strs_add_all(&l, m->verbs[action].words);
	add_packages(m, action, packages, &l);
	ret = arena_alloc(a, (l.n + 1) * sizeof(*ret));
	for (size_t i = 0; i < l.n; i++)
		ret[i] = arena_str(a, l.v[i]);
	return ret;
}

static int64_t lock_ms(const struct pkg_run *run)
{
	return run->lock_ms ? run->lock_ms : LOCK_MS;
}

static void full_command(const struct pkg_manager *m, enum pkg_action action,
			 const char *const *packages, const struct pkg_run *run, struct strs *ret)
{
	const struct pkg_verb *v = &m->verbs[action];

	strs_add(ret, v->words[0]);
	if (v->quiet)
		strs_add_all(ret, v->quiet);
	if (m->lock_option && v->quiet)
		strs_fmt(ret, "%s%u", m->lock_option, (unsigned int)(lock_ms(run) / 1000));
	if (m->extra)
		m->extra(action, ret);
	strs_add_all(ret, v->words + 1);
	add_packages(m, action, packages, ret);
}

struct watch {
	const struct pkg_run *run;
	struct pkg_trouble trouble;
};

static int watch_line(void *arg, const char *line)
{
	struct watch *w = arg;

	pkg_trouble_line(&w->trouble, line);
	return w->run->on_line ? w->run->on_line(w->run->arg, line) : 0;
}

static int watch_wake(void *arg, pid_t pid)
{
	const struct watch *w = arg;

	return w->run->on_wake(w->run->arg, pid);
}

static const struct pkg_status *status_row(const struct pkg_manager *m, int status)
{
	for (const struct pkg_status *s = m->statuses; s && s->status; s++)
		if (s->status == status)
			return s;
	return NULL;
}

/* strict: what was printed counts even when the exit status says that all is well. */
static int carry(const struct pkg_manager *m, const char *const *argv, const struct pkg_run *run,
		 bool strict, unsigned int *ret_outcome, struct err *e)
{
	CLEANUP(strs_fini) struct strs env = {0};
	struct watch w = {.run = run};
	/* Ctrl-C must not stop a package manager halfway: who runs it decides. */
	struct proc p = {.argv = argv,
			 .log_fd = run->log_fd,
			 .on_line = watch_line,
			 .wake_fd = run->wake_fd,
			 .on_wake = watch_wake,
			 .arg = &w,
			 .own_session = true};
	bool reboot = access(reboot_mark, F_OK) == 0;
	const struct pkg_status *row;
	int status;

	if (m->env)
		strs_add_all(&env, m->env);
	if (m->lock_env)
		strs_fmt(&env, "%s%u", m->lock_env, (unsigned int)(lock_ms(run) / 1000));
	p.env = (const char *const *)env.v;
	if (proc_run(&p, &status, e) < 0)
		return -(int)e->code;
	row = status_row(m, status);
	if (ret_outcome)
		*ret_outcome = (row ? row->outcome : 0) |
			       (!reboot && access(reboot_mark, F_OK) == 0 ? PKG_REBOOT : 0);
	if ((status == 0 && !(strict && pkg_trouble_code(&w.trouble))) ||
	    (row && row->code == ERR_OK))
		return 0;
	return pkg_trouble_report(&w.trouble, argv[0], status, row ? row->code : ERR_FAIL, e);
}

int pkg_carry(const struct pkg_manager *m, const char *const *argv, const struct pkg_run *run,
	      struct err *e)
{
	return carry(m, argv, run, false, NULL, e);
}

int pkg_mend(const struct pkg_manager *m, const char *const *argv, const struct pkg_run *run,
	     struct strs *did, struct err *e)
{
	CLEANUP(buf_fini) struct buf text = {0};

	for (const char *const *p = argv; *p; p++)
		buf_fmt(&text, "%s%s", text.len ? " " : "", *p);
	strs_add(did, text.data);
	return pkg_carry(m, argv, run, e);
}

/* A manager removes what depends on a package as well: that was never asked for. */
static int check_removal(const struct pkg_manager *m, const char *const *packages, struct err *e)
{
	CLEANUP(strs_fini) struct strs others = {0};
	CLEANUP(buf_fini) struct buf names = {.max = 300};

	if (m->removes(packages, &others, e) < 0)
		return -(int)e->code;
	if (!others.n)
		return 0;
	for (size_t i = 0; i < others.n; i++)
		buf_fmt(&names, "%s%s", i ? ", " : "", others.v[i]);
	(void)err_set(e, ERR_UNSAT, "'%s' cannot be removed alone: this concerns %s too",
		      packages[0], names.data);
	return err_hint(e, "remove or keep these packages yourself, then run it again");
}

int pkg_do(const struct pkg_manager *m, enum pkg_action action, const char *const *packages,
	   const struct pkg_run *run, unsigned int *ret_outcome, struct err *e)
{
	CLEANUP(strs_fini) struct strs argv = {0};
	int64_t until = mono_ms() + lock_ms(run);

	if (!m->verbs[action].words)
		return err_set(e, ERR_BUG, "'%s' has no command for this", m->name);
	full_command(m, action, packages, run, &argv);
	for (;;) {
		if (pkg_lock_wait(m, run, until, e) < 0)
			return -(int)e->code;
		if (action == PKG_REMOVE && check_removal(m, packages, e) < 0)
			return -(int)e->code;
		if (carry(m, (const char *const *)argv.v, run,
			  m->quiet_failures && action == PKG_REFRESH, ret_outcome, e) == 0)
			return 0;
		/* Somebody was quicker; dnf 5 does not say that it was this. */
		if (e->code != ERR_BUSY && !(e->code == ERR_FAIL && pkg_lock_is_held(m)))
			return -(int)e->code;
		if (mono_ms() + AGAIN_MS >= until)
			return -(int)e->code;
		(void)usleep(AGAIN_MS * 1000);
	}
}

static int keep_line(void *arg, const char *line)
{
	strs_add(arg, line);
	return 0;
}

int pkg_ask(const char *const *argv, struct strs *ret, int *ret_status, struct err *e)
{
	CLEANUP(strs_fini) struct strs lines = {0};
	const struct proc p = {.argv = argv, .on_line = keep_line, .arg = &lines};

	if (proc_run(&p, ret_status, e) < 0)
		return -(int)e->code;
	*ret = lines;
	lines = (struct strs){0};
	return 0;
}

/* By name, so that pkg_in_list can halve: '=' comes after the letters of names in ASCII. */
static int compare(const void *a, const void *b)
{
	const char *x = *(char *const *)a;
	const char *y = *(char *const *)b;
	size_t n = strcspn(x, "=");
	size_t k = strcspn(y, "=");
	int order = memcmp(x, y, n < k ? n : k);

	if (order || n == k)
		return order ? order : strcmp(x, y);
	return n < k ? -1 : 1;
}

void pkg_sort(struct strs *list)
{
	if (list->n)
		qsort(list->v, list->n, sizeof(*list->v), compare);
}

int pkg_list(const struct pkg_manager *m, struct strs *ret, struct err *e)
{
	CLEANUP(strs_fini) struct strs list = {0};

	if (m->list(&list, e) < 0)
		return -(int)e->code;
	pkg_sort(&list);
	*ret = list;
	list = (struct strs){0};
	return 0;
}

const char *pkg_in_list(const struct strs *list, const char *name)
{
	size_t len = strcspn(name, "=");
	size_t low = 0;
	size_t high = list->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const char *at = list->v[mid];
		size_t n = strcspn(at, "=");
		int order = memcmp(at, name, n < len ? n : len);

		if (!order && n == len)
			return at[n] ? at + n + 1 : at + n;
		if (order < 0 || (!order && n < len))
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

int pkg_candidate(const struct pkg_manager *m, const char *name, char **ret, struct err *e)
{
	const char *version = strchr(name, '=');
	CLEANUP(freep) char *bare = str_fmt("%.*s", (int)strcspn(name, "="), name);
	char *found = NULL;

	if (m->candidate(bare, version ? version + 1 : NULL, &found, e) < 0)
		return -(int)e->code;
	if (!found)
		return err_set(e, ERR_ABSENT, "there is no package '%s' in the repositories", name);
	*ret = found;
	return 0;
}

int pkg_state(const struct pkg_manager *m, enum pkg_action action, struct strs *ret, struct err *e)
{
	return m->verbs[action].words ? m->state(action, ret, e) : 0;
}

int pkg_repair(const struct pkg_manager *m, const struct pkg_run *run, struct strs *ret_did,
	       struct err *e)
{
	if (pkg_lock_wait(m, run, mono_ms() + lock_ms(run), e) < 0)
		return -(int)e->code;
	return m->repair(m, run, ret_did, e);
}
