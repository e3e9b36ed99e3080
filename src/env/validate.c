/* SPDX-License-Identifier: Apache-2.0 */
/* Single values: is it what the key means, and if not, what to write instead. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/str.h"
#include "cdi/registry.h"
#include "cdi/request.h"
#include "env/define_keys.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

bool is_made_of(const char *s, const char *set)
{
	return *s && !s[strspn(s, set)];
}

bool is_variable_name(const char *s)
{
	return is_made_of(s, LOWER UPPER DIGITS "_") && !strchr(DIGITS, s[0]);
}

int def_unsat(struct loader *l, const struct doc_node *n, const char *fmt, ...)
{
	char what[sizeof(l->e->msg)];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(what, sizeof(what), tr(fmt), args);
	va_end(args);
	(void)doc_err(l->doc, n, l->e, "%s", what);
	l->e->code = ERR_UNSAT;
	return -ERR_UNSAT;
}

/* Is one of the controlling bytes in it, such as a newline? */
static bool has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return true;
	return false;
}

int env_name_check(const char *name, struct err *e)
{
	enum { NAME_MAX_LEN = 63 };

	if (is_made_of(name, LOWER DIGITS "_.-") && strchr(LOWER DIGITS, name[0]) &&
	    strlen(name) <= NAME_MAX_LEN)
		return 0;
	(void)err_set(e, ERR_CONFIG, "'%s' cannot be a name", name);
	return err_hint(e,
			"names have small letters, digits, '-', '_' and '.', begin with a letter "
			"or digit, and are at most 63 long");
}

int check_name(struct loader *l, const struct def_key *k UNUSED, const struct doc_node *n)
{
	struct err why;

	if (env_name_check(n->text, &why) == 0)
		return 0;
	(void)doc_err(l->doc, n, l->e, "'%s' cannot be a name", n->text);
	(void)snprintf(l->e->hint, sizeof(l->e->hint), "%s", why.hint);
	return -ERR_CONFIG;
}

int take_schema(struct loader *l, const struct def_key *k UNUSED, const struct doc_node *n)
{
	if (n->kind == DOC_NUMBER && str_eq(n->text, "1"))
		return 0;
	(void)doc_err(l->doc, n, l->e, "this schema is not known");
	return err_hint(l->e, "write schema: 1, or use the dlenv that the file was made for");
}

int check_preset(struct loader *l, const struct def_key *k UNUSED, const struct doc_node *n)
{
	struct err why;

	if (preset_find(n->text, &l->def->preset, &why) == 0)
		return 0;
	(void)def_unsat(l, n, "there is no preset '%s'", n->text);
	(void)snprintf(l->e->hint, sizeof(l->e->hint), "%s", why.hint);
	return -ERR_UNSAT;
}

int check_gpu(struct loader *l, const struct def_key *k UNUSED, const struct doc_node *n)
{
	CLEANUP(gpu_request_fini) struct gpu_request q = {0};
	struct err why = {0};

	if (str_eq(n->text, "auto") || gpu_request_parse(n->text, &q, &why) == 0)
		return 0;
	(void)doc_err(l->doc, n, l->e, "'gpu' cannot be '%s'", n->text);
	(void)snprintf(l->e->hint, sizeof(l->e->hint), "%s", why.hint);
	return -ERR_CONFIG;
}

int check_driver_root(struct loader *l, const struct def_key *k, const struct doc_node *n)
{
	if (n->text[0] == '/' && !has_control(n->text))
		return 0;
	return doc_err(l->doc, n, l->e, "'%s' must be an absolute path", k->path);
}

/* What the one suite has. A definition may name less of it: 2.6 or 2 for 2.6.0. */
struct offer {
	const char *key;
	const char *what;
	const char *version;
};

static const struct offer offers[] = {
	{"stack.python", "Python", "3.13.5"},
	{"stack.torch", "PyTorch", "2.6.0"},
	{"stack.cuda", "CUDA", "12.4.1"},
	{"stack.cudnn", "cuDNN", "9.0.0"},
};

int check_stack(struct loader *l, const struct def_key *k, const struct doc_node *n)
{
	const struct offer *o = offers;
	size_t len = strlen(n->text);

	while (!str_eq(o->key, k->path))
		o++;
	if (str_eq(n->text, "auto"))
		return 0;
	if (len && str_starts(o->version, n->text) && (!o->version[len] || o->version[len] == '.'))
		return 0;
	(void)def_unsat(l, n, "%s %s is not in Debian 13, which has %s", o->what, n->text,
			o->version);
	return err_hint(l->e, "write %s: %.*s, or leave it out", k->path + strlen("stack."),
			(int)strcspn(o->version, "."), o->version);
}

/* stack.optional: what it is called, and the package, or NULL: not in Debian 13. */
static const char *const libraries[][2] = {
	{"scikit-image", "python3-skimage"},
	{"xgboost", "python3-xgboost"},
	{"torchaudio", "python3-torchaudio"},
	{"opencv", "python3-opencv"},
	{"h5py", "python3-h5py"},
	{"onnx", "python3-onnx"},
	{"onnxruntime", "python3-onnxruntime"},
	{"polars", NULL},
	{"cupy", NULL},
	{"cudf", NULL},
	{"cuml", NULL},
	{"dali", NULL},
};

const char *optional_package(const char *name)
{
	for (size_t i = 0; i < COUNT(libraries); i++)
		if (str_eq(libraries[i][0], name))
			return libraries[i][1];
	return NULL;
}

/* The values of a list, or the one value that stands for a list. */
static const struct doc_node *items_of(const struct doc_node *n)
{
	return n->kind == DOC_LIST ? n->first : n;
}

int check_devices(struct loader *l, const struct def_key *k UNUSED, const struct doc_node *n)
{
	CLEANUP(arena_fini) struct arena a = {0};

	for (const struct doc_node *i = items_of(n); i; i = i->next) {
		struct cdi_name name;
		struct err why = {0};

		if (cdi_name_parse(&a, i->text, &name, &why) == 0)
			continue;
		(void)doc_err(l->doc, i, l->e, "%s", why.msg);
		return err_hint(l->e, "write a CDI device's name, such as vendor.com/class=name; "
				      "`dlenv cdi list` shows those of this machine");
	}
	return 0;
}

int check_optional(struct loader *l, const struct def_key *k UNUSED, const struct doc_node *n)
{
	CLEANUP(buf_fini) struct buf have = {.max = 160};
	bool known = false;

	for (const struct doc_node *i = items_of(n); i; i = i->next) {
		if (optional_package(i->text))
			continue;
		for (size_t j = 0; j < COUNT(libraries); j++) {
			known |= str_eq(libraries[j][0], i->text);
			if (libraries[j][1])
				buf_fmt(&have, "%s%s", have.len ? ", " : "", libraries[j][0]);
		}
		(void)def_unsat(l, i, "Debian 13 has no package of '%s'", i->text);
		if (known)
			return err_hint(l->e,
					"take it out and run `dlenv exec -- pip install %s`; "
					"packaged are %s",
					i->text, have.data);
		return err_hint(l->e, "packaged are %s", have.data);
	}
	return 0;
}

/*
 * Debian policy 5.6.1 and 5.6.12. "name-" would tell apt to remove a package,
 * "name:arch" and "name/suite" need settings that an image does not have.
 */
static bool is_package(const char *s)
{
	size_t n = strcspn(s, "=");
	CLEANUP(freep) char *name = str_fmt("%.*s", (int)n, s);

	if (n < 2 || !is_made_of(name, LOWER DIGITS "+-.") || !strchr(LOWER DIGITS, s[0]) ||
	    s[n - 1] == '-')
		return false;
	return !s[n] || is_made_of(s + n + 1, LOWER UPPER DIGITS ".+-:~");
}

int check_apt(struct loader *l, const struct def_key *k UNUSED, const struct doc_node *n)
{
	for (const struct doc_node *i = items_of(n); i; i = i->next) {
		if (is_package(i->text))
			continue;
		(void)doc_err(l->doc, i, l->e, "'%s' is not the name of a Debian package", i->text);
		return err_hint(l->e, "write NAME or NAME=VERSION, such as ripgrep");
	}
	return 0;
}

static int out_of_bounds(struct loader *l, const struct def_key *k, const struct doc_node *n)
{
	bool size = k->type == DOC_AS_SIZE;
	CLEANUP(freep) char *min = size ? str_size(k->min) : str_fmt("%ju", (uintmax_t)k->min);

	(void)doc_err(l->doc, n, l->e, "'%s' is out of bounds", k->path);
	if (k->max)
		return err_hint(l->e, "write a number from %s to %ju, or %s", min,
				(uintmax_t)k->max, k->word);
	return err_hint(l->e, "write at least %s, or %s", min, k->word);
}

int take_number(struct loader *l, const struct def_key *k, const struct doc_node *n)
{
	uint64_t *field = (uint64_t *)((char *)l->def + k->offset);
	bool size = k->type == DOC_AS_SIZE;
	bool scalar = n->kind == DOC_NUMBER || (size && n->kind == DOC_STRING);
	struct err ignored;
	uint64_t value;

	if (n->kind == DOC_STRING && str_eq(n->text, k->word)) {
		*field = k->word_value;
		return 0;
	}
	if (!scalar || (size ? parse_size(n->text, &value, &ignored)
			     : parse_uint(n->text, UINT64_MAX, k->path, &value, &ignored)) < 0) {
		(void)doc_err(l->doc, n, l->e, "'%s' cannot be read", k->path);
		if (size)
			return err_hint(l->e, "write a size such as 8G, or %s", k->word);
		return err_hint(l->e, "write a whole number, or %s", k->word);
	}
	if (value < k->min || (k->max && value > k->max))
		return out_of_bounds(l, k, n);
	*field = value;
	return 0;
}

int take_cpus(struct loader *l, const struct def_key *k, const struct doc_node *n)
{
	enum { CPUS_MAX = 65536 };
	double *field = (double *)((char *)l->def + k->offset);
	struct err ignored;
	double value;

	if (n->kind == DOC_STRING && str_eq(n->text, "none")) {
		*field = 0;
		return 0;
	}
	/* The kernel's smallest quota is 1 ms of 100 ms. */
	if (n->kind == DOC_NUMBER && parse_decimal(n->text, k->path, &value, &ignored) == 0 &&
	    value >= 0.01 && value <= CPUS_MAX) {
		*field = value;
		return 0;
	}
	(void)doc_err(l->doc, n, l->e, "'%s' cannot be read", k->path);
	return err_hint(l->e, "write a number of CPUs such as 2 or 1.5, or none");
}

/* Set one variable, over a lower layer's. */
static void set_variable(struct loader *l, const struct doc_node *n)
{
	struct arena *a = &l->def->arena;
	struct doc_pairs *env = &l->def->run.env;
	const char *origin = def_origin(l, n);
	struct doc_pair *grown;
	const char **origins;
	size_t i = 0;

	while (i < env->n && !str_eq(env->items[i].key, n->key))
		i++;
	if (i == env->n) {
		grown = arena_alloc(a, (env->n + 1) * sizeof(*grown));
		origins = arena_alloc(a, (env->n + 1) * sizeof(*origins));
		for (size_t j = 0; j < env->n; j++) {
			grown[j] = env->items[j];
			origins[j] = l->origins[j];
		}
		grown[env->n].key = arena_str(a, n->key);
		env->items = grown;
		l->origins = origins;
		env->n++;
	}
	env->items[i].value = arena_str(a, n->text);
	l->origins[i] = origin;
}

int take_env(struct loader *l, const struct def_key *k, const struct doc_node *n)
{
	enum { VARIABLES_MAX = 1000 };

	if (n->kind != DOC_MAP)
		return doc_err(l->doc, n, l->e, "'%s' must be a map of names and single values",
			       k->path);
	if (n->n + l->def->run.env.n > VARIABLES_MAX)
		return doc_err(l->doc, n, l->e, "more than 1000 variables");
	for (const struct doc_node *v = n->first; v; v = v->next) {
		if (!is_variable_name(v->key)) {
			(void)doc_err_key(l->doc, v, l->e, "'%s' cannot be a variable's name",
					  v->key);
			return err_hint(l->e, "use letters, digits and '_'");
		}
		if (v->kind == DOC_LIST || v->kind == DOC_MAP)
			return doc_err(l->doc, v, l->e,
				       "'%s' must be a map of names and single values", k->path);
		set_variable(l, v);
	}
	return 0;
}

int check_zone(struct loader *l, const struct def_key *k UNUSED, const struct doc_node *n)
{
	const char *s = n->text;

	if (is_made_of(s, LOWER UPPER DIGITS "_+-/") && s[0] != '/' && strlen(s) < 64)
		return 0;
	(void)doc_err(l->doc, n, l->e, "'%s' cannot be a time zone", s);
	return err_hint(l->e, "write host, UTC, or a name such as Asia/Taipei");
}

int check_locale(struct loader *l, const struct def_key *k UNUSED, const struct doc_node *n)
{
	const char *s = n->text;

	if (is_made_of(s, LOWER UPPER DIGITS "_.@-") && strlen(s) < 64)
		return 0;
	(void)doc_err(l->doc, n, l->e, "'%s' cannot be a locale", s);
	return err_hint(l->e, "write host, C.UTF-8, or a name such as zh_TW.UTF-8");
}

const char *host_path(struct loader *l, const struct doc_node *n, const char *path)
{
	struct arena *a = &l->def->arena;

	if (path[0] == '/')
		return arena_str(a, path);
	if (path[0] == '~' && (path[1] == '/' || !path[1]))
		return arena_fmt(a, "%s%s", l->src->home, path + 1);
	if (l->base && path[0] && path[0] != '~')
		return arena_fmt(a, "%s/%s", str_eq(l->base, "/") ? "" : l->base, path);
	(void)doc_err(l->doc, n, l->e, "'%s' must be an absolute path", path);
	(void)err_hint(l->e, "begin it with / or ~/");
	return NULL;
}

/* Every item that is not word becomes an absolute path of a file that can be read. */
static int check_files(struct loader *l, const struct def_key *k, const struct doc_node *n,
		       const char *const *words)
{
	const char **field = *(const char ***)((char *)l->def + k->offset);
	size_t at = 0;

	for (const struct doc_node *i = items_of(n); i; i = i->next, at++) {
		const char *path;
		bool word = false;

		for (const char *const *w = words; *w; w++)
			word |= str_eq(*w, i->text);
		if (word)
			continue;
		path = host_path(l, i, i->text);
		if (!path)
			return -(int)l->e->code;
		if (access(path, R_OK) < 0) {
			(void)doc_err(l->doc, i, l->e, "the file '%s' cannot be read: %s", path,
				      strerror(errno));
			return err_hint(l->e, "create it, or take it out of '%s'", k->path);
		}
		field[at] = path;
	}
	return 0;
}

int check_keys(struct loader *l, const struct def_key *k, const struct doc_node *n)
{
	static const char *const words[] = {"agent", NULL};

	return check_files(l, k, n, words);
}

int check_certificates(struct loader *l, const struct def_key *k, const struct doc_node *n)
{
	static const char *const words[] = {"host", "none", NULL};

	for (const struct doc_node *i = items_of(n); i; i = i->next) {
		if (!str_eq(i->text, "none") || (n->kind != DOC_LIST || n->n == 1))
			continue;
		(void)doc_err(l->doc, i, l->e, "'none' and others exclude each other");
		return err_hint(l->e, "write none alone, or host and files");
	}
	return check_files(l, k, n, words);
}

int check_bind(struct loader *l, const struct def_key *k UNUSED, const struct doc_node *n)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, n->text, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127)
		return 0;
	if (inet_pton(AF_INET6, n->text, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6))
		return 0;
	(void)doc_err(l->doc, n, l->e, "JupyterLab may listen on a loopback address only");
	return err_hint(l->e, "write 127.0.0.1; from another machine, "
			      "`ssh -L 8888:127.0.0.1:8888 HOST` leads to it");
}

int check_proxy(struct loader *l, const struct def_key *k, const struct doc_node *n)
{
	static const char *const schemes[] = {"http://", "https://", "socks5://", "socks5h://"};
	const char *s = n->text;

	if (str_eq(s, "host") || str_eq(s, "none"))
		return 0;
	for (size_t i = 0; i < COUNT(schemes); i++)
		if (str_starts(s, schemes[i]) && s[strlen(schemes[i])] && !has_control(s) &&
		    !strchr(s, ' '))
			return 0;
	(void)doc_err(l->doc, n, l->e, "'%s' must be host, none or an address", k->path);
	return err_hint(l->e, "write an address such as http://proxy.example:3128");
}

int check_no_proxy(struct loader *l, const struct def_key *k, const struct doc_node *n)
{
	if (!has_control(n->text) && !strchr(n->text, ' '))
		return 0;
	(void)doc_err(l->doc, n, l->e, "'%s' cannot be read", k->path);
	return err_hint(l->e, "write names with commas and without spaces");
}

int check_suite(struct loader *l, const struct def_key *k UNUSED, const struct doc_node *n)
{
	if (str_eq(n->text, "trixie"))
		return 0;
	(void)def_unsat(l, n, "images of '%s' cannot be built", n->text);
	return err_hint(l->e, "write trixie (Debian 13), or leave it out");
}

int check_mirror(struct loader *l, const struct def_key *k UNUSED, const struct doc_node *n)
{
	static const char *const schemes[] = {"http://", "https://", "file:///"};
	const char *rest = NULL;

	for (size_t i = 0; i < COUNT(schemes); i++)
		if (str_starts(n->text, schemes[i]))
			rest = n->text + strlen(schemes[i]);
	if (!rest || !*rest || has_control(n->text) || strpbrk(rest, " []")) {
		(void)doc_err(l->doc, n, l->e, "'image.mirror' must be an address");
		return err_hint(l->e, "write one such as https://mirror.example/debian");
	}
	/* The address becomes part of the image, where everybody can read it. */
	if (memchr(rest, '@', strcspn(rest, "/"))) {
		(void)doc_err(l->doc, n, l->e, "'image.mirror' must not hold a password");
		return err_hint(l->e, "put credentials into apt's auth.conf on this machine");
	}
	return 0;
}
