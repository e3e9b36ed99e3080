/* SPDX-License-Identifier: Apache-2.0 */
/* module-stream: dnf's choice among the streams of a module ("nvidia-driver:open-dkms"). */
#include <string.h>

#include "base/i18n.h"
#include "setup/op_packages.h"
#include "setup/op_parts.h"
#include "setup/script.h"

/* Where dnf writes the choice down. */
static char *state_file(const struct op *o)
{
	return str_fmt("/etc/dnf/modules.d/%.*s.module", (int)strcspn(o->name, ":"), o->name);
}

/* The enabled stream of a module's file, "name:stream"; NULL: none. The text is the caller's. */
char *stream_enabled(const char *text)
{
	CLEANUP(freep) char *name = NULL;
	CLEANUP(freep) char *stream = NULL;
	bool enabled = false;

	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		CLEANUP(freep) char *line = str_fmt("%.*s", (int)strcspn(text, "\n"), text);
		char *value = strchr(line, '=');
		size_t key = strcspn(line, " =");

		if (!value)
			continue;
		value += 1 + strspn(value + 1, " ");
		if (key == strlen("name") && str_starts(line, "name")) {
			freep(&name);
			name = str_dup(value);
		} else if (key == strlen("stream") && str_starts(line, "stream")) {
			freep(&stream);
			stream = str_dup(value);
		} else if (key == strlen("state") && str_starts(line, "state")) {
			enabled = str_eq(value, "enabled");
		}
	}
	return enabled && name && stream && *stream ? str_fmt("%s:%s", name, stream) : NULL;
}

/* What is enabled now. *ret stays NULL: nothing. */
static int enabled(const struct op *o, const struct executor *x, char **ret, struct err *e)
{
	CLEANUP(freep) char *path = state_file(o);
	CLEANUP(freep) char *text = NULL;
	struct err none = {0};

	if (op_read(x, path, &text, NULL, &none) < 0) {
		if (none.code == ERR_ABSENT)
			return 0;
		*e = none;
		return -(int)e->code;
	}
	*ret = stream_enabled(text);
	return 0;
}

static int stream_done(const struct op *o, struct executor *x)
{
	CLEANUP(freep) char *now = NULL;
	struct err ignored = {0};

	return enabled(o, x, &now, &ignored) == 0 && str_eq(now, o->name);
}

static int stream_before(const struct op *o, struct executor *x, json_t **ret, struct err *e)
{
	CLEANUP(freep) char *path = state_file(o);

	return op_keep(x, path, ret, e);
}

static int choose(struct executor *x, const char *module, const char *stream, struct err *e)
{
	const char *const reset[] = {module, NULL};
	const char *const enable[] = {stream, NULL};

	if (package_do(x, PKG_MODULE_RESET, reset, e) < 0)
		return -(int)e->code;
	return stream ? package_do(x, PKG_MODULE_ENABLE, enable, e) : 0;
}

static int stream_apply(const struct op *o, struct executor *x, struct err *e)
{
	CLEANUP(freep) char *module = str_fmt("%.*s", (int)strcspn(o->name, ":"), o->name);

	/* dnf refuses to switch from one stream to another without a reset. */
	return choose(x, module, o->name, e) < 0
		       ? err_wrap(e, "cannot choose the module stream %s", o->name)
		       : 0;
}

/* The choice is that file and nothing else. */
static int stream_undo(const struct op *o, struct executor *x, const json_t *before,
		       const json_t *after, struct err *e)
{
	CLEANUP(freep) char *path = state_file(o);
	CLEANUP(freep) char *now = NULL;

	(void)after;
	if (enabled(o, x, &now, e) < 0)
		return -(int)e->code;
	if (now && !str_eq(now, o->name)) {
		executor_note(x, _("the module stream %s stays: somebody has chosen it since"),
			      now);
		return 0;
	}
	return op_restore(x, path, NULL, before, e);
}

static void stream_show(const struct op *o, const struct executor *x, struct buf *ret)
{
	(void)x;
	buf_fmt(ret, _("choose the module stream %s"), o->name);
}

static void stream_script(const struct op *o, struct script *s)
{
	CLEANUP(freep) char *module = str_fmt("%.*s", (int)strcspn(o->name, ":"), o->name);

	script_command(s, PKG_MODULE_RESET, (const char *const[]){module, NULL});
	script_command(s, PKG_MODULE_ENABLE, (const char *const[]){o->name, NULL});
}

const struct op_kind op_module_stream = {
	.name = "module-stream",
	.done = stream_done,
	.before = stream_before,
	.apply = stream_apply,
	.undo = stream_undo,
	.show = stream_show,
	.script = stream_script,
};
