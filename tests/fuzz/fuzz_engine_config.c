/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as the configuration of an engine, and as NVIDIA's config.toml: planning refuses it in
 * words or yields a text that can be read, in which there is nothing more to do; and nothing is
 * lost.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/doc.h"
#include "base/json_edit.h"
#include "base/toml.h"
#include "cdi/toolkit_config.h"
#include "setup/engine_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const files[][2] = {{"docker", "etc/docker/daemon.json"},
				       {"containerd", "etc/containerd/config.toml"},
				       {"crio", "etc/crio/crio.conf"}};

/* One folder for the whole run; it stays when the run is killed. */
static const struct root *machine(void)
{
	static struct root root = {.fd = -1};
	char folder[] = "/tmp/dlenv-fuzz-XXXXXX";
	struct err e = {0};

	if (root.fd >= 0)
		return &root;
	if (!mkdtemp(folder) || root_open(&root, folder, &e) < 0)
		err_bug("no folder to work in");
	for (size_t i = 0; i < COUNT(files); i++) {
		CLEANUP(freep) char *parent = str_dup(files[i][1]);

		*strrchr(parent, '/') = '\0';
		if (dir_make(root.fd, parent, 0700, &e) < 0)
			err_bug("%s", e.msg);
	}
	return &root;
}

static void check_error(const struct err *e)
{
	if ((e->code != ERR_PARSE && e->code != ERR_CONFIG) || !e->msg[0])
		err_bug("wrong error %d '%s'", (int)e->code, e->msg);
}

static void check_text(const char *engine, const struct engine_change *c)
{
	CLEANUP(doc_fini) struct doc d = {0};
	CLEANUP(json_edit_close) struct json_edit j = {0};
	size_t len = strlen(c->after);
	struct err e = {0};
	int code = str_eq(engine, "docker") ? json_edit_open(&j, c->after, len, len, "f", &e)
					    : toml_read(c->after, len, "f", &d, &e);

	if (code < 0)
		err_bug("the result cannot be read: %s", e.msg);
}

static void configure(const struct root *r, size_t which, unsigned int flags)
{
	const struct engine_options o = {.engine = files[which][0],
					 .make_default = flags & 1,
					 .drop_in = flags & 2 ? "" : NULL,
					 .cdi = flags & 4 ? SWITCH_ON : SWITCH_AUTO};
	CLEANUP(engine_plan_fini) struct engine_plan p = {0};
	CLEANUP(engine_plan_fini) struct engine_plan again = {0};
	struct err e = {0};

	if (engine_plan(r, &o, &p, &e) < 0) {
		check_error(&e);
		return;
	}
	free(engine_diff(&p));
	for (size_t i = 0; i < engine_changes(&p); i++) {
		struct engine_change c = engine_change_at(&p, i);

		check_text(o.engine, &c);
		if (!str_eq(c.path + 1, files[which][1]))
			continue;
		if (file_write(r->fd, c.path + 1, c.after, strlen(c.after), 0600, 0, &e) < 0)
			err_bug("%s", e.msg);
	}
	if (engine_plan(r, &o, &again, &e) < 0)
		err_bug("a text of ours is refused: %s", e.msg);
	for (size_t i = 0; i < engine_changes(&again); i++)
		if (str_eq(engine_change_at(&again, i).path + 1, files[which][1]))
			err_bug("there is more to do");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct root *r = machine();
	CLEANUP(toolkit_config_fini) struct toolkit_config c = {0};
	CLEANUP(strs_fini) struct strs warnings = {0};
	struct err e = {0};
	size_t which;

	if (!size)
		return 0;
	which = data[0] % COUNT(files);
	if (file_write(r->fd, files[which][1], data + 1, size - 1, 0600, 0, &e) < 0)
		err_bug("%s", e.msg);
	if (toolkit_config_read(r, files[which][1], &c, &warnings, &e) < 0)
		check_error(&e);
	configure(r, which, data[0] / COUNT(files));
	(void)unlinkat(r->fd, files[which][1], 0);
	return 0;
}
