/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `dlenv init` writes, made from the rows. A line that begins with '#' and
 * no single space behind it is a setting that is switched off: taking the '#'
 * away switches it on.
 */
#include <string.h>

#include "base/str.h"
#include "env/define_keys.h"

static int depth_of(const char *path)
{
	int n = 0;

	for (; *path; path++)
		n += *path == '.';
	return n;
}

/* A row's explanation, one comment line for each of its own. */
static void add_help(struct buf *b, const struct def_key *k)
{
	int indent = 2 * depth_of(k->path);

	for (const char *line = k->help; *line;) {
		size_t n = strcspn(line, "\n");

		buf_fmt(b, "%s%*s# %.*s\n", indent ? "#" : "", indent, "", (int)n, line);
		line += n + (line[n] == '\n');
	}
}

static void add_setting(struct buf *b, const struct def_key *k, const char *value)
{
	const char *dot = strrchr(k->path, '.');
	const char *text = value ? value : k->example ? k->example : k->fallback;
	const char *off = value ? "" : "#";

	buf_fmt(b, "%s%*s%s:", off, 2 * depth_of(k->path), "", dot ? dot + 1 : k->path);
	if (k->type != DOC_AS_MAP)
		buf_fmt(b, " %s", text);
	buf_str(b, "\n");
}

char *env_def_template(const char *name, const char *preset)
{
	struct buf b = {0};

	buf_str(&b, "# What this environment is: see dlenv.yaml(5). `dlenv up` makes it so.\n"
		    "# A line such as \"#run:\" is switched off; take the # away from it and from\n"
		    "# the lines below it that you want.\n");
	for (const struct def_key *k = def_keys; k->path; k++) {
		const char *value = NULL;

		if (k->flags & KEY_LATER)
			continue;
		if (str_eq(k->path, "schema"))
			value = k->fallback;
		else if (str_eq(k->path, "name"))
			value = name;
		else if (str_eq(k->path, "preset"))
			value = preset ? preset : k->fallback;
		if (!depth_of(k->path))
			buf_str(&b, "\n");
		add_help(&b, k);
		add_setting(&b, k, value);
	}
	return b.data;
}
