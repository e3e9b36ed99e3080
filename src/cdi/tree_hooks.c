/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: a hook is a row, and so is each of its options; an option's
 * function puts its value where it belongs. NVIDIA's programs take one dash or
 * two, and a value in the same word or the next.
 */
#include <stdlib.h>
#include <string.h>

#include "cdi/tree.h"
#include "cdi/tree_parts.h"

struct parse {
	struct arena *a;
	struct tree_edits *t;
	struct cdi_texts chmod_paths;
	uint32_t chmod_mode;
};

enum hooks {
	HOOK_LINKS = 1 << 0,
	HOOK_LDCACHE = 1 << 1,
	HOOK_COMPAT = 1 << 2,
	HOOK_PARAMS = 1 << 3,
	HOOK_PROFILE = 1 << 4,
	HOOK_CHMOD = 1 << 5,
	HOOK_APPLY = 1 << 6,
	HOOK_ALL = (1 << 7) - 1,
};

static const struct {
	const char *name;
	unsigned int hook;
} hooks[] = {
	{"apply", HOOK_APPLY},
	{"create-symlinks", HOOK_LINKS},
	{"update-ldcache", HOOK_LDCACHE},
	{"enable-cuda-compat", HOOK_COMPAT},
	{"disable-device-node-modification", HOOK_PARAMS},
	{"update-application-profile", HOOK_PROFILE},
	{"chmod", HOOK_CHMOD},
};

static int take_link(struct parse *p, const char *value, struct err *e)
{
	const char *colons = strstr(value, "::");

	if (!colons || colons == value || !colons[2] || strstr(colons + 2, "::"))
		return err_set(e, ERR_CONFIG, "--link takes TARGET::LINK, not '%.200s'", value);
	(void)tree_add_link(p->a, p->t, arena_strn(p->a, value, (size_t)(colons - value)),
			    colons + 2);
	return 0;
}

static int take_folder(struct parse *p, const char *value, struct err *e UNUSED)
{
	for (size_t i = 0; i < p->t->folders.n; i++)
		if (str_eq(p->t->folders.v[i], value))
			return 0;
	if (*value)
		cdi_add_text(p->a, &p->t->folders, value);
	return 0;
}

/* An empty value is how a template says that it has none. */
static const char *value_or_null(struct parse *p, const char *value)
{
	return *value ? arena_str(p->a, value) : NULL;
}

static int take_driver(struct parse *p, const char *value, struct err *e UNUSED)
{
	p->t->compat_driver = value_or_null(p, value);
	return 0;
}

static int take_cuda(struct parse *p, const char *value, struct err *e UNUSED)
{
	p->t->compat_cuda = value_or_null(p, value);
	return 0;
}

static int take_compat_root(struct parse *p, const char *value, struct err *e UNUSED)
{
	p->t->compat_root = value_or_null(p, value);
	return 0;
}

static int take_params(struct parse *p, const char *value UNUSED, struct err *e UNUSED)
{
	p->t->params = true;
	return 0;
}

static int take_profile(struct parse *p, const char *value UNUSED, struct err *e UNUSED)
{
	p->t->profile = true;
	return 0;
}

static int mode_read(const char *text, uint32_t *ret, struct err *e)
{
	uint32_t mode = 0;

	for (const char *c = text; *c; c++) {
		if (*c < '0' || *c > '7' || mode > 0777)
			break;
		mode = mode << 3 | (uint32_t)(*c - '0');
	}
	if (!*text || strspn(text, "01234567") != strlen(text) || mode > 0777)
		return err_set(e, ERR_CONFIG, "'%.20s' is no mode such as 755", text);
	*ret = mode;
	return 0;
}

static int take_mode(struct parse *p, const char *value, struct err *e)
{
	return mode_read(value, &p->chmod_mode, e);
}

static int take_path(struct parse *p, const char *value, struct err *e UNUSED)
{
	cdi_add_text(p->a, &p->chmod_paths, value);
	return 0;
}

static int take_chmod(struct parse *p, const char *value, struct err *e)
{
	const char *colons = strstr(value, "::");
	uint32_t mode = 0;

	if (!colons || !colons[2])
		return err_set(e, ERR_CONFIG, "--chmod takes MODE::PATH, not '%.200s'", value);
	if (mode_read(arena_strn(p->a, value, (size_t)(colons - value)), &mode, e) < 0)
		return -(int)e->code;
	tree_add_mode(p->a, p->t, colons + 2, mode);
	return 0;
}

/* Only the state on stdin is read. */
static int take_state(struct parse *p UNUSED, const char *value, struct err *e)
{
	if (!*value || str_eq(value, "-"))
		return 0;
	return err_set(e, ERR_CONFIG, "--container-spec takes '-' only");
}

static int take_nothing(struct parse *p UNUSED, const char *value UNUSED, struct err *e UNUSED)
{
	return 0;
}

static const struct option {
	const char *name;
	unsigned int hooks;
	bool flag; /* without a value */
	int (*take)(struct parse *p, const char *value, struct err *e);
} options[] = {
	{"link", HOOK_LINKS | HOOK_APPLY, false, take_link},
	{"folder", HOOK_LDCACHE | HOOK_APPLY, false, take_folder},
	/* Nothing is executed, so which ldconfig does not matter. */
	{"ldconfig-path", HOOK_LDCACHE | HOOK_APPLY, false, take_nothing},
	{"host-driver-version", HOOK_COMPAT | HOOK_APPLY, false, take_driver},
	{"host-cuda-version", HOOK_COMPAT | HOOK_APPLY, false, take_cuda},
	{"cuda-compat-container-root", HOOK_COMPAT | HOOK_APPLY, false, take_compat_root},
	{"params", HOOK_APPLY, true, take_params},
	{"profile", HOOK_APPLY, true, take_profile},
	{"mode", HOOK_CHMOD, false, take_mode},
	{"path", HOOK_CHMOD, false, take_path},
	{"chmod", HOOK_APPLY, false, take_chmod},
	{"container-spec", HOOK_ALL, false, take_state},
	{"debug", HOOK_ALL, true, take_nothing},
	{"d", HOOK_ALL, true, take_nothing},
	{"quiet", HOOK_ALL, true, take_nothing},
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The word that names the hook, behind the program and its own options; NULL: none. */
static const char *const *hook_word(const char *const *args)
{
	bool ctk = args[0] && str_eq(base_name(args[0]), "nvidia-ctk");

	if (!ctk && (!args[0] || !str_eq(base_name(args[0]), "nvidia-cdi-hook")))
		return NULL;
	for (args++; *args; args++) {
		if (str_eq(*args, "--config") && args[1]) {
			args++;
			continue;
		}
		if (**args == '-')
			continue;
		if (!ctk)
			return args;
		if (!str_eq(*args, "hook"))
			return NULL;
		ctk = false;
	}
	return NULL;
}

/* One option, with the word behind it if it takes that. Returns the words used, or -code. */
static int take_option(struct parse *p, unsigned int hook, const char *const *args, struct err *e)
{
	const char *name = args[0] + 1 + (args[0][1] == '-');
	size_t n = strcspn(name, "=");
	const char *value = name[n] ? name + n + 1 : NULL;

	for (const struct option *o = options; o < options + COUNT(options); o++) {
		bool in_word = value || o->flag;

		if (!(o->hooks & hook) || strlen(o->name) != n || strncmp(o->name, name, n) != 0)
			continue;
		if (o->flag && value && !str_eq(value, "true"))
			return str_eq(value, "false")
				       ? 1
				       : err_set(e, ERR_CONFIG, "--%s is true or false", o->name);
		if (!in_word && !args[1])
			return err_set(e, ERR_CONFIG, "--%s needs a value", o->name);
		if (o->take(p, in_word ? value : args[1], e) < 0)
			return -(int)e->code;
		return in_word ? 1 : 2;
	}
	return err_set(e, ERR_CONFIG, "the hook has no option '%.100s'", args[0]);
}

int tree_from_args(const char *const *args, struct arena *a, struct tree_edits *ret, struct err *e)
{
	const char *const *word = hook_word(args);
	struct tree_edits t = *ret;
	struct parse p = {.a = a, .t = &t, .chmod_mode = 0755};
	unsigned int hook = 0;

	for (size_t i = 0; word && i < COUNT(hooks); i++)
		if (str_eq(hooks[i].name, *word))
			hook = hooks[i].hook;
	if (!hook)
		return err_set(e, ERR_ABSENT, "no hook has the name '%.100s'",
			       word	 ? *word
			       : args[0] ? args[0]
					 : "");
	for (word++; *word;) {
		int used;

		if (**word != '-' || !(*word)[1])
			return err_set(e, ERR_CONFIG, "the hook takes no argument '%.100s'", *word);
		used = take_option(&p, hook, word, e);
		if (used < 0)
			return used;
		word += used;
	}
	t.params |= hook == HOOK_PARAMS;
	t.profile |= hook == HOOK_PROFILE;
	for (size_t i = 0; i < p.chmod_paths.n; i++)
		tree_add_mode(a, &t, p.chmod_paths.v[i], p.chmod_mode);
	if (tree_check_more(&t, ret, e) < 0)
		return -(int)e->code;
	*ret = t;
	return 0;
}

int tree_from_hooks(const struct cdi_hook *list, size_t n, struct arena *a, struct tree_edits *ret,
		    struct strs *unknown, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		const char *const only[] = {list[i].path, NULL};
		const char *const *args = list[i].args.n ? list[i].args.v : only;
		struct err why = {0};

		/* At other stages the root is not what these hooks expect. */
		if (str_eq(list[i].stage, "createContainer") &&
		    tree_from_args(args, a, ret, &why) == 0)
			continue;
		if (why.code && why.code != ERR_ABSENT) {
			*e = why;
			return err_wrap(e, "hook '%s'", list[i].path);
		}
		strs_add(unknown, list[i].path);
	}
	return 0;
}

void tree_to_args(const struct tree_edits *t, struct arena *a, struct cdi_texts *args)
{
	const struct {
		const char *name;
		const char *value;
	} texts[] = {
		{"host-driver-version", t->compat_driver},
		{"host-cuda-version", t->compat_cuda},
		{"cuda-compat-container-root", t->compat_root},
	};

	if (tree_is_empty(t))
		return;
	cdi_add_text(a, args, "apply");
	for (size_t i = 0; i < t->links_n; i++) {
		cdi_add_text(a, args, "--link");
		cdi_add_text(a, args, arena_fmt(a, "%s::%s", t->links[i].target, t->links[i].at));
	}
	for (size_t i = 0; i < t->folders.n; i++) {
		cdi_add_text(a, args, "--folder");
		cdi_add_text(a, args, t->folders.v[i]);
	}
	for (size_t i = 0; i < COUNT(texts); i++)
		if (texts[i].value)
			cdi_add_text(a, args,
				     arena_fmt(a, "--%s=%s", texts[i].name, texts[i].value));
	for (size_t i = 0; i < t->modes_n; i++) {
		cdi_add_text(a, args, "--chmod");
		cdi_add_text(a, args, arena_fmt(a, "%o::%s", t->modes[i].mode, t->modes[i].path));
	}
	if (t->params)
		cdi_add_text(a, args, "--params");
	if (t->profile)
		cdi_add_text(a, args, "--profile");
}
