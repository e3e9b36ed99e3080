/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include <string.h>

static const char *const color_names[] = {"auto", "always", "never", NULL};
static const char *const progress_names[] = {"auto", "tty", "plain", "json", "none", NULL};

#define GLOBAL(member, long_name, letter, kind)                                                    \
	OPTION(struct cli_globals, member, long_name, letter, kind)

const struct option_row global_options[] = {
	{GLOBAL(json, "json", 0, OPT_FLAG), .help = N_("print the result as one JSON object")},
	{GLOBAL(quiet, "quiet", 'q', OPT_FLAG), .help = N_("print the bare result only")},
	{GLOBAL(yes, "yes", 'y', OPT_FLAG), .help = N_("answer every question with yes")},
	{GLOBAL(dry_run, "dry-run", 'n', OPT_FLAG),
	 .help = N_("say what would be done, change nothing")},
	{GLOBAL(progress, "progress", 0, OPT_ENUM), .arg = "MODE", .names = progress_names,
	 .help = N_("how progress is shown: auto, tty, plain, json or none")},
	{GLOBAL(color, "color", 0, OPT_ENUM), .arg = "WHEN", .names = color_names,
	 .help = N_("colour: auto, always or never")},
	{GLOBAL(lang, "lang", 0, OPT_STR), .arg = "LANG",
	 .help = N_("language of the messages, such as zh_TW")},
	{GLOBAL(root, "root", 0, OPT_STR), .arg = "DIR",
	 .help = N_("read the machine (GPUs, driver) below DIR instead of /")},
	{GLOBAL(help, "help", 'h', OPT_FLAG), .help = N_("explain the command")},
	{GLOBAL(version, "version", 0, OPT_FLAG), .help = N_("print the version")},
	{0},
};

/* Where an option is looked for: the command's rows, then everybody's. */
struct source {
	const struct option_row *rows;
	void *target;
};

struct parser {
	struct cli *c;
	struct source sources[2];
	char **argv;
	int i; /* the next word */
};

/* The name in words that is nearest to word, if it is near enough to be meant; else NULL. */
struct nearest {
	const char *word;
	const char *best;
	size_t distance;
};

static void nearest_try(struct nearest *n, const char *candidate)
{
	size_t d = str_distance(n->word, candidate);
	size_t len = strlen(n->word);

	if (d > 2 && d > len / 3)
		return;
	if (!n->best || d < n->distance) {
		n->best = candidate;
		n->distance = d;
	}
}

static int unknown_option(const struct parser *p, const char *name, struct err *e)
{
	struct nearest n = {.word = name};

	for (size_t s = 0; s < COUNT(p->sources); s++)
		for (const struct option_row *r = p->sources[s].rows; r && r->name; r++)
			if (!(r->flags & OPT_HIDDEN))
				nearest_try(&n, r->name);
	if (n.best)
		return err_hint(e, "did you mean '--%s'?", n.best);
	if (p->c->parent)
		return err_hint(e, "`dlenv help %s %s` lists the options", p->c->parent->name,
				p->c->cmd->name);
	if (p->c->cmd)
		return err_hint(e, "`dlenv help %s` lists the options", p->c->cmd->name);
	return err_hint(e, "options of a command stand after it; `dlenv help` lists the commands");
}

static const struct option_row *find_long(const struct parser *p, const char *name, size_t len,
					  void **ret_target)
{
	for (size_t s = 0; s < COUNT(p->sources); s++)
		for (const struct option_row *r = p->sources[s].rows; r && r->name; r++)
			if (strlen(r->name) == len && strncmp(r->name, name, len) == 0) {
				*ret_target = p->sources[s].target;
				return r;
			}
	return NULL;
}

static const struct option_row *find_short(const struct parser *p, char letter, void **ret_target)
{
	for (size_t s = 0; s < COUNT(p->sources); s++)
		for (const struct option_row *r = p->sources[s].rows; r && r->name; r++)
			if (r->short_name && r->short_name == letter) {
				*ret_target = p->sources[s].target;
				return r;
			}
	return NULL;
}

static void strs_append(struct arena *a, const char ***list, const char *value)
{
	const char **longer;
	size_t n = 0;

	while (*list && (*list)[n])
		n++;
	longer = arena_alloc(a, (n + 2) * sizeof(*longer));
	for (size_t i = 0; i < n; i++)
		longer[i] = (*list)[i];
	longer[n] = value;
	*list = longer;
}

static int set_enum(const struct option_row *r, const char *value, int *ret, struct err *e)
{
	CLEANUP(buf_fini) struct buf all = {0};

	for (int i = 0; r->names[i]; i++) {
		if (str_eq(r->names[i], value)) {
			*ret = i;
			return 0;
		}
		buf_fmt(&all, "%s%s", i ? ", " : "", r->names[i]);
	}
	(void)err_set(e, ERR_USAGE, "'%s' is no value of --%s", value, r->name);
	return err_hint(e, "it is one of: %s", all.data);
}

/* Parse errors of an argument are errors of the command line. */
static int as_usage(struct err *e)
{
	e->code = ERR_USAGE;
	return -ERR_USAGE;
}

static int set_value(const struct parser *p, const struct option_row *r, void *target,
		     const char *value, struct err *e)
{
	char *at = (char *)target + r->offset;

	switch (r->type) {
	case OPT_FLAG:
		*(bool *)at = true;
		return 0;
	case OPT_STR:
		*(const char **)at = value;
		return 0;
	case OPT_STRS:
		strs_append(&p->c->arena, (const char ***)at, value);
		return 0;
	case OPT_UINT:
		return parse_uint(value, r->max ? r->max : UINT64_MAX, r->name, (uint64_t *)at, e) <
				       0
			       ? as_usage(e)
			       : 0;
	case OPT_SIZE:
		return parse_size(value, (uint64_t *)at, e) < 0 ? as_usage(e) : 0;
	case OPT_ENUM:
		return set_enum(r, value, (int *)at, e);
	}
	return 0;
}

static int take_value(struct parser *p, const struct option_row *r, void *target, const char *value,
		      struct err *e)
{
	if (r->type != OPT_FLAG && !value) {
		value = p->argv[p->i];
		if (!value)
			return err_set(e, ERR_USAGE, "--%s needs an argument", r->name);
		p->i++;
	}
	if (set_value(p, r, target, value, e) < 0)
		return -(int)e->code;
	if (target == &p->c->g && r->offset == offsetof(struct cli_globals, lang))
		tr_select(value); /* at once, so that later errors speak it */
	return 0;
}

static int take_long(struct parser *p, const char *word, struct err *e)
{
	const char *name = word + 2;
	const char *equals = strchr(name, '=');
	size_t len = equals ? (size_t)(equals - name) : strlen(name);
	void *target = NULL;
	const struct option_row *r = find_long(p, name, len, &target);

	if (!r) {
		char *plain = arena_strn(&p->c->arena, name, len);

		(void)err_set(e, ERR_USAGE, "unknown option '--%s'", plain);
		return unknown_option(p, plain, e);
	}
	if (equals && r->type == OPT_FLAG)
		return err_set(e, ERR_USAGE, "--%s takes no argument", r->name);
	return take_value(p, r, target, equals ? equals + 1 : NULL, e);
}

/* "-fq", "-o VALUE" or "-oVALUE" */
static int take_short(struct parser *p, const char *word, struct err *e)
{
	for (const char *letter = word + 1; *letter; letter++) {
		void *target = NULL;
		const struct option_row *r = find_short(p, *letter, &target);
		const char *value = letter[1] ? letter + 1 : NULL;

		if (!r) {
			(void)err_set(e, ERR_USAGE, "unknown option '-%c' in '%s'", *letter, word);
			return unknown_option(p, word + 1, e);
		}
		if (r->type == OPT_FLAG)
			value = NULL;
		if (take_value(p, r, target, value, e) < 0)
			return -(int)e->code;
		if (r->type != OPT_FLAG)
			break;
	}
	return 0;
}

static bool is_option(const char *word)
{
	return word[0] == '-' && word[1];
}

/* All options from here to the next word that is none (or "--"). */
static int take_options(struct parser *p, struct err *e)
{
	while (p->argv[p->i] && is_option(p->argv[p->i]) && !str_eq(p->argv[p->i], "--")) {
		const char *word = p->argv[p->i++];

		if ((word[1] == '-' ? take_long(p, word, e) : take_short(p, word, e)) < 0)
			return -(int)e->code;
	}
	return 0;
}

const struct command *command_find(const struct command *table, const char *name)
{
	for (; table && table->name; table++)
		if (str_eq(table->name, name))
			return table;
	return NULL;
}

static int unknown_command(const struct command *table, const struct command *group,
			   const char *word, struct err *e)
{
	struct nearest n = {.word = word};

	if (group)
		(void)err_set(e, ERR_USAGE, "unknown command '%s %s'", group->name, word);
	else
		(void)err_set(e, ERR_USAGE, "unknown command '%s'", word);
	for (; table->name; table++)
		if (!(table->flags & CMD_HIDDEN))
			nearest_try(&n, table->name);
	if (n.best)
		return err_hint(e, "did you mean '%s'?", n.best);
	if (group)
		return err_hint(e, "`dlenv help %s` lists its commands", group->name);
	return err_hint(e, "`dlenv help` lists the commands");
}

/* The option struct is as large as its rows need: it has no other members. */
static size_t options_size(const struct option_row *r)
{
	static const size_t sizes[] = {
		[OPT_FLAG] = sizeof(bool),     [OPT_STR] = sizeof(char *),
		[OPT_STRS] = sizeof(char **),  [OPT_UINT] = sizeof(uint64_t),
		[OPT_SIZE] = sizeof(uint64_t), [OPT_ENUM] = sizeof(int),
	};
	size_t end = 0;

	for (; r && r->name; r++)
		if (r->offset + sizes[r->type] > end)
			end = r->offset + sizes[r->type];
	return (end | (_Alignof(max_align_t) - 1)) + 1;
}

/* The command and, for a group, the command in it. c->cmd is NULL without one. */
static int take_command(struct parser *p, const struct command *table, struct err *e)
{
	struct cli *c = p->c;

	for (;;) {
		const char *word;

		if (take_options(p, e) < 0)
			return -(int)e->code;
		word = p->argv[p->i];
		if (!word || str_eq(word, "--"))
			return 0;
		p->i++;
		c->parent = c->cmd;
		c->cmd = command_find(table, word);
		if (!c->cmd) {
			const struct command *group = TAKE(c->parent);

			return unknown_command(table, group, word, e);
		}
		if (!c->cmd->sub)
			return 0;
		table = c->cmd->sub;
	}
}

static size_t words_left(const struct parser *p)
{
	size_t n = 0;

	while (p->argv[p->i + n])
		n++;
	return n;
}

static void take_rest(struct parser *p)
{
	p->c->rest_n = words_left(p);
	for (size_t i = 0; i < p->c->rest_n; i++)
		p->c->rest[i] = p->argv[p->i++];
}

static int take_args(struct parser *p, struct err *e)
{
	struct cli *c = p->c;
	bool only_args = false;

	for (;;) {
		const char *word;

		if (!only_args && take_options(p, e) < 0)
			return -(int)e->code;
		word = p->argv[p->i];
		if (!word)
			return 0;
		if (!only_args && str_eq(word, "--")) {
			p->i++;
			only_args = true;
			if (c->cmd->flags & CMD_REST) {
				take_rest(p);
				return 0;
			}
			continue;
		}
		if (c->args_n == c->cmd->max_args) {
			CLEANUP(freep) char *usage = NULL;

			if (c->cmd->flags & CMD_REST) {
				take_rest(p);
				return 0;
			}
			usage = command_usage(c->parent, c->cmd);
			(void)err_set(e, ERR_USAGE, "unexpected argument '%s'", word);
			return err_hint(e, "usage: %s", usage);
		}
		c->args[c->args_n++] = word;
		p->i++;
	}
}

/* What must hold unless help was asked for. */
static int check(const struct cli *c, struct err *e)
{
	CLEANUP(freep) char *usage = NULL;

	if (c->g.help || c->g.version || !c->cmd)
		return 0;
	usage = command_usage(c->parent, c->cmd);
	if (c->cmd->sub) {
		(void)err_set(e, ERR_USAGE, "'%s' needs one of its commands", c->cmd->name);
		return err_hint(e, "`dlenv help %s` lists its commands", c->cmd->name);
	}
	if (c->args_n < c->cmd->min_args) {
		(void)err_set(e, ERR_USAGE, "'%s' needs an argument", c->cmd->name);
		return err_hint(e, "usage: %s", usage);
	}
	if (c->g.dry_run && !(c->cmd->flags & CMD_DRY_RUN))
		return err_set(e, ERR_USAGE, "'%s' does not take --dry-run", c->cmd->name);
	return 0;
}

int cli_parse(struct cli *c, const struct command *table, char **argv, struct err *e)
{
	struct parser p = {
		.c = c, .sources = {{NULL, NULL}, {global_options, &c->g}}, .argv = argv, .i = 1};
	size_t n;

	if (take_command(&p, table, e) < 0)
		return -(int)e->code;
	n = words_left(&p) + 1;
	c->args = arena_alloc(&c->arena, n * sizeof(*c->args));
	c->rest = arena_alloc(&c->arena, n * sizeof(*c->rest));
	if (c->cmd && !c->cmd->sub) {
		void *target = arena_alloc(&c->arena, options_size(c->cmd->options));

		c->opt = target;
		p.sources[0] = (struct source){c->cmd->options, target};
		if (take_args(&p, e) < 0)
			return -(int)e->code;
	}
	return check(c, e);
}

char *command_usage(const struct command *parent, const struct command *cmd)
{
	CLEANUP(buf_fini) struct buf b = {0};

	buf_str(&b, "dlenv ");
	if (parent)
		buf_fmt(&b, "%s ", parent->name);
	buf_str(&b, cmd->name);
	if (cmd->sub && !cmd->args)
		buf_str(&b, " COMMAND");
	if (cmd->options || !cmd->sub)
		buf_str(&b, " [OPTIONS]");
	if (cmd->args)
		buf_fmt(&b, " %s", cmd->args);
	return str_dup(b.data);
}
