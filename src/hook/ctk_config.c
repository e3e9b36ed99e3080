/* SPDX-License-Identifier: Apache-2.0 */
/* nvidia-ctk config: the toolkit's config.toml, printed, or changed in places. */
#include <fcntl.h>
#include <string.h>

#include "base/fs.h"
#include "base/str.h"
#include "cdi/toolkit_config.h"
#include "hook/ctk.h"
#include "hook/describe.h"

enum { CONFIG_MAX = 1 << 20 };

struct options {
	const char *file;
	const char *const *set;
	bool in_place;
	const char *output;
};

static const struct ctk_option config_options[] = {
	{"config-file config c", CTK_STR, offsetof(struct options, file),
	 "NVIDIA_CTK_CONFIG_FILE_PATH", "FILE", "config.toml"},
	{"set", CTK_ALL, offsetof(struct options, set), NULL, "KEY[=VALUE]",
	 "set a key; lists have colons between, a key alone is switched on"},
	{"in-place i", CTK_BOOL, offsetof(struct options, in_place), NULL, NULL,
	 "change the file itself"},
	{"output o", CTK_STR, offsetof(struct options, output), NULL, "FILE",
	 "where the result goes"},
	{0},
};

static const struct ctk_option default_options[] = {
	{"output o", CTK_STR, offsetof(struct options, output), NULL, "FILE", "where it goes"},
	{0},
};

/* What the file would be without one. */
static int defaults(struct buf *ret, struct err *e)
{
	CLEANUP(root_close) struct root r = {.fd = -1};
	CLEANUP(freep) char *text = NULL;

	if (root_open(&r, machine_path() ? machine_path() : "/", e) < 0)
		return -(int)e->code;
	text = toolkit_config_default_text(&r);
	buf_str(ret, text);
	return 0;
}

static int read_config(const char *path, struct buf *ret, struct err *e)
{
	CLEANUP(freep) char *text = NULL;
	struct err why = {0};

	if (file_read(AT_FDCWD, path, CONFIG_MAX, &text, NULL, &why) == 0) {
		buf_str(ret, text);
		return 0;
	}
	if (why.code == ERR_ABSENT)
		return defaults(ret, e);
	*e = why;
	return -(int)e->code;
}

static int run_config(struct ctk_call *c, struct err *e)
{
	const struct options *o = c->options;
	CLEANUP(freep) char *own = toolkit_config_path();
	const char *path = o->file ? o->file : c->config ? c->config : own;
	CLEANUP(buf_fini) struct buf text = {0};

	if (o->in_place && o->output)
		return err_set(e, ERR_USAGE, "--in-place and --output exclude each other");
	if (read_config(path, &text, e) < 0)
		return -(int)e->code;
	for (const char *const *s = o->set; s && *s; s++)
		if (toolkit_config_set(&text, *s, e) < 0)
			return -(int)e->code;
	return ctk_output(o->in_place ? path : o->output, text.data ? text.data : "", text.len, e);
}

static int run_default(struct ctk_call *c, struct err *e)
{
	const struct options *o = c->options;
	CLEANUP(buf_fini) struct buf text = {0};

	if (defaults(&text, e) < 0)
		return -(int)e->code;
	return ctk_output(o->output, text.data, text.len, e);
}

const struct ctk_command ctk_config[] = {
	{.name = "",
	 .summary = "print or change config.toml",
	 .options = config_options,
	 .options_size = sizeof(struct options),
	 .run = run_config},
	{.name = "default",
	 .summary = "print config.toml as it is without one",
	 .options = default_options,
	 .options_size = sizeof(struct options),
	 .run = run_default},
	{0},
};
