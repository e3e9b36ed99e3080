/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <jansson.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmds.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "runtime/runtime.h"

/*
 * A caller that closed descriptors 0 to 2 would have our files take their
 * numbers, and a message would be written into one of them.
 */
static void fill_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		(void)close(fd);
}

static const char *code_name(enum err_code code)
{
	static const char *const names[ERR_COUNT] = {
		[ERR_OK] = "OK",
#define CODE(name, status, meaning) [ERR_##name] = #name,
#include "base/codes.def"
#undef CODE
	};

	return code < ERR_COUNT ? names[code] : "FAIL";
}

static void print_error_json(const struct err *e)
{
	json_t *o = json_pack("{s:b, s:{s:s, s:i, s:s, s:s?}}", "ok", 0, "error", "code",
			      code_name(e->code), "status", err_status(e->code), "message", e->msg,
			      "hint", e->hint[0] ? e->hint : NULL);
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;

	/* NULL: the message quotes bytes that are not UTF-8. */
	(void)printf("%s\n", text ? text : "{\"ok\":false,\"error\":{\"code\":\"FAIL\"}}");
	free(text);
	json_decref(o);
}

/* The only place where an error is printed. */
static void print_error(const struct cli *c, const struct err *e)
{
	CLEANUP(buf_fini) struct buf msg = {0};
	CLEANUP(buf_fini) struct buf hint = {0};

	renderer_end_line(c->renderer);
	if (c->g.json && !c->answered) {
		print_error_json(e);
		return;
	}
	text_clean(&msg, e->msg);
	text_clean(&hint, e->hint);
	(void)fflush(stdout);
	(void)fprintf(stderr, "dlenv: %s\n", msg.len ? msg.data : err_meaning(e->code));
	if (hint.len)
		(void)fprintf(stderr, "  %s %s\n", _("fix:"), hint.data);
}

/* The command line was wrong before --json was read: whoever wrote it still wants JSON. */
static bool json_is_asked_for(char **argv)
{
	for (; *argv && !str_eq(*argv, "--"); argv++)
		if (str_eq(*argv, "--json"))
			return true;
	return false;
}

static void renderer_start(struct cli *c)
{
	const struct renderer_config config = {
		.mode = progress_choose(&c->g), .fd = STDERR_FILENO, .color = color_choose(&c->g)};

	c->renderer = renderer_new(&config);
	c->progress = renderer_progress(c->renderer);
}

static int run(struct cli *c, char **argv, struct err *e)
{
	int status;

	if (c->cmd && c->cmd->flags & CMD_ENTERS)
		rt_seal(argv);
	renderer_start(c);
	if (c->g.version)
		return cmd_version(c, e);
	if (c->g.help || !c->cmd)
		return cmd_help(c, e);
	if (!(c->cmd->flags & CMD_NO_STATE) &&
	    (user_init(&c->user, e) < 0 || paths_init(&c->paths, e) < 0))
		return -(int)e->code;
	status = c->cmd->run(c, e);
	if (status == 0 && !(c->cmd->flags & CMD_REST))
		cli_answer(c, json_object()); /* nothing to tell is an answer too */
	return status;
}

static void cli_fini(struct cli *c)
{
	renderer_free(&c->renderer);
	root_close(&c->machine);
	user_fini(&c->user);
	paths_fini(&c->paths);
	strs_fini(&c->warnings);
	arena_fini(&c->arena);
}

/* Memory is not given back and taken again piece by piece: a start would be 25 system calls more.
 */
static void keep_memory(void)
{
	enum { ROOM = 256 << 10, KEPT = 8 << 20 };

	(void)mallopt(M_TOP_PAD, ROOM);
	(void)mallopt(M_TRIM_THRESHOLD, KEPT);
}

int cli_main(int argc, char **argv)
{
	CLEANUP(cli_fini) struct cli c = {0};
	struct err e = {0};
	int status;

	keep_memory();
	fill_standard_fds();
	tr_select(NULL);
	if (argc < 1)
		return err_status(ERR_USAGE);
	status = cli_parse(&c, commands, argv, &e);
	if (status < 0)
		c.g.json = json_is_asked_for(argv);
	else
		status = run(&c, argv, &e);
	if (status >= 0 && (fflush(stdout) != 0 || ferror(stdout)))
		status = err_sys(&e, "cannot write the result");
	if (status >= 0)
		return status;
	print_error(&c, &e);
	return err_status(e.code);
}
