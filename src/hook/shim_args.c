/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/shim_args.h"

#include <string.h>

#include "base/attr.h"
#include "base/str.h"

/* Options of the runtimes that take a value; the first few are kept. Long names stand before
 * letters: "-bundle" is Go's way to write "--bundle", not "-b undle". */
static const struct value_option {
	const char *name;
	enum { KEEP_NOTHING, KEEP_BUNDLE, KEEP_CONFIG, KEEP_LOG, KEEP_LOG_FORMAT } keep;
} global_options[] =
	{
		{"log", KEEP_LOG},
		{"log-format", KEEP_LOG_FORMAT},
		{"log-level", KEEP_NOTHING},
		{"root", KEEP_NOTHING},
		{"criu", KEEP_NOTHING},
		{"rootless", KEEP_NOTHING},
		{"cgroup-manager", KEEP_NOTHING},
		{"r", KEEP_NOTHING},
		{"l", KEEP_LOG},
},
  create_options[] = {
	  {"bundle", KEEP_BUNDLE},
	  {"config", KEEP_CONFIG},
	  {"console-socket", KEEP_NOTHING},
	  {"pid-file", KEEP_NOTHING},
	  {"preserve-fds", KEEP_NOTHING},
	  {"b", KEEP_BUNDLE},
	  {"f", KEEP_CONFIG},
	  {"p", KEEP_NOTHING},
};

/* The value that argv[*i] gives to this option, or NULL; *i moves onto it when it is a word. */
static const char *value_of(const struct value_option *o, char **argv, int *i)
{
	const char *word = argv[*i] + 1;
	bool dashes = *word == '-';
	size_t n = strlen(o->name);

	word += dashes;
	if (strncmp(word, o->name, n) != 0 || (n == 1 && dashes))
		return NULL;
	if (word[n] == '=')
		return word + n + 1;
	if (word[n])
		return n == 1 ? word + 1 : NULL;
	if (!argv[*i + 1])
		return NULL;
	return argv[++*i];
}

static void keep(struct shim_args *a, const struct value_option *o, const char *value)
{
	switch (o->keep) {
	case KEEP_BUNDLE:
		a->bundle = value;
		break;
	case KEEP_CONFIG:
		a->config = value;
		break;
	case KEEP_LOG:
		a->log = value;
		break;
	case KEEP_LOG_FORMAT:
		a->log_json = str_eq(value, "json");
		break;
	case KEEP_NOTHING:
		break;
	}
}

static void read_option(struct shim_args *a, const struct value_option *rows, size_t n, char **argv,
			int *i)
{
	for (size_t r = 0; r < n; r++) {
		const char *value = value_of(&rows[r], argv, i);

		if (value) {
			keep(a, &rows[r], value);
			return;
		}
	}
}

void shim_args_read(char **argv, struct shim_args *ret)
{
	struct shim_args a = {0};
	int i = 1;

	for (; argv[0] && argv[i] && argv[i][0] == '-'; i++)
		read_option(&a, global_options, COUNT(global_options), argv, &i);
	if (argv[0] && argv[i])
		a.command = argv[i++];
	a.creates = str_eq(a.command, "create") || str_eq(a.command, "run");
	/* Options may stand behind the container's id too. */
	for (; a.creates && argv[i] && !str_eq(argv[i], "--"); i++)
		if (argv[i][0] == '-')
			read_option(&a, create_options, COUNT(create_options), argv, &i);
	*ret = a;
}
