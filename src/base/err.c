/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"

struct code_row {
	int status;
	const char *meaning;
};

static const struct code_row codes[ERR_COUNT] = {
	[ERR_OK] = {0, "done"},
#define CODE(name, status, meaning) [ERR_##name] = {status, meaning},
#include "base/codes.def"
#undef CODE
};

/* What an errno means to somebody who asks for an exit status. */
static enum err_code code_of_errno(int sys)
{
	switch (sys) {
	case ENOENT:
	case ENOTDIR:
		return ERR_ABSENT;
	case EPERM:
	case EACCES:
		return ERR_PRIV;
	case ENOSPC:
	case EDQUOT:
		return ERR_NOSPC;
	case EBUSY:
	case ETXTBSY:
		return ERR_BUSY;
	default:
		return ERR_SYS;
	}
}

int err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	va_list args;

	*e = (struct err){.code = code};
	va_start(args, fmt);
	(void)vsnprintf(e->msg, sizeof(e->msg), tr(fmt), args);
	va_end(args);
	return -(int)code;
}

int err_sys(struct err *e, const char *fmt, ...)
{
	int sys = errno;
	char what[sizeof(e->msg)];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(what, sizeof(what), tr(fmt), args);
	va_end(args);
	*e = (struct err){.code = code_of_errno(sys), .sys = sys};
	(void)snprintf(e->msg, sizeof(e->msg), "%.400s: %s", what, strerror(sys));
	if (e->code == ERR_NOSPC)
		(void)err_hint(e, "free some space and run the command again: it continues");
	return -(int)e->code;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char what[sizeof(e->msg)];
	char inner[sizeof(e->msg)];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(what, sizeof(what), tr(fmt), args);
	va_end(args);
	(void)snprintf(inner, sizeof(inner), "%s", e->msg);
	(void)snprintf(e->msg, sizeof(e->msg), "%.200s: %.300s", what, inner);
	return -(int)e->code;
}

int err_hint(struct err *e, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(e->hint, sizeof(e->hint), tr(fmt), args);
	va_end(args);
	return -(int)e->code;
}

int err_status(enum err_code code)
{
	return code < ERR_COUNT ? codes[code].status : 1;
}

const char *err_meaning(enum err_code code)
{
	return code < ERR_COUNT ? codes[code].meaning : "unknown";
}

void err_bug(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)fputs("dlenv: ", stderr);
	(void)vfprintf(stderr, fmt, args);
	(void)fputc('\n', stderr);
	va_end(args);
	abort();
}
