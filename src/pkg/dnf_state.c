/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "pkg/pkg_parts.h"

/* "docker-ce-3:28.5.2-1.*": the name before the version and the release. */
static char *before_version(const char *text)
{
	const char *end = text + strlen(text);

	for (int dashes = 0; end > text && dashes < 2;)
		dashes += *--end == '-';
	return end > text ? str_fmt("%.*s", (int)(end - text), text) : NULL;
}

char *dnf_locked(const char *line)
{
	static const char name5[] = "Package name: ";

	if (str_starts(line, name5))
		return str_dup(line + strlen(name5));
	/* dnf 4: a pattern alone on its line, "!" before one that is excluded. */
	return *line && *line != '!' && !strchr(line, ' ') && str_ends(line, ".*")
		       ? before_version(line)
		       : NULL;
}

/* "[d][e]": of a stream that is the default, and enabled. */
static bool marks_enabled(const char *marks)
{
	bool enabled = false;

	for (; *marks == '['; marks += 3) {
		if (!marks[1] || marks[2] != ']')
			return false;
		enabled = enabled || marks[1] == 'e';
	}
	return enabled && (*marks == ' ' || !*marks);
}

/* "nvidia-driver open-dkms [d][e] default [d] NVIDIA driver". */
char *dnf_enabled_stream(const char *line)
{
	const char *name_end = line + strcspn(line, " ");
	const char *stream = name_end + strspn(name_end, " ");
	const char *stream_end = stream + strcspn(stream, " ");

	if (!*stream || !marks_enabled(stream_end + strspn(stream_end, " ")))
		return NULL;
	return str_fmt("%.*s:%.*s", (int)(name_end - line), line, (int)(stream_end - stream),
		       stream);
}

static char *user_installed(const char *line)
{
	static const char mark[] = "dlenv=";

	return str_starts(line, mark) ? str_dup(line + strlen(mark)) : NULL;
}

struct question {
	const char *const *words;
	char *(*answer)(const char *line);
};

static int ask(const char *program, enum pkg_action action, struct strs *ret, struct err *e)
{
	static const char *const versionlock[] = {"-q", "-C", "versionlock", "list", NULL};
	static const char *const marked[] = {
		"-q", "-C", "repoquery", "--userinstalled", "--qf", "dlenv=%{name}\n", NULL};
	static const char *const modules[] = {"-q", "-C", "module", "list", "--enabled", NULL};
	static const struct question questions[PKG_ACTIONS] = {
		[PKG_HOLD] = {versionlock, dnf_locked},
		[PKG_MARK] = {marked, user_installed},
		[PKG_MODULE_ENABLE] = {modules, dnf_enabled_stream},
	};
	const struct question *q = &questions[action];
	CLEANUP(strs_fini) struct strs argv = {0};
	CLEANUP(strs_fini) struct strs lines = {0};
	int status;

	if (!q->words)
		return 0;
	strs_add(&argv, program);
	strs_add_all(&argv, q->words);
	/* Without the plugin for locks, and without a single list, there is none. */
	if (pkg_ask((const char *const *)argv.v, &lines, &status, e) < 0)
		return -(int)e->code;
	for (size_t i = 0; !status && i < lines.n; i++) {
		CLEANUP(freep) char *found = q->answer(lines.v[i]);

		if (found)
			strs_add(ret, found);
	}
	return 0;
}

int dnf4_state(enum pkg_action action, struct strs *ret, struct err *e)
{
	return ask("dnf", action, ret, e);
}

int dnf5_state(enum pkg_action action, struct strs *ret, struct err *e)
{
	return ask("dnf5", action, ret, e);
}
