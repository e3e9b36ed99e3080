/* SPDX-License-Identifier: Apache-2.0 */
/*
 * add-key: fetched into the state folder, compared with what is pinned, and only then written to
 * its place and, where it is asked for, given to rpm's database.
 */
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/i18n.h"
#include "net/net.h"
#include "setup/op_parts.h"
#include "setup/script.h"

enum { KEY_MAX = 1 << 20 };

/* The keys in rpm's database: "gpg-pubkey-d651ff2e-5dbbdbc1". */
static int rpm_keys(struct executor *x, struct strs *ret, struct err *e)
{
	static const char *const argv[] = {
		"rpm", "-qa", "--qf", "%{NAME}-%{VERSION}-%{RELEASE}\\n", "gpg-pubkey", NULL};
	CLEANUP(freep) char *text = NULL;
	char *rest;

	if (executor_ask(x, argv, &text, e) < 0)
		return err_wrap(e, "cannot see which keys rpm has");
	rest = text;
	for (char *line; (line = strsep(&rest, "\n"));)
		if (*line)
			strs_add(ret, line);
	return 0;
}

/*
 * Is it this key's? Its version is the end of the fingerprint, eight digits of it or (since rpm 6)
 * all.
 */
static bool rpm_key_is(const char *key, const char *fingerprint)
{
	const char *version = key + strlen("gpg-pubkey-");
	size_t n = str_starts(key, "gpg-pubkey-") ? strcspn(version, "-") : 0;

	return key_id_is(version, n, fingerprint);
}

static bool rpm_has(struct executor *x, const char *file)
{
	CLEANUP(strs_fini) struct strs wanted = {0};
	CLEANUP(strs_fini) struct strs keys = {0};
	struct err ignored = {0};
	size_t found = 0;

	if (key_fingerprints(file, &wanted, &ignored) < 0 || rpm_keys(x, &keys, &ignored) < 0)
		return false;
	for (size_t i = 0; i < wanted.n; i++) {
		size_t k = 0;

		while (k < keys.n && !rpm_key_is(keys.v[k], wanted.v[i]))
			k++;
		found += k < keys.n;
	}
	return wanted.n && found == wanted.n;
}

static char *place_of(const struct op *o, const struct executor *x)
{
	return str_eq(x->root->path, "/") ? str_dup(o->path)
					  : str_fmt("%s/%s", x->root->path, below(o->path));
}

static int key_done(const struct op *o, struct executor *x)
{
	CLEANUP(freep) char *place = place_of(o, x);
	struct key_pin pin;
	struct err ignored = {0};

	if (!root_has(x->root, o->path))
		return 0;
	/* gpg is a program of this machine, and what it says of another one's file is the same. */
	if (executor_pin(x, o->name, &pin, &ignored) < 0 || key_check(place, &pin, &ignored) < 0)
		return x->live ? 0 : -1;
	if (!(o->flags & OP_RPM_KEY))
		return 1;
	return x->live ? rpm_has(x, place) : -1;
}

static int key_before(const struct op *o, struct executor *x, json_t **ret, struct err *e)
{
	CLEANUP(strs_fini) struct strs keys = {0};
	json_t *file = NULL;
	json_t *list = json_array();

	if (op_keep(x, o->path, &file, e) < 0 ||
	    (o->flags & OP_RPM_KEY && rpm_keys(x, &keys, e) < 0)) {
		json_decref(file);
		json_decref(list);
		return -(int)e->code;
	}
	for (size_t i = 0; i < keys.n; i++)
		(void)json_array_append_new(list, json_string(keys.v[i]));
	*ret = json_pack("{s:o, s:o}", "file", file, "rpm", list);
	return 0;
}

static int key_write(const struct op *o, struct executor *x, const char *fetched, struct err *e)
{
	CLEANUP(buf_fini) struct buf bytes = {.max = KEY_MAX};
	CLEANUP(freep) char *text = NULL;
	struct key_pin pin;
	size_t len = 0;

	if (executor_pin(x, o->name, &pin, e) < 0)
		return -(int)e->code;
	if (key_check(fetched, &pin, e) < 0)
		return err_wrap(e, "the key from %s", o->url);
	if (!(o->flags & OP_ARMOR))
		return key_dearmor(fetched, &bytes, e) < 0
			       ? -(int)e->code
			       : op_write(x, o->path, bytes.data, bytes.len, 0644, e);
	return file_read(AT_FDCWD, fetched, KEY_MAX, &text, &len, e) < 0
		       ? -(int)e->code
		       : op_write(x, o->path, text, len, 0644, e);
}

static int key_apply(const struct op *o, struct executor *x, struct err *e)
{
	CLEANUP(freep) char *fetched = str_fmt("%s/key", x->state);
	CLEANUP(freep) char *place = place_of(o, x);
	const struct net_get get = {
		.url = o->url, .path = fetched, .max = KEY_MAX, .log_fd = x->log_fd};
	const char *const import[] = {"rpmkeys", "--import", place, NULL};
	int code;

	if (net_fetch(&get, e) < 0)
		return err_wrap(e, "cannot fetch the key '%s'", o->name);
	code = key_write(o, x, fetched, e);
	(void)unlink(fetched);
	if (code < 0 || !(o->flags & OP_RPM_KEY))
		return code;
	return executor_run(x, import, NULL, e) < 0
		       ? err_wrap(e, "cannot give the key '%s' to rpm", o->name)
		       : 0;
}

static bool list_has(const json_t *list, const char *text)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (str_eq(json_string_value(json_array_get(list, i)), text))
			return true;
	return false;
}

/* The keys that rpm has and had not before. */
static int rpm_added(struct executor *x, const json_t *before, json_t **ret, struct err *e)
{
	const json_t *had = json_object_get(before, "rpm");
	CLEANUP(strs_fini) struct strs keys = {0};
	json_t *list;

	if (rpm_keys(x, &keys, e) < 0)
		return -(int)e->code;
	list = json_array();
	for (size_t i = 0; i < keys.n; i++)
		if (!list_has(had, keys.v[i]))
			(void)json_array_append_new(list, json_string(keys.v[i]));
	*ret = list;
	return 0;
}

static int key_after(const struct op *o, struct executor *x, const json_t *before, json_t **ret,
		     struct err *e)
{
	CLEANUP(freep) char *text = NULL;
	char digest[DIGEST_LEN] = "";
	json_t *added = NULL;
	struct err none = {0};
	size_t len = 0;

	/* What a crash left unfinished may not have come to its place. */
	if (op_read(x, o->path, &text, &len, &none) == 0)
		digest_bytes(text, len, digest);
	else if (none.code != ERR_ABSENT)
		return err_set(e, none.code, "%s", none.msg);
	if (o->flags & OP_RPM_KEY && rpm_added(x, before, &added, e) < 0)
		return -(int)e->code;
	*ret = json_pack("{s:s, s:o}", "digest", digest, "rpm", added ? added : json_array());
	return 0;
}

static int key_undo(const struct op *o, struct executor *x, const json_t *before,
		    const json_t *after, struct err *e)
{
	const char *digest = json_string_value(json_object_get(after, "digest"));
	json_t *added = json_incref(json_object_get(after, "rpm"));
	CLEANUP(strs_fini) struct strs keys = {0};
	int code = 0;

	if (o->flags & OP_RPM_KEY) {
		if (!added && rpm_added(x, before, &added, e) < 0)
			return -(int)e->code;
		code = rpm_keys(x, &keys, e);
	}
	for (size_t i = 0; code == 0 && i < json_array_size(added); i++) {
		const char *key = json_string_value(json_array_get(added, i));
		const char *const erase[] = {"rpm", "-e", key, NULL};

		if (key && str_starts(key, "gpg-pubkey-") && strs_has(&keys, key))
			code = executor_run(x, erase, NULL, e);
	}
	json_decref(added);
	return code < 0 ? code : op_restore(x, o->path, digest, json_object_get(before, "file"), e);
}

static void key_show(const struct op *o, const struct executor *x, struct buf *ret)
{
	const struct key_fact *f = x->facts ? facts_key(x->facts, o->name) : NULL;

	if (f && key_is_whole(f))
		buf_fmt(ret, _("add the key %s (%s) as %s"), o->name, f->fingerprint, o->path);
	else if (f && *f->fingerprint)
		buf_fmt(ret, _("add the key %s (its fingerprint ends in %s) as %s"), o->name,
			f->fingerprint, o->path);
	else
		buf_fmt(ret, _("add the key %s (its fingerprint is not known) as %s"), o->name,
			o->path);
}

/* "KEY_cuda_rhel10": who runs the script says there which fingerprint is trusted. */
static void script_trust(const char *name, struct script *s)
{
	buf_str(&s->text, " \"${KEY_");
	for (const char *p = name; *p; p++)
		buf_add(&s->text, strchr("-.+ ", *p) ? "_" : p, 1);
	buf_str(&s->text, ":?the fingerprint that you trust}\"");
}

static void key_script(const struct op *o, struct script *s)
{
	struct key_pin pin = {0};
	struct err ignored = {0};
	bool known =
		executor_pin(s->x, o->name, &pin, &ignored) == 0 && pin.accepts && pin.accepts[0];
	const char *const how = o->flags & OP_ARMOR ? "as_text" : "as_bytes";

	buf_str(&s->text, "add_key ");
	buf_shell(&s->text, o->url);
	buf_str(&s->text, " ");
	buf_shell(&s->text, o->path);
	buf_fmt(&s->text, " %s", how);
	for (size_t i = 0; known && pin.accepts[i]; i++) {
		buf_str(&s->text, " ");
		buf_shell(&s->text, pin.accepts[i]);
	}
	if (!known)
		script_trust(o->name, s);
	buf_str(&s->text, "\n");
	if (o->flags & OP_RPM_KEY)
		script_line(s, (const char *const[]){"rpmkeys", "--import", o->path, NULL});
}

const struct op_kind op_add_key = {
	.name = "add-key",
	.done = key_done,
	.before = key_before,
	.apply = key_apply,
	.after = key_after,
	.undo = key_undo,
	.show = key_show,
	.script = key_script,
};
