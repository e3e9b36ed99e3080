/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nvidia-container-runtime-hook prestart: the driver put into a container whose namespaces exist,
 * for Docker's --gpus without CDI and for the shim's legacy mode.
 *
 * How this works: the state on stdin names the container's process and bundle; config.json says
 * what is wanted. Everything of the host is opened first, as detached mounts; then the cgroup lets
 * the devices pass; then the container's mount namespace is entered, and what was opened is
 * attached by descriptor inside the root. Nothing of the container is executed, no path of it is
 * joined to a text. The environment is whatever the engine or even the image left there, so it is
 * dropped first.
 */
#include "hook/legacy.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/doc.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "config.h"
#include "hook/bundle.h"
#include "hook/describe.h"
#include "hook/engines.h"
#include "hook/hook.h"

#define PROGRAM "nvidia-container-runtime-hook"

enum { STATE_MAX = 1 << 20 };

struct call {
	const char *config;  /* -config */
	const char *machine; /* -machine: another root of the host's files */
	const char *command;
	bool version;
};

/* The container's state (OCI runtime-spec "State"), and what is found from it. */
struct state {
	struct doc doc;
	uint64_t pid;
	const char *bundle;
};

static const struct doc_row state_rows[] = {
	{"pid", DOC_AS_UINT, offsetof(struct state, pid)},
	{"bundle", DOC_AS_STR, offsetof(struct state, bundle)},
	{"bundlePath", DOC_AS_STR, offsetof(struct state, bundle)},
	{0},
};

static int state_read(struct state *s, struct err *e)
{
	CLEANUP(buf_fini) struct buf text = {.max = STATE_MAX};

	if (read_all(STDIN_FILENO, &text) < 0)
		return err_sys(e, "cannot read the container's state");
	if (doc_json(text.data ? text.data : "", text.len, "state", &s->doc, e) < 0)
		return err_hint(e, "an OCI runtime gives it to a hook on its standard input");
	if (!s->doc.top || s->doc.top->kind != DOC_MAP)
		return err_set(e, ERR_PARSE, "state:1:1: this is no state of a container");
	if (doc_decode(&s->doc, s->doc.top, state_rows, DOC_OPEN, s, &s->doc.arena, e) < 0)
		return -(int)e->code;
	if (!s->bundle || s->bundle[0] != '/' || s->pid == 0 || s->pid > INT32_MAX)
		return err_set(e, ERR_PARSE, "the container's state lacks a pid or a bundle");
	return 0;
}

static void warn(void *arg, const char *text)
{
	(void)arg;
	hook_say("warning: %s", text);
}

/* The edits for the container, and what it takes to make them. */
static int inject(const struct toolkit_config *c, const struct state *s, const struct bundle *b,
		  const struct machine *m, const struct cdi_edits *edits, struct err *e)
{
	CLEANUP(placing_close) struct placing p = {.params = -1};
	CLEANUP(freep)
	char *root = b->root[0] == '/' ? str_dup(b->root) : str_fmt("%s/%s", s->bundle, b->root);

	if (placing_open(m->root.fd, edits, &p, e) < 0 ||
	    (!c->cli.no_cgroups && legacy_allow((pid_t)s->pid, edits, e) < 0))
		return -(int)e->code;
	p.warn = warn;
	return placing_make(&p, (pid_t)s->pid, root, e);
}

static int describe_and_inject(const struct call *call, const struct toolkit_config *c,
			       const struct state *s, const struct bundle *b, const struct wish *w,
			       struct err *e)
{
	CLEANUP(machine_close) struct machine m = {.root.fd = -1, .driver.fd = -1};
	CLEANUP(arena_fini) struct arena a = {0};
	CLEANUP(strs_fini) struct strs notes = {0};
	struct cdi_edits edits = {0};
	struct describe d = {.m = &m, .c = c, .w = w, .mode = CDI_MODE_AUTO, .notes = &notes};

	if (w->names) {
		(void)err_set(e, ERR_CONFIG,
			      "the container asks for CDI devices, which this hook cannot give");
		return err_hint(e, "use --device %.128s, or --runtime=nvidia", w->names[0]);
	}
	if (machine_open(call->machine, c->cli.root, &m, e) < 0 || describe(&d, &a, &edits, e) < 0)
		return -(int)e->code;
	return inject(c, s, b, &m, &edits, e);
}

static int prestart(const struct call *call, struct err *e)
{
	CLEANUP(toolkit_config_fini) struct toolkit_config c = {0};
	CLEANUP(bundle_fini) struct bundle b = {0};
	CLEANUP(wish_fini) struct wish w = {0};
	CLEANUP(fd_closep) int dir = -1;
	struct state s = {0};
	int code = state_read(&s, e);

	if (code == 0)
		code = engines_config(call->config, &c, e);
	if (code == 0)
		code = dir_open(AT_FDCWD, s.bundle, &dir, e);
	if (code == 0)
		code = bundle_read(dir, "config.json", &b, e);
	if (code == 0)
		code = wish_read(&b, &c, false, &w, e);
	if (code == 0 && w.q.any && !b.root)
		code = err_set(e, ERR_CONFIG, "config.json: there is no root.path");
	if (code == 0 && w.q.any)
		code = describe_and_inject(call, &c, &s, &b, &w, e);
	doc_fini(&s.doc);
	return code;
}

/* Go's flags: one dash or two, the value in the same word or the next. */
static int call_read(char **argv, struct call *ret, struct err *e)
{
	for (int i = 1; argv[i]; i++) {
		const char *word = argv[i];
		const char *name = word + strspn(word, "-");
		const char **value = str_starts(name, "config")	   ? &ret->config
				     : str_starts(name, "machine") ? &ret->machine
								   : NULL;
		const char *equals = strchr(name, '=');

		if (name == word)
			ret->command = word;
		else if (str_eq(name, "version"))
			ret->version = true;
		else if (str_starts(name, "debug"))
			continue;
		else if (value && equals)
			*value = equals + 1;
		else if (value && argv[i + 1])
			*value = argv[++i];
		else
			return err_set(e, ERR_USAGE, "there is no option '%s'", word);
	}
	return 0;
}

static int run(const struct call *call, struct err *e)
{
	if (call->version) {
		(void)printf("%s (dlenv) %s\n", PROGRAM, DLENV_VERSION);
		return 0;
	}
	if (str_eq(call->command, "prestart"))
		return prestart(call, e);
	if (str_eq(call->command, "poststart") || str_eq(call->command, "poststop"))
		return 0;
	(void)err_set(e, ERR_USAGE, "there is no command '%s'", call->command ? call->command : "");
	return err_hint(e, "commands: prestart, poststart, poststop; options: -config, -debug, "
			   "-version");
}

int legacy_main(int argc, char **argv)
{
	struct call call = {0};
	struct err e = {0};

	(void)argc;
	(void)clearenv();
	(void)umask(022);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (call_read(argv, &call, &e) == 0 && run(&call, &e) == 0)
		return 0;
	hook_say_err(&e);
	return err_status(e.code);
}
