/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/output.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/progress.h"
#include "cli/text.h"

/* A formatted line, without what could steer the terminal. */
static char *line_of(const char *fmt, va_list args)
{
	CLEANUP(buf_fini) struct buf clean = {0};
	char *raw = NULL;

	if (vasprintf(&raw, fmt, args) < 0)
		err_bug("cannot format a text");
	text_clean_lines(&clean, raw);
	free(raw);
	return str_dup(clean.data ? clean.data : "");
}

void cli_print(struct cli *c, const char *fmt, ...)
{
	CLEANUP(freep) char *line = NULL;
	va_list args;

	if (c->g.json)
		return;
	va_start(args, fmt);
	line = line_of(fmt, args);
	va_end(args);
	renderer_clear(c->renderer);
	(void)printf("%s\n", line);
}

void cli_note(struct cli *c, const char *fmt, ...)
{
	CLEANUP(freep) char *line = NULL;
	va_list args;

	if (c->g.json || c->g.quiet)
		return;
	va_start(args, fmt);
	line = line_of(fmt, args);
	va_end(args);
	renderer_clear(c->renderer);
	(void)fprintf(stderr, "%s\n", line);
}

void cli_warn(struct cli *c, const char *fmt, ...)
{
	CLEANUP(freep) char *line = NULL;
	va_list args;

	va_start(args, fmt);
	line = line_of(fmt, args);
	va_end(args);
	strs_add(&c->warnings, line);
	renderer_clear(c->renderer);
	(void)fprintf(stderr, "dlenv: %s %s\n", _("warning:"), line);
}

void cli_step(struct cli *c, const char *id, const char *fmt, ...)
{
	CLEANUP(freep) char *line = NULL;
	va_list args;

	va_start(args, fmt);
	line = line_of(fmt, args);
	va_end(args);
	if (c->renderer)
		renderer_step(c->renderer, id, line);
}

void cli_answer(struct cli *c, json_t *data)
{
	json_t *warnings = json_array();
	json_t *answer = NULL;
	char *text = NULL;

	if (!c->g.json || c->answered) {
		json_decref(data);
		json_decref(warnings);
		return;
	}
	for (size_t i = 0; i < c->warnings.n; i++)
		(void)json_array_append_new(warnings, json_string(c->warnings.v[i]));
	answer = json_pack("{s:o, s:b, s:o, s:o}", "schema",
			   json_sprintf("dlenv.%s%s%s/1", c->parent ? c->parent->name : "",
					c->parent ? "." : "", c->cmd ? c->cmd->name : "help"),
			   "ok", 1, "data", data ? data : json_null(), "warnings", warnings);
	text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
	if (!text)
		err_bug("cannot write the JSON answer");
	(void)printf("%s\n", text);
	free(text);
	json_decref(answer);
	c->answered = true;
}

/* The first letter of what was typed; the rest of the line is thrown away. */
static int read_answer(void)
{
	int first = getchar();
	int letter = first;

	while (letter != '\n' && letter != EOF)
		letter = getchar();
	return first;
}

int cli_ask(struct cli *c, struct err *e, const char *fmt, ...)
{
	CLEANUP(freep) char *question = NULL;
	va_list args;
	int answer;

	if (c->g.yes)
		return 0;
	va_start(args, fmt);
	question = line_of(fmt, args);
	va_end(args);
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
		(void)err_set(e, ERR_ASK, "there is no terminal to ask on: %s", question);
		return err_hint(e, "answer yes with --yes");
	}
	renderer_clear(c->renderer);
	(void)fprintf(stderr, "%s [y/N] ", question);
	(void)fflush(stderr);
	answer = read_answer();
	if (answer == 'y' || answer == 'Y')
		return 0;
	if (answer == EOF)
		(void)fputc('\n', stderr);
	return err_set(e, ERR_ASK, "you did not say yes; nothing was changed");
}
