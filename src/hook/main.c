/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: the name that the program was called by says which of
 * NVIDIA's programs it stands for; `dlenv-toolkit NAME ...` does the same.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "config.h"
#include "hook/engines.h"
#include "hook/hook.h"

static const struct program {
	const char *name;
	int (*run)(int argc, char **argv);
} programs[] = {
	{"nvidia-cdi-hook", run_cdi_hook},
	{"nvidia-container-runtime", shim_main},
	{"nvidia-container-runtime.cdi", shim_main},
	{"nvidia-container-runtime.legacy", shim_main},
	{"nvidia-container-runtime-hook", legacy_main},
	{"nvidia-container-toolkit", legacy_main},
	{"nvidia-ctk", ctk_main},
};

/* Of the program that is being run, for messages. */
static const char *own_name = "dlenv-toolkit";

void hook_say(const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	/* In one piece: several hooks may write to one log. */
	(void)dprintf(2, "%s: %s\n", own_name, text);
}

void hook_say_err(const struct err *e)
{
	hook_say("%s", e->msg);
	if (e->hint[0])
		hook_say("%s", e->hint);
}

static const struct program *program_find(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	for (size_t i = 0; i < COUNT(programs); i++)
		if (str_eq(programs[i].name, name))
			return &programs[i];
	return NULL;
}

static int usage(bool wanted)
{
	FILE *to = wanted ? stdout : stderr;

	(void)fprintf(to, "dlenv-toolkit " DLENV_VERSION ": NAME [ARGUMENT...], where NAME is\n");
	for (size_t i = 0; i < COUNT(programs); i++)
		(void)fprintf(to, "  %s\n", programs[i].name);
	return wanted ? 0 : 2;
}

int main(int argc, char **argv)
{
	const struct program *p = argc > 0 ? program_find(argv[0]) : NULL;

	/* Who reads what is said may have gone. */
	(void)signal(SIGPIPE, SIG_IGN);
	if (!p && argc > 1) {
		argc--;
		argv++;
		p = program_find(argv[0]);
	}
	if (!p)
		return usage(argc > 0 && (str_eq(argv[0], "--help") || str_eq(argv[0], "-h")));
	own_name = p->name;
	return p->run(argc, argv);
}
