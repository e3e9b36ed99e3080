/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/rlimits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/i18n.h"
#include "base/str.h"
#include "runtime/spec.h"

static const struct {
	const char *name;
	int number;
} rows[] = {
	{"RLIMIT_AS", RLIMIT_AS},
	{"RLIMIT_CORE", RLIMIT_CORE},
	{"RLIMIT_CPU", RLIMIT_CPU},
	{"RLIMIT_DATA", RLIMIT_DATA},
	{"RLIMIT_FSIZE", RLIMIT_FSIZE},
	{"RLIMIT_LOCKS", RLIMIT_LOCKS},
	{"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
	{"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
	{"RLIMIT_NICE", RLIMIT_NICE},
	{"RLIMIT_NOFILE", RLIMIT_NOFILE},
	{"RLIMIT_NPROC", RLIMIT_NPROC},
	{"RLIMIT_RSS", RLIMIT_RSS},
	{"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
	{"RLIMIT_RTTIME", RLIMIT_RTTIME},
	{"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
	{"RLIMIT_STACK", RLIMIT_STACK},
};

int rlimit_number(const char *name)
{
	for (size_t i = 0; i < COUNT(rows); i++)
		if (str_eq(rows[i].name, name))
			return rows[i].number;
	return -1;
}

/* -1 and what does not fit a signed number are unlimited. */
static int value_of(const char *text, rlim_t *ret, struct err *e)
{
	uint64_t n;

	if (str_eq(text, "-1")) {
		*ret = RLIM_INFINITY;
		return 0;
	}
	if (parse_uint(text, UINT64_MAX, "rlimit", &n, e) < 0)
		return err_set(e, ERR_CONFIG, "an rlimit is '%s'", text);
	*ret = (rlim_t)n;
	return 0;
}

static char *shown(rlim_t n)
{
	return n == RLIM_INFINITY ? str_dup("unlimited") : str_fmt("%" PRIu64, (uint64_t)n);
}

static void clamp(int number, const struct spec_rlimit *l, struct rlimit *want,
		  void (*warn)(void *arg, const char *text), void *arg)
{
	CLEANUP(freep) char *asked = shown(want->rlim_max);
	CLEANUP(freep) char *got = NULL;
	CLEANUP(freep) char *text = NULL;
	struct rlimit now;

	if (getrlimit(number, &now) < 0)
		return;
	if (want->rlim_max > now.rlim_max)
		want->rlim_max = now.rlim_max;
	if (want->rlim_cur > want->rlim_max)
		want->rlim_cur = want->rlim_max;
	got = shown(want->rlim_max);
	text = str_fmt(_("%s is %s instead of %s: this process may not raise it"), l->type, got,
		       asked);
	if (setrlimit(number, want) == 0 && warn)
		warn(arg, text);
}

int rlimits_set(const struct doc_list *limits, void (*warn)(void *arg, const char *text), void *arg,
		struct err *e)
{
	const struct spec_rlimit *l = limits->items;

	for (size_t i = 0; i < limits->n; i++) {
		int number = rlimit_number(l[i].type);
		struct rlimit want = {0};

		if (number < 0)
			return err_set(e, ERR_CONFIG, "the rlimit '%s' does not exist", l[i].type);
		if (value_of(l[i].soft, &want.rlim_cur, e) < 0 ||
		    value_of(l[i].hard, &want.rlim_max, e) < 0)
			return -(int)e->code;
		if (want.rlim_cur > want.rlim_max)
			return err_set(e, ERR_CONFIG, "%s: the soft limit is above the hard one",
				       l[i].type);
		if (setrlimit((__rlimit_resource_t)number, &want) == 0)
			continue;
		if (errno != EPERM)
			return err_sys(e, "cannot set %s", l[i].type);
		clamp(number, &l[i], &want, warn, arg);
	}
	return 0;
}
